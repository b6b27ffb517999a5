//! Records in memory, decoded, in front of the store: what makes a read cost the same with a thousand
//! secrets and with a million.
//!
//! Kept right by the store's watch: a commit answers only after every record that it changed has left
//! the cache, so whoever saw the answer reads the new one. Knows no rule.

use std::collections::HashMap;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quick_cache::Weighter;
use quick_cache::sync::{Cache, EntryAction, GuardResult};
use strongroom_services::caller::{AccountId, Region};
use strongroom_services::last_use::Use;
use strongroom_services::records::{AnyRecord, Decode, Found, Key, Source, Visit};
use strongroom_services::refusal::Stop;
use strongroom_store::{Change, ChangeKind, Range, Snapshot, Store, Watcher};

use crate::uses::Notes;

/// Records that an almost empty cache has room for before it grows.
const RECORDS_EXPECTED: usize = 4096;
/// What a record costs in memory beside its bytes, roughly.
const RECORD_OVERHEAD_BYTES: u64 = 256;

/// The records of a node's store.
pub struct CachedRecords {
    store: Arc<dyn Store>,
    kept: Arc<Kept>,
    notes: Notes,
}

/// What is kept in memory; shared with the store, which reports each change.
struct Kept {
    records: Cache<Vec<u8>, Cached, ByWeight>,
    /// Secrets in each region that was counted, by the start of their keys.
    counts: Mutex<HashMap<Vec<u8>, u64>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

#[derive(Clone)]
struct Cached {
    found: Found,
    bytes: u64,
}

#[derive(Clone)]
struct ByWeight;

impl Weighter<Vec<u8>, Cached> for ByWeight {
    fn weight(&self, key: &Vec<u8>, cached: &Cached) -> u64 {
        let decoded = cached.found.record.bytes_decoded_for_each() * cached.bytes;
        decoded + key.len() as u64 + RECORD_OVERHEAD_BYTES
    }
}

impl CachedRecords {
    /// Puts a cache of at most `bytes` in front of a store.
    pub fn new(store: Arc<dyn Store>, bytes: u64) -> Self {
        let kept = Arc::new(Kept {
            records: Cache::with_weighter(RECORDS_EXPECTED, bytes, ByWeight),
            counts: Mutex::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        });
        store.watch(Arc::clone(&kept) as Arc<dyn Watcher>);
        CachedRecords {
            store,
            kept,
            notes: Notes::default(),
        }
    }

    /// Notes a use, which every reader sees from now on; whether there was room.
    pub fn note(&self, used: Use) -> bool {
        let key = used.key().clone();
        let is_noted = self.notes.add(used);
        if is_noted {
            self.show_notes(key.as_bytes());
        }
        is_noted
    }

    /// What is noted and not written down yet.
    pub(crate) fn notes(&self) -> &Notes {
        &self.notes
    }

    /// Brings a record that is kept up to what is noted. One that is just being loaded is brought up by its loader.
    fn show_notes(&self, key: &[u8]) {
        let show = |_: &Vec<u8>, cached: &mut Cached| {
            if let Some(shown) = self.notes.shown(key, Some(&cached.found.record)) {
                cached.found.record = shown;
            }
            EntryAction::Retain(())
        };
        // A guard of a record that isn't kept is given up at once.
        drop(self.kept.records.entry(key, Some(Duration::ZERO), show));
    }

    /// How many look-ups were answered from memory, and how many were not.
    pub fn hits_and_misses(&self) -> (u64, u64) {
        (
            self.kept.hits.load(Ordering::Relaxed),
            self.kept.misses.load(Ordering::Relaxed),
        )
    }

