//! A store in memory for tests: no threads, no clock, everything from a seed.
//!
//! It can crash at any point, lose what it had not acknowledged, and refuse on demand or by chance. It may not be
//! kinder than the real ones: whatever a backend is allowed to do, it does sooner or later.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::ops::{Bound, ControlFlow};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use crate::{
    Change, ChangeKind, Commit, CommitError, Committing, Entry, EntryRef, Fault, FaultKind, Key,
    Range, Revision, Snapshot, Store, Watcher, Write,
};

/// An in-memory [`Store`] that behaves as its seed says: two with the same seed, given the same calls, do the same.
///
/// ```
/// # use strongroom_store::{Commit, Store, Write, simulated::{Chances, Simulated, now}};
/// let store = Simulated::new(42);
/// let put = Write::Put { key: b"k".to_vec(), value: b"v".to_vec() };
/// now(store.commit(Commit { conditions: vec![], writes: vec![put] }))?;
/// store.crash_and_reopen();
/// assert_eq!(store.snapshot()?.get(b"k")?.map(|entry| entry.value), Some(b"v".to_vec()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Simulated {
    state: Mutex<State>,
    /// Held while commits are decided and told, so that watchers hear of them in order.
    telling: Mutex<()>,
}

/// How often, of a million commits, each thing happens by itself. All zero: nothing does.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Chances {
    /// The commit is refused for lack of space; nothing is written.
    pub no_space: u32,
    /// The disk fails during the commit: all of it may be there or nothing, and the caller isn't told which.
    pub io: u32,
    /// The process dies during the commit: as `io`, and everything is refused until
    /// [`Simulated::crash_and_reopen`].
    pub crash: u32,
    /// The commit stays queued for some polls, so that others get between, or a crash takes it.
    pub delay: u32,
}

struct State {
    seed: Seed,
    records: Arc<Records>,
    /// Keys whose records are damaged.
    damaged: Arc<BTreeSet<Key>>,
    chances: Chances,
    /// What the next commits meet, before chance is asked.
    ordered: VecDeque<Mishap>,
    refusing: Option<Fault>,
    watchers: Vec<Arc<dyn Watcher>>,
    queue: VecDeque<(Ticket, Commit)>,
    answers: BTreeMap<Ticket, Result<Revision, CommitError>>,
    tickets: u64,
    running: Running,
    /// How often it was reopened: a commit of an earlier life gets no answer.
    life: u64,
}

#[derive(Clone, Default)]
struct Records {
    revision: Revision,
    entries: BTreeMap<Key, (Vec<u8>, Revision)>,
}

#[derive(Copy, Clone, PartialEq, Eq)]
enum Running {
    Open,
    Crashed,
    Closed,
}

type Ticket = u64;

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Mishap {
    NoSpace,
    Io,
    Crash,
}

impl Simulated {
    /// An empty store in which nothing goes wrong until asked for.
    pub fn new(seed: u64) -> Self {
        Self {
            telling: Mutex::new(()),
            state: Mutex::new(State {
                seed: Seed(seed),
                records: Arc::default(),
                damaged: Arc::default(),
                chances: Chances::default(),
                ordered: VecDeque::new(),
                refusing: None,
                watchers: Vec::new(),
                queue: VecDeque::new(),
                answers: BTreeMap::new(),
                tickets: 0,
                running: Running::Open,
                life: 0,
            }),
        }
    }

    /// From now on, things go wrong this often by themselves.
    pub fn set_chances(&self, chances: Chances) {
        self.state().chances = chances;
    }

    /// The next commit finds no space. Several such calls queue up, also with those below.
    pub fn next_commit_finds_no_space(&self) {
        self.state().ordered.push_back(Mishap::NoSpace);
    }

    /// The disk fails during the next commit; whether it is kept is up to the seed.
    pub fn next_commit_fails(&self) {
        self.state().ordered.push_back(Mishap::Io);
    }

    /// The process dies during the next commit; whether it is kept is up to the seed.
    pub fn next_commit_crashes(&self) {
        self.state().ordered.push_back(Mishap::Crash);
    }

    /// Every commit is refused with this fault (a full or a read-only disk), until called with `None`. Reads go on.
    pub fn refuse_commits(&self, fault: Option<Fault>) {
        self.state().refusing = fault.map(Fault::before_writing);
    }

    /// Reads of this key find a damaged record, until it is written again.
    pub fn damage(&self, key: &[u8]) {
        Arc::make_mut(&mut self.state().damaged).insert(key.to_vec());
    }

    /// Whether a crash has happened and nothing is answered until [`Self::crash_and_reopen`].
    pub fn is_crashed(&self) -> bool {
        self.state().running == Running::Crashed
    }

