//! Verifying: every byte of a log against its chain, its signatures, and heads that were kept elsewhere. It reads only.
//!
//! The records are walked in order, with the hash that the next one must be chained to. Where one isn't what it should be,
//! that is a finding, and the walk goes on behind it with what the files say themselves: so one change is one finding, and
//! a second one isn't hidden by the first.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use crate::digest::Digest;
use crate::folder::{Folder, RealFolder, read_all};
use crate::frames::{self, FRAME_HEADER_BYTES, FrameHeader};
use crate::hash::{HASH_BYTES, Hash, hash_of};
use crate::headfile;
use crate::opening::number_of;
use crate::record::{Kind, Parsed, Stored, parse};
use crate::segment::{
    DamageNote, HEAD, Header, Name, NewKeyNote, PREAMBLE_BYTES, Preamble, PrunedNote, RepairNote,
    read_preamble,
};
use crate::{Fault, Head, KeyId, LogId, PublicKey};

/// Most findings that are listed: a log that is another one altogether has as many as records.
const FINDINGS_MAX: usize = 1000;

/// What [`verify`] found.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Report {
    /// Which log, in hexadecimal.
    pub log_id: Option<String>,
    /// Records that were read, events among them.
    pub records: u64,
    /// Events that were read.
    pub events: u64,
    /// Segments that were read.
    pub segments: u64,
    /// The first record.
    pub first_sequence: Option<u64>,
    /// The last record.
    pub last_sequence: Option<u64>,
    /// How often a crash left an unfinished record, which was cut off.
    pub repairs: u64,
    /// The first segment that is kept, where older ones were removed as their retention was over.
    pub pruned_before_segment: Option<u64>,
    /// How many of the heads given were compared.
    pub heads_compared: u64,
    /// Who signed, as base64, oldest first.
    pub public_keys: Vec<String>,
    /// Whether the keys were given; else those are believed that the log names itself.
    pub keys_given: bool,
    /// What is worth knowing and no damage.
    pub notes: Vec<String>,
    /// What is damaged, in the order of the log; empty: it is whole.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether all of the log is what was written.
    pub fn is_whole(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Something that isn't what was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Finding {
    /// In which segment.
    pub segment: Option<u64>,
    /// The first record that is concerned, where that is known.
    pub sequence: Option<u64>,
    /// The last one, where there are several.
    pub last_sequence: Option<u64>,
    /// In which file.
    pub file: String,
    /// What was done.
    pub change: Change,
    /// The same as a sentence without its full stop.
    pub what: String,
    /// The id of the event, where it can be read.
    pub event_id: Option<String>,
}

/// What was done to a log.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Something reads otherwise than it was written.
    Altered,
    /// Something is gone from the middle, or from the beginning.
    Removed,
    /// Something is there that wasn't written, or a second time.
    Added,
    /// Something lies elsewhere than it was written.
    Reordered,
    /// The end is gone.
    Cut,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Altered => "altered",
            Self::Removed => "removed",
            Self::Added => "added",
            Self::Reordered => "reordered",
            Self::Cut => "cut",
        })
    }
}

/// Verifies the log in a folder: every byte in it.
///
/// `keys` are those that are trusted, and through them those that they vouch for in the log; with none, those are that the
/// log names itself, which proves it against accidents and not against somebody who wrote all of it anew. `heads` were
/// kept elsewhere (in the store, by whoever anchors them): against them it shows that the end was cut off, or that the
/// whole folder was put back from an older copy.
///
/// # Errors
/// A [`Fault`] where the folder can't be listed or read. Whatever else is wrong is in the report.
pub fn verify(folder: &Path, keys: &[PublicKey], heads: &[Head]) -> Result<Report, Fault> {
    let folder = RealFolder::new(folder);
    verify_on(&folder, keys, heads)
}

/// As [`verify`], of a folder behind something else.
///
/// # Errors
/// As [`verify`].
pub fn verify_on(folder: &dyn Folder, keys: &[PublicKey], heads: &[Head]) -> Result<Report, Fault> {
    // The head is read first: beside a running log, what it covers is there by then.
    let head_bytes = read_file(folder, Name::Head)?;
    let mut verifier = Verifier::new(folder, keys);
    verifier.list()?;
    verifier.take_heads(head_bytes.as_deref(), heads);
    let numbers: BTreeSet<u64> = verifier
        .names
        .iter()
        .copied()
        .filter_map(number_of)
        .collect();
    if let (Some(first), Some(last)) = (numbers.first().copied(), numbers.last().copied()) {
        verifier.begin(first);
        for number in first..=last {
            verifier.segment(number, number == last)?;
        }
    }
    Ok(verifier.finish(numbers.first().copied()))
}

/// All bytes of a file; nothing, where there is none.
fn read_file(folder: &dyn Folder, name: Name) -> Result<Option<Vec<u8>>, Fault> {
    let name = name.to_string();
    let read = folder
        .open(&name, false)
        .and_then(|disk| read_all(disk.as_ref()));
    match read {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Fault::io(&error, "reading", &name)),
    }
}

/// A head, and where it was.
struct Point {
    head: Head,
    source: &'static str,
}

/// The segment that is walked.
#[derive(Copy, Clone)]
struct Here {
    segment: u64,
    file: Name,
}

/// A record whose hash a signed head contradicts.
struct Suspect {
    here: Here,
    sequence: u64,
    /// The hash that was signed.
    signed: Hash,
    source: &'static str,
}

