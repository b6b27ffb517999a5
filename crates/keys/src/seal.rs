//! The root key at rest. It is random; each seal keeps it wrapped under a key of its own, and any
//! one seal opens it.
//!
//! This module reads and writes the seal file and key files, nothing else; the paths come from the
//! caller, as do passphrases: it reads neither the environment nor a terminal. A further kind of
//! seal (a hardware module, another KMS, several key holders) is one more [`SealSource`], one more
//! `Lock` in the file, and the way from the two to the seal's key; callers stay as they are.
//!
//! ```
//! use strongroom_keys::seal::{self, SealFile, SealSource};
//! use strongroom_keys::SystemEntropy;
//!
//! # let folder = tempfile::tempdir()?;
//! let sources = [SealSource::KeyFile(folder.path().join("root.key"))];
//! let (root, sealed) = seal::create(&sources, &SystemEntropy)?;
//! sealed.write_new(&folder.path().join("seal.json"))?;
//!
//! let sealed = SealFile::read(&folder.path().join("seal.json"))?;
//! assert_eq!(seal::unseal(&sealed, &sources)?.id(), root.id());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod file;
mod key_file;
mod passphrase;
mod seal_key;

use std::fmt;
use std::path::PathBuf;

use self::file::{Lock, Seal};
pub use self::file::{SealFile, SealFileError, SealFileProblem};
pub use self::key_file::KeyFileProblem;
use self::passphrase::Cost;
pub use self::passphrase::{PASSPHRASE_CHARACTERS_MIN, PassphraseProblem};
use self::seal_key::SealKey;
use crate::{Entropy, RootKey, Sealed, SecretBytes};

/// Where the key of a seal comes from.
#[derive(Debug)]
pub enum SealSource {
    /// A file with 32 random bytes as base64 text, readable by its owner alone.
    KeyFile(PathBuf),
    /// Something a person remembers, at least [`PASSPHRASE_CHARACTERS_MIN`] characters. Line ends
    /// after it don't count.
    Passphrase(SecretBytes),
    /// A systemd credential with the same content as a key file.
    SystemdCredential {
        /// The value of `$CREDENTIALS_DIRECTORY`, which systemd sets for the service.
        directory: PathBuf,
        /// The credential's name in the unit file.
        name: String,
    },
}

impl fmt::Display for SealSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyFile(path) => write!(f, "key file {}", path.display()),
            Self::Passphrase(_) => f.write_str("passphrase"),
            Self::SystemdCredential { name, .. } => write!(f, "systemd credential {name:?}"),
        }
    }
}

