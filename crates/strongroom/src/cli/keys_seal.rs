//! `strongroom keys seal`: what opens the root key. Works on the seal file itself, with a server running or not:
//! a server reads the file at its start, and when it takes a new root key into use.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, Subcommand};
use strongroom_keys::SystemEntropy;
use strongroom_keys::seal::{self, SealFile, SealFileError, SealSource, Unsealed};

use super::dev::{KEY_FILE_NAME, SEAL_FILE_NAME};
use super::running_server::RunningServer;
use super::seal_sources::{self, Asking, Sources};
use super::{Failed, runtime, say};
use crate::audit::AuditSettings;
use crate::config::{self, Config};
use crate::jobs;
use crate::memory::CacheSizes;
use crate::node::{Node, NodeOptions};

/// What to do with the seals.
#[derive(Debug, Subcommand)]
pub(super) enum SealCommand {
    /// List what opens the root key
    List,
    /// Add another seal, so that a lost one isn't a lost business
    Add(NewSeal),
    /// Remove a seal: what it needs opens the root key no more
    ///
    /// The root key itself stays the same: if someone else may have had what the seal needs, run `strongroom keys
    /// rewrap` after it.
    Remove {
        /// Its name, as `list` prints it
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Add a seal that is split among people, and print their shares, once
    Shares {
        /// How many shares are needed to open the root key
        #[arg(long, value_name = "M")]
        threshold: u8,
        /// How many shares there are
        #[arg(long, value_name = "N")]
        shares: u8,
    },
    /// Prove that each configured source, or these shares, would open the root key; changes nothing
    Drill {
        /// Ask for recovery shares instead of trying what is configured
        #[arg(long)]
        shares: bool,
    },
}

/// The seal to add.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("kind").required(true).multiple(false)))]
pub(super) struct NewSeal {
    /// A key file; it is made where it is missing
    #[arg(long, value_name = "PATH", group = "kind")]
    key_file: Option<PathBuf>,
    /// A passphrase, asked for twice
    #[arg(long, group = "kind")]
    passphrase: bool,
    /// The first line of a file as passphrase
    #[arg(long, value_name = "PATH", group = "kind")]
    passphrase_file: Option<PathBuf>,
    /// The token of the configuration: seal.pkcs11_module and so on
    #[arg(long, group = "kind")]
    pkcs11: bool,
    /// The other KMS of the configuration: seal.kms_key_id and so on
    #[arg(long, group = "kind")]
    kms: bool,
}

/// Does it.
pub(super) fn run(server: &RunningServer, command: &SealCommand) -> Result<(), Failed> {
    let place = Place::of(server)?;
    match command {
        SealCommand::List => {
            for seal in SealFile::read(&place.seal_file)?.listed() {
                say(&format!("{}  {}", seal.name, seal.kind));
            }
            Ok(())
        }
        SealCommand::Add(new) => {
            let source = place.source(new)?;
            let root = place.unseal()?.root;
            SealFile::edit(&place.seal_file, |file| {
                let changed = file.with_seal(&source, &root, &SystemEntropy);
                Ok::<_, EditFailed>((changed.map_err(Failed::from)?, ()))
            })?;
            say(&format!(
                "Added: {source}. It opens the root key from now on."
            ));
            Ok(())
        }
        SealCommand::Remove { name } => {
            SealFile::edit(&place.seal_file, |file| match file.without(name) {
                Some(changed) => Ok((changed, ())),
                None => Err(EditFailed(Failed::new(format!(
                    "there is no seal {name} besides others: `strongroom keys seal list` prints their names, and \
                     the last one can't be removed, since the root key would be lost with it"
                )))),
            })?;
            say(
                "Removed. If someone else may have had what it needs, run `strongroom keys rewrap` now, and keep old \
                 copies of the seal file away from them.",
            );
            Ok(())
        }
        SealCommand::Shares { threshold, shares } => {
            let root = place.unseal()?.root;
            let made = SealFile::edit(&place.seal_file, |file| {
                let (changed, made) = file
                    .with_shares(*threshold, *shares, &root, &SystemEntropy)
                    .map_err(Failed::from)?;
                Ok::<_, EditFailed>((changed, made))
            })?;
            say(&format!(
                "{threshold} of these {shares} shares open the root key. They are shown this once: print each by itself, \
                 and give each to someone else.\n"
            ));
            for share in &made {
                let text = share.to_text();
                say(&format!(
                    "share {} of {shares}\n  {}\n",
                    share.index(),
                    String::from_utf8_lossy(text.expose())
                ));
            }
            say("Try them out: strongroom keys seal drill --shares");
            Ok(())
        }
        SealCommand::Drill { shares } => place.drill(*shares),
    }
}

/// Seals everything anew under a new root key on a folder that no server runs on.
pub(super) fn rewrap_offline(server: &RunningServer) -> Result<(), Failed> {
    let place = Place::of(server)?;
    let unsealed = place.unseal()?;
    runtime(2)?.block_on(async {
        let node = Node::open(NodeOptions {
            data_dir: place.folder.clone(),
            unsealed,
            seal_file: place.seal_file.clone(),
            dev: false,
            caches: CacheSizes::SMALL,
            audit: Some(AuditSettings::default()),
        })
        .await?;
        let done = jobs::rewrap_now(&node).await;
        node.tidy_audit().await;
        node.close();
        say(&format!("rewrap: done, {} renewed", done?));
        Ok(())
    })
}

/// Where the seal file is, and what is configured to open it.
struct Place {
    folder: PathBuf,
    seal_file: PathBuf,
    config: Option<Config>,
    beside: PathBuf,
}

impl Place {
    fn of(server: &RunningServer) -> Result<Self, Failed> {
        let config = match &server.config {
            Some(path) => Some(config::read(path, std::env::vars())?.0),
            None => None,
        };
        let folder = match (&config, &server.data_dir) {
            (Some(config), _) => config.data_dir()?.to_owned(),
            (None, Some(folder)) => folder.clone(),
            (None, None) => {
                return Err(Failed::new(
                    "name the server's configuration with --config, or a development server's folder with --data-dir",
                ));
            }
        };
        Ok(Place {
            seal_file: folder.join(SEAL_FILE_NAME),
            beside: folder.join(KEY_FILE_NAME),
            folder,
            config,
        })
    }

