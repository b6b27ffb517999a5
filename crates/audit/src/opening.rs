//! Opening: what lies in the folder, whether it is as it was left, and where to go on.
//!
//! A record that a crash left unfinished is cut off. Whatever else isn't as it was left stays as it is, as evidence: the
//! log goes on in a new segment, behind everything that was ever numbered, with a note that says what was found.

use std::sync::Arc;

use crate::digest::Digest;
use crate::folder::{Disk, Folder, read_all};
use crate::hash::{Hash, hash_of};
use crate::headfile::HeadFile;
use crate::index::{Index, Known};
use crate::log::{Parts, Shared};
use crate::queue::Position;
use crate::record::{Kind, Parsed, parse, push};
use crate::segment::{
    DamageNote, End, FORMAT, HEAD, Header, Name, PREAMBLE_BYTES, Preamble, RepairNote, json,
    preamble, read_preamble, walk,
};
use crate::writer::Writer;
use crate::{Clock, Fault, FaultKind, Head, LogId, Options, Repair, SigningKey};

/// What opening found and made.
pub(crate) struct Found {
    pub(crate) shared: Shared,
    pub(crate) repaired: Option<Repair>,
    pub(crate) created: bool,
}

/// What lies in a folder: locked and looked at, and nothing changed yet.
pub(crate) struct Looked {
    lock: Box<dyn Send + Sync>,
    head: Option<HeadFile>,
    lying: Lying,
}

pub(crate) fn look(folder: &dyn Folder) -> Result<Looked, Fault> {
    let lock = lock(folder)?;
    let head = HeadFile::open(folder)?;
    let acknowledged = head.as_ref().map_or(0, |head| head.newest().sequence);
    let lying = Lying::look(folder, true, acknowledged)?;
    Ok(Looked { lock, head, lying })
}

impl Looked {
    /// Which log it is; nothing, where there is none, or nothing that tells.
    pub(crate) fn id(&self) -> Option<LogId> {
        let headed = self.head().map(|head| head.log);
        headed.or_else(|| self.lying.id())
    }

    /// The newest head in its file.
    pub(crate) fn head(&self) -> Option<&Head> {
        self.head.as_ref().map(HeadFile::newest)
    }

    /// What can be read of it.
    pub(crate) fn index(&self) -> Index {
        self.lying.index()
    }

    pub(crate) fn open(
        self,
        folder: Arc<dyn Folder>,
        options: &Options,
        key: SigningKey,
        fresh_id: LogId,
        clock: Clock,
    ) -> Result<Found, Fault> {
        let id = self.id().unwrap_or(fresh_id);
        let Self {
            lock,
            head,
            mut lying,
        } = self;
        let acknowledged = head.as_ref().map_or(0, |head| head.newest().sequence);
        lying.drop_unfinished(folder.as_ref(), acknowledged)?;
        let start = if lying.highest == 0 && acknowledged == 0 {
            Start::create(folder.as_ref(), id, &key, clock())?
        } else {
            Start::find(folder.as_ref(), &lying, head, id, &key, clock())?
        };
        let store_revision = start.head_file.newest().store_revision;
        let shared = Shared::new(Parts {
            id,
            options: options.clone(),
            folder,
            clock,
            key,
            writer: start.writer,
            head_file: start.head_file,
            index: Arc::new(start.index),
            lock,
            store_revision,
        });
        if let Some(Repair::CutTail {
            segment,
            bytes,
            sha256,
        }) = &start.repaired
        {
            let note = RepairNote {
                segment: *segment,
                cut_bytes: *bytes,
                sha256: sha256.to_string(),
            };
            let milliseconds = (shared.clock)();
            shared
                .queue()
                .push(milliseconds, Kind::Repair, &json(&note));
        }
        Ok(Found {
            shared,
            repaired: start.repaired,
            created: start.created,
        })
    }
}

