//! What KMS says when it refuses: AWS's codes and wording, each made in one place.
//!
//! Source: reference/kms-iam-sts.md §A3, §A4, §A8. Texts that AWS doesn't publish are our own.

use strongroom_keys::UseError;

use super::key::KmsKey;
use super::material;
use crate::caller::{AccountId, Region};
use crate::refusal::{MessageMember, Refusal, Stop};

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

/// Source: AWS KMS API Reference, the errors of the operations that say so.
pub(super) fn alias_exists(arn: &str) -> Refusal {
    refusal(
        "AlreadyExistsException",
        format!("An alias with the name {arn} already exists"),
    )
}

pub(super) fn invalid_alias_name(message: &str) -> Refusal {
    refusal("InvalidAliasNameException", message)
}

pub(super) fn reserved_alias() -> Refusal {
    refusal(
        "NotAuthorizedException",
        "Alias names that begin with alias/aws/ are reserved for AWS managed keys",
    )
}

pub(super) fn not_of_a_kind(old: &KmsKey, new: &KmsKey) -> Refusal {
    invalid_state(format!(
        "The alias names {} and can't name {}: both must have the same key usage, and be both \
         symmetric, both asymmetric or both HMAC keys.",
        old.arn(),
        new.arn()
    ))
}

pub(super) fn wrong_origin(key: &KmsKey) -> Refusal {
    unsupported(format!(
        "{} origin is {} which is not valid for this operation.",
        key.arn(),
        key.origin.name()
    ))
}

pub(super) fn malformed_policy(message: impl Into<String>) -> Refusal {
    refusal("MalformedPolicyDocumentException", message)
}

pub(super) fn tag(message: &str) -> Refusal {
    refusal("TagException", message)
}

pub(super) fn limit_exceeded(message: impl Into<String>) -> Refusal {
    refusal("LimitExceededException", message)
}

pub(super) fn invalid_marker() -> Refusal {
    refusal("InvalidMarkerException", "Could not deserialize marker")
}

pub(super) fn invalid_principal(arn: &str) -> Refusal {
    refusal(
        "InvalidArnException",
        format!("ARN does not refer to a valid principal: {arn}"),
    )
}

pub(super) fn grant_not_found(grant_id: &str) -> Refusal {
    not_found(format!("Grant ID {grant_id} not found"))
}

pub(super) fn invalid_grant_token() -> Refusal {
    refusal(
        "InvalidGrantTokenException",
        "The grant token is not valid.",
    )
}

pub(super) fn may_not_retire(caller: &str, grant_id: &str) -> Refusal {
    Refusal::modeled(
        "AccessDeniedException",
        format!(
            "User: {caller} is not authorized to perform: kms:RetireGrant on grant: {grant_id}"
        ),
    )
}

pub(super) fn dry_run() -> Refusal {
    refusal(
        "DryRunOperationException",
        "The request would have succeeded, but the DryRun option is set.",
    )
}

/// AWS gives no message.
pub(super) fn invalid_ciphertext() -> Refusal {
    Refusal {
        code: "InvalidCiphertextException",
        message: None,
        member: MessageMember::LowerCase,
    }
}

/// The key that a ciphertext names isn't the one that the request names.
pub(super) fn incorrect_key() -> Refusal {
    refusal(
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
    )
}

/// What is to be decrypted names no key, nor does the request.
pub(super) fn opener_unnamed() -> Refusal {
    Refusal::validation(
        "The request must name the KMS key to decrypt with: the ciphertext doesn't say it.",
    )
}

/// What a ciphertext's header names, nobody but those who may use it learns about.
///
/// Source: reference/kms-iam-sts.md §A4, Decrypt.
pub(super) fn unknown_ciphertext_key() -> Refusal {
    Refusal::modeled(
        "AccessDeniedException",
        "The ciphertext refers to a customer master key that does not exist, does not exist in \
         this region, or you are not allowed to access.",
    )
}

pub(super) fn invalid_usage(message: impl Into<String>) -> Refusal {
    refusal("InvalidKeyUsageException", message)
}

/// An operation for symmetric keys alone.
pub(super) fn not_for(key: &KmsKey, operation: &str) -> Refusal {
    invalid_usage(format!(
        "{} key spec is {} which is not valid for {operation}.",
        key.arn(),
        key.spec.name()
    ))
}

pub(super) fn algorithm(name: &str, key: &KmsKey) -> Refusal {
    invalid_usage(format!(
        "Algorithm {name} is incompatible with key spec {}.",
        key.spec.name()
    ))
}

pub(super) fn invalid_mac() -> Refusal {
    refusal("KMSInvalidMacException", "The HMAC is not valid.")
}

pub(super) fn invalid_signature() -> Refusal {
    refusal(
        "KMSInvalidSignatureException",
        "The signature is not valid.",
    )
}

/// Why material was not used: the request's fault, or the record's.
pub(super) fn of_use(error: UseError, key: &KmsKey) -> Stop {
    match error {
        UseError::Algorithm => Stop::Refused(invalid_usage(format!(
            "{} has no such algorithm.",
            key.arn()
        ))),
        UseError::DigestLength { expected_bytes } => Stop::Refused(Refusal::validation(format!(
            "Digest is invalid length for algorithm: it must have {expected_bytes} bytes."
        ))),
        UseError::NoDigest => Stop::Refused(Refusal::validation(
            "The algorithm takes a message: MessageType must be RAW.",
        )),
        UseError::TooLong => Stop::Refused(Refusal::validation(
            "The plaintext is too long for the key and the algorithm.",
        )),
        UseError::NotDecrypted => Stop::Refused(invalid_ciphertext()),
        UseError::Open(_) | UseError::Library => material::unusable(key, error),
    }
}

pub(super) fn invalid_import_token() -> Refusal {
    refusal(
        "InvalidImportTokenException",
        "The import token is not valid for this key.",
    )
}

pub(super) fn expired_import_token() -> Refusal {
    refusal(
        "ExpiredImportTokenException",
        "The import token has expired. Get another one with GetParametersForImport.",
    )
}

pub(super) fn wrong_material(key: &KmsKey) -> Refusal {
    refusal(
        "IncorrectKeyMaterialException",
        format!("The key material is not that of a {} key.", key.spec.name()),
    )
}

pub(super) fn other_material(key: &KmsKey) -> Refusal {
    refusal(
        "IncorrectKeyMaterialException",
        format!(
            "The key material is not the one that was imported into {} before.",
            key.arn()
        ),
    )
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
