//! The keyring: everything that is sealed under the root key, and the data keys below it.
//!
//! It knows the names of key versions. It may not know which records exist or where sealed bytes
//! rest: whoever calls hands over the wrapped material that belongs to a key version.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::algorithm::KeySpec;
use crate::cipher::{
    CipherKey, EncryptionContext, KEY_LEN, OpenError, OpenFailure, Purpose, Sealed,
};
use crate::material::{Ready, UseError};
use crate::seal::{RenewProblem, SealFile};
use crate::{Entropy, SecretBytes};

/// How many versions of backing material are kept unwrapped in memory, about 1 KiB each. An
/// account with secrets in one region uses one.
const UNWRAPPED_MATERIAL_MAX: usize = 4096;

/// Seals and opens under the root key. Cheap to share: all methods take `&self`, and readers don't
/// wait for each other.
///
/// While everything is sealed anew under a new root key, the older ones are still there as *retiring*:
/// what they sealed opens, but nothing is sealed under them any more.
///
/// A key version's backing material is unwrapped once and then kept in memory (up to 4,096
/// versions). What is kept counts only for exactly the wrapped bytes it came from.
pub struct Keyring {
    roots: RwLock<Arc<Roots>>,
    unwrapped: Cache<KeyVersionName, Arc<Unwrapped>>,
}

/// The root keys of one moment.
struct Roots {
    current: Arc<Root>,
    /// Newest first.
    retiring: Vec<Arc<Root>>,
    /// How often another root key came or went since the process began.
    generation: u64,
}

/// A root key and what is derived from it.
struct Root {
    id: RootKeyId,
    /// Kept to be sealed once more when it retires; whoever could read it here could read the derived
    /// keys as well.
    root: RootKey,
    material: CipherKey,
    credentials: CipherKey,
    tokens: TokenKeys,
}

impl Root {
    fn new(root: RootKey) -> Self {
        Root {
            id: root.id(),
            material: root.key_for(Purpose::Material),
            credentials: root.key_for(Purpose::Credential),
            tokens: TokenKeys::new(&root),
            root,
        }
    }
}

/// Where the keys of tokens come from. Tokens are made at clients' pace, so each purpose has a key
/// of its own, and with it a bound of its own on how many it may seal.
struct TokenKeys(Box<Zeroizing<[u8; KEY_LEN]>>);

impl TokenKeys {
    fn new(root: &RootKey) -> Self {
        let mut keys = Self(Box::default());
        derive(
            root.bytes().expose(),
            Purpose::Token.label(),
            &mut keys.0[..],
        );
        keys
    }

    fn of(&self, purpose: &str) -> CipherKey {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        derive(&self.0[..], purpose, &mut *key);
        CipherKey::new(&key)
    }
}

/// Backing material ready for use, with the wrapped bytes that it came from.
struct Unwrapped {
    wrapped: Sealed,
    key: Ready,
}

impl Keyring {
    /// Makes a keyring.
    #[must_use]
    pub fn new(root: RootKey) -> Self {
        Self::with_retiring(root, Vec::new())
    }

    /// Makes a keyring that also opens what older root keys sealed.
    #[must_use]
    pub fn with_retiring(root: RootKey, retiring: Vec<RootKey>) -> Self {
        let roots = Roots {
            current: Arc::new(Root::new(root)),
            retiring: retiring
                .into_iter()
                .map(|root| Arc::new(Root::new(root)))
                .collect(),
            generation: 0,
        };
        Self {
            roots: RwLock::new(Arc::new(roots)),
            unwrapped: Cache::new(UNWRAPPED_MATERIAL_MAX),
        }
    }

    /// From now on seals under a new root key; the one until now retires.
    pub fn begin_rewrap(&self, root: RootKey) {
        let mut roots = self.roots.write().unwrap_or_else(PoisonError::into_inner);
        let retiring = [&roots.current].into_iter().chain(&roots.retiring);
        *roots = Arc::new(Roots {
            retiring: retiring.map(Arc::clone).collect(),
            current: Arc::new(Root::new(root)),
            generation: roots.generation + 1,
        });
    }

