//! The log as its callers see it, and what its parts share.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::watch;

use crate::folder::Folder;
use crate::headfile::HeadFile;
use crate::index::Index;
use crate::opening::Found;
use crate::queue::{Appending, Position, Queue};
use crate::record::{Kind, PAYLOAD_BYTES_MAX};
use crate::segment::{Header, json};
use crate::watching::Seen;
use crate::writer::Writer;
use crate::{
    Clock, Durability, Fault, FaultKind, Head, LogId, Opened, Options, Reader, Resting, SigningKey,
    closing, keeper,
};

/// An open log.
///
/// Records queue up in memory while others are written. The queue has no bound of its own: whoever calls limits how
/// many are under way.
pub struct Log {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What the log's parts share.
pub(crate) struct Shared {
    pub(crate) id: LogId,
    pub(crate) options: Options,
    pub(crate) folder: Arc<dyn Folder>,
    pub(crate) clock: Clock,
    pub(crate) key: Mutex<SigningKey>,
    queue: Mutex<Queue>,
    pub(crate) writer: Mutex<Writer>,
    head_file: Mutex<HeadFile>,
    pub(crate) index: Arc<Index>,
    /// How files were when they were looked at first.
    pub(crate) seen: Mutex<Seen>,
    /// The newest record that is durable.
    durable: Mutex<Position>,
    watched: watch::Sender<u64>,
    store_revision: AtomicU64,
    /// Wakes the thread that writes and syncs.
    pub(crate) flusher: Alarm,
    /// Wakes the thread that looks after things.
    pub(crate) keeper: Alarm,
    /// Wakes the thread that closes segments.
    pub(crate) closer: Alarm,
    /// Keeps other processes out.
    pub(crate) lock: Mutex<Box<dyn Send + Sync>>,
}

impl Log {
    /// Opens the log in a folder, or makes one with this id. It is ready when this returns.
    ///
    /// The key signs from here on; it should be the one that signed before, unless [`Self::rotate_key`] told of another.
    ///
    /// Something damaged or missing doesn't keep it from opening, since calls have to be recorded; it is noted in the
    /// log and told in [`Opened::repaired`].
    ///
    /// # Errors
    /// - [`FaultKind::Locked`]: another process has it, or another `Log` of this one.
    /// - [`FaultKind::NewerFormat`]: a newer program wrote it.
    /// - [`FaultKind::ReadOnly`], [`FaultKind::NoSpace`], [`FaultKind::Io`]: the folder can't be used.
    pub fn open(
        options: &Options,
        key: SigningKey,
        fresh_id: [u8; 16],
        clock: Clock,
    ) -> Result<Opened, Fault> {
        Resting::find(options)?.open(key, fresh_id, clock)
    }

    /// As [`Self::open`], with the folder behind something else: how tests make a disk fail.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_on(
        folder: Arc<dyn Folder>,
        options: &Options,
        key: SigningKey,
        fresh_id: [u8; 16],
        clock: Clock,
    ) -> Result<Opened, Fault> {
        Resting::find_on(folder, options)?.open(key, fresh_id, clock)
    }

    /// Goes on with what opening found and made.
    pub(crate) fn begin(found: Found) -> Result<Opened, Fault> {
        let shared = Arc::new(found.shared);
        // What was found is noted before anything else is, and covered by a head.
        if !found.created {
            let milliseconds = (shared.clock)();
            shared.queue().push(milliseconds, Kind::Opened, b"{}");
        }
        shared.flush()?;
        shared.put_head(&shared.sign_head(), true);
        let log = Self {
            shared: Arc::clone(&shared),
            threads: Mutex::default(),
        };
        log.start("audit-keeper", {
            let shared = Arc::clone(&shared);
            move || keeper::run(&shared)
        })?;
        log.start("audit-closer", {
            let shared = Arc::clone(&shared);
            // A crash may have left some.
            shared.closer.ring();
            move || closing::run(&shared)
        })?;
        if shared.durability() == Durability::Fsync {
            log.start("audit-flusher", move || shared.keep_flushing())?;
        }
        Ok(Opened {
            log,
            repaired: found.repaired,
            created: found.created,
        })
    }

