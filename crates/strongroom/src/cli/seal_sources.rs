//! What opens the root key, as configured.

use std::path::PathBuf;

use strongroom_keys::SecretBytes;
use strongroom_keys::seal::SealSource;

use super::{Failed, terminal};
use crate::config::Seal;

/// Whether a passphrase is asked for once, or twice as where it is new.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    Once,
    Twice,
    /// Where nobody may be there to answer: a prompt is left out.
    Never,
}

/// All configured sources.
pub(super) fn sources(seal: &Seal, asking: Asking) -> Result<Vec<SealSource>, Failed> {
    let mut sources = Vec::new();
    if let Some(path) = &seal.key_file {
        sources.push(SealSource::KeyFile(path.clone()));
    }
    if let Some(name) = &seal.systemd_credential {
        let directory = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from).ok_or_else(|| {
            Failed::new(
                "seal.systemd_credential is set, but $CREDENTIALS_DIRECTORY is not: start through systemd, with \
                 LoadCredential= or LoadCredentialEncrypted= in the unit file",
            )
        })?;
        sources.push(SealSource::SystemdCredential {
            directory,
            name: name.clone(),
        });
    }
    if let Some(path) = &seal.passphrase_file {
        let text = std::fs::read(path).map_err(|error| {
            Failed::new(format!(
                "seal.passphrase_file {} can't be read ({error}): check its path and owner",
                path.display()
            ))
        })?;
        let text = SecretBytes::new(text);
        let first_line = text
            .expose()
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        sources.push(SealSource::Passphrase(SecretBytes::copy_of(first_line)));
    }
    if let Some(name) = &seal.passphrase_env {
        let text = std::env::var(name).map_err(|_| {
            Failed::new(format!(
                "seal.passphrase_env names ${name}, which is not set: set it before the start"
            ))
        })?;
        sources.push(SealSource::Passphrase(SecretBytes::new(text.into_bytes())));
    }
    if seal.passphrase_prompt && asking != Asking::Never {
        sources.push(SealSource::Passphrase(prompt(asking)?));
    }
    Ok(sources)
}

fn prompt(asking: Asking) -> Result<SecretBytes, Failed> {
    let ask = |question: &str| {
        terminal::ask_for_passphrase(question).map_err(|error| {
            Failed::new(format!(
                "seal.passphrase_prompt is set, but there is no terminal to ask on ({error}): start from a terminal, or \
                 use another seal"
            ))
        })
    };
    let passphrase = ask("Passphrase of the root key")?;
    if asking == Asking::Twice && !passphrase.matches(&ask("The same again")?) {
        return Err(Failed::new("the two passphrases differ; try again"));
    }
    Ok(passphrase)
}
