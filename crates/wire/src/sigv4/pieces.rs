//! Taking text apart at a byte. The standard library's way, by a character, costs several times as much for pieces as
//! short as these.

use memchr::memchr;

/// The pieces between separators, of ASCII: always at least one.
pub(super) fn pieces(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (piece, left) = match in_two(text, separator) {
            Some((piece, left)) => (piece, Some(left)),
            None => (text, None),
        };
        rest = left;
        Some(piece)
    })
}

/// What stands before and after the first separator, of ASCII.
pub(super) fn in_two(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = memchr(separator, text.as_bytes())?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_taken_apart_as_the_standard_library_does_it() {
        for text in ["", ";", "a", "a;", ";a", "a;b", "é;;ü;", ";;", "a;b;c"] {
            let expected: Vec<&str> = text.split(';').collect();
            assert_eq!(pieces(text, b';').collect::<Vec<_>>(), expected, "{text:?}");
            assert_eq!(in_two(text, b';'), text.split_once(';'), "{text:?}");
        }
    }
}
