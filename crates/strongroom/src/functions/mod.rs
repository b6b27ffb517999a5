//! Functions: what is asked of one, and what it answers. Who runs them, here or elsewhere, is in the modules below.
//!
//! It may not know what a function is for.

pub(crate) mod api;
pub(crate) mod code_sweep;
mod local;
pub mod outside;
pub mod resolution;
pub mod runtime;
pub mod webhook;

use strongroom_keys::SecretBytes;
use strongroom_services::lambda::function_arn::FunctionArn;

/// Most bytes of what a function is given, and of what it answers.
///
/// Source: AWS Lambda Developer Guide, Lambda quotas, Invocation payload.
pub const PAYLOAD_BYTES_MAX: usize = 6 * 1024 * 1024;
/// Bytes of a function's log that are kept of an invocation: the last ones.
///
/// Source: AWS Lambda API Reference, Invoke, `LogType`.
pub const LOG_TAIL_BYTES_MAX: usize = 4 * 1024;

/// A call of a function that is waited for.
#[derive(Debug)]
pub struct Invocation {
    /// Which function, or which version or alias of it.
    pub function: FunctionArn,
    /// What it is given: JSON.
    pub payload: SecretBytes,
}

/// What a function that ran has answered. It may hold secrets, and so may what it wrote to its log.
#[derive(Debug)]
pub struct Answer {
    /// JSON; where it failed, `errorMessage`, `errorType` and `stackTrace`.
    pub payload: SecretBytes,
    /// How it failed; `None`: it didn't.
    pub error: Option<FunctionError>,
    /// The last [`LOG_TAIL_BYTES_MAX`] bytes at most of what it wrote to its log; empty where that isn't known.
    pub log_tail: SecretBytes,
    /// Which version ran, such as `$LATEST` or `3`.
    pub executed_version: String,
}

/// How a function failed: the values of `X-Amz-Function-Error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionError {
    /// It said so itself.
    Handled,
    /// It was ended, by its own fault or by a limit.
    Unhandled,
}

impl FunctionError {
    /// The header's value.
    pub fn name(self) -> &'static str {
        match self {
            FunctionError::Handled => "Handled",
            FunctionError::Unhandled => "Unhandled",
        }
    }
}

/// Why a function did not run, or nobody knows whether it did. The texts are for whoever looks after a rotation, and
/// hold no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotInvoked {
    /// There is no such function.
    #[error(
        "there is no function {0}: create it, or give the secret another function with RotateSecret"
    )]
    Missing(String),
    /// Its policy, or whoever runs it, doesn't let this server invoke it.
    #[error("{0}")]
    Denied(String),
    /// It can't run just now; the same call may work in a while.
    #[error("{0}")]
    Busy(String),
    /// It can't run as it is set up.
    #[error("{0}")]
    Unfit(String),
    /// Whoever runs it couldn't be reached, or didn't answer as a server of functions does.
    #[error("{0}")]
    Unreachable(String),
}

/// What an invocation comes to.
pub type Outcome = Result<Answer, NotInvoked>;
