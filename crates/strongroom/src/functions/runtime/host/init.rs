//! The first process of a function's namespaces: builds its walls from inside, starts it, and waits.

use std::io::Write as _;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    DumpableBehavior, Signal, WaitOptions, set_dumpable_behavior, set_parent_process_death_signal,
};

use super::supervisor::{not_started, runtime_command};
use super::{Order, Report, confinement, failed, filesystem, identity, receive_order, tell};

/// Runs what is ordered within walls of its own. When this process ends, the kernel ends all others of its namespace.
pub(super) fn run() -> Result<(), String> {
    let order: Order = serde_json::from_slice(&receive_order()?)
        .map_err(|_| "the order of a function's process isn't understood".to_owned())?;
    let identity = std::env::args().nth(3).and_then(|text| text.parse().ok());
    filesystem::build(&order)?;
    identity::drop_privileges(identity)?;
    // Only now, since a change of identity takes the death signal back.
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(failed("PR_SET_PDEATHSIG"))?;
    if is_orphaned() {
        return Ok(());
    }
    confinement::limit(order.tmp_bytes, order.memory_bytes)?;
    confinement::confine_files(&order)?;
    confinement::filter_system_calls()?;
    let mut command = runtime_command(&order);
    command.current_dir(Path::new(filesystem::CODE));
    let started = command.spawn();
    // The function can neither trace this process nor look into its memory.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(failed("PR_SET_DUMPABLE"))?;
    let child = started.map_err(|error| not_started(&order, &error))?;
    drop((order, command));
    loop {
        // Orphans of the function are this process's to bury.
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid.as_raw_nonzero().get().unsigned_abs() == child.id() => {
                use std::os::unix::process::ExitStatusExt as _;
                let status = std::process::ExitStatus::from_raw(status.as_raw());
                tell(&Report::of(status));
                let _ = std::io::stderr().flush();
                return Ok(());
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(format!("waiting failed: {error}")),
        }
    }
}

/// Whether the supervisor is gone: it holds the other end of standard input for as long as it lives.
fn is_orphaned() -> bool {
    let input = std::io::stdin();
    let mut watched = [PollFd::new(&input, PollFlags::HUP)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut watched, Some(&at_once)).is_ok()
        && watched
            .iter()
            .any(|each| each.revents().contains(PollFlags::HUP))
}
