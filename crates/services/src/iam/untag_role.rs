//! UntagRole: tags off a role.
//!
//! Source: AWS IAM API Reference, UntagRole; the rule is in `untag_entity.rs`.

use super::entity::OnKind;
use super::role::Role;
use super::untag_entity::UntagEntity;

/// The request.
pub type UntagRole = UntagEntity<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "UntagRole";
    const ACTION: &'static str = "iam:UntagRole";
    type Kind = Role;
}
