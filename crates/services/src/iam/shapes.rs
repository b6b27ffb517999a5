//! Members that several operations share, with the model's constraints, and their readers.
//!
//! Source: the service's model (botocore, iam 2010-05-08).

use serde::{Deserialize, Serialize};
use strongroom_policy::Context;

use super::attachment::Usage;
use super::refusals;
use crate::input::{Members, Pattern, Text};
use crate::operation::Given;
use crate::refusal::Refusal;

pub(super) const NAME_PATTERN: Pattern = Pattern {
    shown: "[\\w+=,.@-]+",
    matches: |text| {
        let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
        !text.is_empty() && text.bytes().all(in_name)
    },
};

/// The name of a user that is to be.
pub(super) const NEW_USER_NAME: Text = Text::matching(1..=64, &NAME_PATTERN);
/// The name of a user that is there.
pub(crate) const USER_NAME: Text = Text::matching(1..=128, &NAME_PATTERN);
/// The name of a role, to be or there.
pub(super) const ROLE_NAME: Text = Text::matching(1..=64, &NAME_PATTERN);
pub(super) const INSTANCE_PROFILE_NAME: Text = Text::matching(1..=128, &NAME_PATTERN);
pub(super) const GROUP_NAME: Text = Text::matching(1..=128, &NAME_PATTERN);
pub(super) const POLICY_NAME: Text = Text::matching(1..=128, &NAME_PATTERN);
pub(super) const POLICY_DOCUMENT: Text = Text::matching(
    1..=131_072,
    &Pattern {
        shown: "[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+",
        matches: |text| {
            let in_text = |each: char| matches!(each, '\t' | '\n' | '\r' | ' '..='\u{ff}');
            text.chars().all(in_text)
        },
    },
);
/// What a managed policy is for.
pub(super) const POLICY_DESCRIPTION: Text = Text::of(0..=1000);
/// The path of a managed policy, and the start of such paths.
pub(super) const POLICY_PATH: Text = Text::matching(
    1..=512,
    &Pattern {
        shown: "((/[A-Za-z0-9\\.,\\+@=_-]+)*)/",
        matches: |text| {
            let in_part = |byte: u8| byte.is_ascii_alphanumeric() || b".,+@=_-".contains(&byte);
            let is_part = |part: &str| !part.is_empty() && part.bytes().all(in_part);
            match text.strip_prefix('/') {
                Some("") => true,
                Some(rest) => rest
                    .strip_suffix('/')
                    .is_some_and(|parts| parts.split('/').all(is_part)),
                None => false,
            }
        },
    },
);
/// The version of a managed policy.
pub(super) const VERSION_ID: Text = Text::matching(
    0..=usize::MAX,
    &Pattern {
        shown: "v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?",
        matches: |text| {
            let Some(rest) = text.strip_prefix('v') else {
                return false;
            };
            let (number, label) = rest.split_once('.').unwrap_or((rest, ""));
            let in_label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            !number.starts_with('0')
                && !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit())
                && label.bytes().all(in_label)
        },
    },
);
pub(super) const POLICY_USAGE: Text = Text::one_of(&["PermissionsPolicy", "PermissionsBoundary"]);
pub(super) const DESCRIPTION: Text = Text::matching(
    0..=1000,
    &Pattern {
        shown: "[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u00A1-\\u00FF]*",
        matches: |text| {
            let in_text =
                |each: char| matches!(each, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}');
            text.chars().all(in_text)
        },
    },
);
pub(super) const STATUS: Text = Text::one_of(&["Active", "Inactive", "Expired"]);
pub(super) const PATH: Text = Text::matching(
    1..=512,
    &Pattern {
        shown: "(\\u002F)|(\\u002F[\\u0021-\\u007E]+\\u002F)",
        matches: |text| is_path_start(text) && text.ends_with('/'),
    },
);
const PATH_PREFIX: Text = Text::matching(
    1..=512,
    &Pattern {
        shown: "\\u002F[\\u0021-\\u007F]*",
        matches: is_path_start,
    },
);

fn is_path_start(text: &str) -> bool {
    text.starts_with('/') && text.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
}

/// Takes the `MaxSessionDuration` of a request.
pub(super) fn session_seconds_max(members: &mut Members<'_, '_>) -> Option<u32> {
    let seconds = members.integer("MaxSessionDuration", 3600..=43_200);
    seconds.and_then(|seconds| u32::try_from(seconds).ok())
}

pub(super) const ARN: Text = Text::of(20..=2048);

/// The condition key of the managed policy that a request names.
pub(super) const POLICY_ARN: &str = "iam:PolicyARN";

/// Takes an ARN that must be there.
pub(super) fn arn(name: &str, members: &mut Members<'_, '_>) -> String {
    members.required_text(name, &ARN)
}

