//! What the server asks of others over HTTP: one request, one answer, within limits of time and size. Redirects are
//! answers like any other and are never followed.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustix::net::sockopt;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use strongroom_keys::SecretBytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Where Debian and most others keep the certificates of public authorities.
const AUTHORITIES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// When a connection on which nothing comes is tried, how often, and how many times in vain until it counts as dead.
const KEEP_ALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEP_ALIVE_PROBES: u32 = 4;

/// Which certificate authorities are trusted.
#[derive(Clone, Copy, Debug)]
pub struct Trust<'a> {
    /// A PEM file with some of one's own.
    pub file: Option<&'a Path>,
    /// Whether the system's are trusted beside those of the file; without a file they always are.
    pub system_too: bool,
    /// The setting that names the file, for whoever has to correct it.
    pub setting: &'static str,
}

impl Trust<'_> {
    /// Reads the certificates.
    ///
    /// # Errors
    /// What to do about it.
    pub fn read(&self) -> Result<Arc<ClientConfig>, String> {
        self.read_with(None)
    }

    /// The same for a server that wants to know who asks, by a certificate of this side's.
    ///
    /// # Errors
    /// What to do about it.
    pub fn read_with(
        &self,
        identity: Option<&ClientIdentity<'_>>,
    ) -> Result<Arc<ClientConfig>, String> {
        let mut files: Vec<PathBuf> = self.file.map(Path::to_owned).into_iter().collect();
        if self.system_too || files.is_empty() {
            let system = AUTHORITIES.map(PathBuf::from).into_iter();
            files.extend(system.into_iter().find(|path| path.exists()));
        }
        if files.is_empty() {
            return Err(format!(
                "this machine has no file of certificate authorities: set {}",
                self.setting
            ));
        }
        let mut roots = RootCertStore::empty();
        for path in files {
            let certificates = CertificateDer::pem_file_iter(&path).map_err(|error| {
                format!(
                    "{} can't be read ({error}): set {}",
                    path.display(),
                    self.setting
                )
            })?;
            roots.add_parsable_certificates(certificates.flatten());
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let config = config.with_root_certificates(roots);
        let config = match identity {
            None => config.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = identity.read()?;
                config.with_client_auth_cert(chain, key).map_err(|error| {
                    format!("{} can't be used: {error}", identity.certificate.display())
                })?
            }
        };
        Ok(Arc::new(config))
    }
}

/// What this side shows of itself.
#[derive(Clone, Copy, Debug)]
pub struct ClientIdentity<'a> {
    /// A PEM file with the certificate chain, own certificate first.
    pub certificate: &'a Path,
    /// A PEM file with its private key.
    pub key: &'a Path,
}

impl ClientIdentity<'_> {
    fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
        let unread = |path: &Path, error: &dyn fmt::Display| {
            format!("{} can't be read ({error})", path.display())
        };
        let chain = CertificateDer::pem_file_iter(self.certificate)
            .and_then(Iterator::collect)
            .map_err(|error| unread(self.certificate, &error))?;
        let key =
            PrivateKeyDer::from_pem_file(self.key).map_err(|error| unread(self.key, &error))?;
        Ok((chain, key))
    }
}

/// Which addresses a name may stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Any: the operator named the server.
    Anywhere,
    /// None that only this machine or its platform answers on, such as loopback and the metadata service of a cloud:
    /// somebody else named the server.
    NotLocal,
}

impl Reach {
    fn allows(self, address: IpAddr) -> bool {
        match (self, address.to_canonical()) {
            (Reach::Anywhere, _) => true,
            (Reach::NotLocal, IpAddr::V4(v4)) => {
                // "This network" is this machine to some systems.
                let this_network = v4.octets()[0] == 0;
                // Azure's and Alibaba's metadata services are at public addresses.
                let metadata = [[168, 63, 129, 16], [100, 100, 100, 200]].contains(&v4.octets());
                !(v4.is_loopback()
                    || v4.is_link_local()
                    || v4.is_multicast()
                    || v4.is_broadcast()
                    || this_network
                    || metadata)
            }
            (Reach::NotLocal, IpAddr::V6(v6)) => {
                // AWS's metadata service.
                let metadata = v6.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254];
                !(v6.is_loopback()
                    || v6.is_unspecified()
                    || v6.is_multicast()
                    || v6.is_unicast_link_local()
                    || metadata)
            }
        }
    }
}

/// Who is asked.
#[derive(Clone, Debug)]
pub struct Server {
    url: String,
    authority: String,
    host: String,
    port: u16,
    tls: bool,
}

