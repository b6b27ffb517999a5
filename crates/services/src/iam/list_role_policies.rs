//! ListRolePolicies: the names of a role's own policies.
//!
//! Source: AWS IAM API Reference, ListRolePolicies; the rule is in `list_inline_policies.rs`.

use super::entity::OnKind;
use super::list_inline_policies::ListInlinePolicies;
use super::role::Role;

/// The request.
pub type ListRolePolicies = ListInlinePolicies<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "ListRolePolicies";
    const ACTION: &'static str = "iam:ListRolePolicies";
    type Kind = Role;
}