/// Keeps others out of the folder.
pub(crate) fn lock(folder: &dyn Folder) -> Result<Box<dyn Send + Sync>, Fault> {
    let locked = folder
        .lock()
        .map_err(|error| Fault::io(&error, "locking", "the folder"))?;
    locked.ok_or_else(|| {
        let what = format!(
            "the audit log in {} is in use by another process",
            folder.path().display()
        );
        Fault::new(FaultKind::Locked, what)
    })
}

/// The files of the log, in the order of segments. Others are left alone; `verify` names them.
pub(crate) fn names(folder: &dyn Folder) -> Result<Vec<Name>, Fault> {
    let names = folder
        .names()
        .map_err(|error| Fault::io(&error, "listing", "the folder"))?;
    let mut names: Vec<Name> = names.iter().filter_map(|name| Name::parse(name)).collect();
    names.sort_unstable();
    Ok(names)
}

/// The segments that lie in a folder.
pub(crate) struct Lying {
    /// The digests of those without a raw file, in order.
    closed: Vec<Digest>,
    /// Those with one, in order.
    raw: Vec<(u64, Scan)>,
    /// The highest number that a file has.
    highest: u64,
}

impl Lying {
    /// Looks at all of them. `probe` is a sequence whose hash is asked for.
    pub(crate) fn look(folder: &dyn Folder, write: bool, probe: u64) -> Result<Self, Fault> {
        let names = names(folder)?;
        let mut lying = Self {
            closed: Vec::new(),
            raw: Vec::new(),
            highest: names
                .iter()
                .copied()
                .filter_map(number_of)
                .max()
                .unwrap_or(0),
        };
        for name in &names {
            match *name {
                Name::Raw(number) => {
                    lying
                        .raw
                        .push((number, scan(folder, number, write, probe)?));
                }
                Name::Digest(number)
                    if !names.contains(&Name::Raw(number))
                        && names.contains(&Name::Compressed(number)) =>
                {
                    lying.closed.extend(read_digest(folder, number)?);
                }
                _ => {}
            }
        }
        Ok(lying)
    }

    /// Which log they are of, as far as they tell.
    fn id(&self) -> Option<LogId> {
        let headers = self.raw.iter().rev();
        headers
            .filter_map(|(_, scan)| LogId::parse(&scan.header.as_ref()?.log_id))
            .next()
            .or_else(|| self.closed.last().map(|digest| digest.log))
    }

    /// What can be read of them.
    pub(crate) fn index(&self) -> Index {
        let index = Index::default();
        let raw = self.raw.iter().filter_map(|(_, scan)| scan.known.clone());
        let mut known: Vec<Known> = self.closed.iter().map(Known::closed).chain(raw).collect();
        known.sort_by_key(|known| known.segment.number);
        for known in &mut known {
            let mut scans = self.raw.iter();
            let scan = scans.find(|(number, _)| *number == known.segment.number);
            known.damaged = scan.is_some_and(|(_, scan)| scan.ending == End::Damaged);
        }
        *index.write() = known;
        index
    }

    /// Removes the newest segment where a crash interrupted its making: nothing in it was answered.
    fn drop_unfinished(&mut self, folder: &dyn Folder, acknowledged: u64) -> Result<(), Fault> {
        let Some((number, scan)) = self
            .raw
            .last()
            .filter(|(number, _)| *number == self.highest)
        else {
            return Ok(());
        };
        let unfinished = scan.known.is_none() && scan.ending == End::Torn;
        let raw = self.raw.iter().rev().nth(1).and_then(|(_, scan)| scan.end);
        let before = raw.map_or(0, |before| before.sequence);
        if !unfinished || before < acknowledged {
            return Ok(());
        }
        let name = Name::Raw(*number).to_string();
        folder
            .remove(&name)
            .map_err(|error| Fault::io(&error, "removing the unfinished", &name))?;
        self.raw.pop();
        let closed = self.closed.last().map_or(0, |digest| digest.segment);
        self.highest = self.raw.last().map_or(0, |(number, _)| *number).max(closed);
        Ok(())
    }
}

