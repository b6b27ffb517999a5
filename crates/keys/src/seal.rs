//! The root key at rest. It is random; each seal keeps it wrapped under a key of its own, and any
//! one seal opens it.
//!
//! This module reads and writes the seal file and key files, nothing else; the paths come from the
//! caller, as do passphrases and shares: it reads neither the environment nor a terminal, and knows
//! no network and no hardware: those are [`SealDevice`]s.
//!
//! Each seal has a key pair: the private half is sealed under the seal's key, the root key for the
//! public half. So a new root key can be given to all seals while none of their sources is there.
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
//! assert_eq!(seal::unseal(&sealed, &sources)?.root.id(), root.id());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod file;
mod key_file;
mod passphrase;
mod recipient;
mod seal_key;
mod shares;

use std::fmt;
use std::path::PathBuf;

use self::file::{DeviceLock, Lock, Recipient, Retiring, Seal, ShareNumbers};
pub use self::file::{ListedSeal, SealFile, SealFileError, SealFileProblem};
pub use self::key_file::KeyFileProblem;
use self::passphrase::Cost;
pub use self::passphrase::{PASSPHRASE_CHARACTERS_MIN, PassphraseProblem};
use self::seal_key::SealKey;
pub use self::shares::{SHARES_MAX, Share, ShareProblem};
use crate::cipher::{EncryptionContext, Purpose};
use crate::keyring::derived_key;
use crate::{Entropy, RootKey, RootKeyId, Sealed, SecretBytes};

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
    /// Recovery shares, as many as are needed.
    Shares(Vec<Share>),
    /// Something outside of this process that keeps a key: a hardware token, another KMS.
    Device(Box<dyn SealDevice>),
}

/// Something outside of this process that wraps a seal's key and gives it back.
pub trait SealDevice: fmt::Debug + Send + Sync {
    /// Which kind of device it is, in words. It is at rest, so never changed.
    fn kind(&self) -> &'static str;

    /// Which device and which key, for people.
    fn name(&self) -> String;

    /// Wraps a key of 32 bytes.
    ///
    /// # Errors
    /// Why it can't, and what to do.
    fn wrap(&self, key: &SecretBytes) -> Result<Vec<u8>, DeviceProblem>;

    /// Gives back what [`wrap`](Self::wrap) wrapped.
    ///
    /// # Errors
    /// Why it can't, and what to do.
    fn unwrap(&self, wrapped: &[u8]) -> Result<SecretBytes, DeviceProblem>;
}

/// Why a device gave no key.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct DeviceProblem {
    /// What is wrong, and what to do.
    pub message: String,
    /// What it is a problem of.
    pub kind: DeviceProblemKind,
}

/// What a device's problem is a problem of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceProblemKind {
    /// The device, for now: a network that is down, a service that starts. It may go away by itself.
    Passing,
    /// The device, until someone does something about it: a wrong PIN.
    Lasting,
    /// The seal alone, which this device doesn't open; it may open another.
    OtherSeal,
}

impl fmt::Display for SealSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyFile(path) => write!(f, "key file {}", path.display()),
            Self::Passphrase(_) => f.write_str("passphrase"),
            Self::SystemdCredential { name, .. } => write!(f, "systemd credential {name:?}"),
            Self::Shares(shares) => write!(f, "{} recovery shares", shares.len()),
            Self::Device(device) => write!(f, "{} {}", device.kind(), device.name()),
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
        SealSource::Shares(_) => return Err(SourceProblem::SharesAreMade),
        SealSource::Device(device) => {
            let key = SealKey::generate(entropy);
            let wrapped_key = device.wrap(&SecretBytes::copy_of(key.bytes()))?;
            let lock = DeviceLock {
                kind: device.kind().to_owned(),
                name: device.name(),
                wrapped_key,
            };
            (Lock::Device(lock), key)
        }
    };
    seal_with(lock, &key, root, entropy)
}

