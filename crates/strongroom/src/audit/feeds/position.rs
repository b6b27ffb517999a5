//! How far a feed has come: a file for each, outside of the log, so that a restart goes on where the last one was.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Begin;
use crate::audit::source::Source;
use crate::audit::state_file::{self, Keep};

const FORMAT: u32 = 1;

/// A feed's place in the log.
#[derive(Debug)]
pub(super) struct Position {
    path: PathBuf,
    kept: Kept,
    is_changed: bool,
}

/// What the file holds.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Kept {
    format: u32,
    /// The log that the sequence is of.
    log: String,
    /// The next sequence to be looked at.
    next: u64,
}

/// What was found to be out of the ordinary when a position was taken up.
pub(super) type Remark = Option<String>;

impl Position {
    /// Goes on where the file says, or begins where the feed's settings say.
    ///
    /// # Errors
    /// The file can't be written.
    pub(super) fn take_up(
        path: PathBuf,
        from: Begin,
        source: &dyn Source,
    ) -> Result<(Self, Remark), String> {
        let log = source.log_id();
        let behind = *source.durable().borrow() + 1;
        let begin = match from {
            Begin::Now => behind,
            Begin::Start => source.oldest(),
        };
        let (next, remark) = match state_file::read::<Kept>(&path) {
            Ok(None) => (begin, None),
            Ok(Some(kept)) if kept.format != FORMAT => (
                source.oldest(),
                Some(format!(
                    "{} is of another version; all events are sent anew",
                    path.display()
                )),
            ),
            Ok(Some(kept)) if kept.log != log => (
                source.oldest(),
                Some(format!(
                    "the log is another one (it was {}); all of its events are sent",
                    kept.log
                )),
            ),
            Ok(Some(kept)) if kept.next > behind => (
                behind,
                Some(format!(
                    "the log ends at {}, before what was sent already ({}): it is an older copy, or its end was lost",
                    behind - 1,
                    kept.next - 1
                )),
            ),
            Ok(Some(kept)) => (kept.next, None),
            // What was sent can't be known any more: rather twice than never.
            Err(why) => (
                source.oldest(),
                Some(format!("{why}; all events are sent anew")),
            ),
        };
        let mut position = Position {
            path,
            kept: Kept {
                format: FORMAT,
                log,
                next,
            },
            is_changed: true,
        };
        // At once, so that "now" is this instant after a restart as well.
        position.save()?;
        Ok((position, remark))
    }

    /// The next sequence to be looked at.
    pub(super) fn next(&self) -> u64 {
        self.kept.next
    }

    /// Everything before `next` is done with.
    pub(super) fn advance(&mut self, next: u64) {
        if next > self.kept.next {
            self.kept.next = next;
            self.is_changed = true;
        }
    }

    /// Whether the file is behind.
    pub(super) fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// Brings the file up to date; durable when it returns.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn save(&mut self) -> Result<(), String> {
        if self.is_changed {
            state_file::write(&self.path, &self.kept, Keep::Durably)?;
            self.is_changed = false;
        }
        Ok(())
    }
}

/// The file of a feed.
pub(super) fn file_of(state_folder: &Path, name: &str) -> PathBuf {
    state_folder.join("feeds").join(format!("{name}.json"))
}
