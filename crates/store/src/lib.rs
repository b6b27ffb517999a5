//! The store: one small seam over ordered keys and bytes, and the backends behind it.
//!
//! This file is the seam: what a backend promises ([`Store`], [`Snapshot`], [`Watcher`]) and the plain data that
//! crosses it. It knows keys, revisions and conditions; it may not know what is kept in them.
//!
//! Backends: [`embedded`] (one file, durable, one process) and [`simulated`] (memory, seeded, for tests).
//! [`conformance`] is the suite that each of them passes.

use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;

pub mod conformance;
pub mod embedded;
mod fault;
pub mod load;
pub mod simulated;

pub use fault::{Fault, FaultKind};

/// Most conditions and writes in one commit, taken together.
///
/// Source: etcd, `--max-txn-ops`, default 128. Every backend refuses more, so that what works on one works on all.
pub const COMMIT_OPERATIONS_MAX: usize = 128;

/// Most bytes of one commit, as [`Commit::size_bytes`] counts them: 1.5 MiB.
///
/// Source: etcd, `--max-request-bytes`, default 1.5 MiB.
pub const COMMIT_BYTES_MAX: usize = 1_572_864;

/// What each condition or write counts towards [`COMMIT_BYTES_MAX`] beside its key and value: room for the
/// framing that a backend over a network puts around it.
pub const OPERATION_OVERHEAD_BYTES: usize = 32;

/// A key: any bytes, also none; keys are ordered bytewise.
pub type Key = Vec<u8>;

/// A point in the store's history. It grows with each commit that changes something.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl Revision {
    /// In a [`Condition`]: the key is not there. As a store's revision: nothing was ever committed.
    pub const ABSENT: Self = Self(0);

    /// The revision after this one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A key with its value, read from a [`Snapshot`].
///
/// `Debug` prints the value's length only: the store doesn't know what is confidential.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// The value, as written.
    pub value: Vec<u8>,
    /// The revision of the commit that last wrote it.
    pub modified: Revision,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        EntryRef {
            key: &self.key,
            value: &self.value,
            modified: self.modified,
        }
        .fmt(f)
    }
}

/// An [`Entry`] lent to a visitor of [`Snapshot::range`].
#[derive(Copy, Clone, PartialEq, Eq)]
pub struct EntryRef<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The value, as written.
    pub value: &'a [u8],
    /// The revision of the commit that last wrote it.
    pub modified: Revision,
}

impl EntryRef<'_> {
    /// A copy to keep.
    pub fn to_entry(self) -> Entry {
        Entry {
            key: self.key.to_vec(),
            value: self.value.to_vec(),
            modified: self.modified,
        }
    }
}

impl fmt::Debug for EntryRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}@{} ({} bytes)",
            self.key.escape_ascii(),
            self.modified,
            self.value.len()
        )
    }
}

/// Which keys a [`Snapshot::range`] visits, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The first key that may be visited (inclusive); empty: from the beginning.
    pub start: Key,
    /// The first key after the range (exclusive); `None`: to the end. A range that ends at or before its start is
    /// empty, not an error.
    pub end: Option<Key>,
    /// Visit from the last key to the first.
    pub reverse: bool,
}

impl Range {
    /// Every key.
    pub fn all() -> Self {
        Self::default()
    }

    /// The keys from `start` on and before `end`.
    pub fn between(start: impl Into<Key>, end: impl Into<Key>) -> Self {
        Self {
            start: start.into(),
            end: Some(end.into()),
            reverse: false,
        }
    }

    /// Every key that starts with `prefix`.
    ///
    /// ```
    /// # use strongroom_store::Range;
    /// assert_eq!(Range::prefix(b"a/"), Range::between(*b"a/", *b"a0"));
    /// assert_eq!(Range::prefix(b"\xff"), Range { start: vec![0xff], end: None, reverse: false });
    /// ```
    pub fn prefix(prefix: &[u8]) -> Self {
        let kept = prefix.iter().rposition(|byte| *byte != 0xff);
        let end = kept.map(|last| {
            let mut end = prefix[..=last].to_vec();
            end[last] += 1;
            end
        });
        Self {
            start: prefix.to_vec(),
            end,
            reverse: false,
        }
    }

    /// The part of this range behind `key`: how a page goes on after the last key of the page before.
    ///
    /// In a reversed range, behind means smaller.
    pub fn after(mut self, key: &[u8]) -> Self {
        if self.reverse {
            if self.end.as_deref().is_none_or(|end| key < end) {
                self.end = Some(key.to_vec());
            }
        } else if key >= self.start.as_slice() {
            self.start = key.to_vec();
            self.start.push(0);
        }
        self
    }

    /// The same keys from last to first.
    pub fn reversed(mut self) -> Self {
        self.reverse = true;
        self
    }

