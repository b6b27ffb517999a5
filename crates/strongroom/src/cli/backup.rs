//! `strongroom backup` and `strongroom backup verify`.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use http::Method;
use strongroom_keys::seal::{self, SealFile, SealSource};
use strongroom_keys::{SecretBytes, SystemEntropy};
use strongroom_store::embedded::{Embedded, Options};

use super::dev::SEAL_FILE_NAME;
use super::running_server::RunningServer;
use super::seal_sources::{self, Asking};
use super::{Failed, runtime, say};
use crate::admin::{self, AdminError, AskedBackup};
use crate::backup::age::{Identity, Lock, Opener, Recipient};
use crate::backup::restore::{self, Backup};
use crate::backup::{self, About};
use crate::clock::Clock;
use crate::config;

/// Make a backup of everything, while the server serves or not
///
/// One consistent state of the whole store in one file in the age format, with the seal file in it. Values in it stay
/// sealed under the root key: keep what opens that apart from it.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  age-keygen -o backup-key.txt                      once; keep it apart from the server
  strongroom backup --output today.age --recipient age1...
  strongroom backup --config strongroom.toml --output - --recipient age1... | ssh vault 'cat > today.age'
  strongroom backup verify today.age --identity backup-key.txt --seal-key-file root.key
  strongroom restore today.age --identity backup-key.txt --data-dir /var/lib/strongroom"
)]
pub(super) struct BackupArguments {
    #[command(subcommand)]
    command: Option<BackupCommand>,
    #[command(flatten)]
    server: RunningServer,
    /// The file to make, or - for standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Who may open it: an age recipient, age1...; may be given several times
    #[arg(long, value_name = "RECIPIENT")]
    recipient: Vec<String>,
    /// A passphrase instead: the first line of a file
    #[arg(long, value_name = "PATH", conflicts_with = "recipient")]
    passphrase_file: Option<PathBuf>,
    /// A passphrase instead, asked for twice
    #[arg(long, conflicts_with_all = ["recipient", "passphrase_file"])]
    passphrase: bool,
}

#[derive(Debug, Subcommand)]
enum BackupCommand {
    /// Restore a backup into a place that goes away again, and compare
    ///
    /// Tells whether it is whole, and with what opens the root key also whether each value opens.
    Verify {
        /// The backup
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        opening: Opening,
        /// What opens the root key: a key file
        #[arg(long, value_name = "PATH")]
        seal_key_file: Option<PathBuf>,
        /// What opens the root key: as configured
        #[arg(long, value_name = "CONFIG", conflicts_with = "seal_key_file")]
        seal_config: Option<PathBuf>,
    },
}

/// What opens a backup.
#[derive(Debug, Args)]
pub(super) struct Opening {
    /// The file with the age identity that the backup was made for; may be given several times
    #[arg(long, value_name = "PATH")]
    identity: Vec<PathBuf>,
    /// The passphrase that it was made with: the first line of a file
    #[arg(
        long = "passphrase-file",
        value_name = "PATH",
        conflicts_with = "identity"
    )]
    opening_passphrase_file: Option<PathBuf>,
}

impl Opening {
    /// Reads it, or asks for the passphrase.
    pub(super) fn opener(&self) -> Result<Opener, Failed> {
        if let Some(path) = &self.opening_passphrase_file {
            let line = seal_sources::first_line(path, "--passphrase-file")?;
            return Ok(Opener::Passphrase(line));
        }
        if self.identity.is_empty() {
            let question = "Passphrase of the backup";
            let passphrase = super::terminal::ask_for_passphrase(question).map_err(|_| {
                Failed::new("say what opens the backup: --identity PATH, or --passphrase-file PATH")
            })?;
            return Ok(Opener::Passphrase(SecretBytes::copy_of(
                passphrase.expose().trim_ascii_end(),
            )));
        }
        let mut identities = Vec::new();
        for path in &self.identity {
            let text = std::fs::read(path).map_err(|error| {
                Failed::new(format!(
                    "--identity {} can't be read ({error}): check its path and owner",
                    path.display()
                ))
            })?;
            identities.extend(Identity::parse_all(&SecretBytes::new(text))?);
        }
        Ok(Opener::Identities(identities))
    }
}

/// Makes a backup, or checks one.
pub(super) fn run(arguments: &BackupArguments) -> Result<(), Failed> {
    match &arguments.command {
        None => make(arguments),
        Some(BackupCommand::Verify {
            file,
            opening,
            seal_key_file,
            seal_config,
        }) => verify(
            file,
            opening,
            seal_key_file.as_deref(),
            seal_config.as_deref(),
        ),
    }
}

fn make(arguments: &BackupArguments) -> Result<(), Failed> {
    let lock = lock(arguments)?;
    let Some(output) = &arguments.output else {
        return Err(Failed::new(
            "say where to: --output FILE, or --output - for standard output",
        ));
    };
    if output == Path::new("-") {
        let mut output = Counted::new(io::stdout());
        write(&arguments.server, &lock, &mut output)?;
        output.flush()?;
        return Ok(());
    }
    if output.exists() {
        return Err(Failed::new(format!(
            "{} exists already: choose another name, or remove it first",
            output.display()
        )));
    }
    let folder = match output.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // Nothing half made stands under the final name.
    let mut file = tempfile::Builder::new()
        .prefix(".strongroom-backup-")
        .tempfile_in(folder)
        .map_err(|error| Failed::new(format!("{} can't be written ({error})", folder.display())))?;
    let mut counted = Counted::new(BufWriter::new(file.as_file_mut()));
    write(&arguments.server, &lock, &mut counted)?;
    counted.flush()?;
    let bytes = counted.bytes;
    drop(counted);
    file.as_file().sync_all()?;
    file.persist_noclobber(output)
        .map_err(|error| error.error)?;
    File::open(folder)?.sync_all()?;
    say(&format!("{} has {bytes} bytes", output.display()));
    Ok(())
}

