//! The hash that chains everything: SHA-256.

use std::fmt;

use aws_lc_rs::digest::{Context, Digest, SHA256, digest};
use data_encoding::HEXLOWER;

/// Bytes of a [`Hash`].
pub(crate) const HASH_BYTES: usize = 32;

/// A SHA-256, written in hexadecimal.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; HASH_BYTES]);

impl Hash {
    /// What the first record of a log is chained to.
    pub const ZERO: Self = Self([0; HASH_BYTES]);

    /// Reads what `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self(
            HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()?,
        ))
    }

    /// The hash in the first 32 of these bytes.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut hash = [0; HASH_BYTES];
        hash.copy_from_slice(&bytes[..HASH_BYTES]);
        Self(hash)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

/// The hash of these bytes, which lie together.
pub(crate) fn hash_of(bytes: &[u8]) -> Hash {
    taken(&digest(&SHA256, bytes))
}

/// The hash of these parts, one after another.
pub(crate) fn sha256(parts: &[&[u8]]) -> Hash {
    let mut hasher = Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finish()
}

/// A hash under way.
pub(crate) struct Hasher(Context);

impl Hasher {
    pub(crate) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Hash {
        taken(&self.0.finish())
    }
}

fn taken(digest: &Digest) -> Hash {
    Hash::read(digest.as_ref())
}
