//! ListUsers: the users of the caller's account, by name.
//!
//! Source: AWS IAM API Reference, ListUsers; the rule is in `list_entities.rs`.

use super::entity::OnKind;
use super::list_entities::ListEntities;
use super::user::User;

/// The request.
pub type ListUsers = ListEntities<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "ListUsers";
    const ACTION: &'static str = "iam:ListUsers";
    type Kind = User;
}
