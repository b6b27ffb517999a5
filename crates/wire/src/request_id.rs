//! Request ids: what AWS answers as `x-amzn-RequestId`. Randomness is the caller's to bring.

use std::fmt;

use http::HeaderValue;

/// The id of one request, in the form of a version 4 UUID, as AWS writes it: lower-case with hyphens.
///
/// ```
/// use strongroom_wire::request_id::RequestId;
///
/// let id = RequestId::from_bytes([0xab; 16]);
/// assert_eq!(id.as_str(), "abababab-abab-4bab-abab-abababababab");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; LENGTH]);

impl RequestId {
    /// Makes an id of 16 bytes, best random ones; 6 of their bits are overwritten with the UUID's version and variant.
    #[must_use]
    pub fn from_bytes(mut bytes: [u8; 16]) -> Self {
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let mut text = [b'-'; LENGTH];
        for (byte, place) in bytes.iter().zip(PLACES) {
            text[place] = HEX[usize::from(byte >> 4)];
            text[place + 1] = HEX[usize::from(byte & 0x0f)];
        }
        Self(text)
    }

    /// The id as 36 characters.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "from_bytes, the only maker, writes ASCII alone"
    )]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits and hyphens")
    }

    /// The id as the value of a header.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "from_bytes, the only maker, writes ASCII alone"
    )]
    pub fn to_header_value(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).expect("hexadecimal digits and hyphens")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

const LENGTH: usize = 36;
/// Where the two digits of each byte stand; hyphens are between.
const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_version_4_uuid_whatever_the_bytes() {
        let cases = [
            ([0x00; 16], "00000000-0000-4000-8000-000000000000"),
            ([0xff; 16], "ffffffff-ffff-4fff-bfff-ffffffffffff"),
            (
                [
                    0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x10, 0x32, 0x54, 0x76, 0x98,
                    0xba, 0xdc, 0xfe,
                ],
                "01234567-89ab-4def-9032-547698badcfe",
            ),
        ];
        for (bytes, text) in cases {
            let id = RequestId::from_bytes(bytes);
            assert_eq!(id.as_str(), text);
            assert_eq!(id.to_string(), text);
            assert_eq!(id.to_header_value(), text);
        }
    }
}
