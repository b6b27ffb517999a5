//! GetGroupPolicy: a policy of a group's own.
//!
//! Source: AWS IAM API Reference, GetGroupPolicy; the rule is in `get_inline_policy.rs`.

use super::entity::OnKind;
use super::get_inline_policy::GetInlinePolicy;
use super::group::Group;

/// The request.
pub type GetGroupPolicy = GetInlinePolicy<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "GetGroupPolicy";
    const ACTION: &'static str = "iam:GetGroupPolicy";
    type Kind = Group;
}
