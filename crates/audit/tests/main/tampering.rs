//! Thousands of edits of a whole log, drawn from a seed, by somebody who has no key: each is found, and where it was made
//! is named. It reads and makes the files by what `docs/formats.md` says, not by the log's own code.

use strongroom_audit::{Change, Durability, Finding, Head, Options, PublicKey, verify_on};

use crate::memory::{Files, Memory, read};
use crate::support::{Random, key, open, options, run, settle};

const HASH: usize = 32;
const HEADER: usize = 25;
const PREAMBLE: usize = 40;
const FRAME_HEADER: usize = 61;

/// Edits, unless `STRONGROOM_TAMPERINGS` says otherwise.
const EDITS: u64 = 2000;

/// A log, and what is known of it.
struct Original {
    files: Files,
    keys: Vec<PublicKey>,
    /// The newest head, as the store has it.
    head: Head,
    /// The file `head` as it was in the middle.
    older_head: Vec<u8>,
    /// Each segment's records, with their hashes.
    segments: Vec<Segment>,
}

#[derive(Clone)]
struct Segment {
    number: u64,
    previous: [u8; HASH],
    records: Vec<Vec<u8>>,
    closed: bool,
}

/// What a finding must say.
#[derive(Debug)]
struct Expected {
    /// The files that may be named.
    files: Vec<String>,
    /// The first record that is concerned: one of these, where it can be known.
    sequences: Option<std::ops::RangeInclusive<u64>>,
    changes: Vec<Change>,
}

#[test]
fn every_edit_is_found_and_named() {
    let edits = std::env::var("STRONGROOM_TAMPERINGS");
    let edits = edits.map_or(EDITS, |text| text.parse().unwrap());
    let seed = std::env::var("STRONGROOM_SEED").map_or(1, |text| text.parse().unwrap());
    let original = Original::new();
    assert_eq!(original.verify(&original.files), []);
    let mut random = Random(seed);
    let mut counts = std::collections::BTreeMap::new();
    for edit in 0..edits {
        let mut files = original.files.clone();
        let kind = random.below(EDIT_KINDS.len() as u64) as usize;
        let (name, make) = EDIT_KINDS[kind];
        let Some(expected) = make(&original, &mut files, &mut random) else {
            continue;
        };
        if files == original.files {
            continue;
        }
        *counts.entry(name).or_insert(0_u64) += 1;
        let findings = original.verify(&files);
        let told = format!("edit {edit} of seed {seed}, {name}: {expected:?}, found {findings:#?}");
        let Some(first) = findings.first() else {
            panic!("nothing was found: {told}");
        };
        assert!(expected.files.contains(&first.file), "another file: {told}");
        if let Some(sequences) = &expected.sequences {
            let named = first
                .sequence
                .is_some_and(|sequence| sequences.contains(&sequence));
            assert!(named, "another record: {told}");
        }
        assert!(
            expected.changes.contains(&first.change),
            "another change: {told}"
        );
    }
    println!("{counts:#?}");
    assert_eq!(counts.len(), EDIT_KINDS.len());
}

type Edit = fn(&Original, &mut Files, &mut Random) -> Option<Expected>;

const EDIT_KINDS: [(&str, Edit); 25] = [
    ("a bit of a raw segment", flip_raw),
    ("a bit of a compressed segment", flip_compressed),
    ("a bit of a digest", flip_digest),
    ("a bit of the head", flip_head),
    ("a record dropped", drop_record),
    ("a record twice", double_record),
    ("two records swapped", swap_records),
    ("a record changed", change_record),
    ("a record changed, and its own hash", change_and_hash),
    (
        "a record changed, and all behind it chained anew",
        change_and_chain,
    ),
    ("a record forged in between", forge_record),
    ("a record forged at the end", forge_at_end),
    ("a file cut off", truncate),
    ("bytes inserted", insert),
    ("bytes behind a file", append),
    ("a segment removed", remove_segment),
    ("a digest removed", remove_digest),
    ("a segment compressed anew", compress_anew),
    ("a segment as another", copy_segment),
    ("two segments swapped", swap_segments),
    ("a digest edited", edit_digest),
    ("the head removed", remove_head),
    ("the head rolled back", roll_back_head),
    ("an unknown file", add_file),
    (
        "the newest records cut off, and the head rolled back",
        cut_and_roll_back,
    ),
];