struct Verifier<'a> {
    folder: &'a dyn Folder,
    names: Vec<Name>,
    report: Report,
    log: Option<LogId>,

    /// The keys that are trusted from outside.
    given: Vec<PublicKey>,
    /// The keys that the log names.
    named: Vec<PublicKey>,
    /// Which key vouches for which.
    vouched: Vec<(PublicKey, PublicKey)>,
    /// Who signed what, to be judged once all keys are known.
    signed: Vec<(KeyId, Here, String)>,

    /// The number that the next record must have; unknown behind what can't be read.
    expected: Option<u64>,
    /// The finding of a segment that is gone, of which only the next one tells how far it went.
    open_ended: Option<usize>,
    /// What the next record may be chained to; empty: unknown.
    tips: Vec<Hash>,
    /// What the file says its first record is chained to, where that isn't what it should be.
    joint: Option<Hash>,
    /// Records that were found missing, and may turn up elsewhere.
    missing: BTreeSet<u64>,
    /// The newest record before the present one that a sound signature covers.
    proven: u64,
    /// A signed hash differed: what follows was rewritten too.
    rewritten: bool,
    /// A record that isn't the one that was signed. The real one may come right behind it.
    suspect: Option<Suspect>,
    /// Heads by sequence.
    points: BTreeMap<u64, Vec<Point>>,
    /// The hash of the digest before; unknown behind one that is missing.
    last_digest: Option<Hash>,

    /// Where the log begins, if not with its first segment: number, sequence, and what both chains go on from.
    start: Option<Start>,
    pruned: Vec<PrunedNote>,
    /// Segments at the beginning of which only the digest is there, with their records.
    bare_digests: Vec<(Here, Option<u64>, Option<u64>)>,
    /// The newest record that says that the log was closed, and whether anything but a new start is behind it.
    closed_at: Option<u64>,
    after_closed: Option<(Here, u64)>,
}

#[derive(Copy, Clone, Default)]
struct Start {
    segment: u64,
    sequence: Option<u64>,
    previous_hash: Option<Hash>,
    previous_digest: Option<Hash>,
}

impl<'a> Verifier<'a> {
    fn new(folder: &'a dyn Folder, keys: &[PublicKey]) -> Self {
        Self {
            folder,
            names: Vec::new(),
            report: Report {
                keys_given: !keys.is_empty(),
                ..Report::default()
            },
            log: None,
            given: keys.to_vec(),
            named: Vec::new(),
            vouched: Vec::new(),
            signed: Vec::new(),
            expected: None,
            open_ended: None,
            tips: Vec::new(),
            joint: None,
            missing: BTreeSet::new(),
            proven: 0,
            rewritten: false,
            suspect: None,
            points: BTreeMap::new(),
            last_digest: None,
            start: None,
            pruned: Vec::new(),
            bare_digests: Vec::new(),
            closed_at: None,
            after_closed: None,
        }
    }

    /// Names what doesn't belong there.
    fn list(&mut self) -> Result<(), Fault> {
        let listed = self
            .folder
            .names()
            .map_err(|error| Fault::io(&error, "listing", "the folder"))?;
        for text in listed {
            match Name::parse(&text) {
                Some(name) => self.names.push(name),
                None => self.report.findings.push(Finding {
                    segment: None,
                    sequence: None,
                    last_sequence: None,
                    what: format!("{text} doesn't belong to the log"),
                    file: text,
                    change: Change::Added,
                    event_id: None,
                }),
            }
        }
        self.names.sort_unstable();
        Ok(())
    }

    fn find(
        &mut self,
        here: Here,
        change: Change,
        (sequence, last): (Option<u64>, Option<u64>),
        what: String,
        payload: Option<&[u8]>,
    ) {
        if self.report.findings.len() < FINDINGS_MAX {
            self.report.findings.push(Finding {
                segment: (here.file != Name::Head).then_some(here.segment),
                sequence,
                last_sequence: last.filter(|last| Some(*last) != sequence),
                file: here.file.to_string(),
                change,
                what,
                event_id: payload.and_then(event_id),
            });
        }
    }

    fn has_finding_in(&self, segment: u64) -> bool {
        let mut findings = self.report.findings.iter();
        findings.any(|finding| finding.segment == Some(segment))
    }

    /// Takes in the heads of the file and those given.
    fn take_heads(&mut self, file: Option<&[u8]>, given: &[Head]) {
        let here = Here {
            segment: 0,
            file: Name::Head,
        };
        let heads = file.map_or([None, None], headfile::read);
        let segments = self.names.iter().any(|name| *name != Name::Head);
        match file {
            None if segments || !given.is_empty() => {
                let what = format!(
                    "{HEAD} was removed: nothing in the folder says any more how far the log went"
                );
                self.find(here, Change::Removed, (None, None), what, None);
            }
            Some(_) if !segments && given.is_empty() && heads.contains(&None) => {
                let what = "the log was being made when it crashed; nothing was in it";
                self.report.notes.push(what.to_owned());
            }
            Some(bytes) => {
                let len = bytes.len();
                if heads.iter().any(Option::is_none) || len != 2 * headfile::PLACE_BYTES {
                    let what = format!(
                        "{HEAD} isn't what was written: of its two signed heads, {} can be read",
                        heads.iter().flatten().count()
                    );
                    self.find(here, Change::Altered, (None, None), what, None);
                }
            }
            None => {}
        }
        let (sound, altered): (Vec<Head>, Vec<Head>) = heads
            .into_iter()
            .flatten()
            .partition(|head| self.is_genuine(head));
        let agreed = sound.first().map(|head| head.log);
        let agreed = agreed.filter(|log| sound.iter().all(|head| head.log == *log));
        self.log = given.first().map(|head| head.log).or(agreed);
        if !altered.is_empty() || agreed.is_none() && !sound.is_empty() {
            let what = format!("{HEAD} isn't what was signed, so it vouches for nothing");
            self.find(here, Change::Altered, (None, None), what, None);
        }
        let newest = sound.iter().map(|head| head.sequence).max();
        if agreed.is_some() {
            for head in sound {
                self.point(here, head, "the file head");
            }
        }
        self.report.heads_compared = given.len() as u64;
        for head in given {
            if let Some(newest) = newest.filter(|newest| *newest < head.sequence) {
                let what = format!(
                    "{HEAD} was put back from an older copy: it ends with record {newest}, and a head kept elsewhere \
                     with record {}",
                    head.sequence
                );
                self.find(
                    here,
                    Change::Removed,
                    (Some(newest + 1), Some(head.sequence)),
                    what,
                    None,
                );
            }
            self.point(here, head.clone(), "a head kept elsewhere");
        }
    }

