//! Looking events up in the log: by an index beside it, of which nothing is lost with it. A segment that is whole has an
//! index in a file; the one that grows, in memory. Both say where an event may lie; whether it is one that is asked for,
//! the event itself says.
//!
//! A look-up takes in what became durable before it came, so a client finds its own earlier calls at once. Between
//! look-ups, a thread of its own does that when the log rests or much has come, and writes the files.

mod file;
mod pairs;

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use serde::Deserialize;
use strongroom_audit::{Fault, Kind, Reader, Record, Segment};
use strongroom_keys::{Entropy, SystemEntropy};
use strongroom_services::cloudtrail::history::{Found, History, Query};
use strongroom_services::cloudtrail::recorded::Recorded;
use strongroom_services::refusal::Stop;

use file::{IndexFile, Unusable};
use pairs::Pairs;

/// The folder of the indexes, in the data folder.
pub const FOLDER_NAME: &str = "audit-index";
/// How often the thread looks whether there is something to do.
const INTERVAL: Duration = Duration::from_millis(500);
/// So many records are taken in even while the log is busy: a look-up mustn't find much more to do.
const BACKLOG_RECORDS: u64 = 20_000;
/// Events that lie no further apart than this are read in one go.
const READ_TOGETHER: u64 = 128;
/// A segment whose index is found damaged is indexed anew and asked again, so many times.
const ATTEMPTS_MAX: usize = 3;

/// Where records are read from: the log, or a test's.
pub trait Source: Send + Sync {
    /// The segments, in order.
    fn segments(&self) -> Vec<Segment>;

