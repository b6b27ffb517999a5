//! Texts as JSON strings, written faster than serde_json does: it looks at each byte by itself, which for a usual value
//! costs more than to decipher it.

/// Writes a text as a JSON string, with its quotes, exactly as serde_json would.
pub(crate) fn push_quoted(text: &str, json: &mut Vec<u8>) {
    json.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = first_to_escape(rest) {
        json.extend_from_slice(&rest[..at]);
        push_escaped(rest[at], json);
        rest = &rest[at + 1..];
    }
    json.extend_from_slice(rest);
    json.push(b'"');
}

/// Where the first byte is that a JSON string can't hold as it is.
fn first_to_escape(bytes: &[u8]) -> Option<usize> {
    let plain = plain_pieces::<LONG_PIECE_BYTES>(bytes);
    let start = plain + plain_pieces::<SHORT_PIECE_BYTES>(&bytes[plain..]);
    let within = bytes[start..].iter().position(must_be_escaped)?;
    Some(start + within)
}

/// How many bytes the pieces at the beginning have in which nothing is to be escaped.
fn plain_pieces<const BYTES: usize>(bytes: &[u8]) -> usize {
    // Of fixed length and without an early end, a piece is looked at as a whole.
    let has_any = |piece: &[u8; BYTES]| {
        let found = piece.iter().map(must_be_escaped);
        found.fold(false, |any, this| any | this)
    };
    let (pieces, _) = bytes.as_chunks();
    BYTES * pieces.iter().position(has_any).unwrap_or(pieces.len())
}

fn must_be_escaped(byte: &u8) -> bool {
    *byte < b' ' || *byte == b'"' || *byte == b'\\'
}

fn push_escaped(byte: u8, json: &mut Vec<u8>) {
    let letter = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        control => {
            let digits = [control >> 4, control & 0x0f].map(|nibble| HEX[usize::from(nibble)]);
            json.extend_from_slice(b"\\u00");
            return json.extend_from_slice(&digits);
        }
    };
    json.extend_from_slice(&[b'\\', letter]);
}

/// Long texts are looked at in pieces of this length, what is left of them and short ones in shorter ones.
const LONG_PIECE_BYTES: usize = 32;
const SHORT_PIECE_BYTES: usize = 8;
const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_written_as_serde_json_writes_it() {
        let all: String = (0..0x250).filter_map(char::from_u32).collect();
        let mut texts = vec![
            String::new(),
            all.repeat(3),
            "\u{1f511}é".repeat(40),
            "\"".repeat(100),
        ];
        // What must be escaped, at each place around the edges of the pieces.
        for special in ['"', '\\', '\n', '\u{1f}', '\u{7f}'] {
            for before in 0..=2 * LONG_PIECE_BYTES + 1 {
                texts.push(format!("{}{special}tail", "x".repeat(before)));
                texts.push(format!("{}{special}", "é".repeat(before)));
            }
        }
        for text in texts {
            let mut json = Vec::new();
            push_quoted(&text, &mut json);
            assert_eq!(json, serde_json::to_vec(&text).unwrap(), "{text:?}");
        }
    }
}
