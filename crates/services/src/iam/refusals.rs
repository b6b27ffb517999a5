//! IAM's refusals, in AWS's words. Statuses are `wire`'s.
//!
//! Source: AWS IAM API Reference, errors of each operation; reference/kms-iam-sts.md §B4; texts from experience.

use crate::refusal::Refusal;

fn no_such_entity(message: String) -> Refusal {
    Refusal::framework("NoSuchEntity", message)
}

/// `noun` is what the entity is: a user, a group, a role.
pub(super) fn no_such(noun: &str, name: &str) -> Refusal {
    no_such_entity(format!("The {noun} with name {name} cannot be found."))
}

/// `noun` is what the policy is of.
pub(super) fn no_such_inline_policy(noun: &str, name: &str) -> Refusal {
    no_such(&format!("{noun} policy"), name)
}

pub(super) fn no_such_policy(arn: &str) -> Refusal {
    no_such_entity(format!("Policy {arn} was not found."))
}

pub(super) fn no_such_version(arn: &str, id: &str) -> Refusal {
    no_such_entity(format!(
        "Policy {arn} version {id} does not exist or is not attachable."
    ))
}

pub(super) fn policy_exists(name: &str) -> Refusal {
    let message =
        format!("A policy called {name} already exists. Duplicate names are not allowed.");
    Refusal::framework("EntityAlreadyExists", message)
}

pub(super) fn too_many_versions(most: usize) -> Refusal {
    let message = format!(
        "A managed policy can have up to {most} versions. Before you create a new version, you must delete an existing \
         version."
    );
    Refusal::framework("LimitExceeded", message)
}

pub(super) fn default_version() -> Refusal {
    delete_conflict("Cannot delete the default version of a policy.")
}

pub(super) fn policy_in_use() -> Refusal {
    delete_conflict("Cannot delete a policy attached to entities.")
}

pub(super) fn policy_with_versions() -> Refusal {
    delete_conflict(
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The \
         default version is deleted with the policy.",
    )
}

fn delete_conflict(message: impl Into<String>) -> Refusal {
    Refusal::framework("DeleteConflict", message)
}

pub(super) fn not_attachable(arn: &str) -> Refusal {
    no_such_entity(format!("Policy {arn} does not exist or is not attachable."))
}

pub(super) fn no_such_boundary(arn: &str) -> Refusal {
    no_such_entity(format!(
        "Scope ARN: {arn} does not exist or is not attachable."
    ))
}

pub(super) fn invalid_arn(arn: &str) -> Refusal {
    invalid_input(format!("ARN {arn} is not valid."))
}

/// What AWS owns no account changes.
pub(super) fn owned_by_aws(arn: &str) -> Refusal {
    let message = format!("Not authorized to change the AWS managed policy {arn}");
    Refusal::modeled("AccessDeniedException", message)
}

pub(super) fn no_such_instance_profile(name: &str) -> Refusal {
    no_such_entity(format!("Instance Profile {name} cannot be found."))
}

pub(super) fn instance_profile_exists(name: &str) -> Refusal {
    let message = format!("Instance Profile {name} already exists.");
    Refusal::framework("EntityAlreadyExists", message)
}

pub(super) fn no_such_oidc_provider(arn: &str) -> Refusal {
    no_such_entity(format!("OpenIDConnect Provider not found for arn {arn}"))
}

pub(super) fn report_not_present() -> Refusal {
    let message = "No report exists. Ask for one by GenerateCredentialReport.";
    Refusal::framework("ReportNotPresent", message)
}

pub(super) fn report_expired() -> Refusal {
    let message =
        "The report is older than four hours. Ask for a new one by GenerateCredentialReport.";
    Refusal::framework("ReportExpired", message)
}

pub(super) fn no_such_device(serial_number: &str) -> Refusal {
    no_such_entity(format!(
        "MFA Device with serial number {serial_number} does not exist."
    ))
}

pub(super) fn device_exists() -> Refusal {
    let message = "MFADevice entity at the same path and name already exists.";
    Refusal::framework("EntityAlreadyExists", message)
}

/// It is someone's already.
pub(super) fn device_taken() -> Refusal {
    Refusal::framework("EntityAlreadyExists", "MFA Device is already in use.")
}

pub(super) fn device_in_use() -> Refusal {
    let message = "MFA VirtualDevice in use. Must deactivate first.";
    Refusal::framework("DeleteConflict", message)
}

pub(super) fn invalid_authentication_code() -> Refusal {
    let message = "Authentication code for device is not valid.";
    Refusal::framework("InvalidAuthenticationCode", message)
}

pub(super) fn no_such_access_key(id: &str) -> Refusal {
    no_such_entity(format!("The Access Key with id {id} cannot be found."))
}

pub(super) fn alias_exists(alias: &str) -> Refusal {
    let message = format!("The account alias {alias} already exists.");
    Refusal::framework("EntityAlreadyExists", message)
}

pub(super) fn no_such_alias(alias: &str) -> Refusal {
    no_such("account alias", alias)
}

pub(super) fn no_login_profile(user: &str) -> Refusal {
    no_such_entity(format!("Login Profile for User {user} cannot be found."))
}

/// `kind` is what has the name: `User`, `Group`, `Role`.
pub(super) fn exists(kind: &str, name: &str) -> Refusal {
    let message = format!("{kind} with name {name} already exists.");
    Refusal::framework("EntityAlreadyExists", message)
}

pub(super) fn oidc_provider_exists(url: &str) -> Refusal {
    let message = format!("Provider with url https://{url} already exists.");
    Refusal::framework("EntityAlreadyExists", message)
}

/// Refuses to delete what still has something; each with what must be done first.
///
/// # Refusals
/// `DeleteConflict`
pub(super) fn refuse_while(left: &[(bool, &str)]) -> Result<(), Refusal> {
    match left.iter().find(|(is_there, _)| *is_there) {
        Some((_, first)) => Err(delete_conflict(format!(
            "Cannot delete entity, must {first} first."
        ))),
        None => Ok(()),
    }
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
