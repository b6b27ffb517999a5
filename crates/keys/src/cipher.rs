//! The one cipher: AES-256-GCM under a 32-byte key, with associated data that says what is sealed.
//!
//! It knows purposes and encryption contexts. It may not know where keys come from or where sealed
//! bytes rest.
//!
//! **How many messages a key may seal.** Nonces are 96 random bits: of n messages under one key,
//! two share a nonce with a chance of about n²/2^97. NIST SP 800-38D (section 8.3) allows n = 2^32 for
//! one key, a chance below 2^-32. Each key here stays below that:
//! - a data key seals exactly one value;
//! - one version of a KMS key's backing material may seal 2^32 data keys, one a version of a
//!   secret or one a KMS ciphertext; at 100 writes a second, day and night, that lasts for more than a year, and a rotation
//!   of the KMS key begins anew;
//! - the root key seals nothing itself: material, credentials and each purpose of tokens have keys
//!   derived from it, each with its own 2^32;
//! - a seal's key seals one private key; what is sealed for a recipient has a key of its own each time.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Entropy, SecretBytes};

/// The length of every key here, in bytes.
pub(crate) const KEY_LEN: usize = 32;

/// Says: AES-256-GCM, then a 12-byte nonce, the ciphertext and a 16-byte tag.
const FORMAT_AES_256_GCM: u8 = 1;
const TAG_LEN: usize = 16;
const CIPHERTEXT_START: usize = 1 + NONCE_LEN;

/// Associated data up to this many bytes is put together without an allocation.
const ASSOCIATED_DATA_ON_STACK_BYTES_MAX: usize = 512;

/// Encrypted bytes: a format byte, the nonce, the ciphertext and its tag; 29 bytes longer than what
/// is inside. Nothing in it is secret. The layout is in `docs/formats.md`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Takes bytes that came from [`as_bytes`](Self::as_bytes). They are checked when opened.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes to keep.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Sealed;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("sealed bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Sealed, E> {
                Ok(Sealed(bytes.to_vec()))
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Sealed, E> {
                Ok(Sealed(bytes))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Sealed, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = seq.next_element()? {
                    bytes.push(byte);
                }
                Ok(Sealed(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

/// The names and values that a ciphertext is bound to: what was sealed under one context opens
/// under exactly the same one. It is not secret; never put a secret in it.
///
/// Order doesn't matter, letter case does. Of a name given twice, the last value counts.
///
/// ```
/// use strongroom_keys::EncryptionContext;
///
/// let context = EncryptionContext::of([("SecretVersionId", "v1"), ("SecretARN", "arn:…")]);
/// assert_eq!(context, EncryptionContext::of([("SecretARN", "arn:…"), ("SecretVersionId", "v1")]));
/// ```
///
/// Source: AWS KMS Developer Guide, "Encryption context".
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EncryptionContext {
    /// INVARIANT: the number of pairs, then each pair sorted by name, name and value each with its
    /// length before it (all numbers 32-bit big-endian), so that no two contexts share an encoding.
    encoded: Vec<u8>,
}

impl EncryptionContext {
    /// Makes a context of pairs of name and value.
    pub fn of<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut pairs: Vec<(N, V)> = pairs.into_iter().collect();
        pairs.sort_by(|(one, _), (other, _)| one.as_ref().cmp(other.as_ref()));
        let is_last_of_its_name = |index: usize| {
            pairs
                .get(index + 1)
                .is_none_or(|(next, _)| next.as_ref() != pairs[index].0.as_ref())
        };
        let kept = || (0..pairs.len()).filter(|&index| is_last_of_its_name(index));

        let bytes_max: usize = pairs
            .iter()
            .map(|(n, v)| 8 + n.as_ref().len() + v.as_ref().len())
            .sum();
        let mut encoded = Vec::with_capacity(4 + bytes_max);
        put_number(&mut encoded, kept().count());
        for (name, value) in kept().map(|index| &pairs[index]) {
            put_with_length(&mut encoded, name.as_ref().as_bytes());
            put_with_length(&mut encoded, value.as_ref().as_bytes());
        }
        Self { encoded }
    }
}

impl fmt::Debug for EncryptionContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptionContext({} bytes)", self.encoded.len())
    }
}

