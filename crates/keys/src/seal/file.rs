//! The seal file: which root key this is, and its seals, as JSON. The format is in
//! `docs/formats.md`.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::passphrase::Cost;
use super::seal_key::SealKeyId;
use crate::{RootKeyId, durable_file};

/// The most seals that a file may have: each passphrase costs time for each of its seals.
pub(super) const SEALS_MAX: usize = 16;

/// The format that this version writes. A new kind of seal raises it.
const FORMAT: u32 = 1;
const ABOUT: &str = "The sealed root key of a Strongroom server; all its data depends on it. Keep \
                     a copy with each backup, and what opens it elsewhere. Don't edit.";

/// The seal file: it names one root key and keeps it, sealed at least once.
///
/// Nothing in it is secret, but where there is a passphrase seal, whoever has the file can try
/// passphrases.
#[derive(Debug, Clone)]
pub struct SealFile {
    root_key_id: RootKeyId,
    /// INVARIANT: 1 to `SEALS_MAX`, all costs reasonable.
    seals: Vec<Seal>,
    /// Older root keys under which something may still be sealed, newest first.
    retiring: Vec<Retiring>,
}

/// An older root key, sealed under the present one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Retiring {
    pub(super) root_key_id: RootKeyId,
    #[serde(with = "base64_text")]
    pub(super) sealed: Vec<u8>,
}

/// The root key, sealed in one way.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seal {
    pub(super) lock: Lock,
    #[serde(with = "base64_text")]
    pub(super) key_id: SealKeyId,
    /// For whom the root key is sealed.
    pub(super) recipient: Recipient,
    #[serde(with = "base64_text")]
    pub(super) sealed_root_key: Vec<u8>,
}

/// A seal's key pair, the private half sealed under the seal's key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recipient {
    #[serde(with = "base64_text")]
    pub(super) public_key: Vec<u8>,
    #[serde(with = "base64_text")]
    pub(super) sealed_private_key: Vec<u8>,
    /// That whoever made the root key of the file made this recipient too, or was told to take it.
    #[serde(with = "base64_text")]
    pub(super) voucher: Vec<u8>,
}

impl Seal {
    /// A short name for people, which tells the seals of a file apart.
    pub(super) fn name(&self) -> String {
        let hex = |byte: &u8| format!("{byte:02x}");
        self.key_id.iter().take(4).map(hex).collect()
    }
}

/// What opens a seal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Lock {
    KeyFile,
    SystemdCredential,
    Passphrase(Cost),
    Shares(ShareNumbers),
    Device(DeviceLock),
}

/// How many shares there are, and how many are needed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShareNumbers {
    pub(super) threshold: u8,
    pub(super) shares: u8,
}

/// A seal's key that a device keeps wrapped.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeviceLock {
    /// Which kind of device, in words; what an older file says stays.
    pub(super) kind: String,
    /// Which device and key, for people.
    pub(super) name: String,
    #[serde(with = "base64_text")]
    pub(super) wrapped_key: Vec<u8>,
}

impl Lock {
    /// In words, for people; and in associated data, so never to be changed.
    pub(super) fn label(&self) -> &str {
        match self {
            Self::KeyFile => "key file",
            Self::SystemdCredential => "systemd credential",
            Self::Passphrase(_) => "passphrase",
            Self::Shares(_) => "recovery shares",
            Self::Device(device) => &device.kind,
        }
    }

    /// With what distinguishes it, for people.
    pub(super) fn described(&self) -> String {
        match self {
            Self::Shares(numbers) => format!(
                "recovery shares ({} of {})",
                numbers.threshold, numbers.shares
            ),
            Self::Device(device) => format!("{} ({})", device.kind, device.name),
            _ => self.label().to_owned(),
        }
    }
}

impl SealFile {
    /// None if there are no seals or too many.
    pub(super) fn new(root_key_id: RootKeyId, seals: Vec<Seal>) -> Option<Self> {
        (1..=SEALS_MAX).contains(&seals.len()).then_some(Self {
            root_key_id,
            seals,
            retiring: Vec::new(),
        })
    }

    /// The same file with older root keys in it.
    pub(super) fn with_retiring(self, retiring: Vec<Retiring>) -> Self {
        Self { retiring, ..self }
    }