    fn start(&self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), Fault> {
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(run)
            .map_err(|error| Fault::io(&error, "starting a thread for", "the folder"))?;
        self.threads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(thread);
        Ok(())
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Names the log.
    pub fn id(&self) -> LogId {
        self.shared.id
    }

    /// Queues events in this order; they lie together in the log. Resolves to the last one's sequence once all are
    /// durable as configured.
    ///
    /// They are queued when this returns, and written soon whether or not the future is awaited: with the next ones that
    /// somebody waits for, or within a tenth of a second. Of no events, it resolves to the newest sequence at once, which
    /// may not be durable yet.
    ///
    /// # Errors
    /// The future's: the [`Fault`] that keeps the log from being written. None of the events is in the log then, unless
    /// the process dies before it has cut off what was half written.
    pub fn append(&self, payloads: &[impl AsRef<[u8]>]) -> Appending {
        self.append_kind(Kind::Event, payloads)
    }

    /// As [`Self::append`], remarks which aren't events.
    pub fn note(&self, payloads: &[impl AsRef<[u8]>]) -> Appending {
        self.append_kind(Kind::Note, payloads)
    }

    fn append_kind(&self, kind: Kind, payloads: &[impl AsRef<[u8]>]) -> Appending {
        let longest = payloads.iter().map(|payload| payload.as_ref().len()).max();
        if let Some(longest) = longest.filter(|longest| *longest > PAYLOAD_BYTES_MAX) {
            let what = format!(
                "a record of {longest} bytes is larger than the audit log takes, {PAYLOAD_BYTES_MAX} bytes"
            );
            return Appending::refused(Fault::new(FaultKind::TooLarge, what));
        }
        let milliseconds = (self.shared.clock)();
        let mut queue = self.shared.queue();
        if let Some(fault) = &queue.fault {
            return Appending::refused(fault.clone());
        }
        if payloads.is_empty() {
            return Appending::answered(queue.end.sequence);
        }
        self.shared.make_room(&mut queue, milliseconds);
        for payload in payloads {
            queue.push(milliseconds, kind, payload.as_ref());
        }
        Appending::queued(&self.shared, &queue)
    }

    /// Whether a record would be taken now, as far as is known without trying.
    ///
    /// # Errors
    /// The [`Fault`] that appending meets at present. The log tries about once a second whether it is over.
    pub fn health(&self) -> Result<(), Fault> {
        self.shared.queue().fault.clone().map_or(Ok(()), Err)
    }

    /// Follows the newest sequence that is durable.
    pub fn durable(&self) -> watch::Receiver<u64> {
        self.shared.watched.subscribe()
    }

    /// The signed head of what is durable now, to be kept outside of the folder. It is in the file `head` when this
    /// returns, and durable there as records are; so it may wait for the disk.
    pub fn head(&self, store_revision: u64) -> Head {
        self.note_store_revision(store_revision);
        let head = self.shared.sign_head();
        self.shared.put_head(&head, true);
        head
    }

    /// What the log's clock says, in milliseconds since 1970.
    pub fn now_milliseconds(&self) -> i64 {
        (self.shared.clock)()
    }

    /// Brings to the disk what [`Durability::Write`] left to the system: whatever must not be ahead of the log after a
    /// power cut waits for this. Waits for the disk.
    ///
    /// # Errors
    /// The [`Fault`] of the disk.
    pub fn sync(&self) -> Result<(), Fault> {
        let disk = Arc::clone(&self.shared.writer().disk);
        let synced = disk.sync();
        synced.map_err(|error| Fault::io(&error, "syncing", "the newest segment"))
    }

    /// Tells the log the store's newest revision, for the next heads.
    pub fn note_store_revision(&self, revision: u64) {
        self.shared
            .store_revision
            .fetch_max(revision, Ordering::Relaxed);
    }

    /// Goes on from this revision of the store, also where the log knows a newer one: an older copy of the store was put
    /// back, and that is meant.
    pub fn accept_store_revision(&self, revision: u64) {
        self.shared
            .store_revision
            .store(revision, Ordering::Relaxed);
    }

    /// Reads the log, as far as it is durable.
    pub fn reader(&self) -> Reader {
        Reader::beside(&self.shared)
    }

    /// Writes what is queued and a signed head, and refuses everything from then on. Closing twice is fine.
    pub fn close(&self) {
        self.shared.close();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        self.shared.flusher.end();
        self.shared.keeper.end();
        self.shared.closer.end();
        for thread in threads {
            let _ = thread.join();
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Log({})", self.shared.id)
    }
}

/// What [`Shared::new`] is made of.
pub(crate) struct Parts {
    pub(crate) id: LogId,
    pub(crate) options: Options,
    pub(crate) folder: Arc<dyn Folder>,
    pub(crate) clock: Clock,
    pub(crate) key: SigningKey,
    pub(crate) writer: Writer,
    pub(crate) head_file: HeadFile,
    pub(crate) index: Arc<Index>,
    pub(crate) lock: Box<dyn Send + Sync>,
    pub(crate) store_revision: u64,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        let written = parts.writer.written;
        let queue = Queue::new(written, parts.writer.segment, parts.writer.offset);
        Self {
            id: parts.id,
            options: parts.options,
            folder: parts.folder,
            clock: parts.clock,
            key: Mutex::new(parts.key),
            queue: Mutex::new(queue),
            writer: Mutex::new(parts.writer),
            head_file: Mutex::new(parts.head_file),
            index: parts.index,
            seen: Mutex::default(),
            durable: Mutex::new(written),
            watched: watch::Sender::new(written.sequence),
            store_revision: AtomicU64::new(parts.store_revision),
            flusher: Alarm::default(),
            keeper: Alarm::default(),
            closer: Alarm::default(),
            lock: Mutex::new(parts.lock),
        }
    }

    pub(crate) fn durability(&self) -> Durability {
        self.options.durability
    }

    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn durable(&self) -> Position {
        *self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows that everything up to here is durable.
    pub(crate) fn show_durable(&self, position: Position) {
        *self.durable.lock().unwrap_or_else(PoisonError::into_inner) = position;
        self.watched.send_replace(position.sequence);
    }

    /// Begins a new segment where the present one is long enough.
    pub(crate) fn make_room(&self, queue: &mut Queue, milliseconds: i64) {
        if queue.segment_len >= self.options.segment_bytes {
            let number = queue.segment + 1;
            self.begin_segment(queue, number, milliseconds);
        }
    }

    /// Queues the beginning of a segment.
    pub(crate) fn begin_segment(&self, queue: &mut Queue, number: u64, milliseconds: i64) {
        queue.split(number);
        let header = Header {
            format: crate::segment::FORMAT,
            log_id: self.id.to_string(),
            segment: number,
            public_key: self.key().public().to_base64(),
        };
        queue.push(milliseconds, Kind::Segment, &json(&header));
    }

    pub(crate) fn key(&self) -> MutexGuard<'_, SigningKey> {
        self.key.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn head_file(&self) -> MutexGuard<'_, HeadFile> {
        self.head_file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The head of what is durable now.
    pub(crate) fn sign_head(&self) -> Head {
        let durable = self.durable();
        Head::signed(
            self.id,
            durable.sequence,
            durable.hash,
            (self.clock)(),
            self.store_revision.load(Ordering::Relaxed),
            &self.key(),
        )
    }

    /// Writes a head into its file, unless a newer one is there.
    pub(crate) fn put_head(&self, head: &Head, sync: bool) {
        let mut file = self.head_file();
        let sync = sync && self.durability() == Durability::Fsync;
        if let Err(fault) = file.put(head, sync) {
            drop(file);
            self.fail(fault);
        }
    }

    fn close(&self) {
        {
            let mut queue = self.queue();
            if queue
                .fault
                .as_ref()
                .is_some_and(|fault| fault.kind() == FaultKind::Closed)
            {
                return;
            }
            if queue.fault.is_none() {
                queue.push((self.clock)(), Kind::Closed, b"{}");
            }
            // From now on, nothing is queued.
            let what = "the audit log is closed";
            queue.fault = Some(Fault::new(FaultKind::Closed, what));
        }
        if self.flush().is_ok() {
            self.put_head(&self.sign_head(), true);
        }
    }
}

/// Wakes a thread.
#[derive(Default)]
pub(crate) struct Alarm {
    /// The thread sleeps, so that it has to be woken.
    sleeps: AtomicBool,
    state: Mutex<AlarmState>,
    rings: Condvar,
}

#[derive(Default)]
struct AlarmState {
    rung: bool,
    ended: bool,
}

impl Alarm {
    fn state(&self) -> MutexGuard<'_, AlarmState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ring(&self) {
        let mut state = self.state();
        if !std::mem::replace(&mut state.rung, true) && self.sleeps.load(Ordering::Relaxed) {
            drop(state);
            self.rings.notify_one();
        }
    }

    /// Whether the thread is to end.
    pub(crate) fn is_ended(&self) -> bool {
        self.state().ended
    }

    fn end(&self) {
        self.state().ended = true;
        self.rings.notify_one();
    }

    /// Waits until it rings, or for this long. Whether there is more to come.
    pub(crate) fn wait(&self, at_most: Option<std::time::Duration>) -> bool {
        let mut state = self.state();
        self.sleeps.store(true, Ordering::Relaxed);
        if !state.rung && !state.ended {
            state = match at_most {
                None => self
                    .rings
                    .wait_while(state, |state| !state.rung && !state.ended)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(at_most) => {
                    self.rings
                        .wait_timeout(state, at_most)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
        self.sleeps.store(false, Ordering::Relaxed);
        state.rung = false;
        !state.ended
    }
}
