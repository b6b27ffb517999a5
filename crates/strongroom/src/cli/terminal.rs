//! Asks on the terminal: for a passphrase, without showing it, and whether something is meant.

use std::fs::OpenOptions;
use std::io::{self, BufRead as _, BufReader, Write as _};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use strongroom_keys::SecretBytes;

use super::Failed;

/// Asks, whatever standard input and output are connected to.
///
/// # Errors
/// The process has no terminal.
pub(super) fn ask_for_passphrase(question: &str) -> io::Result<SecretBytes> {
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    write!(terminal, "{question}: ")?;
    let shown = tcgetattr(&terminal)?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    hidden.local_modes.insert(LocalModes::ECHONL);
    tcsetattr(&terminal, OptionalActions::Flush, &hidden)?;
    let mut line = Vec::with_capacity(LINE_BYTES_EXPECTED);
    let read = BufReader::new(&terminal).read_until(b'\n', &mut line);
    let passphrase = SecretBytes::new(line);
    tcsetattr(&terminal, OptionalActions::Flush, &shown)?;
    read?;
    Ok(passphrase)
}

/// Asks whether something is to be done.
///
/// # Errors
/// The process has no terminal.
pub(super) fn confirmed(question: &str) -> Result<bool, Failed> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty");
    let mut terminal = terminal.map_err(|error| {
        Failed::new(format!(
            "there is no terminal to ask on ({error}): say --yes where it is meant"
        ))
    })?;
    write!(terminal, "{question} [y/N] ")?;
    let mut line = String::new();
    BufReader::new(&terminal).read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

/// Enough for any passphrase, so that no copy of it stays behind in a buffer that grew.
const LINE_BYTES_EXPECTED: usize = 4_096;
