//! The index file of a segment: written once, when the segment is whole, and read in pieces. Each piece has a check of its
//! own, so that a damaged one is noticed before it hides an event; then the file is made anew from the log.
//!
//! Every byte is described in docs/formats.md.

use std::fs::File;
use std::io;
use std::ops::RangeInclusive;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use strongroom_audit::Segment;
use strongroom_services::cloudtrail::history::Query;
use xxhash_rust::xxh3::xxh3_64;

use super::pairs::{Pairs, Times, hash_of};

const MAGIC: &[u8; 8] = b"SRINDEX\x01";
/// Bytes of the head before its tables.
const FIXED_BYTES: usize = 8 * 9;
/// Entries of a page: what is read to find a value.
const PAGE_ENTRIES: usize = 256;
/// Bytes of an entry: hash 8, place 4.
const ENTRY_BYTES: usize = 12;
/// Bytes of a page in the head: first hash 8, check 8.
const PAGE_BYTES: usize = 16;
/// Bytes of a run of times in the head.
const RUN_BYTES: usize = 16;
/// Set in an entry whose value more than one event has: the rest is where their places lie.
const LISTED: u32 = 1 << 31;
/// Bytes before a list of places: its length 4, check 8.
const LIST_BYTES: usize = 12;
/// Read with the beginning of a list; most have no more.
const LIST_BYTES_EXPECTED: usize = 4096;

/// The head of an index file, in memory; the rest is read when it is needed.
#[derive(Debug)]
pub(super) struct IndexFile {
    path: PathBuf,
    pub(super) first_sequence: u64,
    pub(super) hidden_before: u64,
    seed: u64,
    entries: u64,
    /// Where the lists begin.
    lists_start: u64,
    pages: Vec<Page>,
    pub(super) times: Times,
}

#[derive(Debug)]
struct Page {
    first_hash: u64,
    check: u64,
}

/// Why an index file can't be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    /// It isn't there, or can't be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It isn't what was written, or another segment's.
    #[error("it is damaged, or another segment's")]
    Damaged,
}

/// What belongs to one segment alone: a file of another log's, or of another state of it, isn't taken for it.
fn identity(segment: &Segment) -> [u64; 5] {
    [
        segment.number,
        segment.first_sequence,
        segment.last_sequence.unwrap_or_default(),
        segment.first_milliseconds.cast_unsigned(),
        segment.last_milliseconds.cast_unsigned(),
    ]
}

/// Where the index of a segment lies.
pub(super) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:016}.index"))
}

/// Writes the index of a segment that is whole, in the place of an earlier one. It needn't survive a power cut: what is
/// left of it then is found damaged.
pub(super) fn write(folder: &Path, segment: &Segment, pairs: &Pairs) -> io::Result<()> {
    let mut sorted = pairs.entries.clone();
    sorted.sort_unstable();
    let mut entries = Vec::with_capacity(sorted.len());
    let mut lists = Vec::new();
    for run in sorted.chunk_by(|(this, _), (next, _)| this == next) {
        let (Some((hash, first)), Ok(list)) = (run.first(), u32::try_from(lists.len())) else {
            continue;
        };
        let place = match run.len() {
            1 if *first < LISTED => *first,
            _ if list < LISTED => {
                push_list(run, &mut lists);
                list | LISTED
            }
            // As good as lost: a segment would have to be larger than a disk's worth of memory.
            _ => return Err(io::Error::other("a segment is too large for an index")),
        };
        entries.extend_from_slice(&hash.to_le_bytes());
        entries.extend_from_slice(&place.to_le_bytes());
    }
    let pages = entries.chunks(PAGE_ENTRIES * ENTRY_BYTES);
    let mut bytes = Vec::with_capacity(FIXED_BYTES + entries.len() + lists.len() + 65_536);
    bytes.extend_from_slice(MAGIC);
    for number in identity(segment) {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&pairs.hidden_before.to_le_bytes());
    bytes.extend_from_slice(&pairs.seed.to_le_bytes());
    let counts = [entries.len() / ENTRY_BYTES, pairs.times.runs.len()];
    for count in counts {
        let count = u32::try_from(count).map_err(io::Error::other)?;
        bytes.extend_from_slice(&count.to_le_bytes());
    }
    for page in pages {
        bytes.extend_from_slice(page.get(..8).unwrap_or_default());
        bytes.extend_from_slice(&xxh3_64(page).to_le_bytes());
    }
    for (first, last) in &pairs.times.runs {
        bytes.extend_from_slice(&first.to_le_bytes());
        bytes.extend_from_slice(&last.to_le_bytes());
    }
    bytes.extend_from_slice(&xxh3_64(&bytes).to_le_bytes());
    bytes.extend_from_slice(&entries);
    bytes.extend_from_slice(&lists);
    let path = path(folder, segment.number);
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, &bytes)?;
    std::fs::rename(&fresh, &path)
}

