//! Reading a request, which is JSON whatever the protocol: what its body may be, which types its members have,
//! and the constraints of the model, with AWS's wording for each violation.
//!
//! A request is read in one go: [`understand`] hands [`Members`] to the operation, which takes its members
//! one by one; whatever is wrong is collected there, and the half-read request is dropped.
//!
//! Source: reference/api.md §1 and §1.1.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use strongroom_keys::SecretBytes;

use crate::cloudtrail::elements;
use crate::cloudtrail::told::Parameters;
use crate::operation::Given;
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// Reads a request and raises its objection at once; for tests, which have no gate in between.
#[cfg(test)]
pub(crate) fn read<T>(
    body: &[u8],
    take: impl FnOnce(&mut Members<'_, '_>) -> T,
) -> Result<T, Refusal> {
    let Understood {
        request, objection, ..
    } = understand(body, false, &mut None, take)?;
    objection.map_or(Ok(request), Err)
}

/// A request that keeps to the model, and what is wrong with it nevertheless: said only to a caller who may ask.
pub struct Understood<T> {
    /// The request.
    pub request: T,
    /// Why it is refused.
    pub objection: Option<Refusal>,
    /// What is still to be checked.
    pub checks: Vec<Check>,
}

/// What a member is checked for with what a decision is given, such as the keyring.
pub type Check = Box<dyn FnOnce(&Given<'_>) -> Result<(), Refusal>>;

/// Reads a request's body and takes the operation's members out of it; the caller raises the objection.
///
/// With `texts_only`, a text may stand for a number, for a flag and, where it is empty, for a list without items: the
/// query protocol has nothing but texts.
///
/// `told` becomes what the request's event tells of its members: all that the operation takes but secrets. It stays `None`
/// for a body that is no request at all.
///
/// # Refusals
/// - `SerializationException`: not a JSON object, or a member of the wrong type.
/// - `ValidationException`: constraints of the model are broken; all of them are listed.
/// - What the members were refused for, by [`Members::refuse`].
pub fn understand<T>(
    body: &[u8],
    texts_only: bool,
    told: &mut Option<Parameters>,
    take: impl FnOnce(&mut Members<'_, '_>) -> T,
) -> Result<Understood<T>, Refusal> {
    let body = if body.is_empty() { b"{}" } else { body };
    let json: Json<'_> = serde_json::from_slice(body)
        .map_err(|_| Refusal::serialization("The request body is not well-formed JSON."))?;
    let Json::Object(members) = &json else {
        return Err(Refusal::serialization(
            "The request body must be a JSON object.",
        ));
    };
    let mut problems = Problems {
        texts_only,
        ..Problems::default()
    };
    let request = take(&mut Members {
        members,
        path: None,
        problems: &mut problems,
        told: told.insert(Parameters::new()),
    });
    let objection = problems.objection.take();
    let checks = std::mem::take(&mut problems.checks);
    problems.into_result().map(|()| Understood {
        request,
        objection,
        checks,
    })
}

/// What a text must be.
#[derive(Clone, Debug)]
pub struct Text {
    length: RangeInclusive<usize>,
    pattern: Option<&'static Pattern>,
    one_of: Option<&'static [&'static str]>,
}

/// A pattern of the model: its text, as refusals show it, and what it means.
#[derive(Debug)]
pub struct Pattern {
    /// The regular expression as the model prints it.
    pub shown: &'static str,
    /// Whether a text satisfies it.
    pub matches: fn(&str) -> bool,
}

impl Text {
    /// Between so many characters.
    pub const fn of(length: RangeInclusive<usize>) -> Self {
        Text {
            length,
            pattern: None,
            one_of: None,
        }
    }

    /// Also satisfying a pattern.
    pub const fn matching(length: RangeInclusive<usize>, pattern: &'static Pattern) -> Self {
        Text {
            length,
            pattern: Some(pattern),
            one_of: None,
        }
    }

