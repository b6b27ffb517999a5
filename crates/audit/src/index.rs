//! Where each record lies: the segments, and in each the places from which it can be read. It may not know why.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::folder::Disk;

/// About how many bytes of records lie between two places: what reading one record costs.
pub(crate) const BLOCK_BYTES: u64 = 128 << 10;

/// A segment.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its number, from 1.
    pub number: u64,
    /// Its first record.
    pub first_sequence: u64,
    /// Its last one, of what is durable; nothing where it has none.
    pub last_sequence: Option<u64>,
    /// Whether it is closed: compressed, and signed by a digest.
    pub closed: bool,
    /// When its first record was appended, in milliseconds since 1970.
    pub first_milliseconds: i64,
    /// When its last record was appended.
    pub last_milliseconds: i64,
}

/// What the log knows of a segment.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) segment: Segment,
    pub(crate) disk: Arc<dyn Disk>,
    /// In the order of sequences. The first one is the segment's first record.
    pub(crate) blocks: Vec<Block>,
    /// Where the durable part of a raw segment ends.
    pub(crate) end: u64,
}

/// Some records that lie together.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Block {
    pub(crate) first_sequence: u64,
    /// In a raw segment, where its first record begins; in a compressed one, where its frame does.
    pub(crate) offset: u64,
}

impl Known {
    /// Notes that the raw segment is durable up to this record, which ends at `end`.
    pub(crate) fn grow(&mut self, sequence: u64, milliseconds: i64, end: u64) {
        self.segment.last_sequence = Some(sequence);
        self.segment.last_milliseconds = milliseconds;
        self.end = end;
    }

    /// Notes that a record begins here, if it is far enough from the last place that is known.
    pub(crate) fn mark(&mut self, first_sequence: u64, offset: u64) {
        let far = self
            .blocks
            .last()
            .is_none_or(|last| offset >= last.offset + BLOCK_BYTES);
        if far {
            self.blocks.push(Block {
                first_sequence,
                offset,
            });
        }
    }
}

/// All segments, in the order of their numbers.
#[derive(Debug, Default)]
pub(crate) struct Index(RwLock<Vec<Known>>);

impl Index {
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Vec<Known>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Vec<Known>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
