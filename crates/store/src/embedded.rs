//! The embedded backend: one redb file in a folder, for one process, durable.
//!
//! This file is what callers see: [`Options`], [`Embedded`] and how it reads. It may not know what the records mean.
//! Beside it: `committer` (the one thread that writes, in groups), `instance` (an open redb database, and how its
//! errors become faults), `pages` (what redb reads and writes through, so that a failing disk takes no reader along),
//! `disk` (the file itself), `read_only` (reading it offline), `folder` (lock, format, newest revision), `record` (bytes of a record).
//!
//! `docs/formats.md` describes every byte.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::{
    Commit, CommitError, Committing, Entry, EntryRef, Fault, FaultKind, Range, Revision, Snapshot,
    Store, Watcher,
};

mod committer;
mod disk;
mod folder;
mod instance;
mod pages;
mod read_only;
mod record;

pub use disk::{Disk, FileDisk, Room};
pub use read_only::ReadOnly;

use committer::{Committer, Message, Shared};
use folder::Folder;
use instance::{Current, Instance};

/// Files up to this size are verified, page by page and record by record, before [`Embedded::open`] returns: 64 MiB.
///
/// That takes some tenths of a second at most. For a larger file call [`Embedded::verify`] once it is open, in the
/// background; each record is checked whenever it is read, in any case.
pub const VERIFIED_AT_OPEN_BYTES_MAX: u64 = 64 << 20;

/// Where an embedded store lies, and what it may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The folder; made where missing, for this user alone.
    pub folder: PathBuf,
    /// Most memory that redb keeps pages in. Default: 16 MiB; the operating system's page cache is behind it.
    pub cache_bytes: usize,
    /// Commits are refused while the disk has less room than this, beside what the commits themselves need.
    /// Default: 2 MiB.
    pub reserve_bytes: u64,
}

impl Options {
    /// The defaults, in this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            cache_bytes: 16 << 20,
            reserve_bytes: 2 << 20,
        }
    }
}

/// The embedded [`Store`].
///
/// A full, read-only or failing disk refuses commits and nothing else: reads are answered from the last state that
/// was acknowledged, and commits are taken again as soon as the disk takes them.
///
/// Commits queue up in memory while others are written. The queue has no bound of its own: whoever calls limits how
/// many are under way.
pub struct Embedded {
    shared: Arc<Shared>,
    sender: Sender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What [`Embedded::verify`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// The state that was walked.
    pub revision: Revision,
    /// Records that are whole.
    pub records: u64,
    /// Bytes of their values.
    pub value_bytes: u64,
    /// What is damaged, at most [`Verification::FAULTS_MAX`] of them; empty: all is well.
    pub faults: Vec<Fault>,
}

impl Verification {
    /// Most faults that are listed.
    pub const FAULTS_MAX: usize = 100;
}

impl Embedded {
    /// Opens the store in a folder, or makes one. It is ready for reads and commits when this returns.
    ///
    /// # Errors
    /// - [`FaultKind::Locked`]: another process has it, or another `Embedded` of this one.
    /// - [`FaultKind::NewerFormat`]: a newer program wrote it.
    /// - [`FaultKind::Damaged`]: it is not what was written, or is older than what was acknowledged.
    /// - [`FaultKind::ReadOnly`], [`FaultKind::NoSpace`], [`FaultKind::Io`]: the folder can't be used.
    pub fn open(options: &Options) -> Result<Self, Fault> {
        Self::open_on(options, |file| Arc::new(file))
    }

    /// As [`Self::open`], with the file behind something else: how tests make a disk fail.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_on(
        options: &Options,
        disk: impl FnOnce(FileDisk) -> Arc<dyn Disk>,
    ) -> Result<Self, Fault> {
        let store = Self::start(options, disk, true)?;
        if store.is_verified_at_open() {
            let verification = store.verify();
            if let Some(first) = verification.faults.into_iter().next() {
                return Err(first);
            }
        }
        Ok(store)
    }