    fn point(&mut self, here: Here, head: Head, source: &'static str) {
        if self.log.is_some_and(|log| log != head.log) {
            let what = format!("{source} is of the log {}, which isn't this one", head.log);
            self.find(here, Change::Altered, (None, None), what, None);
            return;
        }
        self.log = Some(head.log);
        let points = self.points.entry(head.sequence).or_default();
        if points.iter().all(|point| point.head != head) {
            points.push(Point { head, source });
        }
    }

    /// Begins with the first segment that is there.
    fn begin(&mut self, first: u64) {
        if first == 1 {
            self.expected = Some(1);
            self.tips = vec![Hash::ZERO];
            self.last_digest = Some(Hash::ZERO);
        } else {
            self.start = Some(Start {
                segment: first,
                ..Start::default()
            });
        }
    }

    fn segment(&mut self, number: u64, is_last: bool) -> Result<(), Fault> {
        let raw = Here {
            segment: number,
            file: Name::Raw(number),
        };
        let compressed = Here {
            segment: number,
            file: Name::Compressed(number),
        };
        let raw_bytes = read_file(self.folder, raw.file)?;
        let file = read_file(self.folder, compressed.file)?;
        let digest_bytes = read_file(self.folder, Name::Digest(number))?;
        match (raw_bytes, file) {
            (None, None) => self.missing_segment(number, digest_bytes.as_deref()),
            (Some(bytes), file) => {
                self.report.segments += 1;
                self.raw(raw, &bytes, is_last);
                self.closing(number, &bytes, file.as_deref(), digest_bytes.as_deref());
                self.last_digest = if is_last { self.last_digest } else { None };
            }
            (None, Some(file)) => {
                self.report.segments += 1;
                self.compressed(compressed, &file, digest_bytes.as_deref());
            }
        }
        Ok(())
    }

    /// A segment of which no records are there.
    fn missing_segment(&mut self, number: u64, digest: Option<&[u8]>) {
        // Later ones are there, so it was closed.
        let here = Here {
            segment: number,
            file: Name::Compressed(number),
        };
        let digest = digest.and_then(|bytes| self.digest(number, bytes));
        let (first, last) = match &digest {
            Some(digest) => (Some(digest.first_sequence), Some(digest.last_sequence)),
            None => (self.expected, None),
        };
        if digest.is_some() && self.report.records == 0 {
            // It may be what pruning left when a crash interrupted it, which a later record says.
            self.bare_digests.push((here, first, last));
        } else {
            let what = format!("segment {number} was removed");
            let at = self.report.findings.len();
            self.open_ended = (first.is_some() && last.is_none()).then_some(at);
            self.find(here, Change::Removed, (first, last), what, None);
        }
        self.expected = digest.as_ref().map(|digest| digest.last_sequence + 1);
        self.tips = digest.iter().map(|digest| digest.last_hash).collect();
        if digest.is_none() {
            self.last_digest = None;
        }
    }

    /// A segment as it is written.
    fn raw(&mut self, here: Here, bytes: &[u8], is_last: bool) {
        let previous = match read_preamble(bytes) {
            Preamble::Sound(previous) => {
                self.join(previous);
                previous
            }
            Preamble::Partial if is_last => {
                let what = format!(
                    "{} is unfinished, as a crash leaves it; the next start removes it",
                    here.file
                );
                self.report.notes.push(what);
                return;
            }
            Preamble::Newer(format) => {
                let what = format!(
                    "{} has format {format}, which this program doesn't know, or was altered",
                    here.file
                );
                self.find(here, Change::Altered, (self.expected, None), what, None);
                self.lose_track();
                return;
            }
            Preamble::Partial | Preamble::Nonsense => {
                let what = format!("{} doesn't begin as a segment does", here.file);
                self.find(here, Change::Altered, (self.expected, None), what, None);
                // Its records may be sound all the same.
                self.lose_track();
                Hash::ZERO
            }
        };
        let records = bytes.get(PREAMBLE_BYTES..).unwrap_or_default();
        if self.is_the_right_one(here, previous, records) {
            self.piece(here, records, is_last, true);
        }
    }