fn lock(arguments: &BackupArguments) -> Result<Lock, Failed> {
    if let Some(path) = &arguments.passphrase_file {
        let line = seal_sources::first_line(path, "--passphrase-file")?;
        return Ok(Lock::Passphrase(line));
    }
    if arguments.passphrase {
        let passphrase = seal_sources::prompt(Asking::Twice)?;
        let passphrase = SecretBytes::copy_of(passphrase.expose().trim_ascii_end());
        return Ok(Lock::Passphrase(passphrase));
    }
    if arguments.recipient.is_empty() {
        return Err(Failed::new(
            "say who may open it: --recipient age1... (make a key with `age-keygen`), --passphrase or \
             --passphrase-file PATH",
        ));
    }
    let recipients = arguments.recipient.iter();
    let recipients = recipients
        .map(|text| Recipient::parse(text))
        .collect::<Result<_, _>>()?;
    Ok(Lock::Recipients(recipients))
}

/// Asks the running server for it; where none runs, reads the folder.
fn write(server: &RunningServer, lock: &Lock, out: &mut (impl Write + Send)) -> Result<(), Failed> {
    let socket = server.socket()?;
    let body = serde_json::to_vec(&AskedBackup::of(lock))?;
    let asked = runtime(1)?.block_on(admin::stream(&socket, Method::POST, "/backup", body, out));
    match asked {
        Ok(()) => Ok(()),
        Err(AdminError::NoServer { .. }) if server.socket.is_none() => offline(server, lock, out),
        Err(error) => Err(error.into()),
    }
}

fn offline(server: &RunningServer, lock: &Lock, out: &mut impl Write) -> Result<(), Failed> {
    let folder = match (&server.config, &server.data_dir) {
        (Some(path), _) => config::read(path, std::env::vars())?
            .0
            .data_dir()?
            .to_owned(),
        (None, Some(folder)) => folder.clone(),
        (None, None) => {
            return Err(Failed::new(
                "no server answers: name its folder with --data-dir, or its configuration with --config",
            ));
        }
    };
    let store = Embedded::open(&Options::new(&folder))?;
    let about = || {
        let path = folder.join(SEAL_FILE_NAME);
        let unreadable =
            |error| format!("the seal file {} can't be read ({error})", path.display());
        let seal_file = std::fs::read_to_string(&path).map_err(unreadable)?;
        let parsed = SealFile::parse(&seal_file).map_err(|problem| problem.to_string())?;
        Ok(About {
            now_milliseconds: Clock::default().now().milliseconds(),
            root_key_id: parsed.root_key_id(),
            seal_file,
        })
    };
    backup::write(&store, &about, lock, &SystemEntropy, out)?;
    Ok(())
}

fn verify(
    file: &Path,
    opening: &Opening,
    key_file: Option<&Path>,
    config: Option<&Path>,
) -> Result<(), Failed> {
    let opener = opening.opener()?;
    let sources = match (key_file, config) {
        (Some(path), _) => vec![SealSource::KeyFile(path.to_owned())],
        (None, Some(path)) => {
            let (config, _) = config::read(path, std::env::vars())?;
            let found = seal_sources::Sources::all(&config.seal);
            match (found.usable.is_empty(), found.unusable.into_iter().next()) {
                (true, Some(why)) => return Err(Failed::new(why)),
                _ => found.usable,
            }
        }
        (None, None) => Vec::new(),
    };
    let backup = Backup {
        path: file,
        opener: &opener,
    };
    let mut not_unsealed = None;
    let unseal = |file: &SealFile| {
        if sources.is_empty() {
            return None;
        }
        match seal::unseal(file, &sources) {
            Ok(unsealed) => Some(unsealed),
            Err(error) => {
                not_unsealed = Some(error);
                None
            }
        }
    };
    let verified = runtime(2)?.block_on(restore::verify(&backup, unseal));
    let (header, summary, report) = verified?;
    let made = strongroom_services::time::rfc3339(
        strongroom_services::time::Timestamp::from_milliseconds(header.made_milliseconds),
    );
    say(&format!(
        "made       {made}, by strongroom {}\nroot key   {}\nrecords    {}, all as they were written",
        header.version, header.root_key_id, summary.records
    ));
    if let Some(error) = not_unsealed {
        return Err(error.into());
    }
    let Some(report) = report else {
        say("values     not opened: give --seal-key-file or --seal-config to try each of them");
        return Ok(());
    };
    say(&format!(
        "values     {} open, of {} secrets",
        report.values, report.secrets
    ));
    for problem in &report.named {
        say(&format!("wrong      {problem}"));
    }
    match report.wrong {
        0 => Ok(()),
        wrong => Err(Failed::new(format!(
            "{wrong} values of the backup don't open"
        ))),
    }
}

/// Counts what is written, and tells it on a terminal.
struct Counted<W> {
    inner: W,
    bytes: u64,
    told: Instant,
    is_told: bool,
}

impl<W: Write> Counted<W> {
    fn new(inner: W) -> Self {
        Counted {
            inner,
            bytes: 0,
            told: Instant::now(),
            is_told: io::stderr().is_terminal(),
        }
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.inner.write(bytes)?;
        self.bytes += taken as u64;
        if self.is_told && self.told.elapsed() > Duration::from_millis(500) {
            self.told = Instant::now();
            // Only for whoever watches.
            let _ = write!(io::stderr(), "\r{} MiB", self.bytes >> 20);
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.is_told {
            let _ = write!(io::stderr(), "\r");
        }
        self.inner.flush()
    }
}
