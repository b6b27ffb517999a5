//! GetRandomPassword: a password that no request can predict.
//!
//! Source: reference/api.md §6.22.

use serde::Serialize;
use strongroom_keys::{Entropy, SecretBytes};

use super::access;
use super::refusals;
use crate::caller::Caller;
use crate::disclosed::Disclosed;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::{Refusal, Stop};

const LENGTH_DEFAULT: usize = 32;
const LOWERCASE: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPERCASE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const NUMBERS: &str = "0123456789";
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// The request.
pub struct GetRandomPassword {
    length: usize,
    excluded_characters: String,
    exclude_numbers: bool,
    exclude_punctuation: bool,
    exclude_uppercase: bool,
    exclude_lowercase: bool,
    include_space: bool,
    require_each_included_type: bool,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RandomPassword {
    random_password: Disclosed,
}

impl Operation for GetRandomPassword {
    const NAME: &'static str = "GetRandomPassword";
    type Output = RandomPassword;

    fn read(members: &mut Members<'_, '_>) -> Self {
        const EXCLUDE_CHARACTERS: Text = Text::of(0..=4096);
        let length = members.integer("PasswordLength", 1..=4096);
        GetRandomPassword {
            length: length
                .and_then(|it| usize::try_from(it).ok())
                .unwrap_or(LENGTH_DEFAULT),
            excluded_characters: members
                .text("ExcludeCharacters", &EXCLUDE_CHARACTERS)
                .unwrap_or_default(),
            exclude_numbers: members.flag("ExcludeNumbers").unwrap_or(false),
            exclude_punctuation: members.flag("ExcludePunctuation").unwrap_or(false),
            exclude_uppercase: members.flag("ExcludeUppercase").unwrap_or(false),
            exclude_lowercase: members.flag("ExcludeLowercase").unwrap_or(false),
            include_space: members.flag("IncludeSpace").unwrap_or(false),
            require_each_included_type: members.flag("RequireEachIncludedType").unwrap_or(true),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        access::need_on_account("secretsmanager:GetRandomPassword", caller)
    }

    fn decide(
        allowed: Authorized<Self>,
        _: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<RandomPassword>, Stop> {
        let password = allowed.into_request().password(given.entropy)?;
        let random_password = Disclosed::Text(SecretBytes::new(password));
        Ok(Decided::answer(RandomPassword { random_password }))
    }
}

impl GetRandomPassword {
    fn password(&self, entropy: &dyn Entropy) -> Result<Vec<u8>, Refusal> {
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
        let mut password = Vec::with_capacity(self.length);
        if self.require_each_included_type {
            if self.length < types.len() {
                return Err(refusals::invalid_parameter(
                    "Password length is too short based on the required types.",
                ));
            }
            for characters in &types {
                if characters.is_empty() {
                    return Err(refusals::invalid_parameter(
                        "ExcludeCharacters leaves no character of a type that the password must \
                         include.",
                    ));
                }
                password.extend(draw(characters, 1, entropy));
            }
        }
        password.extend(draw(&all, self.length - password.len(), entropy));
        shuffle(&mut password, entropy);
        Ok(password)
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

    fn of(change: impl FnOnce(&mut GetRandomPassword)) -> Result<String, Refusal> {
        let mut request =
            crate::input::read(b"{}", GetRandomPassword::read).expect("defaults are valid");
        change(&mut request);
        let password = request.password(&SeededEntropy::new(7))?;
        Ok(String::from_utf8(password).expect("ASCII"))
    }

    #[test]
    fn a_password_has_each_included_type_and_no_excluded_character() {
        let password = of(|request| request.length = 4).unwrap();
        for alphabet in [LOWERCASE, UPPERCASE, NUMBERS, PUNCTUATION] {
            assert!(password.contains(|c| alphabet.contains(c)), "{password}");
        }
        let digits = of(|request| {
            request.length = 4096;
            (request.exclude_lowercase, request.exclude_uppercase) = (true, true);
            request.exclude_punctuation = true;
            request.excluded_characters = "01".to_owned();
        })
        .unwrap();
        assert_eq!(digits.len(), 4096);
        assert!(digits.chars().all(|c| "23456789".contains(c)));
    }

    #[test]
    fn a_password_that_cannot_be_made_is_refused() {
        assert!(of(|request| request.length = 3).is_err());
        assert!(of(|request| request.excluded_characters = NUMBERS.to_owned()).is_err());
        assert!(
            of(|request| {
                (request.exclude_lowercase, request.exclude_uppercase) = (true, true);
                (request.exclude_numbers, request.exclude_punctuation) = (true, true);
            })
            .is_err()
        );
    }

    #[test]
    fn spaces_come_only_where_they_are_asked_for() {
        let spaced = of(|request| {
            request.length = 4096;
            request.include_space = true;
        });
        assert!(spaced.unwrap().contains(' '));
        assert!(!of(|request| request.length = 4096).unwrap().contains(' '));
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
