//! ListRoleTags: the tags of a role.
//!
//! Source: AWS IAM API Reference, ListRoleTags; the rule is in `list_entity_tags.rs`.

use super::entity::OnKind;
use super::list_entity_tags::ListEntityTags;
use super::role::Role;

/// The request.
pub type ListRoleTags = ListEntityTags<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "ListRoleTags";
    const ACTION: &'static str = "iam:ListRoleTags";
    type Kind = Role;
}