    /// One of a set of names.
    pub const fn one_of(names: &'static [&'static str]) -> Self {
        Text {
            length: 0..=usize::MAX,
            pattern: None,
            one_of: Some(names),
        }
    }

    /// Whether a text is what it must be.
    pub(crate) fn accepts(&self, text: &str) -> bool {
        self.broken_constraints(text).is_empty()
    }

    fn broken_constraints(&self, text: &str) -> Vec<String> {
        let mut broken = Vec::new();
        length_constraint(text.chars().count(), &self.length, &mut broken);
        if let Some(pattern) = self.pattern
            && !(pattern.matches)(text)
        {
            broken.push(format!(
                "Member must satisfy regular expression pattern: {}",
                pattern.shown
            ));
        }
        if let Some(names) = self.one_of
            && !names.contains(&text)
        {
            broken.push(format!(
                "Member must satisfy enum value set: [{}]",
                names.join(", ")
            ));
        }
        broken
    }

    /// The constraint's words for a list's element, which AWS prints whether broken or not.
    fn element_constraints(&self) -> String {
        let mut all = Vec::new();
        if self.length != (0..=usize::MAX) {
            all.push(format!(
                "Member must have length less than or equal to {}",
                self.length.end()
            ));
            all.push(format!(
                "Member must have length greater than or equal to {}",
                self.length.start()
            ));
        }
        if let Some(pattern) = self.pattern {
            all.push(format!(
                "Member must satisfy regular expression pattern: {}",
                pattern.shown
            ));
        }
        format!("Member must satisfy constraint: [{}]", all.join(", "))
    }
}