/// Takes an ARN that may be there.
pub(super) fn optional_arn(name: &str, members: &mut Members<'_, '_>) -> Option<String> {
    members.text(name, &ARN)
}

/// Takes the `Path` of what is to be made.
pub(super) fn path(members: &mut Members<'_, '_>) -> String {
    members
        .text("Path", &PATH)
        .unwrap_or_else(|| "/".to_owned())
}

/// Takes the `PathPrefix` of a list.
pub(super) fn path_prefix(members: &mut Members<'_, '_>) -> String {
    let prefix = members.text("PathPrefix", &PATH_PREFIX);
    prefix.unwrap_or_else(|| "/".to_owned())
}

/// The same of a list of managed policies.
pub(super) fn policy_path_prefix(members: &mut Members<'_, '_>) -> String {
    let prefix = members.text("PathPrefix", &POLICY_PATH);
    prefix.unwrap_or_else(|| "/".to_owned())
}

/// Takes the `PolicyUsageFilter` of a list.
pub(super) fn usage(members: &mut Members<'_, '_>) -> Option<Usage> {
    let name = members.text("PolicyUsageFilter", &POLICY_USAGE);
    name.map(|name| match name.as_str() {
        "PermissionsBoundary" => Usage::Boundary,
        _ => Usage::Permissions,
    })
}

/// Tags of one entity. Source: IAM and AWS STS quotas.
pub(crate) const TAGS_MAX: usize = 50;
pub(crate) const TAG_KEY: Text = Text::of(1..=128);
const TAG_VALUE: Text = Text::of(0..=256);

/// A tag. Keys differ by more than letter case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// Takes the `Tags` of a request.
pub(super) fn tags(members: &mut Members<'_, '_>) -> Vec<Tag> {
    tags_refused_by(members, refusals::invalid_input)
}

/// The same for a service that has a refusal of its own for tags that can't be.
pub(crate) fn tags_refused_by(
    members: &mut Members<'_, '_>,
    refuse: fn(&'static str) -> Refusal,
) -> Vec<Tag> {
    let tags = members.structures("Tags", 0..=TAGS_MAX, |tag| Tag {
        key: tag.required_text("Key", &TAG_KEY),
        value: {
            tag.require("Value");
            tag.text("Value", &TAG_VALUE).unwrap_or_default()
        },
    });
    let tags = tags.unwrap_or_default();
    for (at, tag) in tags.iter().enumerate() {
        let mut earlier = tags[..at].iter();
        if earlier.any(|each| each.key.eq_ignore_ascii_case(&tag.key)) {
            members.object(refuse(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
        if tag
            .key
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
        {
            members.object(refuse(
                "Tag keys that start with aws: are reserved for system use.",
            ));
        }
    }
    tags
}

/// Takes the `TagKeys` of a request.
pub(super) fn tag_keys(members: &mut Members<'_, '_>) -> Vec<String> {
    members.require("TagKeys");
    members
        .texts("TagKeys", 0..=TAGS_MAX, &TAG_KEY)
        .unwrap_or_default()
}

/// Lays new tags over those that are there; `quota` is their quota's name.
///
/// # Refusals
/// `LimitExceeded`
pub(super) fn merge_tags(tags: &mut Vec<Tag>, added: Vec<Tag>, quota: &str) -> Result<(), Refusal> {
    for tag in added {
        match tags
            .iter_mut()
            .find(|each| each.key.eq_ignore_ascii_case(&tag.key))
        {
            Some(earlier) => *earlier = tag,
            None => tags.push(tag),
        }
    }
    if tags.len() > TAGS_MAX {
        return Err(refusals::quota(quota, TAGS_MAX));
    }
    Ok(())
}

/// The condition keys of tags in a request.
pub(super) fn request_tags(tags: &[Tag]) -> Context {
    let mut context = Context::new();
    add_request_tags(tags, &mut context);
    context
}

/// The same, beside others.
pub(crate) fn add_request_tags(tags: &[Tag], context: &mut Context) {
    for tag in tags {
        context.insert(&format!("aws:RequestTag/{}", tag.key), tag.value.as_str());
    }
    context.insert_all("aws:TagKeys", tags.iter().map(|tag| tag.key.clone()));
}

/// The condition keys of the tags of what is there.
pub(crate) fn add_resource_tags(tags: &[Tag], context: &mut Context) {
    for tag in tags {
        for prefix in ["aws", "iam"] {
            let key = format!("{prefix}:ResourceTag/{}", tag.key);
            context.insert(&key, tag.value.as_str());
        }
    }
}

/// A unique id: what it is of, such as `AIDA`, and 17 random characters.
pub(super) fn fresh_id(prefix: &str, given: &Given<'_>) -> String {
    const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut random = [0; 17];
    given.entropy.fill(&mut random);
    let letter = |byte: &u8| char::from(BASE32[usize::from(byte % 32)]);
    prefix.chars().chain(random.iter().map(letter)).collect()
}
