//! Split knowledge: a seal's key in shares, of which so many are needed, each to be printed.
//!
//! Shamir's scheme over GF(2^8) with the polynomial of AES: each byte of the key is the value at zero of
//! a random polynomial of degree threshold - 1; a share is its value elsewhere. Fewer shares than the
//! threshold tell nothing of the key.
//!
//! As text a share is ten groups of eight characters (Crockford's base32, where neither I, L, O nor U can
//! be mistaken): four bytes and a check byte each, so that a mistyped character is always found and its group named.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};

use super::seal_key::SealKey;
use crate::{Entropy, SecretBytes};

/// The most shares of one key, and the most that may be needed.
pub const SHARES_MAX: u8 = 32;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const SET_LEN: usize = 4;
const GROUP_DATA_LEN: usize = 4;
const GROUP_CHARACTERS: usize = 8;
const GROUPS: usize = 10;
/// Set, threshold, index, a check byte over all, the share of the key.
const BYTES: usize = SET_LEN + 1 + 1 + 2 + SealKey::LEN;
const _: () = assert!(BYTES == GROUPS * GROUP_DATA_LEN);

/// One share of a key.
#[derive(Debug)]
pub struct Share {
    set: [u8; SET_LEN],
    threshold: u8,
    index: u8,
    value: SecretBytes,
}

/// Why shares give no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShareProblem {
    /// The numbers make no sense.
    #[error(
        "choose at least 2 and at most {SHARES_MAX} shares, of which at least 2 are needed and at most all"
    )]
    Numbers,
    /// The text has the wrong number of groups.
    #[error(
        "a share has {GROUPS} groups of {GROUP_CHARACTERS} characters, this text has {found} characters: copy all of it"
    )]
    Length {
        /// Characters in the text, without hyphens and white space.
        found: usize,
    },
    /// A group isn't what was printed.
    #[error("group {group} of {GROUPS} is mistyped: compare it with the print")]
    Mistyped {
        /// Which, counted from 1.
        group: usize,
    },
    /// Each group is right, but they don't belong together.
    #[error("the groups are of different shares, or in another order: compare them with the print")]
    NotOneShare,
    /// Not all of them were made together.
    #[error(
        "share {index} is of another set than the first one: use shares that were made together"
    )]
    OtherSet {
        /// The share's number.
        index: u8,
    },
    /// One was given twice.
    #[error("share {index} was given twice: {given} different ones are there, {needed} are needed")]
    Twice {
        /// The share's number.
        index: u8,
        /// How many different ones there are.
        given: usize,
        /// How many are needed.
        needed: u8,
    },
    /// There are too few.
    #[error("{given} shares are there, {needed} are needed: ask another holder")]
    TooFew {
        /// How many there are.
        given: usize,
        /// How many are needed.
        needed: u8,
    },
}

impl Share {
    /// Reads a share's text; hyphens, white space and letter case don't matter.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &SecretBytes) -> Result<Self, ShareProblem> {
        let significant = |byte: &&u8| !byte.is_ascii_whitespace() && **byte != b'-';
        let characters: Vec<u8> = text.expose().iter().filter(significant).copied().collect();
        let characters = SecretBytes::new(characters);
        if characters.len() != GROUPS * GROUP_CHARACTERS {
            return Err(ShareProblem::Length {
                found: characters.len(),
            });
        }
        let mut bytes = SecretBytes::new(vec![0; BYTES]);
        let groups = characters.expose().chunks_exact(GROUP_CHARACTERS);
        let places = bytes.expose_mut().chunks_exact_mut(GROUP_DATA_LEN);
        for (index, (group, place)) in groups.zip(places).enumerate() {
            let mistyped = ShareProblem::Mistyped { group: index + 1 };
            let decoded = group
                .iter()
                .try_fold(0_u64, |number, character| {
                    Some((number << 5) | u64::from(digit(*character)?))
                })
                .ok_or(mistyped.clone())?;
            let [.., a, b, c, d, check] = decoded.to_be_bytes();
            place.copy_from_slice(&[a, b, c, d]);
            if check != group_check(index, place) {
                return Err(mistyped);
            }
        }
        let (head, value) = bytes.expose().split_at(SET_LEN + 4);
        let share = Share {
            set: [head[0], head[1], head[2], head[3]],
            threshold: head[4],
            index: head[5],
            value: SecretBytes::copy_of(value),
        };
        if [head[6], head[7]] != share.check() || share.index == 0 || share.threshold < 2 {
            return Err(ShareProblem::NotOneShare);
        }
        Ok(share)
    }

    /// The share's text, to be printed.
    #[must_use]
    pub fn to_text(&self) -> SecretBytes {
        let mut whole = Vec::with_capacity(BYTES);
        whole.extend(self.set);
        whole.extend([self.threshold, self.index]);
        whole.extend(self.check());
        whole.extend_from_slice(self.value.expose());
        let bytes = SecretBytes::new(whole);
        let mut text = Vec::with_capacity(GROUPS * (GROUP_CHARACTERS + 1));
        for (index, group) in bytes.expose().chunks_exact(GROUP_DATA_LEN).enumerate() {
            if index > 0 {
                text.push(b'-');
            }
            let check = group_check(index, group);
            let number = group
                .iter()
                .chain([&check])
                .fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
            for place in (0..GROUP_CHARACTERS).rev() {
                let digit = (number >> (5 * place)) & 31;
                text.push(ALPHABET[usize::try_from(digit).unwrap_or_default()]);
            }
        }
        SecretBytes::new(text)
    }

    /// Which share it is, counted from 1.
    #[must_use]
    pub fn index(&self) -> u8 {
        self.index
    }

    fn check(&self) -> [u8; 2] {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.extend(self.set);
        bytes.extend([self.threshold, self.index]);
        bytes.extend_from_slice(self.value.expose());
        let hashed = digest(&SHA256, SecretBytes::new(bytes).expose());
        [hashed.as_ref()[0], hashed.as_ref()[1]]
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "share {}", self.index)
    }
}

