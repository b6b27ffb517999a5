//! ListInstanceProfiles: the instance profiles of the caller's account, by name.
//!
//! Source: AWS IAM API Reference, ListInstanceProfiles; the rule is in `list_entities.rs`.

use super::entity::OnKind;
use super::instance_profile::InstanceProfile;
use super::list_entities::ListEntities;

/// The request.
pub type ListInstanceProfiles = ListEntities<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "ListInstanceProfiles";
    const ACTION: &'static str = "iam:ListInstanceProfiles";
    type Kind = InstanceProfile;
}