/// A seal with a recipient of its own, so that it can be given a new root key without its source.
fn seal_with(
    lock: Lock,
    key: &SealKey,
    root: &RootKey,
    entropy: &dyn Entropy,
) -> Result<Seal, SourceProblem> {
    let (public_key, private) = recipient::generate(entropy).ok_or(SourceProblem::Library)?;
    let sealed_private_key = key.seal_private(&private, lock.label(), entropy);
    let sealed_root_key =
        recipient::seal(root, &public_key, lock.label(), entropy).ok_or(SourceProblem::Library)?;
    let voucher = recipient::vouch(root, &public_key, lock.label(), entropy);
    Ok(Seal {
        key_id: key.id(),
        recipient: Recipient {
            voucher,
            public_key,
            sealed_private_key: sealed_private_key.as_bytes().to_vec(),
        },
        sealed_root_key,
        lock,
    })
}

/// The root keys that a seal file holds, opened.
#[derive(Debug)]
pub struct Unsealed {
    /// The present root key.
    pub root: RootKey,
    /// Older ones under which something may still be sealed, newest first.
    pub retiring: Vec<RootKey>,
    /// What was tried before something opened it, and why it didn't: to be looked into before it is
    /// needed.
    pub failed: Vec<Attempt>,
}

impl SealFile {
    /// The file with one more seal. `root` is what [`unseal`] gave.
    ///
    /// # Errors
    /// If the source can't be used, or there are too many seals.
    pub fn with_seal(
        &self,
        source: &SealSource,
        root: &RootKey,
        entropy: &dyn Entropy,
    ) -> Result<Self, CreateSealError> {
        self.check_root_key(root)?;
        let seal = seal_for(source, root, entropy).map_err(|problem| CreateSealError::Source {
            name: source.to_string(),
            problem,
        })?;
        self.with(seal)
    }

    /// The file with one more seal, whose key is split: with the shares, to be printed and handed out.
    ///
    /// # Errors
    /// If the numbers make no sense, or there are too many seals.
    pub fn with_shares(
        &self,
        threshold: u8,
        shares: u8,
        root: &RootKey,
        entropy: &dyn Entropy,
    ) -> Result<(Self, Vec<Share>), CreateSealError> {
        self.check_root_key(root)?;
        let failed = |problem: SourceProblem| CreateSealError::Source {
            name: "recovery shares".to_owned(),
            problem,
        };
        let key = SealKey::generate(entropy);
        let made = shares::split(&key, threshold, shares, entropy)
            .map_err(|problem| failed(problem.into()))?;
        let lock = Lock::Shares(ShareNumbers { threshold, shares });
        let seal = seal_with(lock, &key, root, entropy).map_err(failed)?;
        Ok((self.with(seal)?, made))
    }

    /// The file without the seal of that name; `None` where there is none, or it is the last.
    #[must_use]
    pub fn without(&self, name: &str) -> Option<Self> {
        let kept: Vec<Seal> = self
            .seals()
            .iter()
            .filter(|seal| seal.name() != name)
            .cloned()
            .collect();
        let is_one_less = kept.len() + 1 == self.seals().len();
        Self::new(self.root_key_id(), kept)
            .filter(|_| is_one_less)
            .map(|file| file.with_retiring(self.retiring().to_vec()))
    }

    /// The file with a new root key in each of its seals, none of which need be there for it; the one
    /// until now retires.
    ///
    /// # Errors
    /// [`RenewProblem`]
    pub fn renewed(
        &self,
        until_now: &RootKey,
        new: &RootKey,
        entropy: &dyn Entropy,
    ) -> Result<Self, RenewProblem> {
        if until_now.id() != self.root_key_id() {
            return Err(RenewProblem::OtherRootKey);
        }
        if !self.retiring().is_empty() {
            return Err(RenewProblem::Unfinished);
        }
        let renew = |seal: &Seal| {
            let recipient = &seal.recipient;
            let (public, lock) = (&recipient.public_key, seal.lock.label());
            if !recipient::is_vouched_for(until_now, public, lock, &recipient.voucher) {
                return Err(RenewProblem::NotVouchedFor {
                    name: seal.name(),
                    kind: seal.lock.described(),
                });
            }
            Ok(Seal {
                sealed_root_key: recipient::seal(new, public, lock, entropy)
                    .ok_or(RenewProblem::Library)?,
                recipient: Recipient {
                    voucher: recipient::vouch(new, public, lock, entropy),
                    ..recipient.clone()
                },
                ..seal.clone()
            })
        };
        let seals = self
            .seals()
            .iter()
            .map(renew)
            .collect::<Result<Vec<_>, _>>()?;
        let retiring = Retiring {
            root_key_id: until_now.id(),
            sealed: derived_key(new.bytes().expose(), Purpose::RetiringRootKey)
                .seal(
                    Purpose::RetiringRootKey,
                    &retiring_context(until_now.id()),
                    until_now.bytes().expose(),
                    entropy,
                )
                .as_bytes()
                .to_vec(),
        };
        let file = Self::new(new.id(), seals).ok_or(RenewProblem::Library)?;
        Ok(file.with_retiring(vec![retiring]))
    }

