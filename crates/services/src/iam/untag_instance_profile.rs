//! UntagInstanceProfile: tags off an instance profile.
//!
//! Source: AWS IAM API Reference, UntagInstanceProfile; the rule is in `untag_entity.rs`.

use super::entity::OnKind;
use super::instance_profile::InstanceProfile;
use super::untag_entity::UntagEntity;

/// The request.
pub type UntagInstanceProfile = UntagEntity<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "UntagInstanceProfile";
    const ACTION: &'static str = "iam:UntagInstanceProfile";
    type Kind = InstanceProfile;
}
