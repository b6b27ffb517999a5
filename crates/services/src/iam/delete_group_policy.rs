//! DeleteGroupPolicy: the end of a policy of a group's own.
//!
//! Source: AWS IAM API Reference, DeleteGroupPolicy; the rule is in `delete_inline_policy.rs`.

use super::delete_inline_policy::DeleteInlinePolicy;
use super::entity::OnKind;
use super::group::Group;

/// The request.
pub type DeleteGroupPolicy = DeleteInlinePolicy<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "DeleteGroupPolicy";
    const ACTION: &'static str = "iam:DeleteGroupPolicy";
    type Kind = Group;
}