fn put_number(out: &mut Vec<u8>, number: usize) {
    #[expect(
        clippy::expect_used,
        reason = "requests are limited to megabytes long before this"
    )]
    let number = u32::try_from(number).expect("an encryption context is shorter than 4 GiB");
    out.extend_from_slice(&number.to_be_bytes());
}

fn put_with_length(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// What was sealed. It is part of the associated data, so that bytes sealed for one purpose never
/// open for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A value, under its data key.
    Value,
    /// A data key, under a version of a KMS key's backing material.
    DataKey,
    /// The backing material of a version of a KMS key, under the root key.
    Material,
    /// A secret access key, under the root key.
    Credential,
    /// What a client had encrypted, under a version of a KMS key's backing material.
    Ciphertext,
    /// A token that a client hands back, under the root key.
    Token,
    /// The root key, under the key of one of its seals, or for one of its recipients.
    RootKey,
    /// The private half of a seal's recipient, under the seal's key.
    Recipient,
    /// Nothing, under the root key: that it vouches for a seal's recipient.
    Voucher,
    /// An older root key, under the present one.
    RetiringRootKey,
}

impl Purpose {
    /// The label in associated data and key derivation. It is at rest: never change one.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Value => "strongroom value",
            Self::DataKey => "strongroom data key",
            Self::Material => "strongroom key material",
            Self::Credential => "strongroom credential",
            Self::Ciphertext => "strongroom ciphertext",
            Self::Token => "strongroom token",
            Self::RootKey => "strongroom root key",
            Self::Recipient => "strongroom seal recipient",
            Self::Voucher => "strongroom seal voucher",
            Self::RetiringRootKey => "strongroom retiring root key",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value => "value",
            Self::DataKey => "data key",
            Self::Material => "key material",
            Self::Credential => "credential",
            Self::Ciphertext => "ciphertext",
            Self::Token => "token",
            Self::RootKey => "root key",
            Self::Recipient => "seal recipient",
            Self::Voucher => "seal voucher",
            Self::RetiringRootKey => "retiring root key",
        })
    }
}

/// Sealed bytes that could not be opened. It says what they were and in general why, never more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed {what} can't be opened: {why}")]
pub struct OpenError {
    /// What the bytes were meant to hold.
    pub what: Purpose,
    /// Why it didn't open.
    pub why: OpenFailure,
}

/// Why sealed bytes didn't open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenFailure {
    /// The bytes are empty, too short, or start with a format byte this version doesn't know.
    #[error(
        "its format is unknown; it is damaged (restore it from a backup) or a newer version of \
         Strongroom wrote it (use that version)"
    )]
    UnknownFormat,
    /// The tag doesn't fit: another key, another context, another purpose, or changed bytes.
    #[error(
        "authentication failed; it was changed, or it belongs to another record or another key: \
         restore the record from a backup, and check that the root key is the one it was sealed \
         under"
    )]
    NotAuthentic,
}

/// A key ready to seal and open. The library zeroes its memory when it is dropped.
pub(crate) struct CipherKey(LessSafeKey);

