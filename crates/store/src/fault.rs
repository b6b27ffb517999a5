//! What can go wrong with a store, told to the operator: what happened, where, what to do.
//!
//! It may not know which records are kept, nor how a client is answered.

use std::fmt;

use crate::Key;

/// The store couldn't do what was asked. Its text is for the operator and says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: FaultKind,
    /// What happened and where, as one sentence without its full stop.
    what: String,
    before_writing: bool,
}

/// What sort of [`Fault`], for whoever must act on it by program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The disk is full, or nearly: commits are refused, reads go on. It recovers by itself.
    NoSpace,
    /// The disk or folder can't be written: commits are refused, reads go on. It recovers by itself.
    ReadOnly,
    /// The operating system reported an error.
    Io,
    /// What is on disk is not what was written. It is not served.
    Damaged {
        /// The key whose record is damaged, where the damage can be narrowed down to one.
        key: Option<Key>,
    },
    /// The data was written by a newer version of this program.
    NewerFormat {
        /// The format on disk.
        found: u32,
        /// The newest format that this program reads.
        reads: u32,
    },
    /// Another process uses the folder.
    Locked {
        /// That process, where it said so.
        pid: Option<u32>,
    },
    /// The store was closed, or its process is going down.
    Closed,
}

impl Fault {
    /// A fault of this kind. `what` says what happened and where, as a sentence without its full stop.
    pub fn new(kind: FaultKind, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            before_writing: false,
        }
    }

    /// The same fault, met before anything was written: the commit certainly didn't happen.
    pub fn before_writing(mut self) -> Self {
        self.before_writing = true;
        self
    }

    /// What sort of fault.
    pub fn kind(&self) -> &FaultKind {
        &self.kind
    }

    /// Whether it is certain that the commit that met this fault wrote nothing.
    pub fn is_before_writing(&self) -> bool {
        self.before_writing
    }

    /// What the operator can do about it.
    pub fn remedy(&self) -> &'static str {
        match self.kind {
            FaultKind::NoSpace => {
                "free some space on that disk; reads go on, and writing resumes by itself"
            }
            FaultKind::ReadOnly => {
                "make the disk and the folder writable for this process's user; reads go on, and writing resumes by itself"
            }
            FaultKind::Io => {
                "check the disk and the kernel's log; if the disk is sound, writing resumes by itself"
            }
            FaultKind::Damaged { .. } => {
                "check the disk, keep a copy of the folder, and restore the newest good backup"
            }
            FaultKind::NewerFormat { .. } => {
                "start the newer version of this program that wrote it, or restore a backup made by this version"
            }
            FaultKind::Locked { .. } => "stop that process, or give this one a folder of its own",
            FaultKind::Closed => "ask again after the restart",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.remedy())
    }
}

impl std::error::Error for Fault {}