/// How many of a list's elements count: one that is null is absent, so a list of nulls is an empty one.
fn present(items: &[Json<'_>]) -> usize {
    items
        .iter()
        .filter(|item| !matches!(item, Json::Null))
        .count()
}

fn length_constraint(length: usize, allowed: &RangeInclusive<usize>, broken: &mut Vec<String>) {
    if length < *allowed.start() {
        broken.push(format!(
            "Member must have length greater than or equal to {}",
            allowed.start()
        ));
    }
    if length > *allowed.end() {
        broken.push(format!(
            "Member must have length less than or equal to {}",
            allowed.end()
        ));
    }
}

/// The members of one structure of a request, and a place for what is wrong with them.
///
/// Where a member is wrong, its reader notes the problem and returns an empty value: the request as a
/// whole is refused afterwards, so that value is never used.
pub struct Members<'j, 'p> {
    members: &'j [(Cow<'j, str>, Json<'j>)],
    path: Option<String>,
    problems: &'p mut Problems,
    told: &'p mut Parameters,
}

impl<'j> Members<'j, '_> {
    /// Tells what the event names although the request leaves it out.
    pub fn tell(&mut self, name: &str, value: &str) {
        self.told.text(name, value);
    }

    /// Takes members that no event tells, such as a code that lets someone in for a moment. No refusal shows their values.
    pub fn untold<T>(&mut self, take: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.told.mute(true);
        let taken = take(self);
        self.told.mute(before);
        taken
    }

    /// A text that must be there.
    pub fn required_text(&mut self, name: &str, rule: &Text) -> String {
        match self.text(name, rule) {
            Some(text) => text,
            None => {
                self.require(name);
                String::new()
            }
        }
    }

    /// A text that may be there.
    pub fn text(&mut self, name: &str, rule: &Text) -> Option<String> {
        let text = self.raw_text(name)?;
        let broken = rule.broken_constraints(text);
        self.note_all(name, Shown::Value(text), broken);
        self.told.text(name, text);
        Some(text.to_owned())
    }

    /// A text that is a secret: its value never appears in a refusal. The length is in bytes.
    pub fn secret_text(
        &mut self,
        name: &str,
        length: RangeInclusive<usize>,
    ) -> Option<SecretBytes> {
        let text = self.raw_text(name)?;
        let mut broken = Vec::new();
        length_constraint(text.len(), &length, &mut broken);
        self.note_all(name, Shown::Withheld, broken);
        Some(SecretBytes::copy_of(text.as_bytes()))
    }

    /// A text that the model marks as sensitive: as [`Self::text`], but its value never appears in a refusal.
    pub fn sensitive_text(&mut self, name: &str, rule: &Text) -> Option<SecretBytes> {
        let text = self.raw_text(name)?;
        self.note_all(name, Shown::Withheld, rule.broken_constraints(text));
        Some(SecretBytes::copy_of(text.as_bytes()))
    }

    /// Bytes in base64 that are a secret. The length is in bytes, decoded.
    pub fn secret_blob(
        &mut self,
        name: &str,
        length: RangeInclusive<usize>,
    ) -> Option<SecretBytes> {
        self.blob(name, length).map(SecretBytes::new)
    }

    /// Bytes in base64 that are no secret. The length is in bytes, decoded.
    pub fn blob(&mut self, name: &str, length: RangeInclusive<usize>) -> Option<Vec<u8>> {
        let text = self.raw_text(name)?;
        let Ok(bytes) = BASE64.decode(text) else {
            self.problems
                .wrong_type(format!("{name} is not valid base64"));
            return None;
        };
        let mut broken = Vec::new();
        length_constraint(bytes.len(), &length, &mut broken);
        self.note_all(name, Shown::Withheld, broken);
        Some(bytes)
    }

    /// An instant that may be there: seconds since 1970, with a fraction or without.
    pub fn instant(&mut self, name: &str) -> Option<Timestamp> {
        let seconds = match self.find(name)? {
            Json::Integer(seconds) => *seconds as f64,
            Json::Fraction(seconds) => *seconds,
            other => {
                self.problems.wrong_type(other.cannot_be("Timestamp"));
                return None;
            }
        };
        // A float that is out of range becomes the nearest end of the range.
        let at = Timestamp::from_milliseconds((seconds * 1000.0).round() as i64);
        self.told.text(name, &elements::instant(at));
        Some(at)
    }

    /// A map of texts that may be there.
    pub fn map(&mut self, name: &str) -> Option<BTreeMap<String, String>> {
        let Json::Object(members) = self.find(name)? else {
            self.problems.wrong_type("Expected map or null".to_owned());
            return None;
        };
        let mut map = BTreeMap::new();
        for (key, value) in members {
            match value {
                Json::Null => {}
                Json::Text(text) => {
                    map.insert(key.to_string(), text.to_string());
                }
                other => self.problems.wrong_type(other.cannot_be("String")),
            }
        }
        let entries = map
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()));
        self.told.map(name, entries);
        Some(map)
    }

    /// A structure that may be there, taken by `take`.
    pub fn structure<T>(
        &mut self,
        name: &str,
        take: impl FnOnce(&mut Members<'_, '_>) -> T,
    ) -> Option<T> {
        let members = match self.find(name)? {
            Json::Object(members) => members,
            other => {
                self.problems.wrong_type(match other {
                    Json::List(_) => other.not_expected(),
                    _ => "Expected structure or null".to_owned(),
                });
                return None;
            }
        };
        let path = Some(self.path_of(name));
        self.told.begin(name);
        let taken = take(&mut Members {
            members,
            path,
            problems: self.problems,
            told: self.told,
        });
        self.told.end();
        Some(taken)
    }

    /// A yes or no that may be there.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        let flag = match self.find(name)? {
            Json::Bool(flag) => *flag,
            Json::Text(text) if self.problems.texts_only && is_flag(text) => {
                text.eq_ignore_ascii_case("true")
            }
            other => {
                self.problems.wrong_type(other.cannot_be("Boolean"));
                return None;
            }
        };
        self.told.flag(name, flag);
        Some(flag)
    }

    /// A whole number that may be there.
    pub fn integer(&mut self, name: &str, allowed: RangeInclusive<i64>) -> Option<i64> {
        let found = self.find(name)?;
        let number = match found {
            Json::Text(text) if self.problems.texts_only => text.parse().ok(),
            other => other.as_integer(),
        };
        let Some(number) = number else {
            self.problems.wrong_type(found.cannot_be("Long"));
            return None;
        };
        let mut broken = Vec::new();
        if number < *allowed.start() {
            broken.push(format!(
                "Member must have value greater than or equal to {}",
                allowed.start()
            ));
        }
        if number > *allowed.end() {
            broken.push(format!(
                "Member must have value less than or equal to {}",
                allowed.end()
            ));
        }
        self.note_all(name, Shown::Value(&number.to_string()), broken);
        self.told.number(name, number);
        Some(number)
    }

    /// A list of texts that may be there.
    pub fn texts(
        &mut self,
        name: &str,
        length: RangeInclusive<usize>,
        rule: &Text,
    ) -> Option<Vec<String>> {
        let items = self.list(name)?;
        let mut texts = Vec::with_capacity(items.len());
        let mut broken_element = false;
        for item in items {
            match item {
                Json::Null => {}
                Json::Text(text) => {
                    broken_element |= !rule.broken_constraints(text).is_empty();
                    texts.push(text.to_string());
                }
                other => self.problems.wrong_type(other.cannot_be("String")),
            }
        }
        let mut broken = Vec::new();
        length_constraint(present(items), &length, &mut broken);
        if broken_element {
            broken.push(rule.element_constraints());
        }
        let shown = if broken.is_empty() {
            String::new()
        } else {
            format!("[{}]", texts.join(", "))
        };
        self.note_all(name, Shown::Value(&shown), broken);
        self.told.texts(name, texts.iter().map(String::as_str));
        Some(texts)
    }

    /// A list of structures that may be there, each taken by `take`.
    pub fn structures<T>(
        &mut self,
        name: &str,
        length: RangeInclusive<usize>,
        mut take: impl FnMut(&mut Members<'_, '_>) -> T,
    ) -> Option<Vec<T>> {
        let items = self.list(name)?;
        let mut broken = Vec::new();
        length_constraint(present(items), &length, &mut broken);
        self.note_all(name, Shown::Withheld, broken);
        let mut taken = Vec::with_capacity(items.len());
        self.told.begin_list(name);
        for (index, item) in items.iter().enumerate() {
            match item {
                Json::Null => {}
                Json::Object(members) => {
                    let path = format!("{}.{}.member", self.path_of(name), index + 1);
                    self.told.begin_item();
                    taken.push(take(&mut Members {
                        members,
                        path: Some(path),
                        problems: self.problems,
                        told: self.told,
                    }));
                    self.told.end();
                }
                other => self.problems.wrong_type(other.not_expected()),
            }
        }
        self.told.end_list();
        Some(taken)
    }

    /// Refuses the request because a member can't be understood, unless the model refuses it first.
    pub fn refuse(&mut self, refusal: Refusal) {
        self.problems.refusal.get_or_insert(refusal);
    }

    /// Refuses the request for what its members mean. The caller learns of it after the permission was checked, as
    /// with AWS. Source: reference/api.md §1, "Order of checks".
    pub fn object(&mut self, refusal: Refusal) {
        self.problems.objection.get_or_insert(refusal);
    }

    /// Has a member checked once the permission was, and before the decision.
    pub fn check(&mut self, check: Check) {
        self.problems.checks.push(check);
    }

    /// Whether there are no members but such that are null.
    pub fn is_empty(&self) -> bool {
        let mut members = self.members.iter();
        members.all(|(_, member)| matches!(member, Json::Null))
    }

    /// Whether a member is there, whatever it is.
    pub fn is_there(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Notes that a required member is missing; for members that [`Self::required_text`] does not fit.
    pub fn require(&mut self, name: &str) {
        if self.find(name).is_none() {
            let path = self.path_of(name);
            self.problems.violations.push(format!(
                "Value null at '{path}' failed to satisfy constraint: Member must not be null"
            ));
        }
    }

    fn raw_text(&mut self, name: &str) -> Option<&'j str> {
        match self.find(name)? {
            Json::Text(text) => Some(text),
            other => {
                self.problems.wrong_type(other.cannot_be("String"));
                None
            }
        }
    }

    fn list(&mut self, name: &str) -> Option<&'j [Json<'j>]> {
        match self.find(name)? {
            Json::List(items) => Some(items),
            Json::Text(text) if self.problems.texts_only && text.is_empty() => Some(&[]),
            other => {
                self.problems.wrong_type(match other {
                    Json::Object(_) => other.not_expected(),
                    _ => "Expected list or null".to_owned(),
                });
                None
            }
        }
    }

    /// A member that is null counts as absent; of repeated members the last one counts.
    fn find(&self, name: &str) -> Option<&'j Json<'j>> {
        let (_, found) = self
            .members
            .iter()
            .rev()
            .find(|(member, _)| member == name)?;
        match found {
            Json::Null => None,
            found => Some(found),
        }
    }

    fn note_all(&mut self, name: &str, shown: Shown<'_>, broken: Vec<String>) {
        if broken.is_empty() {
            return;
        }
        let path = self.path_of(name);
        // What events don't tell, a refusal doesn't show either: events have its message.
        let is_told = !self.told.is_muted();
        for constraint in broken {
            self.problems.violations.push(match shown {
                Shown::Value(value) if is_told => format!(
                    "Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"
                ),
                Shown::Value(_) | Shown::Withheld => {
                    format!("Value at '{path}' failed to satisfy constraint: {constraint}")
                }
            });
        }
    }

    fn path_of(&self, name: &str) -> String {
        let mut member = name.to_owned();
        if let Some(first) = member.get_mut(..1) {
            first.make_ascii_lowercase();
        }
        match &self.path {
            Some(path) => format!("{path}.{member}"),
            None => member,
        }
    }
}

