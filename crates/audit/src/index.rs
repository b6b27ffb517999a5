//! Where each record lies: the segments, and in each the places from which it can be read. It may not know why.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::digest::Digest;
use crate::folder::Disk;
use crate::hash::Hash;

/// About how many bytes of records lie between two places: what reading one record costs.
pub(crate) const BLOCK_BYTES: u64 = 128 << 10;

/// The same in a raw segment, which is followed closely.
const RAW_BLOCK_BYTES: u64 = 16 << 10;

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
    /// What its first record is chained to.
    pub(crate) previous: Hash,
    /// A raw segment's file. Those of closed ones are opened when they are read.
    pub(crate) disk: Option<Arc<dyn Disk>>,
    /// In the order of sequences. The first one is the segment's first record. Of a closed segment, none until it is
    /// read.
    pub(crate) blocks: Vec<Block>,
    /// Where the durable part of a raw segment ends, or a compressed one.
    pub(crate) end: u64,
    /// It was found to be something else than was written, so it is never closed.
    pub(crate) damaged: bool,
    /// It was told already that somebody removed or changed it.
    pub(crate) missed: bool,
}

/// Some records that lie together.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Block {
    pub(crate) first_sequence: u64,
    /// In a raw segment, where its first record begins; in a compressed one, where its frame does.
    pub(crate) offset: u64,
}

impl Known {
    /// A raw segment that begins at this time with a record of this number, none of which is durable yet.
    pub(crate) fn raw(
        number: u64,
        first_sequence: u64,
        previous: Hash,
        milliseconds: i64,
        disk: Arc<dyn Disk>,
    ) -> Self {
        Self {
            segment: Segment {
                number,
                first_sequence,
                last_sequence: None,
                closed: false,
                first_milliseconds: milliseconds,
                last_milliseconds: milliseconds,
            },
            previous,
            disk: Some(disk),
            blocks: Vec::new(),
            end: 0,
            damaged: false,
            missed: false,
        }
    }

    /// A closed segment, by its digest.
    pub(crate) fn closed(digest: &Digest) -> Self {
        Self {
            segment: Segment {
                number: digest.segment,
                first_sequence: digest.first_sequence,
                last_sequence: Some(digest.last_sequence),
                closed: true,
                first_milliseconds: digest.first_milliseconds,
                last_milliseconds: digest.last_milliseconds,
            },
            previous: digest.previous_hash,
            disk: None,
            blocks: Vec::new(),
            end: digest.file_bytes,
            damaged: false,
            missed: false,
        }
    }

    /// Notes that the raw segment is durable up to this record, which ends at `end`.
    pub(crate) fn grow(&mut self, sequence: u64, milliseconds: i64, end: u64) {
        self.segment.last_sequence = Some(sequence);
        self.segment.last_milliseconds = milliseconds;
        self.end = end;
    }

    /// Notes that a record of the raw segment begins here, if it is far enough from the last place that is known.
    pub(crate) fn mark(&mut self, first_sequence: u64, offset: u64) {
        let far = self
            .blocks
            .last()
            .is_none_or(|last| offset >= last.offset + RAW_BLOCK_BYTES);
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
