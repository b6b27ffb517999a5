//! The configuration of `strongroom serve`: a TOML file, with each key also to be set by an environment variable.
//!
//! [`KEYS`] lists every key once; unknown keys, environment variables and `docs/configuration.md` follow from it.

mod audit;
mod keys;
mod source;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use strongroom_audit::Durability;
use strongroom_keys::SecretBytes;
use strongroom_services::caller::PARTITIONS;
use strongroom_services::lambda::elsewhere::FunctionPattern;

pub use audit::{AuditAnchor, AuditBucket, AuditFeed, FeedKind};
pub use keys::{KEYS, Key, Kind, reference};
pub use source::{ConfigProblem, read};

use crate::audit::anchors::Anchor;
use crate::audit::anchors::memory::Memory;
use crate::audit::delivery::{Buckets, Intervals};
use crate::audit::feeds::Feed;
use crate::audit::{AuditSettings, SEGMENT_BYTES};
use crate::edge::{Limits, NetworkRange, TrustedProxies};
use crate::functions::outside::{Address, CredentialSource, Endpoint};
use crate::functions::resolution::FunctionSettings;
use crate::functions::runtime::{Isolation, RuntimeSettings};
use crate::functions::webhook::Webhooks;
use crate::memory::CacheSizes;
use crate::oidc::{IssuerSettings, KeySource};

/// All of the configuration, as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The API's listener.
    pub server: Server,
    /// Where and how data is kept.
    pub data: Data,
    /// What opens the root key.
    pub seal: Seal,
    /// `[backup]`
    pub backup: Backup,
    /// `[audit]`
    pub audit: Audit,
    /// `[oidc]`
    pub oidc: Oidc,
    /// `[functions]`
    pub functions: Functions,
    /// The operations listener.
    pub operations: Operations,
    /// The operators' socket.
    pub admin: Admin,
    /// What clients may use before they are authenticated.
    pub limits: LimitsSection,
    /// The log.
    pub log: Log,
}

/// `[server]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Where the API is served.
    pub listen: SocketAddr,
    /// Whether plain HTTP is allowed on an address that other machines reach.
    pub allow_plaintext: bool,
    /// Whose `X-Forwarded-*` headers are believed.
    pub trusted_proxies: Vec<String>,
    /// The partition of AWS whose regions are served.
    pub partition: String,
    /// Threads that answer requests; 0: one for each processor.
    pub threads: usize,
    /// The certificate.
    pub tls: Tls,
}

/// `[server.tls]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// The certificate chain, own certificate first, PEM.
    pub certificate: Option<PathBuf>,
    /// Its private key, PEM.
    pub key: Option<PathBuf>,
}

/// `[data]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// The data folder.
    pub dir: Option<PathBuf>,
    /// Most memory for the store's pages; 0: a share of the machine's.
    pub store_cache_bytes: usize,
    /// Most memory for decoded records; 0: a share of the machine's.
    pub record_cache_bytes: u64,
}

impl Data {
    /// Most memory for what is kept of the data.
    pub fn caches(&self) -> CacheSizes {
        let mut sizes = CacheSizes::of_this_machine();
        if self.store_cache_bytes > 0 {
            sizes.store_cache_bytes = self.store_cache_bytes;
        }
        if self.record_cache_bytes > 0 {
            sizes.record_cache_bytes = self.record_cache_bytes;
        }
        sizes
    }
}