    /// A new root key, and the seal file that holds it in the place of the present one, which retires.
    /// [`begin_rewrap`](Self::begin_rewrap) uses it, once the file is on disk.
    ///
    /// # Errors
    /// [`RenewProblem`]
    pub fn renew(
        &self,
        file: &SealFile,
        entropy: &dyn Entropy,
    ) -> Result<(RootKey, SealFile), RenewProblem> {
        let new = RootKey::generate(entropy);
        let file = file.renewed(&self.roots().current.root, &new, entropy)?;
        Ok((new, file))
    }

    /// Gives up the retiring root keys: what they sealed opens no more.
    pub fn finish_rewrap(&self) {
        let mut roots = self.roots.write().unwrap_or_else(PoisonError::into_inner);
        *roots = Arc::new(Roots {
            current: Arc::clone(&roots.current),
            retiring: Vec::new(),
            generation: roots.generation + 1,
        });
    }

    /// The same, which also opens what other root keys sealed: for taking over what is sealed under those.
    #[must_use]
    pub fn adopting(&self, others: Vec<RootKey>) -> Self {
        let roots = self.roots();
        let others = others.into_iter().map(|root| Arc::new(Root::new(root)));
        let retiring = roots.retiring.iter().map(Arc::clone).chain(others);
        Self {
            roots: RwLock::new(Arc::new(Roots {
                current: Arc::clone(&roots.current),
                retiring: retiring.collect(),
                generation: 0,
            })),
            unwrapped: Cache::new(UNWRAPPED_MATERIAL_MAX),
        }
    }

    /// Which root key seals. Not secret: keep it with the data, to notice a wrong one early.
    #[must_use]
    pub fn root_key_id(&self) -> RootKeyId {
        self.roots().current.id
    }

