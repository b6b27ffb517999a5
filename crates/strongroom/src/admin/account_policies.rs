//! Service control policies of accounts, as operators put, see and delete them.

use http::StatusCode;
use strongroom_services::accounts::AccountProblem;
use strongroom_services::caller::AccountId;

use super::server::{refused, told};
use super::{AccountPolicies, AccountPolicy};
use crate::node::{AdminError, Node};

/// Answers a request about an account's policies.
pub(super) async fn answer(verb: &str, body: &[u8], node: &Node) -> (StatusCode, Vec<u8>) {
    let AccountPolicy {
        account_id,
        name,
        document,
    } = match serde_json::from_slice(body) {
        Ok(asked) => asked,
        Err(error) => return refused(StatusCode::BAD_REQUEST, error),
    };
    let id = match AccountId::parse(&account_id) {
        Ok(id) => id,
        Err(error) => return refused(StatusCode::BAD_REQUEST, error),
    };
    let done = match (verb, document) {
        ("put", Some(text)) => node.put_service_control(&id, &name, &text).await,
        ("delete", None) => (node.delete_service_control(&id, &name).await).map(|()| false),
        ("list", None) => Ok(false),
        ("show", None) => {
            return match node.service_control_text(&id, &name) {
                Err(error) => failed(&error),
                Ok(text) => told(
                    StatusCode::OK,
                    &AccountPolicy {
                        account_id,
                        name,
                        document: Some(text),
                    },
                ),
            };
        }
        _ => return refused(StatusCode::NOT_FOUND, "there is no such route"),
    };
    let full_access_attached = match done {
        Ok(attached) => attached,
        Err(error) => return failed(&error),
    };
    if verb != "list" {
        tracing::info!(account = %id, policy = name, verb, "an operator changed a service control policy");
    }
    match node.service_control(&id) {
        Err(error) => failed(&error),
        Ok(names) => told(
            StatusCode::OK,
            &AccountPolicies {
                account_id,
                names,
                full_access_attached,
            },
        ),
    }
}

fn failed(error: &AdminError) -> (StatusCode, Vec<u8>) {
    let status = match error {
        AdminError::Account(AccountProblem::Unavailable(_)) | AdminError::Store(_) => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        AdminError::Account(_) => StatusCode::BAD_REQUEST,
    };
    refused(status, error)
}
