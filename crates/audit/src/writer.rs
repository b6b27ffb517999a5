//! The file that is written: batches go into it, new segments begin, and it comes back after a failure.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::folder::{Disk, Identity};
use crate::hash::HASH_BYTES;
use crate::index::Known;
use crate::log::Shared;
use crate::queue::{Position, Split, Taken};
use crate::segment::{Name, PREAMBLE_BYTES, preamble};
use crate::{Durability, Fault, FaultKind, Hash};

/// From so many on that wait for the same sync, it is worth while to gather more for the next.
const WAITING_MANY: usize = 8;
/// How often it is looked whether more have come.
const GATHER_STEP: Duration = Duration::from_micros(200);
/// The longest that is gathered.
const GATHERED_WITHIN: Duration = Duration::from_millis(2);

/// The raw segment that is written.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) disk: Arc<dyn Disk>,
    /// Its number.
    pub(crate) segment: u64,
    /// Where its durable part ends.
    pub(crate) offset: u64,
    /// The newest record in it that is durable.
    pub(crate) written: Position,
    /// Which file it is.
    pub(crate) inode: (u64, u64),
}

impl Shared {
    pub(crate) fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has what is queued written, for those who wait for it: at once, or by the thread that syncs, which isn't to begin
    /// with the first record of a batch that is still coming in.
    pub(crate) fn lead(self: &Arc<Self>) {
        if self.durability() == Durability::Fsync {
            self.queue().hand_over();
            self.flusher.ring();
            return;
        }
        // A fault is told to whoever waits.
        let _ = self.flush();
        let next = self.queue().stop_leading();
        if let Some(next) = next {
            next.wake();
        }
    }

    /// Writes all that is queued, and tells those who wait for it. How many did.
    pub(crate) fn flush(&self) -> Result<usize, Fault> {
        let mut writer = self.writer();
        let taken = {
            let mut queue = self.queue();
            if queue.is_empty() {
                return Ok(0);
            }
            queue.take(writer.written)
        };
        let relay = self.durability() == Durability::Fsync;
        match self.write(&mut writer, &taken) {
            Ok(()) => {
                self.show_durable(taken.end);
                let waited = taken.batch.finish(Ok(()), relay);
                self.queue().give_back(taken.buffer);
                Ok(waited)
            }
            Err(fault) => {
                self.fall_back(&writer, fault.clone());
                taken.batch.finish(Err(fault.clone()), relay);
                Err(fault)
            }
        }
    }

    fn write(&self, writer: &mut Writer, taken: &Taken) -> Result<(), Fault> {
        let mut from = HASH_BYTES;
        let mut first_sequence = taken.first_sequence;
        for (index, split) in taken.splits.iter().enumerate() {
            let to = taken.splits.get(index + 1).map(|next| next.at);
            let to = to.unwrap_or(taken.buffer.len());
            if from < split.at {
                let before = last_before(taken, split);
                self.write_records(
                    writer,
                    &taken.buffer[from..split.at],
                    first_sequence,
                    before,
                )?;
            }
            self.begin(writer, split, &taken.buffer[split.at - HASH_BYTES..to])?;
            let end = taken.splits.get(index + 1);
            let end = end.map_or(taken.end, |next| last_before(taken, next));
            self.note(writer, split.first_sequence, end, (to - split.at) as u64);
            from = to;
            first_sequence = end.sequence + 1;
        }
        if from < taken.buffer.len() {
            self.write_records(writer, &taken.buffer[from..], first_sequence, taken.end)?;
        }
        Ok(())
    }

    /// Writes records behind those of the segment.
    pub(crate) fn write_records(
        &self,
        writer: &mut Writer,
        records: &[u8],
        first_sequence: u64,
        end: Position,
    ) -> Result<(), Fault> {
        let name = Name::Raw(writer.segment).to_string();
        writer
            .disk
            .write_at(records, writer.offset)
            .map_err(|error| Fault::io(&error, "writing", &name))?;
        if self.durability() == Durability::Fsync {
            writer
                .disk
                .sync()
                .map_err(|error| Fault::io(&error, "syncing", &name))?;
        }
        self.note(writer, first_sequence, end, records.len() as u64);
        Ok(())
    }

    /// Notes that so many bytes of records are durable.
    fn note(&self, writer: &mut Writer, first_sequence: u64, end: Position, bytes: u64) {
        let start = writer.offset;
        writer.offset += bytes;
        writer.written = end;
        let mut index = self.index.write();
        if let Some(known) = index.last_mut() {
            known.mark(first_sequence, start);
            known.grow(end.sequence, end.milliseconds, writer.offset);
        }
    }

