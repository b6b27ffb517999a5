//! DeleteRolePolicy: the end of a policy of a role's own.
//!
//! Source: AWS IAM API Reference, DeleteRolePolicy; the rule is in `delete_inline_policy.rs`.

use super::delete_inline_policy::DeleteInlinePolicy;
use super::entity::OnKind;
use super::role::Role;

/// The request.
pub type DeleteRolePolicy = DeleteInlinePolicy<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "DeleteRolePolicy";
    const ACTION: &'static str = "iam:DeleteRolePolicy";
    type Kind = Role;
}
