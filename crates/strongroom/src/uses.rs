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

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::sync::Arc;

    use strongroom_keys::{Keyring, RootKey, SeededEntropy};
    use strongroom_services::caller::{AccountId, Caller, Principal, Region};
    use strongroom_services::operation::Given;
    use strongroom_services::origin::Origin;
    use strongroom_services::secretsmanager::secret::Secret;
    use strongroom_store::simulated::{Simulated, now};

    use super::*;

    /// A day.
    const DAY: i64 = 86_400_000;

    /// A store with two secrets, and what is cached of it.
    struct World {
        store: Arc<Simulated>,
        records: CachedRecords,
        worker: UseWorker,
        secrets: Vec<Secret>,
    }

    impl World {
        fn new() -> Self {
            let store = Arc::new(Simulated::new(1));
            let records = CachedRecords::new(Arc::clone(&store) as Arc<dyn Store>, 1 << 20);
            let mut world = World {
                store,
                records,
                worker: UseWorker::new(),
                secrets: ["a", "b"].map(secret).to_vec(),
            };
            for secret in world.secrets.clone() {
                world.put(&secret);
            }
            world
        }

        fn put(&mut self, secret: &Secret) {
            let mut changes = Changes::none();
            changes.put(secret.key(), secret).unwrap();
            now(self.store.commit(pipeline::commit(Vec::new(), changes))).unwrap();
        }

        fn note(&self, index: usize, day: i64) -> bool {
            let instant = Timestamp::from_milliseconds(day * DAY + 7);
            let used = Use::of_secret(&self.secrets[index], "none", instant);
            self.records.note(used)
        }

        fn write_down(&self) {
            let instant = Timestamp::from_milliseconds(0);
            now(self.worker.run(&self.records, &*self.store, instant));
        }

        /// The secret as readers see it.
        fn read(&self, index: usize) -> Option<Secret> {
            let records = Records::of(&self.records);
            let found = records.read::<Secret>(self.secrets[index].key()).unwrap();
            found.map(Arc::unwrap_or_clone)
        }

        /// The day of its last access as the store has it.
        fn stored(&self, index: usize) -> Option<i64> {
            let fresh = CachedRecords::new(Arc::clone(&self.store) as Arc<dyn Store>, 1 << 20);
            let found = Records::of(&fresh).read::<Secret>(self.secrets[index].key());
            found.unwrap().and_then(|secret| day(&secret))
        }
    }

    fn secret(name: &str) -> Secret {
        let caller = Caller {
            account: AccountId::parse("123456789012").unwrap(),
            region: Region::parse("us-east-1").unwrap(),
            principal: Principal::Root,
            session: None,
        };
        let entropy = SeededEntropy::new(1);
        let given = Given {
            caller: &caller,
            origin: Origin::INSIDE,
            now: Timestamp::from_milliseconds(0),
            entropy: &entropy,
            keyring: &Keyring::new(RootKey::generate(&entropy)),
            elsewhere: &strongroom_services::lambda::elsewhere::Elsewhere::nowhere(),
            buckets: &strongroom_services::cloudtrail::buckets::Buckets::none(),
            history: None,
        };
        Secret::new(name.to_owned(), &given)
    }

    fn day(secret: &Secret) -> Option<i64> {
        secret.accessed.map(|day| day.milliseconds() / DAY)
    }

    #[test]
    fn what_is_noted_is_seen_at_once_and_stored_later() {
        // Also of a record that was kept already.
        for is_kept in [false, true] {
            let world = World::new();
            if is_kept {
                assert_eq!(day(&world.read(0).unwrap()), None);
            }
            assert!(world.note(0, 1));
            assert!(world.note(0, 2));
            assert_eq!(day(&world.read(0).unwrap()), Some(2));
            let mut listed = Vec::new();
            let start = b"secret\0";
            Records::of(&world.records)
                .scan::<Secret>(start, b"secret\x01", false, |secret| {
                    listed.push(day(&secret));
                    ControlFlow::Continue(())
                })
                .unwrap();
            assert_eq!(listed, [Some(2), None]);
            assert_eq!(world.stored(0), None);
            world.write_down();
            assert_eq!(world.stored(0), Some(2));
            assert!(world.records.notes().is_empty());
            assert_eq!(day(&world.read(0).unwrap()), Some(2));
            assert_eq!(world.worker.state().done, 1);
        }
    }

    #[test]
    fn a_change_that_comes_between_is_not_lost() {
        let mut world = World::new();
        world.note(0, 1);
        world.note(1, 1);
        let uses = world.records.notes().batches().remove(0);
        let (stale, taken) = decide(&uses, &world.records);
        assert_eq!(taken, 2);
        let changed = Secret {
            description: Some("new".to_owned()),
            ..world.secrets[0].clone()
        };
        world.put(&changed);
        let refused = now(world.store.commit(stale.unwrap())).unwrap_err();
        assert!(matches!(refused, CommitError::Conflict { .. }));
        world.write_down();
        let read = world.read(0).unwrap();
        assert_eq!(
            (read.description, read.accessed),
            (Some("new".to_owned()), world.read(1).unwrap().accessed)
        );
        assert_eq!((world.stored(0), world.stored(1)), (Some(1), Some(1)));
    }

    #[test]
    fn one_made_anew_under_the_name_was_not_read() {
        let mut world = World::new();
        world.note(0, 1);
        let another = Secret {
            suffix: "others".to_owned(),
            ..world.secrets[0].clone()
        };
        world.put(&another);
        assert_eq!(day(&world.read(0).unwrap()), None);
        world.write_down();
        assert_eq!(world.stored(0), None);
        assert!(world.records.notes().is_empty());
    }

    #[test]
    fn what_is_noted_while_it_is_written_down_stays_noted() {
        let world = World::new();
        world.note(0, 1);
        let uses = world.records.notes().batches().remove(0);
        world.note(0, 2);
        world.records.notes().forget(&uses);
        world.write_down();
        assert_eq!(world.stored(0), Some(2));
    }

    #[test]
    fn a_store_that_fails_loses_no_note_and_is_told_of() {
        let world = World::new();
        world.note(0, 1);
        world.store.next_commit_finds_no_space();
        world.write_down();
        assert!(world.worker.state().last_error.is_some());
        assert_eq!(
            (world.stored(0), day(&world.read(0).unwrap())),
            (None, Some(1))
        );
        world.write_down();
        assert_eq!(world.worker.state().last_error, None);
        assert_eq!(world.stored(0), Some(1));
    }

    #[test]
    fn the_queue_is_bounded_and_takes_more_once_it_is_written_down() {
        let world = World::new();
        let others = |number| {
            let other = Secret {
                name: format!("other-{number}"),
                ..world.secrets[0].clone()
            };
            Use::of_secret(&other, "none", Timestamp::from_milliseconds(DAY))
        };
        for number in 0..NOTED_MAX {
            assert!(world.records.note(others(number)));
        }
        assert!(!world.note(0, 1));
        assert!(world.records.note(others(0)), "it is noted already");
        world.write_down();
        assert!(world.note(0, 1));
    }
}
