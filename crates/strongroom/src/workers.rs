//! Background jobs: what must happen although nobody asks. Each shows when it ran last and what went
//! wrong. What is to be done is decided in `strongroom-services`; here it is found and committed.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use strongroom_services::due::{self, Due};
use strongroom_services::operation::Means;
use strongroom_services::records::{Key, Records, Source};
use strongroom_services::refusal::Stop;
use strongroom_services::time::Timestamp;
use strongroom_store::embedded::Embedded;
use strongroom_store::{CommitError, FaultKind, Store};

use crate::audit::NotCommitted;
use crate::cache::CachedRecords;
use crate::node::Node;

/// How often what is due is looked for.
const DUE_INTERVAL: Duration = Duration::from_secs(1);
/// How often the uses that were noted are written down.
const USES_INTERVAL: Duration = Duration::from_millis(250);
/// How often code is looked for that nothing refers to any more.
const SWEEP_INTERVAL: Duration = Duration::from_secs(600);
/// How often the store is tied to the end of the audit log.
const TIDY_INTERVAL: Duration = Duration::from_secs(1);
/// After so many conflicts in a run, the rest is left to the next one.
const CONFLICTS_MAX: u64 = 1000;
/// Rows that are carried out before the index is looked at again.
const DUE_BATCH: usize = 1000;

/// How a background job is doing.
#[derive(Clone, Debug)]
pub struct WorkerState {
    /// What it is called.
    pub name: Cow<'static, str>,
    /// When it last ran to its end, in the domain's time.
    pub last_run: Option<Timestamp>,
    /// How many items it has dealt with since the start.
    pub done: u64,
    /// What went wrong in its last run; it tries again in the next.
    pub last_error: Option<String>,
}

impl WorkerState {
    /// Of one that has not run yet.
    pub(crate) fn new(name: &'static str) -> Self {
        WorkerState {
            name: name.into(),
            last_run: None,
            done: 0,
            last_error: None,
        }
    }
}

/// How a job is doing.
pub(crate) fn state(state: &Mutex<WorkerState>) -> WorkerState {
    state.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Notes how a job's run ended.
pub(crate) fn note_run(
    state: &Mutex<WorkerState>,
    done: u64,
    now: Timestamp,
    store: &dyn Store,
    result: Result<(), String>,
) {
    if store
        .health()
        .is_err_and(|fault| *fault.kind() == FaultKind::Closed)
    {
        // The server is ending; what is still due is found at the next start.
        return;
    }
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    state.done += done;
    match result {
        Ok(()) => {
            if state.last_error.is_some() {
                tracing::info!(work = %state.name, "what could not be carried out is done again");
            }
            (state.last_run, state.last_error) = (Some(now), None);
        }
        Err(error) => {
            if state.last_error.as_ref() != Some(&error) {
                tracing::error!(%error, work = %state.name, "what is due could not be carried out");
            }
            state.last_error = Some(error);
        }
    }
}

/// Starts the background jobs of a node; they end with it.
pub fn start(node: &Arc<Node>) {
    every(DUE_INTERVAL, node, |node| async move {
        node.carry_out_due().await
    });
    every(SWEEP_INTERVAL, node, |node| async move {
        node.sweep_code().await
    });
    every(USES_INTERVAL, node, |node| async move {
        node.write_uses().await
    });
    every(TIDY_INTERVAL, node, |node| async move {
        node.tidy_audit().await
    });
}

/// Does something again and again, for as long as there is the node.
fn every<F>(interval: Duration, node: &Arc<Node>, work: impl Fn(Arc<Node>) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send,
{
    let node: Weak<Node> = Arc::downgrade(node);
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(node) = node.upgrade() else { return };
            work(node).await;
        }
    });
}

/// Verifies a store that is too large to be verified before it serves, once, on a thread of its own.
pub struct StoreCheck {
    state: Mutex<WorkerState>,
}

impl StoreCheck {
    /// It has not run yet.
    pub fn new() -> Self {
        StoreCheck {
            state: Mutex::new(WorkerState::new("store-verification")),
        }
    }

    /// How it is doing.
    pub fn state(&self) -> WorkerState {
        state(&self.state)
    }

    /// Verifies all records; takes as long as reading the file takes.
    pub fn run(&self, store: &Embedded, now: Timestamp) {
        let verification = store.verify();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.last_run = Some(now);
        state.done = verification.records;
        let Some(first) = verification.faults.first() else {
            tracing::info!(records = verification.records, "the store is whole");
            return;
        };
        // Closed meanwhile: the next start verifies it.
        if *first.kind() == FaultKind::Closed {
            return;
        }
        for fault in &verification.faults {
            tracing::error!(%fault, remedy = fault.remedy(), "the store is damaged");
        }
        state.last_error = Some(first.to_string());
    }
}

impl Default for StoreCheck {
    fn default() -> Self {
        Self::new()
    }
}

