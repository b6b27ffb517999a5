//! From a passphrase to the key of a seal, slowly: Argon2id.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::seal_key::SealKey;
use crate::{Entropy, SecretBytes};

/// The least number of characters in a new passphrase.
///
/// Source: NIST SP 800-63B-4, section 3.1.1.2, where a password is the only factor.
pub const PASSPHRASE_CHARACTERS_MIN: usize = 15;

const SALT_LEN: usize = 16;

/// What stretching costs, with the salt; kept in the seal, so that newer seals may cost more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    #[serde(with = "super::file::base64_text")]
    salt: Vec<u8>,
}

impl Cost {
    /// 64 MiB and 3 passes, as in the second recommended option of RFC 9106 (section 4), three
    /// times the memory and passes that OWASP asks for (Password Storage Cheat Sheet: 19 MiB, 2).
    /// One lane instead of 4: a server that starts has one core to spare, and more lanes would
    /// help only an attacker who has more.
    pub(super) fn recommended(entropy: &dyn Entropy) -> Self {
        let mut salt = vec![0; SALT_LEN];
        entropy.fill(&mut salt);
        Self {
            memory_kib: 64 * 1024,
            passes: 3,
            lanes: 1,
            salt,
        }
    }

    /// Whether this version could have written it, or one that asks for more within reason: a
    /// changed file must not make the server take all the memory or hang.
    pub(super) fn is_reasonable(&self) -> bool {
        (8 * 1024..=1024 * 1024).contains(&self.memory_kib)
            && (1..=16).contains(&self.passes)
            && (1..=16).contains(&self.lanes)
            && self.salt.len() == SALT_LEN
    }
}

/// Why a passphrase can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseProblem {
    /// Short enough to be guessed by whoever gets hold of a backup.
    #[error(
        "a passphrase of {characters} characters can be guessed; use at least \
         {PASSPHRASE_CHARACTERS_MIN}, such as five random words"
    )]
    TooShort {
        /// How many it has.
        characters: usize,
    },
    /// The memory that makes guessing expensive isn't there.
    #[error("checking a passphrase takes {memory_mib} MiB of memory; free some and try again")]
    OutOfMemory {
        /// How much is needed.
        memory_mib: u32,
    },
}

/// Refuses a new passphrase that is too short. One that isn't UTF-8 is counted in bytes.
pub(super) fn check_length(passphrase: &SecretBytes) -> Result<(), PassphraseProblem> {
    let passphrase = without_line_ends(passphrase.expose());
    let characters = match str::from_utf8(passphrase) {
        Ok(text) => text.chars().count(),
        Err(_) => passphrase.len(),
    };
    if characters < PASSPHRASE_CHARACTERS_MIN {
        return Err(PassphraseProblem::TooShort { characters });
    }
    Ok(())
}

/// Derives the seal's key. `cost` must be reasonable.
pub(super) fn stretch(passphrase: &SecretBytes, cost: &Cost) -> Result<SealKey, PassphraseProblem> {
    let out_of_memory = PassphraseProblem::OutOfMemory {
        memory_mib: cost.memory_kib / 1024,
    };
    #[expect(
        clippy::expect_used,
        reason = "is_reasonable allows only what Argon2 allows"
    )]
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(SealKey::LEN))
        .expect("a reasonable cost");
    let mut memory = Zeroizing::new(Vec::new());
    memory
        .try_reserve_exact(params.block_count())
        .map_err(|_| out_of_memory)?;
    memory.resize(params.block_count(), Block::default());

    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    SealKey::filled_by(|key| {
        argon2
            .hash_password_into_with_memory(
                without_line_ends(passphrase.expose()),
                &cost.salt,
                key,
                &mut memory[..],
            )
            .map_err(|_| out_of_memory)
    })
}

/// A passphrase from a file or a pipe often ends in a line end that nobody typed.
fn without_line_ends(passphrase: &[u8]) -> &[u8] {
    let end = passphrase
        .iter()
        .rposition(|byte| !matches!(byte, b'\r' | b'\n'));
    &passphrase[..end.map_or(0, |last| last + 1)]
}
