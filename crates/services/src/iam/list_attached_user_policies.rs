//! ListAttachedUserPolicies: the managed policies that are attached to a user.
//!
//! Source: AWS IAM API Reference, ListAttachedUserPolicies; the rule is in `list_attached_policies.rs`.

use super::entity::OnKind;
use super::list_attached_policies::ListAttachedPolicies;
use super::user::User;

/// The request.
pub type ListAttachedUserPolicies = ListAttachedPolicies<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "ListAttachedUserPolicies";
    const ACTION: &'static str = "iam:ListAttachedUserPolicies";
    type Kind = User;
}
