//! `strongroom admin account policy`: what bounds everyone in an account.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use http::Method;

use super::running_server::asked;
use super::{Failed, say};
use crate::admin::{AccountPolicies, AccountPolicy};

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Put a policy in, in the place of the one of its name
    ///
    /// It has the grammar of an identity-based policy, at most 5,120 characters, and an account has at most five. What
    /// it denies nobody of the account may do, its root user neither; what none of an account's policies allows, the
    /// same. With the first one FullAWSAccess is attached, as AWS Organizations does: delete it to allow only what the
    /// others list.
    #[command(after_help = "Examples:
  strongroom admin account policy put --account 210987654321 --name NoDeletes --file no-deletes.json
  echo '{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Deny\",
    \"Action\": \"secretsmanager:DeleteSecret\", \"Resource\": \"*\"}}' |
    strongroom admin account policy put --account 210987654321 --name NoDeletes")]
    Put {
        #[command(flatten)]
        policy: Named,
        /// The policy; by default it is read from standard input
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// List the names of an account's policies
    List {
        /// The account's id
        #[arg(long, value_name = "ID")]
        account: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a policy
    Show {
        #[command(flatten)]
        policy: Named,
    },
    /// Delete a policy; after the last one nothing bounds the account
    Delete {
        #[command(flatten)]
        policy: Named,
    },
}

/// Which policy.
#[derive(Debug, clap::Args)]
pub(super) struct Named {
    /// The account's id
    #[arg(long, value_name = "ID")]
    account: String,
    /// The policy's name
    #[arg(long, value_name = "NAME")]
    name: String,
}

impl Named {
    fn body(&self, document: Option<String>) -> Result<Vec<u8>, Failed> {
        Ok(serde_json::to_vec(&AccountPolicy {
            account_id: self.account.clone(),
            name: self.name.clone(),
            document,
        })?)
    }
}

/// Asks, and prints the answer.
pub(super) fn run(socket: &Path, command: &PolicyCommand) -> Result<(), Failed> {
    match command {
        PolicyCommand::Put { policy, file } => {
            let body = policy.body(Some(read(file.as_deref())?))?;
            let done: AccountPolicies =
                asked(socket, Method::POST, "/accounts/policies/put", body)?;
            say(&format!(
                "Policy {} is in force in account {}.",
                policy.name, done.account_id
            ));
            if done.full_access_attached {
                say(
                    "FullAWSAccess was attached with it: without one that allows, nobody could do anything.",
                );
            }
        }
        PolicyCommand::List { account, json } => {
            let body = serde_json::to_vec(&AccountPolicy {
                account_id: account.clone(),
                ..AccountPolicy::default()
            })?;
            let listed: AccountPolicies =
                asked(socket, Method::POST, "/accounts/policies/list", body)?;
            if *json {
                say(&serde_json::to_string(&listed)?);
            } else if !listed.names.is_empty() {
                say(&listed.names.join("\n"));
            }
        }
        PolicyCommand::Show { policy } => {
            let body = policy.body(None)?;
            let shown: AccountPolicy =
                asked(socket, Method::POST, "/accounts/policies/show", body)?;
            say(shown.document.unwrap_or_default().trim_end());
        }
        PolicyCommand::Delete { policy } => {
            let body = policy.body(None)?;
            let left: AccountPolicies =
                asked(socket, Method::POST, "/accounts/policies/delete", body)?;
            say(&match left.names.as_slice() {
                [] => format!("Nothing bounds account {} any more.", left.account_id),
                names => format!(
                    "Account {} is bounded by {} alone.",
                    left.account_id,
                    names.join(", ")
                ),
            });
        }
    }
    Ok(())
}

fn read(file: Option<&Path>) -> Result<String, Failed> {
    let Some(path) = file else {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    };
    std::fs::read_to_string(path)
        .map_err(|error| Failed::new(format!("{} can't be read ({error})", path.display())))
}
