//! `strongroom keys`: what an operator asks and does about keys.

use std::path::Path;
use std::time::Duration;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::Value;

use super::running_server::{RunningServer, asked};
use super::{Failed, keys_seal, say};
use crate::admin::{AskedKeyUsage, AskedRotation, JobState, KeyUsage, KeysStatus};

/// Look after the keys that everything is encrypted with
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strongroom keys status
  strongroom keys usage arn:aws:kms:eu-central-1:123456789012:alias/payments
  strongroom keys rewrap --wait                     a new root key; no seal's source is needed for it
  strongroom keys rotate-data-keys --wait           fresh data keys for all values
  strongroom keys seal list --config strongroom.toml
  strongroom keys seal shares --config strongroom.toml --threshold 3 --shares 5")]
pub(super) struct KeysArguments {
    #[command(flatten)]
    server: RunningServer,
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Tell which root key is in use, what seals it, and how far the jobs are
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Tell which secrets would be lost with a KMS key
    Usage {
        /// The ARN of the key or of an alias
        #[arg(value_name = "KEY")]
        key: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Take a new root key into use, and seal everything anew under it while serving
    ///
    /// All seals open the new one from then on; none of them need be there for it. Goes on by itself after a restart.
    Rewrap {
        /// Wait until it is done
        #[arg(long)]
        wait: bool,
        /// Do it here and now, on a folder that no server runs on
        #[arg(long, conflicts_with = "wait")]
        offline: bool,
    },
    /// Renew the data key of every value while serving
    ///
    /// Each value is sealed anew under a fresh data key and the newest material of its KMS key. Goes on by itself
    /// after a restart.
    RotateDataKeys {
        /// Only values under this KMS key: its ARN, or an alias' ARN
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        /// Wait until it is done
        #[arg(long)]
        wait: bool,
    },
    /// What opens the root key: list, add, remove, split among people, try out
    #[command(subcommand)]
    Seal(keys_seal::SealCommand),
}

/// Asks, and prints the answer.
pub(super) fn run(arguments: &KeysArguments) -> Result<(), Failed> {
    let server = &arguments.server;
    match &arguments.command {
        KeysCommand::Status { json } => status(&server.socket()?, *json),
        KeysCommand::Usage { key, json } => usage(&server.socket()?, key, *json),
        KeysCommand::Rewrap { offline: true, .. } => keys_seal::rewrap_offline(server),
        KeysCommand::Rewrap { wait, .. } => {
            let socket = server.socket()?;
            let _: Value = asked(&socket, Method::POST, "/keys/rewrap", Vec::new())?;
            started(&socket, "rewrap", *wait)
        }
        KeysCommand::RotateDataKeys { key, wait } => {
            let socket = server.socket()?;
            let body = serde_json::to_vec(&AskedRotation { key: key.clone() })?;
            let _: Value = asked(&socket, Method::POST, "/keys/rotate-data-keys", body)?;
            started(&socket, "rotate-data-keys", *wait)
        }
        KeysCommand::Seal(command) => keys_seal::run(server, command),
    }
}

fn told(socket: &Path) -> Result<KeysStatus, Failed> {
    asked(socket, Method::GET, "/keys", Vec::new())
}

fn status(socket: &Path, json: bool) -> Result<(), Failed> {
    let status = told(socket)?;
    if json {
        say(&serde_json::to_string(&status)?);
        return Ok(());
    }
    let since = match &status.root_key_since {
        Some(since) => format!(", since {since}"),
        None => String::new(),
    };
    say(&format!("root key   {}{since}", status.root_key_id));
    for id in &status.retiring_root_key_ids {
        say(&format!(
            "retiring   {id}, until nothing is sealed under it"
        ));
    }
    for seal in &status.seals {
        say(&format!("seal       {}  {}", seal.name, seal.state));
    }
    for job in &status.jobs {
        say(&line(job));
        for problem in &job.problems {
            say(&format!("           {problem}"));
        }
    }
    Ok(())
}

fn line(job: &JobState) -> String {
    let state = match (&job.last_error, job.finished, job.running) {
        (Some(error), _, _) => format!("trying again: {error}"),
        (None, true, _) => "done".to_owned(),
        (None, false, true) => "running".to_owned(),
        (None, false, false) => "not running".to_owned(),
    };
    let failed = match job.failed {
        0 => String::new(),
        failed => format!(", {failed} failed"),
    };
    format!("{}: {state}, {} renewed{failed}", job.name, job.done)
}

fn started(socket: &Path, name: &str, wait: bool) -> Result<(), Failed> {
    if !wait {
        say("Started. How far it is: strongroom keys status");
        return Ok(());
    }
    loop {
        let status = told(socket)?;
        let Some(job) = status.jobs.iter().find(|job| job.name == name) else {
            return Err(Failed::new("the server doesn't know the job"));
        };
        if let Some(error) = &job.last_error {
            return Err(Failed::new(format!("it goes on trying: {error}")));
        }
        if job.finished && !job.running {
            say(&line(job));
            for problem in &job.problems {
                say(&format!("  {problem}"));
            }
            return match job.failed {
                0 => Ok(()),
                failed => Err(Failed::new(format!(
                    "{failed} could not be renewed; the first of them are named above"
                ))),
            };
        }
        std::thread::sleep(PAUSE);
    }
}

fn usage(socket: &Path, key: &str, json: bool) -> Result<(), Failed> {
    let mut whole: Option<KeyUsage> = None;
    loop {
        let secrets = whole.as_ref().map_or(&[][..], |usage| &usage.secrets);
        let question = AskedKeyUsage {
            key: key.to_owned(),
            after: secrets.last().map(|secret| secret.arn.clone()),
        };
        let body = serde_json::to_vec(&question)?;
        let page: KeyUsage = asked(socket, Method::POST, "/keys/usage", body)?;
        let is_last = page.secrets.is_empty();
        match &mut whole {
            Some(usage) => usage.secrets.extend(page.secrets),
            None => whole = Some(page),
        }
        if is_last {
            break;
        }
    }
    let Some(usage) = whole else { return Ok(()) };
    if json {
        say(&serde_json::to_string(&usage)?);
        return Ok(());
    }
    let arn = &usage.key_arn;
    say(&format!("{arn} is {}", usage.key_state));
    if usage.secrets.is_empty() {
        say("No secret depends on it.");
        return Ok(());
    }
    say(&format!(
        "Without it, these {} secrets lose versions for ever:",
        usage.secrets.len()
    ));
    for secret in &usage.secrets {
        say(&secret.arn);
        for version in &secret.versions {
            let stages = match version.version_stages.as_slice() {
                [] => "without label".to_owned(),
                stages => stages.join(" "),
            };
            say(&format!("  {}  {stages}", version.version_id));
        }
    }
    Ok(())
}

const PAUSE: Duration = Duration::from_millis(200);