/// `[seal]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seal {
    /// A file with a key.
    pub key_file: Option<PathBuf>,
    /// A file with a passphrase.
    pub passphrase_file: Option<PathBuf>,
    /// The name of an environment variable with a passphrase.
    pub passphrase_env: Option<String>,
    /// Whether the passphrase is asked for on the terminal.
    pub passphrase_prompt: bool,
    /// The name of a systemd credential with a key.
    pub systemd_credential: Option<String>,
    /// The PKCS #11 module of a token.
    pub pkcs11_module: Option<PathBuf>,
    /// The token's label.
    pub pkcs11_token: Option<String>,
    /// The label of the key on the token.
    pub pkcs11_key: String,
    /// A file with the token's PIN.
    pub pkcs11_pin_file: Option<PathBuf>,
    /// The name of an environment variable with the token's PIN.
    pub pkcs11_pin_env: Option<String>,
    /// Whether the token's PIN is asked for on the terminal.
    pub pkcs11_pin_prompt: bool,
    /// The key of another KMS.
    pub kms_key_id: Option<String>,
    /// Its region.
    pub kms_region: Option<String>,
    /// Its endpoint's URL; AWS's own where absent.
    pub kms_endpoint: Option<String>,
    /// A PEM file with the authorities that are trusted for it.
    pub kms_ca_file: Option<PathBuf>,
    /// A file with the credentials for it.
    pub kms_credentials_file: Option<PathBuf>,
    /// A file with recovery shares, one a line.
    pub shares_file: Option<PathBuf>,
    /// Whether recovery shares are asked for on the terminal.
    pub shares_prompt: bool,
    /// How long a start waits for a seal that can't be reached, in seconds.
    pub wait_seconds: u64,
}

/// `[backup]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backup {
    /// The folder that scheduled backups go to; none are made where absent.
    pub folder: Option<PathBuf>,
    /// Hours from one to the next.
    pub every_hours: u64,
    /// How many are kept.
    pub keep: usize,
    /// The age recipients that may open them.
    pub recipients: Vec<String>,
}

/// `[audit]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// What an answer waits for: `fsync` or `write`.
    pub durability: String,
    /// MiB after which a segment of the log is closed, signed and compressed.
    pub segment_mib: u64,
    /// Days for which the log is kept; 0: for ever.
    pub retention_days: u64,
    /// Where this machine remembers the heads of logs, or `off`.
    pub memory: Option<String>,
    /// A file with the token for which heads of other logs are taken.
    pub witness_token_file: Option<PathBuf>,
    /// The name of an environment variable with it.
    pub witness_token_env: Option<String>,
    /// Seconds from one delivery of trails to the next.
    pub delivery_seconds: u64,
    /// Seconds from one digest of what was delivered to the next.
    pub digest_seconds: u64,
    /// Where events are sent on to.
    pub feeds: Vec<AuditFeed>,
    /// Where trails may deliver to.
    pub buckets: Vec<AuditBucket>,
    /// Where heads are kept.
    pub anchors: Vec<AuditAnchor>,
}

impl Default for Audit {
    fn default() -> Self {
        Audit {
            durability: "fsync".to_owned(),
            segment_mib: SEGMENT_BYTES / MIB,
            retention_days: 0,
            memory: None,
            witness_token_file: None,
            witness_token_env: None,
            delivery_seconds: 300,
            digest_seconds: Intervals::DIGESTS.as_secs(),
            feeds: Vec::new(),
            buckets: Vec::new(),
            anchors: Vec::new(),
        }
    }
}

