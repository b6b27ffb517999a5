//! Where one HTTP/1 request ends and the next begins, watched beside the HTTP library to refuse smuggling.
//!
//! hyper follows RFC 9112: of `Content-Length` beside `Transfer-Encoding` it silently drops the former, of equal
//! `Content-Length` lines all but one. A proxy in front may choose otherwise, and then a request hides in another's
//! body. By the time hyper hands a request over, nothing of that is to be seen, so the raw bytes are looked at here.
//! This decides nothing about a request but whether its framing is ambiguous. Pure: bytes in, findings out.

use memchr::memchr;

/// Follows the bytes of one connection, from its first.
#[derive(Debug)]
pub(super) struct Framing {
    place: Place,
    head: Head,
    /// The beginning of a line whose end has not arrived. hyper's own limit on a head bounds it.
    line: Vec<u8>,
    heads: u64,
}

/// A request whose length can be read in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ambiguous {
    /// Which request of the connection, counted from 0.
    pub(super) request: u64,
    /// What is wrong with it.
    pub(super) why: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Head,
    Body {
        left: u64,
    },
    /// HTTP/2, or after a chunked request. The edge ends a connection with its first chunked request, so that no
    /// request follows whose beginning would have to be found here.
    Unwatched,
}

#[derive(Debug, Default)]
struct Head {
    has_begun: bool,
    length_lines: u32,
    encoding_lines: u32,
    /// The last length; `None` beside a length line means that it is not a number.
    length: Option<u64>,
}

impl Framing {
    pub(super) fn new() -> Self {
        Self {
            place: Place::Head,
            head: Head::default(),
            line: Vec::new(),
            heads: 0,
        }
    }

    /// Takes what was just read; tells of the first ambiguous request in it.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> Option<Ambiguous> {
        let mut found = None;
        while !bytes.is_empty() {
            match self.place {
                Place::Unwatched => break,
                Place::Body { left } => {
                    let here =
                        usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    bytes = &bytes[here..];
                    self.place = match left - here as u64 {
                        0 => Place::Head,
                        left => Place::Body { left },
                    };
                }
                Place::Head => {
                    let Some(end) = memchr(b'\n', bytes) else {
                        self.line.extend_from_slice(bytes);
                        break;
                    };
                    let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
                    bytes = rest;
                    let ambiguous = if self.line.is_empty() {
                        self.take_line(line)
                    } else {
                        let mut whole = std::mem::take(&mut self.line);
                        whole.extend_from_slice(line);
                        self.take_line(&whole)
                    };
                    found = found.or(ambiguous);
                }
            }
        }
        found
    }

    /// Whether a request's head has begun to arrive but has not ended.
    pub(super) fn is_inside_head(&self) -> bool {
        self.place == Place::Head && (self.head.has_begun || !self.line.is_empty())
    }

    fn take_line(&mut self, line: &[u8]) -> Option<Ambiguous> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            // Empty lines before a request are allowed, and ignored by hyper as well.
            return if self.head.has_begun {
                self.end_head()
            } else {
                None
            };
        }
        if !self.head.has_begun {
            self.head.has_begun = true;
            if self.heads == 0 && line == b"PRI * HTTP/2.0" {
                self.place = Place::Unwatched;
            }
        } else if let Some(value) = value_of(line, b"content-length:") {
            self.head.length_lines += 1;
            self.head.length = number(value);
        } else if value_of(line, b"transfer-encoding:").is_some() {
            self.head.encoding_lines += 1;
        }
        None
    }

    fn end_head(&mut self) -> Option<Ambiguous> {
        let head = std::mem::take(&mut self.head);
        let request = self.heads;
        self.heads += 1;
        self.place = match head {
            Head {
                encoding_lines: 0,
                length_lines: 0,
                ..
            }
            | Head {
                encoding_lines: 0,
                length: Some(0),
                ..
            } => Place::Head,
            Head {
                encoding_lines: 0,
                length: Some(left),
                ..
            } => Place::Body { left },
            _ => Place::Unwatched,
        };
        let why = match (head.length_lines, head.encoding_lines) {
            (0 | 1, 0) | (0, 1) => return None,
            (0, _) => "it has more than one Transfer-Encoding header",
            (_, 0) => "it has more than one Content-Length header",
            _ => "it has both a Content-Length and a Transfer-Encoding header",
        };
        Some(Ambiguous { request, why })
    }
}