impl Original {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            segment_bytes: 20_000,
            ..options(folder.path(), Durability::Write)
        };
        let mut older_head = Vec::new();
        for round in 0..2 {
            let log = open(&options).log;
            for number in 0..180 {
                let text = format!(
                    "{{\"eventID\":\"{round:08x}-{number:04x}\",\"eventName\":\"GetSecretValue\",\"filling\":\"{}\"}}",
                    "abc".repeat(number % 100)
                );
                run(log.append(&[text])).unwrap();
                if round == 0 && number == 100 {
                    let _ = (log.head(1), log.head(2));
                    older_head = std::fs::read(folder.path().join("head")).unwrap();
                }
            }
            settle(folder.path());
            log.close();
        }
        let files = read(folder.path());
        let lines = std::str::from_utf8(&files["head"]).unwrap().lines();
        let heads = lines.map(|line| Head::decode(line).unwrap());
        let segments = segments(&files);
        assert!(segments.len() > 4 && segments.iter().all(|segment| segment.records.len() > 9));
        Self {
            head: heads.max_by_key(|head| head.sequence).unwrap(),
            keys: vec![key(1).public()],
            older_head,
            segments,
            files,
        }
    }

    fn verify(&self, files: &Files) -> Vec<Finding> {
        let heads = [self.head.clone()];
        verify_on(&Memory::of(files), &self.keys, &heads)
            .unwrap()
            .findings
    }

    fn pick(&self, random: &mut Random) -> Segment {
        random.of(&self.segments).clone()
    }

    fn last(&self) -> &Segment {
        self.segments.last().unwrap()
    }

    fn closed(&self, random: &mut Random) -> Segment {
        let closed = &self.segments[..self.segments.len() - 1];
        random.of(closed).clone()
    }
}

impl Segment {
    fn name(&self) -> String {
        self.file(if self.closed { "zst" } else { "raw" })
    }

    fn file(&self, ending: &str) -> String {
        format!("segment-{:08}.{ending}", self.number)
    }

    fn sequence(&self, index: usize) -> u64 {
        sequence(&self.records[index])
    }

    /// Writes these records in place of the segment's own.
    fn write(&self, files: &mut Files, records: &[Vec<u8>]) {
        let bytes = if self.closed {
            compress(self.previous, records)
        } else {
            let mut bytes = b"SRAUDIT\x01".to_vec();
            bytes.extend(self.previous);
            bytes.extend(records.concat());
            bytes
        };
        files.insert(self.name(), bytes);
    }

    fn expect(
        &self,
        sequences: std::ops::RangeInclusive<u64>,
        changes: &[Change],
    ) -> Option<Expected> {
        Some(Expected {
            files: vec![self.name()],
            sequences: Some(sequences),
            changes: changes.to_vec(),
        })
    }

    fn one(&self, sequence: u64, changes: &[Change]) -> Option<Expected> {
        self.expect(sequence..=sequence, changes)
    }
}

fn file(name: &str, changes: &[Change]) -> Option<Expected> {
    Some(Expected {
        files: vec![name.to_owned()],
        sequences: None,
        changes: changes.to_vec(),
    })
}

// --- The format, as it is documented ---------------------------------------------------------------

