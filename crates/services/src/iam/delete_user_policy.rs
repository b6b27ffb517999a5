//! DeleteUserPolicy: the end of a policy of a user's own.
//!
//! Source: AWS IAM API Reference, DeleteUserPolicy; the rule is in `delete_inline_policy.rs`.

use super::delete_inline_policy::DeleteInlinePolicy;
use super::entity::OnKind;
use super::user::User;

/// The request.
pub type DeleteUserPolicy = DeleteInlinePolicy<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "DeleteUserPolicy";
    const ACTION: &'static str = "iam:DeleteUserPolicy";
    type Kind = User;
}
