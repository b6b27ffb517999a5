//! Who signs: Ed25519 keys, their ids, and what a signature is over.
//!
//! It may not know where a key rests.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use data_encoding::{BASE64, HEXLOWER};

use crate::Hash;
use crate::hash::sha256;

/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;

/// What is signed, so that a signature over one thing is none over another.
#[derive(Copy, Clone, Debug)]
pub(crate) enum Purpose {
    Head,
    Digest,
    NextKey,
}

impl Purpose {
    /// What stands before the bytes that are signed.
    fn label(self) -> &'static [u8] {
        match self {
            Self::Head => b"strongroom audit head\0",
            Self::Digest => b"strongroom audit digest\0",
            Self::NextKey => b"strongroom audit next key\0",
        }
    }
}

/// The key that signs heads and digests. It doesn't print itself.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// The key of this seed.
    ///
    /// Returns nothing where the seed makes no key, which Ed25519 has no example of.
    pub fn from_seed(seed: &[u8; 32]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let bytes = pair.public_key().as_ref().try_into().ok()?;
        Some(Self {
            pair,
            public: PublicKey { bytes },
        })
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    pub(crate) fn sign(&self, purpose: Purpose, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        let signature = self.pair.sign(&[purpose.label(), message].concat());
        let mut bytes = [0; SIGNATURE_BYTES];
        // Ed25519 has signatures of one length.
        bytes.copy_from_slice(signature.as_ref());
        bytes
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.id())
    }
}

/// The public half of a [`SigningKey`]: whoever has it can verify the log.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey {
    /// As Ed25519 encodes it (RFC 8032).
    pub bytes: [u8; 32],
}

impl PublicKey {
    /// Reads what [`Self::to_base64`] wrote.
    pub fn from_base64(text: &str) -> Option<Self> {
        let bytes = BASE64.decode(text.as_bytes()).ok()?.try_into().ok()?;
        Some(Self { bytes })
    }

    /// The 32 bytes as base64 with padding.
    pub fn to_base64(self) -> String {
        BASE64.encode(&self.bytes)
    }

    /// Names it.
    pub fn id(self) -> KeyId {
        let Hash(hash) = sha256(&[&self.bytes]);
        let mut id = [0; 8];
        id.copy_from_slice(&hash[..8]);
        KeyId(id)
    }

    pub(crate) fn verifies(self, purpose: Purpose, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.bytes)
            .verify(&[purpose.label(), message].concat(), signature)
            .is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.to_base64())
    }
}

/// Names a [`PublicKey`]: the first 8 bytes of its SHA-256, written in hexadecimal.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 8]);

impl KeyId {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(Self(
            HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()?,
        ))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}
