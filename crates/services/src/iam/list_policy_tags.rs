//! ListPolicyTags: the tags of a managed policy of the account's own.
//!
//! Source: AWS IAM API Reference, ListPolicyTags; the rule is in `list_entity_tags.rs`.

use super::entity::OnKind;
use super::list_entity_tags::ListEntityTags;
use super::managed_policy::ManagedPolicy;

/// The request.
pub type ListPolicyTags = ListEntityTags<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "ListPolicyTags";
    const ACTION: &'static str = "iam:ListPolicyTags";
    type Kind = ManagedPolicy;
}
