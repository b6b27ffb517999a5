//! Another KMS as a seal: AWS KMS or another Strongroom encrypts the seal's key under one of its keys, and
//! decrypts it at each start. Whoever runs that KMS can keep this server from starting, and sees when it does.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use strongroom_keys::SecretBytes;
use strongroom_keys::seal::{DeviceProblem, SealDevice};
use strongroom_wire::sigv4::Signer;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{lasting, other_seal, passing};
use crate::clock::Clock;

/// Bound to what is encrypted, so that it decrypts as nothing else.
const CONTEXT: (&str, &str) = ("strongroom", "seal key");
const ANSWER_TIME: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: usize = 65_536;
/// Where Debian and most others keep the certificates of public authorities.
const AUTHORITIES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

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
    /// The access key's id.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: SecretBytes,
    /// With temporary credentials.
    pub session_token: Option<String>,
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
            runtime.block_on(async {
                let asked = endpoint.ask(operation, &body);
                tokio::time::timeout(ANSWER_TIME, asked).await.unwrap_or_else(|_| {
                    Err(passing(format!(
                        "{} doesn't answer within {} seconds: check that it runs and can be reached",
                        endpoint.url(),
                        ANSWER_TIME.as_secs()
                    )))
                })
            })
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
        let url: Uri = self.url().parse().map_err(|error| {
            lasting(format!(
                "seal.kms_endpoint {} is no URL ({error})",
                self.url()
            ))
        })?;
        let (Some(host), Some(authority)) = (url.host(), url.authority()) else {
            return Err(lasting(format!(
                "seal.kms_endpoint {} names no host",
                self.url()
            )));
        };
        let tls = url.scheme_str() == Some("https");
        let request = Request::post("/")
            .header(header::HOST, authority.as_str())
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", format!("TrentService.{operation}"))
            .body(());
        let request = request.map_err(|error| lasting(error.to_string()))?;
        let (mut parts, ()) = request.into_parts();
        let mut signer = Signer::new(
            self.access_key_id.as_str(),
            SecretBytes::copy_of(self.secret_access_key.expose()),
            self.session_token.clone(),
            &self.region,
            "kms",
        )
        .map_err(|error| lasting(error.to_string()))?;
        signer
            .sign(&mut parts, body.expose(), Clock::default().real_seconds())
            .map_err(|error| lasting(error.to_string()))?;
        let request = Request::from_parts(parts, Full::new(Bytes::copy_from_slice(body.expose())));

        let port = url.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let unreachable = |error: &dyn fmt::Display| {
            passing(format!(
                "{} can't be reached ({error}): check that it runs, and the network",
                self.url()
            ))
        };
        let stream = TcpStream::connect((host, port))
            .await
            .map_err(|error| unreachable(&error))?;
        if !tls {
            return self.exchange(stream, request).await;
        }
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| lasting(format!("{host} is no name of a server ({error})")))?;
        let stream = TlsConnector::from(Arc::new(self.tls()?))
            .connect(name, stream)
            .await
            .map_err(|error| unreachable(&error))?;
        self.exchange(stream, request).await
    }

    async fn exchange<S>(
        &self,
        stream: S,
        request: Request<Full<Bytes>>,
    ) -> Result<Value, DeviceProblem>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let broken = |error: hyper::Error| {
            passing(format!("{} gives no whole answer ({error})", self.url()))
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await;
        connection.abort();
        let body = body
            .map_err(|error| passing(format!("{} gives no whole answer ({error})", self.url())))?;
        let body = SecretBytes::new(body.to_bytes().to_vec());
        let answer: Value = serde_json::from_slice(body.expose()).unwrap_or_default();
        if status.is_success() {
            return Ok(answer);
        }
        let kind = answer["__type"].as_str().unwrap_or("an error");
        let kind = kind.rsplit('#').next().unwrap_or(kind);
        let message = answer["message"].as_str().or(answer["Message"].as_str());
        let message = message.unwrap_or_default();
        let told = format!("{} answers {kind}: {message}", self.url());
        Err(
            if status.is_server_error() || kind == "ThrottlingException" {
                passing(told)
            } else {
                // It may be the answer for this seal alone, which another key sealed.
                other_seal(format!(
                    "{told} (check seal.kms_key_id, the key's state and policy, and the credentials)"
                ))
            },
        )
    }

    fn tls(&self) -> Result<ClientConfig, DeviceProblem> {
        let system = || {
            AUTHORITIES
                .map(PathBuf::from)
                .into_iter()
                .find(|path| path.exists())
        };
        let Some(path) = self.authorities.clone().or_else(system) else {
            return Err(lasting(
                "this machine has no file of certificate authorities: set seal.kms_ca_file",
            ));
        };
        let mut roots = RootCertStore::empty();
        let certificates = CertificateDer::pem_file_iter(&path).map_err(|error| {
            lasting(format!(
                "{} can't be read ({error}): set seal.kms_ca_file",
                path.display()
            ))
        })?;
        roots.add_parsable_certificates(certificates.flatten());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| lasting(error.to_string()))?;
        Ok(config.with_root_certificates(roots).with_no_client_auth())
    }
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
