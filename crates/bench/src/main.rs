//! Measures Strongroom against a bare HTTP server and against its own store. `scripts/bench` builds it and calls it.
//!
//! Each part runs as a process of its own, so that its CPU time can be read from outside: the server under test, the
//! bare server, the store alone. Load comes from this process. Nothing here is part of the product.

mod audit;
mod audit_lookup;
mod backup;
mod bare;
mod client;
mod decide;
mod kms;
mod load;
mod machine;
mod oracle;
mod process;
mod read;
mod ready;
mod report;
mod requests;
mod role;
mod rotation;
mod scale;
mod store;
mod write;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;
use strongroom_keys::allocator::ZeroingAllocator;

/// The bare server must allocate as the server under test does.
#[global_allocator]
static ALLOCATOR: ZeroingAllocator<MiMalloc> = ZeroingAllocator::new(MiMalloc);

/// What any part of a measurement can fail with; it is shown to whoever runs it.
type Failed = Box<dyn std::error::Error + Send + Sync>;

#[derive(Parser)]
#[command(
    version,
    about = "Measures Strongroom: reads, durable writes, starts, KMS, roles, many secrets, backups, decisions, refusals, rotations, audit, look-ups"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure, and print a table of the results.
    Run(Run),
    /// Be the bare server: read each request whole and give a fixed answer.
    Bare {
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// How long the answer's body is.
        #[arg(long)]
        body_bytes: usize,
        /// Threads that serve; as many as there are processors without it.
        #[arg(long)]
        threads: Option<usize>,
    },
    /// Be the store alone: writers that commit what PutSecretValue commits, for a while.
    Store(store::Alone),
}

#[derive(clap::Args)]
struct Run {
    /// The server to measure.
    #[arg(long)]
    strongroom: PathBuf,
    /// A folder on the disk to measure; what is written there is removed.
    #[arg(long)]
    folder: PathBuf,
    /// Where to write the results as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Measure only these; all of them without it.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Pairs of rounds, A/B/A/B.
    #[arg(long, default_value_t = 7)]
    pairs: usize,
    /// Seconds that a round lasts.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Starts of the server.
    #[arg(long, default_value_t = 20)]
    starts: usize,
    /// Connections of the read measurement.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Secrets of the scale measurement, with three versions each.
    #[arg(long, default_value_t = 1_000_000)]
    secrets: u64,
    /// Secrets of the backup measurement, with three versions each.
    #[arg(long, default_value_t = 200_000)]
    backup_secrets: u64,
    /// Events of the audit-lookup measurement.
    #[arg(long, default_value_t = 10_000_000)]
    audit_events: u64,
    /// Writers of the write measurement.
    #[arg(long, default_value_t = 64)]
    writers: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Read,
    Write,
    Ready,
    Kms,
    Role,
    Scale,
    Backup,
    Decide,
    Oracle,
    Rotation,
    Audit,
    AuditLookup,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(run) => measure(&run),
        Command::Bare {
            listen,
            body_bytes,
            threads,
        } => bare::serve(listen, body_bytes, threads),
        Command::Store(alone) => store::commit_alone(&alone),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::note(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn measure(run: &Run) -> Result<(), Failed> {
    std::fs::create_dir_all(&run.folder)?;
    let wanted = |part| run.only.is_empty() || run.only.contains(&part);
    let round = Duration::from_secs_f64(run.seconds);
    let mut report = report::Report::new(machine::describe());
    if wanted(Part::Ready) {
        report.ready = Some(ready::measure(run, run.starts)?);
    }
    if wanted(Part::Read) {
        report.read = Some(read::measure(run, round)?);
    }
    if wanted(Part::Write) {
        report.write = Some(write::measure(run, round)?);
    }
    if wanted(Part::Kms) {
        report.rows.extend(kms::measure(run, round)?);
    }
    if wanted(Part::Role) {
        report.rows.extend(role::measure(run, round)?);
    }
    if wanted(Part::Scale) {
        report.rows.extend(scale::measure(run, round)?);
    }
    if wanted(Part::Backup) {
        report.rows.extend(backup::measure(run)?);
    }
    if wanted(Part::Oracle) {
        report.rows.extend(oracle::measure(run)?);
    }
    if wanted(Part::Rotation) {
        report.rows.extend(rotation::measure(run)?);
    }
    if wanted(Part::Audit) {
        report.rows.extend(audit::measure(run, round)?);
    }
    if wanted(Part::AuditLookup) {
        report.rows.extend(audit_lookup::measure(run)?);
    }
    if wanted(Part::Decide) {
        // As many rounds again as of the others, which last far longer.
        report.rows.extend(decide::measure(run.pairs * 10)?);
    }
    if let Some(path) = &run.json {
        std::fs::write(path, serde_json::to_vec_pretty(&report)?)?;
    }
    report.print()?;
    Ok(())
}
