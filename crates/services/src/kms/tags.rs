//! Tags of keys: reading them, and what they may be.
//!
//! Source: AWS KMS API Reference, TagResource; reference/kms-iam-sts.md §A4.

use strongroom_policy::Context;

use super::key::Tag;
use super::refusals;
use crate::input::{Members, Text};
use crate::refusal::Refusal;

pub(super) const TAG_KEY: Text = Text::of(1..=128);
const TAG_VALUE: Text = Text::of(0..=256);
const TAGS_MAX: usize = 50;

/// Takes `Tags`.
pub(super) fn take(members: &mut Members<'_, '_>) -> Vec<Tag> {
    let tags = members.structures("Tags", 0..=usize::MAX, |tag| Tag {
        tag_key: tag.required_text("TagKey", &TAG_KEY),
        tag_value: tag.required_text("TagValue", &TAG_VALUE),
    });
    tags.unwrap_or_default()
}

/// Lays tags over those that a key has.
///
/// # Refusals
/// `TagException`; `LimitExceededException`.
pub(super) fn merge(tags: &mut Vec<Tag>, added: Vec<Tag>) -> Result<(), Refusal> {
    for (index, tag) in added.iter().enumerate() {
        refuse_system_tag(&tag.tag_key)?;
        if added[..index]
            .iter()
            .any(|earlier| earlier.tag_key == tag.tag_key)
        {
            return Err(refusals::tag("Duplicate tag keys"));
        }
    }
    for tag in added {
        match tags
            .iter_mut()
            .find(|earlier| earlier.tag_key == tag.tag_key)
        {
            Some(earlier) => earlier.tag_value = tag.tag_value,
            None => tags.push(tag),
        }
    }
    if tags.len() > TAGS_MAX {
        return Err(refusals::limit_exceeded("Too many tags"));
    }
    Ok(())
}

/// Keys that AWS keeps for itself can be neither set nor removed.
pub(super) fn refuse_system_tag(key: &str) -> Result<(), Refusal> {
    let reserved = key
        .get(..4)
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"));
    if reserved {
        return Err(refusals::tag("Tags beginning with aws: are reserved"));
    }
    Ok(())
}

/// The condition keys of a request with these tags.
pub(super) fn conditions(tags: &[Tag]) -> Context {
    let mut context = Context::new();
    for tag in tags {
        context.insert(
            &format!("aws:RequestTag/{}", tag.tag_key),
            tag.tag_value.as_str(),
        );
    }
    context.insert_all("aws:TagKeys", tags.iter().map(|tag| tag.tag_key.clone()));
    context
}
