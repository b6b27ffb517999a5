//! RemoveTags: takes tags off a trail. Those that it hasn't are none the less gone.
//!
//! Source: AWS CloudTrail API Reference, RemoveTags.

use super::tagged::TagRule;
use super::trail::Tag;
use crate::refusal::Refusal;

/// The operation.
pub struct RemoveTags;

impl TagRule for RemoveTags {
    const NAME: &'static str = "RemoveTags";
    const ACTION: &'static str = "cloudtrail:RemoveTags";

    fn change(tags: &mut Vec<Tag>, asked: Vec<Tag>) -> Result<(), Refusal> {
        tags.retain(|tag| asked.iter().all(|removed| removed.key != tag.key));
        Ok(())
    }
}
