//! PutRolePermissionsBoundary: a managed policy bounds what a role's policies allow.
//!
//! Source: AWS IAM API Reference, PutRolePermissionsBoundary; the rule is in `put_permissions_boundary.rs`.

use super::entity::OnKind;
use super::put_permissions_boundary::PutPermissionsBoundary;
use super::role::Role;

/// The request.
pub type PutRolePermissionsBoundary = PutPermissionsBoundary<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "PutRolePermissionsBoundary";
    const ACTION: &'static str = "iam:PutRolePermissionsBoundary";
    type Kind = Role;
}
