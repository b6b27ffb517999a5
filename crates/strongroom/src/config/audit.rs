//! The tables of `[audit]` that may stand there several times: feeds, buckets and anchors, and what follows from them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use strongroom_keys::SecretBytes;

use super::ConfigProblem;
use crate::audit::anchors::memory::Memory;
use crate::audit::anchors::{Anchor, AnchorTarget};
use crate::audit::delivery::{Bucket, Buckets, S3Bucket};
use crate::audit::feeds::{
    Authorization, Begin, Feed, FileTarget, Filter, Format, OtlpTarget, Patience, Post,
    SyslogTarget, Target, WebhookTarget, is_name,
};
use crate::outbound::{ClientIdentity, Trust};

const MIB: u64 = 1024 * 1024;

/// `[[audit.feeds]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditFeed {
    /// What it is called.
    pub name: String,
    /// What its target is.
    pub kind: FeedKind,
    /// Where the target is.
    pub url: Option<String>,
    /// The file that events go to.
    pub path: Option<PathBuf>,
    /// Where it begins when it is new.
    #[serde(default)]
    pub from: Begin,
    /// Names of events; none: all.
    #[serde(default)]
    pub event_names: Vec<String>,
    /// Sources of events; none: all.
    #[serde(default)]
    pub event_sources: Vec<String>,
    /// Whether failed calls alone are sent.
    #[serde(default)]
    pub errors_only: bool,
    /// Whether calls alone are sent that may have changed something.
    #[serde(default)]
    pub writes_only: bool,
    /// How events stand in a body.
    pub format: Option<Format>,
    /// A file with a bearer token.
    pub token_file: Option<PathBuf>,
    /// The name of an environment variable with it.
    pub token_env: Option<String>,
    /// A file with a key that signs bodies.
    pub signing_key_file: Option<PathBuf>,
    /// The name of an environment variable with it.
    pub signing_key_env: Option<String>,
    /// A PEM file with authorities.
    pub ca_file: Option<PathBuf>,
    /// A PEM file with a certificate that is shown to the target.
    pub client_certificate: Option<PathBuf>,
    /// Its key.
    pub client_key: Option<PathBuf>,
    /// Syslog's.
    pub facility: Option<String>,
    /// Syslog's.
    pub severity: Option<String>,
    /// From which size on a file is moved aside.
    pub rotate_mib: Option<u64>,
    /// How many older files are kept.
    pub keep: Option<usize>,
    /// Most events of one delivery.
    pub batch_events: Option<usize>,
    /// Most time for one delivery.
    pub timeout_seconds: Option<u64>,
}

/// What the target of a feed is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeedKind {
    /// A syslog server.
    Syslog,
    /// A web server.
    Webhook,
    /// A web server that takes events as EventBridge gives them.
    EventBridge,
    /// An OpenTelemetry collector.
    Otlp,
    /// A file.
    File,
}

/// Most events of one delivery, where nothing else is set.
const BATCH_EVENTS: usize = 1000;
const ROTATE_MIB: u64 = 100;
const KEEP: usize = 5;

