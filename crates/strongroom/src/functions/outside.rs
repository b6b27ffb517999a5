//! Servers outside that run functions: any that speaks Lambda's Invoke, AWS Lambda among them.
//!
//! Source: AWS Lambda API Reference, Invoke.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri, header};
use http_body_util::Full;
use rustls::ClientConfig;
use serde::Deserialize;
use serde::de::IgnoredAny;
use strongroom_keys::SecretBytes;
use strongroom_services::lambda::function_arn::{FunctionArn, is_qualifier};

use super::{
    Answer, FunctionError, Invocation, LOG_TAIL_BYTES_MAX, NotInvoked, Outcome, PAYLOAD_BYTES_MAX,
};
use crate::credentials::Credentials;
use crate::outbound::{self, Bounds, Reach, Server, Trust};

/// A function runs for 15 minutes at most; the rest is for its start, and for the way.
///
/// Source: AWS Lambda Developer Guide, Lambda quotas, Function timeout.
const ANSWER_TIME: Duration = Duration::from_secs(16 * 60);
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Characters that are told of a server's own words.
const MESSAGE_CHARACTERS_MAX: usize = 300;
/// Characters of a kind of error.
const KIND_CHARACTERS_MAX: usize = 64;

/// A server that runs functions.
#[derive(Debug)]
pub struct Endpoint {
    address: Address,
    credentials: CredentialSource,
    tls: Option<Arc<ClientConfig>>,
    patience: Patience,
}

/// Where one is.
#[derive(Clone, Debug)]
pub struct Address {
    server: Server,
    /// What stands in its URL before the paths of Lambda.
    prefix: String,
}

/// Whom a server is asked as.
#[derive(Debug)]
pub enum CredentialSource {
    /// These.
    Given(Credentials),
    /// Those of a file, read for each call so that they can be renewed.
    File(PathBuf),
}

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the whole call.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            connect: CONNECT_TIME,
            answer: ANSWER_TIME,
        }
    }
}

impl CredentialSource {
    /// Those of a file, or of the environment as it is now.
    ///
    /// # Errors
    /// There are none, with what to do about it.
    pub fn of(file: Option<&Path>) -> Result<Self, String> {
        let there = Credentials::read(file, CREDENTIALS_SETTING)?;
        Ok(match file {
            Some(path) => CredentialSource::File(path.to_owned()),
            None => CredentialSource::Given(there),
        })
    }
}