    /// A closed segment.
    fn compressed(&mut self, here: Here, bytes: &[u8], digest: Option<&[u8]>) {
        let Some(digest_bytes) = digest else {
            let place = Here {
                file: Name::Digest(here.segment),
                ..here
            };
            let what = format!(
                "{} was removed, so nothing vouches for the segment",
                place.file
            );
            self.find(place, Change::Removed, (None, None), what, None);
            self.last_digest = None;
            self.frames(here, bytes);
            return;
        };
        let start = self.report.records;
        let digest = self.digest(here.segment, digest_bytes);
        let expected = self.expected;
        self.frames(here, bytes);
        self.judge(None);
        let Some(digest) = digest else {
            return;
        };
        let records = self.report.records - start;
        let whole = !self.has_finding_in(here.segment);
        if hash_of(bytes) != digest.file_sha256 || bytes.len() as u64 != digest.file_bytes {
            if whole {
                let what = format!(
                    "{} isn't the file that was signed, though its records read as they were written",
                    here.file
                );
                self.find(here, Change::Altered, (expected, None), what, None);
            }
        } else if whole
            && (records != digest.records
                || self.expected != Some(digest.last_sequence + 1)
                || !self.tips.contains(&digest.last_hash))
        {
            let what = format!("{} has other records than its digest says", here.file);
            self.find(here, Change::Altered, (expected, None), what, None);
        }
        if !self.tips.contains(&digest.last_hash) && whole && !self.rewritten {
            self.rewritten = true;
            let what = format!(
                "the records of {} were rewritten and chained anew: its digest says otherwise",
                here.file
            );
            let range = (Some(digest.first_sequence), Some(digest.last_sequence));
            self.find(here, Change::Altered, range, what, None);
        } else if self.tips.contains(&digest.last_hash) {
            self.proven = self.proven.max(digest.last_sequence);
        }
        // Behind what can't be read, the digest says where to go on.
        self.expected = Some(digest.last_sequence + 1);
        self.tips = vec![digest.last_hash];
    }

    /// Reads a digest and checks it by itself; nothing, where it isn't sound.
    fn digest(&mut self, number: u64, bytes: &[u8]) -> Option<Digest> {
        let here = Here {
            segment: number,
            file: Name::Digest(number),
        };
        let sound = Digest::decode(bytes);
        let known: Vec<PublicKey> = self.given.iter().chain(&self.named).copied().collect();
        let genuine = sound.filter(|digest| {
            let by = known.iter().find(|key| key.id() == digest.key_id);
            // Of a key that is named later, it is judged at the end.
            by.is_none_or(|key| digest.is_signed_by(*key))
        });
        let Some(digest) = genuine else {
            let what = format!(
                "{} isn't what was signed, so it vouches for nothing any more",
                here.file
            );
            self.find(here, Change::Altered, (None, None), what, None);
            self.last_digest = None;
            return None;
        };
        let name = Name::Compressed(number).to_string();
        if digest.segment != number || digest.file != name {
            let what = format!("{} is the digest of segment {}", here.file, digest.segment);
            self.find(here, Change::Reordered, (None, None), what, None);
            self.last_digest = None;
            return None;
        }
        if *self.log.get_or_insert(digest.log) != digest.log {
            let what = format!("{} is of the log {}", here.file, digest.log);
            self.find(here, Change::Altered, (None, None), what, None);
            self.last_digest = None;
            return None;
        }
        if self
            .last_digest
            .is_some_and(|last| last != digest.previous_digest)
        {
            let what = format!("{} doesn't follow from the digest before it", here.file);
            self.find(here, Change::Altered, (None, None), what, None);
        }
        if let Some(start) = &mut self.start
            && start.segment == number
        {
            start.previous_digest = Some(digest.previous_digest);
            start.previous_hash = Some(digest.previous_hash);
            start.sequence = Some(digest.first_sequence);
        }
        self.last_digest = Some(digest.hash());
        self.signed
            .push((digest.key_id, here, here.file.to_string()));
        Some(digest)
    }

    /// What an interrupted closing left beside a raw segment.
    fn closing(&mut self, number: u64, raw: &[u8], file: Option<&[u8]>, digest: Option<&[u8]>) {
        let here = Here {
            segment: number,
            file: Name::Compressed(number),
        };
        let later = self
            .names
            .iter()
            .any(|name| matches!(name, Name::Digest(other) if *other > number));
        if later && digest.is_none() && !self.has_finding_in(number) {
            let place = Here {
                file: Name::Digest(number),
                ..here
            };
            let what = format!("{} was removed: later segments are closed", place.file);
            self.find(place, Change::Removed, (None, None), what, None);
        }
        // One whose line has no end was being written; the raw file still counts.
        let whole_digest = digest.filter(|bytes| bytes.ends_with(b"\n"));
        let digest = whole_digest.map(|bytes| (self.digest(number, bytes), bytes));
        if let Some((Some(digest), _)) = &digest {
            let sound = file.is_some_and(|file| hash_of(file) == digest.file_sha256);
            if !sound {
                let what = format!("{} isn't the file that was signed", here.file);
                self.find(here, Change::Altered, (None, None), what, None);
            }
        } else if let Some(file) = file
            && digest.is_none()
            && !is_beginning_of(file, raw)
        {
            let what = format!("{} isn't what {} has", here.file, Name::Raw(number));
            self.find(here, Change::Altered, (None, None), what, None);
        }
        if file.is_some() {
            let what = format!(
                "segment {number} was being closed; its raw file counts, and the next start finishes it"
            );
            self.report.notes.push(what);
        }
    }

