//! Closing: a segment that nobody writes to any more is compressed and signed, in the background.
//!
//! The raw file goes last, so a crash at any point leaves it, and closing begins anew: until the raw file is gone, it alone
//! counts.

use std::io;
use std::time::Duration;

use crate::digest::Digest;
use crate::folder::{Disk, read_all};
use crate::frames::{self, Compressor};
use crate::hash::{HASH_BYTES, Hash, Hasher, hash_of};
use crate::index::{BLOCK_BYTES, Block, Known};
use crate::keys::SIGNATURE_BYTES;
use crate::log::Shared;
use crate::opening::names;
use crate::segment::{End, Name, PREAMBLE_BYTES, walk};
use crate::{Fault, FaultKind, KeyId};

/// How much is read at once.
const READ_BYTES: usize = 1 << 20;

/// How long to wait before a closing that failed is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Closes segments as they become ready.
pub(crate) fn run(shared: &Shared) {
    let mut failed = false;
    loop {
        let at_most = failed.then_some(RETRY_AFTER);
        if !shared.closer.wait(at_most) {
            return;
        }
        failed = close_all(shared).is_err();
    }
}

/// Closes each segment that is ready.
fn close_all(shared: &Shared) -> Result<(), Fault> {
    loop {
        let ready = {
            let index = shared.index.read();
            // The last one is still written to.
            let pair = index
                .windows(2)
                .find(|pair| !pair[0].segment.closed && !pair[0].damaged);
            pair.map(|pair| (pair[0].clone(), pair[1].previous))
        };
        let Some((known, next_previous)) = ready else {
            return Ok(());
        };
        if shared.closer.is_ended() {
            return Ok(());
        }
        close(shared, &known, next_previous)?;
    }
}

/// What compressing made.
struct Compressed {
    blocks: Vec<Block>,
    records: u64,
    last_hash: Hash,
    len: u64,
    sha256: Hash,
}

fn close(shared: &Shared, known: &Known, next_previous: Hash) -> Result<(), Fault> {
    let number = known.segment.number;
    let (raw, name) = (Name::Raw(number), Name::Compressed(number));
    let digest_name = Name::Digest(number).to_string();
    let refused = |error: &io::Error| Fault::io(error, "closing", &raw.to_string());
    if let Some((blocks, len)) =
        closed_before(shared, known, next_previous).map_err(|error| refused(&error))?
    {
        shared.index_closed(number, &blocks, len);
        let removed = shared
            .folder
            .remove(&raw.to_string())
            .and_then(|()| shared.folder.sync());
        return removed.map_err(|error| refused(&error));
    }
    // What a crash left of an earlier attempt.
    shared
        .folder
        .remove(&digest_name)
        .and_then(|()| shared.folder.remove(&name.to_string()))
        .map_err(|error| refused(&error))?;
    let raw_disk = known.disk.as_ref().ok_or_else(|| {
        let what = format!("{raw} of the audit log isn't open");
        Fault::new(FaultKind::Io, what)
    })?;
    let disk = shared
        .folder
        .create(&name.to_string())
        .map_err(|error| refused(&error))?;
    let compressed = compress(raw_disk.as_ref(), known, disk.as_ref());
    let compressed = compressed.inspect_err(|_| {
        let _ = shared.folder.remove(&name.to_string());
    });
    let compressed = match compressed.map_err(|error| refused(&error))? {
        Some(compressed) if compressed.last_hash == next_previous => compressed,
        _ => {
            let _ = shared.folder.remove(&name.to_string());
            mark_damaged(shared, number);
            let what = format!("{raw} of the audit log isn't what was written into it");
            shared.fail(Fault::new(FaultKind::Tampered, what));
            return Ok(());
        }
    };
    let digest = Digest {
        log: shared.id,
        segment: number,
        first_sequence: known.segment.first_sequence,
        last_sequence: known.segment.last_sequence.unwrap_or_default(),
        previous_hash: known.previous,
        last_hash: compressed.last_hash,
        records: compressed.records,
        first_milliseconds: known.segment.first_milliseconds,
        last_milliseconds: known.segment.last_milliseconds,
        file: name.to_string(),
        file_bytes: compressed.len,
        file_sha256: compressed.sha256,
        previous_digest: previous_digest(shared, number)?,
        key_id: KeyId([0; 8]),
        signature: [0; SIGNATURE_BYTES],
    }
    .signed(&shared.key());
    let written = disk
        .sync()
        .and_then(|()| shared.folder.create(&digest_name))
        .and_then(|file| {
            file.write_at(&digest.encode(), 0)?;
            file.sync()?;
            shared.folder.sync()?;
            // From here on, the digest counts. Who reads has the raw file open.
            shared.index_closed(number, &compressed.blocks, compressed.len);
            shared.folder.remove(&raw.to_string())?;
            shared.folder.sync()
        });
    written.map_err(|error| refused(&error))
}

