//! The audit log: an append-only, hash-chained, signed log of opaque records in segments.
//!
//! [`Log`] appends; an appended record is answered once it is durable. [`Reader`] reads, beside a running log as well as
//! offline. It knows records, segments and keys; it may not know what an event says, nor any store.
//!
//! Each record carries a hash over the one before it and itself, so that nothing can be changed, removed or moved
//! without a trace; a signed [`Head`] says how far the log goes, so that its end can't be cut off either.
//! `docs/formats.md` describes every byte.

use std::path::PathBuf;
use std::sync::Arc;

mod closing;
mod digest;
mod fault;
mod folder;
mod frames;
mod hash;
mod head;
mod headfile;
mod index;
mod keeper;
mod keys;
mod log;
mod opening;
mod queue;
mod reader;
mod record;
mod resting;
mod retention;
mod segment;
mod verifying;
mod watching;
mod writer;

pub use fault::{Fault, FaultKind};
pub use folder::{Disk, Folder, Identity, RealFolder, Room};
pub use hash::Hash;
pub use head::Head;
pub use index::Segment;
pub use keys::{KeyId, PublicKey, SIGNATURE_BYTES, SigningKey};
pub use log::Log;
pub use queue::Appending;
pub use reader::Reader;
pub use record::{Kind, OwnedRecord, PAYLOAD_BYTES_MAX, Record};
pub use resting::Resting;
pub use segment::NewKeyNote;
pub use verifying::{Change, Finding, Report, verify, verify_on};

/// When an appended record counts as durable.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Once the disk has it: it survives a power cut.
    Fsync,
    /// Once the operating system has it: it survives a kill of the process, not a power cut.
    Write,
}

/// Where a log lies, and how it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The folder; made where missing, for this user alone. Nothing but the log may lie in it.
    pub folder: PathBuf,
    /// When an appended record counts as durable.
    pub durability: Durability,
    /// A segment is closed once it has this many bytes.
    pub segment_bytes: u64,
    /// Appending is refused while the disk has less room than this.
    pub reserve_bytes: u64,
}

impl Options {
    /// The defaults, in this folder: fsync, segments of 64 MiB, 8 MiB of room.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            durability: Durability::Fsync,
            segment_bytes: 64 << 20,
            reserve_bytes: 8 << 20,
        }
    }
}

/// Names a log: random, given when it was made.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(pub [u8; 16]);

/// What time it is, in milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// An opened log.
#[derive(Debug)]
pub struct Opened {
    /// The log, ready to be appended to.
    pub log: Log,
    /// What wasn't as it was left, and what was done about it.
    pub repaired: Option<Repair>,
    /// Whether it was made just now.
    pub created: bool,
}

/// What wasn't as it was left when a log was opened. It is noted in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repair {
    /// The log ended with an unfinished record, as a crash leaves it. It was cut off.
    CutTail {
        /// The segment.
        segment: u64,
        /// How many bytes were cut off.
        bytes: u64,
        /// Their hash.
        sha256: Hash,
    },
    /// Something is damaged or missing. It was left as it is, and a new segment begun.
    Damage {
        /// What, as one sentence without its full stop.
        what: String,
    },
}
