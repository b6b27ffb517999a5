//! What operators ask about access: why, and who.

use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use strongroom_services::access::Problem;

use super::server::{refused, told};
use super::{AskedAbout, AskedAccess, AskedDenial, Explained};
use crate::node::Node;

/// Answers a question.
pub(super) async fn answer(path: &str, body: &[u8], node: &Arc<Node>) -> (StatusCode, Vec<u8>) {
    match path {
        "/access/explain" => {
            worked_out(body, node, |asked: AskedAccess, node| {
                let question = asked.about.question().map_err(Problem::Asked)?;
                let explanations = node.explain(&asked.principal, &question)?;
                Ok(Explained { explanations })
            })
            .await
        }
        "/access/who-can" => {
            worked_out(body, node, |asked: AskedAbout, node| {
                let question = asked.question().map_err(Problem::Asked)?;
                node.who_can(&question)
            })
            .await
        }
        "/access/denied" => match read::<AskedDenial>(body) {
            Err(refused) => refused,
            Ok(AskedDenial { request_id }) => match node.denied(&request_id) {
                Some(denied) => told(StatusCode::OK, &denied),
                None => refused(StatusCode::NOT_FOUND, not_kept(&request_id)),
            },
        },
        _ => refused(StatusCode::NOT_FOUND, "there is no such route"),
    }
}

/// Works an answer out where it holds up nobody.
pub(super) async fn worked_out<Asked, Answer>(
    body: &[u8],
    node: &Arc<Node>,
    work: fn(Asked, &Node) -> Result<Answer, Problem>,
) -> (StatusCode, Vec<u8>)
where
    Asked: DeserializeOwned + Send + 'static,
    Answer: Serialize + Send + 'static,
{
    let asked = match read::<Asked>(body) {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    let node = Arc::clone(node);
    match tokio::task::spawn_blocking(move || work(asked, &node)).await {
        Ok(Ok(answer)) => told(StatusCode::OK, &answer),
        Ok(Err(problem @ Problem::Asked(_))) => refused(StatusCode::BAD_REQUEST, problem),
        Ok(Err(problem)) => refused(StatusCode::INTERNAL_SERVER_ERROR, problem),
        Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, error),
    }
}

pub(super) fn read<Asked: DeserializeOwned>(body: &[u8]) -> Result<Asked, (StatusCode, Vec<u8>)> {
    serde_json::from_slice(body).map_err(|error| refused(StatusCode::BAD_REQUEST, error))
}

fn not_kept(request_id: &str) -> String {
    format!(
        "nothing is known of a denied request {request_id}: a node keeps the last of its own denials in memory, until \
         it is restarted. Ask the node that answered the request; or ask why with --principal, --action and --resource"
    )
}