fn segments(files: &Files) -> Vec<Segment> {
    let names = files.iter().filter_map(|(name, bytes)| {
        let (number, ending) = name.strip_prefix("segment-")?.split_once('.')?;
        Some((number.parse().unwrap(), ending.to_owned(), bytes))
    });
    let mut segments = Vec::new();
    for (number, ending, bytes) in names {
        let (previous, content) = match ending.as_str() {
            "raw" => (&bytes[8..PREAMBLE], bytes[PREAMBLE..].to_vec()),
            "zst" => (
                &bytes[29..FRAME_HEADER],
                zstd::decode_all(&bytes[..]).unwrap(),
            ),
            _ => continue,
        };
        segments.push(Segment {
            number,
            previous: previous.try_into().unwrap(),
            records: records(&content),
            closed: ending == "zst",
        });
    }
    segments
}

fn records(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let payload = u32::from_le_bytes(bytes[16..20].try_into().unwrap()) as usize;
        let (record, rest) = bytes.split_at(HEADER + payload + HASH);
        records.push(record.to_vec());
        bytes = rest;
    }
    records
}

fn sequence(record: &[u8]) -> u64 {
    u64::from_le_bytes(record[..8].try_into().unwrap())
}

fn hash_of(record: &[u8]) -> [u8; HASH] {
    record[record.len() - HASH..].try_into().unwrap()
}

/// Gives a record the hash that it needs behind another.
fn chain(previous: [u8; HASH], record: &mut [u8]) {
    let end = record.len() - HASH;
    let digest = aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA256,
        &[&previous, &record[..end]].concat(),
    );
    record[end..].copy_from_slice(digest.as_ref());
}

fn forged(sequence: u64, previous: [u8; HASH]) -> Vec<u8> {
    let mut record = sequence.to_le_bytes().to_vec();
    let payload = b"{\"eventID\":\"ffffffff\",\"eventName\":\"Nothing\"}";
    record.extend(1_700_000_000_000_i64.to_le_bytes());
    record.extend((payload.len() as u32).to_le_bytes());
    record.push(1);
    let check = xxhash_rust::xxh3::xxh3_64(&record).to_le_bytes();
    record.extend(&check[..4]);
    record.extend(payload);
    record.extend([0; HASH]);
    chain(previous, &mut record);
    record
}

fn compress(previous: [u8; HASH], records: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut previous = previous;
    // Smaller frames than the log makes, which are as good.
    for records in records.chunks(40) {
        let content = records.concat();
        let compressed = zstd::bulk::compress(&content, 3).unwrap();
        out.extend([0x5A, 0x2A, 0x4D, 0x18, 53, 0, 0, 0, 1]);
        out.extend(&records[0][..8]);
        out.extend((records.len() as u32).to_le_bytes());
        out.extend((content.len() as u32).to_le_bytes());
        out.extend((compressed.len() as u32).to_le_bytes());
        out.extend(previous);
        out.extend(compressed);
        previous = hash_of(records.last().unwrap());
    }
    out
}

// --- The edits -------------------------------------------------------------------------------------

fn flip(bytes: &mut [u8], random: &mut Random) -> usize {
    let bit = random.below(bytes.len() as u64 * 8) as usize;
    bytes[bit / 8] ^= 1 << (bit % 8);
    bit / 8
}

fn flip_raw(original: &Original, files: &mut Files, random: &mut Random) -> Option<Expected> {
    let segment = original.last();
    let at = flip(files.get_mut(&segment.name()).unwrap(), random);
    let mut end = PREAMBLE;
    let hit = segment.records.iter().position(|record| {
        end += record.len();
        at < end
    });
    segment.one(segment.sequence(hit.unwrap()), &[Change::Altered])
}

fn flip_compressed(
    original: &Original,
    files: &mut Files,
    random: &mut Random,
) -> Option<Expected> {
    let segment = original.closed(random);
    flip(files.get_mut(&segment.name()).unwrap(), random);
    let last = segment.sequence(segment.records.len() - 1);
    // What can't be decompressed is named as a whole.
    segment.expect(
        segment.sequence(0)..=last,
        &[Change::Altered, Change::Removed, Change::Added],
    )
}

