//! Conditions: operators, what they compare, and what an absent key means to them.
//!
//! A condition is one key under one operator; a statement's conditions are all to hold. A wanted
//! value that can't be read as its operator's type, or holds a variable without a value, matches
//! nothing. Source: IAM user guide, Condition operators; Multivalued context keys.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use std::cmp::Ordering;

use crate::context::{Context, Saw};
use crate::explain::{Meaning, Wanted};
use crate::json::{Node, Shape, wrong_type};
use crate::malformed::{Malformed, Path, Problem};
use crate::pattern::{Pattern, Style};
use crate::values::{Network, Number, address, instant};

/// One key under one operator.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    operator_text: Box<str>,
    operator: Operator,
    key: Box<str>,
    key_in_lower_case: Box<str>,
    texts: Vec<Box<str>>,
    wanted: WantedValues,
}

#[derive(Debug, Clone, Copy)]
struct Operator {
    quantifier: Option<Quantifier>,
    comparison: Comparison,
    /// `StringNotEquals` and its like: holds where no wanted value matches.
    negated: bool,
    if_exists: bool,
}

/// How an operator meets the several values of a multivalued key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantifier {
    /// `ForAllValues:` every value of the request; holds where there is none.
    ForAllValues,
    /// `ForAnyValue:` at least one value of the request.
    ForAnyValue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    Arn,
    Numeric(Sense),
    Date(Sense),
    Bool,
    Binary,
    IpAddress,
    Null,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sense {
    Equals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

/// The operators without qualifiers: name, comparison, negated.
const OPERATORS: &[(&str, Comparison, bool)] = &[
    ("StringEquals", Comparison::StringEquals, false),
    ("StringNotEquals", Comparison::StringEquals, true),
    (
        "StringEqualsIgnoreCase",
        Comparison::StringEqualsIgnoreCase,
        false,
    ),
    (
        "StringNotEqualsIgnoreCase",
        Comparison::StringEqualsIgnoreCase,
        true,
    ),
    ("StringLike", Comparison::StringLike, false),
    ("StringNotLike", Comparison::StringLike, true),
    ("NumericEquals", Comparison::Numeric(Sense::Equals), false),
    ("NumericNotEquals", Comparison::Numeric(Sense::Equals), true),
    (
        "NumericLessThan",
        Comparison::Numeric(Sense::LessThan),
        false,
    ),
    (
        "NumericLessThanEquals",
        Comparison::Numeric(Sense::LessThanEquals),
        false,
    ),
    (
        "NumericGreaterThan",
        Comparison::Numeric(Sense::GreaterThan),
        false,
    ),
    (
        "NumericGreaterThanEquals",
        Comparison::Numeric(Sense::GreaterThanEquals),
        false,
    ),
    ("DateEquals", Comparison::Date(Sense::Equals), false),
    ("DateNotEquals", Comparison::Date(Sense::Equals), true),
    ("DateLessThan", Comparison::Date(Sense::LessThan), false),
    (
        "DateLessThanEquals",
        Comparison::Date(Sense::LessThanEquals),
        false,
    ),
    (
        "DateGreaterThan",
        Comparison::Date(Sense::GreaterThan),
        false,
    ),
    (
        "DateGreaterThanEquals",
        Comparison::Date(Sense::GreaterThanEquals),
        false,
    ),
    ("Bool", Comparison::Bool, false),
    ("BinaryEquals", Comparison::Binary, false),
    ("IpAddress", Comparison::IpAddress, false),
    ("NotIpAddress", Comparison::IpAddress, true),
    ("ArnEquals", Comparison::Arn, false),
    ("ArnNotEquals", Comparison::Arn, true),
    ("ArnLike", Comparison::Arn, false),
    ("ArnNotLike", Comparison::Arn, true),
    ("Null", Comparison::Null, false),
];

/// The values an operator looks for, read as its type. What could not be read is left out.
#[derive(Debug, Clone)]
enum WantedValues {
    Patterns(Vec<Pattern>),
    Folded(Vec<Pattern>),
    Numbers(Sense, Vec<Box<str>>),
    Instants(Sense, Vec<Timestamp>),
    Bools(Vec<bool>),
    Bytes(Vec<Vec<u8>>),
    Networks(Vec<Network>),
    /// Whether the key is to be absent.
    Absent(Vec<bool>),
}

/// A condition as its author wrote it.
#[derive(Debug, Clone, Copy)]
pub struct ConditionRef<'a>(pub(crate) &'a Condition);

