//! Notices while the log is open that somebody removed, cut, changed or replaced one of its files, and brings the log back
//! from a fault.

use std::collections::BTreeMap;
use std::io;
use std::sync::PoisonError;

use crate::folder::Identity;
use crate::headfile::HeadFile;
use crate::log::Shared;
use crate::opening::{lock, make_segment, names, number_of};
use crate::queue::Position;
use crate::record::Kind;
use crate::segment::{DamageNote, HEAD, Name, json};
use crate::writer::Writer;
use crate::{Fault, FaultKind};

/// The files of closed segments as they were when they were first seen.
pub(crate) type Seen = BTreeMap<Name, Identity>;

impl Shared {
    /// What is wrong with the file that is written, as one sentence without its full stop.
    pub(crate) fn wrong_with_current(&self, writer: &Writer) -> io::Result<Option<String>> {
        let name = Name::Raw(writer.segment);
        let what = match self.folder.identity(&name.to_string())? {
            None => "was removed",
            Some(identity) if identity.inode != writer.inode => "was replaced",
            Some(identity) if identity.len < writer.offset => "was cut off",
            Some(identity) if identity.len > writer.offset => "was written to",
            Some(_) => return Ok(None),
        };
        Ok(Some(format!(
            "{name} of the audit log {what} by somebody else while the log was open"
        )))
    }

    /// What is wrong with the head's file.
    fn wrong_with_head(&self) -> io::Result<Option<String>> {
        let file = self.head_file();
        let what = match self.folder.identity(HEAD)? {
            None => "was removed",
            Some(identity) if identity.inode != file.disk.identity()?.inode => "was replaced",
            Some(_) if !file.is_as_written()? => "was changed",
            Some(_) => return Ok(None),
        };
        Ok(Some(format!(
            "{HEAD} of the audit log {what} by somebody else while the log was open"
        )))
    }

    /// What is wrong with the files of segments that nobody writes to any more, each told once.
    fn wrong_with_others(&self) -> io::Result<Option<String>> {
        let mut expected = Vec::new();
        for known in self.index.read().iter().rev().skip(1) {
            let number = known.segment.number;
            if known.missed || known.damaged {
                continue;
            }
            if known.segment.closed {
                expected.extend([Name::Compressed(number), Name::Digest(number)]);
            } else {
                expected.push(Name::Raw(number));
            }
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|name, _| expected.contains(name));
        let mut wrong = Vec::new();
        for name in expected {
            match self.folder.identity(&name.to_string())? {
                Some(now) if *seen.entry(name).or_insert(now) != now => {
                    wrong.push((name, "was changed"));
                }
                None if self.is_expected(name) => wrong.push((name, "was removed")),
                _ => {}
            }
        }
        let Some((name, what)) = wrong.last() else {
            return Ok(None);
        };
        let others = match wrong.len() - 1 {
            0 => String::new(),
            others => format!(", and {others} other files were"),
        };
        let what = format!(
            "{name} of the audit log {what}{others} by somebody else while the log was open"
        );
        for known in self.index.write().iter_mut() {
            let number = Some(known.segment.number);
            known.missed |= wrong.iter().any(|(name, _)| number_of(*name) == number);
        }
        Ok(Some(what))
    }

    /// Whether a file still belongs there: closing and pruning go on meanwhile.
    fn is_expected(&self, name: Name) -> bool {
        let closed = matches!(name, Name::Compressed(_) | Name::Digest(_));
        self.index.read().iter().any(|known| {
            number_of(name) == Some(known.segment.number) && known.segment.closed == closed
        })
    }

    /// Looks at the file that is written.
    pub(crate) fn watch_current(&self) {
        let writer = self.writer();
        let wrong = self.wrong_with_current(&writer);
        drop(writer);
        self.fail_where(wrong);
    }

    /// Looks at all other files.
    pub(crate) fn watch_others(&self) {
        if !self.fail_where(self.wrong_with_head()) {
            self.fail_where(self.wrong_with_others());
        }
    }

    fn fail_where(&self, wrong: io::Result<Option<String>>) -> bool {
        let fault = match wrong {
            Ok(None) => return false,
            Ok(Some(what)) => Fault::new(FaultKind::Tampered, what),
            Err(error) => Fault::io(&error, "looking at", "the files"),
        };
        self.fail(fault);
        true
    }

