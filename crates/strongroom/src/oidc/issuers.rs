//! Where identity providers' keys come from, and how long they are kept.
//!
//! A provider's keys are fetched when a token of it comes and they aren't fresh; a token by a key that isn't among them has
//! them fetched again, since providers change their keys, but a flood of such tokens doesn't. While a provider doesn't
//! answer, the keys that it gave last are used for a while.
//!
//! Source: OpenID Connect Discovery 1.0.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, HOST, USER_AGENT};
use http::{HeaderMap, Request, Uri};
use http_body_util::Full;
use serde::Deserialize;
use strongroom_services::sts::web_identity::Distrust;

use super::keys::KeySet;
use super::token::Token;
use crate::outbound::{self, Bounds, Reach, Server, Trust};

/// How long a provider may take for one answer.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// Bytes of one answer.
const ANSWER_BYTES_MAX: u64 = 262_144;
/// How long keys are fresh where the provider doesn't say (`Cache-Control: max-age`), and between which bounds it may. A key
/// that a provider withdrew is taken for that long at most, while the provider answers.
const FRESH: Duration = Duration::from_secs(15 * 60);
const FRESH_MIN: Duration = Duration::from_secs(60);
const FRESH_MAX: Duration = Duration::from_secs(60 * 60);
/// How long keys are used while the provider doesn't answer, since they were fetched.
const STALE_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a provider is left alone after it was asked, whatever tokens come.
const PAUSE: Duration = Duration::from_secs(5);
/// The same where it didn't answer and its earlier keys are used, so that few requests wait for it.
const PAUSE_WHILE_DOWN: Duration = Duration::from_secs(30);
/// Providers whose keys are kept.
const ISSUERS_MAX: usize = 1000;

/// What the operator says about providers.
#[derive(Clone, Debug, Default)]
pub struct IssuerSettings {
    /// A PEM file with authorities that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// The keys of providers that aren't asked themselves, by their issuer's URL.
    pub key_sources: Vec<(String, KeySource)>,
    /// Providers that may be at addresses that only this machine or its platform answers on, by their issuer's URL.
    pub local: Vec<String>,
    /// Whether all may be: for development.
    pub all_local: bool,
}

/// Where a provider's keys are, if it isn't asked itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A file with a JSON Web Key Set.
    File(PathBuf),
    /// A URL that answers with one.
    Url(String),
}

impl KeySource {
    /// Reads a setting: `ISSUER=FILE` or `ISSUER=URL`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<(String, Self), String> {
        let wrong = || {
            format!(
                "{text:?} is no source of keys: give ISSUER=FILE or ISSUER=URL, such as \
                 https://kubernetes.default.svc.cluster.local=/etc/strongroom/cluster-keys.json"
            )
        };
        let (issuer, source) = text.split_once('=').ok_or_else(wrong)?;
        if !issuer.starts_with("https://") || source.is_empty() {
            return Err(wrong());
        }
        let is_url = ["https://", "http://"]
            .iter()
            .any(|start| source.starts_with(start));
        let source = match is_url {
            true => {
                Server::of(source).map_err(|why| format!("{source} {why}"))?;
                KeySource::Url(source.to_owned())
            }
            false => KeySource::File(PathBuf::from(source)),
        };
        Ok((issuer.to_owned(), source))
    }
}

impl IssuerSettings {
    /// Whether what they name is there, so that a mistake is told at the start.
    ///
    /// # Errors
    /// What to correct.
    pub fn check(&self) -> Result<(), String> {
        match &self.ca_file {
            Some(_) => self.trust().read().map(drop),
            None => Ok(()),
        }
    }

    fn trust(&self) -> Trust<'_> {
        Trust {
            file: self.ca_file.as_deref(),
            system_too: true,
            setting: "oidc.ca_file",
        }
    }
}

/// The providers whose tokens were seen.
#[derive(Default)]
pub struct Issuers {
    settings: IssuerSettings,
    known: Mutex<HashMap<String, Arc<Issuer>>>,
}

/// One provider.
#[derive(Default)]
struct Issuer {
    kept: RwLock<Option<Kept>>,
    /// From when on it may be asked again. Whoever asks holds it, so that it is asked once.
    asks: tokio::sync::Mutex<Option<Instant>>,
}

#[derive(Clone)]
struct Kept {
    keys: Arc<KeySet>,
    fetched: Instant,
    fresh_for: Duration,
}

/// What a provider gave.
struct Fetched {
    keys: KeySet,
    fresh_for: Duration,
}

