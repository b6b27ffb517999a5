//! The members of a JSON object as they stand in its text. Each value's end is looked for, what it holds isn't read: an
//! index reads every event for a few of its members.
//!
//! What these functions are given is JSON; of what isn't, they may find anything, but never fail otherwise than by
//! finding nothing.

use std::borrow::Cow;

use memchr::memchr2;

/// Visits each member of an object: its name, with escapes as they stand, and its value's text. `None`: it isn't an object.
pub(crate) fn each_member<'t>(
    object: &'t str,
    visit: &mut dyn FnMut(&'t str, &'t str),
) -> Option<()> {
    let mut cursor = Cursor::in_text(object);
    cursor.each(b'{', b'}', &mut |cursor| {
        let name = cursor.value()?.strip_prefix('"')?.strip_suffix('"')?;
        cursor.take(b':')?;
        visit(name, cursor.value()?);
        Some(())
    })
}

/// Visits the text of each item of an array. `None`: it isn't an array.
pub(crate) fn each_item<'t>(array: &'t str, visit: &mut dyn FnMut(&'t str)) -> Option<()> {
    let mut cursor = Cursor::in_text(array);
    cursor.each(b'[', b']', &mut |cursor| {
        visit(cursor.value()?);
        Some(())
    })
}

/// What a value says that is a string. `None`: it is another value.
pub(crate) fn string(value: &str) -> Option<Cow<'_, str>> {
    let content = value.strip_prefix('"')?.strip_suffix('"')?;
    match content.contains('\\') {
        false => Some(Cow::Borrowed(content)),
        true => serde_json::from_str(value).ok().map(Cow::Owned),
    }
}

/// What a value says that is a yes or no. `None`: it is another value.
pub(crate) fn flag(value: &str) -> Option<bool> {
    match value {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// A place in a text.
struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    fn in_text(text: &'t str) -> Self {
        Cursor { text, at: 0 }
    }

    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Goes over white space, then over this.
    fn take(&mut self, wanted: u8) -> Option<()> {
        self.skip_space();
        (self.next()? == wanted).then(|| self.at += 1)
    }

    fn skip_space(&mut self) {
        while self.next().is_some_and(is_space) {
            self.at += 1;
        }
    }

    /// Goes over what stands between these, separated by commas, and nothing behind it.
    fn each(
        &mut self,
        open: u8,
        close: u8,
        part: &mut dyn FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.take(open)?;
        if self.take(close).is_none() {
            loop {
                part(self)?;
                if self.take(b',').is_none() {
                    self.take(close)?;
                    break;
                }
            }
        }
        self.skip_space();
        self.next().is_none().then_some(())
    }

    /// Goes over a value. Its text.
    fn value(&mut self) -> Option<&'t str> {
        self.skip_space();
        let start = self.at;
        match self.next()? {
            b'"' => self.skip_string()?,
            b'{' | b'[' => self.skip_nested()?,
            _ => {
                while self.next().is_some_and(|byte| !is_end(byte)) {
                    self.at += 1;
                }
            }
        }
        self.text
            .get(start..self.at)
            .filter(|text| !text.is_empty())
    }

    fn skip_string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            let found = memchr2(b'"', b'\\', rest)?;
            self.at += found + 1;
            if rest.get(found) == Some(&b'"') {
                return Some(());
            }
            // What is escaped.
            self.at += 1;
        }
    }

    fn skip_nested(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.next()? {
                b'"' => {
                    self.skip_string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }
}

/// White space as JSON has it.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Where a number or a word ends.
fn is_end(byte: u8) -> bool {
    matches!(byte, b',' | b'}' | b']' | b':') || is_space(byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    /// The same through these functions: each part is read by itself, and put together.
    fn taken_apart(text: &str) -> Option<Value> {
        let mut members = Map::new();
        let mut failed = false;
        let of_object = each_member(text, &mut |name, value| {
            let name = string(&format!("\"{name}\"")).map(Cow::into_owned);
            match (name, taken_apart(value)) {
                (Some(name), Some(value)) => drop(members.insert(name, value)),
                _ => failed = true,
            }
        });
        if of_object.is_some() && !failed {
            return Some(Value::Object(members));
        }
        let mut items = Vec::new();
        let of_array = each_item(text, &mut |item| items.push(taken_apart(item)));
        if of_array.is_some() {
            return items
                .into_iter()
                .collect::<Option<Vec<_>>>()
                .map(Value::Array);
        }
        let word = string(text).map(|text| Value::String(text.into_owned()));
        let word = word.or_else(|| flag(text).map(Value::Bool));
        word.or_else(|| serde_json::from_str(text).ok())
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let text = "[a-c{}\\[\\]:,\"\\\\\\n é🔑]{0,12}";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            text.prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 64, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                prop::collection::vec((text, inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_part_of_a_value_is_found_as_serde_json_reads_it(value in any_value()) {
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                prop_assert_eq!(taken_apart(&text), Some(value.clone()), "{}", text);
            }
        }

        #[test]
        fn what_is_no_json_is_looked_through_without_harm(
            text in "[{}\\[\\]:,\"\\\\a1 ]{0,24}",
            cut in 0..200_usize,
            value in any_value(),
        ) {
            taken_apart(&text);
            let text = value.to_string();
            if let Some(part) = text.get(..cut.min(text.len())) {
                taken_apart(part);
            }
        }
    }

    #[test]
    fn what_is_no_object_has_no_members() {
        for text in [
            "",
            "[]",
            "{",
            "{}x",
            "{\"a\":}",
            "{\"a\"}",
            "{\"a\":1,}",
            "{a:1}",
            "\"{}\"",
            "{\"a\":\"\\",
        ] {
            assert_eq!(each_member(text, &mut |_, _| {}), None, "{text}");
        }
        for text in [" { } ", "{\"a\" : 1 , \"b\":[1,{}]}"] {
            assert_eq!(each_member(text, &mut |_, _| {}), Some(()), "{text}");
        }
    }
}
