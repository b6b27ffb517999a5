//! Tags of functions: reading them, and what they may be.
//!
//! Source: AWS Lambda Developer Guide, Using tags on Lambda functions ("Requirements for working with tags").

use std::collections::BTreeMap;

use strongroom_policy::Context;

use super::refusals;
use crate::input::Members;
use crate::refusal::Refusal;

const TAGS_MAX: usize = 50;
const KEY_CHARACTERS_MAX: usize = 128;
const VALUE_CHARACTERS_MAX: usize = 256;

/// Tags by key.
pub(super) type Tags = BTreeMap<String, String>;

/// Takes `Tags` out of a request.
pub(super) fn take(members: &mut Members<'_, '_>) -> Option<Tags> {
    let tags = members.map("Tags")?;
    if let Err(refusal) = check(&tags) {
        members.object(refusal);
    }
    Some(tags)
}

fn check(tags: &Tags) -> Result<(), Refusal> {
    for (key, value) in tags {
        let lengths = (1..=KEY_CHARACTERS_MAX).contains(&key.chars().count())
            && value.chars().count() <= VALUE_CHARACTERS_MAX;
        let characters = key.chars().chain(value.chars());
        let are_allowed = characters.into_iter().all(|each| {
            each.is_alphanumeric() || each.is_whitespace() || "_.:/=+-@".contains(each)
        });
        if !lengths || !are_allowed {
            return Err(refusals::parameter(
                "A tag's key has 1 to 128 characters and its value at most 256: letters, digits, spaces, and _ . : / = + \
                 - @",
            ));
        }
        let is_reserved = key
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
        if is_reserved {
            return Err(refusals::parameter(
                "Tag keys starting with 'aws:' are reserved",
            ));
        }
    }
    refuse_too_many(tags)
}

/// # Refusals
/// `InvalidParameterValueException`
pub(super) fn refuse_too_many(tags: &Tags) -> Result<(), Refusal> {
    match tags.len() > TAGS_MAX {
        true => Err(refusals::parameter(
            "Number of tags exceeds resource tag limit (50)",
        )),
        false => Ok(()),
    }
}

/// The condition keys of a request that sets these tags.
pub(super) fn condition_keys(tags: &Tags) -> Context {
    let mut context = Context::new();
    for (key, value) in tags {
        context.insert(&format!("aws:RequestTag/{key}"), value.as_str());
    }
    if !tags.is_empty() {
        context.insert_all("aws:TagKeys", tags.keys().cloned());
    }
    context
}
