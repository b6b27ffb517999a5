//! The key of one seal: it wraps the private half of the seal's recipient and nothing else.

use zeroize::Zeroizing;

use crate::cipher::{EncryptionContext, KEY_LEN, Purpose, Sealed};
use crate::keyring::{derive, derived_key};
use crate::{Entropy, RootKeyId, SecretBytes};

/// Tells the keys of seals apart, so that a wrong key can be told from a damaged seal. Not secret.
pub(super) type SealKeyId = [u8; 8];

pub(super) struct SealKey(Box<Zeroizing<[u8; KEY_LEN]>>);

impl SealKey {
    pub(super) const LEN: usize = KEY_LEN;

    /// Has its bytes written in place, so that no copy of them stays behind.
    pub(super) fn filled_by<E>(
        fill: impl FnOnce(&mut [u8; KEY_LEN]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut key = Self(Box::default());
        fill(&mut key.0)?;
        Ok(key)
    }

    /// Fresh ones.
    pub(super) fn generate(entropy: &dyn Entropy) -> Self {
        let mut key = Self(Box::default());
        entropy.fill(&mut key.0[..]);
        key
    }

    /// Takes the bytes of a key, if they are as many as one has.
    pub(super) fn from_secret(bytes: &SecretBytes) -> Option<Self> {
        let bytes: &[u8; KEY_LEN] = bytes.expose().try_into().ok()?;
        let mut key = Self(Box::default());
        key.0.copy_from_slice(bytes);
        Some(key)
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    pub(super) fn id(&self) -> SealKeyId {
        let mut id = SealKeyId::default();
        derive(self.bytes(), "strongroom seal key id", &mut id);
        id
    }

    /// Seals the private half of a seal's recipient.
    pub(super) fn seal_private(
        &self,
        private: &SecretBytes,
        lock_label: &str,
        entropy: &dyn Entropy,
    ) -> Sealed {
        derived_key(self.bytes(), Purpose::Recipient).seal(
            Purpose::Recipient,
            &EncryptionContext::of([("Lock", lock_label)]),
            private.expose(),
            entropy,
        )
    }

    /// Opens the private half of a seal's recipient.
    pub(super) fn open_private(&self, sealed: &Sealed, lock_label: &str) -> Option<SecretBytes> {
        derived_key(self.bytes(), Purpose::Recipient)
            .open(
                Purpose::Recipient,
                &EncryptionContext::of([("Lock", lock_label)]),
                sealed,
            )
            .ok()
    }
}

pub(super) fn context(root_key_id: RootKeyId, lock_label: &str) -> EncryptionContext {
    EncryptionContext::of([
        ("RootKeyId", root_key_id.to_string().as_str()),
        ("Lock", lock_label),
    ])
}