impl Audit {
    /// How the log is kept.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn settings(&self) -> Result<AuditSettings, ConfigProblem> {
        let invalid = |why: String| Err(ConfigProblem::Invalid(why));
        let durability = match self.durability.as_str() {
            "fsync" => Durability::Fsync,
            "write" => Durability::Write,
            other => {
                return invalid(format!(
                    "audit.durability is {other:?}: it is fsync or write"
                ));
            }
        };
        if !(1..=1024).contains(&self.segment_mib) {
            let found = self.segment_mib;
            return invalid(format!("audit.segment_mib is {found}: it is 1 to 1024"));
        }
        let days = Duration::from_secs(self.retention_days.saturating_mul(24 * 60 * 60));
        Ok(AuditSettings {
            durability,
            segment_bytes: self.segment_mib * MIB,
            retention: (!days.is_zero()).then_some(days),
            memory: None,
            restored: false,
        })
    }

    /// Where trails may deliver to.
    ///
    /// # Errors
    /// What is wrong with a bucket's table, or with what it names.
    pub fn buckets(&self) -> Result<Buckets, ConfigProblem> {
        audit::buckets(&self.buckets)
    }

    /// How often trails deliver.
    ///
    /// # Errors
    /// Digests are to come too seldom to be found, or all the time.
    pub fn deliveries(&self) -> Result<Intervals, ConfigProblem> {
        let (found, most) = (self.digest_seconds, Intervals::DIGESTS.as_secs());
        if !(1..=most).contains(&found) {
            let why = format!("audit.digest_seconds is {found}: it is 1 to {most}");
            return Err(ConfigProblem::Invalid(why));
        }
        Ok(Intervals {
            logs: Duration::from_secs(self.delivery_seconds.max(1)),
            digests: Duration::from_secs(found),
        })
    }

    /// Where events are sent on to.
    ///
    /// # Errors
    /// What is wrong with a feed's table, or with what it names.
    pub fn feeds(&self) -> Result<Vec<Feed>, ConfigProblem> {
        audit::feeds(&self.feeds)
    }

    /// Where heads are kept.
    ///
    /// # Errors
    /// What is wrong with an anchor's table, or with what it names.
    pub fn anchors(&self) -> Result<Vec<Anchor>, ConfigProblem> {
        audit::anchors(&self.anchors)
    }

    /// Where this machine remembers the heads of logs; `None`: nowhere.
    ///
    /// # Errors
    /// It isn't a whole path.
    pub fn memory(&self) -> Result<Option<Memory>, ConfigProblem> {
        audit::memory(self.memory.as_deref())
    }

    /// The token for which heads of other logs are taken.
    ///
    /// # Errors
    /// It can't be read.
    pub fn witness_token(&self) -> Result<Option<SecretBytes>, ConfigProblem> {
        let file = self.witness_token_file.as_deref();
        audit::witness_token(file, self.witness_token_env.as_deref())
    }
}

/// `[oidc]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Oidc {
    /// A PEM file with authorities that providers are trusted by.
    pub ca_file: Option<PathBuf>,
    /// Where the keys are of providers that can't be asked.
    pub key_sources: Vec<String>,
    /// Providers that may be at this machine's own addresses.
    pub local_issuers: Vec<String>,
}

impl Oidc {
    /// What holds for identity providers.
    ///
    /// # Errors
    /// What is wrong with `key_sources` or `ca_file`.
    pub fn settings(&self) -> Result<IssuerSettings, ConfigProblem> {
        let sources = self.key_sources.iter();
        let sources: Result<Vec<_>, String> = sources.map(|text| KeySource::parse(text)).collect();
        let settings = IssuerSettings {
            ca_file: self.ca_file.clone(),
            key_sources: sources
                .map_err(|why| ConfigProblem::Invalid(format!("oidc.key_sources: {why}")))?,
            local: self.local_issuers.clone(),
            all_local: false,
        };
        settings.check().map_err(ConfigProblem::Invalid)?;
        Ok(settings)
    }
}

/// `[functions]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Functions {
    /// The server that is asked for every function that nothing else answers for.
    pub default_endpoint: Option<String>,
    /// A file with the credentials for servers that have none of their own.
    pub credentials_file: Option<PathBuf>,
    /// A PEM file with the authorities that are trusted for servers that have none of their own.
    pub ca_file: Option<PathBuf>,
    /// Functions of this server.
    pub local: LocalFunctions,
    /// Web servers that built-in functions may tell of rotations.
    pub webhook_hosts: Vec<String>,
    /// Servers for functions of a pattern.
    pub endpoints: Vec<FunctionEndpoint>,
}

/// `[functions.local]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LocalFunctions {
    /// Whether they are run.
    pub run: bool,
    /// How they reach this server.
    pub endpoint: Option<String>,
    /// How they know it.
    pub ca_file: Option<PathBuf>,
    /// What runs those in Python.
    pub python: Option<PathBuf>,
    /// Libraries for those.
    pub python_path: Vec<PathBuf>,
    /// What runs those in JavaScript.
    pub node: Option<PathBuf>,
    /// Processes at once.
    pub processes: usize,
    /// How long an idle one is kept.
    pub idle_seconds: u64,
    /// MiB of a process's `/tmp`.
    pub tmp_mib: u64,
    /// What keeps them from everything else.
    pub isolation: Isolation,
}

