//! The one type in which a secret's value leaves: made by the operations that return one, turned into
//! bytes only by the response that carries it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::ser::Error;
use serde::{Serialize, Serializer};
use strongroom_keys::SecretBytes;

use crate::cloudtrail::elements::WITHHELD;
use crate::json_text::push_quoted;

/// A value on its way to a caller who may have it.
pub enum Disclosed {
    /// A text, exactly as it was stored.
    Text(SecretBytes),
    /// Bytes, given as base64.
    Binary(SecretBytes),
}

impl Disclosed {
    /// Writes the value as a JSON string, as serde would; faster, and without a copy of the bytes.
    pub(crate) fn push_json(&self, json: &mut Vec<u8>) -> serde_json::Result<()> {
        match self {
            Disclosed::Text(text) => {
                let text = std::str::from_utf8(text.expose()).map_err(Error::custom)?;
                push_quoted(text, json);
            }
            Disclosed::Binary(bytes) => push_base64(bytes.expose(), json),
        }
        Ok(())
    }
}

/// Writes bytes as base64 in quotes.
pub(crate) fn push_base64(bytes: &[u8], json: &mut Vec<u8>) {
    json.push(b'"');
    let start = json.len();
    json.resize(start + bytes.len().div_ceil(3) * 4, 0);
    // The space is exactly what the encoding takes.
    let _ = BASE64.encode_slice(bytes, &mut json[start..]);
    json.push(b'"');
}

/// Within a newtype that JSON doesn't show: by it, an event's serializer knows what it must not tell.
impl Serialize for Disclosed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(WITHHELD, &Plain(self))
    }
}

struct Plain<'a>(&'a Disclosed);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Disclosed::Text(text) => match std::str::from_utf8(text.expose()) {
                Ok(text) => serializer.serialize_str(text),
                Err(_) => Err(S::Error::custom("a stored text is not UTF-8")),
            },
            Disclosed::Binary(bytes) => serializer.serialize_str(&BASE64.encode(bytes.expose())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_written_as_serde_writes_it() {
        for length in 0..20 {
            let bytes: Vec<u8> = (0..length).map(|it| it * 13).collect();
            for value in [
                Disclosed::Binary(SecretBytes::new(bytes.clone())),
                Disclosed::Text(SecretBytes::new(bytes)),
            ] {
                let Ok(expected) = serde_json::to_vec(&value) else {
                    continue;
                };
                let mut json = Vec::new();
                value.push_json(&mut json).unwrap();
                assert_eq!(json, expected);
            }
        }
    }
}