impl<'a> ConditionRef<'a> {
    /// The operator with its qualifiers, such as `ForAnyValue:StringLikeIfExists`.
    pub fn operator(self) -> &'a str {
        &self.0.operator_text
    }

    /// The condition key in the author's letter case.
    pub fn key(self) -> &'a str {
        &self.0.key
    }

    /// The wanted values as text.
    pub fn values(self) -> impl Iterator<Item = &'a str> {
        self.0.texts.iter().map(|text| &**text)
    }

    /// The wanted values as text, each with what it means in a request.
    pub fn wanted(self, context: &Context) -> impl Iterator<Item = Wanted<'a>> {
        let condition = self.0;
        condition
            .texts
            .iter()
            .enumerate()
            .map(move |(index, text)| match &condition.wanted {
                WantedValues::Patterns(patterns) | WantedValues::Folded(patterns) => {
                    patterns[index].wanted(context)
                }
                _ => Wanted {
                    written: text,
                    meaning: if condition.operator.comparison.can_read(text) {
                        Meaning::AsWritten
                    } else {
                        Meaning::Unreadable
                    },
                },
            })
    }

    /// The wanted values, whatever they mean in a request.
    pub(crate) fn as_written(self) -> impl Iterator<Item = Wanted<'a>> {
        self.values().map(|written| Wanted {
            written,
            meaning: Meaning::AsWritten,
        })
    }

    /// The keys of the policy variables in the values, in lower case.
    pub fn variables(self) -> impl Iterator<Item = &'a str> {
        let patterns: &[Pattern] = match &self.0.wanted {
            WantedValues::Patterns(patterns) | WantedValues::Folded(patterns) => patterns,
            _ => &[],
        };
        patterns.iter().flat_map(Pattern::variables)
    }
}

impl Condition {
    /// Reads a `Condition` element; every key of every operator becomes one condition.
    pub(crate) fn parse_all(
        node: Node<'_>,
        path: &Path<'_>,
        variables: bool,
    ) -> Result<Vec<Condition>, Malformed> {
        let mut conditions = Vec::new();
        for (operator_text, keys) in node.object(path)? {
            let path = path.key(&operator_text);
            let operator = Operator::parse(&operator_text).ok_or_else(|| {
                path.is(Problem::UnknownOperator {
                    name: operator_text.clone(),
                })
            })?;
            for (key, values) in keys.object(&path)? {
                let path = path.key(&key);
                let well_formed = key.split_once(':').is_some_and(|(prefix, name)| {
                    !prefix.trim().is_empty() && !name.trim().is_empty()
                });
                if !well_formed {
                    return Err(path.is(Problem::InvalidConditionKey { key: key.clone() }));
                }
                let texts = condition_values(values, &path)?;
                let wanted = operator.read(&texts, &path, variables)?;
                conditions.push(Condition {
                    operator_text: operator_text.as_str().into(),
                    operator,
                    key: key.as_str().into(),
                    key_in_lower_case: key.to_lowercase().into(),
                    texts,
                    wanted,
                });
            }
        }
        Ok(conditions)
    }

