//! Aliases of functions: their names, and how they are shown and found.
//!
//! Source: AWS Lambda API Reference, CreateAlias; AWS Lambda Developer Guide, Create an alias for a Lambda function.

use serde::Serialize;

use super::function::{Alias, Function};
use super::refusals;
use crate::input::{Members, Pattern, Text};
use crate::refusal::Refusal;

/// Aliases of a function. AWS has no such limit; here a function with all its aliases is one record.
pub(super) const ALIASES_MAX: usize = 100;

pub(super) const NAME: Text = Text::matching(
    1..=128,
    &Pattern {
        shown: "(?!^[0-9]+$)([a-zA-Z0-9-_]+)",
        matches: |text| {
            !text.bytes().all(|byte| byte.is_ascii_digit())
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        },
    },
);

pub(super) const VERSION: Text = Text::matching(
    1..=1024,
    &Pattern {
        shown: "(\\$LATEST(\\.PUBLISHED)?|[0-9]+)",
        matches: |text| {
            text == "$LATEST"
                || (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        },
    },
);

/// An alias, as answers show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownAlias {
    alias_arn: String,
    name: String,
    function_version: String,
    description: String,
    revision_id: String,
}

impl ShownAlias {
    pub(super) fn of(function: &Function, alias: &Alias) -> Self {
        ShownAlias {
            alias_arn: function.arn.qualified(Some(&alias.name)).to_string(),
            name: alias.name.clone(),
            function_version: alias.version.clone(),
            description: alias.description.clone(),
            revision_id: alias.revision_id.clone(),
        }
    }
}

/// Takes `RoutingConfig` out of a request, which may say no more than that there is none.
pub(super) fn refuse_routing(members: &mut Members<'_, '_>) {
    let weights = members.structure("RoutingConfig", |routing| {
        routing.structure("AdditionalVersionWeights", |weights| weights.is_empty())
    });
    if weights.flatten() == Some(false) {
        let why = "an alias names one version.";
        members.object(refusals::unsupported("RoutingConfig", why));
    }
}

/// # Refusals
/// `ResourceNotFoundException`: there is no such version.
pub(super) fn check_version(function: &Function, version: &str) -> Result<(), Refusal> {
    match function.version(version) {
        Some(_) => Ok(()),
        None => Err(refusals::function_not_found(
            &function.arn.qualified(Some(version)),
        )),
    }
}

/// Where an alias is among a function's.
///
/// # Refusals
/// `ResourceNotFoundException`
pub(super) fn place(function: &Function, name: &str) -> Result<usize, Refusal> {
    let place = function.aliases.iter().position(|alias| alias.name == name);
    place.ok_or_else(|| refusals::alias_not_found(&function.arn.qualified(Some(name))))
}
