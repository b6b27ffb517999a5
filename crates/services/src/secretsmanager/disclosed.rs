//! The one type in which a secret's value leaves: made by the operations that return one, turned into
//! bytes only by the response that carries it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Serialize, Serializer};
use strongroom_keys::SecretBytes;

/// A value on its way to a caller who may have it.
pub(super) enum Disclosed {
    /// A text, exactly as it was stored.
    Text(SecretBytes),
    /// Bytes, given as base64.
    Binary(SecretBytes),
}

impl Serialize for Disclosed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Disclosed::Text(text) => match std::str::from_utf8(text.expose()) {
                Ok(text) => serializer.serialize_str(text),
                Err(_) => Err(serde::ser::Error::custom("a stored text is not UTF-8")),
            },
            Disclosed::Binary(bytes) => serializer.serialize_str(&BASE64.encode(bytes.expose())),
        }
    }
}
