//! What a built-in function is told by whoever configures it: `ExternalSecretRotationMetadata`, read in one go. Whatever
//! a function doesn't ask for is refused, so a misspelt parameter is never ignored.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// A parameter as RotateSecret takes it and DescribeSecret shows it.
///
/// Source: AWS Secrets Manager API Reference, ExternalSecretRotationMetadataItem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Parameter {
    /// 1 to 256 characters.
    pub key: String,
    /// 1 to 2048 characters.
    pub value: String,
}

/// The parameters of one function while they are read. What is wrong is noted, the first of it is told.
pub struct Parameters<'a> {
    given: &'a [Parameter],
    asked: Vec<&'static str>,
    problem: Option<String>,
}

impl<'a> Parameters<'a> {
    pub(super) fn of(given: &'a [Parameter]) -> Self {
        Parameters {
            given,
            asked: Vec::new(),
            problem: None,
        }
    }

    /// What is wrong with them, once all were asked for.
    pub(super) fn problem(self) -> Option<String> {
        let mut keys = self.given.iter().map(|parameter| &parameter.key);
        let unknown = keys.find(|key| !self.asked.contains(&key.as_str()));
        let has = match self.asked.as_slice() {
            [] => "it has none".to_owned(),
            asked => format!("it has {}", asked.join(", ")),
        };
        let unknown = unknown.map(|key| format!("it has no parameter '{key}'; {has}"));
        unknown.or(self.problem)
    }

    /// Notes that something is wrong; the text goes on from the function's name.
    pub(super) fn refuse(&mut self, problem: impl Into<String>) {
        self.problem.get_or_insert(problem.into());
    }

    /// A text.
    pub(super) fn text(&mut self, key: &'static str) -> Option<&'a str> {
        self.asked.push(key);
        let mut values = self.given.iter().filter(|parameter| parameter.key == key);
        let value = values.next()?;
        if values.next().is_some() {
            self.refuse(format!("{key} is given twice"));
        }
        Some(&value.value)
    }

    /// A text without which the function can't work; `what` says what it is. Empty where it is missing.
    pub(super) fn required(&mut self, key: &'static str, what: &str) -> &'a str {
        let value = self.text(key);
        if value.is_none() {
            self.refuse(format!("it needs the parameter {key}, {what}"));
        }
        value.unwrap_or_default()
    }

    /// `true` or `false`; the default where it isn't given.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        match self.text(key) {
            None => default,
            Some("true") => true,
            Some("false") => false,
            Some(_) => {
                self.refuse(format!("{key} must be true or false"));
                default
            }
        }
    }

    /// A whole number; the default where it isn't given.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<usize>,
        default: usize,
    ) -> usize {
        let Some(text) = self.text(key) else {
            return default;
        };
        // `parse` would also take a sign.
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|it| digits && range.contains(it));
        number.unwrap_or_else(|| {
            let (least, most) = range.into_inner();
            self.refuse(format!(
                "{key} must be a whole number from {least} to {most}"
            ));
            default
        })
    }

    /// One of several names; the default where it isn't given.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&str, T)],
        default: T,
    ) -> T {
        let Some(text) = self.text(key) else {
            return default;
        };
        let chosen = choices.iter().find(|(name, _)| *name == text);
        chosen.map(|(_, choice)| *choice).unwrap_or_else(|| {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            self.refuse(format!("{key} must be one of {}", names.join(", ")));
            default
        })
    }

    /// What stands between commas, without the spaces around it.
    pub(super) fn list(&mut self, key: &'static str) -> Vec<&'a str> {
        let Some(text) = self.text(key) else {
            return Vec::new();
        };
        text.split(',').map(str::trim).collect()
    }
}