fn flip_digest(original: &Original, files: &mut Files, random: &mut Random) -> Option<Expected> {
    let name = original.closed(random).file("digest");
    flip(files.get_mut(&name).unwrap(), random);
    file(&name, &[Change::Altered])
}

fn flip_head(_: &Original, files: &mut Files, random: &mut Random) -> Option<Expected> {
    flip(files.get_mut("head").unwrap(), random);
    file("head", &[Change::Altered, Change::Removed])
}

/// A record that isn't the first or the last one of its segment.
fn inner(segment: &Segment, random: &mut Random) -> usize {
    1 + random.below(segment.records.len() as u64 - 2) as usize
}

fn drop_record(original: &Original, files: &mut Files, random: &mut Random) -> Option<Expected> {
    let segment = original.pick(random);
    let mut records = segment.records.clone();
    let from = inner(&segment, random);
    let count = 1 + random.below(3) as usize;
    records.drain(from..(from + count).min(records.len() - 1));
    segment.write(files, &records);
    segment.one(segment.sequence(from), &[Change::Removed])
}

fn double_record(original: &Original, files: &mut Files, random: &mut Random) -> Option<Expected> {
    let segment = original.pick(random);
    let mut records = segment.records.clone();
    let which = inner(&segment, random);
    let at = which + 1 + random.below((records.len() - which) as u64) as usize;
    records.insert(at, records[which].clone());
    segment.write(files, &records);
    segment.one(segment.sequence(which), &[Change::Added])
}

fn swap_records(original: &Original, files: &mut Files, random: &mut Random) -> Option<Expected> {
    let segment = original.pick(random);
    let mut records = segment.records.clone();
    let (one, other) = (inner(&segment, random), inner(&segment, random));
    if one == other {
        return None;
    }
    records.swap(one, other);
    segment.write(files, &records);
    segment.one(
        segment.sequence(one.min(other)),
        &[Change::Reordered, Change::Removed],
    )
}

fn changed(record: &mut [u8], random: &mut Random) {
    let end = record.len() - HASH;
    if end > HEADER {
        record[HEADER + random.below((end - HEADER) as u64) as usize] ^= 1;
    }
}

fn change_record(original: &Original, files: &mut Files, random: &mut Random) -> Option<Expected> {
    let segment = original.pick(random);
    let mut records = segment.records.clone();
    let which = inner(&segment, random);
    changed(&mut records[which], random);
    segment.write(files, &records);
    segment.one(segment.sequence(which), &[Change::Altered])
}

fn change_and_hash(
    original: &Original,
    files: &mut Files,
    random: &mut Random,
) -> Option<Expected> {
    let segment = original.pick(random);
    let mut records = segment.records.clone();
    let which = inner(&segment, random);
    changed(&mut records[which], random);
    let previous = hash_of(&records[which - 1]);
    chain(previous, &mut records[which]);
    segment.write(files, &records);
    // Nobody can tell whether it was changed, or the one behind it that doesn't go on from it.
    let at = segment.sequence(which);
    segment.expect(at..=at + 1, &[Change::Altered])
}

fn change_and_chain(
    original: &Original,
    files: &mut Files,
    random: &mut Random,
) -> Option<Expected> {
    let segment = original.pick(random);
    let mut records = segment.records.clone();
    let which = inner(&segment, random);
    changed(&mut records[which], random);
    for at in which..records.len() {
        let previous = hash_of(&records[at - 1]);
        chain(previous, &mut records[at]);
    }
    segment.write(files, &records);
    // Only what is signed tells: the records since the last signature.
    segment.expect(1..=segment.sequence(which), &[Change::Altered])
}

fn forge_record(original: &Original, files: &mut Files, random: &mut Random) -> Option<Expected> {
    let segment = original.pick(random);
    let mut records = segment.records.clone();
    let at = inner(&segment, random);
    let sequence = segment.sequence(at);
    let record = forged(sequence, hash_of(&records[at - 1]));
    records.insert(at, record);
    segment.write(files, &records);
    segment.one(sequence, &[Change::Added])
}

