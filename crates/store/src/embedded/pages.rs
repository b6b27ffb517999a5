//! What redb reads and writes through, so that a failing disk takes no reader along, and a page that rotted on disk is
//! not taken for a good one. It may not know what is in a page.
//!
//! redb gives up a database for good, for reads as well, once any write to it failed. So a failed write is not shown
//! to redb: from then on these pages are *frozen*, which means that writes are kept in memory and the file is left as
//! it is. The committer sees it and discards that transaction; snapshots from before it go on reading, until the
//! committer has reopened the file through fresh pages.
//!
//! redb checks the checksum of a page when it opens a database, not when it reads a page later. So a checksum of each
//! block that was read or written is kept here, in memory, and compared when the block is read again.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use redb::StorageBackend;
use xxhash_rust::xxh3::xxh3_64;

use super::disk::{Disk, io_fault};
use crate::Fault;

/// redb's pages are this large, or a power of two times as large, and lie at multiples of their size.
const BLOCK: usize = 4096;
const BLOCK_BYTES: u64 = BLOCK as u64;

/// In redb's header, the byte that says which of two slots has the newest commit, and in it the bit that says so.
/// Source: redb's design document, "Super-header".
const GOD_BYTE: usize = 9;
const PRIMARY_BIT: u8 = 1;

/// A file as redb sees it.
pub(super) struct Pages {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    /// Off while a file is made that nobody can find yet.
    syncs: bool,
    /// A checksum a block; 0 where the block is not known yet.
    checksums: RwLock<Vec<AtomicU32>>,
    /// Why these pages are frozen, if they are.
    frozen: OnceLock<Fault>,
    unwritten: Mutex<Unwritten>,
    fenced: AtomicBool,
    read_failed: AtomicBool,
    /// Where a block was found that isn't what was written; `u64::MAX`: nowhere.
    damaged_at: AtomicU64,
    header: Mutex<Header>,
}

/// What was written since the pages were frozen.
#[derive(Default)]
struct Unwritten {
    len: u64,
    blocks: BTreeMap<u64, Box<[u8; BLOCK]>>,
}

#[derive(Default)]
struct Header {
    primary: Option<u8>,
    switched: bool,
}

impl Pages {
    pub(super) fn new(disk: Arc<dyn Disk>, path: PathBuf, syncs: bool) -> Self {
        Self {
            disk,
            path,
            syncs,
            checksums: RwLock::default(),
            frozen: OnceLock::new(),
            unwritten: Mutex::default(),
            fenced: AtomicBool::new(false),
            read_failed: AtomicBool::new(false),
            damaged_at: AtomicU64::new(u64::MAX),
            header: Mutex::default(),
        }
    }

    pub(super) fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Why nothing reaches the disk any more, if so.
    pub(super) fn frozen(&self) -> Option<&Fault> {
        self.frozen.get()
    }

    /// From now on nothing reaches the disk.
    pub(super) fn freeze(&self, fault: Fault) {
        let mut unwritten = self.unwritten();
        self.freeze_locked(fault, &mut unwritten);
    }

    /// From now on nothing is read from the disk either, since someone else is about to write there.
    pub(super) fn fence(&self) {
        self.fenced.store(true, Ordering::Release);
    }

    /// Whether a read failed, after which redb reads no more.
    pub(super) fn read_failed(&self) -> bool {
        self.read_failed.load(Ordering::Acquire)
    }

    /// Where a block was found that isn't what was written, if one was.
    pub(super) fn damaged_at(&self) -> Option<u64> {
        Some(self.damaged_at.load(Ordering::Relaxed)).filter(|offset| *offset != u64::MAX)
    }

    /// Begins a transaction, for [`Self::commit_may_be_there`].
    pub(super) fn begin(&self) {
        self.header().switched = false;
    }

    /// Whether the write that makes a transaction the newest one may have reached the disk since [`Self::begin`].
    pub(super) fn commit_may_be_there(&self) -> bool {
        self.header().switched
    }

