//! What Secrets Manager says when it refuses: AWS's codes and wording, each made in one place.
//!
//! Source: reference/api.md §1.2 and §1.3. Texts that AWS doesn't publish are our own and say so.

use crate::refusal::Refusal;

pub(super) fn secret_not_found() -> Refusal {
    not_found("Secrets Manager can't find the specified secret.")
}

pub(super) fn label_not_found(label: &str) -> Refusal {
    not_found(format!(
        "Secrets Manager can't find the specified secret value for staging label: {label}"
    ))
}

pub(super) fn version_not_found(version_id: &str) -> Refusal {
    not_found(format!(
        "Secrets Manager can't find the specified secret value for VersionId: {version_id}"
    ))
}

/// Our own wording.
pub(super) fn kms_key_not_found(named: &str) -> Refusal {
    not_found(format!(
        "Secrets Manager can't find the specified KMS key: {named}"
    ))
}

/// Source: reference/access-control.md §10.
pub(super) fn kms_access_denied() -> Refusal {
    Refusal::modeled("AccessDeniedException", "Access to KMS is not allowed")
}

/// Source: reference/api.md §1.3.
pub(super) fn service_key_of_other_account() -> Refusal {
    invalid_request(
        "You can't access a secret from a different AWS account if you encrypt the secret with the \
         default KMS service key.",
    )
}

pub(super) fn decryption_failure() -> Refusal {
    Refusal::modeled(
        "DecryptionFailure",
        "Secrets Manager can't decrypt the protected secret text using the provided KMS key.",
    )
}

pub(super) fn encryption_failure() -> Refusal {
    Refusal::modeled(
        "EncryptionFailure",
        "Secrets Manager can't encrypt the protected secret text using the provided KMS key. Check \
         that the KMS key is available, enabled, and not in an invalid state.",
    )
}

pub(super) fn asymmetric_key() -> Refusal {
    invalid_parameter("Cannot generate a data key with an asymmetric KMS key")
}

pub(super) fn stage_not_on_version() -> Refusal {
    invalid_request("You provided a VersionStage that is not associated to the provided VersionId.")
}

pub(super) fn marked_for_deletion() -> Refusal {
    invalid_request(
        "You can't perform this operation on the secret because it was marked for deletion.",
    )
}

pub(super) fn name_scheduled_for_deletion() -> Refusal {
    invalid_request(
        "You can't create this secret because a secret with this name is already scheduled for \
         deletion.",
    )
}

pub(super) fn name_exists(name: &str) -> Refusal {
    exists(format!(
        "The operation failed because the secret {name} already exists."
    ))
}

pub(super) fn token_in_use(token: &str, arn: &str) -> Refusal {
    exists(format!(
        "You can't use ClientRequestToken {token} because that value is already in use for a \
         version of secret {arn}."
    ))
}

pub(super) fn token_missing() -> Refusal {
    invalid_request("You must provide a ClientRequestToken value. We recommend a UUID-type value.")
}

pub(super) fn value_missing() -> Refusal {
    invalid_request("You must provide either SecretString or SecretBinary.")
}

pub(super) fn two_values() -> Refusal {
    invalid_parameter(
        "You can't specify both a binary secret value and a string secret value in the same secret.",
    )
}

pub(super) fn invalid_name() -> Refusal {
    Refusal::validation(
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the \
         following: -/_+=.@!",
    )
}

pub(super) fn invalid_arn() -> Refusal {
    invalid_parameter("Invalid ARN.")
}

pub(super) fn already_marked_deleted() -> Refusal {
    invalid_request(
        "You tried to perform the operation on a secret that's currently marked deleted.",
    )
}

pub(super) fn recovery_window_out_of_range() -> Refusal {
    invalid_parameter("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
}

pub(super) fn force_with_recovery_window() -> Refusal {
    invalid_parameter(
        "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
    )
}

pub(super) fn label_holder_not_named(label: &str, holder: &str) -> Refusal {
    invalid_parameter(format!(
        "The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently \
         attached to version {holder}, so you must explicitly reference that version in \
         RemoveFromVersionId."
    ))
}

pub(super) fn current_cannot_be_removed() -> Refusal {
    invalid_parameter(
        "You can only move staging label AWSCURRENT to a different secret version. It can't be \
         completely removed.",
    )
}

pub(super) fn too_many_labels() -> Refusal {
    limit_exceeded("You've reached the limit of 20 staging labels for this secret.")
}

pub(super) fn too_many_versions() -> Refusal {
    limit_exceeded(
        "You've reached the limit of versions for this secret. Versions without staging labels \
         are removed once they are older than 24 hours.",
    )
}

pub(super) fn too_many_secrets(limit: u64) -> Refusal {
    limit_exceeded(format!(
        "You've reached the limit of {limit} secrets in this Region."
    ))
}

pub(super) fn invalid_next_token() -> Refusal {
    Refusal::modeled("InvalidNextTokenException", "Invalid NextToken.")
}

/// Source: reference/api.md §1.3.
pub(super) fn no_rotation_function() -> Refusal {
    invalid_request("No Lambda rotation function ARN is associated with this secret.")
}

/// Source: reference/api.md §1.3.
pub(super) fn rotation_unfinished() -> Refusal {
    invalid_request("A previous rotation isn't complete. That rotation will be reattempted.")
}

/// Source: reference/api.md §6.14.
pub(super) fn rotation_never_configured() -> Refusal {
    invalid_request(
        "You tried to enable rotation on a secret that doesn't already have a Lambda function ARN \
         configured and you didn't include such an ARN as a parameter in this call.",
    )
}

/// Source: reference/api.md §1.3.
pub(super) fn two_schedules() -> Refusal {
    invalid_parameter(
        "You cannot specify both rotation frequency and schedule expression together.",
    )
}

/// Our own wording.
pub(super) fn no_schedule() -> Refusal {
    invalid_parameter(
        "You must specify when the secret rotates: RotationRules with AutomaticallyAfterDays or \
         ScheduleExpression.",
    )
}

/// Source: AWS Secrets Manager User Guide, Troubleshoot rotation.
pub(crate) fn function_not_invocable(function: &str) -> Refusal {
    Refusal::modeled(
        "AccessDeniedException",
        format!(
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function \
             policy grants access to the principal secretsmanager.amazonaws.com. Function: {function}"
        ),
    )
}

/// Our own wording.
pub(super) fn not_of_this_rotation() -> Refusal {
    invalid_request("The RotationToken doesn't belong to a rotation of this secret.")
}

pub(super) fn malformed_policy(message: impl Into<String>) -> Refusal {
    Refusal::modeled("MalformedPolicyDocumentException", message)
}

pub(super) fn public_policy() -> Refusal {
    Refusal::modeled(
        "PublicPolicyException",
        "This resource policy grants broad access to your secret.",
    )
}

pub(crate) fn invalid_parameter(message: impl Into<String>) -> Refusal {
    Refusal::modeled("InvalidParameterException", message)
}

pub(crate) fn invalid_request(message: impl Into<String>) -> Refusal {
    Refusal::modeled("InvalidRequestException", message)
}

fn not_found(message: impl Into<String>) -> Refusal {
    Refusal::modeled("ResourceNotFoundException", message)
}

fn exists(message: impl Into<String>) -> Refusal {
    Refusal::modeled("ResourceExistsException", message)
}

fn limit_exceeded(message: impl Into<String>) -> Refusal {
    Refusal::modeled("LimitExceededException", message)
}
