//! PutUserPolicy: a policy of a user's own.
//!
//! Source: AWS IAM API Reference, PutUserPolicy; the rule is in `put_inline_policy.rs`.

use super::entity::OnKind;
use super::put_inline_policy::PutInlinePolicy;
use super::user::User;

/// The request.
pub type PutUserPolicy = PutInlinePolicy<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "PutUserPolicy";
    const ACTION: &'static str = "iam:PutUserPolicy";
    type Kind = User;
}
