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
use strongroom_store::{Fault, Range, Store};

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
    /// It can't be encrypted.
    #[error(transparent)]
    Age(#[from] AgeProblem),
}

/// Writes a backup of the store's present state.
///
/// # Errors
/// [`BackupProblem`]
pub fn write(
    store: &dyn Store,
    about: &About,
    lock: &Lock,
    entropy: &dyn Entropy,
    out: impl Write,
) -> Result<Summary, BackupProblem> {
    let encryptor = Encryptor::new(out, lock, entropy)?;
    let snapshot = store.snapshot()?;
    let header = Header {
        made_milliseconds: about.now_milliseconds,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        root_key_id: about.root_key_id.to_string(),
        revision: snapshot.revision().0,
        seal_file: about.seal_file.clone(),
    };
    let mut writer = container::Writer::new(encryptor, &header)?;
    let mut failed = None;
    snapshot.range(
        &Range::all(),
        &mut |entry| match writer.record(entry.key, entry.value) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        },
    )?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    let (encryptor, summary) = writer.finish()?;
    encryptor.finish()?.flush()?;
    Ok(summary)
}

/// What a backup says of itself.
pub struct About {
    /// When it is made: milliseconds since 1970, of the domain's clock.
    pub now_milliseconds: i64,
    /// The root key in use.
    pub root_key_id: RootKeyId,
    /// The seal file's text.
    pub seal_file: String,
}
