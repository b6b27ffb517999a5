//! The folder and its files as a seam: everything that a disk can refuse goes through [`Folder`] and [`Disk`], so that
//! a test can refuse it. It may not know what the bytes are.

use std::fmt::Debug;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::StatVfsMountFlags;

/// A folder of files, without folders in it.
pub trait Folder: Send + Sync + Debug {
    /// How people know it.
    fn path(&self) -> &Path;

    /// Makes it where missing, for this user alone, and returns what keeps others out while it lives; nothing, where
    /// another has it.
    fn lock(&self) -> io::Result<Option<Box<dyn Send + Sync>>>;

    /// The names in it, in no order.
    fn names(&self) -> io::Result<Vec<String>>;

    /// Makes a file, which may not be there yet.
    fn create(&self, name: &str) -> io::Result<Arc<dyn Disk>>;

    /// Opens a file to read it, and to write it where `write` says so.
    fn open(&self, name: &str, write: bool) -> io::Result<Arc<dyn Disk>>;

    /// What the file of this name is now; nothing where there is none.
    fn identity(&self, name: &str) -> io::Result<Option<Identity>>;

    /// Removes a file; one that isn't there is no error.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Returns once the names in it last.
    fn sync(&self) -> io::Result<()>;

    /// What the disk has left for this process's user.
    fn room(&self) -> io::Result<Room>;
}

/// A file on a disk.
pub trait Disk: Send + Sync + Debug {
    /// Which file it is, whatever its name.
    fn identity(&self) -> io::Result<Identity>;

    /// Reads bytes from `offset` on; fewer than asked for only at the end.
    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `data` at `offset`. It needn't last until [`Self::sync`].
    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()>;

    /// Cuts it off.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Returns once all that was written lasts.
    fn sync(&self) -> io::Result<()>;
}

/// Which file, and what is seen of its content without reading it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Which file of which disk.
    pub inode: (u64, u64),
    /// How many names it has.
    pub links: u64,
    /// Its length in bytes.
    pub len: u64,
    /// When it was written last, in nanoseconds.
    pub modified: i128,
}

/// What a disk has left.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes that can be written.
    pub free_bytes: u64,
    /// Nothing can be written at all.
    pub read_only: bool,
}

/// A real folder.
#[derive(Debug)]
pub struct RealFolder(PathBuf);

impl RealFolder {
    /// The folder of this path, which needn't be there yet.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl Folder for RealFolder {
    fn path(&self) -> &Path {
        &self.0
    }

    fn lock(&self) -> io::Result<Option<Box<dyn Send + Sync>>> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)?;
        // The folder itself is locked: so nothing but the log lies in it.
        let folder = File::open(&self.0)?;
        match folder.try_lock() {
            Ok(()) => Ok(Some(Box::new(folder))),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        }
    }

    fn names(&self) -> io::Result<Vec<String>> {
        std::fs::read_dir(&self.0)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn Disk>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.0.join(name))?;
        Ok(Arc::new(RealDisk(file)))
    }

    fn open(&self, name: &str, write: bool) -> io::Result<Arc<dyn Disk>> {
        let file = OpenOptions::new()
            .read(true)
            .write(write)
            .open(self.0.join(name))?;
        Ok(Arc::new(RealDisk(file)))
    }

    fn identity(&self, name: &str) -> io::Result<Option<Identity>> {
        match std::fs::symlink_metadata(self.0.join(name)) {
            Ok(metadata) => Ok(Some(identity(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match std::fs::remove_file(self.0.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }

    fn room(&self) -> io::Result<Room> {
        let room = rustix::fs::statvfs(&self.0)?;
        Ok(Room {
            free_bytes: room.f_bavail.saturating_mul(room.f_frsize),
            read_only: room.f_flag.contains(StatVfsMountFlags::RDONLY),
        })
    }
}

/// A real file.
#[derive(Debug)]
struct RealDisk(File);

impl Disk for RealDisk {
    fn identity(&self) -> io::Result<Identity> {
        Ok(identity(&self.0.metadata()?))
    }

    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < out.len() {
            match self.0.read_at(&mut out[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
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
}

fn identity(metadata: &std::fs::Metadata) -> Identity {
    Identity {
        inode: (metadata.dev(), metadata.ino()),
        links: metadata.nlink(),
        len: metadata.len(),
        modified: i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
    }
}

/// All bytes of a file.
pub(crate) fn read_all(disk: &dyn Disk) -> io::Result<Vec<u8>> {
    let len = usize::try_from(disk.identity()?.len).unwrap_or(usize::MAX);
    let mut bytes = vec![0; len];
    let read = disk.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}
