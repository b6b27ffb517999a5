//! What a rotation function is asked, and what its answer means. It may not know who runs it.
//!
//! Source: AWS Secrets Manager User Guide, Lambda rotation functions; reference/rotation.md §2.

use serde::{Deserialize, Serialize};
use strongroom_keys::{Entropy, Keyring, Sealed, SecretBytes};

use super::step::Step;
use crate::refusal::Stop;

/// Characters of a function's own words about its failure that are kept.
const MESSAGE_CHARACTERS_MAX: usize = 1024;
/// Bytes of the number in a rotation token.
const NUMBER_BYTES: usize = 8;

/// The event of a step. Its keys are these exactly: functions compare them letter by letter.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Event<'a> {
    step: &'static str,
    secret_id: &'a str,
    client_request_token: &'a str,
    rotation_token: &'a str,
}

/// What the function of a rotation is given in a step. `arn` is the secret's.
pub(super) fn event(
    step: Step,
    arn: &str,
    version_id: &str,
    rotation_token: &str,
) -> Result<SecretBytes, Stop> {
    let event = Event {
        step: step.name(),
        secret_id: arn,
        client_request_token: version_id,
        rotation_token,
    };
    let event = serde_json::to_vec(&event).map_err(|error| Stop::Unavailable(Box::new(error)))?;
    Ok(SecretBytes::new(event))
}

/// What proves that its bearer acts for a rotation. It is sealed rather than kept: whoever reads the store learns none.
pub(super) fn rotation_token(
    arn: &str,
    version_id: &str,
    number: u64,
    keyring: &Keyring,
    entropy: &dyn Entropy,
) -> String {
    let sealed = keyring.seal_token(&purpose(arn, version_id), &number.to_be_bytes(), entropy);
    sealed
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Whether a token is one of this rotation's.
pub fn is_rotation_token(
    token: &SecretBytes,
    arn: &str,
    version_id: &str,
    number: u64,
    keyring: &Keyring,
) -> bool {
    let Some(bytes) = from_hexadecimal(token.expose()) else {
        return false;
    };
    let opened = keyring.open_token(&purpose(arn, version_id), &Sealed::from_bytes(bytes));
    let number = SecretBytes::copy_of(&number.to_be_bytes());
    opened.is_ok_and(|opened| opened.len() == NUMBER_BYTES && opened.matches(&number))
}

fn purpose(arn: &str, version_id: &str) -> String {
    format!("rotation of {arn} to {version_id}")
}

fn from_hexadecimal(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs
        .map(|pair| Some(digit(&pair[0])? << 4 | digit(&pair[1])?))
        .collect()
}

/// What became of a step, as whoever ran the function tells it.
#[derive(Debug)]
pub enum Ran {
    /// It returned. What it answered doesn't matter.
    Done,
    /// It failed; what it says of that, which may hold values.
    Failed(SecretBytes),
    /// It didn't run, or nobody knows whether it did.
    NotRun {
        /// Why.
        why: NotRun,
        /// In words, which hold no value.
        text: String,
    },
}

impl Ran {
    /// Whether it should be tried again in a moment.
    pub(super) fn is_busy(&self) -> bool {
        let Ran::NotRun { why, .. } = self else {
            return false;
        };
        *why == NotRun::Busy
    }
}

/// Why a function didn't run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotRun {
    /// There is none of that ARN.
    Missing,
    /// It may not be invoked for this secret.
    Denied,
    /// It can't run just now.
    Busy,
    /// It can't run as it is set up.
    Unfit,
    /// Whoever runs it can't be reached.
    Unreachable,
    /// It is built in, and says itself what is wrong.
    Failed,
}

/// What a function says of its failure: the type and the message in its payload. Other payloads aren't shown.
pub(super) fn failure_of(payload: &[u8]) -> (Option<String>, String) {
    #[derive(Deserialize)]
    struct Failure {
        #[serde(rename = "errorType")]
        error_type: Option<String>,
        #[serde(rename = "errorMessage")]
        message: Option<String>,
    }
    let failure: Option<Failure> = serde_json::from_slice(payload).ok();
    let Some(failure) = failure else {
        return (None, "the function failed without saying why".to_owned());
    };
    let message = failure.message.unwrap_or_default();
    let message = message.chars().take(MESSAGE_CHARACTERS_MAX).collect();
    (failure.error_type, message)
}