impl Server {
    /// The server of a URL, whose path doesn't count.
    ///
    /// # Errors
    /// Why there is none.
    pub fn of(url: &str) -> Result<Self, String> {
        Self::of_scheme(url, &[("https", true, 443), ("http", false, 80)])
    }

    /// The server of a URL with one of these schemes, each with whether it means TLS and with its own port.
    ///
    /// # Errors
    /// Why there is none.
    pub fn of_scheme(url: &str, schemes: &[(&str, bool, u16)]) -> Result<Self, String> {
        let parsed: Uri = url
            .parse()
            .map_err(|error| format!("is no URL ({error})"))?;
        let (Some(host), Some(authority)) = (parsed.host(), parsed.authority()) else {
            return Err("names no host".to_owned());
        };
        let scheme = parsed.scheme_str().unwrap_or_default();
        let Some((_, tls, port)) = schemes.iter().find(|(name, _, _)| *name == scheme) else {
            let names: Vec<String> = schemes
                .iter()
                .map(|(name, _, _)| format!("{name}://"))
                .collect();
            return Err(format!("is neither {}", names.join(" nor ")));
        };
        Ok(Server {
            url: url.to_owned(),
            authority: authority.as_str().to_owned(),
            host: host.trim_matches(['[', ']']).to_owned(),
            port: parsed.port_u16().unwrap_or(*port),
            tls: *tls,
        })
    }

    /// Its URL, as it was given.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What a `Host` header says.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Its name or address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port, which is the scheme's own where the URL names none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is asked over TLS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.tls
    }
}

/// Within which bounds a server is asked.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// From the look-up of its name to the last byte of its answer.
    pub time: Duration,
    /// From the look-up of its name to a connection that can be used.
    pub connect_time: Duration,
    /// Bytes of an answer.
    pub answer_bytes: usize,
    /// Where it may be.
    pub reach: Reach,
}

/// An answer, whatever it says.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, which may hold a secret.
    pub body: SecretBytes,
}

/// Why there is no answer. Its text says what to do.
#[derive(Debug)]
pub enum Unanswered {
    /// It may go away by itself.
    Passing(String),
    /// Someone must do something about it.
    Lasting(String),
}

impl fmt::Display for Unanswered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unanswered::Passing(text) | Unanswered::Lasting(text) => formatter.write_str(text),
        }
    }
}

/// Asks a server once. `tls` is needed for one that is asked over TLS.
///
/// # Errors
/// [`Unanswered`]
pub async fn ask(
    server: &Server,
    request: Request<Full<Bytes>>,
    tls: Option<Arc<ClientConfig>>,
    bounds: Bounds,
) -> Result<Answer, Unanswered> {
    let asked = exchange(server, request, tls, bounds);
    match tokio::time::timeout(bounds.time, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(Unanswered::Passing(format!(
            "{} doesn't answer within {} seconds: check that it runs and can be reached",
            server.url,
            bounds.time.as_secs_f32()
        ))),
    }
}

async fn exchange(
    server: &Server,
    request: Request<Full<Bytes>>,
    tls: Option<Arc<ClientConfig>>,
    bounds: Bounds,
) -> Result<Answer, Unanswered> {
    let opening = open(server, tls, bounds.reach);
    match tokio::time::timeout(bounds.connect_time, opening).await {
        Ok(stream) => converse(server, stream?, request, bounds).await,
        Err(_) => {
            let seconds = bounds.connect_time.as_secs_f32();
            let within = format!("no connection within {seconds} seconds");
            Err(unreachable(server, &within))
        }
    }
}

async fn open(
    server: &Server,
    tls: Option<Arc<ClientConfig>>,
    reach: Reach,
) -> Result<Box<dyn Stream>, Unanswered> {
    let stream = connect(server, reach).await?;
    match server.tls {
        true => Ok(Box::new(secure(server, tls, stream).await?)),
        false => Ok(Box::new(stream)),
    }
}