    /// Opens the root key. Not while the file is being edited: a server that takes a new root key into use
    /// would wait for whoever is asked for a passphrase here.
    fn unseal(&self) -> Result<Unsealed, Failed> {
        let file = SealFile::read(&self.seal_file)?;
        match &self.config {
            Some(config) => seal_sources::unseal(&file, &config.seal),
            None => {
                let beside = [SealSource::KeyFile(self.beside.clone())];
                Ok(seal::unseal(&file, &beside)?)
            }
        }
    }

    fn source(&self, new: &NewSeal) -> Result<SealSource, Failed> {
        if let Some(path) = &new.key_file {
            return Ok(SealSource::KeyFile(path.clone()));
        }
        if let Some(path) = &new.passphrase_file {
            return passphrase_of(path);
        }
        if new.passphrase {
            return Ok(SealSource::Passphrase(seal_sources::prompt(Asking::Twice)?));
        }
        let configured = self.config.as_ref().map(|config| &config.seal);
        let found = match configured {
            Some(seal) if new.pkcs11 => seal_sources::token(seal)?,
            Some(seal) => seal_sources::kms(seal)?,
            None => None,
        };
        found.ok_or_else(|| {
            Failed::new(
                "the configuration doesn't name it: set seal.pkcs11_module and seal.pkcs11_token, or seal.kms_key_id \
                 and seal.kms_region, and give --config",
            )
        })
    }

    /// Each source by itself: that one opens says nothing of the others.
    fn drill(&self, shares: bool) -> Result<(), Failed> {
        let file = SealFile::read(&self.seal_file)?;
        let sources = match (&self.config, shares) {
            (_, true) => Sources {
                usable: vec![SealSource::Shares(seal_sources::ask_for_shares()?)],
                unusable: Vec::new(),
            },
            (Some(config), false) => Sources::all(&config.seal),
            (None, false) => Sources {
                usable: vec![SealSource::KeyFile(self.beside.clone())],
                unusable: Vec::new(),
            },
        };
        let mut failed = sources.unusable.len();
        for problem in &sources.unusable {
            say(&format!("failed  {problem}"));
        }
        for source in sources.usable {
            let name = source.to_string();
            match seal::unseal(&file, &[source]) {
                Ok(_) => say(&format!("ok      {name}")),
                Err(error) => {
                    failed += 1;
                    let problem = error.attempts.first().map(|it| it.problem.to_string());
                    say(&format!("failed  {name}: {}", problem.unwrap_or_default()));
                }
            }
        }
        match failed {
            0 => Ok(()),
            _ => Err(Failed::new("not everything opens the root key that should")),
        }
    }
}

fn passphrase_of(path: &Path) -> Result<SealSource, Failed> {
    let line = seal_sources::first_line(path, "--passphrase-file")?;
    Ok(SealSource::Passphrase(line))
}

/// Why the seal file was not changed.
struct EditFailed(Failed);

impl From<Failed> for EditFailed {
    fn from(failed: Failed) -> Self {
        EditFailed(failed)
    }
}

impl From<SealFileError> for EditFailed {
    fn from(error: SealFileError) -> Self {
        EditFailed(error.into())
    }
}

impl From<EditFailed> for Failed {
    fn from(EditFailed(failed): EditFailed) -> Self {
        failed
    }
}