/// A list: how far each place is from the one before, so that most take a byte.
fn push_list(run: &[(u64, u32)], lists: &mut Vec<u8>) {
    let mut list = Vec::with_capacity(run.len() + 8);
    let mut before = 0;
    for (_, place) in run {
        let mut step = place - before;
        before = *place;
        while step >= 0x80 {
            list.push((step & 0x7f) as u8 | 0x80);
            step >>= 7;
        }
        list.push(step as u8);
    }
    // A list is never longer than all places of its segment, whose bytes fit in memory.
    lists.extend_from_slice(&(list.len() as u32).to_le_bytes());
    lists.extend_from_slice(&xxh3_64(&list).to_le_bytes());
    lists.extend_from_slice(&list);
}

fn read_list(list: &[u8]) -> Option<Vec<u32>> {
    let mut places = Vec::with_capacity(list.len());
    let (mut place, mut step, mut shift) = (0_u32, 0_u32, 0);
    for byte in list {
        step |= u32::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
        if byte & 0x80 == 0 {
            place = place.checked_add(step)?;
            places.push(place);
            (step, shift) = (0, 0);
        }
    }
    (shift == 0).then_some(places)
}

impl IndexFile {
    /// Reads the head of a segment's index.
    pub(super) fn open(folder: &Path, segment: &Segment) -> Result<Self, Unusable> {
        let path = path(folder, segment.number);
        let file = File::open(&path)?;
        let mut fixed = [0; FIXED_BYTES];
        file.read_exact_at(&mut fixed, 0)
            .map_err(|_| Unusable::Damaged)?;
        let word = |at: usize| u64_at(&fixed, at).unwrap_or_default();
        let is_own = fixed.starts_with(MAGIC)
            && identity(segment)
                .iter()
                .enumerate()
                .all(|(at, number)| word(8 + 8 * at) == *number);
        let [entries, runs] = [64, 68].map(|at| u32_at(&fixed, at).unwrap_or_default() as usize);
        let pages = entries.div_ceil(PAGE_ENTRIES);
        let head_bytes = FIXED_BYTES + pages * PAGE_BYTES + runs * RUN_BYTES;
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        if !is_own || length < head_bytes + 8 + entries * ENTRY_BYTES {
            return Err(Unusable::Damaged);
        }
        let mut head = vec![0; head_bytes + 8];
        file.read_exact_at(&mut head, 0)?;
        let (checked, check) = head.split_at(head_bytes);
        if u64_at(check, 0) != Some(xxh3_64(checked)) {
            return Err(Unusable::Damaged);
        }
        let (page_table, run_table) = checked[FIXED_BYTES..].split_at(pages * PAGE_BYTES);
        let pairs = |table: &[u8]| -> Vec<(u64, u64)> {
            let (chunks, _) = table.as_chunks::<16>();
            let pair = |chunk: &[u8; 16]| Some((u64_at(chunk, 0)?, u64_at(chunk, 8)?));
            chunks.iter().filter_map(pair).collect()
        };
        let page = |(first_hash, check)| Page { first_hash, check };
        let run = |(first, last): (u64, u64)| (first.cast_signed(), last.cast_signed());
        let entries = entries as u64;
        Ok(IndexFile {
            path,
            first_sequence: segment.first_sequence,
            hidden_before: word(48),
            seed: word(56),
            entries,
            lists_start: (head_bytes + 8) as u64 + entries * ENTRY_BYTES as u64,
            pages: pairs(page_table).into_iter().map(page).collect(),
            times: Times {
                runs: pairs(run_table).into_iter().map(run).collect(),
            },
        })
    }