    /// Goes through the frames of a closed segment.
    fn frames(&mut self, here: Here, bytes: &[u8]) {
        let mut offset = 0;
        let mut is_first = true;
        while offset < bytes.len() {
            let rest = &bytes[offset..];
            let Some(header) = FrameHeader::decode(rest) else {
                let mut starts = (1..rest.len()).filter(|at| rest[*at] == 0x5A);
                let next = starts.find_map(|at| {
                    let header = FrameHeader::decode(&rest[at..])?;
                    Some((at, header.first_sequence.saturating_sub(1)))
                });
                let what = format!("{} can't be read from byte {offset} on", here.file);
                let last = next
                    .map(|(_, last)| last)
                    .filter(|last| Some(*last) > self.expected);
                self.find(here, Change::Altered, (self.expected, last), what, None);
                self.lose_track();
                match next {
                    Some((next, _)) => offset += next,
                    None => return,
                }
                continue;
            };
            match frames::decompress(rest) {
                Some((_, records)) => {
                    let records = &records[HASH_BYTES..];
                    if is_first && !self.is_the_right_one(here, header.previous, records) {
                        return;
                    }
                    if self
                        .expected
                        .is_some_and(|expected| expected != header.first_sequence)
                    {
                        // The records themselves say more about it.
                        self.joint = None;
                    }
                    self.join(header.previous);
                    let before = self.report.records;
                    self.piece(here, records, false, is_first);
                    let count = self.report.records - before;
                    if count != u64::from(header.records) && !self.has_finding_in(here.segment) {
                        let what =
                            format!("a frame of {} has other records than it says", here.file);
                        self.find(
                            here,
                            Change::Altered,
                            (Some(header.first_sequence), None),
                            what,
                            None,
                        );
                    }
                }
                None => {
                    let last = header.first_sequence + u64::from(header.records) - 1;
                    let what = format!(
                        "{} can't be decompressed at byte {offset}, so its records {} to {last} can't be read",
                        here.file, header.first_sequence
                    );
                    let first = self.expected.unwrap_or(header.first_sequence);
                    self.find(here, Change::Altered, (Some(first), Some(last)), what, None);
                    self.lose_track();
                    self.expected = Some(last + 1);
                }
            }
            is_first = false;
            offset += FRAME_HEADER_BYTES + header.compressed_bytes as usize;
        }
    }

    /// Whether a segment's first record says that it is this segment, of this log.
    fn is_the_right_one(&mut self, here: Here, previous: Hash, records: &[u8]) -> bool {
        let Parsed::Whole(stored) = parse(records) else {
            // What it is instead, the walk says.
            return true;
        };
        let header: Option<Header> = (stored.record.kind == Kind::Segment)
            .then(|| serde_json::from_slice(stored.record.payload).ok())
            .flatten();
        let Some(header) = header else {
            return true;
        };
        let says = LogId::parse(&header.log_id);
        let log = says.is_some() && (self.log.is_none() || self.log == says);
        if header.segment == here.segment && log {
            self.log = says;
            return true;
        }
        // Altered content is the walk's to find; a record that is whole came from elsewhere.
        if !stored.follows(previous) {
            return true;
        }
        let what = format!(
            "{} holds segment {} of the log {}",
            here.file, header.segment, header.log_id
        );
        self.find(here, Change::Reordered, (self.expected, None), what, None);
        self.lose_track();
        false
    }

    /// What the file says that the next record is chained to.
    fn join(&mut self, previous: Hash) {
        self.joint = None;
        if self.tips.is_empty() {
            self.tips = vec![previous];
            if let Some(start) = &mut self.start {
                start.previous_hash.get_or_insert(previous);
            }
        } else if !self.tips.contains(&previous) {
            self.joint = Some(previous);
        }
    }

    /// Nothing is known of the next record.
    fn lose_track(&mut self) {
        self.expected = None;
        self.tips.clear();
        self.joint = None;
    }

    /// Records that lie together.
    fn piece(&mut self, here: Here, bytes: &[u8], is_tail: bool, begins: bool) {
        let mut offset = 0;
        let mut is_first = begins;
        while offset < bytes.len() {
            let rest = &bytes[offset..];
            match parse(rest) {
                Parsed::Whole(stored) => {
                    self.record(here, &stored, &rest[stored.len()..], is_first);
                    offset += stored.len();
                }
                parsed => {
                    if is_tail && self.is_torn(rest, &parsed) {
                        let what = format!(
                            "{} ends with an unfinished record of {} bytes, as a crash leaves it; the next start cuts it off",
                            here.file,
                            rest.len()
                        );
                        self.report.notes.push(what);
                        return;
                    }
                    offset += self.unreadable(here, rest);
                }
            }
            is_first = false;
        }
    }

    /// Says of a segment that is gone how far it went, where that is known by what comes next.
    fn end_what_is_missing(&mut self, last: u64) {
        let Some(at) = self.open_ended.take() else {
            return;
        };
        // Where more was found since, it isn't known.
        if let [finding] = &mut self.report.findings[at..] {
            let first = finding.sequence;
            finding.last_sequence = Some(last).filter(|last| Some(*last) > first);
        }
    }

    /// Whether this is what a crash leaves of a record that was being written.
    fn is_torn(&self, rest: &[u8], parsed: &Parsed<'_>) -> bool {
        if rest.iter().all(|byte| *byte == 0) {
            return true;
        }
        let Some(expected) = self.expected else {
            return true;
        };
        match parsed {
            Parsed::Partial {
                sequence: Some(sequence),
            } => *sequence == expected,
            Parsed::Partial { sequence: None } => {
                let known = rest.len().min(8);
                expected.to_le_bytes()[..known] == rest[..known]
            }
            _ => false,
        }
    }

