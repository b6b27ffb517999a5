//! Web servers that the built-in function `strongroom-webhook` tells of a rotation's steps. Whoever configures a rotation
//! names the URL, so only hosts that the operator allows are asked.
//!
//! An event is signed so that its receiver knows whom it comes from, and when: `X-Strongroom-Signature: t=SECONDS,v1=HEX`,
//! where HEX is the HMAC-SHA256 of `SECONDS.BODY`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use aws_lc_rs::hmac;
use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::Full;
use strongroom_keys::SecretBytes;
use strongroom_services::rotation::built_in::Post;

use crate::outbound::{self, Bounds, Reach, Server, Trust};

/// How long a server may take for what it does in a step.
const ANSWER_TIME: Duration = Duration::from_secs(5 * 60);
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// A value has 64 KiB at most, and JSON may need six characters for one of it.
const ANSWER_BYTES_MAX: usize = 512 * 1024;
/// The header with the signature of a body.
pub(crate) const SIGNATURE: &str = "x-strongroom-signature";
const HOSTS_SETTING: &str = "functions.webhook_hosts";
const CA_SETTING: &str = "functions.ca_file";

/// Which web servers are asked. The default: none.
#[derive(Debug, Default)]
pub struct Webhooks {
    allowed: Allowed,
    /// A PEM file with authorities that are trusted beside the system's.
    ca_file: Option<PathBuf>,
}

#[derive(Debug)]
enum Allowed {
    /// These, over TLS alone.
    Named(Vec<Host>),
    /// All: a development server's.
    All,
}

impl Default for Allowed {
    fn default() -> Self {
        Allowed::Named(Vec::new())
    }
}

/// A host in lower case, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Host {
    name: String,
    port: u16,
}

impl Webhooks {
    /// The hosts of a list: `HOST` for port 443, or `HOST:PORT`. They are asked over TLS alone.
    ///
    /// # Errors
    /// What is wrong with the list, or with the file of authorities.
    pub fn named(hosts: &[String], ca_file: Option<PathBuf>) -> Result<Self, String> {
        let named: Result<Vec<Host>, String> = hosts.iter().map(|text| Host::parse(text)).collect();
        let webhooks = Webhooks {
            allowed: Allowed::Named(named?),
            ca_file,
        };
        if !hosts.is_empty() {
            webhooks.trust().read()?;
        }
        Ok(webhooks)
    }

    /// Any, this machine among them.
    #[must_use]
    pub fn all(ca_file: Option<PathBuf>) -> Self {
        Webhooks {
            allowed: Allowed::All,
            ca_file,
        }
    }

    /// Posts an event, and waits for what is answered. `now`: seconds since 1970, for the signature.
    ///
    /// # Errors
    /// Why it wasn't posted, or what else than success was answered; holds nothing of the event or the answer.
    pub async fn post(&self, post: &Post, now: i64) -> Result<SecretBytes, String> {
        let url: Uri = post
            .url
            .parse()
            .map_err(|error| format!("the Url of the webhook can't be read ({error})"))?;
        let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority()) else {
            return Err("the Url of the webhook names no host".to_owned());
        };
        // A path may be a secret of the receiver's: it is told nowhere.
        let server = Server::of(&format!("{scheme}://{authority}"))
            .map_err(|why| format!("the Url of the webhook {why}"))?;
        self.allow(&server)?;
        let tls = match server.is_secure() {
            true => Some(self.trust().read()?),
            false => None,
        };
        let bounds = Bounds {
            time: ANSWER_TIME,
            connect_time: CONNECT_TIME,
            answer_bytes: ANSWER_BYTES_MAX,
            reach: match self.allowed {
                Allowed::All => Reach::Anywhere,
                Allowed::Named(_) => Reach::NotLocal,
            },
        };
        let request = request(&url, &server, post, now).map_err(|error| error.to_string())?;
        let answer = outbound::ask(&server, request, tls, bounds).await;
        let answer = answer.map_err(|problem| problem.to_string())?;
        match answer.status {
            status if status.is_success() => Ok(answer.body),
            status if status.is_redirection() => Err(format!(
                "{} answers {}: redirects aren't followed, so give the function the Url that it leads to",
                server.url(),
                told(status)
            )),
            status => Err(format!(
                "{} answers {}: its own log says why",
                server.url(),
                told(status)
            )),
        }
    }

    fn allow(&self, server: &Server) -> Result<(), String> {
        let Allowed::Named(named) = &self.allowed else {
            return Ok(());
        };
        if !server.is_secure() {
            return Err(format!("{} isn't asked: only https:// is", server.url()));
        }
        let asked = Host::of(server);
        match named.contains(&asked) {
            true => Ok(()),
            false => Err(format!(
                "the operator doesn't allow webhooks at {}:{}: it must be in {HOSTS_SETTING} of the server's configuration",
                asked.name, asked.port
            )),
        }
    }

    fn trust(&self) -> Trust<'_> {
        Trust {
            file: self.ca_file.as_deref(),
            system_too: true,
            setting: CA_SETTING,
        }
    }
}

