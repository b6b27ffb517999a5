//! The data folder: who has it (`LOCK`), what format it is in (`FORMAT`), how far it got (`REVISION`), and the file
//! `store.redb` itself. It may not know what is in that file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use xxhash_rust::xxh3::xxh3_64;

use super::disk::{Disk, FileDisk, io_fault};
use super::instance;
use crate::{Fault, FaultKind, Revision};

/// The format that this program writes, and the newest that it reads.
const FORMAT: u32 = 1;
const FORMAT_NAME: &str = "strongroom-store";

/// The file with the records.
pub(super) const STORE_NAME: &str = "store.redb";

/// The file that is locked while a process has the folder.
pub(super) const LOCK_NAME: &str = "LOCK";

/// How long to wait for a folder that is in use before saying so.
const LOCK_WAIT_MAX: Duration = Duration::from_millis(200);

/// An open and locked data folder.
pub(super) struct Folder {
    path: PathBuf,
    /// Rewritten after each group of commits, without a sync: it outlives the process, and after a power cut it is at
    /// most too old. So a store that is older than it says has lost something.
    revision: File,
    /// The lock lasts as long as this file is open.
    _lock: File,
}

impl Folder {
    /// Makes the folder where missing, locks it, and makes an empty store in it where there is none.
    pub(super) fn open(path: &Path) -> Result<Self, Fault> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| io_fault(&error, "making the folder", path))?;
        let lock = lock(path)?;
        let revision_path = path.join("REVISION");
        let revision =
            create(&revision_path).map_err(|error| io_fault(&error, "opening", &revision_path))?;
        let folder = Self {
            path: path.to_owned(),
            revision,
            _lock: lock,
        };
        folder.check_format()?;
        folder.make_store()?;
        Ok(folder)
    }

    pub(super) fn store_path(&self) -> PathBuf {
        self.path.join(STORE_NAME)
    }

    /// Opens the store's file.
    pub(super) fn disk(&self) -> Result<FileDisk, Fault> {
        let path = self.store_path();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|error| io_fault(&error, "opening", &path))?;
        Ok(FileDisk::new(file))
    }

    /// Refuses a store that is older than what was acknowledged.
    pub(super) fn check_revision(&self, found: Revision) -> Result<(), Fault> {
        match self.acknowledged() {
            Some(acknowledged) if acknowledged > found => Err(damaged(format!(
                "{} is at revision {found}, but revision {acknowledged} was acknowledged according to REVISION beside \
                 it, so it has lost commits or is an older copy (if it was restored on purpose, delete REVISION)",
                self.store_path().display()
            ))),
            _ => Ok(()),
        }
    }

    /// Notes that this revision was acknowledged.
    pub(super) fn note_revision(&self, revision: Revision) {
        let number = format!("{revision:020}");
        let line = format!("{number} {:016x}\n", xxh3_64(number.as_bytes()));
        // It only helps to notice damage, so a commit doesn't fail for its sake.
        let _ = self.revision.write_all_at(line.as_bytes(), 0);
    }

    /// What `REVISION` says, if it says anything.
    fn acknowledged(&self) -> Option<Revision> {
        let mut line = [0; 38];
        self.revision.read_exact_at(&mut line, 0).ok()?;
        let (number, checksum) = std::str::from_utf8(&line)
            .ok()?
            .trim_end()
            .split_once(' ')?;
        let whole = u64::from_str_radix(checksum, 16).ok()? == xxh3_64(number.as_bytes());
        whole.then_some(Revision(number.parse().ok()?))
    }

    /// Refuses what a newer program wrote; names the format of a folder that has nothing in it yet.
    fn check_format(&self) -> Result<(), Fault> {
        let path = self.path.join("FORMAT");
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error)
                if error.kind() == io::ErrorKind::NotFound && !self.store_path().exists() =>
            {
                return self
                    .write_format(&path)
                    .map_err(|error| io_fault(&error, "writing", &path));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(damaged(format!(
                    "{} is missing beside store.redb",
                    path.display()
                )));
            }
            Err(error) => return Err(io_fault(&error, "reading", &path)),
        };
        check_format(&text, &self.path)
    }

    fn write_format(&self, path: &Path) -> io::Result<()> {
        let draft = self.path.join("FORMAT.new");
        let mut file = create(&draft)?;
        file.set_len(0)?;
        writeln!(file, "{FORMAT_NAME} {FORMAT}")?;
        file.sync_data()?;
        std::fs::rename(&draft, path)
    }

    /// Makes the store's file where there never was one: under another name first, so that one which carries its name
    /// is always whole.
    fn make_store(&self) -> Result<(), Fault> {
        let path = self.store_path();
        let len = match std::fs::metadata(&path) {
            Ok(metadata) => Some(metadata.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(io_fault(&error, "reading", &path)),
        };
        match (len, self.acknowledged()) {
            (Some(0), _) => return Err(damaged(format!("{} is empty", path.display()))),
            (Some(_), _) => return Ok(()),
            (None, Some(acknowledged)) if acknowledged > Revision::ABSENT => {
                return Err(damaged(format!(
                    "{} is missing, but revision {acknowledged} was acknowledged according to REVISION beside it",
                    path.display()
                )));
            }
            (None, _) => {}
        }
        let draft = self.path.join("store.redb.new");
        let file = create(&draft)
            .and_then(|file| file.set_len(0).map(|()| file))
            .map_err(|error| io_fault(&error, "making", &draft))?;
        let disk = Arc::new(FileDisk::new(file));
        instance::create(draft.clone(), Arc::<FileDisk>::clone(&disk))?;
        disk.sync()
            .and_then(|()| std::fs::rename(&draft, &path))
            .and_then(|()| File::open(&self.path)?.sync_all())
            .map_err(|error| io_fault(&error, "making", &path))
    }
}

