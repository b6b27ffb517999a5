//! Hashing without building strings: small pieces are gathered on the stack, since each call of the hash has a price.

use aws_lc_rs::{digest, hmac};

/// What takes bytes piece by piece.
pub(super) trait Absorb {
    fn absorb(&mut self, bytes: &[u8]);
}

/// A way to hash: all at once, or piece by piece, which costs a context on the heap.
pub(super) trait Hash {
    type Begun;

    fn whole(&self, bytes: &[u8]) -> Hex;
    fn begin(&self) -> Self::Begun;
    fn update(begun: &mut Self::Begun, bytes: &[u8]);
    fn end(begun: Self::Begun) -> Hex;
}

/// SHA-256.
pub(super) struct Sha256;

impl Hash for Sha256 {
    type Begun = digest::Context;

    fn whole(&self, bytes: &[u8]) -> Hex {
        sha256(bytes)
    }

    fn begin(&self) -> digest::Context {
        digest::Context::new(&digest::SHA256)
    }

    fn update(begun: &mut digest::Context, bytes: &[u8]) {
        begun.update(bytes);
    }

    fn end(begun: digest::Context) -> Hex {
        hex(begun.finish().as_ref())
    }
}

impl Hash for &hmac::Key {
    type Begun = hmac::Context;

    fn whole(&self, bytes: &[u8]) -> Hex {
        hex(hmac::sign(self, bytes).as_ref())
    }

    fn begin(&self) -> hmac::Context {
        hmac::Context::with_key(self)
    }

    fn update(begun: &mut hmac::Context, bytes: &[u8]) {
        begun.update(bytes);
    }

    fn end(begun: hmac::Context) -> Hex {
        hex(begun.sign().as_ref())
    }
}

/// Gathers small pieces before the hash sees them; usually that is all of them.
pub(super) struct Buffered<H: Hash> {
    hash: H,
    begun: Option<H::Begun>,
    buffer: [u8; BUFFER_LENGTH],
    filled: usize,
}

impl<H: Hash> Buffered<H> {
    pub(super) fn new(hash: H) -> Self {
        Self {
            hash,
            begun: None,
            buffer: [0; BUFFER_LENGTH],
            filled: 0,
        }
    }

    /// The hash of everything.
    pub(super) fn finish(self) -> Hex {
        let left = &self.buffer[..self.filled];
        match self.begun {
            None => self.hash.whole(left),
            Some(mut begun) => {
                H::update(&mut begun, left);
                H::end(begun)
            }
        }
    }
}

impl<H: Hash> Absorb for Buffered<H> {
    fn absorb(&mut self, bytes: &[u8]) {
        if bytes.len() > BUFFER_LENGTH - self.filled {
            let begun = self.begun.get_or_insert_with(|| self.hash.begin());
            H::update(begun, &self.buffer[..self.filled]);
            self.filled = 0;
            if bytes.len() > BUFFER_LENGTH {
                return H::update(begun, bytes);
            }
        }
        self.buffer[self.filled..self.filled + bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
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
                    let mut buffered = Buffered::new(Sha256);
                    buffered.absorb(&whole[..first]);
                    buffered.absorb(&whole[first..first + second]);
                    buffered.absorb(&whole[first + second..]);
                    assert_eq!(
                        buffered.finish(),
                        sha256(&whole),
                        "{first} {second} {third}"
                    );
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
