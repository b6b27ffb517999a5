//! Hashing without building strings: small pieces are gathered on the stack, since each call of the hash has a price.

use aws_lc_rs::{digest, hmac};

/// What takes bytes piece by piece.
pub(super) trait Absorb {
    fn absorb(&mut self, bytes: &[u8]);
}

impl Absorb for digest::Context {
    fn absorb(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

impl Absorb for hmac::Context {
    fn absorb(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

/// Gathers small pieces before the hash sees them.
pub(super) struct Buffered<A> {
    inner: A,
    buffer: [u8; BUFFER_LENGTH],
    filled: usize,
}

impl<A: Absorb> Buffered<A> {
    pub(super) fn new(inner: A) -> Self {
        Self {
            inner,
            buffer: [0; BUFFER_LENGTH],
            filled: 0,
        }
    }

    /// Hands over what is left and gives the hash back.
    pub(super) fn finish(mut self) -> A {
        self.flush();
        self.inner
    }

    fn flush(&mut self) {
        self.inner.absorb(&self.buffer[..self.filled]);
        self.filled = 0;
    }
}

impl<A: Absorb> Absorb for Buffered<A> {
    fn absorb(&mut self, bytes: &[u8]) {
        if bytes.len() > BUFFER_LENGTH - self.filled {
            self.flush();
        }
        if bytes.len() > BUFFER_LENGTH {
            self.inner.absorb(bytes);
        } else {
            self.buffer[self.filled..self.filled + bytes.len()].copy_from_slice(bytes);
            self.filled += bytes.len();
        }
    }
}

/// 32 bytes as lower-case hexadecimal digits.
pub(super) type Hex = [u8; 64];

/// Writes the first 32 bytes as digits; where there are fewer, zeros follow.
pub(super) fn hex(bytes: &[u8]) -> Hex {
    let mut digits = [b'0'; 64];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0x0f)];
    }
    digits
}

/// The SHA-256 of bytes that lie in one piece.
pub(super) fn sha256(bytes: &[u8]) -> Hex {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";
/// Room for a usual request's line and headers.
const BUFFER_LENGTH: usize = 512;
