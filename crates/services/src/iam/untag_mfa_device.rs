//! UntagMFADevice: tags off a virtual MFA device.
//!
//! Source: AWS IAM API Reference, UntagMFADevice; the rule is in `untag_entity.rs`.

use super::entity::OnKind;
use super::mfa_device::MfaDevice;
use super::untag_entity::UntagEntity;

/// The request.
pub type UntagMfaDevice = UntagEntity<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "UntagMFADevice";
    const ACTION: &'static str = "iam:UntagMFADevice";
    type Kind = MfaDevice;
}