impl Issuers {
    /// None were seen yet.
    #[must_use]
    pub fn new(settings: IssuerSettings) -> Self {
        Issuers {
            settings,
            known: Mutex::default(),
        }
    }

    /// Whether an issuer signed a token.
    ///
    /// # Errors
    /// [`Distrust`]
    pub async fn check(
        &self,
        issuer: &str,
        token: &Token<'_>,
        now: Instant,
    ) -> Result<(), Distrust> {
        let known = self.known(issuer);
        // Who has a known key waits for nobody.
        if let Some(kept) = known.fresh(token, now) {
            return kept.keys.check(token);
        }
        let mut not_before = known.asks.lock().await;
        if let Some(kept) = known.fresh(token, now) {
            return kept.keys.check(token);
        }
        if not_before.is_none_or(|at| now >= at) {
            let began = Instant::now();
            let fetched = self.fetch(issuer).await;
            let ended = now + began.elapsed();
            let mut pause = PAUSE;
            match fetched {
                Ok(fetched) => known.keep(Kept {
                    keys: Arc::new(fetched.keys),
                    fetched: now,
                    fresh_for: fetched.fresh_for,
                }),
                Err(why) => {
                    tracing::warn!(issuer, %why, "an identity provider's keys can't be had");
                    if known.usable(now).is_some() {
                        pause = PAUSE_WHILE_DOWN;
                    }
                }
            }
            *not_before = Some(ended + pause);
        }
        match known.usable(now) {
            Some(kept) => kept.keys.check(token),
            None => Err(Distrust::Unreachable),
        }
    }

    fn known(&self, issuer: &str) -> Arc<Issuer> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ISSUERS_MAX && !known.contains_key(issuer) {
            // Only issuers of providers that accounts keep come here.
            known.clear();
        }
        Arc::clone(known.entry(issuer.to_owned()).or_default())
    }

    async fn fetch(&self, issuer: &str) -> Result<Fetched, String> {
        let mut sources = self.settings.key_sources.iter();
        match sources
            .find(|(of, _)| of == issuer)
            .map(|(_, source)| source)
        {
            Some(KeySource::File(path)) => read_file(path.clone()).await,
            Some(KeySource::Url(url)) => self.keys_at(url, Reach::Anywhere).await,
            None => {
                let is_local =
                    self.settings.all_local || self.settings.local.iter().any(|of| of == issuer);
                let reach = match is_local {
                    true => Reach::Anywhere,
                    false => Reach::NotLocal,
                };
                self.discover(issuer, reach).await
            }
        }
    }

    /// Asks the issuer itself where its keys are.
    async fn discover(&self, issuer: &str, reach: Reach) -> Result<Fetched, String> {
        #[derive(Deserialize)]
        struct Discovery {
            issuer: String,
            jwks_uri: String,
        }
        let url = format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        );
        let (_, body) = self.get(&url, reach).await?;
        let found: Discovery = serde_json::from_slice(&body)
            .map_err(|error| format!("{url} is no OpenID Connect configuration ({error})"))?;
        if found.issuer != issuer {
            return Err(format!(
                "{url} is the configuration of another issuer, {}",
                found.issuer
            ));
        }
        if !found.jwks_uri.starts_with("https://") {
            return Err(format!("{url} has keys at no https:// URL"));
        }
        self.keys_at(&found.jwks_uri, reach).await
    }

    async fn keys_at(&self, url: &str, reach: Reach) -> Result<Fetched, String> {
        let (headers, body) = self.get(url, reach).await?;
        Ok(Fetched {
            keys: KeySet::read(&body).map_err(|why| format!("{url} {why}"))?,
            fresh_for: fresh_for(&headers),
        })
    }

    async fn get(&self, url: &str, reach: Reach) -> Result<(HeaderMap, Vec<u8>), String> {
        let server = Server::of(url).map_err(|why| format!("{url} {why}"))?;
        let target: Uri = url.parse().map_err(|error| format!("{url}: {error}"))?;
        let path = target.path_and_query().map_or("/", |it| it.as_str());
        let request = Request::get(path)
            .header(HOST, server.authority())
            .header(ACCEPT, "application/json")
            .header(
                USER_AGENT,
                concat!("strongroom/", env!("CARGO_PKG_VERSION")),
            )
            .body(Full::<Bytes>::default())
            .map_err(|error| format!("{url}: {error}"))?;
        let tls = match server.is_secure() {
            true => Some(self.settings.trust().read()?),
            false => None,
        };
        let bounds = Bounds {
            time: ANSWER_TIME,
            connect_time: ANSWER_TIME,
            answer_bytes: usize::try_from(ANSWER_BYTES_MAX).unwrap_or(usize::MAX),
            reach,
        };
        let answer = outbound::ask(&server, request, tls, bounds).await;
        let answer = answer.map_err(|problem| problem.to_string())?;
        if !answer.status.is_success() {
            return Err(format!(
                "{url} answers with status {}{}",
                answer.status.as_u16(),
                match answer.status.is_redirection() {
                    true => "; redirects are not followed",
                    false => "",
                }
            ));
        }
        Ok((answer.headers, answer.body.expose().to_vec()))
    }
}

