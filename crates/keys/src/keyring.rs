//! The keyring: everything that is sealed under the root key, and the data keys below it.
//!
//! It knows the names of key versions. It may not know which records exist or where sealed bytes
//! rest: whoever calls hands over the wrapped material that belongs to a key version.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::cipher::{CipherKey, EncryptionContext, KEY_LEN, OpenError, Purpose, Sealed};
use crate::{Entropy, SecretBytes};

/// How many versions of backing material are kept unwrapped in memory, about 1 KiB each. An
/// account with secrets in one region uses one.
const UNWRAPPED_MATERIAL_MAX: usize = 4096;

/// Seals and opens under one root key. Cheap to share: all methods take `&self`, and readers don't
/// wait for each other.
///
/// A key version's backing material is unwrapped once and then kept in memory (up to 4,096
/// versions). What is kept counts only for exactly the wrapped bytes it came from.
pub struct Keyring {
    material: CipherKey,
    credentials: CipherKey,
    tokens: CipherKey,
    root_key_id: RootKeyId,
    unwrapped: Cache<KeyVersionName, Arc<Unwrapped>>,
}

/// Backing material ready for use, with the wrapped bytes that it came from.
struct Unwrapped {
    wrapped: Sealed,
    key: CipherKey,
}

impl Keyring {
    /// Makes a keyring; the root key itself is gone from memory afterwards, only keys derived from
    /// it remain.
    #[must_use]
    pub fn new(root: RootKey) -> Self {
        Self {
            material: root.key_for(Purpose::Material),
            credentials: root.key_for(Purpose::Credential),
            tokens: root.key_for(Purpose::Token),
            root_key_id: root.id(),
            unwrapped: Cache::new(UNWRAPPED_MATERIAL_MAX),
        }
    }

    /// Which root key this is. Not secret: keep it with the data, to notice a wrong one early.
    #[must_use]
    pub fn root_key_id(&self) -> RootKeyId {
        self.root_key_id
    }

    /// Makes fresh backing material for a version of a KMS key, wrapped under the root key.
    pub fn new_material(&self, name: &KeyVersionName, entropy: &dyn Entropy) -> Sealed {
        let key = fresh_key(entropy);
        self.material
            .seal(Purpose::Material, &name.context(), &*key, entropy)
    }

    /// Makes a data key, and wraps it under a key version's backing material.
    ///
    /// # Errors
    /// If `wrapped` can't be opened as the material of `name`.
    pub fn generate_data_key(
        &self,
        name: &KeyVersionName,
        wrapped: &Sealed,
        context: &EncryptionContext,
        entropy: &dyn Entropy,
    ) -> Result<(DataKey, Sealed), OpenError> {
        let material = self.unwrap_material(name, wrapped)?;
        let key = fresh_key(entropy);
        let sealed = material.key.seal(Purpose::DataKey, context, &*key, entropy);
        Ok((DataKey(CipherKey::new(&key)), sealed))
    }

    /// Opens a data key that [`generate_data_key`](Self::generate_data_key) wrapped.
    ///
    /// # Errors
    /// If `wrapped` can't be opened as the material of `name`, or `data_key` under that material
    /// and context.
    pub fn open_data_key(
        &self,
        name: &KeyVersionName,
        wrapped: &Sealed,
        context: &EncryptionContext,
        data_key: &Sealed,
    ) -> Result<DataKey, OpenError> {
        let material = self.unwrap_material(name, wrapped)?;
        material
            .key
            .open_key(Purpose::DataKey, context, data_key)
            .map(DataKey)
    }

    /// Seals the secret access key of an access key id.
    pub fn seal_credential(
        &self,
        access_key_id: &str,
        secret: &SecretBytes,
        entropy: &dyn Entropy,
    ) -> Sealed {
        let context = credential_context(access_key_id);
        self.credentials
            .seal(Purpose::Credential, &context, secret.expose(), entropy)
    }

    /// Opens the secret access key of an access key id.
    ///
    /// # Errors
    /// If it was sealed for another access key id or under another root key, or was changed.
    pub fn open_credential(
        &self,
        access_key_id: &str,
        sealed: &Sealed,
    ) -> Result<SecretBytes, OpenError> {
        self.credentials.open(
            Purpose::Credential,
            &credential_context(access_key_id),
            sealed,
        )
    }

    /// Seals what a client is to hand back unread and unchanged, such as a pagination token.
    ///
    /// `purpose` says which kind of token it is: one kind never opens as another.
    pub fn seal_token(&self, purpose: &str, content: &[u8], entropy: &dyn Entropy) -> Sealed {
        self.tokens
            .seal(Purpose::Token, &token_context(purpose), content, entropy)
    }

    /// Opens a token of the same purpose.
    ///
    /// # Errors
    /// If it is not such a token of this deployment, or was changed.
    pub fn open_token(&self, purpose: &str, sealed: &Sealed) -> Result<SecretBytes, OpenError> {
        self.tokens
            .open(Purpose::Token, &token_context(purpose), sealed)
    }

