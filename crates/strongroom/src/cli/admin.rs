//! `strongroom admin`: asks a running server over its operators' socket.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::Value;

use super::running_server::{RunningServer, asked};
use super::{Failed, account_policy, say};
use crate::admin::{ListedAccounts, NewAccount, Status};

/// Ask or tell a running server: accounts, status
///
/// Only the server's own user and root may. None of it gives a way to read a secret.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strongroom admin account create 210987654321
  strongroom admin --data-dir ./data account create 210987654321 --json
  strongroom admin account list
  strongroom admin account policy put --account 210987654321 --name NoDeletes --file no-deletes.json
  strongroom admin --socket /run/strongroom/admin.sock status")]
pub(super) struct AdminArguments {
    #[command(flatten)]
    server: RunningServer,
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
    /// Bound what everyone in an account may do, root as well: service control policies
    #[command(subcommand)]
    Policy(account_policy::PolicyCommand),
}

/// Asks, and prints the answer.
pub(super) fn run(arguments: &AdminArguments) -> Result<(), Failed> {
    let socket = arguments.server.socket()?;
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
        AdminCommand::Account(AccountCommand::Policy(command)) => {
            account_policy::run(&socket, command)?;
        }
        AdminCommand::Status { json } => {
            let status: Status = asked(&socket, Method::GET, "/status", Vec::new())?;
            if *json {
                say(&serde_json::to_string(&status)?);
                return Ok(());
            }
            let head = format!(
                "strongroom {}, process {}, up {} s",
                status.version, status.process_id, status.up_seconds
            );
            let named = status.hardening.iter().chain(&status.jobs);
            let named = named.map(|named| (named.name.as_str(), named.state.as_str()));
            let rows = [("api", &*status.url), ("store", &*status.store)];
            let rows: Vec<_> = rows.into_iter().chain(named).collect();
            let widest = rows.iter().map(|(name, _)| name.chars().count()).max();
            let width = widest.unwrap_or_default();
            let lines = rows
                .iter()
                .map(|(name, state)| format!("{name:width$} {state}"));
            let lines: Vec<String> = std::iter::once(head).chain(lines).collect();
            say(&lines.join("\n"));
        }
    }
    Ok(())
}
