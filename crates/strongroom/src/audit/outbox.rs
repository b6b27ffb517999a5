//! Events that rest in the store, in the commit of what they tell of, until the audit log holds them: so that nothing is
//! changed without a record, whatever ends between the two.
//!
//! A row holds the events of one commit, and how far the log reached before: whether the log has them can be told by
//! reading on from there. Rows are removed with later commits, or by the worker; a row that is there twice as long as it
//! need be costs nothing.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use memchr::memmem;
use serde::{Deserialize, Serialize};
use strongroom_audit::Reader;
use strongroom_services::records::Key;
use strongroom_store::{
    COMMIT_BYTES_MAX, COMMIT_OPERATIONS_MAX, Commit, Fault, OPERATION_OVERHEAD_BYTES, Range, Store,
    Write,
};

use super::recorder::Logged;

/// Rows that one commit removes beside what it is for.
const REMOVED_ALONG: usize = 4;
/// Rows that the worker removes in one commit.
pub(super) const REMOVED_AT_ONCE: usize = 100;
const FORMAT: u8 = 1;

/// The rows of a node that aren't done with.
#[derive(Default)]
pub(super) struct Outbox {
    rows: Mutex<Rows>,
}

#[derive(Default)]
struct Rows {
    /// Those that may be in the store and aren't in the log.
    open: Vec<Vec<u8>>,
    /// Those that the log holds.
    settled: Vec<Vec<u8>>,
}

/// A row as it rests.
#[derive(Serialize, Deserialize)]
struct Resting {
    /// The last record that was durable in the log before the row was committed.
    after: u64,
    events: Vec<Vec<u8>>,
}

/// A row that was found in the store.
pub(super) struct Found {
    pub(super) key: Vec<u8>,
    pub(super) after: u64,
    pub(super) events: Vec<Vec<u8>>,
}

/// A row on its way into the store. Where nobody waits for the commit any more, it is looked for later.
pub(super) struct Pending {
    outbox: Arc<Outbox>,
    key: Option<Vec<u8>>,
    removing: Vec<Vec<u8>>,
}

impl Outbox {
    /// Adds a row with events to a commit, and removes some older ones along.
    pub(super) fn add(
        self: &Arc<Self>,
        log: &str,
        after: u64,
        events: &[Logged],
        commit: &mut Commit,
    ) -> Option<Pending> {
        let first = events.first()?;
        let key = Key::audit_outbox(log, first.id.as_str()).into_bytes();
        let resting = Resting {
            after,
            events: events.iter().map(|event| event.json.clone()).collect(),
        };
        // Plain fields: nothing that can't be written.
        let value = postcard::to_extend(&resting, vec![FORMAT]).unwrap_or_default();
        commit.writes.push(Write::Put {
            key: key.clone(),
            value,
        });
        let room = COMMIT_OPERATIONS_MAX.saturating_sub(commit.operations());
        let length = key.len() + OPERATION_OVERHEAD_BYTES;
        let bytes = COMMIT_BYTES_MAX.saturating_sub(commit.size_bytes());
        let most = REMOVED_ALONG.min(room).min(bytes / length);
        let removing = self.lock().take_settled(most);
        commit.writes.extend(removals(&removing));
        Some(Pending {
            outbox: Arc::clone(self),
            key: Some(key),
            removing,
        })
    }

    /// Notes a row that the log holds now.
    pub(super) fn settle(&self, key: Vec<u8>) {
        self.lock().settled.push(key);
    }

    /// Notes a row that may be there, and isn't in the log.
    pub(super) fn reopen(&self, key: Vec<u8>) {
        self.lock().open.push(key);
    }

    /// The rows that may be in the store and aren't in the log; they are the caller's now.
    pub(super) fn take_open(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.lock().open)
    }

    /// Rows that the log holds; they are the caller's to remove.
    pub(super) fn take_settled(&self, most: usize) -> Vec<Vec<u8>> {
        self.lock().take_settled(most)
    }

    /// Rows that weren't removed after all.
    pub(super) fn put_back(&self, keys: Vec<Vec<u8>>) {
        self.lock().settled.extend(keys);
    }

    fn lock(&self) -> MutexGuard<'_, Rows> {
        // Whoever panicked left whole lists.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn take_settled(&mut self, most: usize) -> Vec<Vec<u8>> {
        let kept = self.settled.len() - most.min(self.settled.len());
        self.settled.split_off(kept)
    }
}

impl Pending {
    /// The commit holds: the row, which is the caller's to settle.
    pub(super) fn committed(mut self) -> Vec<u8> {
        self.removing.clear();
        self.key.take().unwrap_or_default()
    }

    /// The commit certainly didn't happen.
    pub(super) fn refused(mut self) {
        self.key = None;
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.outbox.put_back(std::mem::take(&mut self.removing));
        if let Some(key) = self.key.take() {
            self.outbox.reopen(key);
        }
    }
}

/// What removes rows.
pub(super) fn removals(keys: &[Vec<u8>]) -> impl Iterator<Item = Write> {
    keys.iter().map(|key| Write::Delete { key: key.clone() })
}

/// A row in the store; `None`: there is none, or it can't be read as one.
pub(super) fn find(store: &dyn Store, key: &[u8]) -> Result<Option<Found>, Fault> {
    let entry = store.snapshot()?.get(key)?;
    Ok(entry.and_then(|entry| read(entry.key, &entry.value)))
}

/// All rows of a log in the store.
pub(super) fn all(store: &dyn Store, log: &str) -> Result<Vec<Found>, Fault> {
    let mut found = Vec::new();
    let prefix = Key::audit_outbox(log, "");
    let range = Range::prefix(prefix.as_bytes());
    store.snapshot()?.range(&range, &mut |entry| {
        found.extend(read(entry.key.to_vec(), entry.value));
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

fn read(key: Vec<u8>, value: &[u8]) -> Option<Found> {
    let resting = match value.split_first() {
        Some((&FORMAT, fields)) => postcard::from_bytes::<Resting>(fields).ok()?,
        _ => return None,
    };
    Some(Found {
        key,
        after: resting.after,
        events: resting.events,
    })
}

/// Those rows whose events the log doesn't hold.
pub(super) fn not_in(
    reader: &Reader,
    rows: Vec<Found>,
) -> Result<(Vec<Found>, Vec<Vec<u8>>), strongroom_audit::Fault> {
    let Some(after) = rows.iter().map(|row| row.after).min() else {
        return Ok((rows, Vec::new()));
    };
    let mut logged = HashSet::new();
    reader.read(after + 1, &mut |record| {
        logged.extend(ids(record.payload).map(<[u8]>::to_vec));
        ControlFlow::Continue(())
    })?;
    let is_logged = |row: &Found| {
        let id = row.key.rsplit(|byte| *byte == 0).next();
        id.is_some_and(|id| logged.contains(id))
    };
    let (there, missing): (Vec<_>, Vec<_>) = rows.into_iter().partition(is_logged);
    Ok((missing, there.into_iter().map(|row| row.key).collect()))
}

/// The ids in an event, of CloudTrail's or EventBridge's form. Inside a text its quotes would be escaped; a map of the
/// request's may have such a member, but nobody knows a fresh id beforehand.
fn ids(event: &[u8]) -> impl Iterator<Item = &[u8]> {
    const MEMBERS: [&[u8]; 2] = [b"\"eventID\":\"", b"\"id\":\""];
    const LENGTH: usize = 36;
    MEMBERS.into_iter().flat_map(move |member| {
        let found = memmem::find_iter(event, member);
        found.filter_map(move |at| event.get(at + member.len()..)?.get(..LENGTH))
    })
}