    pub(super) fn retiring(&self) -> &[Retiring] {
        &self.retiring
    }

    /// Which older root keys something may still be sealed under, newest first.
    #[must_use]
    pub fn retiring_ids(&self) -> Vec<RootKeyId> {
        self.retiring.iter().map(|root| root.root_key_id).collect()
    }

    /// Its seals: a short name, and what opens each.
    #[must_use]
    pub fn listed(&self) -> Vec<ListedSeal> {
        let listed = |seal: &Seal| ListedSeal {
            name: seal.name(),
            kind: seal.lock.described(),
        };
        self.seals.iter().map(listed).collect()
    }

    pub(super) fn seals(&self) -> &[Seal] {
        &self.seals
    }

    /// Which root key is sealed here.
    #[must_use]
    pub fn root_key_id(&self) -> RootKeyId {
        self.root_key_id
    }

    /// The kinds of its seals in words, such as `key file` or `passphrase`.
    #[must_use]
    pub fn kinds(&self) -> Vec<String> {
        let kind = |seal: &Seal| seal.lock.label().to_owned();
        self.seals.iter().map(kind).collect()
    }

    /// Reads and checks a seal file.
    ///
    /// # Errors
    /// If it isn't there, can't be read, is damaged, or was written by a newer version.
    pub fn read(path: &Path) -> Result<Self, SealFileError> {
        let problem = match std::fs::read_to_string(path) {
            Ok(text) => match Self::parse(&text) {
                Ok(file) => return Ok(file),
                Err(problem) => problem,
            },
            Err(failed) => match failed.kind() {
                io::ErrorKind::NotFound => SealFileProblem::Missing,
                io::ErrorKind::InvalidData => damaged(&"it isn't text"),
                _ => SealFileProblem::Unreadable(failed),
            },
        };
        Err(SealFileError {
            path: path.to_owned(),
            problem,
        })
    }

    /// Writes the file where nothing is yet, with mode 0600; durable when it returns.
    ///
    /// # Errors
    /// If something is there (it is left as it is), or the file system refuses.
    pub fn write_new(&self, path: &Path) -> Result<(), SealFileError> {
        durable_file::create(path, self.to_text().as_bytes()).map_err(|failed| SealFileError {
            path: path.to_owned(),
            problem: match failed.kind() {
                io::ErrorKind::AlreadyExists => SealFileProblem::AlreadyThere,
                _ => SealFileProblem::NotWritten(failed),
            },
        })
    }

    /// Changes the file at `path`: nobody else does meanwhile, and a crash leaves the old one or the new.
    ///
    /// # Errors
    /// If it can't be read or written; what `change` refuses.
    pub fn edit<T, E: From<SealFileError>>(
        path: &Path,
        change: impl FnOnce(&Self) -> Result<(Self, T), E>,
    ) -> Result<T, E> {
        let not_written = |failed| SealFileError {
            path: path.to_owned(),
            problem: SealFileProblem::NotWritten(failed),
        };
        let _turn = durable_file::turn(path).map_err(not_written)?;
        let (changed, outcome) = change(&Self::read(path)?)?;
        durable_file::replace(path, changed.to_text().as_bytes()).map_err(not_written)?;
        Ok(outcome)
    }

    /// Reads the text of a seal file.
    ///
    /// # Errors
    /// If it is damaged, or was written by a newer version.
    pub fn parse(text: &str) -> Result<Self, SealFileProblem> {
        // Only the format first: a newer file may hold anything else.
        let Format { format } = serde_json::from_str(text).map_err(|failed| damaged(&failed))?;
        if format > FORMAT {
            return Err(SealFileProblem::NewerFormat { found: format });
        }
        let document: Document = serde_json::from_str(text).map_err(|failed| damaged(&failed))?;
        let covered = (document.root_key_id, &document.seals, &document.retiring);
        let known = document.format == FORMAT && document.checksum == checksum(&covered);
        if !known {
            return Err(damaged(&"its checksum doesn't fit"));
        }
        let reasonable = document.seals.iter().all(|seal| match &seal.lock {
            Lock::Passphrase(cost) => cost.is_reasonable(),
            Lock::KeyFile | Lock::SystemdCredential | Lock::Shares(_) | Lock::Device(_) => true,
        });
        if !reasonable {
            return Err(damaged(&"a passphrase seal has a cost out of bounds"));
        }
        Self::new(document.root_key_id, document.seals)
            .map(|file| file.with_retiring(document.retiring))
            .ok_or_else(|| damaged(&"it has no seals, or too many"))
    }