    /// Counts the secrets of every region in one pass, so that no request has to. Commits during the pass may be
    /// missed: good enough for a quota.
    ///
    /// # Errors
    /// [`Stop::Unavailable`] where they can't be read.
    pub fn count_secrets(&self) -> Result<(), Stop> {
        let mut counted: HashMap<Vec<u8>, u64> = HashMap::new();
        let all = Key::all_secrets();
        self.scan(all.as_bytes(), &all.end(), false, &mut |key, _| {
            if let Some(region) = region_of(key) {
                match counted.get_mut(region) {
                    Some(count) => *count += 1,
                    None => drop(counted.insert(region.to_vec(), 1)),
                }
            }
            ControlFlow::Continue(())
        })?;
        let mut counts = self
            .kept
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for (region, count) in counted {
            counts.entry(region).or_insert(count);
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, Stop> {
        self.store.snapshot().map_err(unavailable)
    }
}

impl Source for CachedRecords {
    fn get(&self, key: &[u8], decode: Decode) -> Result<Option<Found>, Stop> {
        let guard = match self.kept.records.get_value_or_guard(key, None) {
            GuardResult::Value(cached) => {
                self.kept.hits.fetch_add(1, Ordering::Relaxed);
                return Ok(Some(cached.found));
            }
            GuardResult::Guard(guard) => Some(guard),
            GuardResult::Timeout => None,
        };
        self.kept.misses.fetch_add(1, Ordering::Relaxed);
        let Some(entry) = self.snapshot()?.get(key).map_err(unavailable)? else {
            return Ok(self.notes.shown(key, None).map(|record| Found {
                record,
                modified: 0,
            }));
        };
        let record = decode(key, &entry.value).map_err(|unreadable| {
            unavailable(At {
                key: key.to_vec(),
                cause: unreadable,
            })
        })?;
        let found = Found {
            record: self.shown(key, record),
            modified: entry.modified.0,
        };
        if let Some(guard) = guard {
            // Refused where the record was changed meanwhile: its place is then gone already.
            let bytes = entry.value.len() as u64;
            let _ = guard.insert(Cached {
                found: found.clone(),
                bytes,
            });
            if !self.notes.is_empty() {
                self.show_notes(key);
            }
        }
        Ok(Some(found))
    }

    fn scan(
        &self,
        start: &[u8],
        end: &[u8],
        reverse: bool,
        visit: &mut Visit<'_>,
    ) -> Result<(), Stop> {
        let range = Range {
            start: start.to_vec(),
            end: Some(end.to_vec()),
            reverse,
        };
        let mut outcome = Ok(());
        self.snapshot()?
            .range(&range, &mut |entry| match visit(entry.key, entry.value) {
                ControlFlow::Continue(()) => ControlFlow::Continue(()),
                ControlFlow::Break(result) => {
                    outcome = result;
                    ControlFlow::Break(())
                }
            })
            .map_err(unavailable)?;
        outcome
    }

    fn shown(&self, key: &[u8], record: AnyRecord) -> AnyRecord {
        self.notes.shown(key, Some(&record)).unwrap_or(record)
    }

    /// Counted once and kept by the watch from then on. A commit in the instant of the first count may
    /// be counted twice: good enough for a quota.
    fn secrets_count(&self, account: &AccountId, region: &Region) -> Result<u64, Stop> {
        let prefix = Key::secrets(account, region);
        let mut counts = self
            .kept
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get(prefix.as_bytes()) {
            return Ok(*count);
        }
        let mut count = 0;
        self.scan(prefix.as_bytes(), &prefix.end(), false, &mut |_, _| {
            count += 1;
            ControlFlow::Continue(())
        })?;
        counts.insert(prefix.into_bytes(), count);
        Ok(count)
    }
}

impl Watcher for Kept {
    fn changed(&self, changes: &[Change]) {
        for change in changes {
            self.records.remove(change.key.as_slice());
            if change.kind == ChangeKind::Updated {
                continue;
            }
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            if counts.is_empty() {
                continue;
            }
            if let Some(count) = region_of(&change.key).and_then(|region| counts.get_mut(region)) {
                *count = match change.kind {
                    ChangeKind::Deleted => count.saturating_sub(1),
                    _ => *count + 1,
                };
            }
        }
    }
}

/// What the key of a secret starts with, up to its name.
fn region_of(key: &[u8]) -> Option<&[u8]> {
    let name = key.iter().rposition(|byte| *byte == 0)?;
    Some(&key[..=name])
}

fn unavailable(cause: impl std::error::Error + Send + Sync + 'static) -> Stop {
    Stop::Unavailable(Box::new(cause))
}

/// A record that can't be read, with its place, for the operator.
#[derive(Debug)]
struct At<E> {
    key: Vec<u8>,
    cause: E,
}

impl<E: fmt::Display> fmt::Display for At<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "record {}: {}",
            self.key.escape_ascii(),
            self.cause
        )
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for At<E> {}

#[cfg(test)]
mod tests {
    use strongroom_services::kms::alias::Alias;
    use strongroom_services::records::Record;
    use strongroom_services::time::Timestamp;
    use strongroom_store::simulated::{Simulated, now};
    use strongroom_store::{Commit, Write};

    use super::*;