    /// Bytes that are no record. Returns how many there are, up to the next record.
    fn unreadable(&mut self, here: Here, rest: &[u8]) -> usize {
        let next = (1..rest.len()).find_map(|at| match parse(&rest[at..]) {
            Parsed::Whole(stored) => Some((at, stored)),
            _ => None,
        });
        let Some((at, stored)) = next else {
            let what = format!("{} can't be read behind this", here.file);
            self.find(here, Change::Altered, (self.expected, None), what, None);
            self.lose_track();
            return rest.len();
        };
        let sequence = stored.record.sequence;
        if self.expected == Some(sequence) {
            let what = format!(
                "{} has {at} bytes that are no record, before record {sequence}",
                here.file
            );
            self.find(here, Change::Added, (Some(sequence), None), what, None);
        } else {
            let what = format!("{} has {at} bytes where no record can be read", here.file);
            self.find(
                here,
                Change::Altered,
                (self.expected, sequence.checked_sub(1)),
                what,
                event_id_anywhere(&rest[..at]),
            );
            self.lose_track();
        }
        at
    }

    fn record(&mut self, here: Here, stored: &Stored<'_>, rest: &[u8], is_first: bool) {
        let record = stored.record;
        let sequence = record.sequence;
        self.judge(Some(stored));
        self.report.records += 1;
        let payload = Some(record.payload);
        let mut in_place = true;
        match self.expected {
            Some(expected) if sequence > expected => {
                let moved = contains(rest, expected);
                let change = if moved {
                    Change::Reordered
                } else {
                    Change::Removed
                };
                let what = if moved {
                    format!("record {expected} lies behind record {sequence}")
                } else if sequence - 1 == expected {
                    format!("record {expected} was removed")
                } else {
                    format!("records {expected} to {} were removed", sequence - 1)
                };
                if sequence - expected <= FINDINGS_MAX as u64 && moved {
                    self.missing.extend(expected..sequence);
                }
                let event = contains_event(rest, expected);
                self.find(
                    here,
                    change,
                    (Some(expected), Some(sequence - 1)),
                    what,
                    event,
                );
                // Whatever it is chained to isn't there.
                self.tips.clear();
                self.joint = None;
            }
            Some(expected) if sequence < expected => {
                if !self.missing.remove(&sequence) {
                    let what = format!("there is a second record {sequence}");
                    self.find(here, Change::Added, (Some(sequence), None), what, payload);
                }
                in_place = false;
            }
            Some(_) => {}
            None => self.end_what_is_missing(sequence.saturating_sub(1)),
        }
        if in_place {
            self.chain(here, stored);
            self.expected = Some(sequence + 1);
            self.report.first_sequence.get_or_insert(sequence);
            self.report.last_sequence = Some(sequence);
            self.compare(here, sequence, stored.hash);
        } else {
            // The next one may go on from it, if it was put there in its place.
            self.tips.push(stored.hash);
        }
        if let Some(start) = &mut self.start {
            start.sequence.get_or_insert(sequence);
        }
        self.content(here, stored, is_first);
    }

    /// Checks that a record goes on from the one before it.
    fn chain(&mut self, here: Here, stored: &Stored<'_>) {
        let record = stored.record;
        let joint = self.joint.take();
        if let Some(&tip) = self.tips.first() {
            let follows = self.tips.iter().any(|tip| stored.follows(*tip));
            let (wrong, tip) = match joint {
                // The file begins with another hash than it should.
                Some(joint) => (true, if follows { tip } else { joint }),
                None => (!follows, tip),
            };
            if wrong {
                let what = match joint {
                    Some(_) => format!(
                        "record {} doesn't go on from the record before it: the beginning of {}, or what is before it, \
                         was altered",
                        record.sequence, here.file
                    ),
                    None => format!("record {} isn't what was written", record.sequence),
                };
                let range = (Some(record.sequence), None);
                self.find(here, Change::Altered, range, what, Some(record.payload));
                let meant = stored.hash_after(tip);
                self.tips = vec![stored.hash, meant];
                return;
            }
        }
        self.tips = vec![stored.hash];
    }

    /// Compares a record's hash with the signed heads that end with it.
    fn compare(&mut self, here: Here, sequence: u64, hash: Hash) {
        let Some(points) = self.points.remove(&sequence) else {
            return;
        };
        for Point { head, source } in points {
            let place = Here {
                file: Name::Head,
                ..here
            };
            self.signed.push((head.key_id, place, source.to_owned()));
            if !self.is_genuine(&head) {
                let what = format!("{source} isn't what was signed, so it vouches for nothing");
                self.find(place, Change::Altered, (None, None), what, None);
            } else if head.hash == hash {
                self.proven = self.proven.max(sequence);
            } else if !self.rewritten && self.suspect.is_none() {
                self.suspect = Some(Suspect {
                    here,
                    sequence,
                    signed: head.hash,
                    source,
                });
            }
        }
    }

    /// Tells of the record that isn't the one that was signed, unless this is that one.
    fn judge(&mut self, next: Option<&Stored<'_>>) {
        let Some(suspect) = self.suspect.take() else {
            return;
        };
        if next.is_some_and(|next| next.hash == suspect.signed) {
            return;
        }
        if next.is_some_and(|next| next.follows(suspect.signed)) {
            // Only this one was changed, with its hash.
            self.tips = vec![suspect.signed];
            let what = format!(
                "record {} isn't what was written: {} says otherwise",
                suspect.sequence, suspect.source
            );
            let range = (Some(suspect.sequence), None);
            self.find(suspect.here, Change::Altered, range, what, None);
            return;
        }
        self.rewritten = true;
        let (first, last) = (self.proven + 1, suspect.sequence);
        let rewritten = match first == last {
            true => format!("record {first}"),
            false => format!("something in the records {first} to {last}"),
        };
        let what = format!(
            "{rewritten} was rewritten and chained anew: {} says otherwise",
            suspect.source
        );
        let range = (Some(first), Some(last));
        self.find(suspect.here, Change::Altered, range, what, None);
    }