impl CipherKey {
    pub(crate) fn new(key: &[u8; KEY_LEN]) -> Self {
        #[expect(
            clippy::expect_used,
            reason = "fails for another key length or without memory"
        )]
        let key = UnboundKey::new(&AES_256_GCM, key).expect("a key of 32 bytes");
        Self(LessSafeKey::new(key))
    }

    /// Seals `plaintext` with a fresh nonce.
    pub(crate) fn seal(
        &self,
        purpose: Purpose,
        context: &EncryptionContext,
        plaintext: &[u8],
        entropy: &dyn Entropy,
    ) -> Sealed {
        Sealed(self.seal_after(&[], purpose, context, plaintext, entropy))
    }

    /// As [`Self::seal`], after a header that is in the open: what is sealed is bound to it too.
    pub(crate) fn seal_after(
        &self,
        header: &[u8],
        purpose: Purpose,
        context: &EncryptionContext,
        plaintext: &[u8],
        entropy: &dyn Entropy,
    ) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        let len = header.len() + CIPHERTEXT_START + plaintext.len() + TAG_LEN;
        let mut out = Vec::with_capacity(len);
        out.extend_from_slice(header);
        out.resize(len, 0);
        let sealed = &mut out[header.len()..];
        with_associated_data(purpose, context, header, |associated| {
            self.seal_with_nonce(nonce, associated, plaintext, sealed);
        });
        out
    }

    /// `sealed` is as long as what is sealed will be.
    fn seal_with_nonce(
        &self,
        nonce: [u8; NONCE_LEN],
        associated: &[u8],
        plaintext: &[u8],
        sealed: &mut [u8],
    ) {
        let (head, body) = sealed.split_at_mut(CIPHERTEXT_START);
        let (ciphertext, tag) = body.split_at_mut(plaintext.len());
        head[0] = FORMAT_AES_256_GCM;
        head[1..].copy_from_slice(&nonce);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let aad = Aad::from(associated);
        #[expect(
            clippy::expect_used,
            reason = "fails only for wrong lengths and beyond 64 GiB"
        )]
        self.0
            .seal_out_of_place_scatter(nonce, aad, plaintext, ciphertext, &[], tag)
            .expect("buffers of the right lengths");
    }

    /// Opens what [`seal`](Self::seal) made for the same purpose and context.
    pub(crate) fn open(
        &self,
        purpose: Purpose,
        context: &EncryptionContext,
        sealed: &Sealed,
    ) -> Result<SecretBytes, OpenError> {
        self.open_after(&[], purpose, context, &sealed.0)
    }

    /// Opens what [`seal_after`](Self::seal_after) made; `sealed` is what follows the header.
    pub(crate) fn open_after(
        &self,
        header: &[u8],
        purpose: Purpose,
        context: &EncryptionContext,
        sealed: &[u8],
    ) -> Result<SecretBytes, OpenError> {
        let plaintext_len = sealed.len().saturating_sub(CIPHERTEXT_START + TAG_LEN);
        let mut plaintext = SecretBytes::new(vec![0; plaintext_len]);
        self.open_into(header, purpose, context, sealed, plaintext.expose_mut())?;
        Ok(plaintext)
    }

    /// Opens a sealed key and makes it ready, without its bytes touching the heap.
    pub(crate) fn open_key(
        &self,
        purpose: Purpose,
        context: &EncryptionContext,
        sealed: &Sealed,
    ) -> Result<CipherKey, OpenError> {
        let mut key = zeroize::Zeroizing::new([0; KEY_LEN]);
        self.open_into(&[], purpose, context, &sealed.0, &mut *key)?;
        Ok(CipherKey::new(&key))
    }

    fn open_into(
        &self,
        header: &[u8],
        purpose: Purpose,
        context: &EncryptionContext,
        sealed: &[u8],
        plaintext: &mut [u8],
    ) -> Result<(), OpenError> {
        let failed = |why| OpenError { what: purpose, why };
        let (nonce, ciphertext, tag) = split(sealed).ok_or(failed(OpenFailure::UnknownFormat))?;
        if ciphertext.len() != plaintext.len() {
            return Err(failed(OpenFailure::UnknownFormat));
        }
        with_associated_data(purpose, context, header, |associated| {
            let nonce = Nonce::assume_unique_for_key(nonce);
            self.0
                .open_separate_gather(nonce, Aad::from(associated), ciphertext, tag, plaintext)
        })
        .map_err(|_| failed(OpenFailure::NotAuthentic))
    }
}

