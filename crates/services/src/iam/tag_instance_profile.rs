//! TagInstanceProfile: tags on an instance profile.
//!
//! Source: AWS IAM API Reference, TagInstanceProfile; the rule is in `tag_entity.rs`.

use super::entity::OnKind;
use super::instance_profile::InstanceProfile;
use super::tag_entity::TagEntity;

/// The request.
pub type TagInstanceProfile = TagEntity<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "TagInstanceProfile";
    const ACTION: &'static str = "iam:TagInstanceProfile";
    type Kind = InstanceProfile;
}