    fn note_failed_read(&self) {
        self.read_failed.store(true, Ordering::Release);
    }

    fn unwritten(&self) -> MutexGuard<'_, Unwritten> {
        self.unwritten
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn header(&self) -> MutexGuard<'_, Header> {
        self.header.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn freeze_locked(&self, fault: Fault, unwritten: &mut Unwritten) {
        if self.frozen.get().is_none() {
            // Where even that can't be told, redb's own length wins, which it sets before it writes further.
            unwritten.len = self.disk.len().unwrap_or(0);
            let _ = self.frozen.set(fault);
        }
    }

    fn note_header(&self, offset: u64, data: &[u8]) {
        if offset > 0 || data.len() <= GOD_BYTE {
            return;
        }
        let mut header = self.header();
        let primary = data[GOD_BYTE] & PRIMARY_BIT;
        if header
            .primary
            .replace(primary)
            .is_some_and(|before| before != primary)
        {
            header.switched = true;
        }
    }

    /// Whole blocks within `bytes`, each with its number. The first of the file is left out: redb's header is read and
    /// written in parts, and has checksums that are checked.
    fn whole_blocks(
        offset: u64,
        len: usize,
    ) -> impl Iterator<Item = (u64, std::ops::Range<usize>)> {
        let aligned = offset.is_multiple_of(BLOCK_BYTES);
        let blocks = if aligned { len / BLOCK } else { 0 };
        (0..blocks)
            .map(move |index| {
                (
                    offset / BLOCK_BYTES + index as u64,
                    index * BLOCK..(index + 1) * BLOCK,
                )
            })
            .filter(|(number, _)| *number > 0)
    }

    fn note_checksums(&self, offset: u64, data: &[u8]) {
        let last = offset.saturating_add(data.len() as u64) / BLOCK_BYTES;
        self.with_checksums(last, |checksums| {
            for (number, range) in Self::whole_blocks(offset, data.len()) {
                if let Some(known) = checksums.get(number as usize) {
                    known.store(checksum(&data[range]), Ordering::Relaxed);
                }
            }
        });
    }

    /// Blanks each block that isn't what was written or read before: redb takes no blank page for a good one, and goes
    /// on with the others.
    fn check(&self, offset: u64, data: &mut [u8], unwritten: Option<&Unwritten>) {
        let last = offset.saturating_add(data.len() as u64) / BLOCK_BYTES;
        self.with_checksums(last, |checksums| {
            for (number, range) in Self::whole_blocks(offset, data.len()) {
                let Some(known) = checksums.get(number as usize) else {
                    continue;
                };
                if unwritten.is_some_and(|unwritten| unwritten.blocks.contains_key(&number)) {
                    continue;
                }
                let found = checksum(&data[range.clone()]);
                let before = known.compare_exchange(0, found, Ordering::Relaxed, Ordering::Relaxed);
                if before.is_err_and(|before| before != found) {
                    self.damaged_at
                        .store(number * BLOCK_BYTES, Ordering::Relaxed);
                    data.fill(0);
                    return;
                }
            }
        });
    }

    fn with_checksums(&self, last: u64, act: impl FnOnce(&[AtomicU32])) {
        let needed = usize::try_from(last)
            .unwrap_or(usize::MAX)
            .saturating_add(1);
        let checksums = self
            .checksums
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if checksums.len() >= needed {
            return act(&checksums);
        }
        drop(checksums);
        let mut checksums = self
            .checksums
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if checksums.len() < needed {
            checksums.resize_with(needed, AtomicU32::default);
        }
        act(&checksums);
    }

    fn read_disk(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if self.fenced.load(Ordering::Acquire) {
            return Err(io::Error::other("the file was reopened after a failure"));
        }
        self.disk.read_at(out, offset)
    }