    fn put(store: &dyn Store, key: &Key, key_id: &str) {
        let value = Alias {
            name: "alias/a".to_owned(),
            key_id: key_id.to_owned(),
            created: Timestamp::from_milliseconds(0),
            updated: Timestamp::from_milliseconds(0),
        }
        .encode()
        .unwrap();
        let write = Write::Put {
            key: key.as_bytes().to_vec(),
            value,
        };
        now(store.commit(Commit {
            conditions: vec![],
            writes: vec![write],
        }))
        .unwrap();
    }

    fn read(records: &CachedRecords, key: &Key) -> Option<String> {
        let found = records.get(key.as_bytes(), Alias::decode_at).unwrap()?;
        Alias::unwrap(&found.record).map(|alias| alias.key_id.clone())
    }

    fn alias() -> (AccountId, Region, Key) {
        let account = AccountId::parse("123456789012").unwrap();
        let region = Region::parse("us-east-1").unwrap();
        let key = Key::kms_alias(&account, &region, "alias/a");
        (account, region, key)
    }

    #[test]
    fn a_read_after_a_commit_sees_it_also_where_the_record_was_cached() {
        let (_, _, key) = alias();
        let store: Arc<dyn Store> = Arc::new(Simulated::new(1));
        let records = CachedRecords::new(Arc::clone(&store), 1 << 20);
        assert_eq!(read(&records, &key), None);
        for value in ["one", "two", "three"] {
            put(&*store, &key, value);
            assert_eq!(read(&records, &key).as_deref(), Some(value));
            assert_eq!(read(&records, &key).as_deref(), Some(value));
        }
        assert_eq!(records.hits_and_misses(), (3, 4));
    }

    #[test]
    fn a_record_that_changes_while_it_is_loaded_is_not_kept() {
        let (_, _, key) = alias();
        let store: Arc<dyn Store> = Arc::new(Simulated::new(1));
        let records = CachedRecords::new(Arc::clone(&store), 1 << 20);
        put(&*store, &key, "old");
        let GuardResult::Guard(guard) = records
            .kept
            .records
            .get_value_or_guard(key.as_bytes(), None)
        else {
            panic!("nothing is cached yet");
        };
        let entry = store
            .snapshot()
            .unwrap()
            .get(key.as_bytes())
            .unwrap()
            .unwrap();
        put(&*store, &key, "new");
        let record = Alias::decode(&entry.value).unwrap();
        let stale = Cached {
            found: Found {
                record,
                modified: entry.modified.0,
            },
            bytes: 1,
        };
        assert!(guard.insert(stale).is_err());
        assert_eq!(read(&records, &key).as_deref(), Some("new"));
    }

    #[test]
    fn counting_all_regions_at_once_gives_each_its_own() {
        let (account, region, _) = alias();
        let other = Region::parse("eu-west-1").unwrap();
        let store: Arc<dyn Store> = Arc::new(Simulated::new(1));
        for (region, name) in [(&region, "a"), (&region, "b"), (&other, "c")] {
            put(&*store, &Key::secret(&account, region, name), "x");
        }
        let records = CachedRecords::new(Arc::clone(&store), 1 << 20);
        records.count_secrets().unwrap();
        put(&*store, &Key::secret(&account, &other, "d"), "x");
        assert_eq!(records.secrets_count(&account, &region).unwrap(), 2);
        assert_eq!(records.secrets_count(&account, &other).unwrap(), 2);
    }

    #[test]
    fn secrets_are_counted_by_region_as_they_come_and_go() {
        let (account, region, _) = alias();
        let other = Region::parse("eu-west-1").unwrap();
        let store: Arc<dyn Store> = Arc::new(Simulated::new(1));
        let records = CachedRecords::new(Arc::clone(&store), 1 << 20);
        put(&*store, &Key::secret(&account, &region, "a"), "x");
        assert_eq!(records.secrets_count(&account, &region).unwrap(), 1);
        put(&*store, &Key::secret(&account, &region, "b"), "x");
        put(&*store, &Key::secret(&account, &region, "b"), "y");
        put(&*store, &Key::secret(&account, &other, "c"), "x");
        assert_eq!(records.secrets_count(&account, &region).unwrap(), 2);
        let gone = Key::secret(&account, &region, "a").into_bytes();
        let delete = Commit {
            conditions: vec![],
            writes: vec![Write::Delete { key: gone }],
        };
        now(store.commit(delete)).unwrap();
        assert_eq!(records.secrets_count(&account, &region).unwrap(), 1);
    }
}
