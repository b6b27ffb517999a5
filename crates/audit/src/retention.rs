//! What changes with time on purpose: old segments are removed, and another key signs.

use std::io;

use crate::folder::read_all;
use crate::hash::{Hash, hash_of};
use crate::log::{Log, Shared};
use crate::opening::{names, number_of};
use crate::record::Kind;
use crate::segment::{Name, NewKeyNote, PrunedNote, json};
use crate::{Fault, SigningKey};

impl Log {
    /// Has another key sign from now on; the one so far vouches for it in the log, and in what is returned. Waits for the
    /// disk.
    ///
    /// Keep the new seed once this has returned: until then, and after a crash in between, the key so far is the one to
    /// open the log with.
    ///
    /// # Errors
    /// The [`Fault`] that keeps the log from being written. The key so far goes on signing then.
    pub fn rotate_key(&self, new: SigningKey) -> Result<NewKeyNote, Fault> {
        let shared = self.shared();
        let note = NewKeyNote::signed(shared.id, new.public(), &shared.key());
        shared.tell(Kind::NewKey, &json(&note))?;
        *shared.key() = new;
        shared.put_head(&shared.sign_head(), true);
        Ok(note)
    }

    /// Removes closed segments all of whose records are older than this, oldest first, and says so in the log before it
    /// does. The newest closed segment always stays. Waits for the disk. Returns how many were removed.
    ///
    /// # Errors
    /// The [`Fault`] that keeps the log from being written, or files from being removed; the next call goes on.
    pub fn prune(&self, before_milliseconds: i64) -> Result<u64, Fault> {
        let shared = self.shared();
        let (old, kept) = {
            let index = shared.index.read();
            let closed = index.iter().take_while(|known| known.segment.closed);
            let closed = closed.count();
            let old = index[..closed.saturating_sub(1)]
                .iter()
                .take_while(|known| known.segment.last_milliseconds < before_milliseconds)
                .count();
            if old == 0 {
                return Ok(0);
            }
            (index[old - 1].segment.number, index[old].clone())
        };
        let name = Name::Digest(old).to_string();
        let digest = match shared.folder.open(&name, false) {
            // Somebody removed it. That is told elsewhere, and doesn't keep the disk from being tidied.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Hash::ZERO,
            opened => opened
                .and_then(|disk| read_all(disk.as_ref()))
                .map(|bytes| hash_of(&bytes))
                .map_err(|error| Fault::io(&error, "reading", &name))?,
        };
        let note = PrunedNote {
            first_segment: kept.segment.number,
            first_sequence: kept.segment.first_sequence,
            previous_hash: kept.previous.to_string(),
            previous_digest: digest.to_string(),
        };
        shared.tell(Kind::Pruned, &json(&note))?;
        // The head covers the note before anything is gone.
        shared.put_head(&shared.sign_head(), true);
        let removed = {
            let mut index = shared.index.write();
            let before = index.len();
            index.retain(|known| known.segment.number > old);
            (before - index.len()) as u64
        };
        // Of each segment the records first: a digest alone is what a crash may leave.
        let mut names = names(shared.folder.as_ref())?;
        names.sort_by_key(|name| (number_of(*name), *name));
        for name in names {
            if number_of(name).is_some_and(|number| number <= old) {
                let name = name.to_string();
                shared
                    .folder
                    .remove(&name)
                    .map_err(|error| Fault::io(&error, "removing", &name))?;
            }
        }
        Ok(removed)
    }
}

impl Shared {
    /// Writes a record of the log's own, and returns once it is durable.
    fn tell(&self, kind: Kind, payload: &[u8]) -> Result<(), Fault> {
        let milliseconds = (self.clock)();
        let sequence = {
            let mut queue = self.queue();
            if let Some(fault) = &queue.fault {
                return Err(fault.clone());
            }
            self.make_room(&mut queue, milliseconds);
            queue.push(milliseconds, kind, payload);
            queue.end.sequence
        };
        // Somebody else may have written it already, or failed to.
        self.flush()?;
        if self.durable().sequence >= sequence {
            return Ok(());
        }
        let fault = self.queue().fault.clone();
        fault.map_or(Ok(()), Err)
    }
}
