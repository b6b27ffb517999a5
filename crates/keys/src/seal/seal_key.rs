//! The key of one seal: it wraps the root key and nothing else.

use zeroize::Zeroizing;

use crate::cipher::{EncryptionContext, KEY_LEN, Purpose, Sealed};
use crate::keyring::{derive, derived_key};
use crate::{Entropy, RootKey, RootKeyId};

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

    pub(super) fn bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    pub(super) fn id(&self) -> SealKeyId {
        let mut id = SealKeyId::default();
        derive(self.bytes(), "strongroom seal key id", &mut id);
        id
    }

    pub(super) fn seal(&self, root: &RootKey, lock_label: &str, entropy: &dyn Entropy) -> Sealed {
        let context = context(root.id(), lock_label);
        derived_key(self.bytes(), Purpose::RootKey).seal(
            Purpose::RootKey,
            &context,
            root.bytes().expose(),
            entropy,
        )
    }

    /// The root key, if this key sealed it under that id.
    pub(super) fn open(
        &self,
        sealed: &Sealed,
        root_key_id: RootKeyId,
        lock_label: &str,
    ) -> Option<RootKey> {
        let context = context(root_key_id, lock_label);
        let bytes = derived_key(self.bytes(), Purpose::RootKey)
            .open(Purpose::RootKey, &context, sealed)
            .ok()?;
        RootKey::from_bytes(bytes)
    }
}

fn context(root_key_id: RootKeyId, lock_label: &str) -> EncryptionContext {
    EncryptionContext::of([
        ("RootKeyId", root_key_id.to_string().as_str()),
        ("Lock", lock_label),
    ])
}
