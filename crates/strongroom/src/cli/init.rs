//! `strongroom init`: the data folder, the root key and the first account.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use strongroom_keys::seal::{self, SealFile, Unsealed};
use strongroom_keys::{Entropy as _, SystemEntropy};
use strongroom_services::caller::AccountId;

use super::dev::SEAL_FILE_NAME;
use super::seal_sources::{to_seal_with, unseal};
use super::serve::read_config;
use super::{Failed, runtime, say};
use crate::audit::AuditSettings;
use crate::config::Config;
use crate::memory::CacheSizes;
use crate::node::{Node, NodeOptions};

/// Make the data folder, the root key and the first account, once, before the first `serve`
///
/// Prints the account's root credentials. They are shown this once and kept sealed from then on.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strongroom init --config strongroom.toml
  strongroom init --config strongroom.toml --account-id 210987654321 --json")]
pub(super) struct InitArguments {
    /// The configuration, a TOML file; needs data.dir and [seal]
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The first account's id, twelve digits; by default random ones
    #[arg(long, value_name = "ID", value_parser = account_id)]
    account_id: Option<AccountId>,
    /// Print the credentials as JSON
    #[arg(long)]
    json: bool,
}

/// Makes it all, or says why not.
pub(super) fn run(arguments: &InitArguments) -> Result<(), Failed> {
    let config = read_config(&arguments.config)?;
    let data_dir = config.data_dir()?.to_owned();
    runtime(2)?.block_on(async {
        let node = open(&config, &data_dir).await?;
        if !node.accounts()?.is_empty() {
            node.close();
            return Err(Failed::new(format!(
                "{} is initialised already: start it with `strongroom serve`, and make further accounts with \
                 `strongroom admin account create`",
                data_dir.display()
            )));
        }
        let id = arguments.account_id.clone().map_or_else(random_account_id, Ok)?;
        let made = node.create_account(&id).await?;
        node.tidy_audit().await;
        node.close();
        let secret = String::from_utf8_lossy(made.secret_access_key.expose());
        if arguments.json {
            let made = json!({ "AccountId": id, "AccessKeyId": made.access_key_id, "SecretAccessKey": secret });
            say(&made.to_string());
            return Ok(());
        }
        say(&format!(
            "Initialised {folder}.

The first account and its root user's access key. The secret is shown this once; keep it safe.

  Account id         {id}
  Access key id      {access_key_id}
  Secret access key  {secret}

What opens the root key can't be made again: keep a copy of it apart from the data, and {folder}/{SEAL_FILE_NAME}
with each backup.

Next:
  strongroom doctor --config {config}
  strongroom serve --config {config}",
            folder = data_dir.display(),
            access_key_id = made.access_key_id,
            config = arguments.config.display(),
        ));
        Ok(())
    })
}

/// Opens the folder, made where it is missing. One that an interrupted `init` left without an account is gone on with.
async fn open(config: &Config, data_dir: &Path) -> Result<Arc<Node>, Failed> {
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir);
    made.map_err(|error| {
        let folder = data_dir.display();
        Failed::new(format!(
            "the data folder {folder} can't be made ({error}): make it, owned by the server's user"
        ))
    })?;
    Ok(Node::open(NodeOptions {
        unsealed: root_key(config, &data_dir.join(SEAL_FILE_NAME))?,
        seal_file: data_dir.join(SEAL_FILE_NAME),
        data_dir: data_dir.to_owned(),
        dev: false,
        caches: CacheSizes::SMALL,
        audit: Some(AuditSettings {
            memory: config.audit.memory()?.map(Arc::new),
            ..config.audit.settings()?
        }),
    })
    .await?)
}

fn root_key(config: &Config, seal_path: &Path) -> Result<Unsealed, Failed> {
    if seal_path.exists() {
        return unseal(&SealFile::read(seal_path)?, &config.seal);
    }
    let (root, sealed) = seal::create(&to_seal_with(&config.seal)?, &SystemEntropy)?;
    sealed.write_new(seal_path)?;
    Ok(Unsealed {
        root,
        retiring: Vec::new(),
        failed: Vec::new(),
    })
}

fn random_account_id() -> Result<AccountId, Failed> {
    let mut random = [0; 8];
    SystemEntropy.fill(&mut random);
    Ok(AccountId::parse(&format!(
        "{:012}",
        u64::from_be_bytes(random) % 1_000_000_000_000
    ))?)
}

fn account_id(text: &str) -> Result<AccountId, String> {
    AccountId::parse(text).map_err(|error| error.to_string())
}