/// The digest of a segment; nothing, where it isn't sound.
fn read_digest(folder: &dyn Folder, number: u64) -> Result<Option<Digest>, Fault> {
    let name = Name::Digest(number).to_string();
    let bytes = folder
        .open(&name, false)
        .and_then(|disk| read_all(disk.as_ref()))
        .map_err(|error| Fault::io(&error, "reading", &name))?;
    Ok(Digest::decode(&bytes).filter(|digest| digest.segment == number))
}

/// A raw segment, read from its beginning to where it stops making sense.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) known: Option<Known>,
    pub(crate) header: Option<Header>,
    /// Its last sound record.
    pub(crate) end: Option<Position>,
    /// Where that ends.
    pub(crate) offset: usize,
    pub(crate) ending: End,
    /// What is behind it.
    pub(crate) rest: Vec<u8>,
    /// What its first record is chained to.
    pub(crate) previous: Option<Hash>,
    /// The hash of the record that was asked for.
    pub(crate) probed: Option<Hash>,
}

/// Reads a raw segment. `probe` is a sequence whose hash is asked for.
pub(crate) fn scan(
    folder: &dyn Folder,
    number: u64,
    write: bool,
    probe: u64,
) -> Result<Scan, Fault> {
    let name = Name::Raw(number).to_string();
    let disk = folder
        .open(&name, write)
        .map_err(|error| Fault::io(&error, "opening", &name))?;
    let bytes = read_all(disk.as_ref()).map_err(|error| Fault::io(&error, "reading", &name))?;
    let mut scan = Scan {
        known: None,
        header: None,
        end: None,
        offset: 0,
        ending: End::Damaged,
        rest: Vec::new(),
        previous: None,
        probed: None,
    };
    let previous = match read_preamble(&bytes) {
        Preamble::Sound(previous) => previous,
        Preamble::Newer(format) => {
            let what = format!(
                "{name} of the audit log has format {format}, and this program reads formats up to {FORMAT}"
            );
            return Err(Fault::new(FaultKind::NewerFormat, what));
        }
        Preamble::Partial => {
            scan.ending = End::Torn;
            scan.rest = bytes;
            return Ok(scan);
        }
        Preamble::Nonsense => {
            scan.rest = bytes;
            return Ok(scan);
        }
    };
    scan.previous = Some(previous);
    let (offset, ending) = walk(&bytes, PREAMBLE_BYTES, None, &mut |offset, stored| {
        let record = stored.record;
        if record.sequence == probe {
            scan.probed = Some(stored.hash);
        }
        scan.end = Some(Position {
            sequence: record.sequence,
            hash: stored.hash,
            milliseconds: record.milliseconds,
        });
        if scan.known.is_none() && record.kind == Kind::Segment {
            scan.header = serde_json::from_slice(record.payload).ok();
        }
        let known = scan.known.get_or_insert_with(|| {
            Known::raw(
                number,
                record.sequence,
                previous,
                record.milliseconds,
                Arc::clone(&disk),
            )
        });
        known.mark(record.sequence, offset as u64);
        known.grow(
            record.sequence,
            record.milliseconds,
            (offset + stored.len()) as u64,
        );
    });
    scan.offset = offset;
    scan.ending = ending;
    scan.rest = bytes[offset..].to_vec();
    Ok(scan)
}

impl Scan {
    /// The last record behind the damage that still has a sound header: so that no number is used again.
    fn last_seen(&self) -> Option<Position> {
        let mut rest = self.rest.as_slice();
        let mut last = self.end;
        loop {
            match parse(rest) {
                Parsed::Whole(stored) => {
                    let record = stored.record;
                    if last.is_none_or(|last| record.sequence > last.sequence) {
                        last = Some(Position {
                            sequence: record.sequence,
                            hash: stored.hash,
                            milliseconds: record.milliseconds,
                        });
                    }
                    rest = &rest[stored.len()..];
                }
                Parsed::Partial { .. } => return last,
                Parsed::Nonsense => rest = &rest[1..],
            }
        }
    }
}