    /// The text of the file: JSON, with a line end after it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let document = DocumentRef {
            about: ABOUT,
            format: FORMAT,
            root_key_id: self.root_key_id,
            seals: &self.seals,
            retiring: &self.retiring,
            checksum: checksum(&(self.root_key_id, &self.seals, &self.retiring)),
        };
        #[expect(
            clippy::expect_used,
            reason = "it is made of strings, numbers and lists"
        )]
        let text = serde_json::to_string_pretty(&document).expect("a document that fits JSON");
        text + "\n"
    }
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "about")]
    _about: String,
    format: u32,
    root_key_id: RootKeyId,
    seals: Vec<Seal>,
    #[serde(default)]
    retiring: Vec<Retiring>,
    #[serde(with = "base64_text")]
    checksum: Checksum,
}

#[derive(Serialize)]
struct DocumentRef<'a> {
    about: &'static str,
    format: u32,
    root_key_id: RootKeyId,
    seals: &'a [Seal],
    retiring: &'a [Retiring],
    #[serde(with = "base64_text")]
    checksum: Checksum,
}

type Checksum = [u8; 32];

/// Against accidents: it tells a damaged file from a wrong passphrase. What keeps the root key
/// safe from malice is its seal.
fn checksum(covered: &impl Serialize) -> Checksum {
    #[expect(
        clippy::expect_used,
        reason = "it is made of strings, numbers and lists"
    )]
    let text = serde_json::to_vec(covered).expect("a list that fits JSON");
    let mut checksum = Checksum::default();
    checksum.copy_from_slice(digest(&SHA256, &text).as_ref());
    checksum
}

/// Bytes as base64 text with padding.
pub(super) mod base64_text {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        bytes: impl AsRef<[u8]>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: TryFrom<Vec<u8>>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let bytes = STANDARD
            .decode(String::deserialize(deserializer)?)
            .map_err(|_| D::Error::custom("expected base64"))?;
        T::try_from(bytes).map_err(|_| D::Error::custom("base64 of another length"))
    }
}

/// A seal in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSeal {
    /// Tells it from the others of its file.
    pub name: String,
    /// What opens it, in words.
    pub kind: String,
}

/// What is wrong with a seal file, and which one.
#[derive(Debug, thiserror::Error)]
#[error("seal file {}: {problem}", path.display())]
pub struct SealFileError {
    /// Where it is or should be.
    pub path: PathBuf,
    /// What is wrong, and what to do.
    pub problem: SealFileProblem,
}

/// What is wrong with a seal file.
#[derive(Debug, thiserror::Error)]
pub enum SealFileProblem {
    /// Nothing is there.
    #[error(
        "it doesn't exist; restore it from a backup of this data, or name the folder that has it"
    )]
    Missing,
    /// The file system refuses to read it.
    #[error("it can't be read ({0}); check its owner and mode")]
    Unreadable(#[source] io::Error),
    /// It isn't what was written.
    #[error("it is damaged ({0}); restore it from a backup, and keep the damaged one until then")]
    Damaged(String),
    /// A newer version of Strongroom wrote it.
    #[error(
        "it has format {found}, and this version of Strongroom knows {FORMAT}; use the version \
         that wrote it, or a newer one"
    )]
    NewerFormat {
        /// The format it says it has.
        found: u32,
    },
    /// There is one already; to overwrite it would lose its root key and all data under it.
    #[error(
        "it exists already, so this data has a root key; go on with that one, or name an empty \
         folder"
    )]
    AlreadyThere,
    /// The file system refuses to write it.
    #[error("it can't be written ({0}); check the folder, its owner and the free space")]
    NotWritten(#[source] io::Error),
}

fn damaged(why: &dyn fmt::Display) -> SealFileProblem {
    SealFileProblem::Damaged(why.to_string())
}
