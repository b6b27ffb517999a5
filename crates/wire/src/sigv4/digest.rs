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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_length_hash_as_the_whole() {
        let lengths = [
            0,
            1,
            BUFFER_LENGTH - 1,
            BUFFER_LENGTH,
            BUFFER_LENGTH + 1,
            3 * BUFFER_LENGTH,
        ];
        for first in lengths {
            for second in lengths {
                for third in lengths {
                    let whole: Vec<u8> = (0..first + second + third)
                        .map(|index| index as u8)
                        .collect();
                    let mut buffered = Buffered::new(digest::Context::new(&digest::SHA256));
                    buffered.absorb(&whole[..first]);
                    buffered.absorb(&whole[first..first + second]);
                    buffered.absorb(&whole[first + second..]);
                    let hash = hex(buffered.finish().finish().as_ref());
                    assert_eq!(hash, sha256(&whole), "{first} {second} {third}");
                }
            }
        }
    }

    #[test]
    fn the_hash_of_nothing_is_the_published_one() {
        let digits = sha256(b"");
        assert_eq!(
            digits,
            *b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
