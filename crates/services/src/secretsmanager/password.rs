//! Passwords that nobody can predict: what they are made of, and drawing them.
//!
//! Source: reference/api.md §6.22.

use strongroom_keys::Entropy;

use super::refusals;
use crate::refusal::Refusal;

/// Characters of a password that asks for no other length.
pub(crate) const LENGTH_DEFAULT: usize = 32;
/// Most characters of a password.
pub(crate) const LENGTH_MAX: usize = 4096;
const LOWERCASE: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPERCASE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const NUMBERS: &str = "0123456789";
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// What a password is made of, with GetRandomPassword's members.
pub(crate) struct PasswordRules {
    pub(crate) length: usize,
    pub(crate) excluded_characters: String,
    pub(crate) exclude_numbers: bool,
    pub(crate) exclude_punctuation: bool,
    pub(crate) exclude_uppercase: bool,
    pub(crate) exclude_lowercase: bool,
    pub(crate) include_space: bool,
    pub(crate) require_each_included_type: bool,
}

/// The characters that a password is drawn from.
struct Alphabets {
    /// One of each of these must be in it.
    required: Vec<Vec<u8>>,
    all: Vec<u8>,
}

impl PasswordRules {
    /// Whether any password keeps to them.
    ///
    /// # Refusals
    /// `InvalidParameterException`
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        self.alphabets().map(|_| ())
    }

    /// A password.
    ///
    /// # Refusals
    /// `InvalidParameterException` where none keeps to the rules.
    pub(crate) fn password(&self, entropy: &dyn Entropy) -> Result<Vec<u8>, Refusal> {
        let Alphabets { required, all } = self.alphabets()?;
        let mut password = Vec::with_capacity(self.length);
        for characters in &required {
            password.extend(draw(characters, 1, entropy));
        }
        password.extend(draw(&all, self.length - password.len(), entropy));
        shuffle(&mut password, entropy);
        Ok(password)
    }

    fn alphabets(&self) -> Result<Alphabets, Refusal> {
        let types: Vec<Vec<u8>> = [
            (self.exclude_lowercase, LOWERCASE),
            (self.exclude_uppercase, UPPERCASE),
            (self.exclude_numbers, NUMBERS),
            (self.exclude_punctuation, PUNCTUATION),
        ]
        .iter()
        .filter(|(excluded, _)| !excluded)
        .map(|(_, characters)| self.without_excluded(characters))
        .collect();
        let mut all: Vec<u8> = types.concat();
        if self.include_space {
            all.extend(self.without_excluded(" "));
        }
        if all.is_empty() {
            return Err(refusals::invalid_parameter(
                "The request excludes every character, so no password can be made.",
            ));
        }
        if !self.require_each_included_type {
            let required = Vec::new();
            return Ok(Alphabets { required, all });
        }
        if self.length < types.len() {
            return Err(refusals::invalid_parameter(
                "Password length is too short based on the required types.",
            ));
        }
        if types.iter().any(Vec::is_empty) {
            return Err(refusals::invalid_parameter(
                "ExcludeCharacters leaves no character of a type that the password must include.",
            ));
        }
        let required = types;
        Ok(Alphabets { required, all })
    }

    fn without_excluded(&self, characters: &str) -> Vec<u8> {
        characters
            .bytes()
            .filter(|byte| !self.excluded_characters.contains(char::from(*byte)))
            .collect()
    }
}

/// Draws `count` characters, each of the alphabet's as likely as the next.
pub(super) fn draw(alphabet: &[u8], count: usize, entropy: &dyn Entropy) -> Vec<u8> {
    let mut drawn = Vec::with_capacity(count);
    while drawn.len() < count {
        let index = below(alphabet.len(), entropy);
        drawn.extend(alphabet.get(index));
    }
    drawn
}

/// Puts characters into an order of which each is equally likely (Fisher and Yates).
fn shuffle(characters: &mut [u8], entropy: &dyn Entropy) {
    for last in (1..characters.len()).rev() {
        characters.swap(last, below(last + 1, entropy));
    }
}

/// A number below `bound`, which is at most 65,536: draws that would favour some are drawn again.
fn below(bound: usize, entropy: &dyn Entropy) -> usize {
    let fair = 65_536 - 65_536 % bound.max(1);
    loop {
        let mut random = [0; 2];
        entropy.fill(&mut random);
        let number = usize::from(u16::from_le_bytes(random));
        if number < fair {
            return number % bound.max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use strongroom_keys::SeededEntropy;

    use super::*;

    fn of(change: impl FnOnce(&mut PasswordRules)) -> Result<String, Refusal> {
        let mut rules = PasswordRules {
            length: LENGTH_DEFAULT,
            excluded_characters: String::new(),
            exclude_numbers: false,
            exclude_punctuation: false,
            exclude_uppercase: false,
            exclude_lowercase: false,
            include_space: false,
            require_each_included_type: true,
        };
        change(&mut rules);
        let password = rules.password(&SeededEntropy::new(7))?;
        Ok(String::from_utf8(password).expect("ASCII"))
    }

    #[test]
    fn a_password_has_each_included_type_and_no_excluded_character() {
        let password = of(|rules| rules.length = 4).unwrap();
        for alphabet in [LOWERCASE, UPPERCASE, NUMBERS, PUNCTUATION] {
            assert!(password.contains(|c| alphabet.contains(c)), "{password}");
        }
        let digits = of(|rules| {
            rules.length = 4096;
            (rules.exclude_lowercase, rules.exclude_uppercase) = (true, true);
            rules.exclude_punctuation = true;
            rules.excluded_characters = "01".to_owned();
        })
        .unwrap();
        assert_eq!(digits.len(), 4096);
        assert!(digits.chars().all(|c| "23456789".contains(c)));
    }

    #[test]
    fn a_password_that_cannot_be_made_is_refused() {
        assert!(of(|rules| rules.length = 3).is_err());
        assert!(of(|rules| rules.excluded_characters = NUMBERS.to_owned()).is_err());
        assert!(
            of(|rules| {
                (rules.exclude_lowercase, rules.exclude_uppercase) = (true, true);
                (rules.exclude_numbers, rules.exclude_punctuation) = (true, true);
            })
            .is_err()
        );
    }

    #[test]
    fn spaces_come_only_where_they_are_asked_for() {
        let spaced = of(|rules| {
            rules.length = 4096;
            rules.include_space = true;
        });
        assert!(spaced.unwrap().contains(' '));
        assert!(!of(|rules| rules.length = 4096).unwrap().contains(' '));
    }

    #[test]
    fn every_character_is_about_as_likely_as_the_next() {
        let drawn = draw(b"abc", 30_000, &SeededEntropy::new(1));
        for letter in b"abc" {
            let count = drawn.iter().filter(|byte| *byte == letter).count();
            assert!((9_500..=10_500).contains(&count), "{count}");
        }
    }
}