fn is_flag(text: &str) -> bool {
    text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
}

#[derive(Copy, Clone)]
enum Shown<'a> {
    Value(&'a str),
    Withheld,
}

#[derive(Default)]
struct Problems {
    /// Not a problem, but known wherever one may be.
    texts_only: bool,
    wrong_type: Option<String>,
    violations: Vec<String>,
    refusal: Option<Refusal>,
    objection: Option<Refusal>,
    checks: Vec<Check>,
}

impl Problems {
    /// AWS's reader stops at the first member that it cannot read.
    fn wrong_type(&mut self, message: String) {
        self.wrong_type.get_or_insert(message);
    }

    fn into_result(self) -> Result<(), Refusal> {
        if let Some(message) = self.wrong_type {
            return Err(Refusal::serialization(message));
        }
        match self.violations.len() {
            0 => self.refusal.map_or(Ok(()), Err),
            count => {
                let noun = if count == 1 { "error" } else { "errors" };
                Err(Refusal::validation(format!(
                    "{count} validation {noun} detected: {}",
                    self.violations.join("; ")
                )))
            }
        }
    }
}

/// A JSON value that borrows from the body where it can: a secret's text is not copied more often
/// than it must be.
enum Json<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    Fraction(f64),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl Json<'_> {
    fn as_integer(&self) -> Option<i64> {
        match self {
            Json::Integer(number) => Some(*number),
            // 2^53 bounds what a fraction can say exactly.
            Json::Fraction(number)
                if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 =>
            {
                Some(*number as i64)
            }
            _ => None,
        }
    }

    fn cannot_be(&self, wanted: &str) -> String {
        let found = match self {
            Json::Null => "NULL_VALUE",
            Json::Bool(true) => "TRUE_VALUE",
            Json::Bool(false) => "FALSE_VALUE",
            Json::Integer(_) => "NUMBER_VALUE",
            Json::Fraction(_) => "DECIMAL_VALUE",
            Json::Text(_) => "STRING_VALUE",
            Json::List(_) | Json::Object(_) => return self.not_expected(),
        };
        format!("{found} cannot be converted to {wanted}")
    }

    fn not_expected(&self) -> String {
        match self {
            Json::List(_) => "Start of list found where not expected".to_owned(),
            Json::Object(_) => "Start of structure or map found where not expected.".to_owned(),
            _ => "Unexpected value where a structure was expected".to_owned(),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct JsonVisitor;

        impl<'de> Visitor<'de> for JsonVisitor {
            type Value = Json<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON value")
            }
            fn visit_unit<E>(self) -> Result<Json<'de>, E> {
                Ok(Json::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
                Ok(Json::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
                Ok(Json::Integer(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
                Ok(i64::try_from(value).map_or(Json::Fraction(value as f64), Json::Integer))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
                Ok(Json::Fraction(value))
            }
            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
                Ok(Json::Text(Cow::Borrowed(value)))
            }
            fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
                Ok(Json::Text(Cow::Owned(value.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Json::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json<'de>, A::Error> {
                let mut object = Vec::with_capacity(4);
                while let Some(Name(name)) = members.next_key()? {
                    object.push((name, members.next_value()?));
                }
                Ok(Json::Object(object))
            }
        }

        deserializer.deserialize_any(JsonVisitor)
    }
}

/// A member's name, borrowed where it has no escapes; serde's own `Cow` never borrows.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a member's name")
            }
            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(value)))
            }
            fn visit_str<E>(self, value: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(value.to_owned())))
            }
        }

        deserializer.deserialize_str(NameVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Text = Text::of(1..=8);

    fn message(body: &str, take: fn(&mut Members<'_, '_>)) -> (&'static str, String) {
        let refusal = read(body.as_bytes(), take).expect_err("must be refused");
        (refusal.code, refusal.message.unwrap_or_default())
    }

    #[test]
    fn violations_are_listed_together_with_their_paths() {
        let take = |members: &mut Members<'_, '_>| {
            members.required_text("SecretId", &ID);
            members.required_text("Name", &ID);
            members.integer("MaxResults", 1..=100);
            members.structures("Tags", 0..=2, |tag| tag.required_text("Key", &ID));
        };
        for (body, expected) in [
            (
                r#"{"Name":"n"}"#,
                "1 validation error detected: Value null at 'secretId' failed to satisfy \
                 constraint: Member must not be null",
            ),
            (
                r#"{"SecretId":null,"Name":"n","MaxResults":0}"#,
                "2 validation errors detected: Value null at 'secretId' failed to satisfy \
                 constraint: Member must not be null; Value '0' at 'maxResults' failed to satisfy \
                 constraint: Member must have value greater than or equal to 1",
            ),
            (
                r#"{"SecretId":"","Name":"n","Tags":[{"Key":"k"},{}]}"#,
                "2 validation errors detected: Value '' at 'secretId' failed to satisfy \
                 constraint: Member must have length greater than or equal to 1; Value null at \
                 'tags.2.member.key' failed to satisfy constraint: Member must not be null",
            ),
        ] {
            assert_eq!(
                message(body, take),
                ("ValidationException", expected.to_owned())
            );
        }
    }

    #[test]
    fn a_member_of_the_wrong_type_cannot_be_converted() {
        let take = |members: &mut Members<'_, '_>| {
            members.text("Text", &ID);
            members.flag("Flag");
            members.integer("Number", 0..=9);
            members.texts("List", 0..=9, &ID);
        };
        for (body, expected) in [
            (
                r#"{"Text":1}"#,
                "NUMBER_VALUE cannot be converted to String",
            ),
            (
                r#"{"Text":true}"#,
                "TRUE_VALUE cannot be converted to String",
            ),
            (r#"{"Text":[]}"#, "Start of list found where not expected"),
            (
                r#"{"Text":{}}"#,
                "Start of structure or map found where not expected.",
            ),
            (
                r#"{"Flag":"true"}"#,
                "STRING_VALUE cannot be converted to Boolean",
            ),
            (
                r#"{"Number":"7"}"#,
                "STRING_VALUE cannot be converted to Long",
            ),
            (
                r#"{"Number":7.5}"#,
                "DECIMAL_VALUE cannot be converted to Long",
            ),
            (
                r#"{"Number":99999999999999999999}"#,
                "DECIMAL_VALUE cannot be converted to Long",
            ),
            (r#"{"List":"a"}"#, "Expected list or null"),
            (
                r#"{"List":[1]}"#,
                "NUMBER_VALUE cannot be converted to String",
            ),
        ] {
            assert_eq!(
                message(body, take),
                ("SerializationException", expected.to_owned())
            );
        }
    }

    #[test]
    fn a_body_that_is_no_json_object_is_refused() {
        for body in [
            "[]",
            "1",
            "\"x\"",
            "{",
            "{}{}",
            "{\"a\":\"\\ud800\"}",
            &"[".repeat(100_000),
            "nul",
        ] {
            assert_eq!(
                message(body, |_| ()).0,
                "SerializationException",
                "{body:.20}"
            );
        }
        assert!(read(b"\xff\xfe", |_| ()).is_err());
        assert!(read(b"{\"a\":\"\xff\"}", |_| ()).is_err());
    }

    #[test]
    fn null_and_unknown_members_are_ignored_and_of_repeated_ones_the_last_counts() {
        let taken = read(
            br#"{"Other":1,"Name":"a","Name":"b","Flag":null}"#,
            |members| (members.text("Name", &ID), members.flag("Flag")),
        );
        assert_eq!(taken.unwrap(), (Some("b".to_owned()), None));
    }

    #[test]
    fn a_secret_is_never_shown_in_a_refusal() {
        let refusal = read(br#"{"SecretString":"MARKED-VALUE"}"#, |members| {
            members.secret_text("SecretString", 1..=4);
        })
        .unwrap_err();
        assert_eq!(
            refusal.message.as_deref(),
            Some(
                "1 validation error detected: Value at 'secretString' failed to satisfy \
                 constraint: Member must have length less than or equal to 4"
            )
        );
    }

    #[test]
    fn maps_structures_and_instants_are_taken_as_they_are() {
        let take = |members: &mut Members<'_, '_>| {
            (
                members.map("Map"),
                members.structure("Inner", |inner| inner.required_text("Name", &ID)),
                members.instant("At"),
                members.blob("Blob", 1..=4),
            )
        };
        let (map, inner, at, blob) = read(
            br#"{"Map":{"b":"2","a":"1","c":null},"Inner":{"Name":"n"},"At":1.5,"Blob":"AQI="}"#,
            take,
        )
        .unwrap();
        let expected = [("a", "1"), ("b", "2")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(map, Some(BTreeMap::from(expected)));
        assert_eq!(inner.as_deref(), Some("n"));
        assert_eq!(at, Some(Timestamp::from_milliseconds(1_500)));
        assert_eq!(blob, Some(vec![1, 2]));
        for (body, message) in [
            (r#"{"Map":[]}"#, "Expected map or null"),
            (
                r#"{"Map":{"a":1}}"#,
                "NUMBER_VALUE cannot be converted to String",
            ),
            (r#"{"Inner":"x"}"#, "Expected structure or null"),
            (
                r#"{"At":"x"}"#,
                "STRING_VALUE cannot be converted to Timestamp",
            ),
            (r#"{"Blob":"!"}"#, "Blob is not valid base64"),
        ] {
            let refusal = read(body.as_bytes(), take).unwrap_err();
            assert_eq!(refusal.message.as_deref(), Some(message), "{body}");
        }
        let refusal = read(br#"{"Inner":{}}"#, take).unwrap_err();
        assert_eq!(
            refusal.message.as_deref(),
            Some(
                "1 validation error detected: Value null at 'inner.name' failed to satisfy \
                 constraint: Member must not be null"
            )
        );
    }

    #[test]
    fn a_whole_number_may_be_written_as_a_fraction() {
        let taken = read(br#"{"Number":7.0}"#, |members| {
            members.integer("Number", 0..=9)
        });
        assert_eq!(taken.unwrap(), Some(7));
    }
}
