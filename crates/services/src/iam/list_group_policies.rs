//! ListGroupPolicies: the names of a group's own policies.
//!
//! Source: AWS IAM API Reference, ListGroupPolicies; the rule is in `list_inline_policies.rs`.

use super::entity::OnKind;
use super::group::Group;
use super::list_inline_policies::ListInlinePolicies;

/// The request.
pub type ListGroupPolicies = ListInlinePolicies<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "ListGroupPolicies";
    const ACTION: &'static str = "iam:ListGroupPolicies";
    type Kind = Group;
}
