//! GetRolePolicy: a policy of a role's own.
//!
//! Source: AWS IAM API Reference, GetRolePolicy; the rule is in `get_inline_policy.rs`.

use super::entity::OnKind;
use super::get_inline_policy::GetInlinePolicy;
use super::role::Role;

/// The request.
pub type GetRolePolicy = GetInlinePolicy<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "GetRolePolicy";
    const ACTION: &'static str = "iam:GetRolePolicy";
    type Kind = Role;
}
