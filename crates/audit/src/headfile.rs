//! The file `head`: two places for a signed head, written in turn, so that one is whole whatever happens.
//!
//! Each place is a sector: a line of JSON, filled up with spaces. Written where it lies, it costs no sync and no new name,
//! and a power cut leaves an older one.

use std::io;
use std::sync::Arc;

use crate::folder::{Disk, Folder, read_all};
use crate::segment::HEAD;
use crate::{Fault, Head};

/// Bytes of a place.
pub(crate) const PLACE_BYTES: usize = 512;

/// The file, open.
#[derive(Debug)]
pub(crate) struct HeadFile {
    pub(crate) disk: Arc<dyn Disk>,
    /// The newest head in it.
    newest: Head,
    /// Where the next one goes.
    next: usize,
    /// Both places were sound when it was opened, and nothing else was in it.
    pub(crate) whole: bool,
}

/// What a file has in its two places; nothing in a place that isn't sound.
pub(crate) fn read(bytes: &[u8]) -> [Option<Head>; 2] {
    [0, 1].map(|place| {
        let line = bytes.get(place * PLACE_BYTES..(place + 1) * PLACE_BYTES)?;
        let text = std::str::from_utf8(line).ok()?;
        let head = Head::decode(text)?;
        (encode(&head) == line).then_some(head)
    })
}

fn encode(head: &Head) -> Vec<u8> {
    let mut line = head.encode().into_bytes();
    line.resize(PLACE_BYTES - 1, b' ');
    line.push(b'\n');
    line
}

impl HeadFile {
    /// Makes the file, or makes it anew, with this head in both places.
    pub(crate) fn create(folder: &dyn Folder, head: &Head) -> Result<Self, Fault> {
        let created = folder
            .remove(HEAD)
            .and_then(|()| folder.create(HEAD))
            .and_then(|disk| {
                disk.write_at(&[encode(head), encode(head)].concat(), 0)?;
                disk.sync()?;
                folder.sync()?;
                Ok(disk)
            });
        let disk = created.map_err(|error| Fault::io(&error, "writing", HEAD))?;
        Ok(Self {
            disk,
            newest: head.clone(),
            next: 0,
            whole: true,
        })
    }

    /// Opens the file; nothing, where it isn't there or has no sound head.
    pub(crate) fn open(folder: &dyn Folder) -> Result<Option<Self>, Fault> {
        let there = folder
            .identity(HEAD)
            .map_err(|error| Fault::io(&error, "looking for", HEAD))?;
        if there.is_none() {
            return Ok(None);
        }
        let disk = folder
            .open(HEAD, true)
            .map_err(|error| Fault::io(&error, "opening", HEAD))?;
        let bytes = read_all(disk.as_ref()).map_err(|error| Fault::io(&error, "reading", HEAD))?;
        let heads = read(&bytes);
        let newest = match &heads {
            [Some(first), Some(second)] if second.sequence > first.sequence => Some((second, 0)),
            [Some(first), _] => Some((first, 1)),
            [None, Some(second)] => Some((second, 0)),
            [None, None] => None,
        };
        let whole = heads.iter().all(Option::is_some) && bytes.len() == 2 * PLACE_BYTES;
        Ok(newest.map(|(newest, next)| Self {
            disk,
            newest: newest.clone(),
            next,
            whole,
        }))
    }

    /// Whether the place that was written last still has what was written, and nothing else is in the file.
    pub(crate) fn is_as_written(&self) -> io::Result<bool> {
        let bytes = read_all(self.disk.as_ref())?;
        let last = 1 - self.next;
        let place = bytes.get(last * PLACE_BYTES..(last + 1) * PLACE_BYTES);
        let sound = read(&bytes).iter().all(Option::is_some);
        Ok(sound && bytes.len() == 2 * PLACE_BYTES && place == Some(&encode(&self.newest)))
    }

    /// The newest head in it.
    pub(crate) fn newest(&self) -> &Head {
        &self.newest
    }

    /// Writes a head, unless it has a newer one.
    pub(crate) fn put(&mut self, head: &Head, sync: bool) -> Result<(), Fault> {
        if head.sequence >= self.newest.sequence && *head != self.newest {
            self.disk
                .write_at(&encode(head), (self.next * PLACE_BYTES) as u64)
                .map_err(|error| Fault::io(&error, "writing", HEAD))?;
            self.newest = head.clone();
            self.next = 1 - self.next;
        }
        if sync {
            self.disk
                .sync()
                .map_err(|error| Fault::io(&error, "syncing", HEAD))?;
        }
        Ok(())
    }
}
