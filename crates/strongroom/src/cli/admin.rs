//! `strongroom admin`: asks a running server over its operators' socket.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use http::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Failed, say};
use crate::admin::{ListedAccounts, NewAccount, SOCKET_NAME, Status, ask};
use crate::config;

/// Ask or tell a running server: accounts, status
///
/// Only the server's own user and root may. None of it gives a way to read a secret.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strongroom admin account create 210987654321
  strongroom admin --data-dir ./data account create 210987654321 --json
  strongroom admin account list
  strongroom admin --socket /run/strongroom/admin.sock status")]
pub(super) struct AdminArguments {
    /// The server's socket
    #[arg(long, global = true, value_name = "PATH", conflicts_with_all = ["data_dir", "config"])]
    socket: Option<PathBuf>,
    /// The server's data folder, which has the socket; by default /var/lib/strongroom
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "config")]
    data_dir: Option<PathBuf>,
    /// The server's configuration, which names either
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: AdminCommand,
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// Make or list accounts
    #[command(subcommand)]
    Account(AccountCommand),
    /// Tell how the server is
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
enum AccountCommand {
    /// Make an account and print its root user's credentials, once
    Create {
        /// The account's id, twelve digits
        #[arg(value_name = "ID")]
        id: String,
        /// Print {"AccountId", "AccessKeyId", "SecretAccessKey"}
        #[arg(long)]
        json: bool,
    },
    /// List all accounts
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Asks, and prints the answer.
pub(super) fn run(arguments: &AdminArguments) -> Result<(), Failed> {
    let socket = socket(arguments)?;
    match &arguments.command {
        AdminCommand::Account(AccountCommand::Create { id, json }) => {
            let body = serde_json::to_vec(&NewAccount {
                account_id: id.clone(),
            })?;
            let made: Value = asked(&socket, Method::POST, "/accounts", body)?;
            if *json {
                say(&made.to_string());
                return Ok(());
            }
            let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
            say(&format!(
                "Account {} was made. Its root user's access key, shown this once:\n\n  Access key id      {}\n  Secret \
                 access key  {}",
                text("AccountId"),
                text("AccessKeyId"),
                text("SecretAccessKey"),
            ));
        }
        AdminCommand::Account(AccountCommand::List { json }) => {
            let listed: ListedAccounts = asked(&socket, Method::GET, "/accounts", Vec::new())?;
            if *json {
                say(&serde_json::to_string(&listed)?);
                return Ok(());
            }
            for account in listed.accounts {
                say(&format!(
                    "{}  {}",
                    account.account_id,
                    account.access_key_ids.join(" ")
                ));
            }
        }
        AdminCommand::Status { json } => {
            let status: Status = asked(&socket, Method::GET, "/status", Vec::new())?;
            if *json {
                say(&serde_json::to_string(&status)?);
                return Ok(());
            }
            let mut lines = vec![
                format!(
                    "strongroom {}, process {}, up {} s",
                    status.version, status.process_id, status.up_seconds
                ),
                format!("api        {}", status.url),
                format!("store      {}", status.store),
            ];
            for named in status.hardening.iter().chain(&status.jobs) {
                lines.push(format!("{:<10} {}", named.name, named.state));
            }
            say(&lines.join("\n"));
        }
    }
    Ok(())
}

fn socket(arguments: &AdminArguments) -> Result<PathBuf, Failed> {
    if let Some(socket) = &arguments.socket {
        return Ok(socket.clone());
    }
    if let Some(path) = &arguments.config {
        let (config, _) = config::read(path, std::env::vars())?;
        return Ok(config.admin_socket()?);
    }
    let folder = arguments
        .data_dir
        .as_deref()
        .unwrap_or(Path::new(DATA_DIR_DEFAULT));
    Ok(folder.join(SOCKET_NAME))
}

/// Asks without a runtime being there already.
pub(super) fn asked<Answer: DeserializeOwned>(
    socket: &Path,
    method: Method,
    path: &'static str,
    body: Vec<u8>,
) -> Result<Answer, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(ask(socket, method, path, body))?)
}

/// Where packages put it.
const DATA_DIR_DEFAULT: &str = "/var/lib/strongroom";