    /// Whether a head is signed by the key that it names, if that is known.
    fn is_genuine(&self, head: &Head) -> bool {
        let mut known = self.given.iter().chain(&self.named);
        known
            .find(|key| key.id() == head.key_id)
            .is_none_or(|key| head.is_signed_by(*key))
    }

    /// What the log's own records say.
    fn content(&mut self, here: Here, stored: &Stored<'_>, is_first: bool) {
        let record = stored.record;
        let range = (Some(record.sequence), None);
        if is_first != (record.kind == Kind::Segment) && !self.has_finding_in(here.segment) {
            let what = format!("{} doesn't begin with its own record", here.file);
            self.find(here, Change::Altered, range, what, None);
        }
        if let Some(closed) = self.closed_at
            && record.kind != Kind::Opened
            && !(record.kind == Kind::Repair && record.sequence == closed + 1)
        {
            self.after_closed.get_or_insert((here, record.sequence));
        }
        match record.kind {
            Kind::Event => self.report.events += 1,
            Kind::Segment => {
                if let Ok(header) = serde_json::from_slice::<Header>(record.payload) {
                    self.named
                        .extend(PublicKey::from_base64(&header.public_key));
                }
            }
            Kind::Repair => {
                self.report.repairs += 1;
                if let Ok(note) = serde_json::from_slice::<RepairNote>(record.payload) {
                    let what = format!(
                        "record {}: after a crash, {} unfinished bytes were cut off (SHA-256 {})",
                        record.sequence, note.cut_bytes, note.sha256
                    );
                    self.report.notes.push(what);
                }
            }
            Kind::NewKey => {
                let note = serde_json::from_slice::<NewKeyNote>(record.payload).ok();
                match note.zip(self.log).and_then(|(note, log)| note.keys(log)) {
                    Some((old, new)) => {
                        self.named.extend([old, new]);
                        self.vouched.push((old, new));
                    }
                    None => {
                        let what = format!(
                            "record {} names a new key which the key before didn't sign",
                            record.sequence
                        );
                        self.find(here, Change::Altered, range, what, None);
                    }
                }
            }
            Kind::Pruned => self
                .pruned
                .extend(serde_json::from_slice::<PrunedNote>(record.payload).ok()),
            Kind::Damage => {
                if let Ok(note) = serde_json::from_slice::<DamageNote>(record.payload) {
                    let what = format!("record {} notes: {}", record.sequence, note.what);
                    self.report.notes.push(what);
                }
            }
            Kind::Closed => {
                self.closed_at = Some(record.sequence);
                self.after_closed = None;
            }
            Kind::Note | Kind::Opened => {}
        }
    }

    fn finish(mut self, first: Option<u64>) -> Report {
        let head = Here {
            segment: 0,
            file: Name::Head,
        };
        self.judge(None);
        self.check_start(first);
        self.check_end(head);
        self.check_keys();
        self.report.log_id = self.log.map(|log| log.to_string());
        self.report
            .findings
            .sort_by_key(|finding| (finding.segment.is_none(), finding.segment));
        self.report
    }

    /// Heads behind the last record, and records behind a head that was the last.
    fn check_end(&mut self, head: Here) {
        let last = self.report.last_sequence.unwrap_or(0);
        let left = std::mem::take(&mut self.points);
        let mut farthest = None;
        for (sequence, points) in left {
            for Point {
                head: point,
                source,
            } in points
            {
                self.signed.push((point.key_id, head, source.to_owned()));
                if !self.is_genuine(&point) {
                    let what = format!("{source} isn't what was signed, so it vouches for nothing");
                    self.find(head, Change::Altered, (None, None), what, None);
                } else if sequence > last {
                    farthest = Some((sequence, source));
                }
            }
        }
        let here = self.names.iter().filter_map(|name| number_of(*name)).max();
        let here = here.map_or(head, |segment| Here {
            segment,
            file: if self.names.contains(&Name::Raw(segment)) {
                Name::Raw(segment)
            } else {
                Name::Compressed(segment)
            },
        });
        if let Some((sequence, source)) = farthest {
            let what =
                format!("the log ends with record {last}, and {source} with record {sequence}");
            self.find(
                here,
                Change::Cut,
                (Some(last + 1), Some(sequence)),
                what,
                None,
            );
        }
        if !self.report.findings.is_empty() {
            return;
        }
        if let Some(closed) = self.closed_at
            && let Some((place, sequence)) = self.after_closed
            && self.proven <= closed
        {
            let what = format!("record {sequence} is behind the end of the log, which was closed");
            let range = (Some(sequence), None);
            self.find(place, Change::Added, range, what, None);
        } else if self.proven < last {
            let what = format!(
                "the newest signed head covers the log up to record {}; those behind it, {} as a crash leaves them, are \
                 proven by their chain alone",
                self.proven,
                last - self.proven
            );
            self.report.notes.push(what);
        }
    }

