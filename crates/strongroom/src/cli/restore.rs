//! `strongroom restore`: from a backup to a data folder, or some of it into a running server.

use std::path::{Path, PathBuf};

use clap::Args;
use http::Method;
use strongroom_keys::SecretBytes;
use strongroom_keys::seal::{self, SealSource};

use super::backup::Opening;
use super::running_server::{RunningServer, asked_for_long};
use super::seal_sources;
use super::{Failed, runtime, say};
use crate::admin::{AskedRestore, HandedOver, Restored};
use crate::backup::age::{Identity, Opener};
use crate::backup::restore::{self, Backup};
use crate::config;

/// Restore a backup: all of it into an empty folder, or one account or one secret into a running server
///
/// The whole file is checked before anything is touched.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strongroom restore today.age --identity backup-key.txt --data-dir /var/lib/strongroom
  strongroom restore today.age --identity backup-key.txt --into-running --config strongroom.toml \\
      --secret arn:aws:secretsmanager:eu-central-1:123456789012:secret:payments-AbCdEf --dry-run
  strongroom restore today.age --identity backup-key.txt --into-running --account 123456789012 --overwrite")]
pub(super) struct RestoreArguments {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    opening: Opening,
    #[command(flatten)]
    server: RunningServer,
    /// Into a running server instead of an empty folder
    #[arg(long)]
    into_running: bool,
    /// Only this secret, by its ARN: its versions, labels, tags and policy, and the KMS keys that it needs
    #[arg(long, value_name = "ARN", requires = "into_running")]
    secret: Option<String>,
    /// Only this account: its access keys, KMS keys and secrets
    #[arg(
        long,
        value_name = "ID",
        requires = "into_running",
        conflicts_with = "secret"
    )]
    account: Option<String>,
    /// Replace what is there already
    #[arg(long, requires = "into_running")]
    overwrite: bool,
    /// Tell what would be restored, and change nothing
    #[arg(long, requires = "into_running")]
    dry_run: bool,
    /// What opens the backup's root key, where the server has another one: a key file
    #[arg(long, value_name = "PATH", requires = "into_running")]
    seal_key_file: Option<PathBuf>,
    /// What opens the backup's root key, where the server has another one: as configured there
    #[arg(
        long,
        value_name = "CONFIG",
        requires = "into_running",
        conflicts_with = "seal_key_file"
    )]
    seal_config: Option<PathBuf>,
}

/// Restores.
pub(super) fn run(arguments: &RestoreArguments) -> Result<(), Failed> {
    let opener = arguments.opening.opener()?;
    let backup = Backup {
        path: &arguments.file,
        opener: &opener,
    };
    if arguments.into_running {
        return into_running(arguments, &backup);
    }
    let folder = folder(&arguments.server)?;
    let summary = runtime(2)?.block_on(restore::into_folder(&backup, &folder))?;
    say(&format!(
        "Restored {} records into {}. Its seals are those of the backup. Next: strongroom doctor, then strongroom serve",
        summary.records,
        folder.display()
    ));
    Ok(())
}

fn folder(server: &RunningServer) -> Result<PathBuf, Failed> {
    match (&server.config, &server.data_dir) {
        (Some(path), _) => Ok(config::read(path, std::env::vars())?
            .0
            .data_dir()?
            .to_owned()),
        (None, Some(folder)) => Ok(folder.clone()),
        (None, None) => Err(Failed::new(
            "say where to: --data-dir DIR (an empty or a new folder), or --config FILE",
        )),
    }
}

fn into_running(arguments: &RestoreArguments, backup: &Backup<'_>) -> Result<(), Failed> {
    if arguments.secret.is_none() && arguments.account.is_none() {
        return Err(Failed::new(
            "say what to restore: --secret ARN, or --account ID",
        ));
    }
    let (_, seal_file, _) = backup.check()?;
    let root_key = match (&arguments.seal_key_file, &arguments.seal_config) {
        (Some(path), _) => {
            let sources = [SealSource::KeyFile(path.clone())];
            Some(seal::unseal(&seal_file, &sources)?)
        }
        (None, Some(path)) => {
            let (config, _) = config::read(path, std::env::vars())?;
            Some(seal_sources::unseal(&seal_file, &config.seal)?)
        }
        (None, None) => None,
    };
    let (identities, passphrase) = match backup.opener {
        Opener::Identities(identities) => {
            let text = |identity: &Identity| identity.to_text().map(HandedOver);
            (identities.iter().map(text).collect::<Result<_, _>>()?, None)
        }
        Opener::Passphrase(passphrase) => {
            let copy = SecretBytes::copy_of(passphrase.expose());
            (Vec::new(), Some(HandedOver(copy)))
        }
    };
    let root_keys = root_key.into_iter().flat_map(|unsealed| {
        let root_keys = [unsealed.root].into_iter().chain(unsealed.retiring);
        root_keys.map(|root| HandedOver(root.into_bytes()))
    });
    let asked_for = AskedRestore {
        file: absolute(&arguments.file)?,
        identities,
        passphrase,
        secret: arguments.secret.clone(),
        account: arguments.account.clone(),
        overwrite: arguments.overwrite,
        dry_run: arguments.dry_run,
        root_keys: root_keys.collect(),
    };
    let body = serde_json::to_vec(&asked_for)?;
    let socket = arguments.server.socket()?;
    let restored: Restored = asked_for_long(&socket, Method::POST, "/restore", body)?;
    for what in &restored.what {
        say(what);
    }
    say(match arguments.dry_run {
        true => "Nothing was changed.",
        false => "Restored.",
    });
    Ok(())
}

fn absolute(path: &Path) -> Result<PathBuf, Failed> {
    std::path::absolute(path).map_err(Failed::from)
}
