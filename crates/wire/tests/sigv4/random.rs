//! Numbers that a seed decides: SplitMix64 (Steele, Lea, Flood 2014).

use std::hash::{BuildHasher, Hasher, RandomState};

/// A sequence of numbers that belongs to a seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// A number below `limit`, which is small: the bias doesn't matter to tests.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit.max(1) as u64) as usize
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// The seed of a run: what `STRONGROOM_SEED` says, else another each time.
pub(crate) fn seed() -> u64 {
    setting("STRONGROOM_SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish())
}

/// A number from the environment; text that is no number is a mistake.
pub(crate) fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} must be a number, not '{text}'")),
    )
}