/// Takes the folder for this process, and says in `LOCK` which one that is.
fn lock(folder: &Path) -> Result<File, Fault> {
    let path = folder.join(LOCK_NAME);
    let mut file = create(&path).map_err(|error| io_fault(&error, "opening", &path))?;
    // Somebody who is on the way out, or a child that is just being started, may hold it for a moment longer.
    let give_up = Instant::now() + LOCK_WAIT_MAX;
    let locked = loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < give_up => {
                std::thread::sleep(LOCK_WAIT_MAX / 20);
            }
            locked => break locked,
        }
    };
    match locked {
        Ok(()) => {
            // For the operator's eyes: the lock holds without it, also on a full disk.
            let _ = file
                .set_len(0)
                .and_then(|()| writeln!(file, "{}", std::process::id()));
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let pid = file
                .read_to_string(&mut text)
                .ok()
                .and_then(|_| text.trim().parse().ok());
            let holder = pid.map_or_else(
                || "another process".to_owned(),
                |pid| format!("process {pid}"),
            );
            let what = format!("the folder {} is in use by {holder}", folder.display());
            Err(Fault::new(FaultKind::Locked { pid }, what))
        }
        Err(TryLockError::Error(error)) => Err(io_fault(&error, "locking", &path)),
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

/// Refuses a folder whose format this program doesn't know, or that has none.
pub(super) fn check_format_of(folder: &Path) -> Result<(), Fault> {
    let path = folder.join("FORMAT");
    let text = std::fs::read(&path).map_err(|error| io_fault(&error, "reading", &path))?;
    check_format(&text, folder)
}

/// Refuses a format that this program doesn't know.
fn check_format(text: &[u8], folder: &Path) -> Result<(), Fault> {
    let number = text
        .strip_prefix(FORMAT_NAME.as_bytes())
        .and_then(|rest| rest.strip_suffix(b"\n"));
    let found = number
        .and_then(|number| std::str::from_utf8(number).ok()?.trim().parse().ok())
        .filter(|found| *found > 0)
        .ok_or_else(|| {
            damaged(format!(
                "{} names no format",
                folder.join("FORMAT").display()
            ))
        })?;
    if found > FORMAT {
        let what = format!(
            "the data in {} has format {found}, and this program reads formats up to {FORMAT}",
            folder.display()
        );
        return Err(Fault::new(
            FaultKind::NewerFormat {
                found,
                reads: FORMAT,
            },
            what,
        ));
    }
    Ok(())
}

fn damaged(what: String) -> Fault {
    Fault::new(FaultKind::Damaged { key: None }, what)
}
