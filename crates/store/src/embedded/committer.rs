//! The one thread that writes: it takes all commits that wait, writes them as one transaction, tells the watchers, and
//! wakes whoever waited. It also brings the store back after a failure. It may not know redb's types.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::disk::{Disk, io_fault};
use super::folder::Folder;
use super::instance::{Current, Instance, Outcome};
use super::{Options, VERIFIED_AT_OPEN_BYTES_MAX};
use crate::{Change, Commit, CommitError, Fault, FaultKind, Revision, Watcher};

/// Most commits, and about the most bytes, in one transaction: it has to fit into memory, and whoever comes after it
/// waits for it.
const GROUP_COMMITS_MAX: usize = 1024;
const GROUP_BYTES_MAX: usize = 16 << 20;

/// How long to leave a disk alone that refused something.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// How long snapshots from before a failure may go on reading once the store was reopened.
const DRAIN_MAX: Duration = Duration::from_secs(1);

pub(super) type Answer = oneshot::Sender<Result<Revision, CommitError>>;

pub(super) enum Message {
    Commit(Commit, Answer),
    /// Reading failed.
    Reopen,
    Close,
}

/// What the committer shares with the store's callers.
pub(super) struct Shared {
    /// The newest acknowledged state; `None` once closed.
    current: RwLock<Option<Arc<Current>>>,
    watchers: Mutex<Vec<Arc<dyn Watcher>>>,
    /// What commits meet at present.
    fault: Mutex<Option<Fault>>,
    reopen_asked: AtomicBool,
    sender: Sender<Message>,
    folder: Folder,
    pub(super) options: Options,
}

impl Shared {
    pub(super) fn new(
        current: Arc<Current>,
        options: Options,
        folder: Folder,
        sender: Sender<Message>,
    ) -> Self {
        folder.note_revision(current.revision());
        Self {
            current: RwLock::new(Some(current)),
            watchers: Mutex::default(),
            fault: Mutex::default(),
            reopen_asked: AtomicBool::new(false),
            sender,
            folder,
            options,
        }
    }

    pub(super) fn current(&self) -> Result<Arc<Current>, Fault> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current
            .as_ref()
            .map(Arc::clone)
            .ok_or_else(|| self.closed())
    }

    pub(super) fn watch(&self, watcher: Arc<dyn Watcher>) {
        self.watchers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(watcher);
    }

    pub(super) fn health(&self) -> Result<(), Fault> {
        let current = self.current()?;
        if let Some(fault) = self.fault().clone() {
            return Err(fault);
        }
        self.room(current.pages().disk().as_ref(), 0)
    }

    pub(super) fn is_small(&self) -> bool {
        let len = self
            .current()
            .ok()
            .and_then(|current| current.pages().disk().len().ok());
        len.is_some_and(|len| len <= VERIFIED_AT_OPEN_BYTES_MAX)
    }

    /// Has the store reopened, since a read failed.
    pub(super) fn ask_reopen(&self) {
        if !self.reopen_asked.swap(true, Ordering::AcqRel) {
            // Refused by a committer that is gone: then the store is closed anyway.
            let _ = self.sender.send(Message::Reopen);
        }
    }

    pub(super) fn closed(&self) -> Fault {
        let what = format!("the store in {} is closed", self.options.folder.display());
        Fault::new(FaultKind::Closed, what)
    }

    /// From now on, everything is refused.
    pub(super) fn close(&self) {
        self.show(None);
        self.watchers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    fn show(&self, current: Option<Arc<Current>>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
    }

    fn fault(&self) -> MutexGuard<'_, Option<Fault>> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell<'a>(&self, commits: impl Iterator<Item = &'a [Change]>) {
        let watchers = self
            .watchers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if watchers.is_empty() {
            return;
        }
        for changes in commits.filter(|changes| !changes.is_empty()) {
            for watcher in &watchers {
                watcher.changed(changes);
            }
        }
    }

    /// Refuses a group before redb meets a disk that can't take it.
    fn room(&self, disk: &dyn Disk, group_bytes: u64) -> Result<(), Fault> {
        let folder = &self.options.folder;
        let room = disk
            .room()
            .map_err(|error| io_fault(&error, "asking for the free space of", folder))?;
        if room.read_only {
            let what = format!("the disk of {} is read-only", folder.display());
            return Err(Fault::new(FaultKind::ReadOnly, what));
        }
        // Each record is copied together with the pages around it, before the old ones are given back.
        let needed = self
            .options
            .reserve_bytes
            .saturating_add(group_bytes.saturating_mul(2));
        if room.free_bytes < needed {
            let what = format!(
                "the disk of {} is full: {} KiB are left, and {} KiB are needed to write safely",
                folder.display(),
                room.free_bytes / 1024,
                needed.div_ceil(1024)
            );
            return Err(Fault::new(FaultKind::NoSpace, what));
        }
        Ok(())
    }
}

