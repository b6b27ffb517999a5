//! Keeps the process's memory out of core dumps, debuggers and swap, where the system allows it.
//!
//! It says what held and what didn't, as values; whoever calls prints it.

use std::fmt;

use rustix::io::Errno;
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::{CapabilitySet, capabilities};

/// What of the process's memory is kept out of where it doesn't belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hardening {
    /// Core dumps are off, by their size limit.
    pub no_core_dumps: Measure,
    /// Other processes of the same user can neither trace this one nor read its memory. As a side
    /// effect the files under `/proc/<pid>` belong to root.
    pub not_traceable: Measure,
    /// No page of the process, now or later, goes to swap.
    pub memory_locked: Measure,
}

/// Whether a measure is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// It is.
    InForce,
    /// It isn't; why, and what to do.
    Missing(String),
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InForce => f.write_str("in force"),
            Self::Missing(why) => write!(f, "missing: {why}"),
        }
    }
}

/// Takes all measures that the system allows. For the start of the process, before it has secrets.
#[must_use]
pub fn harden() -> Hardening {
    Hardening {
        no_core_dumps: forbid_core_dumps(),
        not_traceable: forbid_tracing(),
        memory_locked: lock_memory(),
    }
}

fn forbid_core_dumps() -> Measure {
    match setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    ) {
        Ok(()) => Measure::InForce,
        Err(failed) => missing("the size limit of core dumps can't be set to 0", failed),
    }
}

fn forbid_tracing() -> Measure {
    match set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        Ok(()) => Measure::InForce,
        Err(failed) => missing("the process can't be made undumpable", failed),
    }
}

/// Pages are locked when first used: whole thread stacks and reserved heap would otherwise count
/// as used at once.
///
/// With a limit on locked memory, the first allocation beyond it would fail and end the process,
/// so without limit or not at all.
fn lock_memory() -> Measure {
    let unlimited = rustix::process::getrlimit(Resource::Memlock)
        .current
        .is_none();
    let privileged =
        capabilities(None).is_ok_and(|held| held.effective.contains(CapabilitySet::IPC_LOCK));
    if !unlimited && !privileged {
        return Measure::Missing(
            "locked memory is limited; set LimitMEMLOCK=infinity in the unit file or 'ulimit -l \
             unlimited', or encrypt the swap or turn it off"
                .into(),
        );
    }
    match mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT) {
        Ok(()) => Measure::InForce,
        Err(failed) => missing(
            "memory can't be locked; encrypt the swap or turn it off",
            failed,
        ),
    }
}

fn missing(what: &str, failed: Errno) -> Measure {
    Measure::Missing(format!("{what} ({})", std::io::Error::from(failed)))
}
