//! UntagPolicy: tags off a managed policy of the account's own.
//!
//! Source: AWS IAM API Reference, UntagPolicy; the rule is in `untag_entity.rs`.

use super::entity::OnKind;
use super::managed_policy::ManagedPolicy;
use super::untag_entity::UntagEntity;

/// The request.
pub type UntagPolicy = UntagEntity<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "UntagPolicy";
    const ACTION: &'static str = "iam:UntagPolicy";
    type Kind = ManagedPolicy;
}