pub(super) struct Committer {
    shared: Arc<Shared>,
    instance: Arc<Instance>,
    receiver: Receiver<Message>,
    acknowledged: Revision,
    /// What a group changed that failed, and of which nobody knows whether it is on disk.
    unknown: Vec<Vec<Change>>,
    retry_at: Option<Instant>,
}

impl Committer {
    pub(super) fn new(
        shared: Arc<Shared>,
        instance: Arc<Instance>,
        receiver: Receiver<Message>,
    ) -> Self {
        let acknowledged = shared
            .current()
            .map_or(Revision::ABSENT, |current| current.revision());
        Self {
            shared,
            instance,
            receiver,
            acknowledged,
            unknown: Vec::new(),
            retry_at: None,
        }
    }

    pub(super) fn run(mut self) {
        *self.shared.fault() = self.instance.pages().frozen().cloned();
        loop {
            match self.next() {
                Some(Message::Commit(commit, answer)) => {
                    let (commits, answers, then) = self.gather(commit, answer);
                    self.write(&commits, answers);
                    match then {
                        Some(Message::Close) => break,
                        Some(Message::Reopen) => self.read_failed(),
                        Some(Message::Commit(..)) | None => {}
                    }
                }
                Some(Message::Reopen) => self.read_failed(),
                Some(Message::Close) => break,
                None => self.recover(),
            }
        }
    }

