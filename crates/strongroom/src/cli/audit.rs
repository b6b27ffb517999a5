//! `strongroom audit`: whether the audit log is whole, offline and without changing a byte.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgGroup, Args, Subcommand};
use http::Method;
use serde::Deserialize;
use strongroom_audit::{Finding, Head, PublicKey, Report, verify};
use strongroom_store::FaultKind;
use strongroom_store::embedded::ReadOnly;

use super::running_server::{RunningServer, asked};
use super::{Failed, audit_notes, audit_query, audit_witness, say};
use crate::admin::{KnownOfLogs, SOCKET_NAME};
use crate::audit::{FOLDER_NAME, heads, public_keys};

/// Verify the audit log, search it, print its public keys, and see what is witnessed of others
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strongroom audit verify --data-dir /var/lib/strongroom
  strongroom audit query --data-dir /var/lib/strongroom --from 2h --errors-only
  strongroom audit public-key --data-dir /var/lib/strongroom > audit.pub
  strongroom audit verify --log /mnt/copy/audit --public-key audit.pub --anchor /mnt/worm/strongroom-heads

More: docs/audit.md")]
pub(super) struct AuditArguments {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Verify every byte of the audit log: nothing in it was changed, removed, added or moved
    ///
    /// Reads only; works on a moved copy and on a disk that can't be written. With --data-dir the log is compared with
    /// the head that the store holds too, so that a cut end and an older copy are found; while a server has the store, it
    /// is asked for that. Exit status 0 only where the log is whole.
    #[command(group = ArgGroup::new("place").required(true))]
    #[command(after_help = "Examples:
  strongroom audit verify --data-dir /var/lib/strongroom
  strongroom audit verify --data-dir ./data --anchor /mnt/worm/strongroom-heads --json
  strongroom audit verify --log /mnt/copy/audit --public-key audit.pub")]
    Verify {
        /// A server's data folder, with the log in its folder audit
        #[arg(long, value_name = "DIR", group = "place")]
        data_dir: Option<PathBuf>,
        /// A running server's socket, where it isn't in the data folder
        #[arg(long, value_name = "PATH", requires = "data_dir")]
        socket: Option<PathBuf>,
        /// The log's folder alone
        #[arg(long, value_name = "DIR", group = "place")]
        log: Option<PathBuf>,
        /// What `strongroom audit public-key` printed: the keys to believe
        #[arg(long, value_name = "FILE")]
        public_key: Option<PathBuf>,
        /// Heads that were kept elsewhere, a line each; again for more files
        #[arg(long, value_name = "FILE")]
        anchor: Vec<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the public keys of the audit log, in base64, oldest first
    ///
    /// Keep them where whoever can change the data can't change them, and give them to `verify`.
    #[command(after_help = "Examples:
  strongroom audit public-key --data-dir /var/lib/strongroom > audit.pub")]
    PublicKey {
        /// A server's data folder, whether it runs or not
        #[arg(long, value_name = "DIR")]
        data_dir: PathBuf,
    },
    Query(Box<audit_query::QueryArguments>),
    Notes(audit_notes::NotesArguments),
    Witness(audit_witness::WitnessArguments),
    /// Have another key sign a running server's audit log, and print the public keys, the newest last
    ///
    /// The key so far vouches for it in the log, so whoever has any of the public keys can verify all of it.
    #[command(after_help = "Examples:
  strongroom audit rotate-key --data-dir /var/lib/strongroom")]
    RotateKey {
        #[command(flatten)]
        server: RunningServer,
    },
}

/// The log's public keys: the answer of `POST /audit/rotate-key`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rotated {
    public_keys: Vec<String>,
}

