//! What can go wrong with the log, told to the operator: what happened, where, what to do.
//!
//! It may not know what an event says, nor how a client is answered.

use std::fmt;
use std::io;

/// The log couldn't do what was asked. Its text is for the operator and says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: FaultKind,
    /// What happened and where, as one sentence without its full stop.
    what: String,
}

/// What sort of [`Fault`], for whoever must act on it by program.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The disk is full, or nearly. It recovers by itself.
    NoSpace,
    /// The disk or folder can't be written. It recovers by itself.
    ReadOnly,
    /// The operating system reported an error. It recovers by itself where the disk is sound.
    Io,
    /// What is on disk is not what was written.
    Damaged,
    /// Somebody removed, cut, changed or replaced a file while the log was open. It recovers by itself, in a new
    /// segment that says so.
    Tampered,
    /// The log was closed, or its process is going down.
    Closed,
    /// Another process uses the folder.
    Locked,
    /// The log was written by a newer version of this program.
    NewerFormat,
    /// The record is larger than a record may be.
    TooLarge,
}

impl Fault {
    /// A fault of this kind. `what` says what happened and where, as a sentence without its full stop.
    pub fn new(kind: FaultKind, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
        }
    }

    /// What an error of the operating system means. `doing` is what was being done to `name`, as in "writing".
    pub(crate) fn io(error: &io::Error, doing: &str, name: &str) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => FaultKind::NoSpace,
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                FaultKind::ReadOnly
            }
            _ => FaultKind::Io,
        };
        Self::new(
            kind,
            format!("{doing} {name} of the audit log failed ({error})"),
        )
    }

    /// What sort of fault.
    pub fn kind(&self) -> FaultKind {
        self.kind
    }

    /// What happened and where, without what to do.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What the operator can do about it.
    pub fn remedy(&self) -> &'static str {
        match self.kind {
            FaultKind::NoSpace => {
                "free some space on that disk; the log, and with it every call, resumes by itself"
            }
            FaultKind::ReadOnly => {
                "make the disk and the folder writable for this process's user; the log resumes by itself"
            }
            FaultKind::Io => {
                "check the disk and the kernel's log; if the disk is sound, the log resumes by itself"
            }
            FaultKind::Damaged => {
                "keep a copy of the folder and look with `strongroom audit verify` what is damaged"
            }
            FaultKind::Tampered => {
                "find out who or what did it; the log goes on in a new segment that says so, and \
                 `strongroom audit verify` names what is missing"
            }
            FaultKind::Closed => "ask again after the restart",
            FaultKind::Locked => {
                "stop the process that has it, or give this one a folder of its own"
            }
            FaultKind::NewerFormat => "use the newer version of this program that wrote it",
            FaultKind::TooLarge => "ask for less at once",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.remedy())
    }
}

impl std::error::Error for Fault {}
