//! ListGroups: the groups of the caller's account, by name.
//!
//! Source: AWS IAM API Reference, ListGroups; the rule is in `list_entities.rs`.

use super::entity::OnKind;
use super::group::Group;
use super::list_entities::ListEntities;

/// The request.
pub type ListGroups = ListEntities<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "ListGroups";
    const ACTION: &'static str = "iam:ListGroups";
    type Kind = Group;
}
