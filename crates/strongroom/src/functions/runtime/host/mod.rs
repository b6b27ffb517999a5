//! The processes between the server and a function: `strongroom function-host`.
//!
//! ```text
//! server ─▶ supervisor ─▶ init ─▶ the function's runtime ─▶ whatever that starts
//!           waits for     first process of namespaces of its own;
//!           the server's  shuts the doors, then waits
//!           end
//! ```
//!
//! The supervisor ends with the server, also if that was killed, since the pipe between them closes then; init ends with
//! the supervisor, as the kernel's death signal; and all the rest ends with init, as the first process of its namespace.
//! Each is a small process with one thread, since only such a one may enter a user namespace.

mod confinement;
mod filesystem;
mod identity;
mod init;
mod order;
mod supervisor;

use std::io::{Read, Write as _};
use std::process::{ExitCode, ExitStatus};

pub(super) use filesystem::{CODE, RUNTIME};
pub(super) use order::Order;

/// The argument with which this program is started as a function's host.
pub const ARGUMENT: &str = "function-host";
/// The second argument of the process that is the first one in its namespace.
const INIT: &str = "init";

/// Whether this process is to be a function's host. To be asked before anything else is done.
#[must_use]
pub fn is_asked_for() -> bool {
    std::env::args_os()
        .nth(1)
        .is_some_and(|argument| argument == ARGUMENT)
}

/// Is a function's host, as the arguments say.
#[must_use]
pub fn run() -> ExitCode {
    let ended = match std::env::args_os().nth(2) {
        Some(second) if second == INIT => init::run(),
        _ => supervisor::run(),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            tell(&Report::Unfit(why));
            ExitCode::FAILURE
        }
    }
}

/// How a function's process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// It ended by itself, with a status.
    Exited(i32),
    /// A signal ended it.
    Killed(i32),
    /// It could not be started: what is missing and what to do.
    Unfit(String),
}

impl Report {
    fn of(status: ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        match (status.code(), status.signal()) {
            (Some(code), _) => Report::Exited(code),
            (None, signal) => Report::Killed(signal.unwrap_or_default()),
        }
    }

    fn line(&self) -> String {
        match self {
            Report::Exited(code) => format!("exited {code}\n"),
            Report::Killed(signal) => format!("killed {signal}\n"),
            Report::Unfit(why) => format!("unfit {}\n", why.replace('\n', " ")),
        }
    }

    /// Reads what a host has told; the first line counts.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (word, rest) = text.lines().next()?.split_once(' ')?;
        match word {
            "exited" => Some(Report::Exited(rest.parse().ok()?)),
            "killed" => Some(Report::Killed(rest.parse().ok()?)),
            "unfit" => Some(Report::Unfit(rest.to_owned())),
            _ => None,
        }
    }
}

/// Tells the server, by way of standard error, which the function doesn't have.
fn tell(report: &Report) {
    // If the server has gone away there is nobody to tell.
    let _ = std::io::stderr().write_all(report.line().as_bytes());
}

/// Reads an order from standard input, which stays open: its end is the sign to end.
fn receive_order() -> Result<Vec<u8>, String> {
    let mut input = std::io::stdin().lock();
    let mut length = [0; 4];
    let failed = |error| format!("the order of a function's process can't be read ({error})");
    input.read_exact(&mut length).map_err(failed)?;
    let mut order = vec![0; usize::try_from(u32::from_le_bytes(length)).unwrap_or_default()];
    input.read_exact(&mut order).map_err(failed)?;
    Ok(order)
}

/// An order as it is sent: its length, then itself.
pub(super) fn framed(order: &[u8]) -> Vec<u8> {
    let length = u32::try_from(order.len()).unwrap_or(u32::MAX);
    let mut framed = Vec::with_capacity(order.len() + 4);
    framed.extend_from_slice(&length.to_le_bytes());
    framed.extend_from_slice(order);
    framed
}

/// A failure of the system, in words.
fn failed(what: &str) -> impl FnOnce(rustix::io::Errno) -> String {
    let what = what.to_owned();
    move |error| format!("{what} failed: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_tells_is_understood() {
        for report in [
            Report::Exited(3),
            Report::Killed(9),
            Report::Unfit("no user namespaces".to_owned()),
        ] {
            assert_eq!(Report::read(&report.line()), Some(report));
        }
        assert_eq!(Report::read(""), None);
        assert_eq!(Report::read("panicked at\n"), None);
    }
}