    /// Tries whether a fault is over, and takes records again if so.
    pub(crate) fn try_recover(&self) {
        let mut writer = self.writer();
        let fault = self.queue().fault.clone();
        let Some(fault) = fault.filter(|fault| fault.kind() != FaultKind::Closed) else {
            return;
        };
        let fault = self.with_others(fault);
        let recovered = self.recover(&mut writer, &fault);
        let mut queue = self.queue();
        let closed = queue
            .fault
            .as_ref()
            .is_some_and(|fault| fault.kind() == FaultKind::Closed);
        if closed {
            return;
        }
        match recovered {
            Ok(()) => {
                let batch = queue.fall_back(writer.written, writer.segment, writer.offset);
                queue.fault = None;
                drop(queue);
                // Nothing was queued while the fault lasted.
                batch.finish(Err(fault), false);
            }
            Err(fault) => queue.fault = Some(fault),
        }
    }

    /// Whoever lays hands on one file often does so on others: they are told together.
    fn with_others(&self, fault: Fault) -> Fault {
        match self.wrong_with_others() {
            Ok(Some(others)) if fault.kind() == FaultKind::Tampered => {
                Fault::new(FaultKind::Tampered, format!("{}; {others}", fault.what()))
            }
            Ok(Some(others)) => Fault::new(FaultKind::Tampered, others),
            _ => fault,
        }
    }

    fn recover(&self, writer: &mut Writer, fault: &Fault) -> Result<(), Fault> {
        let there = self
            .folder
            .names()
            .map(|_| true)
            .or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(false),
                _ => Err(error),
            });
        let there = there.map_err(|error| Fault::io(&error, "listing", "the folder"))?;
        if !there {
            // Somebody removed all of it. It is made anew, since calls have to be recorded.
            let lock = lock(self.folder.as_ref())?;
            *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = lock;
        }
        self.check_room()?;
        let name = Name::Raw(writer.segment).to_string();
        let looked = |error: io::Error| Fault::io(&error, "looking at", &name);
        // Bytes behind the durable part are expected after a write that failed.
        let identity = self.folder.identity(&name).map_err(looked)?;
        let sound = identity.is_some_and(|identity| {
            identity.inode == writer.inode && identity.len >= writer.offset
        });
        let tampered = fault.kind() == FaultKind::Tampered;
        if sound && !(tampered && identity.is_some_and(|now| now.len > writer.offset)) {
            // What was half written wasn't answered.
            writer
                .disk
                .set_len(writer.offset)
                .and_then(|()| writer.disk.sync())
                .map_err(|error| {
                    Fault::io(&error, "cutting off what was half written of", &name)
                })?;
            if tampered {
                self.note_damage(writer, fault.what())?;
            }
        } else {
            self.begin_anew(writer, fault)?;
        }
        self.remake_head()
    }

    /// Goes on in a new segment, with a note of what was found.
    fn begin_anew(&self, writer: &mut Writer, fault: &Fault) -> Result<(), Fault> {
        let wrong = self.wrong_with_current(writer);
        let wrong = wrong.ok().flatten();
        let what = match fault.kind() {
            FaultKind::Tampered => fault.what().to_owned(),
            _ => wrong.unwrap_or_else(|| fault.what().to_owned()),
        };
        let highest = names(self.folder.as_ref())?
            .into_iter()
            .filter_map(number_of)
            .max();
        let number = highest.unwrap_or(0).max(writer.segment) + 1;
        let after = Position {
            milliseconds: (self.clock)(),
            ..writer.written
        };
        let key = self.key();
        let (new, known) = make_segment(
            self.folder.as_ref(),
            self.id,
            number,
            after,
            &key,
            Some(&what),
        )?;
        drop(key);
        let mut index = self.index.write();
        if let Some(last) = index.last_mut() {
            last.damaged = true;
        }
        index.push(known);
        drop(index);
        *writer = new;
        self.show_durable(writer.written);
        Ok(())
    }

    /// Notes in the segment that is written what was found elsewhere.
    fn note_damage(&self, writer: &mut Writer, what: &str) -> Result<(), Fault> {
        let mut bytes = writer.written.hash.0.to_vec();
        let milliseconds = (self.clock)();
        let note = json(&DamageNote {
            what: what.to_owned(),
        });
        let sequence = writer.written.sequence + 1;
        let hash = crate::record::push(&mut bytes, sequence, milliseconds, Kind::Damage, &note);
        let end = Position {
            sequence,
            hash,
            milliseconds,
        };
        self.write_records(writer, &bytes[crate::hash::HASH_BYTES..], sequence, end)?;
        self.show_durable(end);
        Ok(())
    }

    /// Makes the head's file anew where it isn't as it was written.
    fn remake_head(&self) -> Result<(), Fault> {
        if matches!(self.wrong_with_head(), Ok(None)) {
            return Ok(());
        }
        let head = self.sign_head();
        let mut file = self.head_file();
        *file = HeadFile::create(self.folder.as_ref(), &head)?;
        Ok(())
    }
}