    /// Whether `key` lies in the range.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.start.as_slice() <= key && self.end.as_deref().is_none_or(|end| key < end)
    }

    /// Whether no key can lie in the range.
    pub fn is_empty(&self) -> bool {
        self.end
            .as_deref()
            .is_some_and(|end| end <= self.start.as_slice())
    }
}

/// Holds if `key` was last written at revision `modified`; with [`Revision::ABSENT`]: if it is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The key asked about.
    pub key: Key,
    /// The revision it must have.
    pub modified: Revision,
}

impl Condition {
    /// The key must not be there.
    pub fn absent(key: impl Into<Key>) -> Self {
        Self {
            key: key.into(),
            modified: Revision::ABSENT,
        }
    }

    /// The key must not have been written since this entry was read.
    pub fn unchanged(entry: &Entry) -> Self {
        Self {
            key: entry.key.clone(),
            modified: entry.modified,
        }
    }
}

/// One change to one key.
#[derive(Clone, PartialEq, Eq)]
pub enum Write {
    /// Sets the key to the value, whether or not it is there.
    Put {
        /// The key to set.
        key: Key,
        /// Its new value.
        value: Vec<u8>,
    },
    /// Removes the key; a key that is not there stays so, which isn't an error and counts as no change.
    Delete {
        /// The key to remove.
        key: Key,
    },
}

impl Write {
    /// The key that is written.
    pub fn key(&self) -> &[u8] {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }
}

impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { key, value } => {
                write!(f, "Put({}, {} bytes)", key.escape_ascii(), value.len())
            }
            Self::Delete { key } => write!(f, "Delete({})", key.escape_ascii()),
        }
    }
}

/// Writes that happen together or not at all, and what must hold for them to happen.
///
/// At most [`COMMIT_OPERATIONS_MAX`] operations and [`COMMIT_BYTES_MAX`] bytes; no key is written twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// All of them must hold, else nothing is written.
    pub conditions: Vec<Condition>,
    /// All of them are written, in one step.
    pub writes: Vec<Write>,
}

impl Commit {
    /// Conditions and writes together.
    pub fn operations(&self) -> usize {
        self.conditions.len() + self.writes.len()
    }

    /// Its size as limits count it: keys, values, and [`OPERATION_OVERHEAD_BYTES`] for each operation.
    pub fn size_bytes(&self) -> usize {
        let conditions = self.conditions.iter().map(|condition| condition.key.len());
        let writes = self.writes.iter().map(|write| match write {
            Write::Put { key, value } => key.len() + value.len(),
            Write::Delete { key } => key.len(),
        });
        conditions.chain(writes).sum::<usize>() + self.operations() * OPERATION_OVERHEAD_BYTES
    }

    /// Refuses what no backend takes, whatever is stored. Every backend asks this first.
    ///
    /// # Errors
    /// [`CommitError::TooLarge`] and [`CommitError::WrittenTwice`].
    pub fn check(&self) -> Result<(), CommitError> {
        let (operations, bytes) = (self.operations(), self.size_bytes());
        if operations > COMMIT_OPERATIONS_MAX || bytes > COMMIT_BYTES_MAX {
            return Err(CommitError::TooLarge { operations, bytes });
        }
        let mut keys: Vec<&[u8]> = self.writes.iter().map(Write::key).collect();
        keys.sort_unstable();
        match keys.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(CommitError::WrittenTwice {
                key: pair[0].to_vec(),
            }),
            None => Ok(()),
        }
    }
}

/// Why a commit was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// A condition didn't hold and nothing was written: read again, decide again.
    #[error("`{}` was changed by someone else in the meantime", key.escape_ascii())]
    Conflict {
        /// The key of the first condition that didn't hold.
        key: Key,
    },
    /// More than a commit may hold; nothing was written.
    #[error(
        "a commit of {operations} operations and {bytes} bytes is too large: at most {COMMIT_OPERATIONS_MAX} operations \
         and {COMMIT_BYTES_MAX} bytes are possible"
    )]
    TooLarge {
        /// Its conditions and writes.
        operations: usize,
        /// Its size, as [`Commit::size_bytes`] counts it.
        bytes: usize,
    },
    /// Two writes name the same key; nothing was written.
    #[error("`{}` is written twice in one commit", key.escape_ascii())]
    WrittenTwice {
        /// The key named twice.
        key: Key,
    },
    /// The backend could not do it.
    ///
    /// Nothing was written where [`Fault::is_before_writing`] says so. Otherwise the outcome is unknown, as when a
    /// disk fails while it syncs: all of the commit may turn out to be there or none of it, never a part.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What a commit did to one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: Key,
    /// What happened to it.
    pub kind: ChangeKind,
    /// The revision of the commit.
    pub modified: Revision,
}

/// How a key changed.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// It was not there before.
    Created,
    /// It was there, and was written again (perhaps with the same value).
    Updated,
    /// It is no longer there.
    Deleted,
}