impl Default for LocalFunctions {
    fn default() -> Self {
        LocalFunctions {
            run: false,
            endpoint: None,
            ca_file: None,
            python: None,
            python_path: Vec::new(),
            node: None,
            processes: RuntimeSettings::PROCESSES_MAX,
            idle_seconds: RuntimeSettings::IDLE.as_secs(),
            tmp_mib: RuntimeSettings::TMP_BYTES / MIB,
            isolation: Isolation::Full,
        }
    }
}

impl LocalFunctions {
    /// Lays what is said here over the usual settings.
    pub fn apply(&self, settings: &mut RuntimeSettings) {
        let said = self.clone();
        if let Some(endpoint) = said.endpoint {
            settings.endpoint = endpoint;
        }
        settings.ca_bundle = said.ca_file;
        settings.python = said.python;
        settings.python_path = said.python_path;
        settings.node = said.node;
        settings.processes_max = said.processes.max(1);
        settings.idle = Duration::from_secs(said.idle_seconds);
        settings.tmp_bytes = said.tmp_mib.saturating_mul(MIB).max(MIB);
        settings.isolation = said.isolation;
    }
}

const MIB: u64 = 1024 * 1024;

/// `[[functions.endpoints]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionEndpoint {
    /// Which functions it is asked for.
    pub pattern: String,
    /// Where it is.
    pub url: String,
    /// A file with the credentials for it.
    pub credentials_file: Option<PathBuf>,
    /// A PEM file with the authorities that are trusted for it.
    pub ca_file: Option<PathBuf>,
}

impl Functions {
    /// Which servers outside run functions.
    ///
    /// # Errors
    /// What is wrong with a server's table, or with what it names.
    pub fn settings(&self) -> Result<FunctionSettings, ConfigProblem> {
        let endpoint = |key: &str, url: &str, credentials: Option<&Path>, ca: Option<&Path>| {
            let credentials = credentials.or(self.credentials_file.as_deref());
            let ca = ca.or(self.ca_file.as_deref());
            Address::parse(url)
                .and_then(|at| Endpoint::new(at, CredentialSource::of(credentials)?, ca))
                .map_err(|why| ConfigProblem::Invalid(format!("{key}: {why}")))
        };
        let mut endpoints = Vec::new();
        for table in &self.endpoints {
            let key = format!("functions.endpoints, pattern {:?}", table.pattern);
            let pattern = FunctionPattern::parse(&table.pattern)
                .map_err(|why| ConfigProblem::Invalid(format!("functions.endpoints: {why}")))?;
            let credentials = table.credentials_file.as_deref();
            let ca = table.ca_file.as_deref();
            endpoints.push((pattern, endpoint(&key, &table.url, credentials, ca)?));
        }
        let everything_else = match &self.default_endpoint {
            Some(url) => Some(endpoint("functions.default_endpoint", url, None, None)?),
            None => None,
        };
        Ok(FunctionSettings {
            endpoints,
            everything_else,
            webhooks: Webhooks::named(&self.webhook_hosts, self.ca_file.clone())
                .map_err(|why| ConfigProblem::Invalid(format!("functions.webhook_hosts: {why}")))?,
        })
    }
}

/// `[operations]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Operations {
    /// Where health, readiness and metrics are served; not at all where absent.
    pub listen: Option<SocketAddr>,
}

/// `[admin]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// The operators' socket; by default `admin.sock` in the data folder.
    pub socket: Option<PathBuf>,
}

/// `[limits]`; see [`Limits`] for what each one means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(
    missing_docs,
    reason = "each field is one of `Limits`, with its unit in its name"
)]
pub struct LimitsSection {
    pub connections: usize,
    pub connections_per_source: usize,
    pub header_bytes: usize,
    pub header_count: usize,
    pub header_read_seconds: u64,
    pub body_bytes: usize,
    pub body_memory_bytes: usize,
    pub body_read_seconds: u64,
    pub request_seconds: u64,
    pub response_write_seconds: u64,
    /// In percent of AWS's request rates; 0: none.
    pub request_rate_percent: u32,
    pub keep_alive_seconds: u64,
    pub http2_streams: u32,
    pub http2_resets: usize,
    pub http2_stream_window_bytes: u32,
    pub http2_connection_window_bytes: u32,
    pub shutdown_seconds: u64,
}