impl Issuer {
    /// Its keys, where they are fresh and one of them may have signed a token.
    fn fresh(&self, token: &Token<'_>, now: Instant) -> Option<Kept> {
        self.usable(now)
            .filter(|kept| now.saturating_duration_since(kept.fetched) < kept.fresh_for)
            .filter(|kept| kept.keys.may_have_signed(token))
    }

    /// Its keys, unless they are too old.
    fn usable(&self, now: Instant) -> Option<Kept> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let is_usable = |kept: &Kept| now.saturating_duration_since(kept.fetched) < STALE_MAX;
        kept.clone().filter(is_usable)
    }

    fn keep(&self, keys: Kept) {
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(keys);
    }
}

/// A file is read again as often as a provider is asked at least, so that new keys count soon.
async fn read_file(path: PathBuf) -> Result<Fetched, String> {
    let shown = path.display().to_string();
    let read = tokio::task::spawn_blocking(move || read_bounded(&path)).await;
    let body = read
        .map_err(|error| error.to_string())?
        .map_err(|error| format!("{shown} can't be read ({error}): correct oidc.key_sources"))?;
    Ok(Fetched {
        keys: KeySet::read(&body).map_err(|why| format!("{shown} {why}"))?,
        fresh_for: FRESH_MIN,
    })
}

fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut body = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(ANSWER_BYTES_MAX).read_to_end(&mut body)?;
    Ok(body)
}

