//! A strict view of JSON text, one level at a time: every key once, numbers as written, and the
//! place of each value in the text. It never recurses, so depth costs nothing: whatever lies
//! deeper than the policy language goes is a value of a wrong type.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::malformed::{Malformed, Path, Problem};

/// A JSON value, not yet looked into.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a>(&'a str);

/// One level of a JSON value.
pub(crate) enum Shape<'a> {
    Object(Vec<(String, Node<'a>)>),
    Array(Vec<Node<'a>>),
    Text(String),
    /// As written, so that no digit is lost.
    Number(&'a str),
    Bool(bool),
    Null,
}

impl Shape<'_> {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Shape::Object(_) => "an object",
            Shape::Array(_) => "an array",
            Shape::Text(_) => "a string",
            Shape::Number(_) => "a number",
            Shape::Bool(_) => "a boolean",
            Shape::Null => "null",
        }
    }
}

impl<'a> Node<'a> {
    /// Checks that the whole text is one JSON value.
    pub(crate) fn root(text: &'a str) -> Result<Self, Malformed> {
        serde_json::from_str::<&RawValue>(text)
            .map(|raw| Node(raw.get()))
            .map_err(|error| not_json(&Path::ROOT, &error))
    }

    /// Where this value lies in `text`, in bytes. `text` is what [`Node::root`] was given.
    pub(crate) fn span(self, text: &str) -> Range<usize> {
        let start = (self.0.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        start..start + self.0.len()
    }

    pub(crate) fn read(self, path: &Path<'_>) -> Result<Shape<'a>, Malformed> {
        let fault = |error: serde_json::Error| not_json(path, &error);
        Ok(match self.0.as_bytes().first() {
            Some(b'{') => {
                let Members(members) = serde_json::from_str(self.0).map_err(fault)?;
                let mut seen = BTreeSet::new();
                if let Some((name, _)) =
                    members.iter().find(|(name, _)| !seen.insert(name.as_str()))
                {
                    return Err(path.is(Problem::DuplicateElement { name: name.clone() }));
                }
                Shape::Object(members)
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(self.0).map_err(fault)?;
                Shape::Array(items.into_iter().map(|raw| Node(raw.get())).collect())
            }
            Some(b'"') => Shape::Text(serde_json::from_str(self.0).map_err(fault)?),
            Some(b't') => Shape::Bool(true),
            Some(b'f') => Shape::Bool(false),
            Some(b'n') => Shape::Null,
            _ => Shape::Number(self.0),
        })
    }

    pub(crate) fn object(self, path: &Path<'_>) -> Result<Vec<(String, Node<'a>)>, Malformed> {
        match self.read(path)? {
            Shape::Object(members) => Ok(members),
            other => Err(wrong_type(path, "an object", &other)),
        }
    }

    pub(crate) fn text(self, path: &Path<'_>) -> Result<String, Malformed> {
        match self.read(path)? {
            Shape::Text(text) => Ok(text),
            other => Err(wrong_type(path, "a string", &other)),
        }
    }

    /// A string, or a non-empty array of strings; each with its place.
    pub(crate) fn each_text(
        self,
        path: &Path<'_>,
        mut visit: impl FnMut(String, &Path<'_>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        match self.read(path)? {
            Shape::Text(text) => visit(text, path),
            Shape::Array(items) if items.is_empty() => Err(path.is(Problem::Empty)),
            Shape::Array(items) => items.into_iter().enumerate().try_for_each(|(index, item)| {
                let path = path.index(index);
                visit(item.text(&path)?, &path)
            }),
            other => Err(wrong_type(path, "a string or an array of strings", &other)),
        }
    }
}

pub(crate) fn wrong_type(path: &Path<'_>, expected: &'static str, found: &Shape<'_>) -> Malformed {
    path.is(Problem::WrongType {
        expected,
        found: found.name(),
    })
}

fn not_json(path: &Path<'_>, error: &serde_json::Error) -> Malformed {
    path.is(Problem::NotJson {
        detail: error.to_string(),
    })
}

/// An object's members in order, repeated keys kept.
struct Members<'a>(Vec<(String, Node<'a>)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    members.push((name, Node(value.get())));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}
