//! Recording: each call's events go into the log before its answer leaves, those of a change into its commit.
//!
//! Here are the order of things and the tie between the log and the store; what an event says is a rule
//! (`strongroom_services::cloudtrail::event`), how it is kept is the log's.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use strongroom_audit::{Clock, Durability, Head, Log, Options, Repair};
use strongroom_keys::{Entropy, Keyring};
use strongroom_services::cloudtrail::event::{self, Event, EventId};
use strongroom_services::cloudtrail::label_update;
use strongroom_services::records::{Changes, Seen};
use strongroom_services::time::Timestamp;
use strongroom_store::{Commit, CommitError, Fault, Revision, Store, Write};

use super::anchors::memory::Memory;
use super::keys;
use super::outbox::{self, Outbox, REMOVED_AT_ONCE};
use crate::edge::fresh_id;
use crate::{pipeline, rotation};

/// Bytes after which a segment of the log is closed.
pub const SEGMENT_BYTES: u64 = 64 << 20;
/// How often it is looked whether what is waited for will still come.
const SETTLE_INTERVAL: Duration = Duration::from_millis(250);
/// The folder of the log, in the data folder.
pub const FOLDER_NAME: &str = "audit";

/// How often segments that are too old are looked for.
const PRUNE_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// How a node keeps its audit log.
#[derive(Clone, Debug)]
pub struct AuditSettings {
    /// What an answer waits for.
    pub durability: Durability,
    /// How long a segment grows.
    pub segment_bytes: u64,
    /// How long a closed segment is kept; `None`: for ever.
    pub retention: Option<Duration>,
    /// What this machine remembers of logs; `None`: nothing.
    pub memory: Option<Arc<Memory>>,
    /// That an operator says: this folder was put back from an older copy, and that is meant.
    pub restored: bool,
}

impl Default for AuditSettings {
    fn default() -> Self {
        AuditSettings {
            durability: Durability::Fsync,
            segment_bytes: SEGMENT_BYTES,
            retention: None,
            memory: None,
            restored: false,
        }
    }
}

/// Why a node's audit log can't be used.
#[derive(Debug, thiserror::Error)]
pub enum AuditProblem {
    /// The log itself.
    #[error("{0}")]
    Log(#[from] strongroom_audit::Fault),
    /// The store, which holds the log's keys and its newest head.
    #[error(transparent)]
    Store(#[from] Fault),
    /// A commit that belongs to it.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The file of its head.
    #[error("{0}")]
    Head(String),
    /// Its key doesn't open.
    #[error("the key of the audit log can't be read ({0}): restore a whole backup")]
    Key(String),
    /// The log, the store, or both are an older copy.
    #[error(
        "{0}. If it was put back on purpose, start once with --restored: that is noted in the log. Otherwise somebody \
         replaced data: look at `strongroom audit verify`, and put the newest copy back"
    )]
    PutBack(String),
}

