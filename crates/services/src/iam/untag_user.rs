//! UntagUser: tags off a user.
//!
//! Source: AWS IAM API Reference, UntagUser; the rule is in `untag_entity.rs`.

use super::entity::OnKind;
use super::untag_entity::UntagEntity;
use super::user::User;

/// The request.
pub type UntagUser = UntagEntity<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "UntagUser";
    const ACTION: &'static str = "iam:UntagUser";
    type Kind = User;
}
