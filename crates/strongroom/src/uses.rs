//! Uses that were noted and aren't written down yet: the queue, what readers are shown meanwhile, and the worker that
//! writes a few hundred down at a time. A crash loses the notes of the last moments, and nothing else.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use strongroom_services::last_use::Use;
use strongroom_services::records::{AnyRecord, Changes, Records};
use strongroom_services::refusal::Stop;
use strongroom_services::time::Timestamp;
use strongroom_store::{Commit, CommitError, Revision, Store};

use crate::cache::CachedRecords;
use crate::pipeline;
use crate::workers::{self, WorkerState};

/// Records of which a use may be noted at once; with more, requests wait until some are written down.
const NOTED_MAX: usize = 16_384;
/// Uses that one commit writes down. Each takes up to three of its operations.
const BATCH: usize = 40;
/// Bytes after which a commit takes no more of them: half of what it may hold, since the last one counts too.
const BATCH_BYTES: usize = strongroom_store::COMMIT_BYTES_MAX / 2;
/// Commits that are under way at once, so that the store writes them together.
const BATCHES: usize = 16;
/// Times that a batch is decided anew because others were faster; then it waits for the next run.
const ATTEMPTS_MAX: usize = 10;

/// The queue.
#[derive(Default)]
pub struct Notes {
    noted: Mutex<HashMap<Vec<u8>, Vec<Use>>>,
    /// How many records there are in it, so that most look-ups needn't wait for each other.
    count: AtomicUsize,
}

impl Notes {
    /// Notes a use; whether there was room.
    pub fn add(&self, used: Use) -> bool {
        let mut noted = self.lock();
        if let Some(uses) = noted.get_mut(used.key().as_bytes()) {
            uses.retain(|earlier| !used.replaces(earlier));
            uses.push(used);
            return true;
        }
        if noted.len() >= NOTED_MAX {
            return false;
        }
        noted.insert(used.key().as_bytes().to_vec(), vec![used]);
        self.count.store(noted.len(), Ordering::Release);
        true
    }

    /// The record as it is to be shown, where that isn't as it is.
    pub fn shown(&self, key: &[u8], record: Option<&AnyRecord>) -> Option<AnyRecord> {
        if self.is_empty() {
            return None;
        }
        let noted = self.lock();
        let mut shown = None;
        for used in noted.get(key)? {
            shown = used.shown(shown.as_ref().or(record)).or(shown);
        }
        shown
    }

    /// Whether nothing is noted.
    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// Forgets everything.
    pub fn clear(&self) {
        let mut noted = self.lock();
        noted.clear();
        self.count.store(0, Ordering::Release);
    }

    /// Some of the uses, in batches.
    fn batches(&self) -> Vec<Vec<Use>> {
        let noted = self.lock();
        let uses: Vec<Use> = noted
            .values()
            .flatten()
            .take(BATCH * BATCHES)
            .cloned()
            .collect();
        uses.chunks(BATCH).map(<[Use]>::to_vec).collect()
    }

    /// Forgets what was written down, but not what was noted of the same records meanwhile.
    fn forget(&self, written: &[Use]) {
        let mut noted = self.lock();
        for used in written {
            let key = used.key().as_bytes();
            if let Some(uses) = noted.get_mut(key) {
                uses.retain(|each| each != used);
                if uses.is_empty() {
                    noted.remove(key);
                }
            }
        }
        self.count.store(noted.len(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Vec<Use>>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes down what was noted.
pub struct UseWorker {
    state: Mutex<WorkerState>,
    /// One at a time: two would write the same.
    writing: tokio::sync::Mutex<()>,
}

impl UseWorker {
    /// It has not run yet.
    pub fn new() -> Self {
        UseWorker {
            state: Mutex::new(WorkerState::new("last-uses")),
            writing: tokio::sync::Mutex::default(),
        }
    }

    /// How it is doing.
    pub fn state(&self) -> WorkerState {
        workers::state(&self.state)
    }

    /// Writes down everything that is noted when it begins, or until the store fails.
    pub async fn run(&self, records: &CachedRecords, store: &dyn Store, now: Timestamp) {
        if records.notes().is_empty() {
            return;
        }
        let _writing = self.writing.lock().await;
        let mut done = 0;
        let result = loop {
            let batches = records.notes().batches();
            let under_way = batches
                .into_iter()
                .map(|uses| Box::pin(write_down(uses, records, store)) as Pin<Box<_>>)
                .collect::<Vec<_>>();
            let is_last = under_way.len() < BATCHES;
            let written: Result<Vec<u64>, String> = all(under_way).await.into_iter().collect();
            match written {
                Ok(written) => {
                    let written = written.iter().sum::<u64>();
                    done += written;
                    if is_last || written == 0 {
                        break Ok(());
                    }
                }
                Err(error) => break Err(error),
            }
        };
        workers::note_run(&self.state, done, now, store, result);
    }
}

impl Default for UseWorker {
    fn default() -> Self {
        Self::new()
    }
}

/// Writes down a batch; how much of it.
async fn write_down(
    uses: Vec<Use>,
    source: &CachedRecords,
    store: &dyn Store,
) -> Result<u64, String> {
    for _ in 0..ATTEMPTS_MAX {
        let (commit, taken) = decide(&uses, source);
        let written = match commit {
            Some(commit) => store.commit(commit).await,
            None => Ok(Revision(0)),
        };
        match written {
            Ok(_) => {
                source.notes().forget(&uses[..taken]);
                return Ok(taken as u64);
            }
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(0)
}

/// What writes a batch down, as the records are now, and how many of its uses fit.
fn decide(uses: &[Use], source: &CachedRecords) -> (Option<Commit>, usize) {
    let records = Records::of(source);
    let mut changes = Changes::none();
    let mut taken = 0;
    for used in uses {
        if let Err(stop) = used.write_down(&records, &mut changes) {
            // A damaged record must not keep the others from being written down.
            let cause = match stop {
                Stop::Unavailable(cause) => cause.to_string(),
                Stop::Refused(refusal) => refusal.message.unwrap_or_default(),
            };
            let key = used.key().as_bytes().escape_ascii().to_string();
            tracing::warn!(key, cause, "when it was last used is not written down");
        }
        taken += 1;
        if changes.bytes() >= BATCH_BYTES {
            break;
        }
    }
    let commit = pipeline::commit(records.into_seen(), changes);
    ((!commit.writes.is_empty()).then_some(commit), taken)
}

/// What becomes of all of them, side by side.
async fn all<T>(futures: Vec<Pin<Box<dyn Future<Output = T> + Send + '_>>>) -> Vec<T> {
    let mut under_way: Vec<_> = futures.into_iter().map(|each| (Some(each), None)).collect();
    std::future::poll_fn(move |context| {
        let mut is_ready = true;
        for (future, outcome) in &mut under_way {
            if let Some(each) = future {
                match each.as_mut().poll(context) {
                    Poll::Ready(value) => (*future, *outcome) = (None, Some(value)),
                    Poll::Pending => is_ready = false,
                }
            }
        }
        if is_ready {
            Poll::Ready(
                under_way
                    .drain(..)
                    .filter_map(|(_, outcome)| outcome)
                    .collect(),
            )
        } else {
            Poll::Pending
        }
    })
    .await
}
