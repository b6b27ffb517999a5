//! Taking a secret's values out of what a function wrote to its log or said of its failure.
//!
//! A value is known as a whole and by the texts in it where it is JSON, as it is and in the forms in which programs
//! print it: quoted, percent-encoded, in base64 and in hexadecimal digits. What a function takes apart on purpose can't be known.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::Value;
use strongroom_keys::SecretBytes;

/// What stands in the place of a value.
const MASK: &[u8] = b"****";
/// A shorter text of a value isn't looked for: it would be found everywhere.
const BYTES_MIN: usize = 4;
/// Members of a value that tell no secret, and of which a log without them would make no sense.
const PUBLIC_MEMBERS: &[&str] = &["engine", "masterarn"];

/// The texts that must not be shown.
#[derive(Default)]
pub(super) struct Mask {
    /// The longest first.
    needles: Vec<SecretBytes>,
}

impl Mask {
    /// For these values.
    pub(super) fn of<'a>(values: impl IntoIterator<Item = &'a SecretBytes>) -> Self {
        let mut mask = Mask::default();
        for value in values {
            mask.add_forms(value.expose());
            if let Ok(json) = serde_json::from_slice::<Value>(value.expose()) {
                mask.add_texts(json);
            }
        }
        mask.needles
            .sort_by_key(|needle| std::cmp::Reverse(needle.len()));
        mask
    }

    /// The same text without the values.
    pub(super) fn masked(&self, text: &[u8]) -> String {
        let mut shown = Vec::with_capacity(text.len());
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let found = self
                .needles
                .iter()
                .find(|needle| rest.starts_with(needle.expose()));
            match found {
                Some(needle) => {
                    shown.extend_from_slice(MASK);
                    at += needle.len();
                }
                None => {
                    shown.push(text[at]);
                    at += 1;
                }
            }
        }
        String::from_utf8_lossy(&shown).into_owned()
    }

    fn add_texts(&mut self, json: Value) {
        match json {
            Value::String(text) => {
                let text = SecretBytes::new(text.into_bytes());
                self.add_forms(text.expose());
            }
            Value::Array(items) => items.into_iter().for_each(|item| self.add_texts(item)),
            Value::Object(members) => {
                let secret = |name: &String| !PUBLIC_MEMBERS.contains(&name.as_str());
                let members = members.into_iter().filter(|(name, _)| secret(name));
                members.for_each(|(_, value)| self.add_texts(value));
            }
            // As short as a needle may not be, or with a meaning of its own, such as a port.
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn add_forms(&mut self, value: &[u8]) {
        let trimmed = value.trim_ascii();
        if trimmed.len() < BYTES_MIN {
            return;
        }
        self.add(trimmed.to_vec());
        for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
            self.add(engine.encode(value).into_bytes());
        }
        for digits in [b"0123456789abcdef", b"0123456789ABCDEF"] {
            self.add(hexadecimal(trimmed, digits));
        }
        for kept in [&b"-_.~"[..], b"-_.~/", b"-_.~!*'()"] {
            self.add(percent_encoded(trimmed, kept));
        }
        if let Ok(text) = std::str::from_utf8(trimmed) {
            let mut quoted = Vec::with_capacity(text.len() + 2);
            crate::json_text::push_quoted(text, &mut quoted);
            self.add(quoted[1..quoted.len() - 1].to_vec());
            // As Python shows a text.
            self.add(text.replace('\\', "\\\\").replace('\n', "\\n").into_bytes());
            self.add(text.replace('\\', "\\\\").replace('\'', "\\'").into_bytes());
        }
        // A value of several lines comes out line by line.
        for line in trimmed.split(|byte| *byte == b'\n') {
            let line = line.trim_ascii();
            if line.len() >= BYTES_MIN && line.len() < trimmed.len() {
                self.add(line.to_vec());
            }
        }
    }

    fn add(&mut self, needle: Vec<u8>) {
        let needle = SecretBytes::new(needle);
        if !self
            .needles
            .iter()
            .any(|known| known.expose() == needle.expose())
        {
            self.needles.push(needle);
        }
    }
}

fn hexadecimal(bytes: &[u8], digits: &[u8; 16]) -> Vec<u8> {
    let digit = |value: u8| digits[usize::from(value)];
    let both = |byte: &u8| [digit(byte >> 4), digit(byte & 0x0f)];
    bytes.iter().flat_map(both).collect()
}

/// With letters, digits and `kept` as they are.
fn percent_encoded(bytes: &[u8], kept: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = Vec::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || kept.contains(byte) {
            encoded.push(*byte);
        } else {
            let (high, low) = (usize::from(byte >> 4), usize::from(byte & 0x0f));
            encoded.extend([b'%', DIGITS[high], DIGITS[low]]);
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(value: &str, text: &str) -> String {
        Mask::of([&SecretBytes::copy_of(value.as_bytes())]).masked(text.as_bytes())
    }

    #[test]
    fn a_value_is_masked_in_every_form_in_which_programs_print_it() {
        let value =
            r#"{"engine":"postgres","username":"admin","password":"pa\"ss w/ö\\rd","port":5432}"#;
        for (text, expected) in [
            ("nothing of it", "nothing of it"),
            (r#"got pa"ss w/ö\rd!"#, "got ****!"),
            (
                r#"{"password": "pa\"ss w/ö\\rd"}"#,
                r#"{"password": "****"}"#,
            ),
            (
                "postgres://admin:pa%22ss%20w%2F%C3%B6%5Crd@db:5432/",
                "postgres://****:****@db:5432/",
            ),
            ("b64 cGEic3Mgdy/DtlxyZA==", "b64 ****"),
            ("hex 706122737320772fc3b65c7264", "hex ****"),
            ("{'password': 'pa\"ss w/ö\\\\rd'}", "{'password': '****'}"),
            (
                "all: {\"engine\":\"postgres\",\"username\":\"admin\",\"password\":\"pa\\\"ss w/ö\\\\rd\",\"port\":5432}",
                "all: ****",
            ),
        ] {
            assert_eq!(masked(value, text), expected, "{text}");
        }
    }

    #[test]
    fn a_value_that_is_no_json_is_masked_as_a_whole_and_line_by_line() {
        assert_eq!(
            masked("hunter2hunter2", "it is hunter2hunter2."),
            "it is ****."
        );
        let pem = "-----BEGIN KEY-----\nabcdefgh\nijklmnop\n-----END KEY-----";
        assert_eq!(masked(pem, "x abcdefgh y\nijklmnop"), "x **** y\n****");
    }

    #[test]
    fn texts_too_short_to_be_told_apart_stay() {
        assert_eq!(masked("abc", "abc abc"), "abc abc");
        assert_eq!(masked(r#"{"a":"xyz","b":"wxyz"}"#, "xyz wxyz"), "xyz ****");
    }
}
