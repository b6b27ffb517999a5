//! Which keys' material can be renewed.
//!
//! Source: AWS KMS Developer Guide, Rotate AWS KMS keys.

use strongroom_keys::KeySpec;

use super::key::{KmsKey, Origin};
use super::refusals;
use crate::refusal::Refusal;

/// The usual time between two renewals.
pub(super) const PERIOD_DAYS_USUAL: u32 = 365;

/// Only symmetric encryption keys have more than one version of material.
pub(super) fn refuse_unless_symmetric(key: &KmsKey) -> Result<(), Refusal> {
    if key.spec == KeySpec::SymmetricDefault {
        return Ok(());
    }
    Err(refusals::unsupported(format!(
        "{} key spec is {} which is not valid for this operation.",
        key.arn(),
        key.spec.name()
    )))
}

/// Only material that is made here is renewed here.
pub(super) fn refuse_unless_renewable(key: &KmsKey) -> Result<(), Refusal> {
    refuse_unless_symmetric(key)?;
    match key.origin {
        Origin::AwsKms => Ok(()),
        Origin::External => Err(refusals::wrong_origin(key)),
    }
}
