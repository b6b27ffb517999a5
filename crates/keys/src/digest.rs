//! The hash by which bytes are known.

use aws_lc_rs::digest;

/// The SHA-256 hash.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    // INVARIANT: SHA-256 has 32 bytes.
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}
