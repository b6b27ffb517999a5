//! DetachRolePolicy: a managed policy no longer speaks for a role.
//!
//! Source: AWS IAM API Reference, DetachRolePolicy; the rule is in `detach_managed_policy.rs`.

use super::detach_managed_policy::DetachManagedPolicy;
use super::entity::OnKind;
use super::role::Role;

/// The request.
pub type DetachRolePolicy = DetachManagedPolicy<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "DetachRolePolicy";
    const ACTION: &'static str = "iam:DetachRolePolicy";
    type Kind = Role;
}