/// Why changes were not committed.
#[derive(Debug, thiserror::Error)]
pub enum NotCommitted {
    /// The store.
    #[error(transparent)]
    Store(#[from] CommitError),
    /// Their events can't be recorded; nothing was written.
    #[error(transparent)]
    NotAudited(#[from] strongroom_audit::Fault),
}

/// What records events: into the log, or with the changes that they tell of.
pub struct Recorder {
    recording: Option<Recording>,
}

struct Recording {
    log: Arc<Log>,
    id: String,
    durability: Durability,
    retention: Option<Duration>,
    /// When segments that are too old were last looked for.
    pruned: Mutex<Option<Instant>>,
    outbox: Arc<Outbox>,
    /// The sequence of the head that the store holds.
    tied: AtomicU64,
}

impl Recorder {
    /// One that records nothing: for simulations, and to measure what recording costs.
    pub fn none() -> Self {
        Recorder { recording: None }
    }

    /// Opens the log of a data folder, makes sure that it and the store belong together, and hands it what was committed
    /// and not logged when the server ended.
    ///
    /// # Errors
    /// [`AuditProblem`]
    pub async fn open(
        data_dir: PathBuf,
        settings: &AuditSettings,
        store: &dyn Store,
        (keyring, entropy): (&Keyring, &dyn Entropy),
        clock: Clock,
    ) -> Result<Self, AuditProblem> {
        let options = Options {
            durability: settings.durability,
            segment_bytes: settings.segment_bytes,
            ..Options::new(data_dir.join(FOLDER_NAME))
        };
        let opened = keys::open(&options, settings, store, (keyring, entropy), clock).await?;
        match &opened.repaired {
            None => {}
            Some(Repair::CutTail { bytes, .. }) => tracing::warn!(
                bytes,
                "the end of the audit log was torn, as when a server is killed while it writes; it was cut, and that is \
                 noted in the log"
            ),
            Some(Repair::Damage { what }) => tracing::error!(
                %what,
                "the audit log is damaged; it goes on in a new segment, and what was found is noted in it: look at \
                 `strongroom audit verify`"
            ),
        }
        let recording = Recording {
            id: opened.log.id().to_string(),
            log: Arc::new(opened.log),
            durability: settings.durability,
            retention: settings.retention,
            pruned: Mutex::new(None),
            outbox: Arc::default(),
            tied: AtomicU64::new(0),
        };
        recording.drain(store).await?;
        Ok(Recorder {
            recording: Some(recording),
        })
    }

    /// Whether events are recorded.
    pub fn is_on(&self) -> bool {
        self.recording.is_some()
    }

    /// Whether events can be recorded now.
    ///
    /// # Errors
    /// What keeps them from it.
    pub fn health(&self) -> Result<(), strongroom_audit::Fault> {
        let recording = self.recording.as_ref();
        recording.map_or(Ok(()), |recording| recording.log.health())
    }

    /// The log, for whoever reads it.
    pub fn log(&self) -> Option<&Log> {
        self.recording.as_ref().map(|recording| &*recording.log)
    }

    /// Records events; returns once they are durable.
    ///
    /// # Errors
    /// They can't be.
    pub async fn record(&self, events: Vec<Logged>) -> Result<(), strongroom_audit::Fault> {
        match &self.recording {
            Some(recording) if !events.is_empty() => {
                // The log has its own copy: while many wait, theirs would only keep memory cold.
                let appending = recording.log.append(&payloads(events));
                appending.await.map(|_| ())
            }
            _ => Ok(()),
        }
    }

    /// Commits changes with their events, all or nothing, and hands the events to the log. The answer needn't wait for
    /// the log: the store holds them.
    ///
    /// # Errors
    /// [`NotCommitted`]
    pub async fn commit(
        &self,
        store: &dyn Store,
        mut commit: Commit,
        events: Vec<Logged>,
    ) -> Result<Revision, NotCommitted> {
        let Some(recording) = &self.recording else {
            return Ok(store.commit(commit).await?);
        };
        recording.log.health()?;
        let after = *recording.log.durable().borrow();
        let pending = recording
            .outbox
            .add(&recording.id, after, &events, &mut commit);
        let committed = store.commit(commit).await;
        match &committed {
            Ok(revision) => {
                recording.log.note_store_revision(revision.0);
                if let Some(pending) = pending {
                    recording.hand_over(pending.committed(), &payloads(events));
                }
            }
            // It may be there nevertheless: dropped, the row is looked for later.
            Err(CommitError::Fault(fault)) if !fault.is_before_writing() => {}
            Err(_) => {
                if let Some(pending) = pending {
                    pending.refused();
                }
            }
        }
        Ok(committed?)
    }

    /// Commits changes with their events, with those of what the services do by themselves, and with those for
    /// EventBridge.
    ///
    /// # Errors
    /// [`NotCommitted`]
    pub async fn commit_changes(
        &self,
        store: &dyn Store,
        seen: Vec<Seen>,
        mut changes: Changes,
        mut events: Vec<Logged>,
        now: Timestamp,
    ) -> Result<(), NotCommitted> {
        let by_services = std::mem::take(&mut changes.events);
        let updates = std::mem::take(&mut changes.label_updates);
        if self.is_on() {
            for told in &by_services {
                events.push(event::service_event(told, now, &mut fresh_id).into());
            }
            for update in &updates {
                events.push(label_update::native_event(update, now, &mut fresh_id).into());
            }
        }
        self.commit(store, pipeline::commit(seen, changes), events)
            .await?;
        rotation::tell(&by_services);
        Ok(())
    }

    /// Returns once all that was handed over before is durable.
    ///
    /// # Errors
    /// The log can't be written.
    pub async fn settle(&self) -> Result<(), strongroom_audit::Fault> {
        let Some(recording) = &self.recording else {
            return Ok(());
        };
        let log = &recording.log;
        let newest = || log.append(&[] as &[Vec<u8>]).sequence().unwrap_or_default();
        let wanted = newest();
        let mut durable = log.durable();
        loop {
            // What was queued when the log broke isn't there any more.
            let wanted = wanted.min(newest());
            let reached = durable.wait_for(|durable| *durable >= wanted);
            match tokio::time::timeout(SETTLE_INTERVAL, reached).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(_)) | Err(_) => log.health()?,
            }
        }
    }

