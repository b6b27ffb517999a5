//! ListUserTags: the tags of a user.
//!
//! Source: AWS IAM API Reference, ListUserTags; the rule is in `list_entity_tags.rs`.

use super::entity::OnKind;
use super::list_entity_tags::ListEntityTags;
use super::user::User;

/// The request.
pub type ListUserTags = ListEntityTags<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "ListUserTags";
    const ACTION: &'static str = "iam:ListUserTags";
    type Kind = User;
}
