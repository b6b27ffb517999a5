//! A key that may be used right now: the proof that its state and its kind allow it, which all
//! cryptography asks for.
//!
//! Source: AWS KMS Developer Guide, Key states of AWS KMS keys; reference/kms-iam-sts.md §A3.

use std::sync::Arc;

use super::key::{BackingMaterial, KeyState, KeyUsage, KmsKey};
use super::refusals;
use crate::refusal::Refusal;

/// A key whose state and kind allow what it is used for. Whether the caller may is the gate's.
#[derive(Clone, Debug)]
pub struct UsableKey {
    key: Arc<KmsKey>,
    /// INVARIANT: an index into the key's material, its last.
    current: usize,
}

/// Why a key can't be used.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// Its state doesn't allow it.
    State(KeyState),
    /// It is for something else.
    Usage,
}

impl UsableKey {
    /// Checks a key's state and what it is for.
    ///
    /// # Errors
    /// [`Unusable`]
    pub fn check(key: Arc<KmsKey>, usage: KeyUsage) -> Result<Self, Unusable> {
        if key.state != KeyState::Enabled {
            return Err(Unusable::State(key.state));
        }
        if key.usage != usage {
            return Err(Unusable::Usage);
        }
        match key.material.len().checked_sub(1) {
            Some(current) => Ok(UsableKey { key, current }),
            None => Err(Unusable::State(KeyState::PendingImport)),
        }
    }

    /// The key.
    pub fn key(&self) -> &KmsKey {
        &self.key
    }

    /// The key, shared.
    pub(crate) fn shared(&self) -> Arc<KmsKey> {
        Arc::clone(&self.key)
    }

    /// The version of its material that encrypts and signs.
    pub fn current(&self) -> &BackingMaterial {
        &self.key.material[self.current]
    }
}

impl Unusable {
    /// How KMS says it. `operation` is the operation's name.
    pub(super) fn refusal(self, key: &KmsKey, operation: &str) -> Refusal {
        match self {
            Unusable::State(KeyState::Disabled) => refusals::disabled(&key.arn()),
            Unusable::State(KeyState::PendingDeletion { .. }) => {
                refusals::pending_deletion(&key.arn())
            }
            Unusable::State(KeyState::PendingImport | KeyState::Enabled) => {
                refusals::pending_import(&key.arn())
            }
            Unusable::Usage => refusals::invalid_usage(format!(
                "{} key usage is {} which is not valid for {operation}.",
                key.arn(),
                key.usage.name()
            )),
        }
    }
}