impl Host {
    fn of(server: &Server) -> Self {
        Host {
            name: server.host().to_ascii_lowercase(),
            port: server.port(),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is neither HOST nor HOST:PORT, such as \"hooks.example.com\"");
        if text.contains(['/', '@', '?', '#', '*']) {
            return Err(wrong());
        }
        let server = Server::of(&format!("https://{text}")).map_err(|_| wrong())?;
        let host = Host::of(&server);
        // A port that is no number would be taken for none.
        let behind_address = text.rsplit(']').next().unwrap_or(text);
        match behind_address.split_once(':') {
            Some((_, port)) if port != host.port.to_string() => Err(wrong()),
            _ => Ok(host),
        }
    }
}

fn request(
    url: &Uri,
    server: &Server,
    post: &Post,
    now: i64,
) -> Result<Request<Full<Bytes>>, http::Error> {
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::post(path)
        .header(header::HOST, server.authority())
        .header(header::CONTENT_TYPE, "application/json")
        .header(
            header::USER_AGENT,
            concat!("strongroom/", env!("CARGO_PKG_VERSION")),
        );
    if let Some(key) = &post.signing_key {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose());
        request = request.header(SIGNATURE, signature(&key, post.event.expose(), now));
    }
    request.body(Full::new(Bytes::copy_from_slice(post.event.expose())))
}

/// What a receiver checks a body with. `now`: seconds since 1970.
pub(crate) fn signature(key: &hmac::Key, body: &[u8], now: i64) -> String {
    let mut signing = hmac::Context::with_key(key);
    signing.update(format!("{now}.").as_bytes());
    signing.update(body);
    let mut text = format!("t={now},v1=");
    for byte in signing.sign().as_ref() {
        // Writing to a text can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn told(status: StatusCode) -> String {
    status.as_u16().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_other_implementations() {
        // printf '1700000000.{"step":"testSecret"}' | openssl dgst -sha256 -hmac 0123456789abcdef
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"0123456789abcdef");
        assert_eq!(
            signature(&key, b"{\"step\":\"testSecret\"}", 1_700_000_000),
            "t=1700000000,v1=5a901ed17ffa04205ee88b8f41e77ba6535ba49eca25d1b785555601608d98b8"
        );
    }

    #[test]
    fn hosts_are_named_with_or_without_their_port() {
        for (text, name, port) in [
            ("hooks.example.com", "hooks.example.com", 443),
            ("Hooks.Example.com:8443", "hooks.example.com", 8443),
            ("10.1.2.3", "10.1.2.3", 443),
            ("[fd00::1]:1", "fd00::1", 1),
        ] {
            let host = Host::parse(text).unwrap();
            assert_eq!((host.name.as_str(), host.port), (name, port), "{text}");
        }
        for text in [
            "",
            "https://hooks.example.com",
            "hooks.example.com/path",
            "user@hooks.example.com",
            "*.example.com",
            "hooks.example.com:port",
            "two words",
        ] {
            assert!(Host::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_named_hosts_are_asked_and_over_tls_alone() {
        let hosts = [
            "hooks.example.com".to_owned(),
            "other.example:8443".to_owned(),
        ];
        let webhooks = Webhooks {
            allowed: Allowed::Named(
                hosts
                    .iter()
                    .map(|text| Host::parse(text).unwrap())
                    .collect(),
            ),
            ca_file: None,
        };
        for (url, allowed) in [
            ("https://hooks.example.com", true),
            ("https://HOOKS.example.com:443", true),
            ("https://other.example:8443", true),
            ("https://hooks.example.com:8443", false),
            ("https://other.example", false),
            ("https://a.hooks.example.com", false),
            ("https://hooks.example.com.evil.example", false),
            ("http://hooks.example.com:443", false),
        ] {
            let server = Server::of(url).unwrap();
            assert_eq!(webhooks.allow(&server).is_ok(), allowed, "{url}");
            assert!(Webhooks::default().allow(&server).is_err(), "{url}");
            assert!(Webhooks::all(None).allow(&server).is_ok(), "{url}");
        }
    }
}
