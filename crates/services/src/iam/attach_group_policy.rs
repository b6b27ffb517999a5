//! AttachGroupPolicy: a managed policy speaks for a group from now on.
//!
//! Source: AWS IAM API Reference, AttachGroupPolicy; the rule is in `attach_managed_policy.rs`.

use super::attach_managed_policy::AttachManagedPolicy;
use super::entity::OnKind;
use super::group::Group;

/// The request.
pub type AttachGroupPolicy = AttachManagedPolicy<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "AttachGroupPolicy";
    const ACTION: &'static str = "iam:AttachGroupPolicy";
    type Kind = Group;
}
