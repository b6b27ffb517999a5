//! The rules of IAM as decision tables: what each operation answers and changes, without a server.

mod account;
mod attachments;
mod binding;
mod credential_report;
mod groups;
mod instance_profiles;
mod managed_policies;
pub(crate) mod mfa;
mod oidc_providers;
mod roles;
mod simulations;
mod users;

use serde_json::{Value, json};
use strongroom_services::iam;
use strongroom_services::refusal::Refusal;

use crate::harness::{ACCOUNT, REGION, Service};

pub(super) const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

pub(super) fn policy(effect: &str, actions: &str, resource: &str) -> Value {
    json!({"Effect": effect, "Action": actions, "Resource": resource})
}

pub(super) fn document(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

impl Service {
    pub(crate) fn iam(&mut self, operation: &str, body: Value) -> Value {
        self.ask_of(iam::OPERATIONS, operation, &body)
            .unwrap_or_else(|refusal| panic!("{operation} {body}: {refusal:?}"))
    }

    pub(super) fn iam_refused(&mut self, operation: &str, body: Value) -> (&'static str, String) {
        let before = self.stored();
        match self.ask_of(iam::OPERATIONS, operation, &body) {
            Ok(answer) => panic!("{operation} {body}: {answer}"),
            Err(refusal) => {
                assert_eq!(
                    self.stored(),
                    before,
                    "{operation} {body} changed something"
                );
                (refusal.code, refusal.message.unwrap_or_default())
            }
        }
    }

    /// Root gives a user these statements as its only policy.
    pub(crate) fn give(&mut self, user: &str, statements: &[Value]) {
        self.be(ACCOUNT, REGION);
        self.iam(
            "PutUserPolicy",
            json!({"UserName": user, "PolicyName": "p", "PolicyDocument": document(statements)}),
        );
    }
}

pub(super) fn denied(result: Result<Value, Refusal>) -> Option<String> {
    match result {
        Err(refusal) if refusal.code == "AccessDeniedException" => refusal.message,
        _ => None,
    }
}
