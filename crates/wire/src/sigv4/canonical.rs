//! The canonical request: what client and server must write alike, hashed as it is written.

use http::request::Parts;
use memchr::memchr2;

use super::digest::{Absorb, Buffered, Hex, Sha256};
use super::pieces::pieces;
use super::query::{self, X_AMZ_SIGNATURE, next_byte};

/// The parts of a request that its signature covers.
pub(super) struct Canonical<'a> {
    pub(super) parts: &'a Parts,
    /// Names in ascending order, with semicolons between them.
    pub(super) signed_headers: &'a str,
    pub(super) payload_hash: &'a Hex,
}

impl Canonical<'_> {
    /// The SHA-256 of the canonical request, or nothing if a signed header is not there.
    pub(super) fn hash(&self) -> Option<Hex> {
        let mut out = Buffered::new(Sha256);
        out.absorb(self.parts.method.as_str().as_bytes());
        out.absorb(b"\n");
        write_path(self.parts.uri.path(), &mut out);
        out.absorb(b"\n");
        write_query(self.parts.uri.query().unwrap_or_default(), &mut out);
        out.absorb(b"\n");
        for name in pieces(self.signed_headers, b';') {
            self.write_header(name, &mut out)?;
        }
        out.absorb(b"\n");
        out.absorb(self.signed_headers.as_bytes());
        out.absorb(b"\n");
        out.absorb(self.payload_hash);
        Some(out.finish())
    }

    fn write_header(&self, name: &str, out: &mut impl Absorb) -> Option<()> {
        out.absorb(name.as_bytes());
        out.absorb(b":");
        // Comparing with each name is faster than making a name to look up. A request has few headers, and the first
        // signed one that it hasn't ends the search.
        let mut values = (self.parts.headers.iter())
            .filter_map(|(found, value)| (found.as_str() == name).then_some(value));
        match values.next() {
            Some(first) => {
                write_value(first.as_bytes(), out);
                for value in values {
                    out.absorb(b",");
                    write_value(value.as_bytes(), out);
                }
            }
            // HTTP/2 has no Host header: the authority takes its place.
            None if name == "host" || name == ":authority" => {
                out.absorb(self.parts.uri.authority()?.as_str().as_bytes());
            }
            None => return None,
        }
        out.absorb(b"\n");
        Some(())
    }
}

/// Writes a header's value without space around it and with one space for each run within.
fn write_value(value: &[u8], out: &mut impl Absorb) {
    if memchr2(b' ', b'\t', value).is_none() {
        return out.absorb(value);
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let mut words = value.split(is_space).filter(|word| !word.is_empty());
    if let Some(first) = words.next() {
        out.absorb(first);
    }
    for word in words {
        out.absorb(b" ");
        out.absorb(word);
    }
}

/// Writes a path without empty segments, `.` and `..`, and with each segment encoded once more than it arrived.
fn write_path(path: &str, out: &mut impl Absorb) {
    if matches!(path, "/" | "") {
        return out.absorb(b"/");
    }
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    for segment in &segments {
        out.absorb(b"/");
        for byte in segment.bytes() {
            write_encoded(byte, out);
        }
    }
    if segments.is_empty() || path.ends_with('/') {
        out.absorb(b"/");
    }
}

/// Writes the parameters but the signature, each encoded afresh, sorted by name and then by value.
fn write_query(query: &str, out: &mut impl Absorb) {
    if query.is_empty() {
        return;
    }
    let mut text = Vec::with_capacity(query.len() + query.len() / 2);
    // Where in the text a name starts, ends, and its value ends.
    let mut places = Vec::new();
    for (name, value) in query::pairs(query) {
        let start = text.len();
        write_afresh(name, &mut text);
        let middle = text.len();
        if text[start..] == *X_AMZ_SIGNATURE.as_bytes() {
            text.truncate(start);
            continue;
        }
        write_afresh(value, &mut text);
        places.push((start, middle, text.len()));
    }
    let pair =
        |&(start, middle, end): &(usize, usize, usize)| (&text[start..middle], &text[middle..end]);
    places.sort_unstable_by(|one, other| pair(one).cmp(&pair(other)));
    for (index, (name, value)) in places.iter().map(pair).enumerate() {
        if index > 0 {
            out.absorb(b"&");
        }
        out.absorb(name);
        out.absorb(b"=");
        out.absorb(value);
    }
}

/// Encodes a part of a query in the one canonical way, however it was encoded before.
///
/// A plus sign that wasn't encoded stays one: some readers take it for a space and some don't, so it must have a form
/// of its own, or it could be exchanged for `%2B` or `%20` without a change of the signature.
fn write_afresh(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = next_byte(rest) {
        if byte.value == b'+' && !byte.was_encoded {
            out.push(b'+');
        } else {
            write_encoded(byte.value, out);
        }
        rest = tail;
    }
}

/// Encodes all but RFC 3986's unreserved characters.
pub(super) fn encoded(text: &str) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        write_encoded(byte, &mut encoded);
    }
    encoded
}

fn write_encoded(byte: u8, out: &mut impl Absorb) {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
        out.absorb(&[byte]);
    } else {
        out.absorb(&[
            b'%',
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 0x0f)],
        ]);
    }
}

impl Absorb for Vec<u8> {
    fn absorb(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