    /// The process dies, if it hasn't yet, and a new one opens the same data.
    ///
    /// What was acknowledged is there. Of the commits under way, the first few are there and the rest isn't; how many
    /// is up to the seed, each is whole, and none of them is ever answered. Watchers are gone, as is all that was
    /// ordered to go wrong; chances stay.
    pub fn crash_and_reopen(&self) {
        let mut state = self.state();
        state.crash();
        state.ordered.clear();
        state.refusing = None;
        state.running = Running::Open;
        state.life += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies queued commits in order up to this one, and tells the watchers, without holding the lock.
    fn settle(&self, ticket: Ticket) {
        let _telling = self.telling.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let (changes, watchers) = {
                let mut state = self.state();
                let Some((next, commit)) =
                    state.queue.pop_front_if(|(queued, _)| *queued <= ticket)
                else {
                    return;
                };
                let (answer, changes) = state.decide(commit);
                state.answers.insert(next, answer);
                (changes, state.watchers.clone())
            };
            if !changes.is_empty() {
                for watcher in &watchers {
                    watcher.changed(&changes);
                }
            }
        }
    }
}

impl State {
    fn open(&self) -> Result<(), Fault> {
        match self.running {
            Running::Open => Ok(()),
            Running::Crashed => Err(crashed()),
            Running::Closed => Err(Fault::new(
                FaultKind::Closed,
                "the simulated store was closed",
            )),
        }
    }

    fn decide(&mut self, commit: Commit) -> (Result<Revision, CommitError>, Vec<Change>) {
        if let Err(fault) = self.open() {
            return (Err(fault.before_writing().into()), Vec::new());
        }
        if let Some(fault) = &self.refusing {
            return (Err(fault.clone().into()), Vec::new());
        }
        match self.mishap() {
            None => match self.apply(commit) {
                Ok(changes) => (Ok(self.records.revision), changes),
                Err(error) => (Err(error), Vec::new()),
            },
            Some(Mishap::NoSpace) => {
                let fault = Fault::new(FaultKind::NoSpace, "the simulated disk is full");
                (Err(fault.before_writing().into()), Vec::new())
            }
            Some(Mishap::Io) => {
                let kept = self
                    .seed
                    .once_in(2)
                    .then(|| self.apply(commit).unwrap_or_default());
                let fault = Fault::new(FaultKind::Io, "the simulated disk failed");
                (Err(fault.into()), kept.unwrap_or_default())
            }
            Some(Mishap::Crash) => {
                if self.seed.once_in(2) {
                    // Nobody is left to be told of its changes or of its conflict.
                    let _ = self.apply(commit);
                    self.crash();
                } else {
                    // What is queued behind a lost commit is lost as well.
                    self.queue.clear();
                    self.crash();
                }
                (Err(crashed().into()), Vec::new())
            }
        }
    }

    fn mishap(&mut self) -> Option<Mishap> {
        if let Some(ordered) = self.ordered.pop_front() {
            return Some(ordered);
        }
        let Chances {
            no_space,
            io,
            crash,
            ..
        } = self.chances;
        [
            (no_space, Mishap::NoSpace),
            (io, Mishap::Io),
            (crash, Mishap::Crash),
        ]
        .into_iter()
        .find_map(|(chance, mishap)| self.seed.chance(chance).then_some(mishap))
    }

    fn apply(&mut self, commit: Commit) -> Result<Vec<Change>, CommitError> {
        let entries = &self.records.entries;
        for condition in &commit.conditions {
            let modified = entries
                .get(&condition.key)
                .map_or(Revision::ABSENT, |(_, modified)| *modified);
            if modified != condition.modified {
                return Err(CommitError::Conflict {
                    key: condition.key.clone(),
                });
            }
        }
        let revision = self.records.revision.next();
        let mut changes = Vec::new();
        let records = Arc::make_mut(&mut self.records);
        for write in commit.writes {
            let (key, kind) = match write {
                Write::Put { key, value } => {
                    if self.damaged.contains(&key) {
                        Arc::make_mut(&mut self.damaged).remove(&key);
                    }
                    match records.entries.insert(key.clone(), (value, revision)) {
                        None => (key, ChangeKind::Created),
                        Some(_) => (key, ChangeKind::Updated),
                    }
                }
                Write::Delete { key } => {
                    if records.entries.remove(&key).is_none() {
                        continue;
                    }
                    (key, ChangeKind::Deleted)
                }
            };
            changes.push(Change {
                key,
                kind,
                modified: revision,
            });
        }
        if !changes.is_empty() {
            records.revision = revision;
        }
        Ok(changes)
    }

    fn crash(&mut self) {
        let kept = self.seed.below(self.queue.len() as u64 + 1) as usize;
        for (_, commit) in std::mem::take(&mut self.queue).into_iter().take(kept) {
            let _ = self.apply(commit);
        }
        self.answers.clear();
        self.watchers.clear();
        self.running = Running::Crashed;
    }
}

fn crashed() -> Fault {
    Fault::new(FaultKind::Closed, "the simulated process crashed")
}