    /// Changes whenever a root key comes or goes: what was opened in an earlier one may open no more.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.roots().generation
    }

    /// Which older root keys still open, newest first.
    #[must_use]
    pub fn retiring_ids(&self) -> Vec<RootKeyId> {
        self.roots().retiring.iter().map(|root| root.id).collect()
    }

    /// Seals a key version's material anew where a retiring root key sealed it; `None` where the
    /// present one did.
    ///
    /// # Errors
    /// If no root key here opens it as the material of `name`.
    pub fn rewrap_material(
        &self,
        name: &KeyVersionName,
        spec: KeySpec,
        wrapped: &Sealed,
        entropy: &dyn Entropy,
    ) -> Result<Option<Sealed>, OpenError> {
        let context = name.context(spec);
        self.rewrap(
            Purpose::Material,
            |root| &root.material,
            &context,
            wrapped,
            entropy,
        )
    }

    /// Seals a secret access key anew where a retiring root key sealed it; `None` where the present
    /// one did.
    ///
    /// # Errors
    /// If no root key here opens it as that of `name`.
    pub fn rewrap_credential(
        &self,
        name: CredentialName<'_>,
        sealed: &Sealed,
        entropy: &dyn Entropy,
    ) -> Result<Option<Sealed>, OpenError> {
        let context = name.context();
        self.rewrap(
            Purpose::Credential,
            |root| &root.credentials,
            &context,
            sealed,
            entropy,
        )
    }

    /// Makes fresh backing material for a version of a symmetric KMS key, wrapped under the root key.
    pub fn new_material(&self, name: &KeyVersionName, entropy: &dyn Entropy) -> Sealed {
        self.wrap_material(
            name,
            KeySpec::SymmetricDefault,
            &*fresh_key(entropy),
            entropy,
        )
    }

    /// Wraps a key version's material under the root key.
    pub(crate) fn wrap_material(
        &self,
        name: &KeyVersionName,
        spec: KeySpec,
        material: &[u8],
        entropy: &dyn Entropy,
    ) -> Sealed {
        self.roots().current.material.seal(
            Purpose::Material,
            &name.context(spec),
            material,
            entropy,
        )
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
        let material = self.unwrap_cipher(name, wrapped)?;
        let key = fresh_key(entropy);
        let sealed = material
            .cipher()?
            .seal(Purpose::DataKey, context, &*key, entropy);
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
        self.unwrap_cipher(name, wrapped)?
            .cipher()?
            .open_key(Purpose::DataKey, context, data_key)
            .map(DataKey)
    }

    /// Encrypts what a client hands over, under a key version's material. The sealed bytes follow `header`, which
    /// stays in the open; they are bound to it and to the context, apart from each other.
    ///
    /// # Errors
    /// If `wrapped` can't be opened as the material of `name`.
    pub fn encrypt(
        &self,
        name: &KeyVersionName,
        wrapped: &Sealed,
        header: &[u8],
        context: &EncryptionContext,
        plaintext: &SecretBytes,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, OpenError> {
        let material = self.unwrap_cipher(name, wrapped)?;
        let cipher = material.cipher()?;
        let plaintext = plaintext.expose();
        Ok(cipher.seal_after(header, Purpose::Ciphertext, context, plaintext, entropy))
    }

    /// Decrypts what [`encrypt`](Self::encrypt) made: the header, and the sealed bytes that follow it.
    ///
    /// # Errors
    /// If `wrapped` can't be opened as the material of `name`, or `ciphertext` under that material
    /// and context; the error's `what` tells which.
    pub fn decrypt(
        &self,
        name: &KeyVersionName,
        wrapped: &Sealed,
        header: &[u8],
        context: &EncryptionContext,
        sealed: &[u8],
    ) -> Result<SecretBytes, OpenError> {
        self.unwrap_cipher(name, wrapped)?.cipher()?.open_after(
            header,
            Purpose::Ciphertext,
            context,
            sealed,
        )
    }

    /// Seals the secret half of an access key.
    pub fn seal_credential(
        &self,
        name: CredentialName<'_>,
        secret: &SecretBytes,
        entropy: &dyn Entropy,
    ) -> Sealed {
        let context = name.context();
        self.roots().current.credentials.seal(
            Purpose::Credential,
            &context,
            secret.expose(),
            entropy,
        )
    }

    /// Opens the secret half of an access key.
    ///
    /// # Errors
    /// If it was sealed for another access key or account, or under a root key that isn't here, or was
    /// changed.
    pub fn open_credential(
        &self,
        name: CredentialName<'_>,
        sealed: &Sealed,
    ) -> Result<SecretBytes, OpenError> {
        let context = name.context();
        self.roots()
            .open_with(|root| root.credentials.open(Purpose::Credential, &context, sealed))
    }

    /// Seals what a client is to hand back unread and unchanged, such as a pagination token.
    ///
    /// `purpose` says which kind of token it is: one kind never opens as another, and each has a
    /// key of its own. With a date in the purpose, the key changes with the date.
    pub fn seal_token(&self, purpose: &str, content: &[u8], entropy: &dyn Entropy) -> Sealed {
        self.roots().current.tokens.of(purpose).seal(
            Purpose::Token,
            &token_context(purpose),
            content,
            entropy,
        )
    }

    /// Opens a token of the same purpose.
    ///
    /// # Errors
    /// If it is not such a token of this deployment, or was changed.
    pub fn open_token(&self, purpose: &str, sealed: &Sealed) -> Result<SecretBytes, OpenError> {
        let context = token_context(purpose);
        self.roots().open_with(|root| {
            let key = root.tokens.of(purpose);
            key.open(Purpose::Token, &context, sealed)
        })
    }

    fn unwrap_cipher(
        &self,
        name: &KeyVersionName,
        wrapped: &Sealed,
    ) -> Result<Arc<Unwrapped>, OpenError> {
        self.unwrap_material(name, KeySpec::SymmetricDefault, wrapped)
    }

    /// The public half of a key pair, from its private one: SubjectPublicKeyInfo, DER.
    ///
    /// # Errors
    /// [`UseError::Open`] where the material doesn't open, [`UseError::Algorithm`] where it is no key
    /// pair's.
    pub fn public_key(
        &self,
        name: &KeyVersionName,
        spec: KeySpec,
        wrapped: &Sealed,
    ) -> Result<Vec<u8>, UseError> {
        self.ready(name, spec, wrapped, Ready::public_key)?
            .ok_or(UseError::Algorithm)
    }

    /// A key version's material, ready for use.
    pub(crate) fn ready<T>(
        &self,
        name: &KeyVersionName,
        spec: KeySpec,
        wrapped: &Sealed,
        then: impl FnOnce(&Ready) -> T,
    ) -> Result<T, OpenError> {
        self.unwrap_material(name, spec, wrapped)
            .map(|material| then(&material.key))
    }

    fn unwrap_material(
        &self,
        name: &KeyVersionName,
        spec: KeySpec,
        wrapped: &Sealed,
    ) -> Result<Arc<Unwrapped>, OpenError> {
        // Only these very wrapped bytes were proven to be this key version's material. Others must
        // prove it themselves, else a swapped record would go unnoticed until the cache is cold.
        if let Some(unwrapped) = self.unwrapped.get(name)
            && unwrapped.wrapped == *wrapped
        {
            return Ok(unwrapped);
        }
        let context = name.context(spec);
        let key = self.roots().open_with(|root| match spec {
            KeySpec::SymmetricDefault => root
                .material
                .open_key(Purpose::Material, &context, wrapped)
                .map(Ready::Cipher),
            _ => {
                let material = root.material.open(Purpose::Material, &context, wrapped)?;
                Ready::parse(spec, &material).ok_or(OpenError {
                    what: Purpose::Material,
                    why: OpenFailure::UnknownFormat,
                })
            }
        })?;
        let unwrapped = Arc::new(Unwrapped {
            wrapped: wrapped.clone(),
            key,
        });
        self.unwrapped.insert(name.clone(), Arc::clone(&unwrapped));
        Ok(unwrapped)
    }

    fn rewrap(
        &self,
        purpose: Purpose,
        key_of: fn(&Root) -> &CipherKey,
        context: &EncryptionContext,
        sealed: &Sealed,
        entropy: &dyn Entropy,
    ) -> Result<Option<Sealed>, OpenError> {
        let roots = self.roots();
        let current = key_of(&roots.current);
        let not_opened = match current.open(purpose, context, sealed) {
            Ok(_) => return Ok(None),
            Err(error) => error,
        };
        let opened = roots
            .retiring
            .iter()
            .find_map(|root| key_of(root).open(purpose, context, sealed).ok())
            .ok_or(not_opened)?;
        Ok(Some(current.seal(
            purpose,
            context,
            opened.expose(),
            entropy,
        )))
    }

    fn roots(&self) -> Arc<Roots> {
        Arc::clone(&self.roots.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Roots {
    /// By the first root key that can; the error is that of the current one.
    fn open_with<T>(&self, open: impl Fn(&Root) -> Result<T, OpenError>) -> Result<T, OpenError> {
        open(&self.current).or_else(|error| {
            self.retiring
                .iter()
                .find_map(|root| open(root).ok())
                .ok_or(error)
        })
    }
}

impl Unwrapped {
    fn cipher(&self) -> Result<&CipherKey, OpenError> {
        match &self.key {
            Ready::Cipher(cipher) => Ok(cipher),
            _ => Err(OpenError {
                what: Purpose::Material,
                why: OpenFailure::UnknownFormat,
            }),
        }
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring(root key {})", self.root_key_id())
    }
}

/// Whose secret access key it is. Both names are bound to it: neither a key nor an account can be
/// exchanged for another.
#[derive(Copy, Clone, Debug)]
pub struct CredentialName<'a> {
    /// The account id, 12 digits.
    pub account: &'a str,
    /// The access key id.
    pub access_key_id: &'a str,
}

impl CredentialName<'_> {
    fn context(self) -> EncryptionContext {
        EncryptionContext::of([
            ("Account", self.account),
            ("AccessKeyId", self.access_key_id),
        ])
    }
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
    /// What material is bound to: whose it is, and which kind of key it is where that isn't the
    /// usual one.
    fn context(&self, spec: KeySpec) -> EncryptionContext {
        let version = self.version.to_string();
        let kind = (spec != KeySpec::SymmetricDefault).then_some(("KeySpec", spec.name()));
        EncryptionContext::of(
            [
                ("Account", self.account.as_str()),
                ("Region", &self.region),
                ("KeyId", &self.key_id),
                ("KeyVersion", &version),
            ]
            .into_iter()
            .chain(kind),
        )
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

    /// The key itself, to be handed to a server that takes over what is sealed under it.
    #[must_use]
    pub fn into_bytes(self) -> SecretBytes {
        self.0
    }

    /// Takes the bytes of a root key, if they are as many as one has.
    #[must_use]
    pub fn from_bytes(bytes: SecretBytes) -> Option<Self> {
        (bytes.len() == KEY_LEN).then_some(Self(bytes))
    }

    pub(crate) fn bytes(&self) -> &SecretBytes {
        &self.0
    }

    /// The name of this root key: derived from it, so that it can be checked, and not secret.
    #[must_use]
    pub fn id(&self) -> RootKeyId {
        let mut id = RootKeyId([0; 16]);
        derive(self.0.expose(), "strongroom root key id", &mut id.0);
        id
    }

    fn key_for(&self, purpose: Purpose) -> CipherKey {
        derived_key(self.0.expose(), purpose)
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey")
    }
}

/// Which root key something belongs to. As text, 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RootKeyId([u8; 16]);

impl From<RootKeyId> for String {
    fn from(id: RootKeyId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for RootKeyId {
    type Error = NotARootKeyId;

    fn try_from(text: String) -> Result<Self, NotARootKeyId> {
        let number = u128::from_str_radix(&text, 16).map_err(|_| NotARootKeyId)?;
        let id = Self(number.to_be_bytes());
        if id.to_string() == text {
            Ok(id)
        } else {
            Err(NotARootKeyId)
        }
    }
}

/// A text that is no root key's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a root key id is 32 lower-case hexadecimal digits")]
pub struct NotARootKeyId;

impl fmt::Display for RootKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for RootKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootKeyId({self})")
    }
}

/// The key for one purpose, derived from a key that is itself uniformly random.
pub(crate) fn derived_key(key: &[u8], purpose: Purpose) -> CipherKey {
    let mut derived = Zeroizing::new([0; KEY_LEN]);
    derive(key, purpose.label(), &mut *derived);
    CipherKey::new(&derived)
}

/// Fills `out` with bytes for one label, by HKDF-Expand with SHA-256 (RFC 5869). Without the key,
/// the bytes for one label tell nothing of those for another.
pub(crate) fn derive(key: &[u8], label: &str, out: &mut [u8]) {
    struct Length(usize);
    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let filled = Prk::new_less_safe(HKDF_SHA256, key)
        .expand(&[label.as_bytes()], Length(out.len()))
        .and_then(|bytes| bytes.fill(out));
    #[expect(clippy::expect_used, reason = "fails only beyond 8,160 bytes")]
    filled.expect("a short output");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededEntropy;

    fn name(account: &str, region: &str, key_id: &str, version: u32) -> KeyVersionName {
        KeyVersionName {
            account: account.into(),
            region: region.into(),
            key_id: key_id.into(),
            version,
        }
    }

    fn first_name() -> KeyVersionName {
        name("123456789012", "us-east-1", "key-1", 1)
    }

    fn context() -> EncryptionContext {
        EncryptionContext::of([("SecretARN", "arn:aws:1"), ("SecretVersionId", "v1")])
    }

    fn root(seed: u64) -> RootKey {
        RootKey::generate(&SeededEntropy::new(seed))
    }

    /// A keyring with the material of one key version and a data key under it.
    struct Given {
        entropy: SeededEntropy,
        keyring: Keyring,
        material: Sealed,
        data_key: Sealed,
    }

    fn given() -> Given {
        let entropy = SeededEntropy::new(2);
        let keyring = Keyring::new(root(1));
        let material = keyring.new_material(&first_name(), &entropy);
        let (_, data_key) = keyring
            .generate_data_key(&first_name(), &material, &context(), &entropy)
            .unwrap();
        Given {
            entropy,
            keyring,
            material,
            data_key,
        }
    }

    #[test]
    fn a_value_travels_through_the_hierarchy_and_a_restart() {
        let Given {
            entropy,
            keyring,
            material,
            ..
        } = given();
        let (data_key, sealed_data_key) = keyring
            .generate_data_key(&first_name(), &material, &context(), &entropy)
            .unwrap();
        let value = SecretBytes::copy_of(b"hunter2");
        let sealed = data_key.seal(&context(), &value, &entropy);

        let restarted = Keyring::new(root(1));
        for keyring in [keyring, restarted] {
            let data_key = keyring
                .open_data_key(&first_name(), &material, &context(), &sealed_data_key)
                .unwrap();
            assert!(data_key.open(&context(), &sealed).unwrap().matches(&value));
        }
    }

    #[test]
    fn material_of_another_key_version_is_refused() {
        for other in [
            name("210987654321", "us-east-1", "key-1", 1),
            name("123456789012", "us-east-2", "key-1", 1),
            name("123456789012", "us-east-1", "key-2", 1),
            name("123456789012", "us-east-1", "key-1", 2),
        ] {
            let Given {
                entropy,
                keyring,
                material,
                data_key,
            } = given();
            let refused = OpenError {
                what: Purpose::Material,
                why: OpenFailure::NotAuthentic,
            };
            let opened = keyring.open_data_key(&other, &material, &context(), &data_key);
            assert_eq!(opened.unwrap_err(), refused, "{other:?}");

            // The same with a warm cache for that name: its own material, then the swapped one.
            let own = keyring.new_material(&other, &entropy);
            let made = keyring.generate_data_key(&other, &own, &context(), &entropy);
            assert!(made.is_ok());
            let opened = keyring.open_data_key(&other, &material, &context(), &data_key);
            assert_eq!(opened.unwrap_err(), refused, "{other:?}, warm");
            let opened = keyring.open_data_key(&other, &own, &context(), &data_key);
            assert_eq!(
                opened.unwrap_err().what,
                Purpose::DataKey,
                "{other:?}, own material"
            );
        }
    }

    #[test]
    fn changed_material_is_refused_though_the_unchanged_is_cached() {
        let Given {
            keyring,
            material,
            data_key,
            ..
        } = given();
        for bit in 0..material.as_bytes().len() * 8 {
            let mut changed = material.as_bytes().to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = Sealed::from_bytes(changed);
            let opened = keyring.open_data_key(&first_name(), &changed, &context(), &data_key);
            assert_eq!(opened.unwrap_err().what, Purpose::Material, "bit {bit}");
        }
        let opened = keyring.open_data_key(&first_name(), &material, &context(), &data_key);
        assert!(opened.is_ok());
    }

    #[test]
    fn material_replaced_under_the_same_name_counts_at_once() {
        let Given {
            entropy,
            keyring,
            material,
            data_key,
        } = given();
        let replaced = keyring.new_material(&first_name(), &entropy);
        let opened = keyring.open_data_key(&first_name(), &replaced, &context(), &data_key);
        assert_eq!(opened.unwrap_err().what, Purpose::DataKey);
        let opened = keyring.open_data_key(&first_name(), &material, &context(), &data_key);
        assert!(opened.is_ok());
    }

    #[test]
    fn unwrapped_material_is_kept_and_bounded() {
        let Given {
            entropy,
            keyring,
            material,
            ..
        } = given();
        let one = keyring.unwrap_cipher(&first_name(), &material).unwrap();
        let again = keyring.unwrap_cipher(&first_name(), &material).unwrap();
        assert!(Arc::ptr_eq(&one, &again));

        let many = 2 * UNWRAPPED_MATERIAL_MAX as u32;
        for version in 0..many {
            let name = KeyVersionName {
                version,
                ..first_name()
            };
            let material = keyring.new_material(&name, &entropy);
            keyring.unwrap_cipher(&name, &material).unwrap();
        }
        assert!(keyring.unwrapped.len() <= UNWRAPPED_MATERIAL_MAX);
        assert!(keyring.unwrap_cipher(&first_name(), &material).is_ok());
    }

    #[test]
    fn another_context_is_refused_for_the_data_key_and_for_the_value() {
        let Given {
            entropy,
            keyring,
            material,
            data_key,
        } = given();
        let other = EncryptionContext::of([("SecretARN", "arn:aws:2"), ("SecretVersionId", "v1")]);
        let opened = keyring.open_data_key(&first_name(), &material, &other, &data_key);
        assert_eq!(opened.unwrap_err().what, Purpose::DataKey);

        let key = keyring
            .open_data_key(&first_name(), &material, &context(), &data_key)
            .unwrap();
        let sealed = key.seal(&context(), &SecretBytes::copy_of(b"hunter2"), &entropy);
        assert_eq!(key.open(&other, &sealed).unwrap_err().what, Purpose::Value);
    }

    fn named(access_key_id: &str) -> CredentialName<'_> {
        CredentialName {
            account: "123456789012",
            access_key_id,
        }
    }

    #[test]
    fn another_root_key_opens_nothing() {
        let Given {
            entropy,
            keyring,
            material,
            data_key,
        } = given();
        let other = Keyring::new(root(9));
        assert_ne!(other.root_key_id(), keyring.root_key_id());
        let opened = other.open_data_key(&first_name(), &material, &context(), &data_key);
        assert_eq!(opened.unwrap_err().what, Purpose::Material);
        let credential =
            keyring.seal_credential(named("AKIA1"), &SecretBytes::copy_of(b"s"), &entropy);
        assert!(other.open_credential(named("AKIA1"), &credential).is_err());
        let token = keyring.seal_token("page", b"next", &entropy);
        assert!(other.open_token("page", &token).is_err());
    }

    #[test]
    fn a_credential_opens_for_its_access_key_id_and_account_alone() {
        let Given {
            entropy, keyring, ..
        } = given();
        let secret = SecretBytes::copy_of(b"wJalrXUtnFEMI");
        let sealed = keyring.seal_credential(named("AKIA1"), &secret, &entropy);
        assert!(
            keyring
                .open_credential(named("AKIA1"), &sealed)
                .unwrap()
                .matches(&secret)
        );
        for other in ["AKIA2", "akia1", "AKIA", "AKIA11", ""] {
            assert!(
                keyring.open_credential(named(other), &sealed).is_err(),
                "{other:?}"
            );
        }
        let elsewhere = CredentialName {
            account: "210987654321",
            ..named("AKIA1")
        };
        assert!(keyring.open_credential(elsewhere, &sealed).is_err());
    }

    #[test]
    fn a_token_opens_for_its_purpose_alone() {
        let Given {
            entropy, keyring, ..
        } = given();
        let sealed = keyring.seal_token("ListSecrets", b"after: x", &entropy);
        assert_eq!(
            keyring.open_token("ListSecrets", &sealed).unwrap().expose(),
            b"after: x"
        );
        for other in ["ListSecretVersionIds", "listsecrets", ""] {
            assert!(keyring.open_token(other, &sealed).is_err(), "{other:?}");
        }
        let forged = keyring.seal_credential(
            named("ListSecrets"),
            &SecretBytes::copy_of(b"after: x"),
            &entropy,
        );
        assert!(keyring.open_token("ListSecrets", &forged).is_err());
    }

    #[test]
    fn each_purpose_has_its_own_key_under_the_root() {
        // Even if the label and the context in the associated data were the same.
        let (root, context) = (root(1), context());
        let tokens = TokenKeys::new(&root);
        let keys = [
            root.key_for(Purpose::Material),
            root.key_for(Purpose::Credential),
            tokens.of("ListSecrets"),
            tokens.of("ListSecretVersionIds"),
        ];
        for (i, one) in keys.iter().enumerate() {
            let sealed = one.seal(Purpose::Value, &context, b"x", &SeededEntropy::new(3));
            for (j, other) in keys.iter().enumerate() {
                let opened = other.open(Purpose::Value, &context, &sealed);
                assert_eq!(opened.is_ok(), i == j, "{i} {j}");
            }
        }
    }

    #[test]
    fn nothing_prints_a_key() {
        let Given {
            keyring,
            material,
            data_key,
            ..
        } = given();
        let key = keyring
            .open_data_key(&first_name(), &material, &context(), &data_key)
            .unwrap();
        assert_eq!(format!("{key:?} {:?}", root(1)), "DataKey RootKey");
        assert_eq!(
            format!("{keyring:?}"),
            format!("Keyring(root key {})", root(1).id())
        );
    }

    #[test]
    fn a_root_key_id_survives_text_and_nothing_else_is_one() {
        let id = root(1).id();
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<RootKeyId>(&json).unwrap(), id);
        let text = id.to_string();
        for other in [
            "",
            "0",
            &text[1..],
            &text.to_uppercase(),
            &format!("+{}", &text[1..]),
        ] {
            assert_eq!(
                RootKeyId::try_from(other.to_string()),
                Err(NotARootKeyId),
                "{other:?}"
            );
        }
    }
}
