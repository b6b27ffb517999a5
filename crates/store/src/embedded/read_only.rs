//! Reading a store that no process has, without changing a byte of its folder: for offline tools, also on a copy or on a
//! disk that can't be written.

use std::fs::{File, TryLockError};
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::disk::{Disk, FileDisk, Room, io_fault};
use super::folder;
use super::instance::{Current, Instance};
use crate::{Entry, EntryRef, Fault, FaultKind, Range, Revision, Snapshot};

/// Memory for pages.
const CACHE_BYTES: usize = 4 << 20;

/// An embedded store as its file is, until it is dropped. It keeps a process from opening the store meanwhile.
pub struct ReadOnly {
    current: Arc<Current>,
    _lock: Option<File>,
}

impl ReadOnly {
    /// Opens the store in a folder.
    ///
    /// # Errors
    /// - [`FaultKind::Locked`]: a process has it.
    /// - [`FaultKind::NewerFormat`]: a newer program wrote it.
    /// - [`FaultKind::Damaged`]: it isn't what was written, or there is none.
    /// - [`FaultKind::Io`], [`FaultKind::ReadOnly`]: it can't be read.
    pub fn open(folder: &Path) -> Result<Self, Fault> {
        let lock = share(folder)?;
        folder::check_format_of(folder)?;
        let path = folder.join(folder::STORE_NAME);
        let file = File::open(&path).map_err(|error| io_fault(&error, "opening", &path))?;
        let disk = Arc::new(Unwritable(FileDisk::new(file)));
        // What it would repair after a crash, it repairs in memory.
        let instance = Arc::new(Instance::open(path, disk, CACHE_BYTES, false)?);
        Ok(Self {
            current: Current::of(&instance)?,
            _lock: lock,
        })
    }

    /// The state that it has.
    pub fn snapshot(&self) -> impl Snapshot + '_ {
        ReadOnlySnapshot(&self.current)
    }
}

struct ReadOnlySnapshot<'a>(&'a Current);

impl Snapshot for ReadOnlySnapshot<'_> {
    fn revision(&self) -> Revision {
        self.0.revision()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Entry>, Fault> {
        self.0.get(key)
    }

    fn range(
        &self,
        range: &Range,
        visit: &mut dyn FnMut(EntryRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), Fault> {
        self.0.range(range, visit)
    }
}

/// Makes sure that nobody writes to the store meanwhile. A copy without its lock file needs none.
fn share(folder: &Path) -> Result<Option<File>, Fault> {
    let path = folder.join(folder::LOCK_NAME);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_fault(&error, "opening", &path)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => {
            let what = format!(
                "the folder {} is in use by another process",
                folder.display()
            );
            Err(Fault::new(FaultKind::Locked { pid: None }, what))
        }
        Err(TryLockError::Error(error)) => Err(io_fault(&error, "locking", &path)),
    }
}

/// A file that is read alone.
#[derive(Debug)]
struct Unwritable(FileDisk);

impl Disk for Unwritable {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_at(out, offset)
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync(&self) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn forget_cached(&self) {}

    fn room(&self) -> io::Result<Room> {
        self.0.room()
    }
}
