//! Bytes as text between two lines that say what they are.
//!
//! Source: RFC 7468.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::SecretBytes;

/// Encodes bytes, with so many characters in a line. They may be secret: no copy is left behind.
pub(crate) fn encode(label: &str, bytes: &[u8], line_characters: usize) -> SecretBytes {
    let encoded = SecretBytes::new(BASE64.encode(bytes).into_bytes());
    let lines = encoded.len() / line_characters + 1;
    let mut text = Vec::with_capacity(encoded.len() + lines + 2 * label.len() + 40);
    text.extend(format!("-----BEGIN {label}-----\n").as_bytes());
    for line in encoded.expose().chunks(line_characters) {
        text.extend(line);
        text.push(b'\n');
    }
    text.extend(format!("-----END {label}-----\n").as_bytes());
    SecretBytes::new(text)
}
