//! ListRoles: the roles of the caller's account, by name.
//!
//! Source: AWS IAM API Reference, ListRoles; the rule is in `list_entities.rs`.

use super::entity::OnKind;
use super::list_entities::ListEntities;
use super::role::Role;

/// The request.
pub type ListRoles = ListEntities<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "ListRoles";
    const ACTION: &'static str = "iam:ListRoles";
    type Kind = Role;
}
