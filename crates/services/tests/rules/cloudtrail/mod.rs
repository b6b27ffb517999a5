//! What CloudTrail says of each call, and the rules of its own operations.

mod every_operation;
mod identities;
pub(crate) mod lookups;
mod on_behalf;
mod public_keys;
mod rotation;
pub(crate) mod secrecy;
mod service_events;
mod shape;
mod trails;

use serde_json::{Value, json};
use strongroom_services::cloudtrail;
use strongroom_services::cloudtrail::buckets::Buckets;
use strongroom_services::iam;

use crate::harness::{ACCOUNT, REGION, Service};

/// The bucket that is there.
pub(super) const BUCKET: &str = "logs";
pub(super) const MAIN: &str = "arn:aws:cloudtrail:us-east-1:123456789012:trail/main";

/// A service with a bucket.
pub(super) fn service() -> Service {
    let mut service = Service::new();
    service.buckets = Buckets::of([BUCKET.to_owned(), "more".to_owned()]);
    service
}

/// A service with the trail `main`.
pub(super) fn with_trail() -> Service {
    let mut service = service();
    service.cloudtrail(
        "CreateTrail",
        json!({"Name": "main", "S3BucketName": BUCKET}),
    );
    service
}

impl Service {
    pub(super) fn cloudtrail(&mut self, operation: &str, body: Value) -> Value {
        self.ask_of(cloudtrail::OPERATIONS, operation, &body)
            .unwrap_or_else(|refusal| panic!("{operation} {body}: {refusal:?}"))
    }

    /// The code and the text of a refusal, which changes nothing.
    pub(super) fn cloudtrail_refused(
        &mut self,
        operation: &str,
        body: Value,
    ) -> (&'static str, String) {
        let before = self.stored();
        let refusal = match self.ask_of(cloudtrail::OPERATIONS, operation, &body) {
            Ok(answer) => panic!("{operation} {body}: {answer}"),
            Err(refusal) => refusal,
        };
        assert!(
            self.stored() == before,
            "{operation} {body} changed something"
        );
        (refusal.code, refusal.message.unwrap_or_default())
    }

    /// From now on, a user who has just these permissions.
    pub(super) fn be_allowed(&mut self, statements: Value) {
        self.be(ACCOUNT, REGION);
        let iam = |service: &mut Service, operation: &str, body: Value| {
            service.ask_of(iam::OPERATIONS, operation, &body)
        };
        if iam(self, "GetUser", json!({"UserName": "u"})).is_err() {
            iam(self, "CreateUser", json!({"UserName": "u"})).unwrap();
            iam(self, "CreateAccessKey", json!({"UserName": "u"})).unwrap();
        }
        let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        let body = json!({"UserName": "u", "PolicyName": "p", "PolicyDocument": policy});
        iam(self, "PutUserPolicy", body).unwrap();
        let keys = iam(self, "ListAccessKeys", json!({"UserName": "u"})).unwrap();
        let id = keys["AccessKeyMetadata"][0]["AccessKeyId"]
            .as_str()
            .unwrap();
        let id = id.to_owned();
        self.be_user(ACCOUNT, "u", &id);
    }
}
