//! A symmetric ciphertext: the key that opens it, named in the open, and the sealed bytes.
//!
//! The names are bound to the bytes: the account and the version by the material, which is each key
//! version's own, the key's id as associated data, since two keys may have been brought the same material.
//!
//! Layout: docs/formats.md, "KMS ciphertexts".

use strongroom_keys::Sealed;

use super::key::KmsKey;
use crate::caller::AccountId;

/// Says: then 12 digits of the account, 16 bytes of the key's id, the version, and the sealed bytes.
const FORMAT: u8 = 1;
const ACCOUNT_LEN: usize = 12;
const KEY_ID_LEN: usize = 16;

/// A ciphertext, taken apart.
pub(super) struct Ciphertext {
    pub(super) account: AccountId,
    pub(super) key_id: String,
    pub(super) version: u32,
    pub(super) sealed: Sealed,
}

/// Puts a ciphertext together.
pub(super) fn write(key: &KmsKey, version: u32, sealed: &Sealed) -> Vec<u8> {
    let sealed = sealed.as_bytes();
    let mut blob = Vec::with_capacity(1 + ACCOUNT_LEN + KEY_ID_LEN + 4 + sealed.len());
    blob.push(FORMAT);
    blob.extend_from_slice(key.account.as_str().as_bytes());
    blob.extend_from_slice(&id_bytes(&key.key_id));
    blob.extend_from_slice(&version.to_be_bytes());
    blob.extend_from_slice(sealed);
    blob
}

/// Takes a ciphertext apart; `None` where it is none of ours.
pub(super) fn read(blob: &[u8]) -> Option<Ciphertext> {
    let (&FORMAT, rest) = blob.split_first()? else {
        return None;
    };
    let (account, rest) = rest.split_first_chunk::<ACCOUNT_LEN>()?;
    let (id, rest) = rest.split_first_chunk::<KEY_ID_LEN>()?;
    let (version, sealed) = rest.split_first_chunk::<4>()?;
    Some(Ciphertext {
        account: AccountId::parse(std::str::from_utf8(account).ok()?).ok()?,
        key_id: super::uuid_text(*id),
        version: u32::from_be_bytes(*version),
        sealed: Sealed::from_bytes(sealed.to_vec()),
    })
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
        assert!(read(&blob).is_some());
        for length in 0..blob.len() {
            assert!(read(&blob[..length]).is_none(), "{length}");
        }
        for at in [0, 1] {
            let mut other = blob.clone();
            other[at] = b'x';
            assert!(read(&other).is_none());
        }
    }
}
