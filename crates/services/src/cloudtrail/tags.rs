//! Tags of trails: reading them, and what they may be.
//!
//! Source: AWS CloudTrail API Reference, Tag, AddTags; AWS General Reference, Tag naming limits.

use strongroom_policy::Context;

use super::refusals;
use super::trail::Tag;
use crate::input::{Members, Text};
use crate::refusal::Refusal;

const TAGS_MAX: usize = 50;
/// More than a trail may have, as the model has it: the rule says why.
const TAGS_IN_REQUEST: std::ops::RangeInclusive<usize> = 0..=200;
const KEY: Text = Text::of(1..=128);
const VALUE: Text = Text::of(0..=256);

/// Takes `TagsList` out of a request.
pub(super) fn take(members: &mut Members<'_, '_>) -> Vec<Tag> {
    let tags = members.structures("TagsList", TAGS_IN_REQUEST, |tag| Tag {
        key: tag.required_text("Key", &KEY),
        value: tag.text("Value", &VALUE),
    });
    let tags = tags.unwrap_or_default();
    if let Err(refusal) = check(&tags) {
        members.object(refusal);
    }
    tags
}

fn check(tags: &[Tag]) -> Result<(), Refusal> {
    for (index, tag) in tags.iter().enumerate() {
        let value = tag.value.as_deref().unwrap_or_default();
        let is_allowed = |each: char| {
            each.is_alphanumeric() || each.is_whitespace() || "_.:/=+-@".contains(each)
        };
        if !tag.key.chars().chain(value.chars()).all(is_allowed) {
            return Err(refusals::invalid_tag(format!(
                "The tag {} is not valid: use letters, digits, spaces, and _ . : / = + - @",
                tag.key
            )));
        }
        let start = tag.key.get(..4);
        if start.is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
            return Err(refusals::invalid_tag(
                "Tag keys that start with aws: are reserved.",
            ));
        }
        if tags[..index].iter().any(|earlier| earlier.key == tag.key) {
            return Err(refusals::invalid_tag("Tag keys must be unique."));
        }
    }
    Ok(())
}

/// Lays tags over those that a trail has.
///
/// # Refusals
/// `TagsLimitExceededException`
pub(super) fn merge(tags: &mut Vec<Tag>, added: Vec<Tag>) -> Result<(), Refusal> {
    for tag in added {
        match tags.iter_mut().find(|earlier| earlier.key == tag.key) {
            Some(earlier) => earlier.value = tag.value,
            None => tags.push(tag),
        }
    }
    match tags.len() > TAGS_MAX {
        true => Err(refusals::too_many_tags()),
        false => Ok(()),
    }
}

/// Adds the condition keys of a request with these tags.
pub(super) fn add_condition_keys(tags: &[Tag], context: &mut Context) {
    for tag in tags {
        let value = tag.value.as_deref().unwrap_or_default();
        context.insert(&format!("aws:RequestTag/{}", tag.key), value);
    }
    if !tags.is_empty() {
        context.insert_all("aws:TagKeys", tags.iter().map(|tag| tag.key.clone()));
    }
}
