//! DetachUserPolicy: a managed policy no longer speaks for a user.
//!
//! Source: AWS IAM API Reference, DetachUserPolicy; the rule is in `detach_managed_policy.rs`.

use super::detach_managed_policy::DetachManagedPolicy;
use super::entity::OnKind;
use super::user::User;

/// The request.
pub type DetachUserPolicy = DetachManagedPolicy<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "DetachUserPolicy";
    const ACTION: &'static str = "iam:DetachUserPolicy";
    type Kind = User;
}
