//! A form's parameters, and the document that they spell: `Tags.member.1.Key=a` is `{"Tags": [{"Key": "a"}]}`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde::ser::{Error as _, SerializeMap, SerializeSeq, Serializer};

use crate::sigv4::next_byte;

/// Parts of a parameter's name. No request of IAM's or STS's has more than six.
const DEPTH_MAX: usize = 16;

/// The parameters of a request, decoded, in the order in which they were sent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Form<'r> {
    parameters: Vec<(Cow<'r, str>, Cow<'r, str>)>,
}

/// Parameters that spell nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("The query string contains a syntax error.")]
pub struct MalformedForm;

impl<'r> Form<'r> {
    /// Adds the parameters of a query string. A signature covers them sorted, so in which order they were sent nobody
    /// has vouched for: none may be given two values.
    ///
    /// # Errors
    /// [`MalformedForm`]: it isn't UTF-8 once decoded, or gives a parameter twice.
    pub fn add_query(&mut self, query: &'r [u8]) -> Result<(), MalformedForm> {
        let start = self.parameters.len();
        self.add_body(query)?;
        let mut names = BTreeSet::new();
        let mut added = self.parameters[start..].iter();
        if added.all(|(name, _)| names.insert(&**name)) {
            Ok(())
        } else {
            Err(MalformedForm)
        }
    }

    /// Adds the parameters of a body.
    ///
    /// # Errors
    /// [`MalformedForm`]: it isn't UTF-8 once decoded.
    pub fn add_body(&mut self, text: &'r [u8]) -> Result<(), MalformedForm> {
        for pair in text.split(|byte| *byte == b'&') {
            if pair.is_empty() {
                continue;
            }
            let equals = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = match equals {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            self.parameters.push((decode(name)?, decode(value)?));
        }
        Ok(())
    }

    /// The value of a parameter; of repeated ones the last counts.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().rev();
        let mut found = found.filter(|(each, _)| each == name);
        found.next().map(|(_, value)| &**value)
    }

    /// The document that the parameters spell, as JSON.
    ///
    /// # Errors
    /// [`MalformedForm`]: a name that is a value and has parts as well, or a list whose places aren't numbers from 1.
    pub fn to_json(&self) -> Result<Vec<u8>, MalformedForm> {
        let mut root = Branches::new();
        for (name, value) in &self.parameters {
            let parts: Vec<&str> = name.split('.').collect();
            if parts.len() > DEPTH_MAX {
                return Err(MalformedForm);
            }
            insert(&mut root, &parts, value)?;
        }
        serde_json::to_vec(&Node::Branches(root)).map_err(|_| MalformedForm)
    }
}

type Branches<'f> = BTreeMap<&'f str, Node<'f>>;

enum Node<'f> {
    Text(&'f str),
    Branches(Branches<'f>),
}

fn insert<'f>(
    branches: &mut Branches<'f>,
    parts: &[&'f str],
    value: &'f str,
) -> Result<(), MalformedForm> {
    let Some((first, rest)) = parts.split_first() else {
        return Err(MalformedForm);
    };
    if rest.is_empty() {
        return match branches.insert(first, Node::Text(value)) {
            Some(Node::Branches(_)) => Err(MalformedForm),
            Some(Node::Text(_)) | None => Ok(()),
        };
    }
    let node = branches
        .entry(first)
        .or_insert_with(|| Node::Branches(Branches::new()));
    match node {
        Node::Branches(inner) => insert(inner, rest, value),
        Node::Text(_) => Err(MalformedForm),
    }
}

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let branches = match self {
            Node::Text(text) => return serializer.serialize_str(text),
            Node::Branches(branches) => branches,
        };
        if let (1, Some(Node::Branches(items))) = (branches.len(), branches.get("member")) {
            let mut items: Vec<(u32, &Node<'_>)> = items
                .iter()
                .map(|(place, item)| Some((place_of(place)?, item)))
                .collect::<Option<_>>()
                .ok_or_else(|| S::Error::custom(MalformedForm))?;
            items.sort_by_key(|(place, _)| *place);
            let mut list = serializer.serialize_seq(Some(items.len()))?;
            for (_, item) in items {
                list.serialize_element(item)?;
            }
            return list.end();
        }
        let mut object = serializer.serialize_map(Some(branches.len()))?;
        for (name, node) in branches {
            object.serialize_entry(name, node)?;
        }
        object.end()
    }
}

/// The place in a list that a part of a name is; a gap between places is none.
fn place_of(part: &str) -> Option<u32> {
    let place: u32 = part.parse().ok()?;
    (place > 0 && part.bytes().all(|byte| byte.is_ascii_digit())).then_some(place)
}

fn decode(text: &[u8]) -> Result<Cow<'_, str>, MalformedForm> {
    if !text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        let text = std::str::from_utf8(text).map_err(|_| MalformedForm)?;
        return Ok(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, tail)) = next_byte(rest) {
        decoded.push(match (byte.value, byte.was_encoded) {
            (b'+', false) => b' ',
            (value, _) => value,
        });
        rest = tail;
    }
    let text = String::from_utf8(decoded).map_err(|_| MalformedForm)?;
    Ok(Cow::Owned(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Result<String, MalformedForm> {
        let mut form = Form::default();
        form.add_body(text.as_bytes())?;
        let json = form.to_json()?;
        Ok(String::from_utf8(json).unwrap())
    }

    #[test]
    fn parameters_spell_a_document() {
        for (form, document) in [
            ("", "{}"),
            ("Action=A&&Version=1&", r#"{"Action":"A","Version":"1"}"#),
            ("A=1&A=2", r#"{"A":"2"}"#),
            ("A", r#"{"A":""}"#),
            (
                "Name=a+b%2Bc%20d%C3%A9&Text=%22%5C",
                r#"{"Name":"a b+c dé","Text":"\"\\"}"#,
            ),
            ("Percent=%&Half=%4", r#"{"Half":"%4","Percent":"%"}"#),
            (
                "Tags.member.2.Key=b&Tags.member.10.Key=c&Tags.member.1.Key=a&Tags.member.1.Value=1",
                r#"{"Tags":[{"Key":"a","Value":"1"},{"Key":"b"},{"Key":"c"}]}"#,
            ),
            (
                "Names.member.1=a&Names.member.7=b",
                r#"{"Names":["a","b"]}"#,
            ),
            ("S.A=1&S.B.C=2", r#"{"S":{"A":"1","B":{"C":"2"}}}"#),
            ("Tags=", r#"{"Tags":""}"#),
        ] {
            assert_eq!(json(form).as_deref(), Ok(document), "{form}");
        }
    }

    #[test]
    fn a_query_gives_no_parameter_twice_but_a_body_may_and_counts_more() {
        for query in ["A=1&A=2", "A=1&b=&%41=1", "A&A="] {
            let added = Form::default().add_query(query.as_bytes());
            assert_eq!(added, Err(MalformedForm), "{query}");
        }
        let mut form = Form::default();
        form.add_query(b"A=1&B=1").unwrap();
        form.add_body(b"A=2&A=3").unwrap();
        assert_eq!(form.to_json().unwrap(), br#"{"A":"3","B":"1"}"#);
    }

    #[test]
    fn parameters_that_spell_nothing_are_refused() {
        let deep = "A.".repeat(16) + "A=1";
        for form in [
            "A=1&A.B=2",
            "A.B=2&A=1",
            "A.member.0=x",
            "A.member.x=x",
            "A.member.+1=x",
            "A.member.99999999999=x",
            "A=%ff",
            &deep,
        ] {
            assert_eq!(json(form), Err(MalformedForm), "{form}");
        }
    }
}
