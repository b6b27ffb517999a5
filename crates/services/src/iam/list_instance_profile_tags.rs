//! ListInstanceProfileTags: the tags of an instance profile.
//!
//! Source: AWS IAM API Reference, ListInstanceProfileTags; the rule is in `list_entity_tags.rs`.

use super::entity::OnKind;
use super::instance_profile::InstanceProfile;
use super::list_entity_tags::ListEntityTags;

/// The request.
pub type ListInstanceProfileTags = ListEntityTags<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "ListInstanceProfileTags";
    const ACTION: &'static str = "iam:ListInstanceProfileTags";
    type Kind = InstanceProfile;
}