    /// Visits the durable records from a sequence on, each proved to be what was written.
    ///
    /// # Errors
    /// They can't be read.
    fn read(
        &self,
        from: u64,
        visit: &mut dyn FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> Result<(), Fault>;

    /// The same, where it is enough to know what lies where.
    ///
    /// # Errors
    /// They can't be read.
    fn skim(
        &self,
        from: u64,
        visit: &mut dyn FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> Result<(), Fault> {
        self.read(from, visit)
    }
}

impl Source for Reader {
    fn segments(&self) -> Vec<Segment> {
        Reader::segments(self)
    }

    fn read(
        &self,
        from: u64,
        visit: &mut dyn FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> Result<(), Fault> {
        Reader::read(self, from, visit)
    }

    fn skim(
        &self,
        from: u64,
        visit: &mut dyn FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> Result<(), Fault> {
        Reader::skim(self, from, visit)
    }
}

/// The index of a log.
pub struct Lookups {
    source: Box<dyn Source>,
    folder: PathBuf,
    indexed: Mutex<Indexed>,
}

#[derive(Default)]
struct Indexed {
    /// Segments that are whole, by number.
    whole: BTreeMap<u64, Arc<IndexFile>>,
    /// The one that grows.
    growing: Option<Pairs>,
}

/// Why nothing can be looked up.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The log.
    #[error("the audit log can't be read: {0}")]
    Log(#[from] Fault),
    /// The index.
    #[error(
        "the index of the audit log can't be written ({0}): make room, or look at the folder's permissions"
    )]
    Io(#[from] io::Error),
    /// It was damaged again and again.
    #[error("the index of the audit log doesn't stay as it is written: look at the disk")]
    Unsteady,
}

/// A note in the log, as far as look-ups care.
#[derive(Deserialize)]
struct Note<'a> {
    note: &'a str,
}

impl Lookups {
    /// Looks up in a log, with its index in this folder, which is made once there is something to write.
    pub fn new(source: impl Source + 'static, folder: PathBuf) -> Arc<Self> {
        Arc::new(Lookups {
            source: Box::new(source),
            folder,
            indexed: Mutex::default(),
        })
    }

    /// Has a thread of its own take in what comes, until this is dropped.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn follow(self: &Arc<Self>) -> io::Result<()> {
        let lookups = Arc::downgrade(self);
        let thread = std::thread::Builder::new().name("audit-index".to_owned());
        thread.spawn(move || keep_up(&lookups)).map(|_| ())
    }

    /// Takes in all that is durable.
    ///
    /// # Errors
    /// [`Failed`]
    pub fn refresh(&self) -> Result<(), Failed> {
        self.refreshed(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Indexed> {
        self.indexed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many durable records aren't taken in yet, and the newest one.
    fn backlog(&self) -> (u64, u64) {
        let segments = self.source.segments();
        let newest = segments
            .iter()
            .rev()
            .find_map(|segment| segment.last_sequence);
        let newest = newest.unwrap_or_default();
        let taken = self
            .lock()
            .growing
            .as_ref()
            .map(|pairs| pairs.next_sequence);
        // Where nothing was taken in yet, the thread has its reason to begin.
        let next = taken.unwrap_or_default();
        ((newest + 1).saturating_sub(next), newest)
    }

    fn refreshed(&self, indexed: &mut Indexed) -> Result<(), Failed> {
        let segments = self.source.segments();
        self.forget_pruned(indexed, &segments);
        let Some((last, earlier)) = segments.split_last() else {
            return Ok(());
        };
        for segment in earlier {
            if indexed.whole.contains_key(&segment.number) {
                continue;
            }
            let own = indexed
                .growing
                .take_if(|pairs| pairs.number == segment.number);
            let file = match (own, IndexFile::open(&self.folder, segment)) {
                (None, Ok(file)) => file,
                (own, unusable) => {
                    if let (None, Err(why @ Unusable::Damaged)) = (&own, &unusable) {
                        tracing::warn!(segment = segment.number, %why, "an index of the audit log is made anew");
                    }
                    self.made(segment, own)?
                }
            };
            indexed.whole.insert(segment.number, Arc::new(file));
        }
        let growing = indexed.growing.take_if(|pairs| pairs.number == last.number);
        let mut growing = growing.unwrap_or_else(|| fresh(last));
        let filled = self.fill(&mut growing, last);
        indexed.growing = Some(growing);
        filled
    }

    /// Writes the index of a segment that is whole.
    fn made(&self, segment: &Segment, pairs: Option<Pairs>) -> Result<IndexFile, Failed> {
        let mut pairs = pairs.unwrap_or_else(|| fresh(segment));
        self.fill(&mut pairs, segment)?;
        std::fs::create_dir_all(&self.folder)?;
        file::write(&self.folder, segment, &pairs)?;
        IndexFile::open(&self.folder, segment).map_err(|unusable| match unusable {
            Unusable::Io(error) => Failed::Io(error),
            Unusable::Damaged => Failed::Unsteady,
        })
    }

    /// Adds a segment's records that aren't in its pairs yet.
    fn fill(&self, pairs: &mut Pairs, segment: &Segment) -> Result<(), Failed> {
        let Some(last) = segment
            .last_sequence
            .filter(|last| *last >= pairs.next_sequence)
        else {
            return Ok(());
        };
        self.source.skim(pairs.next_sequence, &mut |record| {
            if record.sequence > last {
                return ControlFlow::Break(());
            }
            match record.kind {
                Kind::Event => pairs.add(record.sequence, record.payload),
                Kind::Note if hides(record.payload) => pairs.hide_before(record.sequence),
                _ => {}
            }
            pairs.next_sequence = record.sequence + 1;
            match record.sequence == last {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })?;
        Ok(())
    }

    /// Segments whose retention is over take their indexes with them.
    fn forget_pruned(&self, indexed: &mut Indexed, segments: &[Segment]) {
        let oldest = segments.first().map_or(u64::MAX, |segment| segment.number);
        while let Some(entry) = indexed
            .whole
            .first_entry()
            .filter(|entry| *entry.key() < oldest)
        {
            let path = file::path(&self.folder, *entry.key());
            entry.remove();
            // One that is left is of no use, and no harm.
            let _ = std::fs::remove_file(path);
        }
    }

    fn look_up(&self, query: &Query<'_>) -> Result<Found, Failed> {
        for _ in 0..ATTEMPTS_MAX {
            let seen = self.seen(query)?;
            match self.look_into(query, &seen)? {
                Ok(found) => return Ok(found),
                // It is made anew by the next attempt.
                Err(damaged) => {
                    tracing::warn!(
                        segment = damaged,
                        "an index of the audit log is damaged; it is made anew"
                    );
                    let _ = std::fs::remove_file(file::path(&self.folder, damaged));
                    self.lock().whole.remove(&damaged);
                }
            }
        }
        Err(Failed::Unsteady)
    }

    /// All that is durable, as far as a query needs it. Others needn't wait while it is read.
    fn seen(&self, query: &Query<'_>) -> Result<Seen, Failed> {
        let mut indexed = self.lock();
        self.refreshed(&mut indexed)?;
        let before = query.before.unwrap_or(u64::MAX);
        let growing = indexed.growing.as_ref();
        let hidden = growing.map_or(0, |pairs| pairs.hidden_before);
        let whole = indexed.whole.iter().rev();
        Ok(Seen {
            before,
            hidden_before: indexed
                .whole
                .values()
                .fold(hidden, |hidden, file| hidden.max(file.hidden_before)),
            growing: growing.map(|pairs| (pairs.first_sequence, pairs.places(query, before))),
            whole: whole
                .map(|(number, file)| (*number, Arc::clone(file)))
                .collect(),
        })
    }

    /// Looks into each segment, the newest first; the inner error is the number of one whose index is damaged.
    fn look_into(&self, query: &Query<'_>, seen: &Seen) -> Result<Result<Found, u64>, Failed> {
        let mut candidates = Candidates {
            hidden_before: seen.hidden_before,
            found: Found::default(),
        };
        let source = &*self.source;
        if let Some((first, places)) = &seen.growing
            && candidates.take(source, query, *first, places)?.is_break()
        {
            return Ok(Ok(candidates.found));
        }
        for (number, file) in &seen.whole {
            let Ok(places) = file.places(query, seen.before) else {
                return Ok(Err(*number));
            };
            if candidates
                .take(source, query, file.first_sequence, &places)?
                .is_break()
            {
                break;
            }
        }
        Ok(Ok(candidates.found))
    }
}

/// The log as a look-up sees it.
struct Seen {
    /// What comes before this sequence is asked for.
    before: u64,
    /// What came before this sequence is hidden.
    hidden_before: u64,
    /// Of the segment that grows, its first sequence and where events may lie.
    growing: Option<(u64, Vec<u32>)>,
    /// The others, the newest first.
    whole: Vec<(u64, Arc<IndexFile>)>,
}

/// What was found so far.
struct Candidates {
    hidden_before: u64,
    found: Found,
}

impl Candidates {
    /// Reads the events at a segment's places, which come last ones first, and keeps those that are asked for.
    fn take(
        &mut self,
        source: &dyn Source,
        query: &Query<'_>,
        first_sequence: u64,
        places: &[u32],
    ) -> Result<ControlFlow<()>, Fault> {
        let sequence = |place: &u32| first_sequence + u64::from(*place);
        let mut left = places;
        while let Some(last) = left.first().map(sequence) {
            if last < self.hidden_before {
                return Ok(ControlFlow::Break(()));
            }
            // As many as are wanted, but no further apart than is read in one go.
            let wanted = query.most + 1 - self.found.events.len();
            let is_near = |place: &&u32| last - sequence(place) <= READ_TOGETHER;
            let together = left.iter().take(wanted).take_while(is_near).count();
            let (near, rest) = left.split_at(together);
            left = rest;
            for (sequence, json) in read_all(source, first_sequence, near)?.into_iter().rev() {
                let is_wanted = sequence >= self.hidden_before
                    && Recorded::read(&json).is_some_and(|event| query.wants(&event));
                if !is_wanted {
                    continue;
                }
                if self.found.events.len() == query.most {
                    self.found.is_more = true;
                    return Ok(ControlFlow::Break(()));
                }
                self.found.events.push((sequence, json));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// The events at these places, which come last ones first; oldest first.
fn read_all(
    source: &dyn Source,
    first_sequence: u64,
    places: &[u32],
) -> Result<Vec<(u64, Vec<u8>)>, Fault> {
    let mut wanted = places
        .iter()
        .rev()
        .map(|place| first_sequence + u64::from(*place));
    let mut events = Vec::with_capacity(places.len());
    let Some(mut next) = wanted.next() else {
        return Ok(events);
    };
    source.read(next, &mut |record| {
        if record.sequence < next {
            return ControlFlow::Continue(());
        }
        if record.sequence == next && record.kind == Kind::Event {
            events.push((record.sequence, record.payload.to_vec()));
        }
        match wanted.next() {
            Some(another) => {
                next = another;
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(()),
        }
    })?;
    Ok(events)
}

impl History for Lookups {
    fn find(&self, query: &Query<'_>) -> Result<Found, Stop> {
        self.look_up(query)
            .map_err(|failed| Stop::Unavailable(Box::new(failed)))
    }
}

fn hides(note: &[u8]) -> bool {
    serde_json::from_slice::<Note<'_>>(note).is_ok_and(|note| note.note == "reset")
}

fn fresh(segment: &Segment) -> Pairs {
    let mut seed = [0; 8];
    SystemEntropy.fill(&mut seed);
    Pairs::new(
        segment.number,
        segment.first_sequence,
        u64::from_le_bytes(seed),
    )
}

/// Takes in what comes: while the log rests, or once much has come.
fn keep_up(lookups: &Weak<Lookups>) {
    let mut seen = None;
    let mut is_failing = false;
    while let Some(lookups) = lookups.upgrade() {
        let (backlog, newest) = lookups.backlog();
        let rests = seen == Some(newest);
        if backlog > 0 && (rests || seen.is_none() || backlog > BACKLOG_RECORDS) {
            match lookups.refresh() {
                Ok(()) => is_failing = false,
                Err(failed) if !is_failing => {
                    tracing::warn!(%failed, "the audit log is not indexed; look-ups try again");
                    is_failing = true;
                }
                Err(_) => {}
            }
        }
        seen = Some(newest);
        drop(lookups);
        std::thread::sleep(INTERVAL);
    }
}

#[cfg(test)]
mod tests;