    /// As [`Self::open`], without looking for damage: so that [`Self::verify`] can list all of it.
    ///
    /// # Errors
    /// As [`Self::open`], where the damage leaves nothing to open.
    pub fn open_unverified(options: &Options) -> Result<Self, Fault> {
        Self::start(options, |file| Arc::new(file), false)
    }

    fn start(
        options: &Options,
        disk: impl FnOnce(FileDisk) -> Arc<dyn Disk>,
        verify: bool,
    ) -> Result<Self, Fault> {
        let folder = Folder::open(&options.folder)?;
        let disk = disk(folder.disk()?);
        let instance = Instance::open(folder.store_path(), disk, options.cache_bytes, verify)?;
        let instance = Arc::new(instance);
        let current = Current::of(&instance)?;
        folder.check_revision(current.revision())?;
        let (sender, receiver) = channel();
        let shared = Arc::new(Shared::new(
            current,
            options.clone(),
            folder,
            sender.clone(),
        ));
        let committer = Committer::new(Arc::clone(&shared), instance, receiver);
        let thread = std::thread::Builder::new()
            .name("store-committer".into())
            .spawn(move || committer.run())
            .map_err(|error| disk::io_fault(&error, "starting a thread for", &options.folder))?;
        Ok(Self {
            shared,
            sender,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Whether it is so small that opening it verifies it. Of a larger one, whoever opens it does so later.
    pub fn is_verified_at_open(&self) -> bool {
        self.shared.is_small()
    }

    /// The folder it lies in.
    pub fn folder(&self) -> &Path {
        &self.shared.options.folder
    }

    /// Reads every record and compares it with its checksum, looks each one up again by its key, and compares their
    /// number with the number that was written.
    ///
    /// It reads one snapshot and disturbs nobody; a million records take some seconds.
    pub fn verify(&self) -> Verification {
        match self.shared.current() {
            Ok(current) => instance::verify(&current),
            Err(fault) => Verification {
                revision: Revision::ABSENT,
                records: 0,
                value_bytes: 0,
                faults: vec![fault],
            },
        }
    }
}

impl Store for Embedded {
    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, Fault> {
        Ok(Box::new(EmbeddedSnapshot {
            shared: &self.shared,
            current: self.shared.current()?,
        }))
    }

    fn commit(&self, commit: Commit) -> Committing<'_> {
        Box::pin(async move {
            commit.check()?;
            let (answer, answered) = oneshot::channel();
            if self.sender.send(Message::Commit(commit, answer)).is_err() {
                return Err(self.shared.closed().before_writing().into());
            }
            // Without an answer, the committer went down while it had the commit: nobody knows.
            answered
                .await
                .unwrap_or_else(|_| Err(CommitError::Fault(self.shared.closed())))
        })
    }

    fn watch(&self, watcher: Arc<dyn Watcher>) {
        self.shared.watch(watcher);
    }

    fn health(&self) -> Result<(), Fault> {
        self.shared.health()
    }

    fn close(&self) {
        // Refused only by a committer that is gone already.
        let _ = self.sender.send(Message::Close);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
        self.shared.close();
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.close();
    }
}

struct EmbeddedSnapshot<'a> {
    shared: &'a Shared,
    current: Arc<Current>,
}

impl EmbeddedSnapshot<'_> {
    /// A failed read breaks redb's handle on the file: have it reopened.
    fn note<T>(&self, result: Result<T, Fault>) -> Result<T, Fault> {
        if matches!(&result, Err(fault) if *fault.kind() == FaultKind::Io) {
            self.shared.ask_reopen();
        }
        result
    }
}

impl Snapshot for EmbeddedSnapshot<'_> {
    fn revision(&self) -> Revision {
        self.current.revision()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Entry>, Fault> {
        self.note(self.current.get(key))
    }

    fn range(
        &self,
        range: &Range,
        visit: &mut dyn FnMut(EntryRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), Fault> {
        self.note(self.current.range(range, visit))
    }
}