/// Where the log goes on.
struct Start {
    writer: Writer,
    index: Index,
    head_file: HeadFile,
    repaired: Option<Repair>,
    created: bool,
}

impl Start {
    /// Makes a log.
    fn create(
        folder: &dyn Folder,
        id: LogId,
        key: &SigningKey,
        milliseconds: i64,
    ) -> Result<Self, Fault> {
        // The head comes first: so segments without a head are never what a crash left.
        let head = Head::signed(id, 0, Hash::ZERO, milliseconds, 0, key);
        let head_file = HeadFile::create(folder, &head)?;
        let start = Position {
            sequence: 0,
            hash: Hash::ZERO,
            milliseconds,
        };
        let (writer, known) = make_segment(folder, id, 1, start, key, None)?;
        let index = Index::default();
        index.write().push(known);
        Ok(Self {
            writer,
            index,
            head_file,
            repaired: None,
            created: true,
        })
    }

    /// Goes on with a log.
    fn find(
        folder: &dyn Folder,
        lying: &Lying,
        head: Option<HeadFile>,
        id: LogId,
        key: &SigningKey,
        milliseconds: i64,
    ) -> Result<Self, Fault> {
        let newest = head.as_ref().map(|file| file.newest().clone());
        let index = lying.index();
        let last = lying
            .raw
            .last()
            .filter(|(number, _)| *number == lying.highest);
        let wrong = match (&newest, last) {
            (None, _) => Some(format!("the file {HEAD} was removed or damaged")),
            (_, None) => Some("the newest segment was removed".to_owned()),
            (Some(head), Some((number, scan))) => wrong_with(*number, scan, head),
        };
        let whole = head.as_ref().is_some_and(|file| file.whole);
        let wrong =
            wrong.or_else(|| (!whole).then(|| format!("a part of the file {HEAD} was damaged")));
        if let (None, Some((number, scan)), Some(head_file)) = (&wrong, last, head)
            && let Some(known) = &scan.known
            && let (Some(end), Some(disk)) = (scan.end, &known.disk)
        {
            let repaired = cut_tail(*number, scan, disk.as_ref())?;
            let identity = disk.identity().map_err(|error| {
                Fault::io(&error, "looking at", &Name::Raw(*number).to_string())
            })?;
            return Ok(Self {
                writer: Writer {
                    disk: Arc::clone(disk),
                    segment: *number,
                    offset: scan.offset as u64,
                    written: end,
                    inode: identity.inode,
                },
                index,
                head_file,
                repaired,
                created: false,
            });
        }
        let what = wrong.unwrap_or_else(|| "the newest segment has no records".to_owned());
        let seen = lying.raw.iter().filter_map(|(_, scan)| scan.last_seen());
        let closed = lying.closed.iter().map(|digest| Position {
            sequence: digest.last_sequence,
            hash: digest.last_hash,
            milliseconds,
        });
        let headed = newest.as_ref().map(|head| Position {
            sequence: head.sequence,
            hash: head.hash,
            milliseconds,
        });
        let nothing = Position {
            sequence: 0,
            hash: Hash::ZERO,
            milliseconds,
        };
        // Of two that say the same, what was seen counts more than what was signed.
        let start = headed.into_iter().chain(closed).chain(seen);
        let start = start
            .max_by_key(|position| position.sequence)
            .unwrap_or(nothing);
        let start = Position {
            milliseconds,
            ..start
        };
        let (writer, known) = make_segment(folder, id, lying.highest + 1, start, key, Some(&what))?;
        let mut segments = index.write();
        if let Some(last) = segments.last_mut() {
            // It stays as it is, as evidence.
            last.damaged = !last.segment.closed;
        }
        segments.push(known);
        drop(segments);
        // A head that covers the note: so it is told once.
        let head = Head::signed(
            id,
            writer.written.sequence,
            writer.written.hash,
            milliseconds,
            newest.map_or(0, |head| head.store_revision),
            key,
        );
        let head_file = HeadFile::create(folder, &head)?;
        Ok(Self {
            writer,
            index,
            head_file,
            repaired: Some(Repair::Damage { what }),
            created: false,
        })
    }
}

