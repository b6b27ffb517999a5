//! ListMFADeviceTags: the tags of a virtual MFA device.
//!
//! Source: AWS IAM API Reference, ListMFADeviceTags; the rule is in `list_entity_tags.rs`.

use super::entity::OnKind;
use super::list_entity_tags::ListEntityTags;
use super::mfa_device::MfaDevice;

/// The request.
pub type ListMfaDeviceTags = ListEntityTags<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "ListMFADeviceTags";
    const ACTION: &'static str = "iam:ListMFADeviceTags";
    type Kind = MfaDevice;
}
