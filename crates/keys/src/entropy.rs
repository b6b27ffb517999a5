//! Where fresh random bytes come from. Nothing else in this crate makes any, so that a test can
//! fix them.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest::{Context, SHA256, SHA256_OUTPUT_LEN};

/// A source of random bytes for keys, nonces and salts.
///
/// It can't fail: a caller has no sensible way on without randomness.
pub trait Entropy: Send + Sync {
    /// Overwrites all of `out` with fresh bytes.
    fn fill(&self, out: &mut [u8]);
}

/// The operating system's randomness, through the cryptographic library's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    /// # Panics
    /// When the operating system gives no random bytes. To go on would mean guessable keys.
    fn fill(&self, out: &mut [u8]) {
        let filled = aws_lc_rs::rand::fill(out);
        assert!(
            filled.is_ok(),
            "the operating system gives no random bytes; no key can be made safely"
        );
    }
}

/// The same bytes for the same seed, for tests and simulated histories.
///
/// **Never for production**: whoever knows the seed, 64 bits that can be guessed, knows every key.
///
/// Calls from several threads get different bytes; which thread gets which depends on their order.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: u64,
    next_block: AtomicU64,
}

impl SeededEntropy {
    /// Starts the sequence that belongs to `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            next_block: AtomicU64::new(0),
        }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) {
        let blocks = out.len().div_ceil(SHA256_OUTPUT_LEN) as u64;
        let first_block = self.next_block.fetch_add(blocks, Ordering::Relaxed);
        for (block, chunk) in (first_block..).zip(out.chunks_mut(SHA256_OUTPUT_LEN)) {
            let mut hash = Context::new(&SHA256);
            hash.update(&self.seed.to_be_bytes());
            hash.update(&block.to_be_bytes());
            chunk.copy_from_slice(&hash.finish().as_ref()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(entropy: &dyn Entropy) -> [u8; 50] {
        let mut out = [0; 50];
        entropy.fill(&mut out);
        out
    }

    #[test]
    fn system_entropy_differs_each_time() {
        assert_ne!(draw(&SystemEntropy), draw(&SystemEntropy));
    }

    #[test]
    fn a_seed_gives_the_same_sequence_again() {
        let (one, other) = (SeededEntropy::new(7), SeededEntropy::new(7));
        assert_eq!((draw(&one), draw(&one)), (draw(&other), draw(&other)));
    }

    #[test]
    fn no_bytes_of_a_sequence_repeat() {
        let entropy = SeededEntropy::new(7);
        let (first, second) = (draw(&entropy), draw(&entropy));
        assert_ne!(first[..32], second[..32]);
        assert_ne!(first[..18], first[32..]);
    }

    #[test]
    fn another_seed_gives_another_sequence() {
        assert_ne!(draw(&SeededEntropy::new(7)), draw(&SeededEntropy::new(8)));
    }
}
