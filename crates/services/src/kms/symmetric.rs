//! Encrypting and decrypting under symmetric keys, as several operations do.
//!
//! Source: AWS KMS API Reference, Encrypt, Decrypt; reference/kms-iam-sts.md §A6.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_keys::{EncryptionContext, Purpose, SecretBytes};

use super::access::{self, Usage};
use super::ciphertext::{self, Ciphertext};
use super::key::{KeyUsage, KmsKey};
use super::name::{Accepts, KeyName};
use super::usable::UsableKey;
use super::{material, refusals, shapes};
use crate::caller::Caller;
use crate::gate::Need;
use crate::input::Members;
use crate::operation::Given;
use crate::records::{Key, Records};
use crate::refusal::{Refusal, Stop};

/// Bytes of a context's names and values. Source: reference/kms-iam-sts.md §A6.
const CONTEXT_BYTES_MAX: usize = 8192;

/// The encryption context of a request.
#[derive(Default)]
pub(super) struct RequestContext(BTreeMap<String, String>);

impl RequestContext {
    /// Takes it.
    pub(super) fn take(name: &str, members: &mut Members<'_, '_>) -> Self {
        let pairs = members.map(name).unwrap_or_default();
        let bytes: usize = pairs
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if bytes > CONTEXT_BYTES_MAX {
            members.object(Refusal::validation(
                "The encryption context can have at most 8192 bytes.",
            ));
        }
        RequestContext(pairs)
    }

    /// As permissions depend on it.
    pub(super) fn usage(&self) -> Usage<'_> {
        Usage {
            encryption_context: Cow::Borrowed(&self.0),
            ..Usage::default()
        }
    }

    /// Whether there is any.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a ciphertext of a key is bound to: the context, and the key, since two keys may have been
    /// brought the same material.
    fn to_bind(&self, key: &KmsKey) -> EncryptionContext {
        let own = [(KEY_BOUND, key.key_id.as_str())];
        let given = self
            .0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        EncryptionContext::of(given.chain(own))
    }
}

/// The name under which a ciphertext is bound to its key; no one else's, as it starts with a zero byte.
const KEY_BOUND: &str = "\0KeyId";

/// A key that may be used for a symmetric operation.
///
/// # Refusals
/// Those of its state; `InvalidKeyUsageException`.
pub(super) fn usable(key: Arc<KmsKey>, operation: &str) -> Result<UsableKey, Refusal> {
    let checked = Arc::clone(&key);
    let key = UsableKey::check(checked, KeyUsage::EncryptDecrypt)
        .map_err(|unusable| unusable.refusal(&key, operation))?;
    if key.key().is_key_pair() {
        return Err(refusals::not_for(key.key(), operation));
    }
    Ok(key)
}

/// Encrypts under a key's newest material.
pub(super) fn encrypt(
    key: &UsableKey,
    context: &RequestContext,
    plaintext: &SecretBytes,
    given: &Given<'_>,
) -> Result<Vec<u8>, Stop> {
    let material = key.current();
    let sealed = given
        .keyring
        .encrypt(
            &material.name,
            &material.wrapped,
            &context.to_bind(key.key()),
            plaintext,
            given.entropy,
        )
        .map_err(|cause| material::unusable(key.key(), cause.into()))?;
    Ok(ciphertext::write(key.key(), material.name.version, &sealed))
}

/// Decrypts, with the material that encrypted. The id of the material comes with the plaintext.
///
/// # Refusals
/// `InvalidCiphertextException`
pub(super) fn decrypt<'k>(
    key: &'k UsableKey,
    context: &RequestContext,
    ciphertext: &Ciphertext,
    given: &Given<'_>,
) -> Result<(SecretBytes, &'k str), Stop> {
    let material = key
        .key()
        .version(ciphertext.version)
        .ok_or_else(refusals::invalid_ciphertext)?;
    let opened = given.keyring.decrypt(
        &material.name,
        &material.wrapped,
        &context.to_bind(key.key()),
        &ciphertext.sealed,
    );
    match opened {
        Ok(plaintext) => Ok((plaintext, &material.material_id)),
        // The client's ciphertext or context; else the record of the key itself is damaged.
        Err(error) if error.what == Purpose::Ciphertext => {
            Err(refusals::invalid_ciphertext().into())
        }
        Err(cause) => Err(material::unusable(key.key(), cause.into())),
    }
}

/// The key that opens a ciphertext: the one that it names, which must be the one that the request
/// names where it does.
pub(super) enum Opener {
    /// It is there.
    Key(Arc<KmsKey>),
    /// The blob is none of ours.
    NoCiphertext,
    /// The blob is another key's than the request says.
    OtherKey(Arc<KmsKey>),
    /// There is no such key in this region.
    Absent,
}

/// Finds the key of a ciphertext.
pub(super) fn opener(
    ciphertext: Option<&Ciphertext>,
    named: Option<&KeyName>,
    caller: &Caller,
    records: &Records<'_>,
) -> Result<Opener, Stop> {
    let Some(ciphertext) = ciphertext else {
        return Ok(Opener::NoCiphertext);
    };
    let place = Key::kms_key(&ciphertext.account, &caller.region, &ciphertext.key_id);
    let Some(key) = records.read::<KmsKey>(place)? else {
        return Ok(Opener::Absent);
    };
    match named {
        Some(name) if name.find(caller, records)?.arn() != key.arn() => Ok(Opener::OtherKey(key)),
        _ => Ok(Opener::Key(key)),
    }
}

impl Opener {
    /// The need of an operation on the key. Without a key there is nothing to ask for: the decision
    /// refuses.
    pub(super) fn need<'a>(
        &self,
        action: &'static str,
        named: Option<&KeyName>,
        usage: Usage<'_>,
        caller: &Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let (Opener::Key(key) | Opener::OtherKey(key)) = self else {
            return Ok(Vec::new());
        };
        let alias = named.and_then(KeyName::alias);
        access::need_on_key(action, Arc::clone(key), alias, usage, caller, records)
            .map(|need| vec![need])
    }

    /// The key, if the ciphertext and the request agree on it.
    ///
    /// # Refusals
    /// `InvalidCiphertextException`, `IncorrectKeyException`, `AccessDeniedException`.
    pub(super) fn key(self) -> Result<Arc<KmsKey>, Refusal> {
        match self {
            Opener::Key(key) => Ok(key),
            Opener::NoCiphertext => Err(refusals::invalid_ciphertext()),
            Opener::OtherKey(_) => Err(refusals::incorrect_key()),
            Opener::Absent => Err(refusals::unknown_ciphertext_key()),
        }
    }
}

/// Takes a `KeyId` that need not be there.
pub(super) fn optional_key(name: &str, members: &mut Members<'_, '_>) -> Option<KeyName> {
    let key = members.text(name, &shapes::KEY_ID)?;
    Some(KeyName::parse(key, Accepts::KeysAndAliases))
}