/// What is there where a crash interrupted closing right before its end. It isn't made anew, as the digests that it follows
/// may have been pruned since.
fn closed_before(
    shared: &Shared,
    known: &Known,
    next_previous: Hash,
) -> io::Result<Option<(Vec<Block>, u64)>> {
    let number = known.segment.number;
    let (name, digest) = (Name::Compressed(number), Name::Digest(number));
    for name in [name, digest] {
        if shared.folder.identity(&name.to_string())?.is_none() {
            return Ok(None);
        }
    }
    let digest = read_all(shared.folder.open(&digest.to_string(), false)?.as_ref())?;
    let disk = shared.folder.open(&name.to_string(), false)?;
    let bytes = read_all(disk.as_ref())?;
    let sound = Digest::decode(&digest).is_some_and(|digest| {
        digest.segment == number
            && digest.log == shared.id
            && digest.file_sha256 == hash_of(&bytes)
            && digest.last_hash == next_previous
    });
    if !sound {
        return Ok(None);
    }
    let len = bytes.len() as u64;
    Ok(frames::blocks(disk.as_ref(), len)?.map(|blocks| (blocks, len)))
}

impl Shared {
    /// Shows a segment as closed.
    fn index_closed(&self, number: u64, blocks: &[Block], len: u64) {
        let mut index = self.index.write();
        if let Some(known) = index
            .iter_mut()
            .find(|known| known.segment.number == number)
        {
            known.segment.closed = true;
            known.blocks = blocks.to_vec();
            known.end = len;
            known.disk = None;
        }
    }
}

fn mark_damaged(shared: &Shared, number: u64) {
    let mut index = shared.index.write();
    if let Some(known) = index
        .iter_mut()
        .find(|known| known.segment.number == number)
    {
        known.damaged = true;
    }
}

/// The hash of the newest digest of the segments before this one.
fn previous_digest(shared: &Shared, number: u64) -> Result<Hash, Fault> {
    let names = names(shared.folder.as_ref())?;
    let before = names.iter().filter_map(|name| match name {
        Name::Digest(other) if *other < number => Some(*other),
        _ => None,
    });
    let Some(before) = before.max() else {
        return Ok(Hash::ZERO);
    };
    let name = Name::Digest(before).to_string();
    let bytes = shared
        .folder
        .open(&name, false)
        .and_then(|disk| read_all(disk.as_ref()));
    let bytes = bytes.map_err(|error| Fault::io(&error, "reading", &name))?;
    Ok(hash_of(&bytes))
}

/// Compresses a raw segment, as far as it goes; nothing, where a record in it isn't what was written.
fn compress(raw: &dyn Disk, known: &Known, out: &dyn Disk) -> io::Result<Option<Compressed>> {
    let mut compressor = Compressor::new()?;
    let mut hasher = Hasher::new();
    let mut blocks = Vec::new();
    let (mut out_len, mut records) = (0, 0);
    // Read, and not yet in a frame: behind the hash that the first record is chained to.
    let mut pending = known.previous.0.to_vec();
    let mut expected = known.segment.first_sequence;
    let mut offset = PREAMBLE_BYTES as u64;
    let mut chunk = vec![0; READ_BYTES];
    loop {
        let want = (known.end - offset).min(READ_BYTES as u64) as usize;
        let read = raw.read_at(&mut chunk[..want], offset)?;
        offset += read as u64;
        pending.extend_from_slice(&chunk[..read]);
        let at_end = offset == known.end || read == 0;
        // Cuts what is there into frames of whole records; the last one waits for more.
        let mut cuts = Vec::new();
        let mut frame = (HASH_BYTES, expected, 0_u32);
        let (end, ending) = walk(&pending, HASH_BYTES, Some(expected), &mut |at, stored| {
            frame.2 += 1;
            let next = at + stored.len();
            if next - frame.0 >= BLOCK_BYTES as usize {
                cuts.push((frame.0..next, frame.1, frame.2));
                frame = (next, stored.record.sequence + 1, 0);
            }
        });
        if ending == End::Damaged || at_end && (ending != End::Whole || offset < known.end) {
            return Ok(None);
        }
        if at_end && frame.2 > 0 {
            cuts.push((frame.0..end, frame.1, frame.2));
            frame = (end, frame.1 + u64::from(frame.2), 0);
        }
        for (range, first_sequence, count) in cuts {
            let previous = Hash::read(&pending[range.start - HASH_BYTES..]);
            let bytes = compressor.frame(&pending[range], first_sequence, count, previous)?;
            hasher.update(&bytes);
            out.write_at(&bytes, out_len)?;
            blocks.push(Block {
                first_sequence,
                offset: out_len,
            });
            out_len += bytes.len() as u64;
            records += u64::from(count);
        }
        // The hash before the frame that goes on stays in front of it.
        pending.drain(..frame.0 - HASH_BYTES);
        expected = frame.1;
        if at_end {
            return Ok(Some(Compressed {
                blocks,
                records,
                last_hash: Hash::read(&pending),
                len: out_len,
                sha256: hasher.finish(),
            }));
        }
    }
}
