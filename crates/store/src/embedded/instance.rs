//! An open redb database: what it is asked, and how its errors, and its panics over damaged pages, become faults.
//!
//! It may not know when it is asked: that is the committer's.

use std::io::ErrorKind;
use std::ops::{Bound, ControlFlow};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use redb::{
    AccessGuard, Builder, Database, ReadOnlyTable, ReadableDatabase, ReadableTable, Table,
    TableDefinition, WriteTransaction,
};

use super::disk::{Disk, io_fault};
use super::pages::{Backend, Pages};
use super::record::{self, Summary};
use super::{VERIFIED_AT_OPEN_BYTES_MAX, Verification};
use crate::{
    Change, ChangeKind, Commit, CommitError, Condition, Entry, EntryRef, Fault, FaultKind, Range,
    Revision, Write,
};

const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
const SUMMARY: TableDefinition<'_, (), &[u8]> = TableDefinition::new("summary");

/// A database, open through pages of its own.
pub(super) struct Instance {
    database: Database,
    pages: Arc<Pages>,
}

/// What became of one commit of a group.
pub(super) type Outcome = Result<(Revision, Vec<Change>), CommitError>;

/// Makes an empty database in an empty file. The caller syncs it.
pub(super) fn create(path: PathBuf, disk: Arc<dyn Disk>) -> Result<(), Fault> {
    let pages = Arc::new(Pages::new(disk, path, false));
    let instance = Instance::open_on(&pages, 1 << 20, false)?;
    instance.guarded(|database| {
        let mut transaction = database.begin_write()?;
        transaction.set_quick_repair(true);
        transaction.open_table(RECORDS)?;
        transaction
            .open_table(SUMMARY)?
            .insert((), Summary::default().encode().as_slice())?;
        Ok(transaction.commit()?)
    })?;
    drop(instance);
    pages.frozen().cloned().map_or(Ok(()), Err)
}

impl Instance {
    /// Opens the database. With `verify`, a small one is checked as a whole.
    ///
    /// One that can't be written to opens as well, frozen: see [`Pages`].
    pub(super) fn open(
        path: PathBuf,
        disk: Arc<dyn Disk>,
        cache_bytes: usize,
        verify: bool,
    ) -> Result<Self, Fault> {
        let len = disk
            .len()
            .map_err(|error| io_fault(&error, "reading", &path))?;
        if len == 0 {
            let what = format!("{} is empty", path.display());
            return Err(Fault::new(FaultKind::Damaged { key: None }, what));
        }
        let pages = Arc::new(Pages::new(disk, path, true));
        Self::open_on(
            &pages,
            cache_bytes,
            verify && len <= VERIFIED_AT_OPEN_BYTES_MAX,
        )
    }

    fn open_on(pages: &Arc<Pages>, cache_bytes: usize, verify: bool) -> Result<Self, Fault> {
        let database = guarded(pages, || {
            Ok(Builder::new()
                .set_cache_size(cache_bytes)
                .set_check_integrity_on_open(verify)
                .create_with_backend(Backend(Arc::clone(pages)))?)
        })?;
        Ok(Self {
            database,
            pages: Arc::clone(pages),
        })
    }

    pub(super) fn pages(&self) -> &Pages {
        &self.pages
    }

    /// Decides each commit, the later ones seeing the earlier ones, and makes them durable together.
    ///
    /// On a fault, none of the outcomes is visible, and [`Pages::commit_may_be_there`] says whether they may become so.
    pub(super) fn apply(&self, commits: &[Commit]) -> (Vec<Outcome>, Result<(), Fault>) {
        self.pages.begin();
        let mut outcomes = Vec::with_capacity(commits.len());
        let result = self.guarded(|database| {
            let mut transaction = database.begin_write()?;
            // After a crash, the next open reads the list of free pages instead of walking the whole file. It comes
            // with two-phase commits, so a torn header can't bring an old state back.
            transaction.set_quick_repair(true);
            let changed = self.decide(&transaction, commits, &mut outcomes)?;
            if changed {
                Ok(transaction.commit()?)
            } else {
                Ok(transaction.abort()?)
            }
        });
        let frozen = self.pages.frozen().cloned().map_or(Ok(()), Err);
        // A write that failed is the cause of whatever redb met after it.
        (outcomes, frozen.and(result))
    }

