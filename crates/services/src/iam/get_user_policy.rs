//! GetUserPolicy: a policy of a user's own.
//!
//! Source: AWS IAM API Reference, GetUserPolicy; the rule is in `get_inline_policy.rs`.

use super::entity::OnKind;
use super::get_inline_policy::GetInlinePolicy;
use super::user::User;

/// The request.
pub type GetUserPolicy = GetInlinePolicy<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "GetUserPolicy";
    const ACTION: &'static str = "iam:GetUserPolicy";
    type Kind = User;
}