    /// The next message; `None` if it is time to look whether the disk is well again.
    fn next(&self) -> Option<Message> {
        if self.instance.pages().frozen().is_none() {
            // The shared part holds a sender, so that waiting doesn't end without a message.
            return Some(self.receiver.recv().unwrap_or(Message::Close));
        }
        match self.receiver.recv_timeout(RETRY_AFTER) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Message::Close),
        }
    }

    /// All commits that wait already, up to the size of a group, and what came behind them.
    fn gather(
        &self,
        commit: Commit,
        answer: Answer,
    ) -> (Vec<Commit>, Vec<Answer>, Option<Message>) {
        let mut bytes = commit.size_bytes();
        let (mut commits, mut answers) = (vec![commit], vec![answer]);
        while commits.len() < GROUP_COMMITS_MAX && bytes < GROUP_BYTES_MAX {
            match self.receiver.try_recv() {
                Ok(Message::Commit(commit, answer)) => {
                    bytes += commit.size_bytes();
                    commits.push(commit);
                    answers.push(answer);
                }
                Ok(other) => return (commits, answers, Some(other)),
                Err(_) => break,
            }
        }
        (commits, answers, None)
    }

    fn write(&mut self, commits: &[Commit], answers: Vec<Answer>) {
        let answered = match self.try_write(commits) {
            Ok(outcomes) => outcomes
                .into_iter()
                .map(|outcome| outcome.map(|(revision, _)| revision))
                .collect(),
            Err(fault) => vec![Err(CommitError::Fault(fault)); answers.len()],
        };
        for (answer, result) in answers.into_iter().zip(answered) {
            // Whoever doesn't wait any more isn't told.
            let _ = answer.send(result);
        }
    }

    fn try_write(&mut self, commits: &[Commit]) -> Result<Vec<Outcome>, Fault> {
        if self.instance.pages().frozen().is_some() {
            self.recover();
        }
        if let Some(fault) = self.instance.pages().frozen() {
            let fault = self.shared.fault().clone().unwrap_or_else(|| fault.clone());
            return Err(fault.before_writing());
        }
        let bytes = commits
            .iter()
            .map(|commit| commit.size_bytes() as u64)
            .sum();
        self.shared
            .room(self.instance.pages().disk().as_ref(), bytes)
            .map_err(Fault::before_writing)?;
        let (outcomes, applied) = self.instance.apply(commits);
        let changed = outcomes
            .iter()
            .flatten()
            .any(|(_, changes)| !changes.is_empty());
        match applied.and_then(|()| changed.then(|| Current::of(&self.instance)).transpose()) {
            Ok(current) => {
                if let Some(current) = current {
                    self.acknowledge(current);
                    self.shared.tell(
                        outcomes
                            .iter()
                            .flatten()
                            .map(|(_, changes)| changes.as_slice()),
                    );
                }
                Ok(outcomes)
            }
            Err(fault) => {
                let pages = self.instance.pages();
                // A panic or a read that failed left redb in a state that nothing should be built upon.
                pages.freeze(fault.clone());
                *self.shared.fault() = Some(fault.clone());
                let unknown = pages.commit_may_be_there();
                self.unknown = outcomes
                    .into_iter()
                    .flatten()
                    .map(|(_, changes)| changes)
                    .collect();
                Err(if unknown {
                    fault
                } else {
                    fault.before_writing()
                })
            }
        }
    }

    fn acknowledge(&mut self, current: Arc<Current>) {
        self.acknowledged = current.revision();
        self.shared.show(Some(current));
        self.shared.folder.note_revision(self.acknowledged);
    }

    fn read_failed(&mut self) {
        let pages = self.instance.pages();
        if pages.read_failed() {
            let what = format!("{} could not be read", pages.path().display());
            pages.freeze(Fault::new(FaultKind::Io, what));
            self.recover();
        }
        self.shared.reopen_asked.store(false, Ordering::Release);
    }

    /// Reopens the file after a failure, unless it was tried a moment ago.
    fn recover(&mut self) {
        if self.retry_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        self.retry_at = Some(Instant::now() + RETRY_AFTER);
        let outcome = self.reopen();
        *self.shared.fault() = outcome.err();
    }

    fn reopen(&mut self) -> Result<(), Fault> {
        let pages = self.instance.pages();
        let disk = Arc::clone(pages.disk());
        // While reads go on, wait until writing has a chance.
        let readable = !pages.read_failed();
        if readable {
            self.shared.room(disk.as_ref(), 0)?;
        }
        disk.forget_cached();
        let path = pages.path().to_owned();
        let instance = Instance::open(path, disk, self.shared.options.cache_bytes, false)?;
        let instance = Arc::new(instance);
        let frozen = instance.pages().frozen().cloned();
        if readable && let Some(fault) = frozen {
            return Err(fault);
        }
        let current = Current::of(&instance)?;
        if current.revision() < self.acknowledged {
            let what = format!(
                "{} fell back from revision {} to {} when the disk failed",
                instance.pages().path().display(),
                self.acknowledged,
                current.revision()
            );
            return Err(Fault::new(FaultKind::Damaged { key: None }, what));
        }
        let turned_out = current.revision() > self.acknowledged;
        let old = std::mem::replace(&mut self.instance, instance);
        self.acknowledge(current);
        let unknown = std::mem::take(&mut self.unknown);
        if turned_out {
            self.shared.tell(unknown.iter().map(Vec::as_slice));
        }
        // The next commit may reuse pages that old snapshots still read.
        drain(&old);
        old.pages().fence();
        frozen.map_or(Ok(()), Err)
    }
}

impl Drop for Committer {
    /// Nothing is answered without a committer, reads neither: if a watcher panicked, nobody knows what it missed.
    fn drop(&mut self) {
        *self.shared.fault() = Some(self.shared.closed());
        self.shared.show(None);
        drain(&self.instance);
    }
}

/// Waits, for a moment, until nobody reads through this instance any more.
fn drain(instance: &Arc<Instance>) {
    let give_up = Instant::now() + DRAIN_MAX;
    while Arc::strong_count(instance) > 1 && Instant::now() < give_up {
        std::thread::sleep(Duration::from_millis(1));
    }
}
