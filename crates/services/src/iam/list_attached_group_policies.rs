//! ListAttachedGroupPolicies: the managed policies that are attached to a group.
//!
//! Source: AWS IAM API Reference, ListAttachedGroupPolicies; the rule is in `list_attached_policies.rs`.

use super::entity::OnKind;
use super::group::Group;
use super::list_attached_policies::ListAttachedPolicies;

/// The request.
pub type ListAttachedGroupPolicies = ListAttachedPolicies<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "ListAttachedGroupPolicies";
    const ACTION: &'static str = "iam:ListAttachedGroupPolicies";
    type Kind = Group;
}