fn forge_at_end(original: &Original, files: &mut Files, _: &mut Random) -> Option<Expected> {
    let segment = original.last();
    let mut records = segment.records.clone();
    let last = records.last().unwrap();
    let next = sequence(last) + 1;
    records.push(forged(next, hash_of(last)));
    segment.write(files, &records);
    segment.one(next, &[Change::Added])
}

fn truncate(original: &Original, files: &mut Files, random: &mut Random) -> Option<Expected> {
    let segment = original.pick(random);
    let bytes = files.get_mut(&segment.name()).unwrap();
    let len = random.below(bytes.len() as u64) as usize;
    bytes.truncate(len);
    let last = segment.sequence(segment.records.len() - 1);
    let changes = [Change::Altered, Change::Cut, Change::Removed];
    segment.expect(segment.sequence(0)..=last, &changes)
}

fn insert(original: &Original, files: &mut Files, random: &mut Random) -> Option<Expected> {
    let name = random
        .of(&original.files.keys().collect::<Vec<_>>())
        .to_string();
    let bytes = files.get_mut(&name).unwrap();
    let at = random.below(bytes.len() as u64) as usize;
    let count = 1 + random.below(60);
    let inserted: Vec<u8> = (0..count).map(|_| random.below(256) as u8).collect();
    bytes.splice(at..at, inserted);
    file(&name, &[Change::Altered, Change::Added, Change::Removed])
}

fn append(original: &Original, files: &mut Files, random: &mut Random) -> Option<Expected> {
    let name = random
        .of(&original.files.keys().collect::<Vec<_>>())
        .to_string();
    let bytes = files.get_mut(&name).unwrap();
    let count = HEADER as u64 + random.below(60);
    bytes.extend((0..count).map(|_| random.below(256) as u8));
    file(&name, &[Change::Altered, Change::Added, Change::Removed])
}

fn remove_segment(original: &Original, files: &mut Files, random: &mut Random) -> Option<Expected> {
    let segment = original.pick(random);
    files.remove(&segment.name());
    let with_digest = random.below(2) == 0;
    if with_digest {
        files.remove(&segment.file("digest"));
    }
    if !segment.closed {
        // What is left ends with the segment before.
        let before = &original.segments[original.segments.len() - 2];
        return before.one(segment.sequence(0), &[Change::Cut]);
    }
    if segment.number == 1 && with_digest {
        return file(&segment.file("zst"), &[Change::Removed]);
    }
    let mut expected = segment.one(segment.sequence(0), &[Change::Removed])?;
    expected.files.push(segment.file("raw"));
    Some(expected)
}

fn remove_digest(original: &Original, files: &mut Files, random: &mut Random) -> Option<Expected> {
    let name = original.closed(random).file("digest");
    files.remove(&name);
    file(&name, &[Change::Removed])
}

fn compress_anew(original: &Original, files: &mut Files, random: &mut Random) -> Option<Expected> {
    let segment = original.closed(random);
    segment.write(files, &segment.records);
    // Its records are as they were, and yet it isn't the file that was signed.
    segment.one(segment.sequence(0), &[Change::Altered])
}

fn copy_segment(original: &Original, files: &mut Files, random: &mut Random) -> Option<Expected> {
    let segment = original.pick(random);
    let number = original.last().number + 1;
    let as_new = Segment {
        number,
        ..segment.clone()
    };
    for ending in ["raw", "zst", "digest"] {
        if let Some(bytes) = files.get(&segment.file(ending)).cloned() {
            files.insert(as_new.file(ending), bytes);
        }
    }
    Some(Expected {
        files: vec![
            as_new.name(),
            as_new.file("digest"),
            original.last().file("digest"),
        ],
        sequences: None,
        changes: vec![
            Change::Reordered,
            Change::Added,
            Change::Removed,
            Change::Altered,
        ],
    })
}

