//! The file that the store lies in, as a seam: everything that a disk can refuse goes through [`Disk`], so that a test
//! can refuse it. It may not know what the bytes are.

use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{Advice, StatVfsMountFlags};

use crate::{Fault, FaultKind};

/// A file on a disk.
pub trait Disk: Send + Sync + Debug {
    /// Its length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Whether it has no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills `out` with the bytes from `offset` on; fewer than that are an error.
    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all of `data` at `offset`. It needn't last until [`Self::sync`].
    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()>;

    /// Cuts it off, or fills it up with zeroes.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Returns once all that was written lasts.
    fn sync(&self) -> io::Result<()>;

    /// Forgets what memory knows of the file, as far as possible, so that the next reads ask the disk itself.
    ///
    /// After a failed sync the kernel may count pages as written that are not.
    fn forget_cached(&self);

    /// What the disk has left for this process's user.
    fn room(&self) -> io::Result<Room>;
}

/// What a disk has left.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes that can be written.
    pub free_bytes: u64,
    /// Nothing can be written at all.
    pub read_only: bool,
}

/// A real file.
#[derive(Debug)]
pub struct FileDisk(File);

impl FileDisk {
    /// An open file, readable and writable.
    pub fn new(file: File) -> Self {
        Self(file)
    }
}

impl Disk for FileDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }

    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(data, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn forget_cached(&self) {
        // Advice: where it isn't taken, nothing is worse than before.
        let _ = rustix::fs::fadvise(&self.0, 0, None, Advice::DontNeed);
    }

    fn room(&self) -> io::Result<Room> {
        let room = rustix::fs::fstatvfs(&self.0)?;
        Ok(Room {
            free_bytes: room.f_bavail.saturating_mul(room.f_frsize),
            read_only: room.f_flag.contains(StatVfsMountFlags::RDONLY),
        })
    }
}

/// What an error of the operating system means to the operator. `doing` is what was being done to `path`, as in
/// "writing".
pub(super) fn io_fault(error: &io::Error, doing: &str, path: &Path) -> Fault {
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            FaultKind::NoSpace
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => FaultKind::ReadOnly,
        _ => FaultKind::Io,
    };
    Fault::new(kind, format!("{doing} {} failed ({error})", path.display()))
}
