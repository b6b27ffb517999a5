//! A value that is a JSON object, of which a rotation replaces some members: the others stay as they are written, in
//! their order.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use strongroom_keys::SecretBytes;

use crate::json_text::push_quoted;
use crate::secretsmanager::version::Value;

/// The members of an object, each as it is written.
#[derive(Default)]
pub(super) struct JsonObject(Vec<(String, Box<RawValue>)>);

impl JsonObject {
    /// The object that a value is; `None` where it is none.
    pub(super) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => Self::parse(text.expose()),
            Value::Binary(_) => None,
        }
    }

    /// The object that a text is; `None` where it is none.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// A member that is a text.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        let (_, raw) = self.0.iter().rev().find(|(name, _)| name == key)?;
        serde_json::from_str(raw.get()).ok()
    }

    /// A member that is a text, and secret.
    pub(super) fn secret(&self, key: &str) -> Option<SecretBytes> {
        self.text(key)
            .map(|text| SecretBytes::new(text.into_bytes()))
    }

    /// The object that the current value is, or an empty one that takes its place.
    pub(super) fn in_place_of(current: Option<&Value>) -> Self {
        current.and_then(Self::of).unwrap_or_default()
    }

    /// Whether it has a member.
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(name, _)| name == key)
    }

    /// Gives a member a text, in its place where it has one, else at the end.
    pub(super) fn set(&mut self, key: &str, text: &str) {
        let mut quoted = Vec::with_capacity(text.len() + 2);
        push_quoted(text, &mut quoted);
        let raw = String::from_utf8(quoted).ok();
        let Some(raw) = raw.and_then(|raw| RawValue::from_string(raw).ok()) else {
            // A text in quotes is JSON.
            return;
        };
        // Readers differ in which of two members of one name they take.
        let place = self.0.iter().position(|(name, _)| name == key);
        self.0.retain(|(name, _)| name != key);
        let place = place.unwrap_or(self.0.len()).min(self.0.len());
        self.0.insert(place, (key.to_owned(), raw));
    }

    /// Gives a member a text that is secret.
    pub(super) fn set_bytes(&mut self, key: &str, text: &SecretBytes) {
        // Whoever makes a text makes UTF-8.
        self.set(key, std::str::from_utf8(text.expose()).unwrap_or_default());
    }

    /// As a value.
    pub(super) fn into_value(self) -> Value {
        Value::Text(self.into_bytes())
    }

    /// As JSON.
    pub(super) fn into_bytes(self) -> SecretBytes {
        let length = |(key, raw): &(String, Box<RawValue>)| key.len() * 6 + raw.get().len() + 4;
        let mut json = Vec::with_capacity(2 + self.0.iter().map(length).sum::<usize>());
        json.push(b'{');
        for (number, (key, raw)) in self.0.iter().enumerate() {
            if number > 0 {
                json.push(b',');
            }
            push_quoted(key, &mut json);
            json.push(b':');
            json.extend_from_slice(raw.get().as_bytes());
        }
        json.push(b'}');
        SecretBytes::new(json)
    }
}

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = JsonObject;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonObject, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(JsonObject(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(json: &str, key: &str, text: &str) -> String {
        let mut object = JsonObject::parse(json.as_bytes()).unwrap();
        object.set(key, text);
        String::from_utf8(object.into_value().bytes().expose().to_vec()).unwrap()
    }

    #[test]
    fn a_member_is_replaced_where_it_stands_and_the_others_stay_as_written() {
        for (json, expected) in [
            ("{}", r#"{"k":"n\"w"}"#),
            (r#"{"k":"old"}"#, r#"{"k":"n\"w"}"#),
            (
                r#" {"z": 1.50e3 , "k":{"deep":[1]}, "a":[1, 2]} "#,
                r#"{"z":1.50e3,"k":"n\"w","a":[1, 2]}"#,
            ),
            (
                r#"{"a":"\u00e9","b":null}"#,
                r#"{"a":"\u00e9","b":null,"k":"n\"w"}"#,
            ),
            (
                r#"{"k":1,"a":2,"k":3,"b":4}"#,
                r#"{"k":"n\"w","a":2,"b":4}"#,
            ),
            (r#"{"é\n":1}"#, r#"{"é\n":1,"k":"n\"w"}"#),
        ] {
            assert_eq!(set(json, "k", "n\"w"), expected, "{json}");
        }
    }

    #[test]
    fn what_is_no_object_is_none() {
        for json in ["", "plain", "[1]", "\"{}\"", "1", "{\"a\":1", "{} x"] {
            assert!(JsonObject::parse(json.as_bytes()).is_none(), "{json}");
        }
    }

    #[test]
    fn a_member_that_is_a_text_is_read() {
        let object = JsonObject::parse(br#"{"a":"\u00e9","n":1,"d":"x","d":"y"}"#).unwrap();
        assert_eq!(object.text("a").as_deref(), Some("é"));
        assert_eq!(object.text("n"), None);
        assert_eq!(object.text("missing"), None);
        assert_eq!(object.text("d").as_deref(), Some("y"));
    }
}
