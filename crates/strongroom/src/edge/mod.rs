//! The edge: sockets, TLS, HTTP/1.1 and HTTP/2, and every limit that holds before anyone is authenticated.
//!
//! It hands whole, bounded requests to an [`Application`] and writes its replies. It may not know any protocol of
//! AWS's beyond the shape of the refusals that it makes itself, nor accounts, records or rules.

mod connection;
pub mod control;
mod exchange;
mod forwarded;
mod framing;
mod guard;
mod limits;
mod listener;
mod problem;
mod request_ids;
pub mod tls;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
pub use strongroom_wire::request_id::RequestId;

pub use forwarded::{NetworkRange, TrustedProxies};
pub use limits::Limits;
pub use listener::{Edge, EdgeCounters, Running, listen};
pub use problem::EdgeProblem;
pub use request_ids::{fresh_id, new_request_id};

/// What answers requests: the pipeline, or a test's stand-in.
pub trait Application: Send + Sync + 'static {
    /// Answers one whole request.
    ///
    /// The future is dropped half-way where the client goes away (HTTP/2) or the request's time is up; whatever it
    /// has handed to the store by then may still be committed. A panic inside becomes a 500 for this request alone.
    fn answer(&self, received: &Received) -> impl Future<Output = Reply> + Send;

    /// How large the body of a request may be, which has nothing but its head yet and is usually at most `usual` bytes.
    fn body_bytes_max(&self, _parts: &http::request::Parts, usual: usize) -> usize {
        usual
    }

    /// How long the answer to a request may take, for which others have `usual`.
    fn time_to_answer(&self, _received: &Received, usual: Duration) -> Duration {
        usual
    }

    /// Words a refusal that the edge makes itself, before or instead of [`answer`](Self::answer).
    fn refuse(&self, problem: EdgeProblem) -> Reply {
        problem.reply()
    }
}

/// One request, complete and within all limits, not yet authenticated.
#[derive(Debug)]
pub struct Received {
    /// Method, target, version and headers. No header that decides framing, identity or routing occurs twice.
    pub parts: http::request::Parts,
    /// The whole body as received (not decompressed), at most [`Limits::body_bytes`] long, or what
    /// [`Application::body_bytes_max`] says.
    pub body: Bytes,
    /// The client's address: of the connection, or as a configured proxy reports it (then with port 0).
    pub peer: Option<SocketAddr>,
    /// Whether the client's side of the connection is TLS, here or at a configured proxy.
    pub secure: bool,
    /// How the client's side of the connection is encrypted; absent where it isn't, or at a configured proxy.
    pub tls: Option<tls::Negotiated>,
    /// The id that the reply carries as `x-amzn-RequestId`.
    pub request_id: RequestId,
}

/// An answer. The edge adds `x-amzn-RequestId`, `Date` and `Content-Length`.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: StatusCode,
    /// The value of `Content-Type`; empty for none.
    pub content_type: &'static str,
    /// The body, complete.
    pub body: Bytes,
    /// Whether the connection ends after this reply (HTTP/1.1).
    pub close: bool,
    /// Further headers, which few replies have.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

impl Reply {
    /// A reply after which the connection goes on.
    pub fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            content_type,
            body: body.into(),
            close: false,
            headers: Vec::new(),
        }
    }

    /// The same reply as the last one of its connection.
    #[must_use]
    pub fn closing(self) -> Self {
        Self {
            close: true,
            ..self
        }
    }
}

impl From<strongroom_wire::error_body::Rendered> for Reply {
    fn from(rendered: strongroom_wire::error_body::Rendered) -> Self {
        let error_type = rendered.error_type.map(|value| (ERROR_TYPE, value));
        Self {
            headers: error_type.into_iter().collect(),
            ..Self::new(rendered.status, rendered.content_type, rendered.body)
        }
    }
}
