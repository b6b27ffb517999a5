//! DeleteRolePermissionsBoundary: nothing bounds any longer what a role's policies allow.
//!
//! Source: AWS IAM API Reference, DeleteRolePermissionsBoundary; the rule is in `delete_permissions_boundary.rs`.

use super::delete_permissions_boundary::DeletePermissionsBoundary;
use super::entity::OnKind;
use super::role::Role;

/// The request.
pub type DeleteRolePermissionsBoundary = DeletePermissionsBoundary<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "DeleteRolePermissionsBoundary";
    const ACTION: &'static str = "iam:DeleteRolePermissionsBoundary";
    type Kind = Role;
}
