//! STS's refusals, in AWS's words. Statuses are `wire`'s.
//!
//! Source: AWS STS API Reference, errors of each operation; reference/kms-iam-sts.md §C3; texts from experience.

use super::session::TOKEN_BYTES_MAX;
use crate::refusal::Refusal;

/// The caller may not ask for this, whatever its policies say.
pub(super) fn denied(message: impl Into<String>) -> Refusal {
    Refusal::modeled("AccessDeniedException", message)
}

pub(super) fn root_assumes_no_role() -> Refusal {
    denied("Roles may not be assumed by root accounts.")
}

/// The code isn't one of the caller's device, or was taken before. Which of them isn't told.
pub(super) fn wrong_code() -> Refusal {
    denied("MultiFactorAuthentication failed with invalid MFA one time pass code.")
}

pub(super) fn half_a_second_factor() -> Refusal {
    Refusal::validation("Must provide both MFA serial number and one time pass code.")
}

/// Credentials of GetSessionToken, or any temporary ones, don't do for this.
pub(crate) fn session_asks(operation: &str) -> Refusal {
    denied(format!("Cannot call {operation} with session credentials"))
}

pub(super) fn invalid_role_arn() -> Refusal {
    Refusal::validation("Request ARN is invalid")
}

pub(super) fn longer_than_role_allows() -> Refusal {
    Refusal::validation(
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    )
}

pub(super) fn longer_than_chain_allows() -> Refusal {
    Refusal::validation(
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
    )
}

pub(super) fn invalid_value(message: &str) -> Refusal {
    Refusal::framework("InvalidParameterValue", message)
}

pub(super) fn inherited_tag() -> Refusal {
    invalid_value(
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the \
         calling session.",
    )
}

pub(super) fn transitive_tag_not_passed() -> Refusal {
    invalid_value("The specified transitive tag key must be included in the requested tags.")
}

pub(super) fn other_source_identity() -> Refusal {
    Refusal::validation("The source identity is already set for this assume role session")
}

pub(super) fn malformed_policy(message: impl Into<String>) -> Refusal {
    Refusal::framework("MalformedPolicyDocument", message)
}

pub(super) fn policies_too_long(characters: usize, most: usize) -> Refusal {
    packed_policy_too_large(format!(
        "The plaintext of the session policies has {characters} characters, more than the {most} that are allowed."
    ))
}

pub(super) fn token_too_large(bytes: usize) -> Refusal {
    packed_policy_too_large(format!(
        "The session token would be {bytes} bytes, more than the {TOKEN_BYTES_MAX} that are allowed: please use \
         smaller session policies, or fewer or shorter session tags."
    ))
}

fn packed_policy_too_large(message: String) -> Refusal {
    Refusal::framework("PackedPolicyTooLarge", message)
}

/// An operation, or a member of one, that this deployment hasn't.
pub(super) fn unsupported(reason: &str) -> Refusal {
    Refusal::framework("UnsupportedOperation", reason)
}

pub(super) fn invalid_identity_token(message: impl Into<String>) -> Refusal {
    Refusal::framework("InvalidIdentityToken", message)
}

pub(super) fn not_a_token() -> Refusal {
    invalid_identity_token(
        "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
    )
}

pub(super) fn missing_claim(name: &str) -> Refusal {
    invalid_identity_token(format!("Missing a required claim: {name}"))
}

pub(super) fn no_provider(issuer: &str) -> Refusal {
    invalid_identity_token(format!(
        "No OpenIDConnect provider found in your account for {issuer}"
    ))
}

pub(super) fn incorrect_audience() -> Refusal {
    invalid_identity_token("Incorrect token audience")
}

pub(super) fn no_verification_key() -> Refusal {
    invalid_identity_token(
        "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity \
         documentation for requirements",
    )
}

pub(super) fn token_not_yet_valid(now: i64, begins: i64) -> Refusal {
    invalid_identity_token(format!(
        "Token not yet valid: current date/time {now} must be after {begins}"
    ))
}

pub(super) fn token_expired(now: i64, expires: i64) -> Refusal {
    let message = format!(
        "Token expired: current date/time {now} must be before the expiration date/time {expires}"
    );
    Refusal::framework("ExpiredTokenException", message)
}

pub(super) fn provider_unreachable() -> Refusal {
    Refusal::framework(
        "IDPCommunicationError",
        "The identity provider's keys can't be retrieved. The reason is in the server's log.",
    )
}

pub(super) fn invalid_tags_in_token() -> Refusal {
    rejected_claim("The session tags in the token are not valid")
}

pub(super) fn invalid_source_identity_in_token() -> Refusal {
    rejected_claim("The source identity in the token is not valid")
}

fn rejected_claim(message: &str) -> Refusal {
    Refusal::framework("IDPRejectedClaim", message)
}

pub(super) fn unsigned() -> Refusal {
    Refusal::framework(
        "MissingAuthenticationToken",
        "Request is missing Authentication Token",
    )
}