    /// The file without its retiring root keys: nothing is sealed under them any more.
    #[must_use]
    pub fn settled(&self) -> Self {
        self.clone().with_retiring(Vec::new())
    }

    /// A seal of another root key in this file would open nothing.
    fn check_root_key(&self, root: &RootKey) -> Result<(), CreateSealError> {
        match root.id() == self.root_key_id() {
            true => Ok(()),
            false => Err(CreateSealError::OtherRootKey),
        }
    }

    fn with(&self, seal: Seal) -> Result<Self, CreateSealError> {
        if self.seals().iter().any(|other| other.key_id == seal.key_id) {
            return Err(CreateSealError::AlreadyThere { name: seal.name() });
        }
        let mut seals = self.seals().to_vec();
        seals.push(seal);
        Self::new(self.root_key_id(), seals)
            .map(|file| file.with_retiring(self.retiring().to_vec()))
            .ok_or(CreateSealError::NumberOfSources)
    }
}

/// Why a root key was not renewed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenewProblem {
    /// The file is of another root key than the one in use.
    #[error("the seal file holds another root key than the one in use: restore it from a backup")]
    OtherRootKey,
    /// The renewal before isn't at its end.
    #[error(
        "the last renewal is still going on; see `strongroom keys status`, and try again when it is \
         done"
    )]
    Unfinished,
    /// Someone without the root key put a recipient into the file.
    #[error(
        "seal {name} ({kind}) was not made with this root key: someone changed the seal file, and would be given the \
         new root key; find out who, put a copy of the file from before in its place, or remove the seal with \
         `strongroom keys seal remove {name}`"
    )]
    NotVouchedFor {
        /// Which.
        name: String,
        /// What opens it.
        kind: String,
    },
    /// The library failed.
    #[error("the cryptographic library failed")]
    Library,
}

fn retiring_context(id: RootKeyId) -> EncryptionContext {
    EncryptionContext::of([("RootKeyId", id.to_string())])
}

