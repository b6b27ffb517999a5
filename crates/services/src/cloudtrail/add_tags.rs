//! AddTags: adds tags to a trail, in the place of those of the same keys.
//!
//! Source: AWS CloudTrail API Reference, AddTags.

use super::tagged::TagRule;
use super::tags;
use super::trail::Tag;
use crate::refusal::Refusal;

/// The operation.
pub struct AddTags;

impl TagRule for AddTags {
    const NAME: &'static str = "AddTags";
    const ACTION: &'static str = "cloudtrail:AddTags";

    fn change(tags: &mut Vec<Tag>, asked: Vec<Tag>) -> Result<(), Refusal> {
        tags::merge(tags, asked)
    }
}
