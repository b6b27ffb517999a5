//! TagRole: tags on a role.
//!
//! Source: AWS IAM API Reference, TagRole; the rule is in `tag_entity.rs`.

use super::entity::OnKind;
use super::role::Role;
use super::tag_entity::TagEntity;

/// The request.
pub type TagRole = TagEntity<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "TagRole";
    const ACTION: &'static str = "iam:TagRole";
    type Kind = Role;
}