/// Opens the root key with the first source that can.
///
/// Each passphrase takes a good part of a second of computing and 64 MiB, once for every passphrase
/// seal in the file.
///
/// # Errors
/// If none of the sources opens it; the error says for each one why, and what to do.
pub fn unseal(file: &SealFile, sources: &[SealSource]) -> Result<Unsealed, UnsealError> {
    let mut attempts = Vec::new();
    for source in sources {
        match unseal_with(source, file).and_then(|root| with_retiring(file, root)) {
            Ok((root, retiring)) => {
                return Ok(Unsealed {
                    root,
                    retiring,
                    failed: attempts,
                });
            }
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

fn with_retiring(file: &SealFile, root: RootKey) -> Result<(RootKey, Vec<RootKey>), UnsealProblem> {
    let key = derived_key(root.bytes().expose(), Purpose::RetiringRootKey);
    let open = |older: &Retiring| {
        let context = retiring_context(older.root_key_id);
        let sealed = Sealed::from_bytes(older.sealed.clone());
        let bytes = key.open(Purpose::RetiringRootKey, &context, &sealed);
        let opened = bytes.ok().and_then(RootKey::from_bytes);
        opened.ok_or(UnsealProblem::DamagedSeal)
    };
    let retiring = file.retiring().iter().map(open).collect::<Result<_, _>>()?;
    Ok((root, retiring))
}

fn unseal_with(source: &SealSource, file: &SealFile) -> Result<RootKey, UnsealProblem> {
    match source {
        SealSource::KeyFile(path) => open_with_key(file, &key_file::read(path)?, is_of_a_key),
        SealSource::SystemdCredential { directory, name } => {
            let key = key_file::read_credential(directory, name)?;
            open_with_key(file, &key, is_of_a_key)
        }
        SealSource::Passphrase(passphrase) => open_with_passphrase(file, passphrase),
        SealSource::Shares(shares) => open_with_key(file, &shares::join(shares)?, |lock| {
            matches!(lock, Lock::Shares(_))
        }),
        SealSource::Device(device) => open_with_device(file, &**device),
    }
}

/// The same key may stand in a key file today and in a credential tomorrow, so it opens either.
fn is_of_a_key(lock: &Lock) -> bool {
    matches!(lock, Lock::KeyFile | Lock::SystemdCredential)
}

fn open_with_key(
    file: &SealFile,
    key: &SealKey,
    is_candidate: fn(&Lock) -> bool,
) -> Result<RootKey, UnsealProblem> {
    let mut found = false;
    for seal in file.seals().iter().filter(|seal| is_candidate(&seal.lock)) {
        found = true;
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

/// The first seal of its kind that the device can unwrap; of several problems, the last one's. A device
/// that can't be used isn't tried for another seal: a wrong PIN would be tried again, and tokens lock
/// themselves.
fn open_with_device(file: &SealFile, device: &dyn SealDevice) -> Result<RootKey, UnsealProblem> {
    let mut outcome = Err(UnsealProblem::NoSuchSeal);
    for seal in file.seals() {
        let Lock::Device(lock) = &seal.lock else {
            continue;
        };
        if lock.kind != device.kind() {
            continue;
        }
        outcome = match device.unwrap(&lock.wrapped_key) {
            Err(problem) if problem.kind != DeviceProblemKind::OtherSeal => {
                return Err(problem.into());
            }
            Err(problem) => Err(problem.into()),
            Ok(bytes) => match SealKey::from_secret(&bytes) {
                Some(key) if key.id() == seal.key_id => open_seal(file, seal, &key),
                _ => Err(UnsealProblem::WrongKey),
            },
        };
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn open_seal(file: &SealFile, seal: &Seal, key: &SealKey) -> Result<RootKey, UnsealProblem> {
    let lock = seal.lock.label();
    let private = Sealed::from_bytes(seal.recipient.sealed_private_key.clone());
    let opened = key.open_private(&private, lock).and_then(|private| {
        let public = &seal.recipient.public_key;
        let whole = &seal.sealed_root_key;
        recipient::open(whole, public, &private, file.root_key_id(), lock)
    });
    opened
        .filter(|root| root.id() == file.root_key_id())
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
    /// The shares can't be used.
    #[error(transparent)]
    Shares(#[from] ShareProblem),
    /// The device gives no key.
    #[error(transparent)]
    Device(#[from] DeviceProblem),
    /// Shares come from a seal, not the other way round.
    #[error("recovery shares are made with `strongroom keys seal shares`, not given")]
    SharesAreMade,
    /// The library failed.
    #[error("the cryptographic library failed")]
    Library,
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
    /// A new root key was taken into use since this one was opened.
    #[error("another root key was taken into use meanwhile; try again")]
    OtherRootKey,
    /// The same key opens a seal already.
    #[error("seal {name} is of the same key already")]
    AlreadyThere {
        /// Which one.
        name: String,
    },
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
    pub seals: Vec<String>,
    /// What was tried, in that order.
    pub attempts: Vec<Attempt>,
}

impl UnsealProblem {
    /// Whether it may go away by itself. Others aren't worth another try, and a wrong PIN must not have one:
    /// tokens lock themselves.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Source(SourceProblem::Device(device)) if device.kind == DeviceProblemKind::Passing)
    }
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
