//! DeleteUserPermissionsBoundary: nothing bounds any longer what a user's policies allow.
//!
//! Source: AWS IAM API Reference, DeleteUserPermissionsBoundary; the rule is in `delete_permissions_boundary.rs`.

use super::delete_permissions_boundary::DeletePermissionsBoundary;
use super::entity::OnKind;
use super::user::User;

/// The request.
pub type DeleteUserPermissionsBoundary = DeletePermissionsBoundary<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "DeleteUserPermissionsBoundary";
    const ACTION: &'static str = "iam:DeleteUserPermissionsBoundary";
    type Kind = User;
}
