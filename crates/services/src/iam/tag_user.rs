//! TagUser: tags on a user.
//!
//! Source: AWS IAM API Reference, TagUser; the rule is in `tag_entity.rs`.

use super::entity::OnKind;
use super::tag_entity::TagEntity;
use super::user::User;

/// The request.
pub type TagUser = TagEntity<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "TagUser";
    const ACTION: &'static str = "iam:TagUser";
    type Kind = User;
}
