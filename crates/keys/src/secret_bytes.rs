//! The one type that holds plaintext. It may not know what the bytes mean.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use zeroize::optimization_barrier;

/// Bytes that must not leak: they are zeroed when dropped, and nothing prints, copies or compares
/// them by accident.
///
/// [`expose`](Self::expose) is the one way to read them; search for it to review all who do.
///
/// ```
/// use strongroom_keys::SecretBytes;
///
/// let password = SecretBytes::copy_of(b"correct horse");
/// assert_eq!(password.expose(), b"correct horse");
/// assert_eq!(format!("{password:?}"), "SecretBytes(13 bytes)");
/// ```
///
/// It can't be cloned:
/// ```compile_fail
/// let bytes = strongroom_keys::SecretBytes::copy_of(b"x");
/// let copy: strongroom_keys::SecretBytes = bytes.clone();
/// ```
/// It can't be displayed:
/// ```compile_fail
/// let bytes = strongroom_keys::SecretBytes::copy_of(b"x");
/// let text = format!("{bytes}");
/// ```
/// It can't be serialized:
/// ```compile_fail
/// fn serialized(_: impl serde::Serialize) {}
/// serialized(strongroom_keys::SecretBytes::copy_of(b"x"));
/// ```
/// It can't be compared with `==`, which would take a different time for different content:
/// ```compile_fail
/// use strongroom_keys::SecretBytes;
/// let same = SecretBytes::copy_of(b"x") == SecretBytes::copy_of(b"x");
/// ```
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes over the bytes, including the unused capacity: all of it is zeroed on drop.
    ///
    /// A vector that grew while it was filled has left copies behind; give it its capacity first.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Copies the bytes; the original remains the caller's to zero.
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// Shows the bytes. What is copied out of here no longer zeroes itself.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// For filling a fixed length in place, so that no copy is left behind.
    pub(crate) fn expose_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// The length in bytes. It is not treated as secret.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether both hold the same bytes, in a time that depends on the lengths alone.
    #[must_use]
    pub fn matches(&self, other: &SecretBytes) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        // All of the capacity, in one go: `zeroize` writes byte by byte, which costs more than
        // decrypting the value did. The barrier keeps the compiler from leaving it out.
        let capacity = self.0.capacity();
        self.0.clear();
        self.0.resize(capacity, 0);
        optimization_barrier(self.0.as_slice());
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.0.len())
    }
}

/// Reads a string, of a self-describing format such as JSON, and keeps its UTF-8 bytes.
///
/// An error never repeats the input.
impl<'de> Deserialize<'de> for SecretBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Asked for a string, serde_json itself would refuse a number, and quote it.
        deserializer.deserialize_any(StringVisitor)
    }
}

struct StringVisitor;

/// serde's default for an unexpected value is an error that quotes it; so each kind is refused.
macro_rules! refuse_silently {
    ($($method:ident: $kind:ty),+ $(,)?) => {$(
        fn $method<E: de::Error>(self, _: $kind) -> Result<SecretBytes, E> {
            Err(E::custom("expected a string"))
        }
    )+};
}

impl Visitor<'_> for StringVisitor {
    type Value = SecretBytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SecretBytes, E> {
        Ok(SecretBytes::copy_of(text.as_bytes()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<SecretBytes, E> {
        Ok(SecretBytes::new(text.into_bytes()))
    }

    refuse_silently! {
        visit_bool: bool,
        visit_i64: i64,
        visit_i128: i128,
        visit_u64: u64,
        visit_u128: u128,
        visit_f64: f64,
        visit_char: char,
        visit_bytes: &[u8],
        visit_byte_buf: Vec<u8>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_prints_only_the_length() {
        let secret = SecretBytes::copy_of(b"hunter2");
        assert_eq!(format!("{secret:?}"), "SecretBytes(7 bytes)");
        assert_eq!(format!("{:?}", Some(&secret)), "Some(SecretBytes(7 bytes))");
    }

    #[test]
    fn matches_compares_content_and_length() {
        let secret = SecretBytes::copy_of(b"hunter2");
        for (other, expected) in [
            (&b"hunter2"[..], true),
            (b"hunter3", false),
            (b"Hunter2", false),
            (b"hunter", false),
            (b"hunter22", false),
            (b"", false),
        ] {
            assert_eq!(
                secret.matches(&SecretBytes::copy_of(other)),
                expected,
                "{other:?}"
            );
        }
        assert!(SecretBytes::new(Vec::new()).matches(&SecretBytes::copy_of(b"")));
    }

    #[test]
    fn a_string_is_read_with_and_without_escapes() {
        for (json, expected) in [
            (r#""plain""#, &b"plain"[..]),
            (r#""a\"b\u00e9""#, "a\"bé".as_bytes()),
            (r#""""#, b""),
        ] {
            let secret: SecretBytes = serde_json::from_str(json).unwrap();
            assert_eq!(secret.expose(), expected);
            assert_eq!(secret.is_empty(), expected.is_empty());
        }
    }

    #[test]
    fn a_refused_value_is_not_quoted_in_the_error() {
        for json in [
            "918273645",
            "-918273645",
            "91827.3645",
            "true",
            "[918273645]",
            r#"{"918273645":1}"#,
            "null",
        ] {
            let message = serde_json::from_str::<SecretBytes>(json)
                .unwrap_err()
                .to_string();
            assert!(message.contains("a string"), "{message}");
            assert!(
                !message.contains("918273645") && !message.contains("true"),
                "{message}"
            );
        }
    }
}
