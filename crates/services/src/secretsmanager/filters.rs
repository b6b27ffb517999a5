//! The filters of ListSecrets and BatchGetSecretValue: which secrets they let through.
//!
//! Source: reference/api.md §6.11.

use super::refusals;
use super::secret::Secret;
use crate::input::{Members, Pattern, Text};

/// Filters of a request. Source: reference/api.md §4.
const FILTERS_MAX: usize = 10;
const VALUES_MAX: usize = 10;

const KEY: Text = Text::one_of(&[
    "description",
    "name",
    "tag-key",
    "tag-value",
    "primary-region",
    "owning-service",
    "all",
]);

const VALUE: Text = Text::matching(
    0..=512,
    &Pattern {
        shown: "^\\!?[a-zA-Z0-9 :_@\\/\\+\\=\\.\\-\\!]*$",
        matches: |text| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b" :_@/+=.-!".contains(&byte))
        },
    },
);

/// One filter: a secret passes where a positive value matches, or none is given, and no negated
/// value does.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    attribute: Attribute,
    positive: Vec<String>,
    negative: Vec<String>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Attribute {
    Description,
    Name,
    TagKey,
    TagValue,
    PrimaryRegion,
    OwningService,
    All,
}

/// Takes the `Filters` of a request; `None` where there are none.
pub(super) fn take(members: &mut Members<'_, '_>) -> Option<Vec<Filter>> {
    let filters = members.structures("Filters", 0..=FILTERS_MAX, |filter| {
        let key = filter.text("Key", &KEY);
        let values = filter.texts("Values", 1..=VALUES_MAX, &VALUE);
        match (&key, &values) {
            (None, _) => filter.object(refusals::invalid_parameter("Invalid filter key")),
            (Some(key), None) => filter.object(refusals::invalid_parameter(format!(
                "Invalid filter values for key: {key}"
            ))),
            _ => {}
        }
        Filter::of(&key.unwrap_or_default(), values.unwrap_or_default())
    })?;
    Some(filters.into_iter().flatten().collect())
}

impl Filter {
    fn of(key: &str, values: Vec<String>) -> Option<Self> {
        let attribute = match key {
            "description" => Attribute::Description,
            "name" => Attribute::Name,
            "tag-key" => Attribute::TagKey,
            "tag-value" => Attribute::TagValue,
            "primary-region" => Attribute::PrimaryRegion,
            "owning-service" => Attribute::OwningService,
            "all" => Attribute::All,
            _ => return None,
        };
        let (negative, positive): (Vec<String>, Vec<String>) =
            values.into_iter().partition(|value| value.starts_with('!'));
        let negative = negative
            .into_iter()
            .map(|value| value[1..].to_owned())
            .collect();
        Some(Filter {
            attribute,
            positive,
            negative,
        })
    }

    /// Whether a secret passes.
    pub(super) fn admits(&self, secret: &Secret) -> bool {
        let hit = |value: &String| self.attribute.matches(secret, value);
        (self.positive.is_empty() || self.positive.iter().any(hit))
            && !self.negative.iter().any(hit)
    }

    /// The names that a passing secret must start with one of; `None` where names don't matter.
    pub(super) fn name_prefixes(&self) -> Option<&[String]> {
        let narrows = self.attribute == Attribute::Name && !self.positive.is_empty();
        narrows.then_some(&self.positive[..])
    }
}

impl Attribute {
    fn matches(self, secret: &Secret, value: &str) -> bool {
        match self {
            Attribute::Name => secret.name.starts_with(value),
            Attribute::TagKey => secret.tags.iter().any(|tag| tag.key.starts_with(value)),
            Attribute::TagValue => secret.tags.iter().any(|tag| tag.value.starts_with(value)),
            Attribute::Description => secret
                .description
                .as_deref()
                .is_some_and(|text| has_words(text, value)),
            Attribute::All => {
                let tags = secret.tags.iter().flat_map(|tag| [&tag.key, &tag.value]);
                [&secret.name]
                    .into_iter()
                    .chain(&secret.description)
                    .chain(tags)
                    .any(|text| has_words(text, value))
            }
            // Only multi-Region secrets have the one, only service-managed ones the other.
            Attribute::PrimaryRegion | Attribute::OwningService => false,
        }
    }
}

/// Whether each word of `value` starts some word of `text`, in any order and letter case.
fn has_words(text: &str, value: &str) -> bool {
    let text = words(text);
    words(value)
        .iter()
        .all(|wanted| text.iter().any(|word| word.starts_with(wanted.as_str())))
}

/// A text's words in lower case: it breaks at whatever is no letter or digit, between a lower-case
/// letter and an upper-case one, and between letters and digits.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last: Option<char> = None;
    for character in text.chars() {
        if !character.is_alphanumeric() {
            last = None;
            continue;
        }
        let breaks = match last {
            None => true,
            Some(last) => {
                (last.is_lowercase() && character.is_uppercase())
                    || last.is_numeric() != character.is_numeric()
            }
        };
        if breaks {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(character.to_lowercase());
        }
        last = Some(character);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_break_where_aws_says() {
        for (text, expected) in [
            ("credsDatabase#892", vec!["creds", "database", "892"]),
            ("My web-app", vec!["my", "web", "app"]),
            ("ABCdef", vec!["abcdef"]),
            ("v2beta", vec!["v", "2", "beta"]),
            ("", vec![]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn every_word_must_start_some_word_in_any_order_and_case() {
        for (text, value, expected) in [
            ("the production database", "DATA prod", true),
            ("the production database", "base", false),
            ("the production database", "prod missing", false),
            ("the production database", "", true),
        ] {
            assert_eq!(has_words(text, value), expected, "{value}");
        }
    }
}