/// Makes a root key and seals it once for each source.
///
/// A key file that doesn't exist is made; one that does is used as it is. Each passphrase takes a
/// good part of a second of computing and 64 MiB.
///
/// # Errors
/// If there is no source, or one can't be used. A key file made until then stays, and is used the
/// next time.
pub fn create(
    sources: &[SealSource],
    entropy: &dyn Entropy,
) -> Result<(RootKey, SealFile), CreateSealError> {
    let root = RootKey::generate(entropy);
    let seals = sources
        .iter()
        .map(|source| {
            seal_for(source, &root, entropy).map_err(|problem| CreateSealError::Source {
                name: source.to_string(),
                problem,
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let file = SealFile::new(root.id(), seals).ok_or(CreateSealError::NumberOfSources)?;
    Ok((root, file))
}

fn seal_for(
    source: &SealSource,
    root: &RootKey,
    entropy: &dyn Entropy,
) -> Result<Seal, SourceProblem> {
    let (lock, key) = match source {
        SealSource::KeyFile(path) => (Lock::KeyFile, key_file::read_or_create(path, entropy)?),
        SealSource::SystemdCredential { directory, name } => (
            Lock::SystemdCredential,
            key_file::read_credential(directory, name)?,
        ),
        SealSource::Passphrase(passphrase) => {
            passphrase::check_length(passphrase)?;
            let cost = Cost::recommended(entropy);
            let key = passphrase::stretch(passphrase, &cost)?;
            (Lock::Passphrase(cost), key)
        }
    };
    let sealed_root_key = key.seal(root, lock.label(), entropy).as_bytes().to_vec();
    Ok(Seal {
        lock,
        key_id: key.id(),
        sealed_root_key,
    })
}

/// Opens the root key with the first source that can.
///
/// Each passphrase takes a good part of a second of computing and 64 MiB, once for every passphrase
/// seal in the file.
///
/// # Errors
/// If none of the sources opens it; the error says for each one why, and what to do.
pub fn unseal(file: &SealFile, sources: &[SealSource]) -> Result<RootKey, UnsealError> {
    let mut attempts = Vec::new();
    for source in sources {
        match unseal_with(source, file) {
            Ok(root) => return Ok(root),
            Err(problem) => attempts.push(Attempt {
                source: source.to_string(),
                problem,
            }),
        }
    }
    Err(UnsealError {
        seals: file.kinds(),
        attempts,
    })
}

fn unseal_with(source: &SealSource, file: &SealFile) -> Result<RootKey, UnsealProblem> {
    match source {
        SealSource::KeyFile(path) => open_with_key(file, &key_file::read(path)?),
        SealSource::SystemdCredential { directory, name } => {
            open_with_key(file, &key_file::read_credential(directory, name)?)
        }
        SealSource::Passphrase(passphrase) => open_with_passphrase(file, passphrase),
    }
}

/// The same key may stand in a key file today and in a credential tomorrow, so it opens either.
fn open_with_key(file: &SealFile, key: &SealKey) -> Result<RootKey, UnsealProblem> {
    let mut found = false;
    for seal in file.seals() {
        match seal.lock {
            Lock::KeyFile | Lock::SystemdCredential => found = true,
            Lock::Passphrase(_) => continue,
        }
        if seal.key_id == key.id() {
            return open_seal(file, seal, key);
        }
    }
    Err(if found {
        UnsealProblem::WrongKey
    } else {
        UnsealProblem::NoSuchSeal
    })
}

fn open_with_passphrase(
    file: &SealFile,
    passphrase: &SecretBytes,
) -> Result<RootKey, UnsealProblem> {
    let mut found = false;
    for seal in file.seals() {
        let Lock::Passphrase(cost) = &seal.lock else {
            continue;
        };
        found = true;
        let key = passphrase::stretch(passphrase, cost)?;
        if seal.key_id == key.id() {
            return open_seal(file, seal, &key);
        }
    }
    Err(if found {
        UnsealProblem::WrongPassphrase
    } else {
        UnsealProblem::NoSuchSeal
    })
}

fn open_seal(file: &SealFile, seal: &Seal, key: &SealKey) -> Result<RootKey, UnsealProblem> {
    let sealed = Sealed::from_bytes(seal.sealed_root_key.clone());
    key.open(&sealed, file.root_key_id(), seal.lock.label())
        .ok_or(UnsealProblem::DamagedSeal)
}

/// Why a source gives no key.
#[derive(Debug, thiserror::Error)]
pub enum SourceProblem {
    /// The key file or credential can't be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileProblem),
    /// The passphrase can't be used.
    #[error(transparent)]
    Passphrase(#[from] PassphraseProblem),
}

/// No root key was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateSealError {
    /// A root key must have a seal, else it would be lost at once; and not too many.
    #[error(
        "name 1 to {} sources to seal the root key with: a key file, a passphrase or a systemd \
         credential",
        file::SEALS_MAX
    )]
    NumberOfSources,
    /// One of the sources can't be used.
    #[error("{name}: {problem}")]
    Source {
        /// Which one, in words.
        name: String,
        /// Why, and what to do.
        problem: SourceProblem,
    },
}

/// No source opened the root key.
#[derive(Debug)]
pub struct UnsealError {
    /// The kinds of seals in the seal file, in words.
    pub seals: Vec<&'static str>,
    /// What was tried, in that order.
    pub attempts: Vec<Attempt>,
}

impl std::error::Error for UnsealError {}

impl fmt::Display for UnsealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seals = self.seals.join(", ");
        match self.attempts.as_slice() {
            [] => write!(f, "the root key is sealed; give one of: {seals}"),
            [only] => write!(
                f,
                "the root key stays sealed: {only} (sealed with: {seals})"
            ),
            several => {
                write!(f, "the root key stays sealed (with: {seals}); tried:")?;
                several
                    .iter()
                    .try_for_each(|attempt| write!(f, "\n- {attempt}"))
            }
        }
    }
}

/// One source that didn't open the root key.
#[derive(Debug)]
pub struct Attempt {
    /// Which one, in words.
    pub source: String,
    /// Why, and what to do.
    pub problem: UnsealProblem,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.problem)
    }
}

/// Why a source didn't open the root key.
#[derive(Debug, thiserror::Error)]
pub enum UnsealProblem {
    /// The source itself gives no key.
    #[error(transparent)]
    Source(SourceProblem),
    /// The seal file has no seal for this kind of source.
    #[error("the seal file has no seal of this kind; use one that it has")]
    NoSuchSeal,
    /// A well-formed key, of another seal.
    #[error(
        "this key belongs to another root key; use the key that was made together with this data, \
         or the data that belongs to this key"
    )]
    WrongKey,
    /// The passphrase opens no seal.
    #[error("the passphrase is wrong; check capitals and keyboard layout, and try again")]
    WrongPassphrase,
    /// The source is right, but the sealed root key doesn't open.
    #[error("the key is right, but the seal was changed; restore the seal file from a backup")]
    DamagedSeal,
}

impl<P: Into<SourceProblem>> From<P> for UnsealProblem {
    fn from(problem: P) -> Self {
        Self::Source(problem.into())
    }
}

#[cfg(test)]
mod tests;
