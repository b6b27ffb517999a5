//! What opens the root key, as configured.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use strongroom_keys::SecretBytes;
use strongroom_keys::seal::{self, SealFile, SealSource, Share, Unsealed};

use super::{Failed, terminal};
use crate::config::Seal;
use crate::credentials::Credentials;
use crate::seals::{KmsEndpoint, KmsSeal, TokenKey, TokenSeal};

/// Whether a passphrase is asked for once, or twice as where it is new.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    Once,
    Twice,
}

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What is configured, as far as it can be used.
#[derive(Default)]
pub(super) struct Sources {
    pub(super) usable: Vec<SealSource>,
    /// Why each of the others can't be: a file that is gone, a variable that isn't set.
    pub(super) unusable: Vec<String>,
}

impl Sources {
    /// Those that need nobody to be there.
    pub(super) fn unattended(seal: &Seal) -> Self {
        let mut sources = Self::default();
        let key_file = seal.key_file.clone().map(SealSource::KeyFile);
        sources.take(Ok(key_file));
        sources.take(systemd_credential(seal));
        if !seal.pkcs11_pin_prompt {
            sources.take(token(seal));
        }
        sources.take(kms(seal));
        sources.take(kept_passphrase(seal));
        sources.take(kept_shares(seal));
        sources
    }

    /// Those that ask on the terminal.
    pub(super) fn attended(seal: &Seal, asking: Asking) -> Self {
        let mut sources = Self::default();
        if seal.pkcs11_pin_prompt {
            sources.take(token(seal));
        }
        if seal.passphrase_prompt {
            sources.take(prompt(asking).map(|it| Some(SealSource::Passphrase(it))));
        }
        if seal.shares_prompt && asking == Asking::Once {
            sources.take(ask_for_shares().map(|it| Some(SealSource::Shares(it))));
        }
        sources
    }

    /// All of them.
    pub(super) fn all(seal: &Seal) -> Self {
        let mut sources = Self::unattended(seal);
        sources.extend(Self::attended(seal, Asking::Once));
        sources
    }

    fn extend(&mut self, more: Self) {
        self.usable.extend(more.usable);
        self.unusable.extend(more.unusable);
    }

    fn take(&mut self, found: Result<Option<SealSource>, Failed>) {
        match found {
            Ok(found) => self.usable.extend(found),
            Err(Failed(why)) => self.unusable.push(why),
        }
    }
}

/// What a new root key is to be sealed with: all that is configured, none of which may be missing. Shares
/// come from a seal, so they aren't among it.
pub(super) fn to_seal_with(seal: &Seal) -> Result<Vec<SealSource>, Failed> {
    let mut sources = Sources::unattended(seal);
    if sources.unusable.is_empty() {
        sources.extend(Sources::attended(seal, Asking::Twice));
    }
    match sources.unusable.into_iter().next() {
        Some(why) => Err(Failed(why)),
        None => {
            let is_there = |source: &SealSource| !matches!(source, SealSource::Shares(_));
            Ok(sources.usable.into_iter().filter(is_there).collect())
        }
    }
}

