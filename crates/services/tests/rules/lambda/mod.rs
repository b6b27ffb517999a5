//! Lambda: the rules of its operations, and of what Secrets Manager may ask of functions.

mod code;
mod functions;
mod permissions;
mod rotation_permission;
mod versions;

use std::io::{Cursor, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use strongroom_services::lambda;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::harness::{ACCOUNT, Service};

pub(super) const ROLE: &str = "arn:aws:iam::123456789012:role/rotate";
pub(super) const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:rotate";
pub(super) const PARAMETER: &str = "InvalidParameterValueException";
pub(super) const NOT_FOUND: &str = "ResourceNotFoundException";
pub(super) const CONFLICT: &str = "ResourceConflictException";
pub(super) const STALE: &str = "PreconditionFailedException";

/// An archive with these files.
pub(super) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// The same in base64.
pub(crate) fn package(source: &str) -> String {
    BASE64.encode(zip(&[("rotate.py", source.as_bytes())]))
}

/// A request to make the function `rotate`.
pub(super) fn request() -> Value {
    json!({
        "FunctionName": "rotate",
        "Runtime": "python3.12",
        "Handler": "rotate.handler",
        "Role": ROLE,
        "Code": {"ZipFile": package("one")}
    })
}

/// The same with other members; null removes one.
pub(super) fn request_with(changes: Value) -> Value {
    let mut request = request();
    for (member, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(request.as_object_mut().unwrap().remove(member)),
            value => request[member] = value.clone(),
        }
    }
    request
}

impl Service {
    pub(super) fn lambda(&mut self, operation: &str, body: Value) -> Value {
        self.ask_of(lambda::OPERATIONS, operation, &body)
            .unwrap_or_else(|refusal| panic!("{operation} {body}: {refusal:?}"))
    }

    pub(super) fn lambda_refused(
        &mut self,
        operation: &str,
        body: Value,
    ) -> (&'static str, String) {
        let before = self.stored();
        match self.ask_of(lambda::OPERATIONS, operation, &body) {
            Ok(answer) => panic!("{operation} {body}: {answer}"),
            Err(refusal) => {
                assert_eq!(self.stored(), before, "{operation} changed something");
                (refusal.code, refusal.message.unwrap_or_default())
            }
        }
    }

    /// Makes a user, and returns the id of its access key.
    pub(super) fn make_user(&mut self, name: &str) -> String {
        self.iam("CreateUser", json!({"UserName": name}));
        let key = self.iam("CreateAccessKey", json!({"UserName": name}));
        key["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned()
    }

    pub(super) fn make_role(&mut self, name: &str, principal: Value) {
        let trust = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        ]});
        let body = json!({"RoleName": name, "AssumeRolePolicyDocument": trust.to_string()});
        self.iam("CreateRole", body);
    }
}

/// A server with a role that functions may have.
pub(super) fn with_role() -> Service {
    let mut service = Service::new();
    service.make_account(ACCOUNT);
    service.make_role("rotate", json!({"Service": "lambda.amazonaws.com"}));
    service
}

/// And with the function `rotate`.
pub(super) fn with_function() -> Service {
    let mut service = with_role();
    service.lambda("CreateFunction", request());
    service
}