    /// What the request holds under this condition's key.
    pub(crate) fn saw<'a>(&self, context: &'a Context) -> Saw<'a> {
        context.lowercase(&self.key_in_lower_case)
    }

    pub(crate) fn holds(&self, context: &Context) -> bool {
        let Operator {
            quantifier,
            negated,
            if_exists,
            ..
        } = self.operator;
        let saw = self.saw(context);
        if let WantedValues::Absent(wanted) = &self.wanted {
            return wanted.contains(&matches!(saw, Saw::Absent));
        }
        let values = match (saw, quantifier) {
            (Saw::Absent, _) if if_exists => return true,
            (Saw::Absent, Some(Quantifier::ForAllValues)) => return true,
            (Saw::Absent, Some(Quantifier::ForAnyValue)) => return false,
            (Saw::Absent | Saw::Ambiguous, _) => return negated,
            (Saw::Values(values), _) => values,
        };
        match quantifier {
            None => values.iter().any(|value| self.finds(value, context)) != negated,
            // A set of nothing but empty strings is an empty set. Source: IAM user guide,
            // Multivalued context keys: "an empty data set (for example, an empty string)".
            Some(quantifier) if values.iter().all(String::is_empty) => {
                quantifier == Quantifier::ForAllValues
            }
            Some(Quantifier::ForAllValues) => values
                .iter()
                .all(|value| self.finds(value, context) != negated),
            Some(Quantifier::ForAnyValue) => values
                .iter()
                .any(|value| self.finds(value, context) != negated),
        }
    }

    /// Some wanted value matches this value of the request.
    fn finds(&self, value: &str, context: &Context) -> bool {
        match &self.wanted {
            WantedValues::Patterns(patterns) => patterns
                .iter()
                .any(|pattern| pattern.matches(value, context)),
            WantedValues::Folded(patterns) => patterns
                .iter()
                .any(|pattern| pattern.matches_ignoring_case(value, context)),
            WantedValues::Numbers(sense, numbers) => Number::parse(value).is_some_and(|value| {
                numbers
                    .iter()
                    .filter_map(|number| Number::parse(number))
                    .any(|number| sense.accepts(value.compare(&number)))
            }),
            WantedValues::Instants(sense, instants) => instant(value).is_some_and(|value| {
                instants
                    .iter()
                    .any(|instant| sense.accepts(value.cmp(instant)))
            }),
            WantedValues::Bools(bools) => {
                boolean(value).is_some_and(|value| bools.contains(&value))
            }
            WantedValues::Bytes(wanted) => STANDARD
                .decode(value)
                .is_ok_and(|value| wanted.contains(&value)),
            WantedValues::Networks(networks) => address(value)
                .is_some_and(|address| networks.iter().any(|network| network.contains(address))),
            WantedValues::Absent(_) => false,
        }
    }

    /// Values under which it may come to hold, or not to: what is wanted, something next to it, something else, and no
    /// value. Each is to be tried.
    pub(crate) fn values_to_try(&self, context: &Context) -> Vec<Option<String>> {
        let mut values = Vec::new();
        for wanted in ConditionRef(self).wanted(context) {
            let text = match &wanted.meaning {
                Meaning::AsWritten => wanted.written,
                Meaning::Resolved(text) => text,
                Meaning::Unresolved(_) | Meaning::Unreadable => continue,
            };
            values.push(text.to_owned());
            match &self.wanted {
                WantedValues::Patterns(_) | WantedValues::Folded(_) => {
                    values.push(text.replace(['*', '?'], "x"));
                }
                WantedValues::Numbers(..) => {
                    let number = text.parse::<i64>();
                    let near =
                        number.map_or([None; 2], |it| [it.checked_add(1), it.checked_sub(1)]);
                    values.extend(near.into_iter().flatten().map(|near| near.to_string()));
                }
                WantedValues::Instants(..) => {
                    let near = instant(text).map_or(Vec::new(), |at| {
                        let second = jiff::Span::new().seconds(1);
                        vec![at.checked_add(second), at.checked_sub(second)]
                    });
                    values.extend(near.into_iter().flatten().map(|near| near.to_string()));
                }
                WantedValues::Networks(_) => {
                    let address = text.split('/').next().unwrap_or_default();
                    values.push(address.to_owned());
                }
                WantedValues::Bools(_) | WantedValues::Bytes(_) | WantedValues::Absent(_) => {}
            }
        }
        let others: &[&str] = match &self.wanted {
            WantedValues::Bools(_) => &["true", "false"],
            WantedValues::Networks(_) => &["192.0.2.1", "198.51.100.1", "2001:db8::1"],
            _ => &["other"],
        };
        values.extend(others.iter().map(|&text| text.to_owned()));
        let values = values.into_iter().filter(|value| !value.is_empty());
        values.map(Some).chain([None]).collect()
    }

    pub(crate) fn key_in_lower_case(&self) -> &str {
        &self.key_in_lower_case
    }

    /// Holds only where the key is there and one of its values is among the wanted ones.
    pub(crate) fn requires_a_wanted_value(&self) -> bool {
        !self.operator.negated
            && !self.operator.if_exists
            && self.operator.quantifier != Some(Quantifier::ForAllValues)
            && self.operator.comparison != Comparison::Null
    }

    /// Holds, alone, wherever the key is absent or its value is not among the wanted ones.
    pub(crate) fn catches_all_but_wanted_values(&self) -> bool {
        self.operator.negated && self.operator.quantifier.is_none()
    }

    /// Every wanted value names one thing: no wildcards, no variables, no wide network.
    pub(crate) fn wants_fixed_values(&self) -> bool {
        match &self.wanted {
            WantedValues::Patterns(patterns) | WantedValues::Folded(patterns) => {
                patterns.iter().all(Pattern::is_fixed)
            }
            WantedValues::Networks(networks) => networks.iter().all(Network::is_narrow),
            _ => false,
        }
    }

    pub(crate) fn texts(&self) -> &[Box<str>] {
        &self.texts
    }
}

