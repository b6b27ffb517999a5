//! What KMS says when it refuses: AWS's codes and wording, each made in one place.
//!
//! Source: reference/kms-iam-sts.md §A3, §A4, §A8. Texts that AWS doesn't publish are our own.

use crate::caller::{AccountId, Region};
use crate::refusal::{MessageMember, Refusal};

pub(super) fn key_not_found(owner: &AccountId, region: &Region, key_id: &str) -> Refusal {
    not_found(format!(
        "Key 'arn:{}:kms:{region}:{owner}:key/{key_id}' does not exist",
        region.partition()
    ))
}

pub(super) fn alias_not_found(arn: &str) -> Refusal {
    not_found(format!("Alias {arn} is not found."))
}

pub(super) fn invalid_key_id(given: &str) -> Refusal {
    not_found(format!("Invalid keyId '{given}'"))
}

pub(super) fn arn_of_other_region(region: &str) -> Refusal {
    not_found(format!("Invalid arn {region}"))
}

pub(super) fn invalid_arn(given: &str) -> Refusal {
    refusal("InvalidArnException", format!("Invalid arn {given}"))
}

pub(super) fn disabled(key_arn: &str) -> Refusal {
    refusal("DisabledException", format!("{key_arn} is disabled."))
}

pub(super) fn pending_deletion(key_arn: &str) -> Refusal {
    invalid_state(format!("{key_arn} is pending deletion."))
}

pub(super) fn pending_import(key_arn: &str) -> Refusal {
    invalid_state(format!("{key_arn} is pending import."))
}

pub(super) fn invalid_state(message: impl Into<String>) -> Refusal {
    refusal("KMSInvalidStateException", message)
}

pub(super) fn not_found(message: impl Into<String>) -> Refusal {
    refusal("NotFoundException", message)
}

pub(super) fn unsupported(message: impl Into<String>) -> Refusal {
    refusal("UnsupportedOperationException", message)
}

/// An error of KMS's model, which all have a lower-case `message`.
pub(super) fn refusal(code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal {
        code,
        message: Some(message.into()),
        member: MessageMember::LowerCase,
    }
}