/// Splits a key.
pub(super) fn split(
    key: &SealKey,
    threshold: u8,
    shares: u8,
    entropy: &dyn Entropy,
) -> Result<Vec<Share>, ShareProblem> {
    if !(2..=SHARES_MAX).contains(&shares) || !(2..=shares).contains(&threshold) {
        return Err(ShareProblem::Numbers);
    }
    let mut set = [0; SET_LEN];
    entropy.fill(&mut set);
    let degree = usize::from(threshold) - 1;
    let mut coefficients = SecretBytes::new(vec![0; degree * SealKey::LEN]);
    entropy.fill(coefficients.expose_mut());
    let share = |index: u8| {
        let value = key.bytes().iter().enumerate().map(|(at, secret)| {
            let own = &coefficients.expose()[at * degree..(at + 1) * degree];
            // Horner's rule, from the highest power down to the secret itself.
            own.iter().fold(0, |sum, each| multiply(sum ^ each, index)) ^ secret
        });
        Share {
            set,
            threshold,
            index,
            value: SecretBytes::new(value.collect()),
        }
    };
    Ok((1..=shares).map(share).collect())
}

/// Puts a key together.
pub(super) fn join(shares: &[Share]) -> Result<SealKey, ShareProblem> {
    let Some(first) = shares.first() else {
        return Err(ShareProblem::TooFew {
            given: 0,
            needed: 2,
        });
    };
    let needed = first.threshold;
    let mut chosen: Vec<&Share> = Vec::new();
    for share in shares {
        if share.set != first.set || share.threshold != needed {
            return Err(ShareProblem::OtherSet { index: share.index });
        }
        if chosen.iter().all(|earlier| earlier.index != share.index) {
            chosen.push(share);
        }
    }
    let given = chosen.len();
    if given < usize::from(needed) {
        return Err(match shares.len() - given {
            0 => ShareProblem::TooFew { given, needed },
            _ => ShareProblem::Twice {
                index: shares[shares.len() - 1].index,
                given,
                needed,
            },
        });
    }
    chosen.truncate(usize::from(needed));
    SealKey::filled_by(|key| {
        for (at, byte) in key.iter_mut().enumerate() {
            *byte = chosen.iter().fold(0, |sum, share| {
                sum ^ multiply(share.value.expose()[at], weight(share.index, &chosen))
            });
        }
        Ok(())
    })
}

/// What a share counts for at zero: Lagrange's basis.
fn weight(index: u8, chosen: &[&Share]) -> u8 {
    let others = chosen
        .iter()
        .map(|share| share.index)
        .filter(|it| *it != index);
    others.fold(1, |product, other| {
        multiply(product, multiply(other, inverse(other ^ index)))
    })
}

/// In GF(2^8), without branches or tables that depend on the numbers.
fn multiply(a: u8, b: u8) -> u8 {
    let (mut a, mut product) = (a, 0);
    for bit in 0..8 {
        product ^= a & 0_u8.wrapping_sub((b >> bit) & 1);
        a = (a << 1) ^ (0x1b & 0_u8.wrapping_sub(a >> 7));
    }
    product
}

/// a^254, which is 1/a.
fn inverse(a: u8) -> u8 {
    let (mut power, mut product) = (a, 1);
    for _ in 0..7 {
        power = multiply(power, power);
        product = multiply(product, power);
    }
    product
}

/// The CRC-8 of a group's number and its bytes (polynomial x^8 + x^2 + x + 1): one wrong character changes at most five
/// bits in a row, which no CRC of eight bits misses.
fn group_check(index: usize, data: &[u8]) -> u8 {
    let index = u8::try_from(index).unwrap_or_default();
    data.iter()
        .fold(shifted(index), |check, byte| shifted(check ^ byte))
}

/// A byte times x^8, modulo the polynomial of [`group_check`]; without branches that depend on it.
fn shifted(byte: u8) -> u8 {
    (0..8).fold(byte, |byte, _| {
        (byte << 1) ^ (0x07 & 0_u8.wrapping_sub(byte >> 7))
    })
}

