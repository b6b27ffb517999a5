//! PutUserPermissionsBoundary: a managed policy bounds what a user's policies allow.
//!
//! Source: AWS IAM API Reference, PutUserPermissionsBoundary; the rule is in `put_permissions_boundary.rs`.

use super::entity::OnKind;
use super::put_permissions_boundary::PutPermissionsBoundary;
use super::user::User;

/// The request.
pub type PutUserPermissionsBoundary = PutPermissionsBoundary<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "PutUserPermissionsBoundary";
    const ACTION: &'static str = "iam:PutUserPermissionsBoundary";
    type Kind = User;
}
