//! What opens the root key, as configured.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use strongroom_keys::SecretBytes;
use strongroom_keys::seal::{self, SealFile, SealSource, Share, Unsealed};

use super::{Failed, terminal};
use crate::config::Seal;
use crate::seals::{KmsEndpoint, KmsSeal, TokenKey, TokenSeal};

/// Whether a passphrase is asked for once, or twice as where it is new.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    Once,
    Twice,
    /// Where nobody may be there to answer: a prompt is left out.
    Never,
}

const WAIT_SECONDS: u64 = 60;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const KEY_LABEL: &str = "strongroom";

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
    sources.extend(token(seal, asking)?);
    sources.extend(kms(seal)?);
    if let Some(path) = &seal.passphrase_file {
        let line = first_line(path, "seal.passphrase_file")?;
        sources.push(SealSource::Passphrase(line));
    }
    if let Some(name) = &seal.passphrase_env {
        let text = variable(name, "seal.passphrase_env")?;
        sources.push(SealSource::Passphrase(text));
    }
    if seal.passphrase_prompt && asking != Asking::Never {
        sources.push(SealSource::Passphrase(prompt(asking)?));
    }
    if asking != Asking::Twice {
        sources.extend(shares(seal, asking)?);
    }
    Ok(sources)
}

/// Opens the root key with what is configured, and tells of each source that didn't. Where all that is in
/// the way may go away by itself, it waits for that as long as is configured.
pub(super) fn unseal(file: &SealFile, seal: &Seal) -> Result<Unsealed, Failed> {
    let mut sources = sources(seal, Asking::Once)?;
    let until = Instant::now() + Duration::from_secs(seal.wait_seconds.unwrap_or(WAIT_SECONDS));
    let mut pause = FIRST_PAUSE;
    loop {
        match seal::unseal(file, &sources) {
            Ok(unsealed) => {
                for attempt in &unsealed.failed {
                    tracing::warn!(
                        source = %attempt.source,
                        problem = %attempt.problem,
                        "a seal doesn't open the root key; another one did: mend it before it is needed"
                    );
                }
                return Ok(unsealed);
            }
            Err(error) if error.may_pass() && Instant::now() + pause < until => {
                tracing::warn!(%error, "waiting for what opens the root key");
                let mut attempts = error.attempts.iter();
                sources.retain(|_| attempts.next().is_some_and(|it| it.problem.may_pass()));
                std::thread::sleep(pause);
                pause = (2 * pause).min(LONGEST_PAUSE);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The configured token.
pub(super) fn token(seal: &Seal, asking: Asking) -> Result<Option<SealSource>, Failed> {
    let (Some(module), Some(token)) = (&seal.pkcs11_module, &seal.pkcs11_token) else {
        return Ok(None);
    };
    let pin = if let Some(path) = &seal.pkcs11_pin_file {
        first_line(path, "seal.pkcs11_pin_file")?
    } else if let Some(name) = &seal.pkcs11_pin_env {
        variable(name, "seal.pkcs11_pin_env")?
    } else if asking == Asking::Never {
        return Ok(None);
    } else {
        ask(&format!("PIN of token {token}"), "seal.pkcs11_pin_prompt")?
    };
    let at = TokenKey {
        module: module.clone(),
        token: token.clone(),
        key: seal
            .pkcs11_key
            .clone()
            .unwrap_or_else(|| KEY_LABEL.to_owned()),
    };
    Ok(Some(SealSource::Device(Box::new(TokenSeal::new(at, pin)))))
}

/// The configured other KMS.
pub(super) fn kms(seal: &Seal) -> Result<Option<SealSource>, Failed> {
    let (Some(key_id), Some(region)) = (&seal.kms_key_id, &seal.kms_region) else {
        return Ok(None);
    };
    let kept = match &seal.kms_credentials_file {
        Some(path) => Some(read(path, "seal.kms_credentials_file")?),
        None => None,
    };
    let value = |name: &str| match &kept {
        Some(kept) => assigned(kept.expose(), name),
        None => std::env::var(name)
            .ok()
            .map(|value| SecretBytes::new(value.into_bytes())),
    };
    let text = |value: SecretBytes| String::from_utf8_lossy(value.expose()).into_owned();
    let missing = |name: &str| {
        Failed::new(format!(
            "seal.kms_key_id is set, but there is no {name}: set it in the environment, or in the file that \
             seal.kms_credentials_file names"
        ))
    };
    let (id, secret) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
    let endpoint = KmsEndpoint {
        key_id: key_id.clone(),
        region: region.clone(),
        endpoint: seal.kms_endpoint.clone(),
        authorities: seal.kms_ca_file.clone(),
        access_key_id: value(id).map(text).ok_or_else(|| missing(id))?,
        secret_access_key: value(secret).ok_or_else(|| missing(secret))?,
        session_token: value("AWS_SESSION_TOKEN").map(text),
    };
    Ok(Some(SealSource::Device(Box::new(KmsSeal::new(endpoint)))))
}

/// The configured recovery shares.
fn shares(seal: &Seal, asking: Asking) -> Result<Option<SealSource>, Failed> {
    let mut shares = Vec::new();
    if let Some(path) = &seal.shares_file {
        let text = read(path, "seal.shares_file")?;
        let lines = text.expose().split(|byte| *byte == b'\n');
        for line in lines.filter(|line| !line.trim_ascii().is_empty()) {
            shares.push(Share::parse(&SecretBytes::copy_of(line))?);
        }
    } else if seal.shares_prompt && asking != Asking::Never {
        shares = ask_for_shares()?;
    } else {
        return Ok(None);
    }
    Ok(Some(SealSource::Shares(shares)))
}

/// Asks for shares, one after the other, until an empty answer.
pub(super) fn ask_for_shares() -> Result<Vec<Share>, Failed> {
    let mut shares = Vec::new();
    loop {
        let question = format!("Recovery share {} (empty: no more)", shares.len() + 1);
        let text = ask(&question, "seal.shares_prompt")?;
        if text.expose().trim_ascii().is_empty() {
            return Ok(shares);
        }
        match Share::parse(&text) {
            Ok(share) => shares.push(share),
            Err(problem) => super::say(&problem.to_string()),
        }
    }
}

pub(super) fn first_line(path: &Path, key: &str) -> Result<SecretBytes, Failed> {
    let text = read(path, key)?;
    let line = text.expose().split(|byte| *byte == b'\n').next();
    Ok(SecretBytes::copy_of(line.unwrap_or_default()))
}

fn read(path: &Path, key: &str) -> Result<SecretBytes, Failed> {
    let text = std::fs::read(path).map_err(|error| {
        Failed::new(format!(
            "{key} {} can't be read ({error}): check its path and owner",
            path.display()
        ))
    })?;
    Ok(SecretBytes::new(text))
}

fn variable(name: &str, key: &str) -> Result<SecretBytes, Failed> {
    let text = std::env::var(name).map_err(|_| {
        Failed::new(format!(
            "{key} names ${name}, which is not set: set it before the start"
        ))
    })?;
    Ok(SecretBytes::new(text.into_bytes()))
}

/// The value of a line `NAME=value`, as an env file has it.
fn assigned(text: &[u8], name: &str) -> Option<SecretBytes> {
    text.split(|byte| *byte == b'\n').find_map(|line| {
        let line = line.trim_ascii();
        let line = line.strip_prefix(b"export ").unwrap_or(line);
        let value = line.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        let quoted = value
            .strip_prefix(b"'")
            .and_then(|value| value.strip_suffix(b"'"));
        Some(SecretBytes::copy_of(quoted.unwrap_or(value)))
    })
}

pub(super) fn prompt(asking: Asking) -> Result<SecretBytes, Failed> {
    let key = "seal.passphrase_prompt";
    let passphrase = ask("Passphrase of the root key", key)?;
    if asking == Asking::Twice && !passphrase.matches(&ask("The same again", key)?) {
        return Err(Failed::new("the two passphrases differ; try again"));
    }
    Ok(passphrase)
}

fn ask(question: &str, key: &str) -> Result<SecretBytes, Failed> {
    terminal::ask_for_passphrase(question).map_err(|error| {
        Failed::new(format!(
            "{key} asks, but there is no terminal to ask on ({error}): start from a terminal, or use another seal"
        ))
    })
}