/// Opens the root key with the first configured source that can, and tells of each that didn't. It asks on
/// the terminal only where none opens it that needs nobody. Where all that is in the way may go away by
/// itself, it waits for that as long as is configured.
pub(super) fn unseal(file: &SealFile, seal: &Seal) -> Result<Unsealed, Failed> {
    let until = Instant::now() + Duration::from_secs(seal.wait_seconds);
    let mut pause = FIRST_PAUSE;
    let mut is_asked = false;
    let Sources {
        usable: mut sources,
        unusable: mut lasting,
    } = Sources::unattended(seal);
    loop {
        let attempts = match seal::unseal(file, &sources) {
            Ok(unsealed) => {
                let failed = unsealed.failed.iter().map(ToString::to_string);
                for problem in lasting.into_iter().chain(failed) {
                    tracing::warn!(
                        problem,
                        "a seal doesn't open the root key; another one did: mend it before it is needed"
                    );
                }
                return Ok(unsealed);
            }
            Err(error) => error.attempts,
        };
        // What won't pass isn't tried again: above all not a wrong PIN.
        let mut passing = Vec::new();
        let mut waiting = Vec::new();
        for (source, attempt) in sources.into_iter().zip(attempts) {
            if attempt.problem.may_pass() {
                passing.push(attempt.to_string());
                waiting.push(source);
            } else {
                lasting.push(attempt.to_string());
            }
        }
        sources = waiting;
        if !is_asked {
            is_asked = true;
            let more = Sources::attended(seal, Asking::Once);
            lasting.extend(more.unusable);
            if !more.usable.is_empty() {
                sources.extend(more.usable);
                continue;
            }
        }
        if sources.is_empty() || Instant::now() + pause >= until {
            let tried = [lasting, passing].concat().join("\n- ");
            let seals = file.kinds().join(", ");
            return Err(Failed(format!(
                "the root key stays sealed (with: {seals}), and nothing is changed; tried:\n- {tried}"
            )));
        }
        for problem in passing {
            tracing::warn!(problem, "waiting for what opens the root key");
        }
        std::thread::sleep(pause);
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}

fn systemd_credential(seal: &Seal) -> Result<Option<SealSource>, Failed> {
    let Some(name) = &seal.systemd_credential else {
        return Ok(None);
    };
    let directory = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let directory = directory.ok_or_else(|| {
        Failed::new(
            "seal.systemd_credential is set, but $CREDENTIALS_DIRECTORY is not: start through systemd, with \
             LoadCredential= or LoadCredentialEncrypted= in the unit file",
        )
    })?;
    Ok(Some(SealSource::SystemdCredential {
        directory,
        name: name.clone(),
    }))
}

fn kept_passphrase(seal: &Seal) -> Result<Option<SealSource>, Failed> {
    let passphrase = match (&seal.passphrase_file, &seal.passphrase_env) {
        (Some(path), _) => first_line(path, "seal.passphrase_file")?,
        (None, Some(name)) => variable(name, "seal.passphrase_env")?,
        (None, None) => return Ok(None),
    };
    Ok(Some(SealSource::Passphrase(passphrase)))
}

/// The configured token.
pub(super) fn token(seal: &Seal) -> Result<Option<SealSource>, Failed> {
    let (Some(module), Some(token)) = (&seal.pkcs11_module, &seal.pkcs11_token) else {
        return Ok(None);
    };
    let pin = if let Some(path) = &seal.pkcs11_pin_file {
        first_line(path, "seal.pkcs11_pin_file")?
    } else if let Some(name) = &seal.pkcs11_pin_env {
        variable(name, "seal.pkcs11_pin_env")?
    } else {
        ask(&format!("PIN of token {token}"), "seal.pkcs11_pin_prompt")?
    };
    let at = TokenKey {
        module: module.clone(),
        token: token.clone(),
        key: seal.pkcs11_key.clone(),
    };
    Ok(Some(SealSource::Device(Box::new(TokenSeal::new(at, pin)))))
}

/// The configured other KMS.
pub(super) fn kms(seal: &Seal) -> Result<Option<SealSource>, Failed> {
    let (Some(key_id), Some(region)) = (&seal.kms_key_id, &seal.kms_region) else {
        return Ok(None);
    };
    let file = seal.kms_credentials_file.as_deref();
    let credentials = Credentials::read(file, "seal.kms_credentials_file");
    let endpoint = KmsEndpoint {
        key_id: key_id.clone(),
        region: region.clone(),
        endpoint: seal.kms_endpoint.clone(),
        authorities: seal.kms_ca_file.clone(),
        credentials: credentials.map_err(Failed)?,
    };
    Ok(Some(SealSource::Device(Box::new(KmsSeal::new(endpoint)))))
}

fn kept_shares(seal: &Seal) -> Result<Option<SealSource>, Failed> {
    let Some(path) = &seal.shares_file else {
        return Ok(None);
    };
    let text = read(path, "seal.shares_file")?;
    let lines = text.expose().split(|byte| *byte == b'\n');
    let mut shares = Vec::new();
    for (number, line) in lines.enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let share = Share::parse(&SecretBytes::copy_of(line)).map_err(|problem| {
            let path = path.display();
            Failed::new(format!("{path}, line {}: {problem}", number + 1))
        })?;
        shares.push(share);
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