/// Puts TLS around a connection, and makes sure that it is to the server that is meant.
pub(crate) async fn secure(
    server: &Server,
    tls: Option<Arc<ClientConfig>>,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, Unanswered> {
    let tls = tls.ok_or_else(|| {
        Unanswered::Lasting(format!("{} needs certificate authorities", server.url))
    })?;
    let name = ServerName::try_from(server.host.clone()).map_err(|error| {
        Unanswered::Lasting(format!("{} is no name of a server ({error})", server.host))
    })?;
    let stream = TlsConnector::from(tls).connect(name, stream).await;
    stream.map_err(|error| unreachable(server, &error))
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Connects to the very address that was looked at, so that a name can't mean another one the second time.
pub(crate) async fn connect(server: &Server, reach: Reach) -> Result<TcpStream, Unanswered> {
    let found = tokio::net::lookup_host((server.host.as_str(), server.port)).await;
    let found = found.map_err(|error| unreachable(server, &error))?;
    let (allowed, refused): (Vec<SocketAddr>, Vec<SocketAddr>) =
        found.partition(|address| reach.allows(address.ip()));
    let mut last = None;
    for address in allowed {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                notice_dead_peers(&stream);
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    Err(match (last, refused.first()) {
        (Some(error), _) => unreachable(server, &error),
        (None, Some(address)) => Unanswered::Lasting(format!(
            "{} is at {}, an address that only this machine or its platform answers on, and isn't asked",
            server.url,
            address.ip()
        )),
        (None, None) => unreachable(server, &"its name stands for no address"),
    })
}

/// An answer may take many minutes: a server that died meanwhile is told from one that is at work, and whatever keeps track
/// of connections on the way keeps this one.
fn notice_dead_peers(stream: &TcpStream) {
    // Where the system refuses, the time for an answer still bounds the wait.
    let _ = sockopt::set_socket_keepalive(stream, true);
    let _ = sockopt::set_tcp_keepidle(stream, KEEP_ALIVE_IDLE);
    let _ = sockopt::set_tcp_keepintvl(stream, KEEP_ALIVE_INTERVAL);
    let _ = sockopt::set_tcp_keepcnt(stream, KEEP_ALIVE_PROBES);
}

async fn converse(
    server: &Server,
    stream: Box<dyn Stream>,
    request: Request<Full<Bytes>>,
    bounds: Bounds,
) -> Result<Answer, Unanswered> {
    let broken = |error: &dyn fmt::Display| {
        Unanswered::Passing(format!("{} gives no whole answer ({error})", server.url))
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error))?;
    let connection = AbortOnDrop(tokio::spawn(connection));
    let response = sender.send_request(request).await;
    let (parts, body) = response.map_err(|error| broken(&error))?.into_parts();
    let body = Limited::new(body, bounds.answer_bytes).collect().await;
    drop(connection);
    let body = body.map_err(|error| match error.is::<LengthLimitError>() {
        true => Unanswered::Lasting(format!(
            "{} answers with more than {} bytes, and isn't listened to further",
            server.url, bounds.answer_bytes
        )),
        false => broken(&error),
    })?;
    Ok(Answer {
        status: parts.status,
        headers: parts.headers,
        body: SecretBytes::new(body.to_bytes().to_vec()),
    })
}

/// The connection's task ends with whoever waits for its answer.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn unreachable(server: &Server, error: &dyn fmt::Display) -> Unanswered {
    Unanswered::Passing(format!(
        "{} can't be reached ({error}): check that it runs, and the network",
        server.url
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_operator_lets_this_machine_and_its_platform_be_asked() {
        for (address, allowed) in [
            ("127.0.0.1", false),
            ("127.8.0.1", false),
            ("0.0.0.0", false),
            ("169.254.169.254", false),
            ("169.254.170.2", false),
            ("100.100.100.200", false),
            ("168.63.129.16", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::1", false),
            ("::", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:169.254.169.254", false),
            ("fe80::1", false),
            ("fd00:ec2::254", false),
            ("ff02::1", false),
            // Issuers of a data centre are at private addresses.
            ("10.1.2.3", true),
            ("192.168.1.1", true),
            ("172.16.0.1", true),
            ("fd12:3456::1", true),
            ("198.51.100.7", true),
            ("2001:db8::1", true),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(Reach::NotLocal.allows(address), allowed, "{address}");
            assert!(Reach::Anywhere.allows(address));
        }
    }

    #[test]
    fn a_server_is_named_by_a_url_with_a_host() {
        for (url, host, port, tls) in [
            ("https://id.example.com", "id.example.com", 443, true),
            (
                "https://id.example.com:8443/a/b",
                "id.example.com",
                8443,
                true,
            ),
            ("http://127.0.0.1:80/", "127.0.0.1", 80, false),
            ("https://[::1]:1/", "::1", 1, true),
        ] {
            let server = Server::of(url).unwrap();
            let found = (server.host.as_str(), server.port, server.tls);
            assert_eq!(found, (host, port, tls), "{url}");
        }
        for url in [
            "",
            "/keys.json",
            "id.example.com",
            "ftp://id.example.com",
            "https://",
        ] {
            assert!(Server::of(url).is_err(), "{url}");
        }
    }
}