/// Someone told of each change.
pub trait Watcher: Send + Sync {
    /// Called once for each commit that changed something, in the order of revisions and never at the same time,
    /// after the commit is visible to [`Store::snapshot`] and before [`Store::commit`] answers.
    ///
    /// A later commit may be visible already. It runs on the path of all commits: be quick, don't wait for another
    /// commit. Reading is fine. Where it panics, the store may close itself, since what it missed is lost.
    fn changed(&self, changes: &[Change]);
}

/// The store as it was at one revision. What is committed later is not in it.
///
/// Hold it no longer than a request takes: some backends keep old pages, or answer from memory, until it is dropped.
pub trait Snapshot: Send {
    /// The revision that this is the state of.
    fn revision(&self) -> Revision;

    /// The entry of a key, if it is there.
    ///
    /// # Errors
    /// A [`Fault`] where the entry can't be read, or isn't what was written; a damaged value is never returned.
    fn get(&self, key: &[u8]) -> Result<Option<Entry>, Fault>;

    /// Visits the entries of a range in order, until the visitor breaks.
    ///
    /// # Errors
    /// A [`Fault`] where an entry can't be read, or isn't what was written. What was visited before it was right.
    fn range(
        &self,
        range: &Range,
        visit: &mut dyn FnMut(EntryRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), Fault>;
}

/// The future of [`Store::commit`].
pub type Committing<'a> = Pin<Box<dyn Future<Output = Result<Revision, CommitError>> + Send + 'a>>;

/// An ordered map from keys to bytes, with conditional commits.
pub trait Store: Send + Sync {
    /// The newest state. It has every commit that was acknowledged before this call.
    ///
    /// # Errors
    /// A [`Fault`] where the store can't be read now.
    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, Fault>;

    /// Writes all or nothing. `Ok` means durable: it is there after a power cut.
    ///
    /// Conditions are checked against the newest state, one commit after another. The revision returned is the
    /// commit's own; a commit that changes nothing (no writes, or deletes of keys that are not there) returns the
    /// revision it was checked at.
    ///
    /// The future does nothing until polled. Dropped after that, the commit may still happen.
    ///
    /// # Errors
    /// See [`CommitError`].
    fn commit(&self, commit: Commit) -> Committing<'_>;

    /// Tells this watcher of each commit from now on, until the store is closed.
    fn watch(&self, watcher: Arc<dyn Watcher>);

    /// Whether a commit would be taken now, as far as known without trying: for readiness checks.
    ///
    /// # Errors
    /// The [`Fault`] that commits meet at present.
    fn health(&self) -> Result<(), Fault>;

    /// Finishes what was queued, then refuses everything with [`FaultKind::Closed`]. Closing twice is fine.
    fn close(&self);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_no_key_can_start_with_it() {
        for (prefix, end) in [
            (&b""[..], None),
            (b"a", Some(&b"b"[..])),
            (b"a\xff", Some(b"b")),
            (b"a\xff\xff", Some(b"b")),
            (b"\xff\xff", None),
            (b"a\x00", Some(b"a\x01")),
        ] {
            let range = Range::prefix(prefix);
            assert_eq!(
                (range.start.as_slice(), range.end.as_deref()),
                (prefix, end)
            );
        }
    }

    #[test]
    fn a_page_goes_on_after_its_last_key_in_both_directions() {
        let range = Range::between(*b"b", *b"y");
        assert!(!range.clone().after(b"m").contains(b"m"));
        assert!(range.clone().after(b"m").contains(b"m\0"));
        assert_eq!(range.clone().after(b"a"), range);
        let reversed = range.reversed();
        assert!(!reversed.clone().after(b"m").contains(b"m"));
        assert!(reversed.clone().after(b"m").contains(b"l\xff"));
        assert_eq!(reversed.clone().after(b"z"), reversed);
    }

    #[test]
    fn a_commit_is_counted_by_keys_values_and_operations() {
        let commit = Commit {
            conditions: vec![Condition::absent(*b"abc")],
            writes: vec![
                Write::Put {
                    key: b"abc".to_vec(),
                    value: vec![0; 10],
                },
                Write::Delete { key: b"z".to_vec() },
            ],
        };
        assert_eq!(commit.operations(), 3);
        assert_eq!(
            commit.size_bytes(),
            3 + 13 + 1 + 3 * OPERATION_OVERHEAD_BYTES
        );
    }

    #[test]
    fn debug_output_shows_no_value() {
        let write = Write::Put {
            key: b"k".to_vec(),
            value: b"hush".to_vec(),
        };
        let entry = Entry {
            key: b"k".to_vec(),
            value: b"hush".to_vec(),
            modified: Revision(7),
        };
        assert_eq!(
            format!("{write:?} {entry:?}"),
            "Put(k, 4 bytes) k@7 (4 bytes)"
        );
    }
}
