//! Reading: from a sequence on, or one record, beside a running log as well as offline.

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use crate::folder::{Disk, Folder, RealFolder};
use crate::hash::HASH_BYTES;
use crate::index::{Block, Index, Known, Segment};
use crate::log::Shared;
use crate::opening::{names, raws, scan};
use crate::record::Stored;
use crate::segment::{End, Name, walk};
use crate::{Fault, FaultKind, Head, OwnedRecord, Record};

/// Reads a log. Cloning it is cheap.
#[derive(Clone)]
pub struct Reader {
    index: Arc<Index>,
}

/// Where a block's bytes are.
struct Place {
    number: u64,
    disk: Arc<dyn Disk>,
    block: Block,
    end: u64,
}

impl Reader {
    /// Reads the log in a folder which nobody appends to, and changes nothing there. What isn't sound isn't shown.
    ///
    /// # Errors
    /// A [`Fault`] where the folder can't be read.
    pub fn open(folder: &Path) -> Result<Self, Fault> {
        let folder = RealFolder::new(folder);
        let index = Index::default();
        for number in raws(&names(&folder as &dyn Folder)?) {
            index.write().extend(scan(&folder, number, false, 0)?.known);
        }
        Ok(Self {
            index: Arc::new(index),
        })
    }

    pub(crate) fn beside(shared: &Shared) -> Self {
        Self {
            index: Arc::clone(&shared.index),
        }
    }

    /// The segments, in order.
    pub fn segments(&self) -> Vec<Segment> {
        self.index
            .read()
            .iter()
            .map(|known| known.segment)
            .collect()
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
        let mut next = from;
        while let Some(place) = self.place(next) {
            let bytes = load(&place)?;
            let mut visited = None;
            let mut broke = false;
            check(&place, &bytes, &mut |stored| {
                let record = stored.record;
                if record.sequence >= next && !broke {
                    visited = Some(record.sequence);
                    broke = visit(record).is_break();
                }
            })?;
            match visited {
                Some(last) if !broke => next = last + 1,
                _ => return Ok(()),
            }
        }
        Ok(())
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
        if head.sequence == 0 {
            return Ok(true);
        }
        let Some(place) = self.place(head.sequence) else {
            return Ok(false);
        };
        let bytes = load(&place)?;
        let mut found = false;
        check(&place, &bytes, &mut |stored| {
            found |= stored.record.sequence == head.sequence && stored.hash == head.hash;
        })?;
        Ok(found)
    }

    /// The block with a record, or with the first one after it.
    fn place(&self, sequence: u64) -> Option<Place> {
        let index = self.index.read();
        let at = index.partition_point(|known| {
            known
                .segment
                .last_sequence
                .is_some_and(|last| last < sequence)
        });
        let known = index.get(at)?;
        known.segment.last_sequence?;
        Some(place_in(known, sequence))
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader({} segments)", self.index.read().len())
    }
}

fn place_in(known: &Known, sequence: u64) -> Place {
    let after = known
        .blocks
        .partition_point(|block| block.first_sequence <= sequence);
    let at = after.saturating_sub(1);
    Place {
        number: known.segment.number,
        disk: Arc::clone(&known.disk),
        block: known.blocks[at],
        end: known
            .blocks
            .get(at + 1)
            .map_or(known.end, |next| next.offset),
    }
}

/// A block's records, behind the hash that the first is chained to.
fn load(place: &Place) -> Result<Vec<u8>, Fault> {
    let from = place.block.offset - HASH_BYTES as u64;
    let len = usize::try_from(place.end - from).unwrap_or(usize::MAX);
    let mut bytes = vec![0; len];
    let read = place
        .disk
        .read_at(&mut bytes, from)
        .map_err(|error| Fault::io(&error, "reading", &Name::Raw(place.number).to_string()))?;
    bytes.truncate(read);
    Ok(bytes)
}

fn check(place: &Place, bytes: &[u8], visit: &mut dyn FnMut(&Stored<'_>)) -> Result<(), Fault> {
    let first = Some(place.block.first_sequence);
    let sound = bytes.len() > HASH_BYTES && {
        let (_, end) = walk(bytes, HASH_BYTES, first, &mut |_, stored| {
            visit(stored);
        });
        end == End::Whole
    };
    if sound {
        return Ok(());
    }
    let what = format!(
        "segment {} of the audit log isn't what was written, behind record {}",
        place.number, place.block.first_sequence
    );
    Err(Fault::new(FaultKind::Damaged, what))
}
