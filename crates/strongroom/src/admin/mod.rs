//! The operators' socket: what `strongroom admin` and `strongroom doctor` ask a running server.
//!
//! HTTP/1.1 with JSON over a unix socket that only this user and root may use. Operators aren't readers: nothing here
//! leads to a secret's value (threat 19), and an account's root credentials are told once, when it is made.

mod access;
mod account_policies;
mod client;
mod rotation;
mod server;
mod socket;
mod streamed;
mod witness;

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strongroom_keys::SecretBytes;
use strongroom_services::access::Question;
use strongroom_services::access::explanation::Explanation;
use strongroom_services::caller::{AccountId, Region};
use strongroom_services::secretsmanager::key_usage::DependentSecret;

use crate::backup::age::{AgeProblem, Identity, Lock, Opener, Recipient};

pub use client::{AdminError, ask, stream};
pub use rotation::{
    AskedRepair, AskedRotations, AskedSecret, AskedTail, Cursor, ListedRotations, Tailed,
};
pub use server::{AdminServer, serve};
pub use socket::bind;
pub use witness::{AskedFinding, WitnessStatus};

/// The socket's name in the data folder, unless configured otherwise.
pub const SOCKET_NAME: &str = "admin.sock";

/// How a server is: the answer to `GET /status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// Its process.
    pub process_id: u32,
    /// Seconds since it was ready.
    pub up_seconds: u64,
    /// Where the API is served.
    pub url: String,
    /// `ok`, or what keeps the store from taking commits.
    pub store: String,
    /// `ok`, or what keeps events from being recorded, without which nothing is answered.
    pub audit: String,
    /// Measures that keep the process's memory to itself, and whether each is in force.
    pub hardening: Vec<Named>,
    /// Background jobs, and what each last did.
    pub jobs: Vec<Named>,
}

/// Something by its name, and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Named {
    /// Its name.
    pub name: String,
    /// How it is: `ok`, or what is wrong and what to do.
    pub state: String,
}

/// An account in a list: the answer to `GET /accounts` has them as `Accounts`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedAccount {
    /// Twelve digits.
    pub account_id: String,
    /// Seconds since 1970.
    pub created: f64,
    /// The access keys of its root user.
    pub access_key_ids: Vec<String>,
}

/// `GET /accounts`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedAccounts {
    /// All accounts, by id.
    pub accounts: Vec<ListedAccount>,
}

/// A secret on its way over the operators' socket: the one type that writes one out, in base64.
pub struct HandedOver(pub SecretBytes);

impl std::fmt::Debug for HandedOver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HandedOver")
    }
}

impl Serialize for HandedOver {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(self.0.expose()))
    }
}

impl<'de> Deserialize<'de> for HandedOver {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = SecretBytes::new(String::deserialize(deserializer)?.into_bytes());
        let bytes = BASE64.decode(text.expose()).map_err(D::Error::custom)?;
        Ok(HandedOver(SecretBytes::new(bytes)))
    }
}

/// A backup to make: the question of `POST /backup`, whose answer is the backup.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AskedBackup {
    /// age recipients; none where there is a passphrase.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// A passphrase.
    #[serde(default)]
    pub passphrase: Option<HandedOver>,
}

impl AskedBackup {
    /// The question for a backup that is encrypted so.
    pub fn of(lock: &Lock) -> Self {
        match lock {
            Lock::Recipients(recipients) => AskedBackup {
                recipients: recipients.iter().map(ToString::to_string).collect(),
                passphrase: None,
            },
            Lock::Passphrase(passphrase) => AskedBackup {
                recipients: Vec::new(),
                passphrase: Some(HandedOver(SecretBytes::copy_of(passphrase.expose()))),
            },
        }
    }

    /// How it is to be encrypted.
    ///
    /// # Errors
    /// A recipient is none.
    pub fn lock(self) -> Result<Lock, AgeProblem> {
        if let Some(HandedOver(passphrase)) = self.passphrase {
            return Ok(Lock::Passphrase(passphrase));
        }
        let recipients = self.recipients.iter().map(|text| Recipient::parse(text));
        Ok(Lock::Recipients(recipients.collect::<Result<_, _>>()?))
    }
}

/// What to restore from a backup: the question of `POST /restore`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AskedRestore {
    /// The backup, as a whole path on the server's machine.
    pub file: PathBuf,
    /// What opens it: age identities, as their file has them.
    #[serde(default)]
    pub identities: Vec<HandedOver>,
    /// What opens it: a passphrase.
    #[serde(default)]
    pub passphrase: Option<HandedOver>,
    /// One secret, by its ARN.
    #[serde(default)]
    pub secret: Option<String>,
    /// One account.
    #[serde(default)]
    pub account: Option<String>,
    /// Whether what is there is replaced.
    #[serde(default)]
    pub overwrite: bool,
    /// Whether nothing is changed.
    #[serde(default)]
    pub dry_run: bool,
    /// The backup's root keys, where they aren't the server's.
    #[serde(default)]
    pub root_keys: Vec<HandedOver>,
}

