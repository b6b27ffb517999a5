//! A long job of the operator's, as it is kept so that a restart goes on with it.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Things that went wrong which a job names; the rest is counted.
pub const PROBLEMS_NAMED: usize = 20;

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// What it is called.
    pub name: String,
    /// What it was asked to do it with; a name of a KMS key, say.
    pub argument: Option<String>,
    /// When it was started.
    pub started: Timestamp,
    /// When it was done; `None` while it isn't.
    pub finished: Option<Timestamp>,
    /// The key of the last record that is done with; empty before the first.
    pub cursor: Vec<u8>,
    /// Items that it dealt with.
    pub done: u64,
    /// Items that it could not deal with.
    pub failed: u64,
    /// The first of those, each with its reason.
    pub problems: Vec<String>,
}

impl Job {
    /// One that just starts.
    pub fn new(name: &str, argument: Option<String>, now: Timestamp) -> Self {
        Job {
            name: name.to_owned(),
            argument,
            started: now,
            finished: None,
            cursor: Vec::new(),
            done: 0,
            failed: 0,
            problems: Vec::new(),
        }
    }

    /// Begins to count anew what could not be dealt with: everything is looked at once more.
    pub fn forget_problems(&mut self) {
        self.failed = 0;
        self.problems.clear();
    }

    /// Notes an item that could not be dealt with.
    pub fn fail(&mut self, problem: String) {
        self.failed += 1;
        if self.problems.len() < PROBLEMS_NAMED {
            self.problems.push(problem);
        }
    }
}