impl AuditFeed {
    /// The feed that it describes.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn feed(&self) -> Result<Feed, String> {
        if !is_name(&self.name) {
            return Err(
                "name is 1 to 64 letters, digits, hyphens and underscores, since a file is named by it"
                    .to_owned(),
            );
        }
        self.check_settings()?;
        Ok(Feed {
            name: self.name.clone(),
            target: self.target()?,
            filter: Filter {
                names: self.event_names.clone(),
                sources: self.event_sources.clone(),
                errors_only: self.errors_only,
                writes_only: self.writes_only,
            },
            from: self.from,
            batch_events: self.batch_events.unwrap_or(BATCH_EVENTS).clamp(1, 10_000),
            patience: Patience {
                delivery: match self.timeout_seconds {
                    Some(seconds) => Duration::from_secs(seconds.max(1)),
                    None => Patience::default().delivery,
                },
                ..Patience::default()
            },
        })
    }

    fn target(&self) -> Result<Target, String> {
        let url = || {
            let url = self.url.as_deref();
            url.ok_or_else(|| "url is missing".to_owned())
        };
        let tls = || self.tls();
        Ok(match self.kind {
            FeedKind::Syslog => {
                let facility = self.facility.as_deref().unwrap_or("audit");
                let severity = self.severity.as_deref().unwrap_or("info");
                Target::Syslog(SyslogTarget::new(url()?, facility, severity, tls)?)
            }
            FeedKind::Webhook | FeedKind::EventBridge => {
                let as_eventbridge = self.kind == FeedKind::EventBridge;
                let format = self.format.unwrap_or(match as_eventbridge {
                    true => Format::Single,
                    false => Format::Array,
                });
                let authorization = self.authorization()?;
                let target = WebhookTarget::new(url()?, format, as_eventbridge, authorization, tls);
                Target::Webhook(target?)
            }
            FeedKind::Otlp => Target::Otlp(OtlpTarget::new(url()?, self.authorization()?, tls)?),
            FeedKind::File => {
                let path = self.path.clone().ok_or("path is missing")?;
                let rotate = self.rotate_mib.unwrap_or(ROTATE_MIB).saturating_mul(MIB);
                Target::File(FileTarget::new(path, rotate, self.keep.unwrap_or(KEEP))?)
            }
        })
    }

    /// Refuses what means nothing to a kind, since its absence would be taken for its presence.
    fn check_settings(&self) -> Result<(), String> {
        use FeedKind::{EventBridge, File, Otlp, Syslog, Webhook};
        let posted = [Webhook, EventBridge, Otlp].as_slice();
        let sent = [Syslog, Webhook, EventBridge, Otlp].as_slice();
        for (setting, is_set, kinds) in [
            ("url", self.url.is_some(), sent),
            ("path", self.path.is_some(), &[File]),
            ("format", self.format.is_some(), &[Webhook, EventBridge]),
            ("token_file", self.token_file.is_some(), posted),
            ("token_env", self.token_env.is_some(), posted),
            ("signing_key_file", self.signing_key_file.is_some(), posted),
            ("signing_key_env", self.signing_key_env.is_some(), posted),
            ("ca_file", self.ca_file.is_some(), sent),
            (
                "client_certificate",
                self.client_certificate.is_some(),
                sent,
            ),
            ("client_key", self.client_key.is_some(), sent),
            ("facility", self.facility.is_some(), &[Syslog]),
            ("severity", self.severity.is_some(), &[Syslog]),
            ("rotate_mib", self.rotate_mib.is_some(), &[File]),
            ("keep", self.keep.is_some(), &[File]),
        ] {
            if is_set && !kinds.contains(&self.kind) {
                return Err(format!("{setting} means nothing to a feed of this kind"));
            }
        }
        Ok(())
    }

    fn authorization(&self) -> Result<Authorization, String> {
        Ok(Authorization {
            bearer_token: secret(
                "token",
                self.token_file.as_deref(),
                self.token_env.as_deref(),
            )?,
            signing_key: secret(
                "signing_key",
                self.signing_key_file.as_deref(),
                self.signing_key_env.as_deref(),
            )?,
        })
    }

    fn tls(&self) -> Result<std::sync::Arc<rustls::ClientConfig>, String> {
        let identity = match (&self.client_certificate, &self.client_key) {
            (Some(certificate), Some(key)) => Some(ClientIdentity { certificate, key }),
            (None, None) => None,
            _ => return Err("set both client_certificate and client_key, or none".to_owned()),
        };
        trust(self.ca_file.as_deref()).read_with(identity.as_ref())
    }

    /// The files with secrets that it names.
    pub(super) fn secret_places(&self) -> impl Iterator<Item = PathBuf> {
        let named = [
            &self.token_file,
            &self.signing_key_file,
            &self.client_key,
            &self.path,
        ];
        named.into_iter().filter_map(Clone::clone)
    }
}

/// `[[audit.buckets]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditBucket {
    /// What trails call it.
    pub name: String,
    /// The folder that it is.
    pub folder: Option<PathBuf>,
    /// The URL of the server that has it.
    pub endpoint: Option<String>,
    /// Its region, by which requests are signed.
    pub region: Option<String>,
    /// A file with the credentials for it.
    pub credentials_file: Option<PathBuf>,
    /// A PEM file with authorities.
    pub ca_file: Option<PathBuf>,
}

const BUCKET_REGION: &str = "us-east-1";

impl AuditBucket {
    fn bucket(&self) -> Result<Bucket, String> {
        match (&self.folder, &self.endpoint) {
            (Some(folder), None) => {
                let has_more = self.region.is_some()
                    || self.credentials_file.is_some()
                    || self.ca_file.is_some();
                match (folder.is_absolute(), has_more) {
                    (true, false) => Ok(Bucket::Folder(folder.clone())),
                    (false, _) => Err(format!("folder {} must begin with /", folder.display())),
                    (true, true) => Err("a folder has nothing but its path".to_owned()),
                }
            }
            (None, Some(endpoint)) => {
                let region = self.region.as_deref().unwrap_or(BUCKET_REGION);
                let credentials = self.credentials_file.clone();
                let tls = || trust(self.ca_file.as_deref()).read();
                S3Bucket::new(endpoint, region, credentials, tls).map(Bucket::S3)
            }
            _ => Err("each has one of folder and endpoint".to_owned()),
        }
    }
}

/// The buckets of all tables.
///
/// # Errors
/// The first thing that is wrong, with its bucket.
pub(super) fn buckets(tables: &[AuditBucket]) -> Result<Buckets, ConfigProblem> {
    let mut named = BTreeMap::new();
    for table in tables {
        let wrong = |why: String| {
            ConfigProblem::Invalid(format!("audit.buckets, name {:?}: {why}", table.name))
        };
        let bucket = table.bucket().map_err(wrong)?;
        if named.insert(table.name.clone(), bucket).is_some() {
            return Err(wrong("there are two of this name".to_owned()));
        }
    }
    Ok(Buckets::named(named))
}

