//! AttachRolePolicy: a managed policy speaks for a role from now on.
//!
//! Source: AWS IAM API Reference, AttachRolePolicy; the rule is in `attach_managed_policy.rs`.

use super::attach_managed_policy::AttachManagedPolicy;
use super::entity::OnKind;
use super::role::Role;

/// The request.
pub type AttachRolePolicy = AttachManagedPolicy<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "AttachRolePolicy";
    const ACTION: &'static str = "iam:AttachRolePolicy";
    type Kind = Role;
}