/// Which segment a file belongs to.
pub(crate) fn number_of(name: Name) -> Option<u64> {
    match name {
        Name::Head => None,
        Name::Raw(number) | Name::Compressed(number) | Name::Digest(number) => Some(number),
    }
}

/// What isn't as it was left, with the segment that would be gone on with.
fn wrong_with(number: u64, scan: &Scan, head: &Head) -> Option<String> {
    let name = Name::Raw(number);
    if scan.ending == End::Damaged {
        return Some(format!("{name} is damaged at byte {}", scan.offset));
    }
    let (Some(known), Some(header), Some(end)) = (&scan.known, &scan.header, scan.end) else {
        return Some(format!("{name} doesn't begin as a segment does"));
    };
    if header.segment != number || header.log_id != head.log.to_string() {
        return Some(format!("{name} is another segment, or another log's"));
    }
    if end.sequence < head.sequence {
        return Some(format!(
            "{name} ends with record {}, and record {} was written",
            end.sequence, head.sequence
        ));
    }
    let hash = if head.sequence + 1 == known.segment.first_sequence {
        scan.previous
    } else {
        scan.probed
    };
    (head.sequence + 1 >= known.segment.first_sequence && hash != Some(head.hash)).then(|| {
        format!(
            "{name} isn't what was written up to record {}",
            head.sequence
        )
    })
}

/// Cuts off what a crash left unfinished.
fn cut_tail(number: u64, scan: &Scan, disk: &dyn Disk) -> Result<Option<Repair>, Fault> {
    if scan.rest.is_empty() {
        return Ok(None);
    }
    let name = Name::Raw(number).to_string();
    disk.set_len(scan.offset as u64)
        .and_then(|()| disk.sync())
        .map_err(|error| Fault::io(&error, "cutting off the unfinished end of", &name))?;
    Ok(Some(Repair::CutTail {
        segment: number,
        bytes: scan.rest.len() as u64,
        sha256: hash_of(&scan.rest),
    }))
}

/// Makes a segment behind a record, with a note of damage in it where there is some.
pub(crate) fn make_segment(
    folder: &dyn Folder,
    id: LogId,
    number: u64,
    after: Position,
    key: &SigningKey,
    damage: Option<&str>,
) -> Result<(Writer, Known), Fault> {
    let header = Header {
        format: FORMAT,
        log_id: id.to_string(),
        segment: number,
        public_key: key.public().to_base64(),
    };
    let mut records = vec![(Kind::Segment, json(&header))];
    records.extend(damage.map(|what| {
        let what = what.to_owned();
        (Kind::Damage, json(&DamageNote { what }))
    }));
    let mut bytes = preamble(after.hash).to_vec();
    let mut written = after;
    for (kind, payload) in records {
        written.sequence += 1;
        written.hash = push(
            &mut bytes,
            written.sequence,
            after.milliseconds,
            kind,
            &payload,
        );
    }
    let name = Name::Raw(number).to_string();
    let created = folder.create(&name).and_then(|disk| {
        disk.write_at(&bytes, 0)?;
        disk.sync()?;
        folder.sync()?;
        let identity = disk.identity()?;
        Ok((disk, identity))
    });
    let (disk, identity) = created.map_err(|error| {
        let _ = folder.remove(&name);
        Fault::io(&error, "beginning", &name)
    })?;
    let mut known = Known::raw(
        number,
        after.sequence + 1,
        after.hash,
        after.milliseconds,
        Arc::clone(&disk),
    );
    known.mark(after.sequence + 1, PREAMBLE_BYTES as u64);
    known.grow(written.sequence, after.milliseconds, bytes.len() as u64);
    let writer = Writer {
        disk,
        segment: number,
        offset: bytes.len() as u64,
        written,
        inode: identity.inode,
    };
    Ok((writer, known))
}