    /// What was removed from the beginning.
    fn check_start(&mut self, first: Option<u64>) {
        let kept = self.pruned.iter().map(|note| note.first_segment).max();
        for (here, first, last) in std::mem::take(&mut self.bare_digests) {
            if kept.is_none_or(|kept| kept <= here.segment) {
                let what = format!("segment {} was removed", here.segment);
                self.find(here, Change::Removed, (first, last), what, None);
            }
        }
        let Some(start) = self.start else {
            return;
        };
        let here = Here {
            segment: 1,
            file: Name::Compressed(1),
        };
        let newest = self.pruned.iter().map(|note| note.first_segment).max();
        self.report.pruned_before_segment = newest;
        let Some(kept) = newest.filter(|kept| *kept >= start.segment) else {
            let newest = self.pruned.iter().max_by_key(|note| note.first_segment);
            let (from, first) =
                newest.map_or((1, 1), |note| (note.first_segment, note.first_sequence));
            let here = Here {
                segment: from,
                file: Name::Compressed(from),
            };
            let gone = match start.segment - 1 {
                to if to == from => format!("segment {from} was"),
                to => format!("the segments {from} to {to} were"),
            };
            let what = format!(
                "the log begins with segment {}, and nothing says that {gone} pruned",
                start.segment
            );
            let last = start.sequence.map(|sequence| sequence.saturating_sub(1));
            self.find(here, Change::Removed, (Some(first), last), what, None);
            return;
        };
        if first != Some(kept) {
            let what = "pruning was interrupted; the next one removes what is left".to_owned();
            self.report.notes.push(what);
            return;
        }
        let as_noted = self.pruned.iter().any(|note| {
            let hash = start.previous_hash.map(|hash| hash.to_string());
            let digest = start.previous_digest.map(|digest| digest.to_string());
            note.first_segment == kept
                && Some(note.first_sequence) == start.sequence
                && hash.is_none_or(|hash| hash == note.previous_hash)
                && digest.is_none_or(|digest| digest == note.previous_digest)
        });
        if !as_noted {
            let what = format!("the log doesn't go on from what was pruned before segment {kept}");
            self.find(here, Change::Altered, (start.sequence, None), what, None);
        }
    }

    /// Judges who signed.
    fn check_keys(&mut self) {
        let mut trusted: BTreeSet<PublicKey> = self.given.iter().copied().collect();
        if trusted.is_empty() {
            trusted.extend(self.named.first());
            if !self.signed.is_empty() || !self.named.is_empty() {
                let what =
                    "no public key was given: the keys that the log names itself were believed";
                self.report.notes.push(what.to_owned());
            }
        }
        // A key vouches for the next one; and the next one, which signed all that is before it, for the one before.
        loop {
            let before = trusted.len();
            for (old, new) in &self.vouched {
                if trusted.contains(old) || trusted.contains(new) {
                    trusted.extend([*old, *new]);
                }
            }
            if trusted.len() == before {
                break;
            }
        }
        let ids: BTreeSet<KeyId> = trusted.iter().map(|key| key.id()).collect();
        let mut told = BTreeSet::new();
        for (id, here, source) in std::mem::take(&mut self.signed) {
            if !ids.contains(&id) && told.insert((id, source.clone())) {
                let what =
                    format!("{source} is signed by the key {id}, which nobody trusted vouches for");
                self.find(here, Change::Altered, (None, None), what, None);
            }
        }
        let mut keys = Vec::new();
        for key in &self.named {
            let text = key.to_base64();
            if !keys.contains(&text) {
                keys.push(text);
            }
        }
        self.report.public_keys = keys;
    }
}

/// Whether a record of this number is among these bytes.
fn contains(bytes: &[u8], sequence: u64) -> bool {
    find_record(bytes, sequence).is_some()
}

/// The payload of the record of this number among these bytes.
fn contains_event(bytes: &[u8], sequence: u64) -> Option<&[u8]> {
    find_record(bytes, sequence)
}

fn find_record(mut bytes: &[u8], sequence: u64) -> Option<&[u8]> {
    while !bytes.is_empty() {
        let Parsed::Whole(stored) = parse(bytes) else {
            return None;
        };
        if stored.record.sequence == sequence {
            return Some(stored.record.payload);
        }
        bytes = &bytes[stored.len()..];
    }
    None
}

/// Whether the whole frames of an unfinished file are the beginning of a raw segment.
fn is_beginning_of(file: &[u8], raw: &[u8]) -> bool {
    let mut expected = raw.get(PREAMBLE_BYTES..).unwrap_or_default();
    let mut offset = 0;
    while let Some((header, records)) = frames::decompress(&file[offset..]) {
        let Some(rest) = expected.strip_prefix(&records[HASH_BYTES..]) else {
            return false;
        };
        expected = rest;
        offset += FRAME_HEADER_BYTES + header.compressed_bytes as usize;
    }
    true
}

/// The id in an event of CloudTrail's form, or of a bus's.
fn event_id(payload: &[u8]) -> Option<String> {
    [&b"\"eventID\":\""[..], b"\"id\":\""]
        .iter()
        .find_map(|name| {
            let at = payload.windows(name.len()).position(|part| part == *name)?;
            let text = &payload[at + name.len()..];
            let end = text.iter().position(|byte| *byte == b'"')?;
            let text = std::str::from_utf8(&text[..end]).ok()?;
            let sound = text.chars().all(|c| c.is_ascii_hexdigit() || c == '-') && !text.is_empty();
            sound.then(|| text.to_owned())
        })
}

/// What of unreadable bytes may name the event.
fn event_id_anywhere(bytes: &[u8]) -> Option<&[u8]> {
    event_id(bytes).is_some().then_some(bytes)
}
