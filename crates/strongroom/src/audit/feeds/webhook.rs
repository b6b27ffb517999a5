//! Feeds to a web server: events are posted in batches, and a batch is delivered once its answer is a success.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::Full;
use rustls::ClientConfig;
use strongroom_keys::SecretBytes;

use super::{Undelivered, eventbridge};
use crate::audit::source::{About, Event};
use crate::clock::Clock;
use crate::functions::webhook::{SIGNATURE, signature};
use crate::outbound::{self, Bounds, Reach, Server};

/// What is read of an answer, which nobody looks into.
const ANSWER_BYTES_MAX: usize = 65_536;
const FEED: &str = "x-strongroom-feed";
const SEQUENCES: &str = "x-strongroom-sequences";

/// How events stand in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A JSON array.
    Array,
    /// One a line.
    Lines,
    /// One a request.
    Single,
}

/// How a receiver knows whom events come from.
#[derive(Debug, Default)]
pub struct Authorization {
    /// Sent along.
    pub bearer_token: Option<SecretBytes>,
    /// Signs each body, as `strongroom-webhook` does.
    pub signing_key: Option<SecretBytes>,
}

/// Where batches are posted.
#[derive(Debug)]
pub struct WebhookTarget {
    post: Post,
    format: Format,
    /// Whether events go as EventBridge would give them.
    as_eventbridge: bool,
}

/// Where something is posted, and how.
#[derive(Debug)]
pub struct Post {
    server: Server,
    path: String,
    tls: Option<Arc<ClientConfig>>,
    authorization: Authorization,
}

impl WebhookTarget {
    /// The server of an `https://` or `http://` URL.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(
        url: &str,
        format: Format,
        as_eventbridge: bool,
        authorization: Authorization,
        tls: impl FnOnce() -> Result<Arc<ClientConfig>, String>,
    ) -> Result<Self, String> {
        Ok(WebhookTarget {
            post: Post::new(url, authorization, tls)?,
            format,
            as_eventbridge,
        })
    }

    pub(super) fn kind(&self) -> &'static str {
        match self.as_eventbridge {
            true => "eventbridge",
            false => "webhook",
        }
    }

    pub(super) fn takes(&self, about: &About) -> bool {
        match self.as_eventbridge {
            true => eventbridge::takes(about),
            false => !about.is_native(),
        }
    }

    pub(super) async fn deliver(
        &self,
        feed: &str,
        events: &[Event],
        within: Duration,
    ) -> Result<(), Undelivered> {
        let per_request = match self.format {
            Format::Single => 1,
            _ => events.len().max(1),
        };
        // One that fails has those before it sent again, which at least once allows.
        for events in events.chunks(per_request) {
            let bodies: Vec<Vec<u8>> = match self.as_eventbridge {
                true => events.iter().map(eventbridge::envelope).collect(),
                false => events.iter().map(|event| event.json.clone()).collect(),
            };
            let (content_type, body) = match self.format {
                Format::Array => ("application/json", joined(b"[", &bodies, b",", b"]")),
                Format::Lines => ("application/x-ndjson", joined(b"", &bodies, b"\n", b"\n")),
                Format::Single => ("application/json", joined(b"", &bodies, b"", b"")),
            };
            let (Some(first), Some(last)) = (events.first(), events.last()) else {
                continue;
            };
            let sequences = format!("{}-{}", first.sequence, last.sequence);
            let headers = [(FEED, feed), (SEQUENCES, &sequences)];
            self.post.send(content_type, body, &headers, within).await?;
        }
        Ok(())
    }
}

impl Post {
    /// The server of an `https://` or `http://` URL.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(
        url: &str,
        authorization: Authorization,
        tls: impl FnOnce() -> Result<Arc<ClientConfig>, String>,
    ) -> Result<Self, String> {
        let parsed: Uri = url
            .parse()
            .map_err(|error| format!("url is none ({error})"))?;
        let (Some(scheme), Some(authority)) = (parsed.scheme_str(), parsed.authority()) else {
            return Err("url names no host".to_owned());
        };
        if authority.as_str().contains('@') {
            return Err("url holds credentials: give them by token_file or token_env".to_owned());
        }
        // A path may be a secret of the receiver's: it is told nowhere.
        let server = Server::of(&format!("{scheme}://{authority}"))
            .map_err(|why| format!("url {scheme}://{authority} {why}"))?;
        let tls = match server.is_secure() {
            true => Some(tls()?),
            false => None,
        };
        Ok(Post {
            path: parsed
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .to_owned(),
            server,
            tls,
            authorization,
        })
    }

    /// Posts a body, and gives what a success answers.
    pub(crate) async fn send(
        &self,
        content_type: &str,
        body: Vec<u8>,
        headers: &[(&str, &str)],
        within: Duration,
    ) -> Result<outbound::Answer, Undelivered> {
        let failed = |why: String| Undelivered::Failed(why);
        let url = self.server.url();
        let answer = self
            .ask(http::Method::POST, content_type, body, headers, within)
            .await
            .map_err(failed)?;
        match answer.status {
            status if status.is_success() => Ok(answer),
            StatusCode::PAYLOAD_TOO_LARGE => Err(Undelivered::TooLarge(format!(
                "{url} answers 413 to a single event: let it take larger requests"
            ))),
            status if status.is_redirection() => Err(failed(format!(
                "{url} answers {}: redirects aren't followed, so set url to where it leads",
                status.as_u16()
            ))),
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Err(failed(format!(
                "{url} answers {}: check the token or the signing key",
                status.as_u16()
            ))),
            status => Err(failed(format!(
                "{url} answers {}: its own log says why",
                status.as_u16()
            ))),
        }
    }

    /// Asks, and gives whatever is answered.
    pub(crate) async fn ask(
        &self,
        method: http::Method,
        content_type: &str,
        body: Vec<u8>,
        headers: &[(&str, &str)],
        within: Duration,
    ) -> Result<outbound::Answer, String> {
        let mut request = Request::builder()
            .method(method)
            .uri(&self.path)
            .header(header::HOST, self.server.authority())
            .header(header::CONTENT_TYPE, content_type)
            .header(
                header::USER_AGENT,
                concat!("strongroom/", env!("CARGO_PKG_VERSION")),
            );
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.authorization.bearer_token {
            let value = [b"Bearer ", token.expose()].concat();
            let mut value = header::HeaderValue::from_bytes(&value)
                .map_err(|_| "the token can't stand in a header: check its file".to_owned())?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        if let Some(key) = &self.authorization.signing_key {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose());
            let now = Clock::default().real_seconds();
            request = request.header(SIGNATURE, signature(&key, &body, now));
        }
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| error.to_string())?;
        let bounds = Bounds {
            time: within,
            connect_time: within,
            answer_bytes: ANSWER_BYTES_MAX,
            reach: Reach::Anywhere,
        };
        let answer = outbound::ask(&self.server, request, self.tls.clone(), bounds).await;
        answer.map_err(|problem| problem.to_string())
    }

    /// Where it is, without the path.
    pub(crate) fn url(&self) -> &str {
        self.server.url()
    }
}

fn joined(begin: &[u8], bodies: &[Vec<u8>], between: &[u8], end: &[u8]) -> Vec<u8> {
    let mut joined = begin.to_vec();
    joined.extend(bodies.join(between));
    joined.extend_from_slice(end);
    joined
}
