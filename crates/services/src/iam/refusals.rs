//! IAM's refusals, in AWS's words. Statuses are `wire`'s.
//!
//! Source: AWS IAM API Reference, errors of each operation; reference/kms-iam-sts.md §B4; texts from experience.

use crate::refusal::Refusal;

fn no_such_entity(message: String) -> Refusal {
    Refusal::framework("NoSuchEntity", message)
}

pub(super) fn no_such_user(name: &str) -> Refusal {
    no_such_entity(format!("The user with name {name} cannot be found."))
}

pub(super) fn no_such_user_policy(name: &str) -> Refusal {
    no_such_entity(format!("The user policy with name {name} cannot be found."))
}

pub(super) fn no_such_role(name: &str) -> Refusal {
    no_such_entity(format!("The role with name {name} cannot be found."))
}

pub(super) fn no_such_oidc_provider(arn: &str) -> Refusal {
    no_such_entity(format!("OpenIDConnect Provider not found for arn {arn}"))
}

pub(super) fn no_such_access_key(id: &str) -> Refusal {
    no_such_entity(format!("The Access Key with id {id} cannot be found."))
}

pub(super) fn user_exists(name: &str) -> Refusal {
    let message = format!("User with name {name} already exists.");
    Refusal::framework("EntityAlreadyExists", message)
}

pub(super) fn role_exists(name: &str) -> Refusal {
    let message = format!("Role with name {name} already exists.");
    Refusal::framework("EntityAlreadyExists", message)
}

pub(super) fn oidc_provider_exists(url: &str) -> Refusal {
    let message = format!("Provider with url https://{url} already exists.");
    Refusal::framework("EntityAlreadyExists", message)
}

/// What must be done first.
pub(super) fn delete_conflict(first: &str) -> Refusal {
    let message = format!("Cannot delete entity, must {first} first.");
    Refusal::framework("DeleteConflict", message)
}

/// A quota, by its name.
pub(super) fn quota(name: &str, most: usize) -> Refusal {
    let message = format!("Cannot exceed quota for {name}: {most}");
    Refusal::framework("LimitExceeded", message)
}

pub(super) fn inline_policies_too_large(of: &str, most: usize) -> Refusal {
    let message = format!("Maximum policy size of {most} bytes exceeded for {of}");
    Refusal::framework("LimitExceeded", message)
}

pub(super) fn malformed_policy(message: impl Into<String>) -> Refusal {
    Refusal::framework("MalformedPolicyDocument", message)
}

pub(super) fn invalid_input(message: impl Into<String>) -> Refusal {
    Refusal::framework("InvalidInput", message)
}

pub(super) fn invalid_marker() -> Refusal {
    Refusal::validation("Invalid Marker.")
}

pub(super) fn name_needed() -> Refusal {
    Refusal::validation("Must specify userName when calling with non-User credentials")
}

/// An operation, or a member of one, that this deployment hasn't.
pub(super) fn unsupported(reason: &str) -> Refusal {
    Refusal::framework("UnsupportedOperation", reason)
}