/// Source: HTTP Caching (RFC 9111) 5.2.2.
fn fresh_for(headers: &HeaderMap) -> Duration {
    let directives = headers.get_all(CACHE_CONTROL).iter();
    let mut directives = directives
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let seconds = directives.find_map(|directive| {
        let (name, value) = directive.trim().split_once('=')?;
        let is_age = name.eq_ignore_ascii_case("max-age");
        value.trim_matches('"').parse().ok().filter(|_| is_age)
    });
    seconds.map_or(FRESH, |seconds| {
        Duration::from_secs(seconds).clamp(FRESH_MIN, FRESH_MAX)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64_URL;
    use serde_json::json;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    const ISSUER: &str = "https://id.example.com";

    /// A provider's server, which answers every request alike until it is told otherwise.
    struct Provider {
        url: String,
        answer: Arc<Mutex<Answering>>,
        asked: Arc<AtomicUsize>,
    }

    #[derive(Clone)]
    enum Answering {
        With(String),
        Never,
    }

    impl Provider {
        async fn start(answer: Answering) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/keys", listener.local_addr().unwrap());
            let provider = Provider {
                url,
                answer: Arc::new(Mutex::new(answer)),
                asked: Arc::default(),
            };
            let (answer, asked) = (Arc::clone(&provider.answer), Arc::clone(&provider.asked));
            tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    asked.fetch_add(1, Ordering::SeqCst);
                    let answer = answer.lock().unwrap().clone();
                    tokio::spawn(async move {
                        let mut request = [0; 4096];
                        let _ = stream.read(&mut request).await;
                        match answer {
                            Answering::With(text) => drop(stream.write_all(text.as_bytes()).await),
                            Answering::Never => tokio::time::sleep(Duration::from_secs(60)).await,
                        }
                    });
                }
            });
            provider
        }

        fn answers(&self, answer: Answering) {
            *self.answer.lock().unwrap() = answer;
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }

        fn issuers(&self) -> Issuers {
            let source = KeySource::parse(&format!("{ISSUER}={}", self.url)).unwrap();
            Issuers::new(IssuerSettings {
                key_sources: vec![source],
                ..IssuerSettings::default()
            })
        }
    }

    struct Signer(EcdsaKeyPair, &'static str);

    impl Signer {
        fn new(id: &'static str) -> Self {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
            Signer(pair, id)
        }

        fn published(&self) -> String {
            let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
            let (x, y) = (BASE64_URL.encode(x), BASE64_URL.encode(y));
            json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": self.1, "x": x, "y": y}]})
                .to_string()
        }

        fn token(&self) -> String {
            let header = json!({"alg": "ES256", "kid": self.1}).to_string();
            let signed = format!("{}.{}", BASE64_URL.encode(header), BASE64_URL.encode("{}"));
            let made = self.0.sign(&SystemRandom::new(), signed.as_bytes());
            format!("{signed}.{}", BASE64_URL.encode(made.unwrap().as_ref()))
        }
    }

    fn ok(headers: &str, body: &str) -> Answering {
        Answering::With(format!(
            "HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    async fn check(issuers: &Issuers, signer: &Signer, now: Instant) -> Result<(), Distrust> {
        let token = signer.token();
        let token = Token::read(token.as_bytes()).unwrap();
        issuers.check(ISSUER, &token, now).await
    }

    #[tokio::test]
    async fn keys_are_fetched_once_while_fresh_and_again_for_a_new_one_but_not_for_each() {
        let (old, new) = (Signer::new("old"), Signer::new("new"));
        let provider = Provider::start(ok("", &old.published())).await;
        let issuers = provider.issuers();
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        for second in 0..3 {
            assert_eq!(check(&issuers, &old, at(second)).await, Ok(()));
        }
        assert_eq!(provider.asked(), 1);
        // The provider changes its keys.
        provider.answers(ok("", &new.published()));
        assert_eq!(
            check(&issuers, &new, at(4)).await,
            Err(Distrust::UnknownKey)
        );
        assert_eq!(provider.asked(), 1, "too soon");
        assert_eq!(check(&issuers, &new, at(10)).await, Ok(()));
        assert_eq!(
            check(&issuers, &old, at(11)).await,
            Err(Distrust::UnknownKey)
        );
        assert_eq!(provider.asked(), 2);
        // A forged token of a known key fetches nothing.
        assert_eq!(
            check(&issuers, &Signer::new("new"), at(30)).await,
            Err(Distrust::Forged)
        );
        assert_eq!(provider.asked(), 2);
        // Nor do many of unknown ones.
        for _ in 0..20 {
            let unknown = check(&issuers, &Signer::new("other"), at(40)).await;
            assert_eq!(unknown, Err(Distrust::UnknownKey));
        }
        assert_eq!(provider.asked(), 3);
    }

    #[tokio::test]
    async fn keys_are_fresh_as_long_as_the_provider_says_within_bounds() {
        for (headers, fresh) in [
            ("", 15 * 60),
            ("Cache-Control: public, max-age=600\r\n", 600),
            ("Cache-Control: max-age=1\r\n", 60),
            ("Cache-Control: no-store\r\n", 15 * 60),
            ("Cache-Control: max-age=31536000\r\n", 60 * 60),
        ] {
            let signer = Signer::new("a");
            let provider = Provider::start(ok(headers, &signer.published())).await;
            let issuers = provider.issuers();
            let start = Instant::now();
            for (seconds, asked) in [(0, 1), (fresh - 1, 1), (fresh, 2)] {
                let now = start + Duration::from_secs(seconds);
                assert_eq!(check(&issuers, &signer, now).await, Ok(()));
                assert_eq!(provider.asked(), asked, "{headers} {seconds}");
            }
        }
    }

    #[tokio::test]
    async fn keys_outlast_a_provider_that_does_not_answer_for_a_day() {
        let signer = Signer::new("a");
        let provider = Provider::start(ok("", &signer.published())).await;
        let issuers = provider.issuers();
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        assert_eq!(check(&issuers, &signer, at(0)).await, Ok(()));
        let down = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
        provider.answers(Answering::With(down.to_owned()));
        for (seconds, expected, asked) in [
            (3600, Ok(()), 2),
            // It is left alone for a while.
            (3610, Ok(()), 2),
            (3640, Ok(()), 3),
            (86_399, Ok(()), 4),
            (86_500, Err(Distrust::Unreachable), 5),
        ] {
            assert_eq!(
                check(&issuers, &signer, at(seconds)).await,
                expected,
                "{seconds}"
            );
            assert_eq!(provider.asked(), asked, "{seconds}");
        }
        provider.answers(ok("", &signer.published()));
        assert_eq!(check(&issuers, &signer, at(86_600)).await, Ok(()));
    }

    #[tokio::test]
    async fn what_is_no_answer_is_refused_and_a_redirect_is_not_followed() {
        let signer = Signer::new("a");
        let elsewhere = Provider::start(ok("", &signer.published())).await;
        let redirect = format!(
            "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
            elsewhere.url
        );
        let padded = format!("{}{}", signer.published(), " ".repeat(300_000));
        for answer in [
            Answering::With(redirect),
            ok("", &padded),
            ok("", "<html>"),
            ok("", "{\"keys\": []}"),
            Answering::With("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned()),
            Answering::With("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{".to_owned()),
            Answering::With("not HTTP".to_owned()),
        ] {
            let provider = Provider::start(answer).await;
            let issuers = provider.issuers();
            let result = check(&issuers, &signer, Instant::now()).await;
            assert_eq!(result, Err(Distrust::Unreachable));
            assert_eq!(provider.asked(), 1);
        }
        assert_eq!(elsewhere.asked(), 0);
    }

    #[tokio::test]
    async fn a_provider_that_never_answers_holds_nobody_up_for_long_and_none_with_a_known_key() {
        let (known, other) = (Signer::new("a"), Signer::new("b"));
        let provider = Provider::start(ok("", &known.published())).await;
        let issuers = provider.issuers();
        let start = Instant::now();
        assert_eq!(check(&issuers, &known, start).await, Ok(()));
        provider.answers(Answering::Never);
        let later = start + Duration::from_secs(60);
        let slow = async { check(&issuers, &other, later).await };
        let quick = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let result = check(&issuers, &known, later).await;
            (result, start.elapsed())
        };
        let (slow, (quick, took)) = tokio::join!(slow, quick);
        assert_eq!((slow, quick), (Err(Distrust::UnknownKey), Ok(())));
        assert!(took < ANSWER_TIME, "{took:?}");
        assert!(start.elapsed() < ANSWER_TIME + Duration::from_secs(3));
    }

    #[tokio::test]
    async fn an_issuer_at_an_address_of_this_machine_is_asked_only_where_the_operator_lets_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("https://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        let token = Signer::new("a").token();
        let token = Token::read(token.as_bytes()).unwrap();
        for (local, all_local, expected) in [
            (vec![], false, 0),
            (vec!["https://other.example.com".to_owned()], false, 0),
            (vec![issuer.clone()], false, 1),
            (vec![], true, 2),
        ] {
            let issuers = Issuers::new(IssuerSettings {
                local,
                all_local,
                ..IssuerSettings::default()
            });
            let result = issuers.check(&issuer, &token, Instant::now()).await;
            assert_eq!(result, Err(Distrust::Unreachable));
            assert_eq!(asked.load(Ordering::SeqCst), expected);
        }
    }

    #[tokio::test]
    async fn a_file_takes_the_place_of_the_provider_and_is_read_again() {
        let (old, new) = (Signer::new("old"), Signer::new("new"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        std::fs::write(&path, old.published()).unwrap();
        let source = KeySource::parse(&format!("{ISSUER}={}", path.display())).unwrap();
        let issuers = Issuers::new(IssuerSettings {
            key_sources: vec![source],
            ..IssuerSettings::default()
        });
        let start = Instant::now();
        assert_eq!(check(&issuers, &old, start).await, Ok(()));
        std::fs::write(&path, new.published()).unwrap();
        let later = start + Duration::from_secs(10);
        assert_eq!(check(&issuers, &new, later).await, Ok(()));
        std::fs::remove_file(&path).unwrap();
        let later = start + Duration::from_secs(600);
        assert_eq!(check(&issuers, &new, later).await, Ok(()));
    }

    #[test]
    fn a_source_of_keys_is_an_issuer_and_a_file_or_url() {
        for (text, source) in [
            (
                "https://a.example=/k.json",
                KeySource::File("/k.json".into()),
            ),
            (
                "https://a.example/x=k.json",
                KeySource::File("k.json".into()),
            ),
            (
                "https://a.example=http://10.0.0.1/k?a=b",
                KeySource::Url("http://10.0.0.1/k?a=b".to_owned()),
            ),
        ] {
            let (issuer, found) = KeySource::parse(text).unwrap();
            assert_eq!(found, source);
            assert!(issuer.starts_with("https://a.example"));
        }
        for text in [
            "",
            "https://a.example",
            "https://a.example=",
            "a.example=/k.json",
        ] {
            assert!(KeySource::parse(text).is_err(), "{text}");
        }
    }
}