    /// The places that a query's hash has before a sequence, the last ones first.
    pub(super) fn places(&self, query: &Query<'_>, before: u64) -> Result<Vec<u32>, Unusable> {
        let seconds: RangeInclusive<i64> = query.from_seconds..=query.to_seconds;
        if self.first_sequence >= before || !self.times.overlap(&seconds) {
            return Ok(Vec::new());
        }
        let hash = hash_of(query, self.seed);
        let Some(page) = self
            .pages
            .partition_point(|page| page.first_hash <= hash)
            .checked_sub(1)
        else {
            return Ok(Vec::new());
        };
        let file = File::open(&self.path)?;
        let mut places = match self.find(&file, page, hash)? {
            None => return Ok(Vec::new()),
            Some(place) if place & LISTED == 0 => vec![place],
            Some(list) => self.list(&file, u64::from(list & !LISTED))?,
        };
        places.retain(|place| {
            self.first_sequence + u64::from(*place) < before
                && self.times.may_be_within(*place, &seconds)
        });
        places.reverse();
        Ok(places)
    }

    fn find(&self, file: &File, page: usize, hash: u64) -> Result<Option<u32>, Unusable> {
        let first = (page * PAGE_ENTRIES) as u64;
        let count = self.entries.saturating_sub(first).min(PAGE_ENTRIES as u64);
        let start = self.lists_start - (self.entries - first) * ENTRY_BYTES as u64;
        let mut bytes = vec![0; usize::try_from(count).unwrap_or_default() * ENTRY_BYTES];
        file.read_exact_at(&mut bytes, start)?;
        let check = self.pages.get(page).map(|page| page.check);
        if check != Some(xxh3_64(&bytes)) {
            return Err(Unusable::Damaged);
        }
        let (entries, _) = bytes.as_chunks::<ENTRY_BYTES>();
        let found = entries.binary_search_by_key(&Some(hash), |entry| u64_at(entry, 0));
        Ok(found.ok().and_then(|at| u32_at(entries.get(at)?, 8)))
    }

    fn list(&self, file: &File, start: u64) -> Result<Vec<u32>, Unusable> {
        let start = self.lists_start + start;
        let mut bytes = vec![0; LIST_BYTES_EXPECTED];
        let mut read = 0;
        while read < bytes.len() {
            match file.read_at(&mut bytes[read..], start + read as u64)? {
                0 => break,
                more => read += more,
            }
        }
        bytes.truncate(read);
        let length = u32_at(&bytes, 0).ok_or(Unusable::Damaged)? as usize;
        let end = LIST_BYTES + length;
        if end > read {
            let whole = file.metadata()?.len().saturating_sub(start);
            if end as u64 > whole {
                return Err(Unusable::Damaged);
            }
            bytes.resize(end, 0);
            file.read_exact_at(&mut bytes[read..], start + read as u64)?;
        }
        let list = bytes.get(LIST_BYTES..end).ok_or(Unusable::Damaged)?;
        if u64_at(&bytes, 4) != Some(xxh3_64(list)) {
            return Err(Unusable::Damaged);
        }
        read_list(list).ok_or(Unusable::Damaged)
    }
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}
