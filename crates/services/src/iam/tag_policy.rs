//! TagPolicy: tags on a managed policy of the account's own.
//!
//! Source: AWS IAM API Reference, TagPolicy; the rule is in `tag_entity.rs`.

use super::entity::OnKind;
use super::managed_policy::ManagedPolicy;
use super::tag_entity::TagEntity;

/// The request.
pub type TagPolicy = TagEntity<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "TagPolicy";
    const ACTION: &'static str = "iam:TagPolicy";
    type Kind = ManagedPolicy;
}