fn value_of<'a>(line: &'a [u8], name_and_colon: &[u8]) -> Option<&'a [u8]> {
    // Few lines have the right first letter; the others cost no comparison.
    let first = |text: &[u8]| text.first().map(u8::to_ascii_lowercase);
    if first(line) != first(name_and_colon) {
        return None;
    }
    let (name, value) = line.split_at_checked(name_and_colon.len())?;
    name.eq_ignore_ascii_case(name_and_colon).then_some(value)
}

fn number(value: &[u8]) -> Option<u64> {
    let digits = value.trim_ascii();
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: &str = "it has both a Content-Length and a Transfer-Encoding header";
    const TWO_LENGTHS: &str = "it has more than one Content-Length header";
    const TWO_ENCODINGS: &str = "it has more than one Transfer-Encoding header";

    #[test]
    fn only_requests_that_can_be_read_in_two_ways_are_ambiguous() {
        let cases: &[(&str, Option<(u64, &str)>)] = &[
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", None),
            ("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", None),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                None,
            ),
            (
                "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
                Some((0, TWO_LENGTHS)),
            ),
            (
                "POST / HTTP/1.1\r\ncontent-LENGTH:3\r\nContent-Length: 4\r\n\r\n",
                Some((0, TWO_LENGTHS)),
            ),
            (
                "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
                Some((0, BOTH)),
            ),
            (
                "POST / HTTP/1.1\r\nTRANSFER-encoding: chunked\r\nContent-Length: 3\r\n\r\n",
                Some((0, BOTH)),
            ),
            (
                "POST / HTTP/1.1\nTransfer-Encoding: x\nContent-Length: 3\n\n",
                Some((0, BOTH)),
            ),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: a\r\nTransfer-Encoding: chunked\r\n\r\n",
                Some((0, TWO_ENCODINGS)),
            ),
            // The second request of a connection, right behind the first one's body.
            (
                "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
                Some((1, TWO_LENGTHS)),
            ),
            // A body that looks like a head is a body.
            (
                "POST / HTTP/1.1\r\nContent-Length: 43\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
                None,
            ),
            // Names that only begin or end like the ones that matter.
            (
                "GET / HTTP/1.1\r\nContent-Length-X: 3\r\nX-Content-Length: 3\r\nContent-Length: 0\r\n\r\n",
                None,
            ),
            // What only looks like a header, in the request line.
            ("Content-Length: 5\r\nContent-Length: 5\r\n\r\n", None),
            (
                "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
                None,
            ),
        ];
        for (bytes, expected) in cases {
            let expected = expected.map(|(request, why)| Ambiguous { request, why });
            assert_eq!(Framing::new().read(bytes.as_bytes()), expected, "{bytes:?}");
            // However the bytes are cut into reads, the finding is the same.
            for piece in [1, 2, 3, 7] {
                let mut framing = Framing::new();
                let found = bytes
                    .as_bytes()
                    .chunks(piece)
                    .fold(None, |found, bytes| found.or(framing.read(bytes)));
                assert_eq!(found, expected, "{bytes:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn a_head_is_known_to_be_unfinished_from_its_first_byte_to_its_last() {
        let head = b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n";
        let mut framing = Framing::new();
        assert!(!framing.is_inside_head());
        for byte in &head[..head.len() - 1] {
            framing.read(&[*byte]);
            assert!(framing.is_inside_head());
        }
        framing.read(b"\n");
        assert!(!framing.is_inside_head());
        framing.read(b"xG");
        assert!(
            framing.is_inside_head(),
            "the body is over and the next head has begun"
        );
    }

    #[test]
    fn lengths_are_digits_alone() {
        for (text, expected) in [
            (" 12 ", Some(12)),
            ("0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("+1", None),
            ("-1", None),
            ("1 2", None),
            ("0x10", None),
            ("", None),
        ] {
            assert_eq!(number(text.as_bytes()), expected, "{text:?}");
        }
    }
}
