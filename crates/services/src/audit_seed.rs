//! What an audit log is signed by, sealed under the root key. Knows no log: only its id.

use serde::{Deserialize, Serialize};
use strongroom_keys::{CredentialName, Entropy, Keyring, OpenError, Sealed, SecretBytes};

/// Under which name it is sealed: no account has this id.
const ACCOUNT: &str = "audit";

/// The seed of an audit log's signing key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuditSeed {
    /// The log's id, in hex.
    pub log: String,
    sealed: Sealed,
}

impl AuditSeed {
    /// Seals a seed.
    pub fn new(log: &str, seed: &SecretBytes, keyring: &Keyring, entropy: &dyn Entropy) -> Self {
        AuditSeed {
            log: log.to_owned(),
            sealed: keyring.seal_credential(name(log), seed, entropy),
        }
    }

    /// The seed.
    ///
    /// # Errors
    /// It was sealed for another log, or under a root key that isn't here, or was changed.
    pub fn open(&self, keyring: &Keyring) -> Result<SecretBytes, OpenError> {
        keyring.open_credential(name(&self.log), &self.sealed)
    }

    /// The same under the present root key, where a retiring one sealed it.
    pub(crate) fn rewrapped(
        &self,
        keyring: &Keyring,
        entropy: &dyn Entropy,
    ) -> Result<Option<Self>, OpenError> {
        let sealed = keyring.rewrap_credential(name(&self.log), &self.sealed, entropy)?;
        Ok(sealed.map(|sealed| AuditSeed {
            log: self.log.clone(),
            sealed,
        }))
    }
}

fn name(log: &str) -> CredentialName<'_> {
    CredentialName {
        account: ACCOUNT,
        access_key_id: log,
    }
}
