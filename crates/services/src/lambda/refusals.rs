//! What Lambda says when it refuses: AWS's codes and wording, each made in one place.
//!
//! Source: AWS Lambda API Reference, the errors of the operations that say so; texts from experience, and our own where
//! AWS publishes none.

use super::function::Function;
use super::function_arn::FunctionArn;
use crate::operation::Given;
use crate::refusal::Refusal;

pub(super) fn function_not_found(arn: &FunctionArn) -> Refusal {
    not_found(format!("Function not found: {arn}"))
}

pub(super) fn other_region(arn: &FunctionArn, here: &str) -> Refusal {
    not_found(format!(
        "Functions from '{}' are not reachable in this region ('{here}')",
        arn.region
    ))
}

pub(super) fn alias_not_found(arn: &FunctionArn) -> Refusal {
    not_found(format!("Cannot find alias arn: {arn}"))
}

pub(super) fn not_found(message: impl Into<String>) -> Refusal {
    Refusal::modeled("ResourceNotFoundException", message)
}

pub(super) fn function_exists(name: &str) -> Refusal {
    conflict(format!("Function already exist: {name}"))
}

pub(super) fn conflict(message: impl Into<String>) -> Refusal {
    Refusal::framework("ResourceConflictException", message)
}

pub(super) fn parameter(message: impl Into<String>) -> Refusal {
    Refusal::framework("InvalidParameterValueException", message)
}

/// A member that AWS has and this deployment can't give a meaning.
pub(super) fn unsupported(member: &str, why: &str) -> Refusal {
    parameter(format!("Strongroom doesn't support {member}: {why}"))
}

pub(super) fn qualifiers_differ() -> Refusal {
    parameter(
        "The derived qualifier from the function name does not match the specified qualifier.",
    )
}

/// What is sealed under Lambda's key of an account is changed from that account alone.
///
/// # Refusals
/// `AccessDeniedException`
pub(super) fn unless_own(function: &Function, given: &Given<'_>) -> Result<(), Refusal> {
    if function.arn.account == given.caller.account {
        return Ok(());
    }
    Err(Refusal::modeled(
        "AccessDeniedException",
        "Lambda was unable to use the KMS key of the function's account: change the function from that account.",
    ))
}

pub(super) fn revision() -> Refusal {
    Refusal::framework(
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve \
         the latest Revision Id",
    )
}

pub(super) fn role_not_assumable() -> Refusal {
    parameter("The role defined for the function cannot be assumed by Lambda.")
}

pub(super) fn foreign_role() -> Refusal {
    Refusal::modeled(
        "AccessDeniedException",
        "Cross-account pass role is not allowed.",
    )
}

pub(super) fn not_a_zip() -> Refusal {
    parameter("Could not unzip uploaded file. Please check your file, then try to upload again.")
}

pub(super) fn unzipped_too_large(most: u64) -> Refusal {
    parameter(format!("Unzipped size must be smaller than {most} bytes"))
}

pub(super) fn storage_exceeded(message: impl Into<String>) -> Refusal {
    Refusal::framework("CodeStorageExceededException", message)
}

pub(super) fn policy_too_long(most: usize) -> Refusal {
    Refusal::framework(
        "PolicyLengthExceededException",
        format!("The final policy size is bigger than the limit ({most})."),
    )
}

pub(super) fn invalid_marker() -> Refusal {
    parameter("Invalid Marker: it isn't one that this list gave out, or too old.")
}
