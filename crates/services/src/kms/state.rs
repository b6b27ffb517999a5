//! Which states of a key an operation bears.
//!
//! Source: AWS KMS Developer Guide, Key states of AWS KMS keys, "Key state table";
//! reference/kms-iam-sts.md §A3.

use super::key::{KeyState, KmsKey};
use super::refusals;
use crate::refusal::Refusal;

/// For operations that all keys bear but those that will be gone.
pub(super) fn unless_pending_deletion(key: &KmsKey) -> Result<(), Refusal> {
    match key.state {
        KeyState::PendingDeletion { .. } => Err(refusals::pending_deletion(&key.arn())),
        KeyState::Enabled | KeyState::Disabled | KeyState::PendingImport => Ok(()),
    }
}

/// For operations that only keys with material bear, whether enabled or not.
pub(super) fn if_it_has_material(key: &KmsKey) -> Result<(), Refusal> {
    unless_pending_deletion(key)?;
    match key.state {
        KeyState::PendingImport => Err(refusals::pending_import(&key.arn())),
        _ => Ok(()),
    }
}

/// For operations that only enabled keys bear.
pub(super) fn if_enabled(key: &KmsKey) -> Result<(), Refusal> {
    if_it_has_material(key)?;
    match key.state {
        KeyState::Disabled => Err(refusals::disabled(&key.arn())),
        _ => Ok(()),
    }
}
