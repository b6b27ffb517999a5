//! Encrypting and decrypting under symmetric keys, as several operations do.
//!
//! Source: AWS KMS API Reference, Encrypt, Decrypt; reference/kms-iam-sts.md §A6.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_keys::{EncryptionContext, Purpose, SecretBytes};

use super::access::Usage;
use super::ciphertext::{self, Ciphertext};
use super::key::{KeyUsage, KmsKey};
use super::usable::UsableKey;
use super::{material, refusals};
use crate::input::Members;
use crate::operation::Given;
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

    /// What a ciphertext is bound to.
    fn to_bind(&self) -> EncryptionContext {
        EncryptionContext::of(self.0.iter())
    }
}

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
    given
        .keyring
        .encrypt(
            &material.name,
            &material.wrapped,
            &ciphertext::header(key.key(), material.name.version),
            &context.to_bind(),
            plaintext,
            given.entropy,
        )
        .map_err(|cause| material::unusable(key.key(), cause.into()))
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
    let (header, sealed) = ciphertext.parts();
    let opened = given.keyring.decrypt(
        &material.name,
        &material.wrapped,
        header,
        &context.to_bind(),
        sealed,
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
