//! What operators see of the logs that this server witnesses, and what they say about heads that it refused.

use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::access::read;
use super::server::{refused, told};
use crate::audit::Followers;
use crate::audit::anchors::witness::{Finding, Remedy, Witness, Witnessed};
use crate::node::Node;

/// What a witness knows: the answer of `GET /audit/witness`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct WitnessStatus {
    /// Of each log.
    pub logs: Vec<Witnessed>,
    /// What was refused and isn't dealt with yet, oldest first.
    pub findings: Vec<Finding>,
}

/// Which head to accept, or to dismiss: the question of `POST /audit/witness/accept` and `POST /audit/witness/dismiss`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AskedFinding {
    /// Its finding's id.
    pub finding: String,
}

pub(super) fn status(node: &Node) -> (StatusCode, Vec<u8>) {
    let Some(witness) = witness(node) else {
        return none();
    };
    match witness.witnessed() {
        Ok(logs) => {
            let findings = witness.findings();
            told(StatusCode::OK, &WitnessStatus { logs, findings })
        }
        Err(why) => refused(StatusCode::INTERNAL_SERVER_ERROR, why),
    }
}

pub(super) async fn answer(path: &str, body: &[u8], node: &Node) -> (StatusCode, Vec<u8>) {
    let remedy = match path {
        "/audit/witness/accept" => Remedy::Accept,
        "/audit/witness/dismiss" => Remedy::Dismiss,
        _ => return refused(StatusCode::NOT_FOUND, "there is no such route"),
    };
    let asked: AskedFinding = match read(body) {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    let Some(witness) = witness(node) else {
        return none();
    };
    match witness.settle(&asked.finding, remedy).await {
        Ok(()) => status(node),
        Err(why) => refused(StatusCode::CONFLICT, why),
    }
}

fn witness(node: &Node) -> Option<&Witness> {
    node.followers().and_then(Followers::witness)
}

fn none() -> (StatusCode, Vec<u8>) {
    refused(
        StatusCode::CONFLICT,
        "this server is no witness: it is one where audit.witness_token_file is set",
    )
}