fn swap_segments(original: &Original, files: &mut Files, random: &mut Random) -> Option<Expected> {
    let (one, other) = (original.closed(random), original.closed(random));
    let with_digests = random.below(2) == 0;
    let mut endings = vec!["zst"];
    endings.extend(with_digests.then_some("digest"));
    for ending in endings {
        let (first, second) = (
            files[&one.file(ending)].clone(),
            files[&other.file(ending)].clone(),
        );
        files.insert(one.file(ending), second);
        files.insert(other.file(ending), first);
    }
    let first = if one.number < other.number {
        one
    } else {
        other
    };
    Some(Expected {
        files: vec![first.name(), first.file("digest")],
        sequences: None,
        changes: vec![Change::Reordered],
    })
}

fn edit_digest(original: &Original, files: &mut Files, random: &mut Random) -> Option<Expected> {
    let name = original.closed(random).file("digest");
    let text = String::from_utf8(files[&name].clone()).unwrap();
    let digits: Vec<usize> = text
        .char_indices()
        .filter(|(_, letter)| letter.is_ascii_digit())
        .map(|(at, _)| at)
        .collect();
    let at = *random.of(&digits);
    let mut bytes = text.into_bytes();
    bytes[at] = b'0' + (bytes[at] - b'0' + 1 + random.below(8) as u8) % 10;
    files.insert(name.clone(), bytes);
    file(&name, &[Change::Altered, Change::Reordered])
}

fn remove_head(_: &Original, files: &mut Files, _: &mut Random) -> Option<Expected> {
    files.remove("head");
    file("head", &[Change::Removed])
}

fn roll_back_head(original: &Original, files: &mut Files, random: &mut Random) -> Option<Expected> {
    // All of it, or one of its places.
    let bytes = files.get_mut("head").unwrap();
    match random.below(2) {
        0 => bytes.clone_from(&original.older_head),
        _ => {
            let newest = bytes[..512].to_vec();
            let first = std::str::from_utf8(&newest).unwrap();
            let is_first = Head::decode(first) == Some(original.head.clone());
            let place = if is_first { 0 } else { 512 };
            bytes[place..place + 512].copy_from_slice(&original.older_head[..512]);
        }
    }
    file("head", &[Change::Removed])
}

fn add_file(_: &Original, files: &mut Files, random: &mut Random) -> Option<Expected> {
    let names = [
        "head.new",
        "segment-1.raw",
        "notes.txt",
        "segment-00000001.zst.bak",
    ];
    let name = *random.of(&names);
    files.insert(name.to_owned(), vec![0; random.below(9) as usize]);
    file(name, &[Change::Added])
}

fn cut_and_roll_back(
    original: &Original,
    files: &mut Files,
    random: &mut Random,
) -> Option<Expected> {
    // Back to a state that was the log's own, once.
    let text = std::str::from_utf8(&original.older_head).unwrap();
    let heads = text.lines().filter_map(Head::decode);
    let end = heads.map(|head| head.sequence).max().unwrap();
    let position = original
        .segments
        .iter()
        .position(|segment| segment.sequence(segment.records.len() - 1) >= end);
    let segment = original.segments[position.unwrap()].clone();
    for later in &original.segments[position.unwrap()..] {
        for ending in ["raw", "zst", "digest"] {
            files.remove(&later.file(ending));
        }
    }
    let kept: Vec<_> = segment
        .records
        .iter()
        .take_while(|record| sequence(record) <= end + random.below(3))
        .cloned()
        .collect();
    let raw = Segment {
        closed: false,
        ..segment
    };
    raw.write(files, &kept);
    files.insert("head".to_owned(), original.older_head.clone());
    Some(Expected {
        files: vec![raw.name(), "head".to_owned()],
        sequences: None,
        changes: vec![Change::Cut, Change::Removed],
    })
}