    /// Decides and writes each commit, but makes nothing durable. Returns whether anything changed.
    fn decide(
        &self,
        transaction: &WriteTransaction,
        commits: &[Commit],
        outcomes: &mut Vec<Outcome>,
    ) -> Result<bool, redb::Error> {
        let mut summaries = transaction.open_table(SUMMARY)?;
        let mut records = transaction.open_table(RECORDS)?;
        let mut summary = read_summary(summaries.get(())?)?;
        let before = summary.revision;
        let mut buffer = Vec::new();
        for commit in commits {
            outcomes.push(match self.refusal(&records, commit)? {
                Some(refusal) => Err(refusal),
                None => Ok(write(&mut records, commit, &mut summary, &mut buffer)?),
            });
        }
        if summary.revision == before {
            return Ok(false);
        }
        summaries.insert((), summary.encode().as_slice())?;
        Ok(true)
    }

    /// Why a commit is not written: a condition that doesn't hold, or a record that can't be trusted.
    fn refusal(
        &self,
        records: &Table<'_, &[u8], &[u8]>,
        commit: &Commit,
    ) -> Result<Option<CommitError>, redb::Error> {
        for Condition { key, modified } in &commit.conditions {
            let found = match records.get(key.as_slice())? {
                None => Revision::ABSENT,
                Some(record) => match record::decode(key, record.value()) {
                    Some((_, modified)) => modified,
                    None => {
                        return Ok(Some(
                            damaged_record(&self.pages, key).before_writing().into(),
                        ));
                    }
                },
            };
            if found != *modified {
                return Ok(Some(CommitError::Conflict { key: key.clone() }));
            }
        }
        Ok(None)
    }

    fn guarded<T>(
        &self,
        ask: impl FnOnce(&Database) -> Result<T, redb::Error>,
    ) -> Result<T, Fault> {
        guarded(&self.pages, || ask(&self.database))
    }
}

fn write(
    records: &mut Table<'_, &[u8], &[u8]>,
    commit: &Commit,
    summary: &mut Summary,
    buffer: &mut Vec<u8>,
) -> Result<(Revision, Vec<Change>), redb::Error> {
    let revision = summary.revision.next();
    let mut changes = Vec::with_capacity(commit.writes.len());
    for write in &commit.writes {
        let (key, kind) = match write {
            Write::Put { key, value } => {
                record::encode(buffer, key, value, revision);
                let before = records.insert(key.as_slice(), buffer.as_slice())?;
                (
                    key,
                    if before.is_some() {
                        ChangeKind::Updated
                    } else {
                        ChangeKind::Created
                    },
                )
            }
            Write::Delete { key } => {
                if records.remove(key.as_slice())?.is_none() {
                    continue;
                }
                (key, ChangeKind::Deleted)
            }
        };
        match kind {
            ChangeKind::Created => summary.records += 1,
            ChangeKind::Updated => {}
            ChangeKind::Deleted => summary.records = summary.records.saturating_sub(1),
        }
        changes.push(Change {
            key: key.clone(),
            kind,
            modified: revision,
        });
    }
    if !changes.is_empty() {
        summary.revision = revision;
    }
    Ok((summary.revision, changes))
}

/// The newest acknowledged state: one read transaction, shared by all snapshots until the next group of commits.
///
/// A transaction of its own for each read would cost as much again as the read. Pages that a commit replaced stay in
/// the file as long as a snapshot from before it lives.
pub(super) struct Current {
    records: ReadOnlyTable<&'static [u8], &'static [u8]>,
    summary: Summary,
    instance: Arc<Instance>,
}

impl Current {
    pub(super) fn of(instance: &Arc<Instance>) -> Result<Arc<Self>, Fault> {
        let (records, summary) = instance.guarded(|database| {
            let transaction = database.begin_read()?;
            let summary = read_summary(transaction.open_table(SUMMARY)?.get(())?)?;
            Ok((transaction.open_table(RECORDS)?, summary))
        })?;
        Ok(Arc::new(Self {
            records,
            summary,
            instance: Arc::clone(instance),
        }))
    }

    pub(super) fn revision(&self) -> Revision {
        self.summary.revision
    }

