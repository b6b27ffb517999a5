//! Another KMS as a seal: AWS KMS or another Strongroom encrypts the seal's key under one of its keys, and
//! decrypts it at each start. Whoever runs that KMS can keep this server from starting, and sees when it does.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{Request, header};
use http_body_util::Full;
use serde_json::{Value, json};
use strongroom_keys::SecretBytes;
use strongroom_keys::seal::{DeviceProblem, SealDevice};

use super::{lasting, other_seal, passing};
use crate::clock::Clock;
use crate::credentials::Credentials;
use crate::outbound::{self, Answer, Bounds, Reach, Server, Trust, Unanswered};

/// Bound to what is encrypted, so that it decrypts as nothing else.
const CONTEXT: (&str, &str) = ("strongroom", "seal key");
/// The operator names it, so it may be anywhere.
const BOUNDS: Bounds = Bounds {
    time: Duration::from_secs(10),
    connect_time: Duration::from_secs(10),
    answer_bytes: 65_536,
    reach: Reach::Anywhere,
};

/// Where the KMS is, and with which credentials it is asked.
pub struct KmsEndpoint {
    /// The key's id, ARN or alias there.
    pub key_id: String,
    /// Its region.
    pub region: String,
    /// The endpoint's URL; AWS's own of the region where absent.
    pub endpoint: Option<String>,
    /// A PEM file with the authorities to trust, in place of the system's.
    pub authorities: Option<PathBuf>,
    /// Whom it is asked as.
    pub credentials: Credentials,
}

/// A KMS as a seal.
pub struct KmsSeal(Arc<KmsEndpoint>);

impl KmsSeal {
    /// A seal by the key of an endpoint.
    #[must_use]
    pub fn new(endpoint: KmsEndpoint) -> Self {
        KmsSeal(Arc::new(endpoint))
    }

    /// Asks on a thread of its own, since whoever unseals waits anyway and may be inside of a runtime.
    fn ask(&self, operation: &'static str, body: &Value) -> Result<Value, DeviceProblem> {
        let endpoint = Arc::clone(&self.0);
        let body = SecretBytes::new(body.to_string().into_bytes());
        let asking = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let runtime = runtime.map_err(|error| lasting(error.to_string()))?;
            runtime.block_on(endpoint.ask(operation, &body))
        });
        asking
            .join()
            .unwrap_or_else(|_| Err(lasting("asking the KMS failed; see the log")))
    }

    fn context() -> Value {
        json!({ CONTEXT.0: CONTEXT.1 })
    }
}

impl SealDevice for KmsSeal {
    fn kind(&self) -> &'static str {
        "KMS"
    }

    fn name(&self) -> String {
        format!("{} at {}", self.0.key_id, self.0.url())
    }

    fn wrap(&self, key: &SecretBytes) -> Result<Vec<u8>, DeviceProblem> {
        let answer = self.ask(
            "Encrypt",
            &json!({
                "KeyId": self.0.key_id,
                "Plaintext": BASE64.encode(key.expose()),
                "EncryptionContext": Self::context(),
            }),
        )?;
        decoded(&answer, "CiphertextBlob")
    }

    fn unwrap(&self, wrapped: &[u8]) -> Result<SecretBytes, DeviceProblem> {
        let answer = self.ask(
            "Decrypt",
            &json!({
                "KeyId": self.0.key_id,
                "CiphertextBlob": BASE64.encode(wrapped),
                "EncryptionContext": Self::context(),
            }),
        )?;
        decoded(&answer, "Plaintext").map(SecretBytes::new)
    }
}

impl KmsEndpoint {
    fn url(&self) -> String {
        match &self.endpoint {
            Some(url) => url.clone(),
            None => format!("https://kms.{}.amazonaws.com", self.region),
        }
    }

    async fn ask(
        &self,
        operation: &'static str,
        body: &SecretBytes,
    ) -> Result<Value, DeviceProblem> {
        let url = self.url();
        let server =
            Server::of(&url).map_err(|why| lasting(format!("seal.kms_endpoint {url} {why}")))?;
        let request = Request::post("/")
            .header(header::HOST, server.authority())
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", format!("TrentService.{operation}"))
            .body(());
        let request = request.map_err(|error| lasting(error.to_string()))?;
        let (mut parts, ()) = request.into_parts();
        let signer = self.credentials.signer(&self.region, "kms");
        let mut signer = signer.map_err(lasting)?;
        signer
            .sign(&mut parts, body.expose(), Clock::default().real_seconds())
            .map_err(|error| lasting(error.to_string()))?;
        let request = Request::from_parts(parts, Full::new(Bytes::copy_from_slice(body.expose())));
        let tls = match server.is_secure() {
            true => Some(self.trust().read().map_err(lasting)?),
            false => None,
        };
        let answer = outbound::ask(&server, request, tls, BOUNDS).await;
        understood(&url, &answer.map_err(unanswered)?)
    }

    fn trust(&self) -> Trust<'_> {
        Trust {
            file: self.authorities.as_deref(),
            system_too: false,
            setting: "seal.kms_ca_file",
        }
    }
}

fn unanswered(problem: Unanswered) -> DeviceProblem {
    match problem {
        Unanswered::Passing(text) => passing(text),
        Unanswered::Lasting(text) => lasting(text),
    }
}

fn understood(url: &str, answer: &Answer) -> Result<Value, DeviceProblem> {
    let body: Value = serde_json::from_slice(answer.body.expose()).unwrap_or_default();
    if answer.status.is_success() {
        return Ok(body);
    }
    let kind = body["__type"].as_str().unwrap_or("an error");
    let kind = kind.rsplit('#').next().unwrap_or(kind);
    let message = body["message"].as_str().or(body["Message"].as_str());
    let message = message.unwrap_or_default();
    let told = format!("{url} answers {kind}: {message}");
    Err(
        if answer.status.is_server_error() || kind == "ThrottlingException" {
            passing(told)
        } else {
            // It may be the answer for this seal alone, which another key sealed.
            other_seal(format!(
                "{told} (check seal.kms_key_id, the key's state and policy, and the credentials)"
            ))
        },
    )
}

fn decoded(answer: &Value, member: &str) -> Result<Vec<u8>, DeviceProblem> {
    let text = answer[member].as_str().unwrap_or_default();
    match BASE64.decode(text) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(lasting("the KMS gives an answer that can't be understood")),
    }
}

impl fmt::Debug for KmsSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KmsSeal({})", self.name())
    }
}