/// `[log]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// What is logged: `error`, `warn`, `info`, `debug` or `trace`, also for each module.
    pub level: String,
    /// How a line looks.
    pub format: LogFormat,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Plain,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// The data folder.
    ///
    /// # Errors
    /// It is not configured.
    pub fn data_dir(&self) -> Result<&Path, ConfigProblem> {
        self.data.dir.as_deref().ok_or_else(|| {
            ConfigProblem::Invalid(
                "data.dir is missing: name the folder that keeps the data, such as dir = \"/var/lib/strongroom\" under [data]"
                    .to_owned(),
            )
        })
    }

    /// The operators' socket.
    ///
    /// # Errors
    /// Neither it nor the data folder is configured.
    pub fn admin_socket(&self) -> Result<PathBuf, ConfigProblem> {
        match &self.admin.socket {
            Some(socket) => Ok(socket.clone()),
            None => Ok(self.data_dir()?.join(crate::admin::SOCKET_NAME)),
        }
    }

    /// The proxies whose headers are believed.
    ///
    /// # Errors
    /// One is not an address range.
    pub fn trusted_proxies(&self) -> Result<TrustedProxies, ConfigProblem> {
        let ranges = self
            .server
            .trusted_proxies
            .iter()
            .map(|range| range.parse::<NetworkRange>());
        let ranges = ranges.collect::<Result<Vec<_>, _>>();
        ranges
            .map(TrustedProxies::new)
            .map_err(|why| ConfigProblem::Invalid(format!("server.trusted_proxies: {why}")))
    }

    /// The certificate and key files, where TLS is configured.
    ///
    /// # Errors
    /// Only one of the two is.
    pub fn tls_files(&self) -> Result<Option<(&Path, &Path)>, ConfigProblem> {
        let missing = |there: &str, missing: &str| {
            let why = format!(
                "server.tls.{there} is set but server.tls.{missing} is not; TLS needs both"
            );
            Err(ConfigProblem::Invalid(why))
        };
        match (
            self.server.tls.certificate.as_deref(),
            self.server.tls.key.as_deref(),
        ) {
            (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
            (None, None) => Ok(None),
            (Some(_), None) => missing("certificate", "key"),
            (None, Some(_)) => missing("key", "certificate"),
        }
    }

    /// The limits, none of which can be zero.
    ///
    /// # Errors
    /// One is, or is too small to serve anything.
    pub fn limits(&self) -> Result<Limits, ConfigProblem> {
        let limits = &self.limits;
        let at_least = |key: &str, value: u64, least: u64| {
            if value >= least {
                return Ok(());
            }
            let why = format!("limits.{key} is {value} and must be at least {least}");
            Err(ConfigProblem::Invalid(why))
        };
        for (key, value, least) in [
            ("connections", limits.connections as u64, 1),
            (
                "connections_per_source",
                limits.connections_per_source as u64,
                1,
            ),
            ("header_bytes", limits.header_bytes as u64, 8_192),
            ("header_count", limits.header_count as u64, 16),
            ("header_read_seconds", limits.header_read_seconds, 1),
            // The largest secret, 65,536 bytes, takes six times as many where each is an escape of JSON.
            ("body_bytes", limits.body_bytes as u64, 409_600),
            (
                "body_memory_bytes",
                limits.body_memory_bytes as u64,
                limits.body_bytes as u64,
            ),
            ("body_read_seconds", limits.body_read_seconds, 1),
            ("request_seconds", limits.request_seconds, 1),
            ("response_write_seconds", limits.response_write_seconds, 1),
            ("keep_alive_seconds", limits.keep_alive_seconds, 1),
            ("http2_streams", limits.http2_streams.into(), 1),
            ("http2_resets", limits.http2_resets as u64, 1),
            (
                "http2_stream_window_bytes",
                limits.http2_stream_window_bytes.into(),
                16_384,
            ),
            (
                "http2_connection_window_bytes",
                limits.http2_connection_window_bytes.into(),
                65_535,
            ),
        ] {
            at_least(key, value, least)?;
        }
        for (key, value) in [
            (
                "http2_stream_window_bytes",
                limits.http2_stream_window_bytes,
            ),
            (
                "http2_connection_window_bytes",
                limits.http2_connection_window_bytes,
            ),
        ] {
            if value > HTTP2_WINDOW_BYTES_MAX {
                let why =
                    format!("limits.{key} is {value} and must be at most {HTTP2_WINDOW_BYTES_MAX}");
                return Err(ConfigProblem::Invalid(why));
            }
        }
        Ok(Limits {
            connections: limits.connections,
            connections_per_source: limits.connections_per_source,
            header_bytes: limits.header_bytes,
            header_count: limits.header_count,
            header_read: Duration::from_secs(limits.header_read_seconds),
            body_bytes: limits.body_bytes,
            body_memory_bytes: limits.body_memory_bytes,
            body_read: Duration::from_secs(limits.body_read_seconds),
            request: Duration::from_secs(limits.request_seconds),
            response_write: Duration::from_secs(limits.response_write_seconds),
            keep_alive: Duration::from_secs(limits.keep_alive_seconds),
            http2_streams: limits.http2_streams,
            http2_resets: limits.http2_resets,
            http2_stream_window_bytes: limits.http2_stream_window_bytes,
            http2_connection_window_bytes: limits.http2_connection_window_bytes,
            shutdown: Duration::from_secs(limits.shutdown_seconds),
            // Those of functions' code, which nobody needs to set.
            ..Limits::default()
        })
    }

    /// Where secrets of the server's own lie, which no function of people's may read.
    pub fn secret_places(&self, data_dir: &Path) -> Vec<PathBuf> {
        let seal = &self.seal;
        let endpoints = self.functions.endpoints.iter();
        let named = [
            &seal.key_file,
            &seal.passphrase_file,
            &seal.pkcs11_pin_file,
            &self.server.tls.key,
            &self.backup.folder,
            &self.functions.credentials_file,
            &self.audit.witness_token_file,
        ];
        let named = named
            .into_iter()
            .chain(endpoints.map(|each| &each.credentials_file));
        let named = named.filter_map(Clone::clone);
        let named = named.chain(self.audit.feeds.iter().flat_map(AuditFeed::secret_places));
        let named = named.chain(
            self.audit
                .anchors
                .iter()
                .flat_map(|it| it.token_file.clone()),
        );
        std::iter::once(data_dir.to_owned()).chain(named).collect()
    }

    /// Checks what one key alone can't tell, so that a server with these settings can start.
    ///
    /// # Errors
    /// The first thing that is wrong, with what to do.
    pub fn check(&self) -> Result<(), ConfigProblem> {
        let invalid = |why: String| Err(ConfigProblem::Invalid(why));
        let dir = self.data_dir()?;
        if !dir.is_absolute() {
            return invalid(format!(
                "data.dir is {} and must be a whole path, beginning with /",
                dir.display()
            ));
        }
        self.limits()?;
        self.trusted_proxies()?;
        if self.tls_files()?.is_none()
            && !self.server.listen.ip().is_loopback()
            && !self.server.allow_plaintext
        {
            return invalid(format!(
                "server.listen is {}, which other machines can reach, but there is no certificate: set \
                 server.tls.certificate and server.tls.key, or server.allow_plaintext = true if a proxy in front of \
                 it does TLS",
                self.server.listen
            ));
        }
        let seal = &self.seal;
        let passphrases = [
            seal.passphrase_file.is_some(),
            seal.passphrase_env.is_some(),
            seal.passphrase_prompt,
        ];
        if passphrases.iter().filter(|is_set| **is_set).count() > 1 {
            return invalid(
                "set only one of seal.passphrase_file, seal.passphrase_env and seal.passphrase_prompt".to_owned(),
            );
        }
        let pins = [
            seal.pkcs11_pin_file.is_some(),
            seal.pkcs11_pin_env.is_some(),
            seal.pkcs11_pin_prompt,
        ];
        let token = [seal.pkcs11_module.is_some(), seal.pkcs11_token.is_some()];
        if token.contains(&true) || pins.contains(&true) {
            let pins = pins.iter().filter(|is_set| **is_set).count();
            if token.contains(&false) || pins != 1 {
                return invalid(
                    "a token needs seal.pkcs11_module, seal.pkcs11_token and one of seal.pkcs11_pin_file, \
                     seal.pkcs11_pin_env and seal.pkcs11_pin_prompt"
                        .to_owned(),
                );
            }
        }
        if !PARTITIONS.contains(&&*self.server.partition) {
            return invalid(format!(
                "server.partition must be one of {}",
                PARTITIONS.join(", ")
            ));
        }
        if seal.kms_key_id.is_some() != seal.kms_region.is_some() {
            return invalid(
                "another KMS needs both seal.kms_key_id and seal.kms_region".to_owned(),
            );
        }
        if seal.shares_file.is_some() && seal.shares_prompt {
            return invalid("set only one of seal.shares_file and seal.shares_prompt".to_owned());
        }
        let any = [
            seal.key_file.is_some(),
            seal.systemd_credential.is_some(),
            passphrases.contains(&true),
            seal.pkcs11_module.is_some(),
            seal.kms_key_id.is_some(),
            seal.shares_file.is_some(),
            seal.shares_prompt,
        ];
        if !any.contains(&true) {
            return invalid(
                "nothing under [seal] says what opens the root key: set key_file, systemd_credential, pkcs11_module, \
                 kms_key_id, or one of passphrase_file, passphrase_env and passphrase_prompt"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 4599)),
            allow_plaintext: false,
            trusted_proxies: Vec::new(),
            partition: PARTITIONS[0].to_owned(),
            threads: 0,
            tls: Tls::default(),
        }
    }
}