impl Store for Simulated {
    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, Fault> {
        let state = self.state();
        state.open()?;
        Ok(Box::new(SimulatedSnapshot {
            records: Arc::clone(&state.records),
            damaged: Arc::clone(&state.damaged),
        }))
    }

    fn commit(&self, commit: Commit) -> Committing<'_> {
        Box::pin(Queued {
            store: self,
            stage: Stage::New(commit),
        })
    }

    fn watch(&self, watcher: Arc<dyn Watcher>) {
        self.state().watchers.push(watcher);
    }

    fn health(&self) -> Result<(), Fault> {
        let state = self.state();
        state.open()?;
        state.refusing.clone().map_or(Ok(()), Err)
    }

    fn close(&self) {
        let last = self.state().tickets;
        self.settle(last);
        let mut state = self.state();
        if state.running == Running::Open {
            state.running = Running::Closed;
        }
        state.watchers.clear();
    }
}

/// A commit on its way: queued at the first poll, decided some polls later.
struct Queued<'a> {
    store: &'a Simulated,
    stage: Stage,
}

enum Stage {
    New(Commit),
    Waiting {
        life: u64,
        ticket: Ticket,
        polls: u64,
    },
    Answered,
}

impl Future for Queued<'_> {
    type Output = Result<Revision, CommitError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let store = self.store;
        if let Stage::New(commit) = &mut self.stage {
            let commit = std::mem::take(commit);
            if let Err(error) = commit.check() {
                self.stage = Stage::Answered;
                return Poll::Ready(Err(error));
            }
            let mut state = store.state();
            if let Err(fault) = state.open() {
                self.stage = Stage::Answered;
                return Poll::Ready(Err(fault.before_writing().into()));
            }
            state.tickets += 1;
            let ticket = state.tickets;
            state.queue.push_back((ticket, commit));
            let delay = state.chances.delay;
            let polls = if state.seed.chance(delay) {
                1 + state.seed.below(3)
            } else {
                0
            };
            self.stage = Stage::Waiting {
                life: state.life,
                ticket,
                polls,
            };
        }
        let Stage::Waiting {
            life,
            ticket,
            polls,
        } = &mut self.stage
        else {
            return Poll::Pending;
        };
        let (life, ticket) = (*life, *ticket);
        if store.state().life == life {
            // Someone behind it in the queue may have settled it already.
            if *polls > 0 && !store.state().answers.contains_key(&ticket) {
                *polls -= 1;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            store.settle(ticket);
        }
        self.stage = Stage::Answered;
        let mut state = store.state();
        let answer = if state.life == life {
            state.answers.remove(&ticket)
        } else {
            None
        };
        Poll::Ready(answer.unwrap_or_else(|| Err(crashed().into())))
    }
}

struct SimulatedSnapshot {
    records: Arc<Records>,
    damaged: Arc<BTreeSet<Key>>,
}

impl SimulatedSnapshot {
    fn sound(&self, key: &[u8]) -> Result<(), Fault> {
        if !self.damaged.contains(key) {
            return Ok(());
        }
        let what = format!(
            "the record `{}` of the simulated store is damaged",
            key.escape_ascii()
        );
        Err(Fault::new(
            FaultKind::Damaged {
                key: Some(key.to_vec()),
            },
            what,
        ))
    }
}

impl Snapshot for SimulatedSnapshot {
    fn revision(&self) -> Revision {
        self.records.revision
    }

    fn get(&self, key: &[u8]) -> Result<Option<Entry>, Fault> {
        self.sound(key)?;
        Ok(self
            .records
            .entries
            .get(key)
            .map(|(value, modified)| Entry {
                key: key.to_vec(),
                value: value.clone(),
                modified: *modified,
            }))
    }

    fn range(
        &self,
        range: &Range,
        visit: &mut dyn FnMut(EntryRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), Fault> {
        if range.is_empty() {
            return Ok(());
        }
        let end = range
            .end
            .as_deref()
            .map_or(Bound::Unbounded, Bound::Excluded);
        let mut entries = self
            .records
            .entries
            .range::<[u8], _>((Bound::Included(range.start.as_slice()), end));
        while let Some((key, (value, modified))) = if range.reverse {
            entries.next_back()
        } else {
            entries.next()
        } {
            self.sound(key)?;
            if visit(EntryRef {
                key,
                value,
                modified: *modified,
            })
            .is_break()
            {
                break;
            }
        }
        Ok(())
    }
}

/// Runs a future to its end on this thread, by polling it until it is ready: an executor for the simulated store,
/// whose futures never wait for anything but the next poll.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(std::task::Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same on every machine.
struct Seed(u64);

impl Seed {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn once_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    fn chance(&mut self, of_a_million: u32) -> bool {
        of_a_million > 0 && self.below(1_000_000) < u64::from(of_a_million)
    }
}
