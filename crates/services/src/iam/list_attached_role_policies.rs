//! ListAttachedRolePolicies: the managed policies that are attached to a role.
//!
//! Source: AWS IAM API Reference, ListAttachedRolePolicies; the rule is in `list_attached_policies.rs`.

use super::entity::OnKind;
use super::list_attached_policies::ListAttachedPolicies;
use super::role::Role;

/// The request.
pub type ListAttachedRolePolicies = ListAttachedPolicies<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "ListAttachedRolePolicies";
    const ACTION: &'static str = "iam:ListAttachedRolePolicies";
    type Kind = Role;
}
