//! What a segment's events can be looked up by, as it is gathered: pairs of a value's hash and a place. A segment that
//! grows is looked up in these; one that is whole goes into a file (`file.rs`).

use std::ops::RangeInclusive;

use strongroom_services::cloudtrail::history::{Attribute, Query};
use strongroom_services::cloudtrail::recorded::Recorded;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// So many places share one note of their times.
pub(super) const TIMED_TOGETHER: u32 = 64;

/// The pairs of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pairs {
    /// The segment's number.
    pub(super) number: u64,
    /// The sequence of its first record; places count from it.
    pub(super) first_sequence: u64,
    /// The sequence behind the last record that was added.
    pub(super) next_sequence: u64,
    /// Hashes differ from one segment to the next: who finds two values of one hash slows one segment down.
    pub(super) seed: u64,
    /// In the order of places.
    pub(super) entries: Vec<(u64, u32)>,
    pub(super) times: Times,
    /// The sequence of the last note that hides what came before; 0: there is none.
    pub(super) hidden_before: u64,
    key: Vec<u8>,
}

/// When the events of a segment happened, by runs of places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    /// The earliest and the latest second of each run; a run without events has none.
    pub(super) runs: Vec<(i64, i64)>,
}

/// A run without events.
pub(super) const NEVER: (i64, i64) = (i64::MAX, i64::MIN);

impl Times {
    fn add(&mut self, place: u32, second: i64) {
        let run = (place / TIMED_TOGETHER) as usize;
        if self.runs.len() <= run {
            self.runs.resize(run + 1, NEVER);
        }
        if let Some((first, last)) = self.runs.get_mut(run) {
            *first = second.min(*first);
            *last = second.max(*last);
        }
    }

    /// Whether an event at a place may have happened between these seconds.
    pub(super) fn may_be_within(&self, place: u32, seconds: &RangeInclusive<i64>) -> bool {
        let run = (place / TIMED_TOGETHER) as usize;
        let found = self.runs.get(run);
        found.is_some_and(|(first, last)| first <= seconds.end() && last >= seconds.start())
    }

    /// Whether any may have.
    pub(super) fn overlap(&self, seconds: &RangeInclusive<i64>) -> bool {
        let mut runs = self.runs.iter();
        runs.any(|(first, last)| first <= seconds.end() && last >= seconds.start())
    }
}

impl Pairs {
    /// Of a segment of which nothing was added yet.
    pub(super) fn new(number: u64, first_sequence: u64, seed: u64) -> Self {
        Pairs {
            number,
            first_sequence,
            next_sequence: first_sequence,
            seed,
            entries: Vec::new(),
            times: Times::default(),
            hidden_before: 0,
            key: Vec::new(),
        }
    }

    /// Adds an event. One that can't be looked up, or can't be read, leaves no pairs.
    pub(super) fn add(&mut self, sequence: u64, json: &[u8]) {
        let Some(place) = self.place(sequence) else {
            return;
        };
        let event = Recorded::read(json).filter(Recorded::is_looked_up);
        let Some((event, second)) = event.and_then(|event| {
            let second = event.seconds()?;
            Some((event, second))
        }) else {
            return;
        };
        let Some(account) = event.account() else {
            return;
        };
        self.times.add(place, second);
        let start = self.entries.len();
        let of_region = of_region(&mut self.key, account, event.region());
        let (key, entries, seed) = (&mut self.key, &mut self.entries, self.seed);
        entries.push((xxh3_64_with_seed(key, seed), place));
        event.each_attribute(&mut |attribute, value| {
            key.truncate(of_region);
            with_attribute(key, attribute, value);
            let hash = xxh3_64_with_seed(key, seed);
            let own = entries.get(start..).unwrap_or_default();
            if !own.iter().any(|(earlier, _)| *earlier == hash) {
                entries.push((hash, place));
            }
        });
    }

    /// Hides what came before a note.
    pub(super) fn hide_before(&mut self, sequence: u64) {
        self.hidden_before = sequence;
    }

    fn place(&self, sequence: u64) -> Option<u32> {
        u32::try_from(sequence.checked_sub(self.first_sequence)?).ok()
    }

    /// The places that a query's hash has before a sequence, the last ones first.
    pub(super) fn places(&self, query: &Query<'_>, before: u64) -> Vec<u32> {
        let hash = hash_of(query, self.seed);
        let seconds = query.from_seconds..=query.to_seconds;
        let found = self.entries.iter().rev();
        let found = found.filter(|(each, place)| {
            *each == hash
                && self.first_sequence + u64::from(*place) < before
                && self.times.may_be_within(*place, &seconds)
        });
        found.map(|(_, place)| *place).collect()
    }
}

/// The hash of what a query asks for.
pub(super) fn hash_of(query: &Query<'_>, seed: u64) -> u64 {
    let mut key = Vec::new();
    of_region(&mut key, query.account.as_str(), query.region.as_str());
    if let Some((attribute, value)) = query.attribute {
        with_attribute(&mut key, attribute, value);
    }
    xxh3_64_with_seed(&key, seed)
}

fn of_region(key: &mut Vec<u8>, account: &str, region: &str) -> usize {
    key.clear();
    key.extend_from_slice(account.as_bytes());
    key.push(0);
    key.extend_from_slice(region.as_bytes());
    key.len()
}

fn with_attribute(key: &mut Vec<u8>, attribute: Attribute, value: &str) {
    key.push(0);
    key.extend_from_slice(attribute.name().as_bytes());
    key.push(0);
    key.extend_from_slice(value.as_bytes());
}
