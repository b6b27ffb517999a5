//! One-time passwords by the clock, as authenticator applications make them: HMAC-SHA-1, 30 seconds, 6 digits.
//!
//! Source: RFC 6238; RFC 4226, section 5.3. SHA-1 is what those applications have, and its weakness, collisions, is none
//! in an HMAC.

use std::ops::RangeInclusive;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;

use crate::{Entropy, SecretBytes};

/// How long a code is shown, in seconds.
pub const STEP_SECONDS: i64 = 30;
/// Bytes of a seed: without padding in Base32.
const SEED_BYTES: usize = 40;
const CODE_DIGITS: usize = 6;

/// What a device and the server share.
#[derive(Debug)]
pub struct Seed(SecretBytes);

impl Seed {
    /// A fresh one.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = SecretBytes::new(vec![0; SEED_BYTES]);
        entropy.fill(bytes.expose_mut());
        Seed(bytes)
    }

    /// One that was opened.
    pub fn from_bytes(bytes: SecretBytes) -> Self {
        Seed(bytes)
    }

    /// Its bytes, for sealing them.
    pub fn bytes(&self) -> &SecretBytes {
        &self.0
    }

    /// As people type it into a device: 64 letters and digits of Base32.
    pub fn text(&self) -> SecretBytes {
        SecretBytes::new(BASE32_NOPAD.encode(self.0.expose()).into_bytes())
    }

    /// Which of these steps a code is of; `None`: of none of them. How long it takes says nothing of which.
    pub fn step_of(&self, code: &str, steps: RangeInclusive<i64>) -> Option<i64> {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.0.expose());
        let mut found = None;
        for step in steps {
            let expected = code_of(&key, step);
            if verify_slices_are_equal(expected.as_bytes(), code.as_bytes()).is_ok() {
                found = Some(step);
            }
        }
        found
    }

    /// The code of a step; what the device shows.
    pub fn code(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.0.expose());
        code_of(&key, step)
    }
}

/// The step that an instant lies in, in seconds since 1970.
pub fn step_at(seconds: i64) -> i64 {
    seconds.div_euclid(STEP_SECONDS)
}

fn code_of(key: &hmac::Key, step: i64) -> String {
    let digest = hmac::sign(key, &step.to_be_bytes());
    let digest = digest.as_ref();
    let at = usize::from(digest.last().copied().unwrap_or_default() & 0xf);
    let part = digest.get(at..at + 4).unwrap_or_default();
    let number = part
        .iter()
        .fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    let number = (number & 0x7fff_ffff) % 10_u32.pow(CODE_DIGITS as u32);
    format!("{number:0CODE_DIGITS$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededEntropy;

    /// RFC 6238, appendix B, whose codes have two digits more in front.
    #[test]
    fn the_codes_of_the_standard_come_out() {
        let seed = Seed::from_bytes(SecretBytes::copy_of(b"12345678901234567890"));
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = step_at(seconds);
            assert_eq!(seed.code(step), code);
            assert_eq!(seed.step_of(code, step - 1..=step + 1), Some(step));
            assert_eq!(seed.step_of(code, step + 1..=step + 3), None);
        }
    }

    #[test]
    fn a_code_of_another_form_is_of_no_step() {
        let seed = Seed::generate(&SeededEntropy::new(1));
        for wrong in ["", "1", "1234567", "abcdef"] {
            assert_eq!(seed.step_of(wrong, 0..=10), None);
        }
        assert_eq!(seed.text().len(), 64);
    }
}
