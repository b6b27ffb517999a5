//! Reading: from a sequence on, or one record, beside a running log as well as offline.

use std::collections::VecDeque;
use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::folder::{Disk, Folder, RealFolder};
use crate::frames;
use crate::hash::HASH_BYTES;
use crate::index::{Block, Index, Known, Segment};
use crate::log::Shared;
use crate::opening::Lying;
use crate::record::{Parsed, Stored, parse};
use crate::segment::{End, Name, walk};
use crate::{Fault, FaultKind, Head, OwnedRecord, Record};

/// How many blocks are kept in memory, of about 128 KiB each.
const KEPT_BLOCKS_MAX: usize = 8;

/// Reads a log. Cloning it is cheap.
#[derive(Clone)]
pub struct Reader {
    folder: Arc<dyn Folder>,
    index: Arc<Index>,
    kept: Arc<Kept>,
}

/// The blocks that were read last.
#[derive(Default)]
struct Kept(Mutex<VecDeque<(Key, Arc<Vec<u8>>)>>);

/// Which block, of which kind of file.
#[derive(Copy, Clone, PartialEq, Eq)]
struct Key {
    segment: u64,
    closed: bool,
    offset: u64,
}

/// Where a block's bytes are.
struct Place {
    key: Key,
    /// The raw file; of a compressed one, nothing.
    disk: Option<Arc<dyn Disk>>,
    block: Block,
    end: u64,
    /// More may come to it.
    grows: bool,
}

/// What is made sure of before records are visited.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Proof {
    /// That all of them are what was written.
    Whole,
    /// The same of those in closed segments; that the others are records in order.
    OfClosed,
}

impl Reader {
    /// Reads the log in a folder which nobody appends to, and changes nothing there. What isn't sound isn't shown.
    ///
    /// # Errors
    /// A [`Fault`] where the folder can't be read.
    pub fn open(folder: &Path) -> Result<Self, Fault> {
        let folder: Arc<dyn Folder> = Arc::new(RealFolder::new(folder));
        let index = Lying::look(folder.as_ref(), false, 0)?.index();
        Ok(Self::of(folder, index))
    }

    pub(crate) fn of(folder: Arc<dyn Folder>, index: Index) -> Self {
        Self {
            folder,
            index: Arc::new(index),
            kept: Arc::default(),
        }
    }

    pub(crate) fn beside(shared: &Shared) -> Self {
        Self {
            folder: Arc::clone(&shared.folder),
            index: Arc::clone(&shared.index),
            kept: Arc::default(),
        }
    }

    /// The segments, in order.
    pub fn segments(&self) -> Vec<Segment> {
        let index = self.index.read();
        index.iter().map(|known| known.segment).collect()
    }

