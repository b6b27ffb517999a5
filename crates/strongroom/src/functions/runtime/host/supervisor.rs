//! Stands between the server and a function: ends the function when the server says so or is no more.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{
    DumpableBehavior, Pid, PidfdFlags, Signal, kill_process, pidfd_open, set_child_subreaper,
    set_dumpable_behavior, setsid,
};

use super::super::peers;
use super::super::settings::Isolation;
use super::{
    ARGUMENT, INIT, Order, Report, confinement, failed, framed, identity, receive_order, tell,
};

/// Starts what is ordered and stays until it has ended, or until standard input has.
pub(super) fn run() -> Result<(), String> {
    let bytes = receive_order()?;
    let order: Order = serde_json::from_slice(&bytes)
        .map_err(|_| "the order of a function's process isn't understood".to_owned())?;
    // A file that whoever started the server left open would be open for the function too, whatever walls there are.
    close_fds::set_fds_cloexec(3, &[]);
    // Away from the terminal and from signals that are meant for the server's group.
    setsid().map_err(failed("setsid"))?;
    confinement::yield_to_others()?;
    let mut child = match order.isolation {
        Isolation::Full => {
            let identity = identity::enter_namespaces()?;
            start_init(&bytes, identity)?
        }
        Isolation::None => {
            set_child_subreaper(Some(own_pid())).map_err(failed("becoming a subreaper"))?;
            let mut command = runtime_command(&order);
            let started = command.current_dir(&order.code).process_group(0).spawn();
            started.map_err(|error| not_started(&order, &error))?
        }
    };
    let isolation = order.isolation;
    drop((order, bytes));
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(failed("PR_SET_DUMPABLE"))?;
    let ended_itself = wait_for_either(&child)?;
    if !ended_itself {
        // As the first process of its namespace it takes all others with it, and is gone only after them.
        let _ = child.kill();
    }
    let status = child
        .wait()
        .map_err(|error| format!("waiting failed: {error}"))?;
    if isolation == Isolation::None {
        end_descendants();
        tell(&Report::of(status));
    }
    Ok(())
}

/// The command that runs the function, with the log as its only output.
pub(super) fn runtime_command(order: &Order) -> Command {
    let mut parts = order.program.iter();
    let mut command = Command::new(parts.next().map_or("", String::as_str));
    command.args(parts);
    command.env_clear();
    command.envs(order.environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null());
    let log = std::io::stdout();
    // The server gave a pipe as standard output; errors are the server's alone.
    if let Ok(log) = std::os::fd::AsFd::as_fd(&log).try_clone_to_owned() {
        command.stderr(log);
    } else {
        command.stderr(Stdio::null());
    }
    command
}

pub(super) fn not_started(order: &Order, error: &std::io::Error) -> String {
    let program = order.program.first().map_or("", String::as_str);
    format!("{program} can't be started: {error}")
}

fn start_init(order: &[u8], identity: Option<u32>) -> Result<Child, String> {
    let started = Command::new("/proc/self/exe")
        .args([ARGUMENT, INIT])
        .args(identity.map(|identity| identity.to_string()))
        .env_clear()
        .stdin(Stdio::piped())
        .spawn();
    let mut child = started
        .map_err(|error| format!("the first process of a namespace can't be started: {error}"))?;
    if let Some(input) = child.stdin.as_mut() {
        // If it has ended already, its report says why.
        let _ = input.write_all(&framed(order));
    }
    Ok(child)
}

/// Waits until the child ends or the server closes standard input; says whether it was the child.
fn wait_for_either(child: &Child) -> Result<bool, String> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or("a process without an id")?;
    let child = pidfd_open(pid, PidfdFlags::empty()).map_err(failed("pidfd_open"))?;
    let input = std::io::stdin();
    loop {
        let mut watched = [
            PollFd::new(&child, PollFlags::IN),
            PollFd::new(&input, PollFlags::IN),
        ];
        match poll(&mut watched, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(format!("poll failed: {error}")),
        }
        let [child, input] = watched.map(|each| !each.revents().is_empty());
        if child || input {
            return Ok(child);
        }
    }
}

/// Without a namespace there is no first process that takes the others with it: they are sought until none is left.
fn end_descendants() {
    for _ in 0..ROUNDS_MAX {
        let left = peers::descendants(own_pid().as_raw_nonzero().get().unsigned_abs(), 0);
        if left.is_empty() {
            return;
        }
        for pid in left {
            if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        while let Ok(Some(_)) = rustix::process::wait(rustix::process::WaitOptions::NOHANG) {}
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

fn own_pid() -> Pid {
    rustix::process::getpid()
}

const ROUNDS_MAX: usize = 2_000;