/// What became of the rows that were looked at together.
#[derive(Default)]
struct Batch {
    /// So many were carried out.
    done: u64,
    /// So many were changed by others in that instant, such as by a use that is written down: they are looked at again.
    conflicts: u64,
    /// Why the first of those wasn't carried out that can't be: the others don't wait for it.
    problem: Option<String>,
}

/// Does one kind of work when it is due.
pub struct DueWorker<D> {
    state: Mutex<WorkerState>,
    work: PhantomData<fn() -> D>,
}

impl<D: Due> DueWorker<D> {
    /// It has not run yet.
    pub fn new() -> Self {
        DueWorker {
            state: Mutex::new(WorkerState::new(D::WORK)),
            work: PhantomData,
        }
    }

    /// How it is doing.
    pub fn state(&self) -> WorkerState {
        state(&self.state)
    }

    /// Carries out everything that is due. Safe to run twice at once: each commit is conditional on
    /// what was read being unchanged.
    pub async fn run(&self, node: &Node, means: &Means<'_>) {
        let (mut done, mut conflicts) = (0, 0);
        let result = loop {
            match Self::batch(node, means).await {
                Ok(batch) if batch.done > 0 => done += batch.done,
                // Whoever waits for what is due waits for this too.
                Ok(batch) if batch.conflicts > 0 && conflicts < CONFLICTS_MAX => {
                    conflicts += batch.conflicts;
                }
                Ok(Batch { problem, .. }) => break problem.map_or(Ok(()), Err),
                Err(error) => break Err(error),
            }
        };
        note_run(&self.state, done, means.now, node.store(), result);
    }

    async fn batch(node: &Node, means: &Means<'_>) -> Result<Batch, String> {
        let mut batch = Batch::default();
        for (row, due) in Self::due(node.records(), means.now).map_err(text)? {
            let records = Records::of(node.records());
            let changes = match due.carry_out(row, &records, means) {
                Ok(changes) => changes,
                Err(stop) => {
                    batch.problem.get_or_insert(text(stop));
                    continue;
                }
            };
            match node.commit(records.into_seen(), changes).await {
                Ok(()) => batch.done += 1,
                Err(NotCommitted::Store(CommitError::Conflict { .. })) => batch.conflicts += 1,
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(batch)
    }

    fn due(source: &CachedRecords, now: Timestamp) -> Result<Vec<(Key, Arc<D>)>, Stop> {
        let (start, end) = due::range::<D>(now);
        let mut due = Vec::new();
        source.scan(&start, &end, false, &mut |key, bytes| {
            match D::decode_at(key, bytes) {
                Ok(record) => due.extend(
                    D::unwrap(&record).map(|row| (Key::from_bytes(key.to_vec()), Arc::clone(row))),
                ),
                Err(unreadable) => {
                    return ControlFlow::Break(Err(Stop::Unavailable(Box::new(unreadable))));
                }
            }
            if due.len() < DUE_BATCH {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(Ok(()))
            }
        })?;
        Ok(due)
    }
}

impl<D: Due> Default for DueWorker<D> {
    fn default() -> Self {
        Self::new()
    }
}

fn text(stop: Stop) -> String {
    match stop {
        Stop::Unavailable(cause) => cause.to_string(),
        Stop::Refused(refusal) => refusal.message.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use strongroom_store::embedded::Options;
    use strongroom_store::{Commit, Write};

    use super::*;

    #[test]
    fn a_store_that_is_damaged_where_nobody_reads_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let marker = [0xA5; 200];
        let store = Embedded::open(&Options::new(folder.path())).unwrap();
        let write = Write::Put {
            key: b"key".to_vec(),
            value: marker.to_vec(),
        };
        let commit = Commit {
            conditions: vec![],
            writes: vec![write],
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(store.commit(commit)).unwrap();
        let check = StoreCheck::new();
        let instant = Timestamp::from_milliseconds(1);
        check.run(&store, instant);
        let state = check.state();
        assert_eq!((state.done, state.last_error), (1, None));
        store.close();
        check.run(&store, instant);
        assert_eq!(check.state().last_error, None, "to be closed is no damage");
        drop(store);

        let file = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| {
                let bytes = std::fs::read(path).unwrap();
                bytes.windows(marker.len()).any(|at| at == marker)
            })
            .unwrap();
        let mut bytes = std::fs::read(&file).unwrap();
        for at in 0..bytes.len() - marker.len() {
            if bytes[at..at + marker.len()] == marker {
                bytes[at + 100] ^= 1;
            }
        }
        std::fs::write(&file, bytes).unwrap();
        let store = Embedded::open_unverified(&Options::new(folder.path())).unwrap();
        let check = StoreCheck::new();
        check.run(&store, instant);
        let error = check.state().last_error.unwrap();
        assert!(error.contains("damaged"), "{error}");
    }
}