    /// Visits the records from this sequence on, of every kind and in order, until the visitor breaks or the durable
    /// part ends.
    ///
    /// # Errors
    /// A [`Fault`] where a record can't be read, or isn't what was written. What was visited before it was right.
    pub fn read(
        &self,
        from: u64,
        visit: &mut dyn FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> Result<(), Fault> {
        self.visit(from, Proof::Whole, &mut |stored| visit(stored.record))
    }

    /// As [`Self::read`], but takes it on trust that the segments which this process writes are as it wrote them, which is
    /// proved when they are closed: for whoever notes where something lies, and reads it again before it is shown.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn skim(
        &self,
        from: u64,
        visit: &mut dyn FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> Result<(), Fault> {
        self.visit(from, Proof::OfClosed, &mut |stored| visit(stored.record))
    }

    /// One record; nothing, where it isn't there or not durable yet.
    ///
    /// # Errors
    /// A [`Fault`] where the record can't be read, or isn't what was written.
    pub fn get(&self, sequence: u64) -> Result<Option<OwnedRecord>, Fault> {
        let mut found = None;
        self.read(sequence, &mut |record| {
            if record.sequence == sequence {
                found = Some(record.to_owned());
            }
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    /// Whether the log has the record that a head tells of. Whether the head is signed is another question.
    ///
    /// # Errors
    /// A [`Fault`] where the record can't be read.
    pub fn holds(&self, head: &Head) -> Result<bool, Fault> {
        let mut found = head.sequence == 0;
        self.visit(head.sequence, Proof::Whole, &mut |stored| {
            found |= stored.record.sequence == head.sequence && stored.hash == head.hash;
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    /// As [`Self::read`], with what is stored beside the records.
    fn visit(
        &self,
        from: u64,
        proof: Proof,
        visit: &mut dyn FnMut(&Stored<'_>) -> ControlFlow<()>,
    ) -> Result<(), Fault> {
        let mut next = from;
        let mut spare = Vec::new();
        while let Some(place) = self.place(next)? {
            let bytes = match self.load(&place, proof, std::mem::take(&mut spare)) {
                Ok(bytes) => bytes,
                // It was pruned, or closed, in the meantime.
                Err(_) if self.has_moved(&place) => continue,
                Err(fault) => return Err(fault),
            };
            let mut offset = HASH_BYTES;
            let mut visited = None;
            // That these are records, and all of them, was made sure when it was loaded.
            while let Some(Parsed::Whole(stored)) = bytes
                .get(offset..)
                .filter(|rest| !rest.is_empty())
                .map(parse)
            {
                offset += stored.len();
                if stored.record.sequence < next {
                    continue;
                }
                visited = Some(stored.record.sequence);
                if visit(&stored).is_break() {
                    return Ok(());
                }
            }
            let Some(last) = visited else {
                return Ok(());
            };
            next = last + 1;
            // What isn't kept for others gives its room to the next block.
            spare = Arc::try_unwrap(bytes).unwrap_or_default();
        }
        Ok(())
    }

    /// The block with a record, or with the first one after it.
    fn place(&self, sequence: u64) -> Result<Option<Place>, Fault> {
        loop {
            let unread = {
                let index = self.index.read();
                let at = index.partition_point(|known| {
                    let last = known.segment.last_sequence;
                    last.is_some_and(|last| last < sequence)
                });
                match index.get(at) {
                    Some(known) if known.segment.last_sequence.is_some() => {
                        if !known.blocks.is_empty() {
                            return Ok(Some(place_in(known, sequence)));
                        }
                        known.segment.number
                    }
                    _ => return Ok(None),
                }
            };
            self.find_blocks(unread)?;
        }
    }

    /// Finds out where the blocks of a closed segment are.
    fn find_blocks(&self, number: u64) -> Result<(), Fault> {
        let name = Name::Compressed(number).to_string();
        let found = self.folder.open(&name, false).and_then(|disk| {
            let len = disk.identity()?.len;
            frames::blocks(disk.as_ref(), len)
        });
        let mut index = self.index.write();
        let Some(known) = index
            .iter_mut()
            .find(|known| known.segment.number == number)
        else {
            return Ok(());
        };
        let found = found.map_err(|error| Fault::io(&error, "reading", &name))?;
        known.blocks = found.ok_or_else(|| {
            let what = format!("{name} of the audit log isn't what was written");
            Fault::new(FaultKind::Damaged, what)
        })?;
        Ok(())
    }

    /// Whether a block isn't where it was any more.
    fn has_moved(&self, place: &Place) -> bool {
        let index = self.index.read();
        !index.iter().any(|known| {
            known.segment.number == place.key.segment && known.segment.closed == place.key.closed
        })
    }

    /// A block's records, behind the hash that the first is chained to.
    fn load(&self, place: &Place, proof: Proof, spare: Vec<u8>) -> Result<Arc<Vec<u8>>, Fault> {
        if let Some(kept) = self.kept.get(place.key) {
            return Ok(kept);
        }
        let name = if place.key.closed {
            Name::Compressed(place.key.segment)
        } else {
            Name::Raw(place.key.segment)
        };
        let name = name.to_string();
        let loaded = match &place.disk {
            Some(disk) => {
                let from = place.block.offset - HASH_BYTES as u64;
                read_range(disk.as_ref(), from, place.end, spare).map(Some)
            }
            None => self
                .folder
                .open(&name, false)
                .and_then(|disk| read_range(disk.as_ref(), place.block.offset, place.end, spare))
                .map(|bytes| frames::decompress(&bytes).map(|(_, records)| records)),
        };
        let loaded = loaded.map_err(|error| Fault::io(&error, "reading", &name))?;
        let first = place.block.first_sequence;
        let is_proved = proof == Proof::Whole || place.key.closed;
        let sound = loaded.filter(|bytes| {
            bytes.len() > HASH_BYTES
                && match is_proved {
                    true => walk(bytes, HASH_BYTES, Some(first), &mut |_, _| {}).1 == End::Whole,
                    false => are_records(&bytes[HASH_BYTES..], first),
                }
        });
        let Some(bytes) = sound else {
            let what = format!(
                "{name} of the audit log isn't what was written, at record {} or soon after it",
                place.block.first_sequence
            );
            return Err(Fault::new(FaultKind::Damaged, what));
        };
        let bytes = Arc::new(bytes);
        if is_proved && !place.grows {
            self.kept.put(place.key, &bytes);
        }
        Ok(bytes)
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader({} segments)", self.index.read().len())
    }
}

impl Kept {
    fn get(&self, key: Key) -> Option<Arc<Vec<u8>>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(other, _)| *other == key)?;
        let found = kept.remove(at)?;
        let bytes = Arc::clone(&found.1);
        kept.push_back(found);
        Some(bytes)
    }

    fn put(&self, key: Key, bytes: &Arc<Vec<u8>>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT_BLOCKS_MAX {
            kept.pop_front();
        }
        kept.push_back((key, Arc::clone(bytes)));
    }
}

/// Whether these bytes are records in order, whatever they say.
fn are_records(mut bytes: &[u8], mut expected: u64) -> bool {
    while !bytes.is_empty() {
        match parse(bytes) {
            Parsed::Whole(stored) if stored.record.sequence == expected => {
                bytes = &bytes[stored.len()..];
                expected += 1;
            }
            _ => return false,
        }
    }
    true
}

fn place_in(known: &Known, sequence: u64) -> Place {
    let after = known
        .blocks
        .partition_point(|block| block.first_sequence <= sequence);
    let at = after.saturating_sub(1);
    let block = known.blocks[at];
    let next = known.blocks.get(at + 1);
    Place {
        key: Key {
            segment: known.segment.number,
            closed: known.segment.closed,
            offset: block.offset,
        },
        disk: known.disk.clone(),
        block,
        end: next.map_or(known.end, |next| next.offset),
        grows: next.is_none() && !known.segment.closed,
    }
}

/// Reads into a buffer that is no longer needed.
fn read_range(disk: &dyn Disk, from: u64, to: u64, mut bytes: Vec<u8>) -> std::io::Result<Vec<u8>> {
    let len = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
    bytes.resize(len, 0);
    let read = disk.read_at(&mut bytes, from)?;
    bytes.truncate(read);
    Ok(bytes)
}
