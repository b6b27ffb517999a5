//! AttachUserPolicy: a managed policy speaks for a user from now on.
//!
//! Source: AWS IAM API Reference, AttachUserPolicy; the rule is in `attach_managed_policy.rs`.

use super::attach_managed_policy::AttachManagedPolicy;
use super::entity::OnKind;
use super::user::User;

/// The request.
pub type AttachUserPolicy = AttachManagedPolicy<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "AttachUserPolicy";
    const ACTION: &'static str = "iam:AttachUserPolicy";
    type Kind = User;
}
