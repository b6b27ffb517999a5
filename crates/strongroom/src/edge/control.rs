//! The control routes of `strongroom dev`, on the API's own listener: reset, and the domain's clock.
//!
//! They are unsigned, so they exist only where this wrapper is put around the application, which `dev` alone does.
//! A web page must not reach them through a developer's browser: whatever has an `Origin` header is refused.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{Method, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use super::{Application, EdgeProblem, Received, Reply};

/// What a server in dev mode can do beyond answering.
pub trait DevServer: Application {
    /// Everything but the accounts' root credentials is gone when this returns. The error's text is for the caller.
    fn reset(&self) -> impl Future<Output = Result<(), String>> + Send;

    /// What the domain's clock shows, in milliseconds since 1970.
    fn clock_milliseconds(&self) -> i64;

    /// Moves the domain's clock forward; work that became due is done when this returns. The error's text is for the
    /// caller.
    fn advance_clock(&self, seconds: u64) -> impl Future<Output = Result<(), String>> + Send;
}

/// An application with the control routes in front of it.
pub struct WithControl<A>(Arc<A>);

impl<A: DevServer> WithControl<A> {
    /// Puts the control routes in front of `server`.
    pub fn new(server: Arc<A>) -> Self {
        Self(server)
    }

    async fn control(&self, received: &Received) -> Reply {
        if received.parts.headers.contains_key(header::ORIGIN) {
            return error(
                StatusCode::FORBIDDEN,
                "a web page may not control this server: the request has an Origin header",
            );
        }
        let path = received.parts.uri.path();
        match (path, &received.parts.method) {
            (RESET, &Method::POST) => match self.0.reset().await {
                Ok(()) => json_reply(StatusCode::OK, &json!({})),
                Err(why) => error(StatusCode::INTERNAL_SERVER_ERROR, &why),
            },
            (CLOCK, &Method::GET) => self.clock(),
            (CLOCK, &Method::POST) => {
                let seconds = match serde_json::from_slice::<Advance>(&received.body) {
                    Ok(Advance { advance_seconds }) if advance_seconds <= ADVANCE_SECONDS_MAX => {
                        advance_seconds
                    }
                    Ok(_) => {
                        return error(
                            StatusCode::BAD_REQUEST,
                            "advance_seconds is at most 3153600000 (100 years)",
                        );
                    }
                    Err(cause) => {
                        let why = format!(
                            "the body must be like {{\"advance_seconds\": 86400}}: {cause}"
                        );
                        return error(StatusCode::BAD_REQUEST, &why);
                    }
                };
                match self.0.advance_clock(seconds).await {
                    Ok(()) => self.clock(),
                    Err(why) => error(StatusCode::INTERNAL_SERVER_ERROR, &why),
                }
            }
            (RESET, _) => error(
                StatusCode::METHOD_NOT_ALLOWED,
                "use POST /_strongroom/reset",
            ),
            (CLOCK, _) => error(
                StatusCode::METHOD_NOT_ALLOWED,
                "use GET or POST /_strongroom/clock",
            ),
            _ => error(
                StatusCode::NOT_FOUND,
                "there is no such control; there are POST /_strongroom/reset, GET /_strongroom/clock and \
                 POST /_strongroom/clock with {\"advance_seconds\": N}",
            ),
        }
    }

    fn clock(&self) -> Reply {
        let milliseconds = self.0.clock_milliseconds();
        let iso = jiff::Timestamp::from_millisecond(milliseconds)
            .map(|now| now.to_string())
            .unwrap_or_default();
        // Three decimals, as in AWS's timestamps.
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds since 1970 stay far below 2^53"
        )]
        let seconds = milliseconds as f64 / 1_000.0;
        json_reply(StatusCode::OK, &json!({ "now": seconds, "now_iso": iso }))
    }
}

impl<A: DevServer> Application for WithControl<A> {
    async fn answer(&self, received: &Received) -> Reply {
        if received.parts.uri.path().starts_with(PREFIX) {
            self.control(received).await
        } else {
            self.0.answer(received).await
        }
    }

    fn body_bytes_max(&self, parts: &Parts, usual: usize) -> usize {
        self.0.body_bytes_max(parts, usual)
    }

    fn time_to_answer(&self, received: &Received, usual: Duration) -> Duration {
        self.0.time_to_answer(received, usual)
    }

    fn refuse(&self, problem: EdgeProblem) -> Reply {
        self.0.refuse(problem)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: u64,
}

fn error(status: StatusCode, why: &str) -> Reply {
    json_reply(status, &json!({ "error": why }))
}

fn json_reply(status: StatusCode, body: &serde_json::Value) -> Reply {
    Reply::new(status, "application/json", format!("{body}\n"))
}

const PREFIX: &str = "/_strongroom/";
const RESET: &str = "/_strongroom/reset";
const CLOCK: &str = "/_strongroom/clock";
const ADVANCE_SECONDS_MAX: u64 = 3_153_600_000;
