//! Key files and systemd credentials: 32 random bytes as base64 text.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

use super::seal_key::SealKey;
use crate::{Entropy, SecretBytes, durable_file};

/// More than any key with its line end; a longer file holds something else.
const TEXT_BYTES_MAX: usize = 256;
/// 32 bytes in base64, with padding.
const TEXT_LEN: usize = SealKey::LEN.div_ceil(3) * 4;

/// Why a key file or a credential can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileProblem {
    /// Nothing is there.
    #[error("it doesn't exist; restore it from where you keep a copy, or correct the path")]
    Missing,
    /// The file system refuses to read it.
    #[error("it can't be read ({0}); check its owner and the permissions of the folders above it")]
    Unreadable(#[source] io::Error),
    /// A folder, a device, a pipe or a socket, perhaps behind a symbolic link.
    #[error("it isn't a regular file; name the file itself")]
    NotAFile,
    /// The file mode lets others than the owner read or change it.
    #[error(
        "its mode is {:03o}, so others than its owner can use it; run 'chmod 600' on it, and \
         consider who could have read it until now",
        mode
    )]
    OpenToOthers {
        /// The permission bits.
        mode: u32,
    },
    /// Someone else owns it, and could change it.
    #[error("user {owner} owns it, but the server runs as user {user}; run 'chown {user}' on it")]
    WrongOwner {
        /// The numeric id of the file's owner.
        owner: u32,
        /// The numeric id of the user that this process runs as.
        user: u32,
    },
    /// The content is something else, or only a part of a key.
    #[error(
        "it doesn't hold a key, which is 32 bytes as base64 (44 characters), such as \
         'openssl rand -base64 32' prints"
    )]
    NotAKey,
    /// The name leads out of the credentials directory.
    #[error("a credential's name is the name of a file, without a folder")]
    BadName,
    /// The file system refuses to make it.
    #[error("it can't be made ({0}); check that its folder exists and may be written to")]
    NotMade(#[source] io::Error),
}

/// Reads a key file, or makes it if nothing is there.
pub(super) fn read_or_create(
    path: &Path,
    entropy: &dyn Entropy,
) -> Result<SealKey, KeyFileProblem> {
    match read(path) {
        Err(KeyFileProblem::Missing) => create(path, entropy),
        key_or_problem => key_or_problem,
    }
}

fn create(path: &Path, entropy: &dyn Entropy) -> Result<SealKey, KeyFileProblem> {
    let key = SealKey::filled_by(|key| {
        entropy.fill(key);
        Ok(())
    })?;
    let mut text = SecretBytes::new(vec![b'\n'; TEXT_LEN + 1]);
    #[expect(
        clippy::expect_used,
        reason = "fails only if the text has too little room"
    )]
    STANDARD
        .encode_slice(key.bytes(), text.expose_mut())
        .expect("room for a key as text");
    durable_file::create(path, text.expose()).map_err(KeyFileProblem::NotMade)?;
    Ok(key)
}

/// Reads a key file that must belong to us alone.
///
/// A symbolic link is followed, since orchestrators mount keys that way; what is behind it counts.
pub(super) fn read(path: &Path) -> Result<SealKey, KeyFileProblem> {
    let file = open(path)?;
    let metadata = file.metadata().map_err(KeyFileProblem::Unreadable)?;
    let (owner, user) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner != user && owner != 0 {
        return Err(KeyFileProblem::WrongOwner { owner, user });
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFileProblem::OpenToOthers { mode });
    }
    read_key(file)
}

/// Reads a systemd credential. systemd keeps the directory to the service's user, by an access list
/// where it must, so that owner and mode of the file say nothing.
///
/// Source: systemd.exec(5), section "Credentials".
pub(super) fn read_credential(directory: &Path, name: &str) -> Result<SealKey, KeyFileProblem> {
    if name.is_empty() || name == "." || name == ".." || name.contains('/') {
        return Err(KeyFileProblem::BadName);
    }
    read_key(open(&directory.join(name))?)
}

fn open(path: &Path) -> Result<File, KeyFileProblem> {
    // NONBLOCK: to open a named pipe would wait for a writer. All further checks are made on what
    // was opened, not on the path, which could have changed meanwhile.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(descriptor) => File::from(descriptor),
        Err(rustix::io::Errno::NOENT) => return Err(KeyFileProblem::Missing),
        Err(rustix::io::Errno::NXIO) => return Err(KeyFileProblem::NotAFile),
        Err(failed) => return Err(KeyFileProblem::Unreadable(failed.into())),
    };
    let metadata = file.metadata().map_err(KeyFileProblem::Unreadable)?;
    if metadata.is_file() {
        Ok(file)
    } else {
        Err(KeyFileProblem::NotAFile)
    }
}

fn read_key(mut file: File) -> Result<SealKey, KeyFileProblem> {
    let mut text = SecretBytes::new(vec![0; TEXT_BYTES_MAX]);
    let mut len = 0;
    while len < TEXT_BYTES_MAX {
        match file.read(&mut text.expose_mut()[len..]) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(failed) if failed.kind() == io::ErrorKind::Interrupted => {}
            Err(failed) => return Err(KeyFileProblem::Unreadable(failed)),
        }
    }
    parse(&text.expose()[..len])
}

fn parse(text: &[u8]) -> Result<SealKey, KeyFileProblem> {
    let text = text.trim_ascii();
    if text.len() != TEXT_LEN {
        return Err(KeyFileProblem::NotAKey);
    }
    // The decoder asks for room for the padding as well.
    let mut decoded = Zeroizing::new([0; SealKey::LEN + 1]);
    match STANDARD.decode_slice(text, &mut *decoded) {
        Ok(SealKey::LEN) => SealKey::filled_by(|key| {
            key.copy_from_slice(&decoded[..SealKey::LEN]);
            Ok(())
        }),
        _ => Err(KeyFileProblem::NotAKey),
    }
}
