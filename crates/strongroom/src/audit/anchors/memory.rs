//! What this machine remembers of the logs that it had: the newest head of each, outside of the data folder. A server
//! that is started on an older copy of its folder is told by it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use strongroom_audit::{Head, LogId};

use super::newest_head;
use crate::audit::state_file::{self, Keep};

/// A folder with a file for each log.
#[derive(Debug)]
pub struct Memory {
    folder: PathBuf,
    /// What went wrong last, which is told once.
    told: Mutex<Option<String>>,
}

impl Memory {
    /// In this folder.
    #[must_use]
    pub fn in_folder(folder: PathBuf) -> Self {
        Memory {
            folder,
            told: Mutex::default(),
        }
    }

    /// Where programs keep their state: `$XDG_STATE_HOME`, or `.local/state` in the home of whoever runs this. `None`
    /// where there is neither.
    #[must_use]
    pub fn of_user(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Option<Self> {
        // A relative one doesn't count, says the specification.
        let whole = |name| {
            variable(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let state = whole("XDG_STATE_HOME")
            .or_else(|| whole("HOME").map(|home| home.join(".local").join("state")))?;
        Some(Self::in_folder(
            state.join("strongroom").join("audit-heads"),
        ))
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The newest head of a log that this machine had; `None` where it knows none.
    ///
    /// # Errors
    /// There is one, and it can't be read.
    pub fn newest(&self, log: LogId) -> Result<Option<Head>, String> {
        let path = self.file_of(log);
        let remedy = "remove it to forget what this machine knows of the log";
        match std::fs::read_to_string(&path) {
            Ok(text) => match Head::decode(&text).filter(|head| head.log == log) {
                Some(head) => Ok(Some(head)),
                None => Err(format!("{} is damaged: {remedy}", path.display())),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{} can't be read ({error})", path.display())),
        }
    }

    /// Remembers a head in place of an earlier one of its log.
    ///
    /// # Errors
    /// Its file can't be written.
    pub fn remember(&self, head: &Head) -> Result<(), String> {
        let line = format!("{}\n", head.encode());
        state_file::put(&self.file_of(head.log), line.as_bytes(), Keep::Lightly)
    }

    /// Remembers the newest head of the log in a folder, and says its sequence; 0 where it couldn't. What goes wrong is
    /// logged: the server goes on without.
    pub(super) fn refresh(&self, log_folder: &Path) -> u64 {
        let remembered = newest_head(log_folder).and_then(|head| {
            let Some(head) = head else { return Ok(0) };
            // What can't be read is replaced: it was told of at the start.
            if self.newest(head.log).ok().flatten().as_ref() != Some(&head) {
                self.remember(&head)?;
            }
            Ok(head.sequence)
        });
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match remembered {
            Ok(sequence) => {
                *told = None;
                sequence
            }
            Err(why) => {
                if told.as_ref() != Some(&why) {
                    tracing::warn!(why, "this machine doesn't remember the audit log's head");
                }
                *told = Some(why);
                0
            }
        }
    }

    fn file_of(&self, log: LogId) -> PathBuf {
        self.folder.join(format!("{log}.json"))
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    #[test]
    fn it_lies_where_programs_keep_their_state() {
        for (state, home, folder) in [
            (Some("/s"), Some("/h"), Some("/s/strongroom/audit-heads")),
            (
                None,
                Some("/h"),
                Some("/h/.local/state/strongroom/audit-heads"),
            ),
            (
                Some("s"),
                Some("/h"),
                Some("/h/.local/state/strongroom/audit-heads"),
            ),
            (Some(""), Some(""), None),
            (None, None, None),
        ] {
            let memory = Memory::of_user(|name| {
                let value = if name == "HOME" { home } else { state };
                value.map(OsString::from)
            });
            let found = memory.as_ref().map(Memory::folder);
            assert_eq!(found, folder.map(Path::new), "{state:?} {home:?}");
        }
    }
}
