//! A record's bytes: how they are written, chained and read.
//!
//! A record is a header, its payload and its hash. The hash is over the 32 bytes before the record (the hash of the
//! record before it) and the record itself, which lie together in every file: so a file proves itself as it lies.

use xxhash_rust::xxh3::xxh3_64;

use crate::hash::{HASH_BYTES, Hash, hash_of};

/// Bytes of a header: sequence 8, milliseconds 8, length of the payload 4, kind 1, check 4.
pub(crate) const HEADER_BYTES: usize = 25;

/// What the check of a header is over.
const CHECKED_BYTES: usize = 21;

/// Most bytes of a payload: 16 MiB.
pub const PAYLOAD_BYTES_MAX: usize = 16 << 20;

/// What a record is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// An event, as the caller gave it.
    Event = 1,
    /// The first record of each segment.
    Segment = 2,
    /// After a crash, what was cut off.
    Repair = 3,
    /// From here on, another key signs.
    NewKey = 4,
    /// Old segments were removed, as their retention is over.
    Pruned = 5,
    /// Something that whoever verifies should know: what was found damaged, and when.
    Damage = 6,
    /// The log was closed in order. Nothing follows but a new start.
    Closed = 7,
    /// A remark of the caller's, which isn't an event.
    Note = 8,
    /// The log was opened again. A head covers it before anything is appended: so nothing else follows [`Self::Closed`].
    Opened = 9,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        [
            Self::Event,
            Self::Segment,
            Self::Repair,
            Self::NewKey,
            Self::Pruned,
            Self::Damage,
            Self::Closed,
            Self::Note,
            Self::Opened,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
    }
}

/// A record, lent to whoever reads.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its number, from 1; never used again.
    pub sequence: u64,
    /// When it was appended, in milliseconds since 1970, by the log's clock.
    pub milliseconds: i64,
    /// What it is.
    pub kind: Kind,
    /// What it says: of an event what the caller gave, of others JSON.
    pub payload: &'a [u8],
}

impl Record<'_> {
    /// A copy to keep.
    pub fn to_owned(self) -> OwnedRecord {
        OwnedRecord {
            sequence: self.sequence,
            milliseconds: self.milliseconds,
            kind: self.kind,
            payload: self.payload.to_vec(),
        }
    }
}

/// A [`Record`] to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedRecord {
    /// Its number, from 1; never used again.
    pub sequence: u64,
    /// When it was appended, in milliseconds since 1970, by the log's clock.
    pub milliseconds: i64,
    /// What it is.
    pub kind: Kind,
    /// What it says: of an event what the caller gave, of others JSON.
    pub payload: Vec<u8>,
}

/// Adds a record behind a buffer that ends with the hash of the record before it. Returns the record's hash.
pub(crate) fn push(
    buffer: &mut Vec<u8>,
    sequence: u64,
    milliseconds: i64,
    kind: Kind,
    payload: &[u8],
) -> Hash {
    let start = buffer.len();
    buffer.reserve(HEADER_BYTES + payload.len() + HASH_BYTES);
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(&sequence.to_le_bytes());
    header[8..16].copy_from_slice(&milliseconds.to_le_bytes());
    // At most PAYLOAD_BYTES_MAX, as `Log::append` sees to.
    header[16..20].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    header[20] = kind as u8;
    let check = check_of(&header[..CHECKED_BYTES]);
    header[CHECKED_BYTES..].copy_from_slice(&check);
    buffer.extend_from_slice(&header);
    buffer.extend_from_slice(payload);
    let hash = hash_of(&buffer[start - HASH_BYTES..]);
    buffer.extend_from_slice(&hash.0);
    hash
}

/// A record as it lies in a file, its header sound.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Stored<'a> {
    pub(crate) record: Record<'a>,
    /// Header and payload.
    hashed: &'a [u8],
    /// The hash that is stored with it.
    pub(crate) hash: Hash,
}

impl Stored<'_> {
    /// Its bytes in the file, with its hash.
    pub(crate) fn len(&self) -> usize {
        self.hashed.len() + HASH_BYTES
    }

    /// What its hash must be behind a record with this one.
    pub(crate) fn hash_after(&self, previous: Hash) -> Hash {
        crate::hash::sha256(&[&previous.0, self.hashed])
    }

    /// Whether it is what was written, behind a record with this hash.
    pub(crate) fn follows(&self, previous: Hash) -> bool {
        self.hash_after(previous) == self.hash
    }
}

/// What the bytes at a place are.
#[derive(Copy, Clone, Debug)]
pub(crate) enum Parsed<'a> {
    /// A record with a sound header. Whether its content is what was written, its hash says.
    Whole(Stored<'a>),
    /// The beginning of a record, whose rest isn't there.
    Partial {
        /// Its number, where the header is there.
        sequence: Option<u64>,
    },
    /// Not a record.
    Nonsense,
}

/// Looks at the beginning of these bytes, which may not be empty.
pub(crate) fn parse(bytes: &[u8]) -> Parsed<'_> {
    let Some(header) = bytes.get(..HEADER_BYTES) else {
        return Parsed::Partial { sequence: None };
    };
    if header[CHECKED_BYTES..] != check_of(&header[..CHECKED_BYTES]) {
        return Parsed::Nonsense;
    }
    let payload_bytes = u32::from_le_bytes(array(&header[16..20])) as usize;
    let sequence = u64::from_le_bytes(array(&header[..8]));
    let Some(kind) = Kind::of(header[20]).filter(|_| payload_bytes <= PAYLOAD_BYTES_MAX) else {
        return Parsed::Nonsense;
    };
    let hashed = HEADER_BYTES + payload_bytes;
    let len = hashed + HASH_BYTES;
    if bytes.len() < len {
        return Parsed::Partial {
            sequence: Some(sequence),
        };
    }
    Parsed::Whole(Stored {
        record: Record {
            sequence,
            milliseconds: i64::from_le_bytes(array(&header[8..16])),
            kind,
            payload: &bytes[HEADER_BYTES..hashed],
        },
        hashed: &bytes[..hashed],
        hash: Hash::read(&bytes[hashed..len]),
    })
}

/// The check of a header: against accidents, so that a changed length isn't taken for a record that was cut off.
fn check_of(header: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = xxh3_64(header).to_le_bytes();
    [a, b, c, d]
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written_and_no_changed_bit_is_taken_for_it() {
        let mut buffer = vec![7; HASH_BYTES];
        let hash = push(&mut buffer, 9, -4, Kind::Event, b"what happened");
        let previous = Hash::read(&buffer);
        let bytes = buffer[HASH_BYTES..].to_vec();
        let Parsed::Whole(stored) = parse(&bytes) else {
            panic!("not a record");
        };
        assert!(stored.follows(previous));
        assert_eq!((stored.hash, stored.len()), (hash, bytes.len()));
        assert_eq!(
            stored.record,
            Record {
                sequence: 9,
                milliseconds: -4,
                kind: Kind::Event,
                payload: b"what happened"
            }
        );
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            if let Parsed::Whole(stored) = parse(&changed) {
                assert!(!stored.follows(previous), "bit {bit}");
            } else {
                assert!(bit / 8 < HEADER_BYTES, "bit {bit}");
            }
        }
        for len in 1..bytes.len() {
            assert!(matches!(parse(&bytes[..len]), Parsed::Partial { .. }));
        }
    }
}