impl Operator {
    fn parse(text: &str) -> Option<Self> {
        let (quantifier, rest) = if let Some(rest) = text.strip_prefix("ForAllValues:") {
            (Some(Quantifier::ForAllValues), rest)
        } else if let Some(rest) = text.strip_prefix("ForAnyValue:") {
            (Some(Quantifier::ForAnyValue), rest)
        } else {
            (None, text)
        };
        let (name, if_exists) = rest
            .strip_suffix("IfExists")
            .map_or((rest, false), |name| (name, true));
        let (_, comparison, negated) = OPERATORS.iter().find(|(known, _, _)| *known == name)?;
        // "IfExists" and sets make no sense where presence itself is the question.
        if *comparison == Comparison::Null && (if_exists || quantifier.is_some()) {
            return None;
        }
        Some(Operator {
            quantifier,
            comparison: *comparison,
            negated: *negated,
            if_exists,
        })
    }

    fn read(
        &self,
        texts: &[Box<str>],
        path: &Path<'_>,
        variables: bool,
    ) -> Result<WantedValues, Malformed> {
        let patterns = |style| {
            texts
                .iter()
                .map(|text| {
                    Pattern::compile(text, style, variables).map_err(|detail| {
                        path.is(Problem::InvalidVariable {
                            value: text.to_string(),
                            detail,
                        })
                    })
                })
                .collect::<Result<Vec<_>, _>>()
        };
        let texts = texts.iter();
        Ok(match self.comparison {
            Comparison::StringEquals => WantedValues::Patterns(patterns(Style::Exact)?),
            Comparison::StringEqualsIgnoreCase => WantedValues::Folded(patterns(Style::Exact)?),
            Comparison::StringLike => WantedValues::Patterns(patterns(Style::Like)?),
            Comparison::Arn => WantedValues::Patterns(patterns(Style::Arn)?),
            Comparison::Numeric(sense) => WantedValues::Numbers(
                sense,
                texts
                    .filter(|text| Number::parse(text).is_some())
                    .cloned()
                    .collect(),
            ),
            Comparison::Date(sense) => {
                WantedValues::Instants(sense, texts.filter_map(|text| instant(text)).collect())
            }
            Comparison::Bool => {
                WantedValues::Bools(texts.filter_map(|text| boolean(text)).collect())
            }
            Comparison::Binary => WantedValues::Bytes(
                texts
                    .filter_map(|text| STANDARD.decode(&**text).ok())
                    .collect(),
            ),
            Comparison::IpAddress => {
                WantedValues::Networks(texts.filter_map(|text| Network::parse(text)).collect())
            }
            Comparison::Null => {
                WantedValues::Absent(texts.filter_map(|text| boolean(text)).collect())
            }
        })
    }
}

impl Comparison {
    /// A wanted value is one of the type that is compared.
    fn can_read(self, text: &str) -> bool {
        match self {
            Comparison::StringEquals
            | Comparison::StringEqualsIgnoreCase
            | Comparison::StringLike
            | Comparison::Arn => true,
            Comparison::Numeric(_) => Number::parse(text).is_some(),
            Comparison::Date(_) => instant(text).is_some(),
            Comparison::Bool | Comparison::Null => boolean(text).is_some(),
            Comparison::Binary => STANDARD.decode(text).is_ok(),
            Comparison::IpAddress => Network::parse(text).is_some(),
        }
    }
}

impl Sense {
    fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Sense::Equals => ordering.is_eq(),
            Sense::LessThan => ordering.is_lt(),
            Sense::LessThanEquals => ordering.is_le(),
            Sense::GreaterThan => ordering.is_gt(),
            Sense::GreaterThanEquals => ordering.is_ge(),
        }
    }
}

fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// One value or a non-empty array of them; strings, numbers and booleans, all kept as text.
fn condition_values(node: Node<'_>, path: &Path<'_>) -> Result<Vec<Box<str>>, Malformed> {
    match node.read(path)? {
        Shape::Array(items) if items.is_empty() => Err(path.is(Problem::Empty)),
        Shape::Array(items) => items
            .into_iter()
            .enumerate()
            .map(|(index, item)| {
                let path = path.index(index);
                condition_value(item.read(&path)?, &path)
            })
            .collect(),
        single => Ok(vec![condition_value(single, path)?]),
    }
}

fn condition_value(shape: Shape<'_>, path: &Path<'_>) -> Result<Box<str>, Malformed> {
    match shape {
        Shape::Text(text) => Ok(text.into()),
        Shape::Number(text) => Ok(text.into()),
        Shape::Bool(value) => Ok(if value { "true" } else { "false" }.into()),
        other => Err(wrong_type(
            path,
            "a string, a number, a boolean or an array of them",
            &other,
        )),
    }
}