    pub(super) fn pages(&self) -> &Pages {
        &self.instance.pages
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Entry>, Fault> {
        let pages = &self.instance.pages;
        let found = guarded(pages, || {
            Ok(self.records.get(key)?.map(|record| {
                record::decode(key, record.value())
                    .map(|(value, modified)| (value.to_vec(), modified))
            }))
        })?;
        match found {
            None => Ok(None),
            Some(None) => Err(damaged_record(pages, key)),
            Some(Some((value, modified))) => Ok(Some(Entry {
                key: key.to_vec(),
                value,
                modified,
            })),
        }
    }

    pub(super) fn range(
        &self,
        range: &Range,
        visit: &mut dyn FnMut(EntryRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), Fault> {
        if range.is_empty() {
            return Ok(());
        }
        let pages = &self.instance.pages;
        let start = Bound::Included(range.start.as_slice());
        let end = range
            .end
            .as_deref()
            .map_or(Bound::Unbounded, Bound::Excluded);
        let mut found = guarded(pages, || Ok(self.records.range::<&[u8]>((start, end))?))?;
        loop {
            let next = guarded(pages, || {
                let next = if range.reverse {
                    found.next_back()
                } else {
                    found.next()
                };
                Ok(next.transpose()?)
            })?;
            let Some((key, record)) = next else {
                return Ok(());
            };
            let key = key.value();
            let Some((value, modified)) = record::decode(key, record.value()) else {
                return Err(damaged_record(pages, key));
            };
            if visit(EntryRef {
                key,
                value,
                modified,
            })
            .is_break()
            {
                return Ok(());
            }
        }
    }
}

/// See [`super::Embedded::verify`].
pub(super) fn verify(current: &Current) -> Verification {
    let pages = &current.instance.pages;
    let mut verification = Verification {
        revision: current.revision(),
        records: 0,
        value_bytes: 0,
        faults: Vec::new(),
    };
    let walked = guarded(pages, || {
        let mut previous: Option<Vec<u8>> = None;
        for next in current.records.range::<&[u8]>(..)? {
            let (key, record) = next?;
            let key = key.value();
            let in_order = previous.as_deref().is_none_or(|previous| previous < key);
            // Finding it by its key takes another way through the tree than walking along does.
            let found = current.records.get(key)?;
            let found = found.is_some_and(|found| found.value() == record.value());
            match record::decode(key, record.value()) {
                Some((value, _)) if in_order && found => {
                    verification.records += 1;
                    verification.value_bytes += value.len() as u64;
                }
                _ if verification.faults.len() < Verification::FAULTS_MAX => {
                    verification.faults.push(damaged_record(pages, key));
                }
                _ => return Ok(()),
            }
            previous = Some(key.to_vec());
        }
        let expected = current.summary.records;
        if verification.faults.is_empty() && verification.records != expected {
            let what = format!(
                "{} has {} records where {expected} were written",
                pages.path().display(),
                verification.records
            );
            verification
                .faults
                .push(Fault::new(FaultKind::Damaged { key: None }, what));
        }
        Ok(())
    });
    if let Err(fault) = walked {
        verification.faults.push(fault);
    }
    verification
}

fn read_summary(found: Option<AccessGuard<'_, &'static [u8]>>) -> Result<Summary, redb::Error> {
    found
        .and_then(|bytes| Summary::decode(bytes.value()))
        .ok_or_else(|| {
            redb::Error::Corrupted("the summary of all records is not what was written".into())
        })
}

fn damaged_record(pages: &Pages, key: &[u8]) -> Fault {
    let what = format!(
        "the record `{}` in {} is damaged",
        key.escape_ascii(),
        pages.path().display()
    );
    Fault::new(
        FaultKind::Damaged {
            key: Some(key.to_vec()),
        },
        what,
    )
}

/// Asks redb, whose answer to a damaged page may be a panic.
fn guarded<T>(pages: &Pages, ask: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, Fault> {
    match catch_unwind(AssertUnwindSafe(ask)) {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(fault(pages, &error)),
        Err(_) => Err(damaged(pages, "a page of it makes no sense")),
    }
}

fn fault(pages: &Pages, error: &redb::Error) -> Fault {
    let path = pages.path();
    match error {
        redb::Error::Io(error)
            if matches!(
                error.kind(),
                ErrorKind::InvalidData | ErrorKind::UnexpectedEof
            ) =>
        {
            damaged(pages, &error.to_string())
        }
        redb::Error::Io(error) => io_fault(error, "reading", path),
        redb::Error::PreviousIo | redb::Error::DatabaseClosed => Fault::new(
            FaultKind::Io,
            format!(
                "{} is being reopened, since it could not be read",
                path.display()
            ),
        ),
        error => damaged(pages, &error.to_string()),
    }
}

fn damaged(pages: &Pages, why: &str) -> Fault {
    let place = pages
        .damaged_at()
        .map_or_else(String::new, |offset| format!(" at byte {offset}"));
    let what = format!("{} is damaged{place} ({why})", pages.path().display());
    Fault::new(FaultKind::Damaged { key: None }, what)
}
