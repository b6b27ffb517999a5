//! ListUserPolicies: the names of a user's own policies.
//!
//! Source: AWS IAM API Reference, ListUserPolicies; the rule is in `list_inline_policies.rs`.

use super::entity::OnKind;
use super::list_inline_policies::ListInlinePolicies;
use super::user::User;

/// The request.
pub type ListUserPolicies = ListInlinePolicies<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "ListUserPolicies";
    const ACTION: &'static str = "iam:ListUserPolicies";
    type Kind = User;
}