    fn read_any(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if self.frozen.get().is_none() {
            self.read_disk(offset, out)?;
            self.check(offset, out, None);
            return Ok(());
        }
        let unwritten = self.unwritten();
        let on_disk =
            usize::try_from(self.disk.len()?.saturating_sub(offset)).unwrap_or(usize::MAX);
        let on_disk = on_disk.min(out.len());
        self.read_disk(offset, &mut out[..on_disk])?;
        self.check(offset, &mut out[..on_disk], Some(&unwritten));
        out[on_disk..].fill(0);
        unwritten.read(offset, out);
        Ok(())
    }

    /// Writes to memory, once frozen.
    fn keep(&self, offset: u64, data: &[u8], unwritten: &mut Unwritten) {
        let mut offset = offset;
        let mut data = data;
        while !data.is_empty() {
            let (number, from) = (offset / BLOCK_BYTES, (offset % BLOCK_BYTES) as usize);
            let (part, rest) = data.split_at(data.len().min(BLOCK - from));
            let block = unwritten.blocks.entry(number).or_insert_with(|| {
                let mut block = Box::new([0; BLOCK]);
                // A block that can't be read is overwritten as a whole by all but redb's header.
                let _ = self.disk.read_at(&mut block[..], number * BLOCK_BYTES);
                block
            });
            block[from..from + part.len()].copy_from_slice(part);
            offset += part.len() as u64;
            data = rest;
        }
        unwritten.len = unwritten.len.max(offset);
    }
}

impl Unwritten {
    fn read(&self, offset: u64, out: &mut [u8]) {
        let end = offset + out.len() as u64;
        for (number, block) in self
            .blocks
            .range(offset / BLOCK_BYTES..end.div_ceil(BLOCK_BYTES))
        {
            let start = number * BLOCK_BYTES;
            let (from, to) = (start.max(offset), (start + BLOCK_BYTES).min(end));
            let source = &block[(from - start) as usize..(to - start) as usize];
            out[(from - offset) as usize..(to - offset) as usize].copy_from_slice(source);
        }
    }
}

fn checksum(block: &[u8]) -> u32 {
    // Half of it will do here; 0 stands for unknown.
    (xxh3_64(block) as u32).max(1)
}

/// The pages, handed to redb.
pub(super) struct Backend(pub(super) Arc<Pages>);

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.path.display())
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        match self.0.frozen.get() {
            None => self.0.disk.len().inspect_err(|_| self.0.note_failed_read()),
            Some(_) => Ok(self.0.unwritten().len),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0
            .read_any(offset, out)
            .inspect_err(|_| self.0.note_failed_read())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let pages = &self.0;
        let mut unwritten = pages.unwritten();
        if pages.frozen.get().is_none() {
            match pages.disk.set_len(len) {
                Ok(()) => {
                    let blocks = usize::try_from(len.div_ceil(BLOCK_BYTES)).unwrap_or(usize::MAX);
                    pages
                        .checksums
                        .write()
                        .unwrap_or_else(PoisonError::into_inner)
                        .truncate(blocks);
                    return Ok(());
                }
                Err(error) => {
                    let fault = io_fault(&error, "growing or shrinking", &pages.path);
                    pages.freeze_locked(fault, &mut unwritten);
                }
            }
        }
        unwritten.blocks.split_off(&len.div_ceil(BLOCK_BYTES));
        unwritten.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let pages = &self.0;
        if pages.frozen.get().is_none()
            && pages.syncs
            && let Err(error) = pages.disk.sync()
        {
            pages.freeze(io_fault(&error, "syncing", &pages.path));
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let pages = &self.0;
        if pages.frozen.get().is_none() {
            pages.note_header(offset, data);
            pages.note_checksums(offset, data);
            match pages.disk.write_at(data, offset) {
                Ok(()) => return Ok(()),
                Err(error) => pages.freeze(io_fault(&error, "writing", &pages.path)),
            }
        }
        let mut unwritten = pages.unwritten();
        pages.keep(offset, data, &mut unwritten);
        Ok(())
    }
}
