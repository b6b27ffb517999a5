//! A symmetric ciphertext: a header that names the key which opens it, in the open, and the sealed bytes.
//!
//! The sealed bytes are bound to the whole header, apart from the client's encryption context: two keys
//! may have been brought the same material, and no name of a context can stand for a key's.
//!
//! Layout: docs/formats.md, "KMS ciphertexts".

use super::key::KmsKey;
use crate::caller::AccountId;

/// Says: then 12 digits of the account, 16 bytes of the key's id, the version, and the sealed bytes.
const FORMAT: u8 = 1;
const ACCOUNT_LEN: usize = 12;
const KEY_ID_LEN: usize = 16;
const HEADER_LEN: usize = 1 + ACCOUNT_LEN + KEY_ID_LEN + 4;

/// A ciphertext, and what its header says.
pub(super) struct Ciphertext {
    pub(super) account: AccountId,
    pub(super) key_id: String,
    pub(super) version: u32,
    /// INVARIANT: starts with a header.
    blob: Vec<u8>,
}

/// What stands before the bytes that are sealed under a version of a key's material.
pub(super) fn header(key: &KmsKey, version: u32) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    header[0] = FORMAT;
    let (account, rest) = header[1..].split_at_mut(ACCOUNT_LEN);
    // INVARIANT: an account's id has exactly so many digits.
    account.copy_from_slice(key.account.as_str().as_bytes());
    let (id, number) = rest.split_at_mut(KEY_ID_LEN);
    id.copy_from_slice(&id_bytes(&key.key_id));
    number.copy_from_slice(&version.to_be_bytes());
    header
}

impl Ciphertext {
    /// Reads a ciphertext's header; `None` where it is none of ours.
    pub(super) fn read(blob: Vec<u8>) -> Option<Self> {
        let (&FORMAT, rest) = blob.split_first()? else {
            return None;
        };
        let (account, rest) = rest.split_first_chunk::<ACCOUNT_LEN>()?;
        let (id, rest) = rest.split_first_chunk::<KEY_ID_LEN>()?;
        let (version, _) = rest.split_first_chunk::<4>()?;
        Some(Ciphertext {
            account: AccountId::parse(std::str::from_utf8(account).ok()?).ok()?,
            key_id: super::uuid_text(*id),
            version: u32::from_be_bytes(*version),
            blob,
        })
    }

    /// Whether its header names a key.
    pub(super) fn is_of(&self, key: &KmsKey) -> bool {
        self.key_id == key.key_id && self.account == key.account
    }

    /// The header and the sealed bytes.
    pub(super) fn parts(&self) -> (&[u8], &[u8]) {
        self.blob.split_at(HEADER_LEN)
    }
}

/// The 16 bytes of a UUID's text.
fn id_bytes(id: &str) -> [u8; KEY_ID_LEN] {
    let mut bytes = [0; KEY_ID_LEN];
    let digits = id.bytes().filter(|byte| *byte != b'-');
    for (at, digit) in digits.enumerate().take(2 * KEY_ID_LEN) {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            b'A'..=b'F' => digit - b'A' + 10,
            _ => 0,
        };
        bytes[at / 2] = (bytes[at / 2] << 4) | value;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_id_survives_as_bytes() {
        let id = "0123abcd-45ef-4678-9abc-def012345678";
        assert_eq!(crate::kms::uuid_text(id_bytes(id)), id);
    }

    #[test]
    fn what_is_too_short_or_of_another_format_is_no_ciphertext() {
        let mut blob = vec![FORMAT];
        blob.extend(b"123456789012");
        blob.extend([7; KEY_ID_LEN]);
        blob.extend(9_u32.to_be_bytes());
        assert!(Ciphertext::read(blob.clone()).is_some());
        for length in 0..blob.len() {
            assert!(
                Ciphertext::read(blob[..length].to_vec()).is_none(),
                "{length}"
            );
        }
        for at in [0, 1] {
            let mut other = blob.clone();
            other[at] = b'x';
            assert!(Ciphertext::read(other).is_none());
        }
    }
}
