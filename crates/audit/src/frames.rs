//! A closed segment's file: frames of zstd, each holding whole records and readable without the others.
//!
//! Before each frame lies a header, which is itself a frame that zstd's tools skip: so `zstd -dc` prints the records.

use std::io;

use crate::folder::Disk;
use crate::hash::{HASH_BYTES, Hash};
use crate::index::{BLOCK_BYTES, Block};
use crate::record::PAYLOAD_BYTES_MAX;

/// How a frame begins that zstd's tools skip, and the length of what follows. Source: RFC 8878, 3.1.2.
const SKIPPED: [u8; 8] = [0x5A, 0x2A, 0x4D, 0x18, CONTENT_BYTES as u8, 0, 0, 0];

/// Bytes of a header's content: format 1, sequence 8, records 4, bytes 4, compressed bytes 4, hash 32.
const CONTENT_BYTES: usize = 53;

/// Bytes of a header.
pub(crate) const FRAME_HEADER_BYTES: usize = SKIPPED.len() + CONTENT_BYTES;

/// Most bytes of records in a frame: a full one, and a record that is as large as may be.
const FRAME_RECORD_BYTES_MAX: usize = BLOCK_BYTES as usize + PAYLOAD_BYTES_MAX + 1024;

/// Measured with events of GetSecretValue, 1 KiB each: at level 1 they take 2.1 us and a ninth of their size, at zstd's own
/// default of 3 more than twice the time, and no less room.
const LEVEL: i32 = 1;

/// What lies before a frame.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) first_sequence: u64,
    pub(crate) records: u32,
    /// Bytes of its records.
    pub(crate) bytes: u32,
    /// Bytes of the frame itself.
    pub(crate) compressed_bytes: u32,
    /// What its first record is chained to.
    pub(crate) previous: Hash,
}

impl FrameHeader {
    fn encode(&self) -> [u8; FRAME_HEADER_BYTES] {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        bytes[..8].copy_from_slice(&SKIPPED);
        bytes[8] = crate::segment::FORMAT;
        bytes[9..17].copy_from_slice(&self.first_sequence.to_le_bytes());
        bytes[17..21].copy_from_slice(&self.records.to_le_bytes());
        bytes[21..25].copy_from_slice(&self.bytes.to_le_bytes());
        bytes[25..29].copy_from_slice(&self.compressed_bytes.to_le_bytes());
        bytes[29..].copy_from_slice(&self.previous.0);
        bytes
    }

    /// Reads the header at the beginning of these bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; FRAME_HEADER_BYTES] = bytes.first_chunk()?;
        let number = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let header = Self {
            first_sequence: u64::from(number(9)) | u64::from(number(13)) << 32,
            records: number(17),
            bytes: number(21),
            compressed_bytes: number(25),
            previous: Hash::read(&bytes[29..]),
        };
        let sound = header.encode() == *bytes
            && header.bytes as usize <= FRAME_RECORD_BYTES_MAX
            && header.compressed_bytes as usize <= FRAME_RECORD_BYTES_MAX;
        sound.then_some(header)
    }
}

/// Makes frames.
pub(crate) struct Compressor(zstd::bulk::Compressor<'static>);

impl Compressor {
    pub(crate) fn new() -> io::Result<Self> {
        zstd::bulk::Compressor::new(LEVEL).map(Self)
    }

    /// A frame of these records, with its header before it.
    pub(crate) fn frame(
        &mut self,
        records: &[u8],
        first_sequence: u64,
        count: u32,
        previous: Hash,
    ) -> io::Result<Vec<u8>> {
        let compressed = self.0.compress(records)?;
        let too_large = |_| io::Error::other("a frame of a segment is too large");
        let header = FrameHeader {
            first_sequence,
            records: count,
            bytes: u32::try_from(records.len()).map_err(too_large)?,
            compressed_bytes: u32::try_from(compressed.len()).map_err(too_large)?,
            previous,
        };
        let mut bytes = header.encode().to_vec();
        bytes.extend_from_slice(&compressed);
        Ok(bytes)
    }
}

/// The records of a frame, behind the hash that the first is chained to. `bytes` begins with the frame's header.
pub(crate) fn decompress(bytes: &[u8]) -> Option<(FrameHeader, Vec<u8>)> {
    let header = FrameHeader::decode(bytes)?;
    let end = FRAME_HEADER_BYTES + header.compressed_bytes as usize;
    let compressed = bytes.get(FRAME_HEADER_BYTES..end)?;
    let records = zstd::bulk::decompress(compressed, header.bytes as usize).ok()?;
    if records.len() != header.bytes as usize {
        return None;
    }
    let mut behind = Vec::with_capacity(HASH_BYTES + records.len());
    behind.extend_from_slice(&header.previous.0);
    behind.extend_from_slice(&records);
    Some((header, behind))
}

/// Where each frame of a file is; nothing, where the headers don't lead to its end.
pub(crate) fn blocks(disk: &dyn Disk, len: u64) -> io::Result<Option<Vec<Block>>> {
    let mut blocks = Vec::new();
    let mut offset = 0;
    let mut bytes = [0; FRAME_HEADER_BYTES];
    while offset < len {
        let read = disk.read_at(&mut bytes, offset)?;
        let Some(header) = FrameHeader::decode(&bytes[..read]) else {
            return Ok(None);
        };
        blocks.push(Block {
            first_sequence: header.first_sequence,
            offset,
        });
        offset += FRAME_HEADER_BYTES as u64 + u64::from(header.compressed_bytes);
    }
    Ok((offset == len && !blocks.is_empty()).then_some(blocks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_made() {
        let previous = Hash([7; HASH_BYTES]);
        let records = b"records ".repeat(1000);
        let mut compressor = Compressor::new().unwrap();
        let bytes = compressor.frame(&records, 1 << 40, 9, previous).unwrap();
        assert!(bytes.len() < 300);
        let (header, behind) = decompress(&bytes).unwrap();
        assert_eq!((header.first_sequence, header.records), (1 << 40, 9));
        assert_eq!(behind[..HASH_BYTES], previous.0);
        assert_eq!(behind[HASH_BYTES..], records);
        for len in 0..bytes.len() {
            assert!(decompress(&bytes[..len]).is_none(), "{len}");
        }
    }
}