    fn unwrap_material(
        &self,
        name: &KeyVersionName,
        wrapped: &Sealed,
    ) -> Result<Arc<Unwrapped>, OpenError> {
        // Only these very wrapped bytes were proven to be this key version's material. Others must
        // prove it themselves, else a swapped record would go unnoticed until the cache is cold.
        if let Some(unwrapped) = self.unwrapped.get(name)
            && unwrapped.wrapped == *wrapped
        {
            return Ok(unwrapped);
        }
        let key = self
            .material
            .open_key(Purpose::Material, &name.context(), wrapped)?;
        let unwrapped = Arc::new(Unwrapped {
            wrapped: wrapped.clone(),
            key,
        });
        self.unwrapped.insert(name.clone(), Arc::clone(&unwrapped));
        Ok(unwrapped)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring(root key {})", self.root_key_id)
    }
}

fn credential_context(access_key_id: &str) -> EncryptionContext {
    EncryptionContext::of([("AccessKeyId", access_key_id)])
}

fn token_context(purpose: &str) -> EncryptionContext {
    EncryptionContext::of([("TokenPurpose", purpose)])
}

fn fresh_key(entropy: &dyn Entropy) -> Zeroizing<[u8; KEY_LEN]> {
    let mut key = Zeroizing::new([0; KEY_LEN]);
    entropy.fill(&mut *key);
    key
}

/// Names one version of a KMS key's backing material, across all accounts and regions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyVersionName {
    /// The account id, 12 digits.
    pub account: String,
    /// The region's name, such as `eu-central-1`.
    pub region: String,
    /// The key's id, without the ARN around it.
    pub key_id: String,
    /// Which of the key's versions; a rotation of the key adds one.
    pub version: u32,
}

impl KeyVersionName {
    fn context(&self) -> EncryptionContext {
        EncryptionContext::of([
            ("Account", self.account.as_str()),
            ("Region", &self.region),
            ("KeyId", &self.key_id),
            ("KeyVersion", &self.version.to_string()),
        ])
    }
}

/// The key of exactly one value.
pub struct DataKey(CipherKey);

impl DataKey {
    /// Seals the one value that this key is for. A second value needs a data key of its own.
    pub fn seal(
        &self,
        context: &EncryptionContext,
        value: &SecretBytes,
        entropy: &dyn Entropy,
    ) -> Sealed {
        self.0
            .seal(Purpose::Value, context, value.expose(), entropy)
    }

    /// Opens the value.
    ///
    /// # Errors
    /// If it was sealed under another key or context, or was changed.
    pub fn open(
        &self,
        context: &EncryptionContext,
        sealed: &Sealed,
    ) -> Result<SecretBytes, OpenError> {
        self.0.open(Purpose::Value, context, sealed)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

/// The key above all others: 32 random bytes, on disk only inside a [`seal`](crate::seal).
pub struct RootKey(SecretBytes);

impl RootKey {
    /// Makes a new root key.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut key = SecretBytes::new(vec![0; KEY_LEN]);
        entropy.fill(key.expose_mut());
        Self(key)
    }

    /// Takes the bytes of a root key, if they are as many as one has.
    pub(crate) fn from_bytes(bytes: SecretBytes) -> Option<Self> {
        (bytes.len() == KEY_LEN).then_some(Self(bytes))
    }

    pub(crate) fn bytes(&self) -> &SecretBytes {
        &self.0
    }

    /// The name of this root key: derived from it, so that it can be checked, and not secret.
    #[must_use]
    pub fn id(&self) -> RootKeyId {
        RootKeyId(derive(self.0.expose(), "strongroom root key id"))
    }

    fn key_for(&self, purpose: Purpose) -> CipherKey {
        let key: Zeroizing<[u8; KEY_LEN]> =
            Zeroizing::new(derive(self.0.expose(), purpose.label()));
        CipherKey::new(&key)
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey")
    }
}

/// Which root key something belongs to. Prints as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RootKeyId(pub(crate) [u8; 16]);

impl fmt::Display for RootKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RootKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootKeyId({self})")
    }
}

/// Derives `N` bytes for one purpose from a key that is itself uniformly random (HKDF-Expand with
/// SHA-256, RFC 5869). Without the key, one output tells nothing of another.
pub(crate) fn derive<const N: usize>(key: &[u8], label: &str) -> [u8; N] {
    struct Length(usize);
    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut out = [0; N];
    let label = [label.as_bytes()];
    let filled = Prk::new_less_safe(HKDF_SHA256, key)
        .expand(&label, Length(N))
        .and_then(|bytes| bytes.fill(&mut out));
    #[expect(clippy::expect_used, reason = "fails only beyond 8,160 bytes")]
    filled.expect("a short output");
    out
}