/// Does it; the status tells whether the log is whole.
pub(super) fn run(arguments: &AuditArguments) -> Result<ExitCode, Failed> {
    match &arguments.command {
        AuditCommand::Verify {
            data_dir,
            socket,
            log,
            public_key,
            anchor,
            json,
        } => {
            let mut known = Known::default();
            let folder = match (data_dir, log) {
                (Some(data_dir), _) => data_dir.join(FOLDER_NAME),
                (None, Some(log)) => log.clone(),
                // Refused by the arguments' definition.
                (None, None) => return Err(Failed::new("name --data-dir DIR or --log DIR")),
            };
            if !folder.is_dir() {
                return Err(no_log_in(&folder));
            }
            if let Some(data_dir) = data_dir {
                known.read(data_dir, socket.as_deref())?;
            }
            if let Some(file) = public_key {
                known.keys = read_keys(file)?;
            }
            for file in anchor {
                known.heads.extend(read_anchors(file)?);
            }
            let mut report = verify(&folder, &known.keys, &known.heads)?;
            report.notes.splice(..0, known.notes);
            if report.segments == 0 && report.is_whole() {
                return Err(no_log_in(&folder));
            }
            print(&report, *json)?;
            Ok(if report.is_whole() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
        AuditCommand::Query(arguments) => {
            audit_query::run(arguments)?;
            Ok(ExitCode::SUCCESS)
        }
        AuditCommand::Notes(arguments) => {
            audit_notes::run(arguments)?;
            Ok(ExitCode::SUCCESS)
        }
        AuditCommand::Witness(arguments) => {
            audit_witness::run(arguments)?;
            Ok(ExitCode::SUCCESS)
        }
        AuditCommand::RotateKey { server } => {
            let socket = server.socket()?;
            let rotated: Rotated = asked(&socket, Method::POST, "/audit/rotate-key", Vec::new())?;
            rotated.public_keys.iter().for_each(|key| say(key));
            Ok(ExitCode::SUCCESS)
        }
        AuditCommand::PublicKey { data_dir } => {
            let keys = of_store(data_dir, None)?.map_err(Failed::new)?.public_keys;
            if keys.is_empty() {
                let folder = data_dir.display();
                return Err(Failed::new(format!(
                    "no audit log was begun in {folder} yet: start the server once"
                )));
            }
            keys.iter().for_each(|key| say(key));
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// That a folder isn't a log's.
pub(super) fn no_log_in(folder: &Path) -> Failed {
    Failed::new(format!(
        "there is no audit log in {}: --data-dir is a server's data folder, --log the log's own",
        folder.display()
    ))
}

/// What is known of the log from elsewhere than its folder.
#[derive(Default)]
struct Known {
    keys: Vec<PublicKey>,
    heads: Vec<Head>,
    notes: Vec<String>,
}

impl Known {
    /// Takes in what the store knows.
    fn read(&mut self, data_dir: &Path, socket: Option<&Path>) -> Result<(), Failed> {
        let known = match of_store(data_dir, socket)? {
            Ok(known) => known,
            Err(why) => {
                self.notes.push(format!(
                    "the head and the keys that the store holds were not compared: {why}. Stop the server, or give \
                     --public-key and --anchor"
                ));
                return Ok(());
            }
        };
        let keys = known.public_keys.iter();
        self.keys = keys.filter_map(|key| PublicKey::from_base64(key)).collect();
        let heads = known.heads.iter().filter_map(|head| Head::decode(head));
        let heads: Vec<Head> = heads.collect();
        let newest = heads.iter().max_by_key(|head| head.milliseconds);
        let newest = newest.map(|head| head.log);
        let (of_this, others): (Vec<Head>, Vec<Head>) =
            heads.into_iter().partition(|head| Some(head.log) == newest);
        self.heads = of_this;
        for other in others {
            let note = format!(
                "the store was tied to the log {} before, up to its record {}",
                other.log, other.sequence
            );
            self.notes.push(note);
        }
        Ok(())
    }
}

/// What the store knows; where a server has it, as that server says on its socket. The inner error says why it doesn't.
fn of_store(data_dir: &Path, socket: Option<&Path>) -> Result<Result<KnownOfLogs, String>, Failed> {
    match ReadOnly::open(data_dir) {
        Ok(store) => {
            let snapshot = store.snapshot();
            let heads = heads(&snapshot)?;
            Ok(Ok(KnownOfLogs {
                heads: heads.iter().map(Head::encode).collect(),
                public_keys: public_keys(&snapshot)?,
            }))
        }
        Err(fault) if matches!(fault.kind(), FaultKind::Locked { .. }) => {
            let socket = socket.map_or_else(|| data_dir.join(SOCKET_NAME), Path::to_owned);
            let told = asked(&socket, Method::GET, "/audit/known", Vec::new());
            Ok(told.map_err(|failed| format!("another process has the store, and {failed}")))
        }
        Err(fault) => Err(fault.into()),
    }
}

fn read_text(file: &Path) -> Result<String, Failed> {
    std::fs::read_to_string(file)
        .map_err(|error| Failed::new(format!("{} can't be read ({error})", file.display())))
}

fn read_keys(file: &Path) -> Result<Vec<PublicKey>, Failed> {
    let text = read_text(file)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let keys: Option<Vec<PublicKey>> = lines.map(PublicKey::from_base64).collect();
    keys.filter(|keys| !keys.is_empty()).ok_or_else(|| {
        Failed::new(format!(
            "{} isn't what `strongroom audit public-key` prints: a public key in base64 a line",
            file.display()
        ))
    })
}

/// The heads of a file, of the log that it followed last.
fn read_anchors(file: &Path) -> Result<Vec<Head>, Failed> {
    let text = read_text(file)?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let mut heads = Vec::new();
    for (number, line) in lines.enumerate() {
        heads.push(Head::decode(line).ok_or_else(|| {
            Failed::new(format!(
                "line {} of {} is no head of an audit log",
                number + 1,
                file.display()
            ))
        })?);
    }
    let newest = heads.last().map(|head| head.log);
    heads.retain(|head| Some(head.log) == newest);
    Ok(heads)
}

fn print(report: &Report, json: bool) -> Result<(), Failed> {
    if json {
        say(&serde_json::to_string_pretty(report)?);
        return Ok(());
    }
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |n| n.to_string());
    say(&format!(
        "log         {}",
        report.log_id.as_deref().unwrap_or("unknown")
    ));
    say(&format!(
        "records     {} ({} events), {} to {}, in {} segment{}",
        report.records,
        report.events,
        number(report.first_sequence),
        number(report.last_sequence),
        report.segments,
        if report.segments == 1 { "" } else { "s" }
    ));
    if let Some(segment) = report.pruned_before_segment {
        say(&format!(
            "pruned      what was before segment {segment}, as its retention was over"
        ));
    }
    say(&format!(
        "repairs     {} (unfinished records, cut off after a crash)",
        report.repairs
    ));
    say(&format!(
        "heads       {} kept elsewhere were compared",
        report.heads_compared
    ));
    for key in &report.public_keys {
        say(&format!("signed by   {key}"));
    }
    for note in &report.notes {
        say(&format!("note        {note}"));
    }
    for finding in &report.findings {
        say(&told(finding));
    }
    say(&match report.findings.len() {
        0 => "\nThe audit log is whole.".to_owned(),
        1 => "\nThe audit log is NOT whole: 1 finding.".to_owned(),
        findings => format!("\nThe audit log is NOT whole: {findings} findings."),
    });
    Ok(())
}

/// A finding as a line: what was done, where, and all of it in words.
fn told(finding: &Finding) -> String {
    let mut place = finding.file.clone();
    match (finding.sequence, finding.last_sequence) {
        (Some(first), Some(last)) => place += &format!(", records {first} to {last}"),
        (Some(only), None) => place += &format!(", record {only}"),
        (None, Some(last)) => place += &format!(", records up to {last}"),
        (None, None) => {}
    }
    if let Some(id) = &finding.event_id {
        place += &format!(", event {id}");
    }
    format!(
        "{:<11} {place}: {}",
        finding.change.to_string().to_uppercase(),
        finding.what
    )
}