impl Address {
    /// Reads the URL of a server, which may have a path that the paths of Lambda come after.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(url: &str) -> Result<Self, String> {
        let server = Server::of(url).map_err(|why| format!("{url:?} {why}"))?;
        if server.authority().contains('@') {
            // The URL is told wherever something goes wrong.
            return Err(
                "the URL of a server of functions holds no credentials: they are set apart from it"
                    .to_owned(),
            );
        }
        let parsed: Uri = url.parse().map_err(|error| format!("{url:?}: {error}"))?;
        if parsed.query().is_some() {
            return Err(format!("{url} has a query, which no path can come after"));
        }
        Ok(Address {
            server,
            prefix: parsed.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl Endpoint {
    /// A server that is asked with these credentials. `ca_file` is a PEM file with the authorities to trust in place of the
    /// system's.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn new(
        address: Address,
        credentials: CredentialSource,
        ca_file: Option<&Path>,
    ) -> Result<Self, String> {
        let trust = Trust {
            file: ca_file,
            system_too: false,
            setting: CA_SETTING,
        };
        let tls = match address.server.is_secure() {
            true => Some(trust.read()?),
            false => None,
        };
        Ok(Endpoint {
            address,
            credentials,
            tls,
            patience: Patience::default(),
        })
    }

    /// The same with another patience.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Endpoint { patience, ..self }
    }

    /// Invokes a function and waits for what it answers. `now`: seconds since 1970, for the signature.
    ///
    /// # Errors
    /// [`NotInvoked`]; after [`NotInvoked::Unreachable`] the function may have run, or may still.
    pub async fn invoke(&self, invocation: &Invocation, now: i64) -> Outcome {
        let request = self
            .request(invocation, now)
            .map_err(|why| NotInvoked::Unfit(format!("{} is not asked: {why}", self.url())))?;
        let bounds = Bounds {
            time: self.patience.answer,
            connect_time: self.patience.connect,
            answer_bytes: PAYLOAD_BYTES_MAX,
            reach: Reach::Anywhere,
        };
        let answer = outbound::ask(&self.address.server, request, self.tls.clone(), bounds).await;
        let answer = answer.map_err(|problem| NotInvoked::Unreachable(problem.to_string()))?;
        self.understood(&invocation.function, answer)
    }

    fn request(&self, invocation: &Invocation, now: i64) -> Result<Request<Full<Bytes>>, String> {
        let function = &invocation.function;
        // All else that an ARN is made of stands in a path as it is.
        let name = function.to_string().replace(':', "%3A").replace('$', "%24");
        let path = format!(
            "{}/2015-03-31/functions/{name}/invocations",
            self.address.prefix
        );
        let body = invocation.payload.expose();
        let request = Request::post(path)
            .header(header::HOST, self.address.server.authority())
            .header(header::CONTENT_TYPE, "application/json")
            .header(
                header::USER_AGENT,
                concat!("strongroom/", env!("CARGO_PKG_VERSION")),
            )
            .header("x-amz-invocation-type", "RequestResponse")
            .header("x-amz-log-type", "Tail")
            .body(())
            .map_err(|error| error.to_string())?;
        let (mut parts, ()) = request.into_parts();
        let kept;
        let credentials = match &self.credentials {
            CredentialSource::Given(given) => given,
            CredentialSource::File(path) => {
                kept = Credentials::read(Some(path), CREDENTIALS_SETTING)?;
                &kept
            }
        };
        let mut signer = credentials.signer(function.region.as_str(), "lambda")?;
        signer
            .sign(&mut parts, body, now)
            .map_err(|error| error.to_string())?;
        Ok(Request::from_parts(
            parts,
            Full::new(Bytes::copy_from_slice(body)),
        ))
    }

    /// What an answer means. Texts repeat nothing of what was sent or of what a function answered, which may be secret.
    fn understood(&self, function: &FunctionArn, answer: outbound::Answer) -> Outcome {
        let (status, url) = (answer.status, self.url());
        if status == StatusCode::OK {
            return self.answered(function, answer);
        }
        let complaint = Complaint::read(&answer);
        let says = match &complaint.kind {
            Some(kind) => format!("{url} answers {} ({kind})", status.as_u16()),
            None => format!("{url} answers {}", status.as_u16()),
        };
        let with_message = || match &complaint.message {
            Some(message) => format!("{says}: {message}"),
            None => says.clone(),
        };
        let is = |kind: &str| complaint.kind.as_deref() == Some(kind);
        let is_not_ready =
            (complaint.kind.as_deref()).is_some_and(|kind| kind.contains("NotReady"));
        Err(match status.as_u16() {
            404 if is("ResourceNotFoundException") => {
                NotInvoked::Missing(format!("{function} at {url}"))
            }
            401 | 403 => NotInvoked::Denied(format!(
                "{}; check the credentials for it, and whether they may lambda:InvokeFunction on {function}",
                with_message()
            )),
            _ if is_not_ready => NotInvoked::Busy(format!("{says}: it may work in a while")),
            409 | 429 => NotInvoked::Busy(format!("{}; it may work in a while", with_message())),
            500..=599 => NotInvoked::Busy(format!(
                "{says}: it may work in a while; if not, see the log of that server and how {function} is set up there"
            )),
            // Its message may repeat what was sent.
            400 | 413 | 415 => NotInvoked::Unfit(format!(
                "{says}: {function} can't be invoked as it is set up there"
            )),
            _ => NotInvoked::Unreachable(format!(
                "{says}, which no endpoint of Lambda does{}: check its URL",
                match status.is_redirection() {
                    true => ", and redirects are not followed",
                    false => "",
                }
            )),
        })
    }

    fn answered(&self, function: &FunctionArn, answer: outbound::Answer) -> Outcome {
        let error = text_of(&answer.headers, "x-amz-function-error").map(|kind| match kind {
            "Handled" => FunctionError::Handled,
            _ => FunctionError::Unhandled,
        });
        let is_json = serde_json::from_slice::<IgnoredAny>(answer.body.expose()).is_ok();
        let payload = match error {
            _ if is_json => answer.body,
            _ if answer.body.is_empty() => SecretBytes::copy_of(b"null"),
            Some(_) => SecretBytes::copy_of(b"{}"),
            None => {
                return Err(NotInvoked::Unreachable(format!(
                    "{} answers with what isn't JSON, which no endpoint of Lambda does: check its URL",
                    self.url()
                )));
            }
        };
        let version = text_of(&answer.headers, "x-amz-executed-version");
        let version = version.filter(|version| is_qualifier(version));
        let version = version.or(function.qualifier.as_deref());
        Ok(Answer {
            payload,
            error,
            log_tail: log_tail(&answer.headers),
            executed_version: version.unwrap_or("$LATEST").to_owned(),
        })
    }

    fn url(&self) -> &str {
        self.address.server.url()
    }
}

/// What a server says is wrong.
struct Complaint {
    kind: Option<String>,
    message: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ComplaintBody {
    #[serde(rename = "__type")]
    kind: Option<String>,
    message: Option<String>,
    #[serde(rename = "Message")]
    capital_message: Option<String>,
}

impl Complaint {
    fn read(answer: &outbound::Answer) -> Self {
        let body: ComplaintBody = serde_json::from_slice(answer.body.expose()).unwrap_or_default();
        let kind = text_of(&answer.headers, "x-amzn-errortype").map(str::to_owned);
        Complaint {
            kind: kind.or(body.kind).as_deref().and_then(kind_of),
            message: body
                .message
                .or(body.capital_message)
                .as_deref()
                .and_then(told),
        }
    }
}

/// The name of a kind of error among what AWS's services put around it, such as
/// `ResourceNotFoundException:http://internal.amazon.com/`.
fn kind_of(text: &str) -> Option<String> {
    let name = text.rsplit('#').next().unwrap_or(text);
    let name = name.split(':').next().unwrap_or(name).trim();
    let is_name = (1..=KIND_CHARACTERS_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then(|| name.to_owned())
}

/// The beginning of a message, on one line.
fn told(message: &str) -> Option<String> {
    let plain = message
        .chars()
        .map(|char| if char.is_control() { ' ' } else { char });
    let told: String = plain.take(MESSAGE_CHARACTERS_MAX).collect();
    let told = told.trim();
    (!told.is_empty()).then(|| told.to_owned())
}

fn log_tail(headers: &HeaderMap) -> SecretBytes {
    let encoded = text_of(headers, "x-amz-log-result").unwrap_or_default();
    let log = SecretBytes::new(BASE64.decode(encoded).unwrap_or_default());
    let from = log.len().saturating_sub(LOG_TAIL_BYTES_MAX);
    match from {
        0 => log,
        _ => SecretBytes::copy_of(&log.expose()[from..]),
    }
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

const CREDENTIALS_SETTING: &str = "functions.credentials_file";
const CA_SETTING: &str = "functions.ca_file";
