//! Runs people's unmodified Lambda functions in processes of this machine.
//!
//! It may not know what a function is for, nor where its code and credentials come from.

mod settings;

use std::time::Duration;

use strongroom_keys::SecretBytes;
use strongroom_services::lambda::function_arn::FunctionArn;
use strongroom_services::time::Timestamp;

pub use settings::{Isolation, RuntimeSettings};

use crate::functions::{NotInvoked, Outcome};

/// Everything about a function that decides how its process looks.
#[derive(Debug)]
pub struct Launch {
    /// The function, qualified by the version that runs.
    pub function: FunctionArn,
    /// Changes whenever the code or the configuration does: a process of another revision isn't used again.
    pub revision: String,
    /// The SHA-256 hash of the code, in base64, as `CodeSha256` has it.
    pub code_sha256: String,
    /// What runs the code.
    pub language: Language,
    /// The configuration's `Handler`, such as `app.handler`.
    pub handler: String,
    /// The configuration's environment variables.
    pub environment: Vec<(String, SecretBytes)>,
    /// Most memory of all its processes, in MiB.
    pub memory_mib: u32,
    /// How long an invocation may take.
    pub timeout: Duration,
}

/// What runs a function's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// The machine's Python: `python3.*`.
    Python,
    /// The machine's Node.js: `nodejs*`.
    Node,
    /// The executable `bootstrap` of the code itself: `provided*`.
    Provided,
}

/// Temporary credentials of a function's role.
#[derive(Debug)]
pub struct RoleCredentials {
    /// The access key's id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: SecretBytes,
    /// The session token.
    pub session_token: String,
    /// When they end: a process isn't used again shortly before.
    pub expires: Timestamp,
}

/// What a new process needs. It is asked for only when one is started.
pub trait Supplies: Send + Sync {
    /// The code, a ZIP archive.
    ///
    /// # Errors
    /// Why there is none, without a secret.
    fn code(&self) -> Result<Vec<u8>, String>;

    /// New credentials of the function's role, good for an hour or so.
    ///
    /// # Errors
    /// Why there are none, without a secret.
    fn credentials(&self) -> Result<RoleCredentials, String>;
}

/// Processes of functions, started when needed and kept for a while.
#[derive(Debug)]
pub struct Runtime {
    _settings: RuntimeSettings,
}

impl Runtime {
    /// A runtime without processes. What an earlier one left in its folder is removed.
    ///
    /// # Errors
    /// What is missing on this machine, and what to do.
    pub fn new(settings: RuntimeSettings) -> Result<Self, String> {
        Ok(Self {
            _settings: settings,
        })
    }

    /// Gives a function something to do and waits for what it answers.
    ///
    /// If the future is dropped, the process is ended.
    ///
    /// # Errors
    /// [`NotInvoked::Busy`], [`NotInvoked::Unfit`]
    pub async fn invoke(
        &self,
        launch: &Launch,
        supplies: &dyn Supplies,
        payload: &SecretBytes,
    ) -> Outcome {
        let _ = (supplies, payload);
        Err(NotInvoked::Unfit(format!(
            "{} can't run: this server runs no functions of its own",
            launch.function
        )))
    }

    /// Ends all processes, and starts no more.
    pub async fn shut_down(&self) {}
}
