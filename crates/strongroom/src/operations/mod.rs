//! The operations listener: is the server alive, is it ready, and how is it doing.
//!
//! It has no authentication, so it tells nothing of any record: no account, name or value appears here.

mod metrics;

use std::path::PathBuf;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Method, StatusCode};
use serde_json::json;

pub use metrics::{Metrics, Outcome};

use crate::audit::Followers;
use crate::edge::{Application, EdgeCounters, EdgeProblem, Received, Reply};
use crate::node::Node;

/// What the operations listener answers from.
pub struct OperationsApplication {
    /// The node.
    pub node: Arc<Node>,
    /// The API listener's connections.
    pub connections: Arc<EdgeCounters>,
    /// The data folder, for its size.
    pub data_dir: PathBuf,
}

impl Application for OperationsApplication {
    async fn answer(&self, received: &Received) -> Reply {
        let is_read = matches!(received.parts.method, Method::GET | Method::HEAD);
        let witness = self.node.followers().and_then(Followers::witness);
        if let Some(witness) = witness
            && let Some(log) = received.parts.uri.path().strip_prefix(WITNESS_PATH)
        {
            let authorization = received.parts.headers.get(AUTHORIZATION);
            let authorization = authorization.map(HeaderValue::as_bytes);
            let (status, said) = match (is_read, log.strip_prefix('/')) {
                (true, Some(log)) => witness.give(log),
                (false, None) if log.is_empty() && received.parts.method == Method::POST => {
                    witness.take(authorization, &received.body).await
                }
                _ => {
                    return text(
                        StatusCode::METHOD_NOT_ALLOWED,
                        "POST a head, or GET that of a log\n",
                    );
                }
            };
            return text(status, &format!("{said}\n"));
        }
        match received.parts.uri.path() {
            "/healthz" | "/readyz" | "/metrics" if !is_read => {
                text(StatusCode::METHOD_NOT_ALLOWED, "use GET\n")
            }
            "/healthz" => text(StatusCode::OK, "alive\n"),
            "/readyz" => self.readiness(),
            "/metrics" => match metrics::render(self) {
                Ok(metrics) => Reply::new(StatusCode::OK, METRICS_CONTENT_TYPE, metrics),
                Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error}\n")),
            },
            _ => text(
                StatusCode::NOT_FOUND,
                "there are /healthz, /readyz and /metrics\n",
            ),
        }
    }

    fn refuse(&self, problem: EdgeProblem) -> Reply {
        let reply = problem.reply();
        let message = problem.error_body().message.unwrap_or_default();
        Reply {
            close: reply.close,
            ..text(reply.status, &format!("{message}\n"))
        }
    }
}

impl OperationsApplication {
    /// Ready: unsealed (a server that isn't has not got this far), able to commit and to record.
    fn readiness(&self) -> Reply {
        let health = self.node.health();
        let store = health.store.err().map(|fault| fault.to_string());
        let audit = health.audit.err().map(|fault| fault.to_string());
        let is_ready = store.is_none() && audit.is_none();
        let status = match is_ready {
            true => StatusCode::OK,
            false => StatusCode::SERVICE_UNAVAILABLE,
        };
        let told = |fault: Option<String>| fault.unwrap_or_else(|| "ok".to_owned());
        let body = json!({
            "ready": is_ready, "sealed": false, "store": told(store), "audit": told(audit)
        });
        Reply::new(status, "application/json", format!("{body}\n"))
    }
}

fn text(status: StatusCode, text: &str) -> Reply {
    Reply::new(status, "text/plain; charset=utf-8", text.to_owned())
}

/// Where heads of other logs are taken and given.
const WITNESS_PATH: &str = "/audit/witness";
/// OpenMetrics, which Prometheus prefers.
const METRICS_CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