/// Nonce, ciphertext and tag, if the format is known and nothing is missing.
fn split(sealed: &[u8]) -> Option<([u8; NONCE_LEN], &[u8], &[u8])> {
    let (&FORMAT_AES_256_GCM, rest) = sealed.split_first()? else {
        return None;
    };
    let (&nonce, rest) = rest.split_first_chunk()?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG_LEN>()?;
    Some((nonce, ciphertext, tag))
}

/// The associated data: the purpose's label with its length before it, the encoded context, and the header. Label
/// and context tell their own length, so the header can't be taken for a part of the context.
fn with_associated_data<R>(
    purpose: Purpose,
    context: &EncryptionContext,
    header: &[u8],
    use_it: impl FnOnce(&[u8]) -> R,
) -> R {
    let label = purpose.label().as_bytes();
    // INVARIANT: a label is shorter than 256 bytes.
    let label_len = [label.len() as u8];
    let parts = [&label_len[..], label, &context.encoded, header];
    let len: usize = parts.iter().map(|part| part.len()).sum();
    if len > ASSOCIATED_DATA_ON_STACK_BYTES_MAX {
        return use_it(&parts.concat());
    }
    let mut stack = [0; ASSOCIATED_DATA_ON_STACK_BYTES_MAX];
    let mut end = 0;
    for part in parts {
        stack[end..end + part.len()].copy_from_slice(part);
        end += part.len();
    }
    use_it(&stack[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededEntropy;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    fn key(byte: u8) -> CipherKey {
        CipherKey::new(&[byte; KEY_LEN])
    }

    fn context() -> EncryptionContext {
        EncryptionContext::of([("SecretARN", "arn:aws:1"), ("SecretVersionId", "v1")])
    }

    #[test]
    fn the_cipher_is_aes_256_gcm() {
        // McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 14 and 16.
        for (key, nonce, associated, plaintext, expected) in [
            (
                "00000000000000000000000000000000 00000000000000000000000000000000",
                "000000000000000000000000",
                "",
                "00000000000000000000000000000000",
                "cea7403d4d606b6e074ec5d3baf39d18 d0d1c8a799996bf0265b98b5d48ab919",
            ),
            (
                "feffe9928665731c6d6a8f9467308308 feffe9928665731c6d6a8f9467308308",
                "cafebabefacedbaddecaf888",
                "feedfacedeadbeeffeedfacedeadbeef abaddad2",
                "d9313225f88406e5a55909c5aff5269a 86a7a9531534f7da2e4c303d8a318a72
                 1c3c0c95956809532fcf0e2449a6b525 b16aedf5aa0de657ba637b39",
                "522dc1f099567d07f47f37a32a84427d 643a8cdcbfe5c0c97598a2bd2555d1aa
                 8cb08e48590dbb3da7b08b1056828838 c5f61e6393ba7a0abcc9f662
                 76fc6ece0f4e1768cddf8853bb2d551b",
            ),
        ] {
            let (nonce, expected) = (bytes(nonce), bytes(expected));
            let mut sealed = vec![0; CIPHERTEXT_START + expected.len()];
            CipherKey::new(&bytes(key).try_into().unwrap()).seal_with_nonce(
                nonce.clone().try_into().unwrap(),
                &bytes(associated),
                &bytes(plaintext),
                &mut sealed,
            );
            assert_eq!(sealed, [&[1][..], &nonce, &expected].concat());
        }
    }

    #[test]
    fn associated_data_is_label_and_context_each_with_its_length_and_the_header() {
        let expected = [
            &b"\x10strongroom value"[..],
            b"\0\0\0\x02",
            b"\0\0\0\x09SecretARN\0\0\0\x09arn:aws:1",
            b"\0\0\0\x0fSecretVersionId\0\0\0\x02v1",
        ]
        .concat();
        for header in [&b""[..], b"header"] {
            with_associated_data(Purpose::Value, &context(), header, |associated| {
                assert_eq!(associated, [&expected, header].concat());
            });
        }
    }

    #[test]
    fn long_contexts_are_bound_from_end_to_end() {
        let entropy = SeededEntropy::new(1);
        let ending =
            |len: usize, end: &str| EncryptionContext::of([("SecretARN", "x".repeat(len) + end)]);
        let around_the_limit =
            ASSOCIATED_DATA_ON_STACK_BYTES_MAX - 60..ASSOCIATED_DATA_ON_STACK_BYTES_MAX + 10;
        for len in around_the_limit {
            let sealed = key(1).seal(Purpose::Value, &ending(len, "a"), b"value", &entropy);
            assert!(
                key(1)
                    .open(Purpose::Value, &ending(len, "a"), &sealed)
                    .is_ok(),
                "{len}"
            );
            assert!(
                key(1)
                    .open(Purpose::Value, &ending(len, "b"), &sealed)
                    .is_err(),
                "{len}"
            );
        }
    }

    #[test]
    fn what_was_sealed_opens_again() {
        let entropy = SeededEntropy::new(1);
        for len in (0..70).chain([1024, 65_536, 1_000_003]) {
            let mut plaintext = vec![0; len];
            entropy.fill(&mut plaintext);
            let sealed = key(1).seal(Purpose::Value, &context(), &plaintext, &entropy);
            assert_eq!(sealed.as_bytes().len(), len + 29);
            let opened = key(1).open(Purpose::Value, &context(), &sealed).unwrap();
            assert_eq!(opened.expose(), plaintext);
        }
    }

    #[test]
    fn sealing_twice_gives_different_bytes() {
        let entropy = SeededEntropy::new(1);
        let seal = || key(1).seal(Purpose::Value, &context(), b"value", &entropy);
        assert_ne!(seal(), seal());
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let sealed = key(1).seal(Purpose::Value, &context(), b"value", &SeededEntropy::new(1));
        for bit in 0..sealed.as_bytes().len() * 8 {
            let mut changed = sealed.as_bytes().to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            let refused = key(1)
                .open(Purpose::Value, &context(), &Sealed::from_bytes(changed))
                .expect_err("a changed bit");
            let why = if bit < 8 {
                OpenFailure::UnknownFormat
            } else {
                OpenFailure::NotAuthentic
            };
            assert_eq!(
                refused,
                OpenError {
                    what: Purpose::Value,
                    why
                },
                "bit {bit}"
            );
        }
    }

    #[test]
    fn a_missing_or_added_byte_is_refused() {
        let sealed = key(1).seal(Purpose::Value, &context(), b"value", &SeededEntropy::new(1));
        let sealed = sealed.as_bytes();
        let cut = (0..sealed.len()).map(|len| sealed[..len].to_vec());
        for changed in cut.chain([[sealed, &[0]].concat()]) {
            let len = changed.len();
            let refused = key(1)
                .open(Purpose::Value, &context(), &Sealed::from_bytes(changed))
                .unwrap_err();
            let why = if len < 29 {
                OpenFailure::UnknownFormat
            } else {
                OpenFailure::NotAuthentic
            };
            assert_eq!(refused.why, why, "{len} bytes");
        }
    }

    #[test]
    fn another_purpose_context_or_key_is_refused() {
        let sealed = key(1).seal(Purpose::Value, &context(), b"value", &SeededEntropy::new(1));
        let other = |pairs: &[(&str, &str)]| EncryptionContext::of(pairs.iter().copied());
        let (arn, version) = (("SecretARN", "arn:aws:1"), ("SecretVersionId", "v1"));
        assert!(
            key(1)
                .open(Purpose::Value, &other(&[arn, version]), &sealed)
                .is_ok()
        );
        for (case, key, purpose, context) in [
            ("another key", key(2), Purpose::Value, context()),
            ("a data key's", key(1), Purpose::DataKey, context()),
            ("material's", key(1), Purpose::Material, context()),
            ("a credential's", key(1), Purpose::Credential, context()),
            ("a token's", key(1), Purpose::Token, context()),
            ("the root key's", key(1), Purpose::RootKey, context()),
            ("nothing", key(1), Purpose::Value, other(&[])),
            ("a pair less", key(1), Purpose::Value, other(&[arn])),
            (
                "a pair more",
                key(1),
                Purpose::Value,
                other(&[arn, version, ("a", "b")]),
            ),
            (
                "another value",
                key(1),
                Purpose::Value,
                other(&[arn, ("SecretVersionId", "v2")]),
            ),
            (
                "another case",
                key(1),
                Purpose::Value,
                other(&[arn, ("SecretVersionId", "V1")]),
            ),
            (
                "another name",
                key(1),
                Purpose::Value,
                other(&[arn, ("SecretVersionID", "v1")]),
            ),
        ] {
            let refused = key.open(purpose, &context, &sealed).expect_err(case);
            assert_eq!(
                refused,
                OpenError {
                    what: purpose,
                    why: OpenFailure::NotAuthentic
                }
            );
        }
    }

    #[test]
    fn a_sealed_key_of_another_length_is_refused() {
        let entropy = SeededEntropy::new(1);
        for len in [0, 31, 33] {
            let sealed = key(1).seal(Purpose::DataKey, &context(), &vec![0; len], &entropy);
            assert!(
                key(1)
                    .open_key(Purpose::DataKey, &context(), &sealed)
                    .is_err(),
                "{len}"
            );
        }
    }

    #[test]
    fn different_contexts_never_encode_alike() {
        let contexts: [&[(&str, &str)]; 9] = [
            &[],
            &[("", "")],
            &[("a", "bc")],
            &[("ab", "c")],
            &[("abc", "")],
            &[("a", "b"), ("c", "")],
            &[("a", ""), ("b", "c")],
            &[("a", "bc"), ("", "")],
            &[("A", "bc")],
        ];
        for (i, one) in contexts.iter().enumerate() {
            for (j, other) in contexts.iter().enumerate() {
                let (one, other) = (
                    EncryptionContext::of(one.to_vec()),
                    EncryptionContext::of(other.to_vec()),
                );
                assert_eq!(one == other, i == j, "{i} {j}");
            }
        }
    }

    #[test]
    fn of_a_name_given_twice_the_last_value_counts() {
        let twice = EncryptionContext::of([("b", "1"), ("a", "1"), ("a", "2"), ("b", "0")]);
        assert_eq!(twice, EncryptionContext::of([("a", "2"), ("b", "0")]));
    }

    #[test]
    fn nothing_prints_content() {
        let sealed = Sealed::from_bytes(vec![1, 2, 3]);
        assert_eq!(format!("{sealed:?}"), "Sealed(3 bytes)");
        let context = EncryptionContext::of([("name", "value")]);
        assert_eq!(format!("{context:?}"), "EncryptionContext(21 bytes)");
        let refused = key(1).open(Purpose::Value, &context, &sealed).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the sealed value can't be opened: its format is unknown; it is damaged (restore it \
             from a backup) or a newer version of Strongroom wrote it (use that version)"
        );
    }

    #[test]
    fn sealed_bytes_survive_text_and_binary_formats() {
        use serde::de::value::{BytesDeserializer, Error};
        let sealed = Sealed::from_bytes(vec![1, 0, 255]);
        let json = serde_json::to_string(&sealed).unwrap();
        assert_eq!(serde_json::from_str::<Sealed>(&json).unwrap(), sealed);
        let binary = BytesDeserializer::<Error>::new(&[1, 0, 255]);
        assert_eq!(Sealed::deserialize(binary).unwrap(), sealed);
    }
}