    /// Writes a remark, a JSON object, into the log, which is no event; returns once it is durable.
    ///
    /// # Errors
    /// It can't be written.
    pub async fn note(&self, remark: String) -> Result<(), strongroom_audit::Fault> {
        match &self.recording {
            Some(recording) => recording.log.note(&[remark]).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Hands over what was left, removes what the log holds, and ties the store to the log's end. Once a second, and at
    /// the end.
    ///
    /// # Errors
    /// What kept it from that; it is tried again.
    pub async fn tidy(&self, store: &dyn Store) -> Result<u64, AuditProblem> {
        match &self.recording {
            Some(recording) => Ok(recording.tidy(store).await? + recording.prune().await?),
            None => Ok(0),
        }
    }

    /// Has another key sign the log from now on; the one so far vouches for it. The public halves so far, the newest
    /// last.
    ///
    /// # Errors
    /// [`AuditProblem`]
    pub async fn rotate_key(
        &self,
        store: &dyn Store,
        keys: (&Keyring, &dyn Entropy),
    ) -> Result<Vec<String>, AuditProblem> {
        match &self.recording {
            Some(recording) => keys::rotate(&recording.log, store, keys).await,
            None => Ok(Vec::new()),
        }
    }

    /// Ends recording: what was queued is written, and the head signed.
    pub fn close(&self) {
        if let Some(recording) = &self.recording {
            recording.log.close();
        }
    }
}

impl Recording {
    /// Appends a row's events behind the answer.
    fn hand_over(&self, key: Vec<u8>, payloads: &[Vec<u8>]) {
        let appending = self.log.append(payloads);
        let outbox = Arc::clone(&self.outbox);
        tokio::spawn(async move {
            match appending.await {
                Ok(_) => outbox.settle(key),
                Err(_) => outbox.reopen(key),
            }
        });
    }

    /// At a start: appends what rests in the store and isn't in the log.
    async fn drain(&self, store: &dyn Store) -> Result<(), AuditProblem> {
        let rows = outbox::all(store, &self.id)?;
        let (missing, logged) = outbox::not_in(&self.log.reader(), rows)?;
        self.outbox.put_back(logged);
        if !missing.is_empty() {
            tracing::warn!(
                rows = missing.len(),
                "events of changes whose server ended before it logged them are logged now"
            );
        }
        for row in missing {
            self.log.append(&row.events).await?;
            self.outbox.settle(row.key);
        }
        // Where the disk is full, the worker goes on with it.
        if let Err(error) = self.tidy(store).await {
            tracing::warn!(%error, "the store could not be tied to the end of the audit log yet");
        }
        Ok(())
    }

    /// The signed head of what is on the disk, which the store may know without ever being ahead of it.
    async fn head(&self, store: &dyn Store) -> Result<Head, AuditProblem> {
        let revision = store.snapshot()?.revision().0;
        let (log, durability) = (Arc::clone(&self.log), self.durability);
        let head = move || {
            if durability == Durability::Write {
                log.sync()?;
            }
            Ok(log.head(revision))
        };
        aside(head).await
    }

    /// Removes segments that are older than they need be, now and then.
    async fn prune(&self) -> Result<u64, AuditProblem> {
        let Some(retention) = self.retention else {
            return Ok(0);
        };
        {
            let mut pruned = self.pruned.lock().unwrap_or_else(PoisonError::into_inner);
            if pruned.is_some_and(|at| at.elapsed() < PRUNE_INTERVAL) {
                return Ok(0);
            }
            *pruned = Some(Instant::now());
        }
        let log = Arc::clone(&self.log);
        let age = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
        let removed = aside(move || log.prune(log.now_milliseconds().saturating_sub(age))).await?;
        if removed > 0 {
            tracing::info!(
                removed,
                "segments of the audit log that were older than audit.retention_days are gone"
            );
        }
        Ok(removed)
    }

    async fn tidy(&self, store: &dyn Store) -> Result<u64, AuditProblem> {
        self.log.health()?;
        let mut done = 0;
        for key in self.outbox.take_open() {
            match outbox::find(store, &key) {
                Ok(Some(row)) => self.hand_over(row.key, &row.events),
                Ok(None) => {}
                Err(fault) => {
                    self.outbox.reopen(key);
                    return Err(fault.into());
                }
            }
            done += 1;
        }
        loop {
            let is_news = *self.log.durable().borrow() != self.tied.load(Ordering::Acquire);
            let settled = self.outbox.take_settled(REMOVED_AT_ONCE);
            if settled.is_empty() && !is_news {
                return Ok(done);
            }
            let is_last = settled.len() < REMOVED_AT_ONCE;
            let head = match is_last && is_news {
                true => self.head(store).await.map(Some),
                false => Ok(None),
            };
            let head = match head {
                Ok(head) => head,
                Err(error) => {
                    self.outbox.put_back(settled);
                    return Err(error);
                }
            };
            let mut writes: Vec<Write> = outbox::removals(&settled).collect();
            writes.extend(head.as_ref().map(|head| keys::put_head(&self.id, head)));
            let commit = Commit {
                conditions: Vec::new(),
                writes,
            };
            match store.commit(commit).await {
                Ok(revision) => {
                    self.log.note_store_revision(revision.0);
                    done += settled.len() as u64;
                }
                Err(error) => {
                    self.outbox.put_back(settled);
                    return Err(error.into());
                }
            }
            if let Some(head) = head {
                self.tied.store(head.sequence, Ordering::Release);
            }
            if is_last {
                return Ok(done);
            }
        }
    }
}

/// Does what waits for the disk where nobody waits for it.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, strongroom_audit::Fault> + Send + 'static,
) -> Result<T, AuditProblem> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| AuditProblem::Head(error.to_string()))?;
    Ok(done?)
}

/// An event as it is logged.
#[derive(Clone, Debug)]
pub struct Logged {
    /// Its id.
    pub id: EventId,
    /// All of it, as JSON.
    pub json: Vec<u8>,
}

impl From<Event<'_>> for Logged {
    fn from(event: Event<'_>) -> Self {
        Logged {
            id: event.id,
            json: event.json,
        }
    }
}

/// Events as they are logged.
pub fn entries(events: Vec<Event<'_>>) -> Vec<Logged> {
    events.into_iter().map(Logged::from).collect()
}

fn payloads(events: Vec<Logged>) -> Vec<Vec<u8>> {
    events.into_iter().map(|event| event.json).collect()
}