impl Default for Seal {
    fn default() -> Self {
        Self {
            key_file: None,
            passphrase_file: None,
            passphrase_env: None,
            passphrase_prompt: false,
            systemd_credential: None,
            pkcs11_module: None,
            pkcs11_token: None,
            pkcs11_key: "strongroom".to_owned(),
            pkcs11_pin_file: None,
            pkcs11_pin_env: None,
            pkcs11_pin_prompt: false,
            kms_key_id: None,
            kms_region: None,
            kms_endpoint: None,
            kms_ca_file: None,
            kms_credentials_file: None,
            shares_file: None,
            shares_prompt: false,
            wait_seconds: 60,
        }
    }
}

impl Default for Backup {
    fn default() -> Self {
        Self {
            folder: None,
            every_hours: 24,
            keep: 14,
            recipients: Vec::new(),
        }
    }
}

impl Default for LimitsSection {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            connections: limits.connections,
            connections_per_source: limits.connections_per_source,
            header_bytes: limits.header_bytes,
            header_count: limits.header_count,
            header_read_seconds: limits.header_read.as_secs(),
            body_bytes: limits.body_bytes,
            body_memory_bytes: limits.body_memory_bytes,
            body_read_seconds: limits.body_read.as_secs(),
            request_seconds: limits.request.as_secs(),
            response_write_seconds: limits.response_write.as_secs(),
            request_rate_percent: 100,
            keep_alive_seconds: limits.keep_alive.as_secs(),
            http2_streams: limits.http2_streams,
            http2_resets: limits.http2_resets,
            http2_stream_window_bytes: limits.http2_stream_window_bytes,
            http2_connection_window_bytes: limits.http2_connection_window_bytes,
            shutdown_seconds: limits.shutdown.as_secs(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            format: LogFormat::Plain,
        }
    }
}

/// RFC 9113, section 6.9.1.
const HTTP2_WINDOW_BYTES_MAX: u32 = 0x7fff_ffff;
