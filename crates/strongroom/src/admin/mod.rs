//! The operators' socket: what `strongroom admin` and `strongroom doctor` ask a running server.
//!
//! HTTP/1.1 with JSON over a unix socket that only this user and root may use. Operators aren't readers: nothing here
//! leads to a secret's value (threat 19), and an account's root credentials are told once, when it is made.

mod client;
mod server;
mod socket;

use serde::{Deserialize, Serialize};
use strongroom_services::secretsmanager::key_usage::DependentSecret;

pub use client::{AdminError, ask};
pub use server::{AdminServer, serve};
pub use socket::bind;

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

/// What is known of keys: the answer to `GET /keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeysStatus {
    /// The root key in use.
    pub root_key_id: String,
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

/// A new account: `POST /accounts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct NewAccount {
    /// Twelve digits.
    pub account_id: String,
}