    /// Makes the file of a new segment. `records` begins with the hash that its first record is chained to.
    fn begin(&self, writer: &mut Writer, split: &Split, records: &[u8]) -> Result<(), Fault> {
        let name = Name::Raw(split.number).to_string();
        let mut bytes = preamble(Hash::read(records)).to_vec();
        bytes.extend_from_slice(&records[HASH_BYTES..]);
        let created = self.folder.create(&name).and_then(|disk| {
            disk.write_at(&bytes, 0)?;
            if self.durability() == Durability::Fsync {
                disk.sync()?;
                self.folder.sync()?;
            }
            let identity = disk.identity()?;
            Ok((disk, identity))
        });
        let (disk, identity): (Arc<dyn Disk>, Identity) = match created {
            Ok(created) => created,
            Err(error) => {
                // It isn't begun before all of that is there. What can't be removed now is at the next attempt.
                let _ = self.folder.remove(&name);
                return Err(Fault::io(&error, "beginning", &name));
            }
        };
        writer.disk = Arc::clone(&disk);
        writer.segment = split.number;
        writer.offset = PREAMBLE_BYTES as u64;
        writer.inode = identity.inode;
        let previous = Hash::read(records);
        let milliseconds = writer.written.milliseconds;
        let known = Known::raw(
            split.number,
            split.first_sequence,
            previous,
            milliseconds,
            disk,
        );
        self.index.write().push(known);
        self.closer.ring();
        Ok(())
    }

    /// Writes and syncs what is queued, whenever somebody leads, until the log is closed.
    pub(crate) fn keep_flushing(&self) {
        let mut waited = 0;
        while self.flusher.wait(None) {
            if waited >= WAITING_MANY {
                self.gather();
            }
            // A fault is told to whoever waits.
            waited = self.flush().unwrap_or_default();
        }
    }

    /// Waits while more and more come to wait for the same sync: it costs as much for one as for all. Where many waited
    /// for the last one, the next are on their way; where few do, nobody waits for others.
    fn gather(&self) {
        let began = Instant::now();
        let mut waiting = 0;
        while began.elapsed() < GATHERED_WITHIN {
            let now = self.queue().waiting();
            if now <= waiting {
                return;
            }
            waiting = now;
            std::thread::sleep(GATHER_STEP);
        }
    }

    /// Refuses everything from now on, and goes back to what is durable.
    pub(crate) fn fail(&self, fault: Fault) {
        let writer = self.writer();
        self.fall_back(&writer, fault);
    }

    fn fall_back(&self, writer: &Writer, fault: Fault) {
        let relay = self.durability() == Durability::Fsync;
        // A part of the batch may have been written, ahead of a new segment.
        self.show_durable(writer.written);
        let mut queue = self.queue();
        let waiting = queue.fall_back(writer.written, writer.segment, writer.offset);
        let closed = queue
            .fault
            .as_ref()
            .is_some_and(|fault| fault.kind() == FaultKind::Closed);
        if !closed {
            queue.fault = Some(fault.clone());
        }
        drop(queue);
        waiting.finish(Err(fault), relay);
    }

    /// Refuses a disk that is full before anything is half written.
    pub(crate) fn check_room(&self) -> Result<(), Fault> {
        let path = self.folder.path().display();
        let room = self
            .folder
            .room()
            .map_err(|error| Fault::io(&error, "asking for the free space of", "the folder"))?;
        if room.read_only {
            let what = format!("the disk of the audit log in {path} is read-only");
            return Err(Fault::new(FaultKind::ReadOnly, what));
        }
        if room.free_bytes < self.options.reserve_bytes {
            let what = format!(
                "the disk of the audit log in {path} is full: {} KiB are left, and {} KiB are kept free",
                room.free_bytes / 1024,
                self.options.reserve_bytes.div_ceil(1024)
            );
            return Err(Fault::new(FaultKind::NoSpace, what));
        }
        Ok(())
    }
}

/// The last record before a new segment.
fn last_before(taken: &Taken, split: &Split) -> Position {
    Position {
        sequence: split.first_sequence - 1,
        hash: Hash::read(&taken.buffer[split.at - HASH_BYTES..]),
        milliseconds: taken.end.milliseconds,
    }
}