fn digit(character: u8) -> Option<u8> {
    let character = match character.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    let found = ALPHABET.iter().position(|known| *known == character)?;
    u8::try_from(found).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededEntropy;

    fn shares(threshold: u8, count: u8) -> (SealKey, Vec<Share>) {
        let entropy = SeededEntropy::new(11);
        let key = SealKey::generate(&entropy);
        let shares = split(&key, threshold, count, &entropy).unwrap();
        (key, shares)
    }

    fn copies(shares: &[Share], chosen: &[usize]) -> Vec<Share> {
        let copy = |index: &usize| Share::parse(&shares[*index].to_text()).unwrap();
        chosen.iter().map(copy).collect()
    }

    #[test]
    fn multiplication_is_that_of_aes() {
        // FIPS 197, section 4.2.
        assert_eq!(multiply(0x57, 0x83), 0xc1);
        assert_eq!(multiply(0x57, 0x13), 0xfe);
        for a in 1..=255 {
            assert_eq!(multiply(a, inverse(a)), 1, "{a}");
        }
    }

    #[test]
    fn any_three_of_five_give_the_key_and_two_do_not() {
        let (key, shares) = shares(3, 5);
        for chosen in [[0, 1, 2], [4, 2, 0], [1, 3, 4], [2, 3, 4]] {
            let joined = join(&copies(&shares, &chosen)).unwrap();
            assert_eq!(joined.bytes(), key.bytes(), "{chosen:?}");
        }
        let all = join(&copies(&shares, &[0, 1, 2, 3, 4])).unwrap();
        assert_eq!(all.bytes(), key.bytes());
        let problem = |chosen: &[usize]| join(&copies(&shares, chosen)).err().unwrap();
        let (given, needed) = (2, 3);
        assert_eq!(problem(&[1, 4]), ShareProblem::TooFew { given, needed });
        let index = 2;
        assert_eq!(
            problem(&[0, 1, 1]),
            ShareProblem::Twice {
                index,
                given,
                needed
            }
        );
    }

    #[test]
    fn fewer_shares_than_needed_fit_every_key() {
        let (_, shares) = shares(2, 2);
        // For each value of the key's first byte there is a second share that gives it.
        let first = copies(&shares, &[0]).remove(0);
        let mut seen = std::collections::BTreeSet::new();
        for byte in 0..=255 {
            let mut value = vec![0; SealKey::LEN];
            value[0] = byte;
            let other = Share {
                index: 2,
                value: SecretBytes::new(value),
                ..copies(&shares, &[1]).remove(0)
            };
            let pair = [copies(&shares, &[0]).remove(0), other];
            seen.insert(join(&pair).unwrap().bytes()[0]);
        }
        assert_eq!(seen.len(), 256, "share {first} alone says something");
    }

    #[test]
    fn shares_of_two_sets_are_told_apart() {
        let (_, one) = shares(2, 3);
        let entropy = SeededEntropy::new(12);
        let other = split(&SealKey::generate(&entropy), 2, 3, &entropy).unwrap();
        let mixed = [copies(&one, &[0]).remove(0), copies(&other, &[1]).remove(0)];
        assert_eq!(
            join(&mixed).err(),
            Some(ShareProblem::OtherSet { index: 2 })
        );
    }

    #[test]
    fn a_mistyped_character_is_found_and_its_group_named() {
        let (_, shares) = shares(2, 2);
        let text = String::from_utf8(shares[0].to_text().expose().to_vec()).unwrap();
        assert_eq!(text.split('-').count(), GROUPS);
        let parse = |text: &str| Share::parse(&SecretBytes::copy_of(text.as_bytes()));
        assert!(parse(&text.to_lowercase().replace('-', " ")).is_ok());
        assert!(parse(&text.replace('0', "o").replace('1', "l")).is_ok());
        for at in 0..text.len() {
            let old = text.as_bytes()[at];
            if old == b'-' {
                continue;
            }
            let group = at / (GROUP_CHARACTERS + 1) + 1;
            let others = ALPHABET.iter().filter(|other| **other != old);
            for new in others.map(|other| char::from(*other)) {
                let changed = format!("{}{new}{}", &text[..at], &text[at + 1..]);
                assert_eq!(
                    parse(&changed).err(),
                    Some(ShareProblem::Mistyped { group })
                );
            }
        }
        assert!(matches!(
            parse(&text[9..]),
            Err(ShareProblem::Length { found: 72 })
        ));
        let mut groups: Vec<&str> = text.split('-').collect();
        groups.swap(3, 4);
        assert!(parse(&groups.join("-")).is_err());
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        let entropy = SeededEntropy::new(1);
        let key = SealKey::generate(&entropy);
        for (threshold, count) in [(1, 3), (0, 0), (4, 3), (2, 33), (1, 1)] {
            let refused = split(&key, threshold, count, &entropy).err();
            assert_eq!(
                refused,
                Some(ShareProblem::Numbers),
                "{threshold} of {count}"
            );
        }
    }
}
