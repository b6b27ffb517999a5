//! Members that several operations share, with the model's constraints, and their readers.
//!
//! Source: the service's model (botocore, secretsmanager 2017-10-17).

use strongroom_keys::SecretBytes;

use super::refusals;
use super::secret::Tag;
use super::secret_id::SecretId;
use super::version::Value;
use crate::input::{Members, Pattern, Text};
use crate::refusal::Refusal;

pub(super) const SECRET_ID: Text = Text::of(1..=2048);
pub(super) const NAME: Text = Text::of(1..=512);
pub(super) const CLIENT_REQUEST_TOKEN: Text = Text::of(32..=64);
pub(super) const VERSION_ID: Text = Text::of(32..=64);
pub(super) const VERSION_STAGE: Text = Text::of(1..=256);
pub(super) const DESCRIPTION: Text = Text::of(0..=2048);
pub(super) const KMS_KEY_ID: Text = Text::of(0..=2048);
pub(super) const SECRET_TYPE: Text = Text::of(0..=256);
pub(super) const NEXT_TOKEN: Text = Text::of(1..=4096);
pub(super) const RESOURCE_POLICY: Text = Text::of(1..=20_480);
pub(super) const TAG_KEY: Text = Text::of(1..=128);
const TAG_VALUE: Text = Text::of(0..=256);

/// User tags of one secret. Source: reference/api.md §4.
const TAGS_MAX: usize = 50;
/// Bytes of a value. Source: reference/api.md §4.
pub(crate) const VALUE_BYTES_MAX: usize = 65_536;

/// `RotationToken`. Source: reference/api.md §6.2.
pub(super) const ROTATION_TOKEN: Text = Text::matching(
    36..=256,
    &Pattern {
        shown: "^[a-zA-Z0-9\\-]+$",
        matches: |text| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        },
    },
);

pub(super) const ROTATION_LAMBDA_ARN: Text = Text::of(0..=2048);
pub(super) const METADATA_KEY: Text = Text::of(1..=256);
pub(super) const METADATA_VALUE: Text = Text::of(1..=2048);
pub(super) const ROLE_ARN: Text = Text::of(20..=2048);

/// `ScheduleExpression`. Source: the service's model.
pub(super) const SCHEDULE_EXPRESSION: Text = Text::matching(
    1..=256,
    &Pattern {
        shown: "[0-9A-Za-z\\(\\)#\\?\\*\\-\\/, ]+",
        matches: |text| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"()#?*-/, ".contains(&byte))
        },
    },
);

/// `Duration` of rotation rules. Source: the service's model.
pub(super) const ROTATION_DURATION: Text = Text::matching(
    2..=3,
    &Pattern {
        shown: "[0-9]+h",
        matches: |text| {
            text.strip_suffix('h').is_some_and(|digits| {
                !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
            })
        },
    },
);

/// The name of a region, as replication wants it.
pub(super) const REGION: Text = Text::matching(
    1..=128,
    &Pattern {
        shown: "^([a-z]+-)+\\d+$",
        matches: |text| {
            let Some((areas, number)) = text.rsplit_once('-') else {
                return false;
            };
            !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit())
                && areas.split('-').all(|area| {
                    !area.is_empty() && area.bytes().all(|byte| byte.is_ascii_lowercase())
                })
        },
    },
);

/// Takes the `SecretId` that names the operation's secret.
pub(super) fn secret_id(members: &mut Members<'_, '_>) -> SecretId {
    let text = members.required_text("SecretId", &SECRET_ID);
    SecretId::parse(text).unwrap_or_else(|refusal| {
        members.refuse(refusal);
        SecretId::nothing()
    })
}

/// Takes `SecretString` or `SecretBinary`; `None` where neither is there. Both are refused, once it is known that there
/// is a secret that could have a value.
pub(super) fn value(members: &mut Members<'_, '_>) -> Result<Option<Value>, Refusal> {
    let binary: Option<SecretBytes> = members.secret_blob("SecretBinary", 1..=VALUE_BYTES_MAX);
    let text = members.secret_text("SecretString", 1..=VALUE_BYTES_MAX);
    match (binary, text) {
        (None, None) => Ok(None),
        (Some(binary), None) => Ok(Some(Value::Binary(binary))),
        (None, Some(text)) => Ok(Some(Value::Text(text))),
        (Some(_), Some(_)) => Err(refusals::two_values()),
    }
}

/// Takes the `Tags` of a request.
pub(super) fn tags(members: &mut Members<'_, '_>) -> Option<Vec<Tag>> {
    let tags = members.structures("Tags", 0..=usize::MAX, |tag| {
        (
            tag.text("Key", &TAG_KEY),
            tag.text("Value", &TAG_VALUE).unwrap_or_default(),
        )
    })?;
    let mut taken: Vec<Tag> = Vec::with_capacity(tags.len());
    for (key, value) in tags {
        match key {
            None => members.object(refusals::invalid_parameter("A tag must have a Key.")),
            Some(key) if taken.iter().any(|earlier| earlier.key == key) => {
                members.object(refusals::invalid_parameter(format!(
                    "The tag key {key} is given more than once."
                )));
            }
            Some(key) => taken.push(Tag { key, value }),
        }
    }
    Some(taken)
}

/// What a secret's tags are after new ones are laid over them.
pub(super) fn merge_tags(tags: &mut Vec<Tag>, added: Vec<Tag>) -> Result<(), Refusal> {
    for tag in added {
        refuse_system_tag(&tag.key)?;
        match tags.iter_mut().find(|earlier| earlier.key == tag.key) {
            Some(earlier) => earlier.value = tag.value,
            None => tags.push(tag),
        }
    }
    if tags.len() > TAGS_MAX {
        return Err(refusals::invalid_parameter(format!(
            "A secret can have at most {TAGS_MAX} tags."
        )));
    }
    Ok(())
}

/// Keys that AWS keeps for itself can be neither set nor removed.
pub(super) fn refuse_system_tag(key: &str) -> Result<(), Refusal> {
    if key
        .get(..4)
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"))
    {
        return Err(refusals::invalid_parameter(
            "Tag keys that start with aws: are reserved for system use.",
        ));
    }
    Ok(())
}
