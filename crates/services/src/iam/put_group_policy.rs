//! PutGroupPolicy: a policy of a group's own.
//!
//! Source: AWS IAM API Reference, PutGroupPolicy; the rule is in `put_inline_policy.rs`.

use super::entity::OnKind;
use super::group::Group;
use super::put_inline_policy::PutInlinePolicy;

/// The request.
pub type PutGroupPolicy = PutInlinePolicy<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "PutGroupPolicy";
    const ACTION: &'static str = "iam:PutGroupPolicy";
    type Kind = Group;
}
