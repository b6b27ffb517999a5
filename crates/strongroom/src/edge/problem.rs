//! What the edge refuses by itself, in AWS's words where AWS has some.
//!
//! Codes and statuses: AWS's "Common error types" (`MalformedHttpRequestException`, `RequestTimeoutException`,
//! `RequestEntityTooLargeException`, `ServiceUnavailable`) and the Secrets Manager model (`InternalServiceError`).

use std::time::Duration;

use http::StatusCode;
use strongroom_wire::error_body::ErrorBody;

use super::{Reply, request_ids::new_request_id};

/// Why a request was refused, or given up, without the application's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EdgeProblem {
    /// Not a request that can be understood in one way only; the text says what is wrong with it.
    Malformed(&'static str),
    /// The header section is larger than the limit, or has more lines.
    HeadersTooLarge,
    /// The request target is longer than any that HTTP servers take.
    TargetTooLong,
    /// The body is larger than the limit.
    BodyTooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// The body did not arrive in time.
    BodyTooSlow {
        /// The limit.
        limit: Duration,
    },
    /// The application did not answer in time.
    AnswerTooSlow {
        /// The limit.
        limit: Duration,
    },
    /// All memory for large bodies is in use.
    Overloaded,
    /// The application panicked: a defect. The panic's text is in the log alone.
    Panicked,
}

impl EdgeProblem {
    /// The status, code and message that a client of an awsJson service gets.
    #[must_use]
    pub fn error_body(&self) -> ErrorBody {
        let (status, code, message) = match self {
            Self::Malformed(why) => (
                StatusCode::BAD_REQUEST,
                "MalformedHttpRequestException",
                format!("The HTTP request is malformed: {why}."),
            ),
            Self::HeadersTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "MalformedHttpRequestException",
                "The HTTP request is malformed: its headers are too large or too many.".to_owned(),
            ),
            Self::TargetTooLong => (
                StatusCode::URI_TOO_LONG,
                "MalformedHttpRequestException",
                "The HTTP request is malformed: its request target is too long.".to_owned(),
            ),
            Self::BodyTooLarge { limit_bytes } => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLargeException",
                format!("Request entity too large: a body has at most {limit_bytes} bytes."),
            ),
            Self::BodyTooSlow { limit } => (
                StatusCode::REQUEST_TIMEOUT,
                "RequestTimeoutException",
                format!(
                    "The request body did not arrive within {} seconds.",
                    limit.as_secs_f64()
                ),
            ),
            Self::AnswerTooSlow { limit } => (
                StatusCode::SERVICE_UNAVAILABLE,
                "ServiceUnavailable",
                format!(
                    "The request was given up after {} seconds; a change may or may not have been made.",
                    limit.as_secs_f64()
                ),
            ),
            Self::Overloaded => (
                StatusCode::SERVICE_UNAVAILABLE,
                "ServiceUnavailable",
                "The server is busy with other large requests. Try again.".to_owned(),
            ),
            Self::Panicked => {
                let message = "An internal error occurred. Its cause is in the server's log under this request's id.";
                let body = ErrorBody::modeled("InternalServiceError", message);
                return body.with_status(StatusCode::INTERNAL_SERVER_ERROR);
            }
        };
        ErrorBody::framework(code, Some(message)).with_status(status)
    }

    /// The refusal as awsJson; it ends the connection where what follows on it can't be told apart any more.
    #[must_use]
    pub fn reply(&self) -> Reply {
        // Only the query protocol repeats the id in the body, and no service is known yet.
        let protocol = strongroom_wire::error_body::Protocol::AwsJson;
        let reply = Reply::from(self.error_body().render(protocol, &new_request_id()));
        match self {
            Self::AnswerTooSlow { .. } | Self::Panicked => reply,
            _ => reply.closing(),
        }
    }
}
