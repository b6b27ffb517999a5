//! TagMFADevice: tags on a virtual MFA device.
//!
//! Source: AWS IAM API Reference, TagMFADevice; the rule is in `tag_entity.rs`.

use super::entity::OnKind;
use super::mfa_device::MfaDevice;
use super::tag_entity::TagEntity;

/// The request.
pub type TagMfaDevice = TagEntity<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "TagMFADevice";
    const ACTION: &'static str = "iam:TagMFADevice";
    type Kind = MfaDevice;
}