impl AskedRestore {
    /// What opens the backup.
    ///
    /// # Errors
    /// An identity is none.
    pub fn opener(&self) -> Result<Opener, AgeProblem> {
        if let Some(HandedOver(passphrase)) = &self.passphrase {
            return Ok(Opener::Passphrase(SecretBytes::copy_of(
                passphrase.expose(),
            )));
        }
        let mut identities = Vec::new();
        for HandedOver(text) in &self.identities {
            identities.extend(Identity::parse_all(text)?);
        }
        Ok(Opener::Identities(identities))
    }
}

/// What the store knows of audit logs, which is asked of whoever has the store: the answer to `GET /audit/known`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct KnownOfLogs {
    /// The newest head of each log, its line.
    pub heads: Vec<String>,
    /// In base64, each log's oldest first.
    pub public_keys: Vec<String>,
}

/// What was restored: the answer of `POST /restore`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Restored {
    /// A line for each thing.
    pub what: Vec<String>,
}

/// What is known of keys: the answer to `GET /keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeysStatus {
    /// The root key in use.
    pub root_key_id: String,
    /// Since when, where a job took it into use; else it is the first one.
    pub root_key_since: Option<String>,
    /// Older ones under which something may still be sealed.
    pub retiring_root_key_ids: Vec<String>,
    /// What opens the root key.
    pub seals: Vec<Named>,
    /// The jobs that ran, or run.
    pub jobs: Vec<JobState>,
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct JobState {
    /// Its name.
    pub name: String,
    /// Whether it runs now.
    pub running: bool,
    /// Whether it came to its end.
    pub finished: bool,
    /// Items that it dealt with.
    pub done: u64,
    /// Items that it could not deal with.
    pub failed: u64,
    /// The first of those.
    pub problems: Vec<String>,
    /// What keeps it from going on; it tries again.
    pub last_error: Option<String>,
}

/// Whose data keys to renew: the question of `POST /keys/rotate-data-keys`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AskedRotation {
    /// The ARN of a KMS key or of an alias; all keys where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Which secrets depend on a KMS key: the question of `POST /keys/usage`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AskedKeyUsage {
    /// The ARN of the key or of an alias of it.
    pub key: String,
    /// The ARN of the last secret of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A page of the secrets that depend on a KMS key: the answer of `POST /keys/usage`. The page after
/// the last one is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeyUsage {
    /// The key.
    pub key_arn: String,
    /// Its state, by AWS's name.
    pub key_state: String,
    /// In the order of their ARNs.
    pub secrets: Vec<DependentSecret>,
}

/// A service control policy of an account: `POST /accounts/policies/` with `put`, `show`, `delete`, or `list` without a
/// name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AccountPolicy {
    /// Twelve digits.
    pub account_id: String,
    /// The policy's name.
    #[serde(default)]
    pub name: String,
    /// What it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
}

/// What was done to an account's service control policies, and which it has then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccountPolicies {
    /// The account.
    pub account_id: String,
    /// By name.
    pub names: Vec<String>,
    /// Whether full access was attached with the first one.
    #[serde(default)]
    pub full_access_attached: bool,
}

/// Why someone may do something, or may not: the question of `POST /access/explain`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AskedAccess {
    /// The principal's ARN.
    pub principal: String,
    /// What it is about.
    #[serde(flatten)]
    pub about: AskedAbout,
}

/// An action on something, as operators name it; alone, the question of `POST /access/who-can`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AskedAbout {
    /// The action.
    pub action: String,
    /// An ARN, or a name.
    pub resource: String,
    /// The account of a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The region of a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Condition keys with their values.
    #[serde(default)]
    pub context: Vec<(String, Vec<String>)>,
}

impl AskedAbout {
    /// As the rules take it.
    ///
    /// # Errors
    /// The account or the region is none.
    pub fn question(self) -> Result<Question, String> {
        let account = self.account.as_deref().map(AccountId::parse);
        let region = self.region.as_deref().map(Region::parse);
        Ok(Question {
            action: self.action,
            resource: self.resource,
            account: account.transpose().map_err(|error| error.to_string())?,
            region: region.transpose().map_err(|error| error.to_string())?,
            supposed: self.context,
        })
    }
}

/// Why, for each thing that is needed: the answer of `POST /access/explain`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Explained {
    /// The action itself, then what else it takes.
    pub explanations: Vec<Explanation>,
}

/// Which denial: the question of `POST /access/denied`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AskedDenial {
    /// The id of the request.
    pub request_id: String,
}

/// A new account: `POST /accounts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct NewAccount {
    /// Twelve digits.
    pub account_id: String,
}
