//! Backups: one consistent state of the whole store in one encrypted file, and the way back.
//!
//! Values stay sealed under the root key inside of a backup: it opens nothing without what opens the root key. What
//! age encrypts besides is the rest: names, policies, access keys' ids.

pub mod age;
pub mod container;
pub mod into_running;
pub mod restore;
pub mod schedule;

use std::io::{self, Write};
use std::ops::ControlFlow;

use strongroom_keys::{Entropy, RootKeyId};
use strongroom_services::records::Key;
use strongroom_store::{Fault, Range, Snapshot, Store};

use self::age::{AgeProblem, Encryptor, Lock};
use self::container::{Header, Summary};

/// Why no backup was made.
#[derive(Debug, thiserror::Error)]
pub enum BackupProblem {
    /// The store can't be read.
    #[error("the store can't be read: {0}")]
    Store(#[from] Fault),
    /// The file can't be written.
    #[error("the backup can't be written: {0}")]
    Write(#[from] io::Error),
    /// The seal file can't be read, or is changed all the time.
    #[error("{0}")]
    SealFile(String),
    /// It can't be encrypted.
    #[error(transparent)]
    Age(#[from] AgeProblem),
}

/// Writes a backup of the store's present state. `about` tells of the present each time.
///
/// # Errors
/// [`BackupProblem`]
pub fn write(
    store: &dyn Store,
    about: &dyn Fn() -> Result<About, String>,
    lock: &Lock,
    entropy: &dyn Entropy,
    out: impl Write,
) -> Result<Summary, BackupProblem> {
    let encryptor = Encryptor::new(out, lock, entropy)?;
    let (about, snapshot) = one_instant(store, about)?;
    let header = Header {
        made_milliseconds: about.now_milliseconds,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        root_key_id: about.root_key_id.to_string(),
        revision: snapshot.revision().0,
        seal_file: about.seal_file,
    };
    let mut writer = container::Writer::new(encryptor, &header)?;
    let mut failed = None;
    snapshot.range(&Range::all(), &mut |entry| {
        // An audit log isn't taken back with the data: what is restored begins one of its own.
        if entry.key.starts_with(Key::all_of_audit().as_bytes()) {
            return ControlFlow::Continue(());
        }
        match writer.record(entry.key, entry.value) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    let (encryptor, summary) = writer.finish()?;
    encryptor.finish()?.flush()?;
    Ok(summary)
}

/// The store and the seal file of one instant. A new root key that is taken into use between the two, or an older one
/// that is given up, would leave a backup whose records its seal file doesn't open.
fn one_instant<'a>(
    store: &'a dyn Store,
    about: &dyn Fn() -> Result<About, String>,
) -> Result<(About, Box<dyn Snapshot + 'a>), BackupProblem> {
    let mut before = about().map_err(BackupProblem::SealFile)?;
    for _ in 0..ATTEMPTS {
        let snapshot = store.snapshot()?;
        let after = about().map_err(BackupProblem::SealFile)?;
        if after.seal_file == before.seal_file {
            return Ok((after, snapshot));
        }
        before = after;
    }
    let why = "the seal file is changed all the time; try again later";
    Err(BackupProblem::SealFile(why.to_owned()))
}

/// Times that a state is looked for in which the seal file stays the same.
const ATTEMPTS: usize = 10;

/// What a backup says of itself.
pub struct About {
    /// When it is made: milliseconds since 1970, of the domain's clock.
    pub now_milliseconds: i64,
    /// The root key in use.
    pub root_key_id: RootKeyId,
    /// The seal file's text.
    pub seal_file: String,
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use strongroom_keys::{RootKey, SeededEntropy};
    use strongroom_store::embedded::{Embedded, Options};

    use super::*;

    #[test]
    fn a_seal_file_that_changes_while_the_store_is_looked_at_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Embedded::open(&Options::new(folder.path())).unwrap();
        let root_key_id = RootKey::generate(&SeededEntropy::new(1)).id();
        let asked = Cell::new(0);
        let about = |changes: usize| {
            asked.set(asked.get() + 1);
            Ok(About {
                now_milliseconds: 0,
                root_key_id,
                seal_file: asked.get().min(changes).to_string(),
            })
        };
        let (found, _) = one_instant(&store, &|| about(3)).unwrap();
        assert_eq!((found.seal_file.as_str(), asked.get()), ("3", 4));
        assert!(one_instant(&store, &|| about(usize::MAX)).is_err());
    }
}
