//! `strongroom keys`: what an operator asks and does about keys.

use clap::{Args, Subcommand};
use http::Method;

use super::running_server::{RunningServer, asked};
use super::{Failed, say};
use crate::admin::{AskedKeyUsage, KeyUsage};

/// Look after the keys that everything is encrypted with
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strongroom keys usage arn:aws:kms:eu-central-1:123456789012:alias/payments")]
pub(super) struct KeysArguments {
    #[command(flatten)]
    server: RunningServer,
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Tell which secrets would be lost with a KMS key
    Usage {
        /// The ARN of the key or of an alias
        #[arg(value_name = "KEY")]
        key: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Asks, and prints the answer.
pub(super) fn run(arguments: &KeysArguments) -> Result<(), Failed> {
    match &arguments.command {
        KeysCommand::Usage { key, json } => usage(&arguments.server, key, *json),
    }
}

fn usage(server: &RunningServer, key: &str, json: bool) -> Result<(), Failed> {
    let socket = server.socket()?;
    let mut whole: Option<KeyUsage> = None;
    loop {
        let secrets = whole.as_ref().map_or(&[][..], |usage| &usage.secrets);
        let question = AskedKeyUsage {
            key: key.to_owned(),
            after: secrets.last().map(|secret| secret.arn.clone()),
        };
        let body = serde_json::to_vec(&question)?;
        let page: KeyUsage = asked(&socket, Method::POST, "/keys/usage", body)?;
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
