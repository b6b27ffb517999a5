//! The rules of KMS as decision tables: what each operation answers and changes, without a server.

mod accounts;
mod cryptography;
mod cryptography_access;
mod cryptography_uses;
mod grants;
pub(crate) mod import;
mod key_tags;
mod keys;
mod lists;
mod names;
mod policies;
mod rates;
mod rotation;
mod states;

use serde_json::{Value, json};
use strongroom_services::kms::OPERATIONS;
use strongroom_services::kms::due::KmsDue;
use strongroom_services::refusal::{MessageMember, Refusal};

pub(super) use crate::harness::members;
use crate::harness::{ACCOUNT, OTHER_ACCOUNT, REGION, Service};

/// What [`Kms::outcome`] says where nothing is refused.
pub(super) const OK: &str = "OK";

/// Codes.
pub(super) const DENIED: &str = "AccessDeniedException";
pub(super) const VALIDATION: &str = "ValidationException";
pub(super) const NOT_FOUND: &str = "NotFoundException";
pub(super) const DISABLED: &str = "DisabledException";
pub(super) const LIMIT: &str = "LimitExceededException";
pub(super) const STATE: &str = "KMSInvalidStateException";
pub(super) const UNSUPPORTED: &str = "UnsupportedOperationException";

/// A well-formed id that no key has.
pub(super) const NO_KEY: &str = "00000000-0000-4000-8000-000000000000";

/// KMS in one process, asked by the roots of two accounts; by that of the first one to begin with.
pub(super) struct Kms {
    pub(super) service: Service,
}

impl Kms {
    pub(super) fn new() -> Self {
        Kms {
            service: Service::new(),
        }
    }

    /// With a symmetric key; its ARN.
    pub(super) fn with_key() -> (Self, String) {
        let mut kms = Kms::new();
        let key = kms.key(json!({}));
        (kms, key)
    }

    /// A new key of the caller; its ARN.
    pub(super) fn key(&mut self, body: Value) -> String {
        text(&self.ok("CreateKey", body)["KeyMetadata"]["Arn"])
    }

    /// From now on the root of the first account asks.
    pub(super) fn be_owner(&mut self) {
        self.service.be(ACCOUNT, REGION);
    }

    /// From now on the root of the other account asks.
    pub(super) fn be_other(&mut self) {
        self.service.be(OTHER_ACCOUNT, REGION);
    }

    /// Gives a key of the first account a policy.
    pub(super) fn put_policy(&mut self, key: &str, statements: Value) {
        self.be_owner();
        let body = json!({"KeyId": key, "Policy": policy(statements)});
        self.ok("PutKeyPolicy", body);
    }

    /// # Errors
    /// The refusal.
    pub(super) fn ask(&mut self, operation: &str, body: &Value) -> Result<Value, Refusal> {
        self.service.ask_of(OPERATIONS, operation, body)
    }

    pub(super) fn ok(&mut self, operation: &str, body: Value) -> Value {
        self.ask(operation, &body)
            .unwrap_or_else(|refusal| panic!("{operation} {body}: {refusal:?}"))
    }

    /// The code and the text of a refusal. A refused request changes nothing, which is checked.
    pub(super) fn refused(&mut self, operation: &str, body: Value) -> (&'static str, String) {
        let before = self.service.stored();
        let refusal = match self.ask(operation, &body) {
            Ok(answer) => panic!("{operation} {body}: {answer}"),
            Err(refusal) => refusal,
        };
        assert!(
            self.service.stored() == before,
            "{operation} {body} changed something"
        );
        // Access denied comes from IAM's side of AWS; all else of KMS has a lower-case member.
        let is_own = refusal.code != DENIED;
        assert_eq!(
            refusal.member == MessageMember::LowerCase,
            is_own,
            "{}",
            refusal.code
        );
        (refusal.code, refusal.message.unwrap_or_default())
    }

    pub(super) fn code(&mut self, operation: &str, body: Value) -> &'static str {
        self.refused(operation, body).0
    }

    /// The code of a refusal, or `OK`.
    pub(super) fn outcome(&mut self, operation: &str, body: &Value) -> &'static str {
        match self.ask(operation, body) {
            Ok(_) => OK,
            Err(refusal) => refusal.code,
        }
    }

    pub(super) fn describe(&mut self, key: &str) -> Value {
        self.ok("DescribeKey", json!({"KeyId": key}))["KeyMetadata"].clone()
    }

    pub(super) fn state(&mut self, key: &str) -> String {
        text(&self.describe(key)["KeyState"])
    }

    /// Carries out all that is due with keys.
    pub(super) fn carry_out_due(&mut self) {
        self.service.carry_out_due::<KmsDue>();
    }
}

/// A policy of these statements, or of this one.
pub(super) fn policy(statements: Value) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

/// The ARN of an account's root.
pub(super) fn root(account: &str) -> String {
    format!("arn:aws:iam::{account}:root")
}

/// A statement that allows an account actions on the key.
pub(super) fn allow(account: &str, actions: Value) -> Value {
    let principal = json!({"AWS": root(account)});
    json!({"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": "*"})
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The id at the end of a key's ARN.
pub(super) fn id(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap()
}
