//! The bytes of a stored record, and of the one record about them all. `docs/formats.md` has the layout.
//!
//! Checksums are against damage, not against an attacker: values that need more are sealed by whoever writes them.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::Revision;

const HEAD: usize = 16;

/// Writes a record into `out`, whatever was there: the revision, the checksum, the value.
pub(super) fn encode(out: &mut Vec<u8>, key: &[u8], value: &[u8], modified: Revision) {
    out.clear();
    out.extend_from_slice(&modified.0.to_le_bytes());
    out.extend_from_slice(&checksum(key, value, modified).to_le_bytes());
    out.extend_from_slice(value);
}

/// Reads a record; `None` if it isn't what was written under this key.
pub(super) fn decode<'a>(key: &[u8], record: &'a [u8]) -> Option<(&'a [u8], Revision)> {
    let (head, value) = record.split_at_checked(HEAD)?;
    let modified = Revision(number(head, 0)?);
    (number(head, 8)? == checksum(key, value, modified)).then_some((value, modified))
}

fn checksum(key: &[u8], value: &[u8], modified: Revision) -> u64 {
    xxh3_64_with_seed(value, xxh3_64_with_seed(key, modified.0))
}

/// The record about all records, written in the same transaction.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    /// The newest commit's.
    pub(super) revision: Revision,
    /// How many records there are.
    pub(super) records: u64,
}

impl Summary {
    pub(super) fn encode(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.revision.0.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.records.to_le_bytes());
        let checksum = xxh3_64(&bytes[..16]);
        bytes[16..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// `None` if it isn't what was written.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let summary = Self {
            revision: Revision(number(bytes, 0)?),
            records: number(bytes, 8)?,
        };
        (bytes == summary.encode()).then_some(summary)
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back_under_its_own_key_alone() {
        let mut record = Vec::new();
        encode(&mut record, b"key", b"value", Revision(7));
        assert_eq!(decode(b"key", &record), Some((&b"value"[..], Revision(7))));
        assert_eq!(decode(b"kez", &record), None);
    }

    #[test]
    fn every_flipped_bit_of_a_record_is_noticed() {
        let mut record = Vec::new();
        encode(&mut record, b"key", &[b'x'; 300], Revision(7));
        for bit in 0..record.len() * 8 {
            record[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(b"key", &record), None, "bit {bit}");
            record[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(decode(b"key", &record[..15]), None);
        assert_eq!(decode(b"key", &record[..record.len() - 1]), None);
    }

    #[test]
    fn every_flipped_bit_of_the_summary_is_noticed() {
        let summary = Summary {
            revision: Revision(9),
            records: 3,
        };
        let mut bytes = summary.encode();
        assert_eq!(Summary::decode(&bytes), Some(summary));
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Summary::decode(&bytes), None, "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
