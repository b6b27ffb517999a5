//! The command line: what it takes, what it prints, and how it starts everything else.
//!
//! A command prints its result to standard output and everything else to standard error. An error says what to do.

mod access;
mod account_policy;
mod admin;
mod audit;
mod audit_notes;
mod audit_query;
mod audit_witness;
mod backup;
mod dev;
mod doctor;
mod init;
mod keys;
mod keys_seal;
mod logging;
mod restore;
mod rotation;
mod running;
mod running_server;
mod seal_sources;
mod seed;
mod serve;
mod terminal;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use strongroom_keys::hardening::{Hardening, harden};
use tokio::runtime::{Builder, Runtime};

use crate::functions::runtime::host;

pub use doctor::{Finding, Verdict, diagnose_config, diagnose_folder};
pub use seed::{Seed, SeedProblem};

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    if host::is_asked_for() {
        return host::run();
    }
    // First of all: from here on the process's memory is its own.
    let hardening = harden();
    logging::keep_panics_to_the_log();
    let arguments = Arguments::parse();
    match execute(arguments.command, hardening) {
        Ok(status) => status,
        Err(Failed(why)) => {
            // If standard error is closed there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "error: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The command line's definition, for completions and tests.
#[must_use]
pub fn definition() -> clap::Command {
    Arguments::command()
}

fn execute(command: Command, hardening: Hardening) -> Result<ExitCode, Failed> {
    match command {
        Command::Dev(arguments) => dev::run(arguments, hardening)?,
        Command::Serve(arguments) => serve::run(&arguments, hardening)?,
        Command::Init(arguments) => init::run(&arguments)?,
        Command::Admin(arguments) => admin::run(&arguments)?,
        Command::Backup(arguments) => backup::run(&arguments)?,
        Command::Restore(arguments) => restore::run(&arguments)?,
        Command::Access(arguments) => access::run(&arguments)?,
        Command::Rotation(arguments) => return rotation::run(&arguments),
        Command::Keys(arguments) => keys::run(&arguments)?,
        Command::Audit(arguments) => return audit::run(&arguments),
        Command::Doctor(arguments) => return doctor::run(&arguments, &hardening),
        Command::Version => say(&format!("strongroom {}", env!("CARGO_PKG_VERSION"))),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut definition(), "strongroom", &mut script);
            say(String::from_utf8_lossy(&script).trim_end());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A secrets manager that you run yourself and that every AWS Secrets Manager client already speaks
///
/// Point AWS_ENDPOINT_URL at it: boto3, the AWS CLI, any AWS SDK and Terraform work unmodified.
#[derive(Debug, Parser)]
#[command(name = "strongroom", version, after_help = EXAMPLES, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Dev(dev::DevArguments),
    Serve(serve::ServeArguments),
    Init(init::InitArguments),
    Admin(admin::AdminArguments),
    Access(access::AccessArguments),
    Rotation(rotation::RotationArguments),
    Keys(keys::KeysArguments),
    Audit(audit::AuditArguments),
    Backup(backup::BackupArguments),
    Restore(restore::RestoreArguments),
    Doctor(doctor::DoctorArguments),
    /// Print the version
    Version,
    /// Print a script that completes strongroom's commands in your shell
    #[command(after_help = "Examples:
  strongroom completions bash > /etc/bash_completion.d/strongroom
  strongroom completions zsh > \"${fpath[1]}/_strongroom\"
  strongroom completions fish > ~/.config/fish/completions/strongroom.fish")]
    Completions {
        /// Your shell
        shell: Shell,
    },
}

const EXAMPLES: &str = "Examples:
  strongroom dev --env-file strongroom.env        a server to develop and test against;
                                                  in another terminal: . ./strongroom.env
  aws secretsmanager create-secret --name MySecret --secret-string '{\"password\":\"p\"}'
  strongroom init --config strongroom.toml        in production: once
  strongroom serve --config strongroom.toml       in production: from then on
  strongroom doctor --config strongroom.toml      whenever something is wrong

More: strongroom COMMAND --help, docs/configuration.md, docs/operations.md";

/// A command failed; the text says why and what to do.
#[derive(Debug)]
pub(crate) struct Failed(String);

impl Failed {
    fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Prints a result. A reader that has gone away, such as `head`, is no error.
fn say(text: &str) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{text}").and_then(|()| output.flush());
}

fn runtime(threads: usize) -> Result<Runtime, Failed> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(threads)
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_name("strongroom")
        .enable_all()
        .build();
    runtime.map_err(|error| {
        Failed::new(format!(
            "the server's threads can't be started ({error}); check ulimit -u"
        ))
    })
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// Little here blocks; each thread takes memory.
const BLOCKING_THREADS_MAX: usize = 8;
