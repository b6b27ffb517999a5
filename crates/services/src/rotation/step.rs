//! The four steps of a rotation, under AWS's names.
//!
//! Source: reference/rotation.md §2.

use serde::{Deserialize, Serialize};

/// A step of a rotation, in their order. At rest by its place here: append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Step {
    /// Make the new value.
    Create,
    /// Bring it to where it is used.
    Set,
    /// Try it.
    Test,
    /// Make it current.
    Finish,
}

impl Step {
    /// As functions are told.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Step::Create => "createSecret",
            Step::Set => "setSecret",
            Step::Test => "testSecret",
            Step::Finish => "finishSecret",
        }
    }

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Option<Step> {
        match self {
            Step::Create => Some(Step::Set),
            Step::Set => Some(Step::Test),
            Step::Test => Some(Step::Finish),
            Step::Finish => None,
        }
    }
}
