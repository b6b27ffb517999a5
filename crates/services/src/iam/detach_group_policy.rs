//! DetachGroupPolicy: a managed policy no longer speaks for a group.
//!
//! Source: AWS IAM API Reference, DetachGroupPolicy; the rule is in `detach_managed_policy.rs`.

use super::detach_managed_policy::DetachManagedPolicy;
use super::entity::OnKind;
use super::group::Group;

/// The request.
pub type DetachGroupPolicy = DetachManagedPolicy<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "DetachGroupPolicy";
    const ACTION: &'static str = "iam:DetachGroupPolicy";
    type Kind = Group;
}