/// `[[audit.anchors]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditAnchor {
    /// A file that heads are appended to.
    pub file: Option<PathBuf>,
    /// A web server that is told each head.
    pub url: Option<String>,
    /// The operations listener of another Strongroom.
    pub witness: Option<String>,
    /// Seconds from one head to the next.
    pub every_seconds: Option<u64>,
    /// A file with a bearer token.
    pub token_file: Option<PathBuf>,
    /// The name of an environment variable with it.
    pub token_env: Option<String>,
    /// A PEM file with authorities.
    pub ca_file: Option<PathBuf>,
}

const ANCHOR_SECONDS: u64 = 60;
/// Where a witness takes heads.
pub(crate) const WITNESS_PATH: &str = "/audit/witness";

impl AuditAnchor {
    fn anchor(&self) -> Result<Anchor, String> {
        let post = |url: &str| {
            let token = secret(
                "token",
                self.token_file.as_deref(),
                self.token_env.as_deref(),
            )?;
            let authorization = Authorization {
                bearer_token: token,
                signing_key: None,
            };
            Post::new(url, authorization, || trust(self.ca_file.as_deref()).read())
        };
        let target = match (&self.file, &self.url, &self.witness) {
            (Some(path), None, None) if path.is_absolute() => AnchorTarget::File(path.clone()),
            (Some(path), None, None) => {
                return Err(format!("file {} must begin with /", path.display()));
            }
            (None, Some(url), None) => AnchorTarget::Url(post(url)?),
            (None, None, Some(url)) => {
                let url = format!("{}{WITNESS_PATH}", url.trim_end_matches('/'));
                AnchorTarget::Witness(post(&url)?)
            }
            _ => return Err("each has one of file, url and witness".to_owned()),
        };
        let seconds = self.every_seconds.unwrap_or(ANCHOR_SECONDS).max(1);
        Ok(Anchor {
            target,
            every: Duration::from_secs(seconds),
        })
    }
}

/// The anchors of all tables.
///
/// # Errors
/// The first thing that is wrong.
pub(super) fn anchors(tables: &[AuditAnchor]) -> Result<Vec<Anchor>, ConfigProblem> {
    let anchors = tables.iter().map(AuditAnchor::anchor);
    let anchors: Result<_, String> = anchors.collect();
    anchors.map_err(|why| ConfigProblem::Invalid(format!("audit.anchors: {why}")))
}

/// Where the machine's memory of logs is; `None`: it has none.
pub(super) fn memory(setting: Option<&str>) -> Result<Option<Memory>, ConfigProblem> {
    match setting {
        None => Ok(Memory::of_user(|name| std::env::var_os(name))),
        Some("off") => Ok(None),
        Some(path) if Path::new(path).is_absolute() => Ok(Some(Memory::in_folder(path.into()))),
        Some(path) => Err(ConfigProblem::Invalid(format!(
            "audit.memory is {path:?}: it is a whole path, beginning with /, or \"off\""
        ))),
    }
}

/// The token that a witness takes heads for.
pub(super) fn witness_token(
    file: Option<&Path>,
    variable: Option<&str>,
) -> Result<Option<SecretBytes>, ConfigProblem> {
    secret("witness_token", file, variable)
        .map_err(|why| ConfigProblem::Invalid(format!("audit.{why}")))
}

/// Who is trusted for what `[audit]` names.
fn trust(ca_file: Option<&Path>) -> Trust<'_> {
    Trust {
        file: ca_file,
        system_too: false,
        setting: "ca_file",
    }
}

/// A secret from a file or an environment variable, of which one at most may be set.
fn secret(
    what: &str,
    file: Option<&Path>,
    variable: Option<&str>,
) -> Result<Option<SecretBytes>, String> {
    let (found, setting) = match (file, variable) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(format!("set {what}_file or {what}_env, not both")),
        (Some(path), None) => {
            let read = std::fs::read(path).map(SecretBytes::new);
            let read = read.map_err(|error| {
                let path = path.display();
                format!("{what}_file {path} can't be read ({error}): check its path and owner")
            })?;
            (read, "file")
        }
        (None, Some(name)) => {
            let value = std::env::var(name)
                .map_err(|_| format!("{what}_env: there is no environment variable {name}"))?;
            (SecretBytes::new(value.into_bytes()), "env")
        }
    };
    match found.expose().trim_ascii() {
        [] => Err(format!("{what}_{setting} holds nothing")),
        value => Ok(Some(SecretBytes::copy_of(value))),
    }
}

/// The feeds of all tables.
///
/// # Errors
/// The first thing that is wrong, with its feed.
pub(super) fn feeds(tables: &[AuditFeed]) -> Result<Vec<Feed>, ConfigProblem> {
    let mut feeds: Vec<Feed> = Vec::new();
    for table in tables {
        let wrong = |why: String| {
            ConfigProblem::Invalid(format!("audit.feeds, name {:?}: {why}", table.name))
        };
        if feeds.iter().any(|feed| feed.name == table.name) {
            return Err(wrong("there are two of this name".to_owned()));
        }
        feeds.push(table.feed().map_err(wrong)?);
    }
    Ok(feeds)
}
