//! What Decrypt and ReEncrypt share: what is to be decrypted, and the key that opens it.
//!
//! Source: AWS KMS API Reference, Decrypt, ReEncrypt; reference/kms-iam-sts.md §A4.

use std::ops::RangeInclusive;
use std::sync::Arc;

use strongroom_keys::{EncryptionAlgorithm, SecretBytes};
use strongroom_policy::Context;

use super::access::{self, Usage};
use super::algorithm;
use super::ciphertext::Ciphertext;
use super::encrypt::{SYMMETRIC, refuse_context};
use super::key::{KeyUsage, KmsKey};
use super::name::{Accepts, KeyName, Named};
use super::symmetric::{self, RequestContext};
use super::usable::UsableKey;
use super::{refusals, shapes};
use crate::caller::Caller;
use crate::gate::{Guard, Need};
use crate::input::{Members, Text};
use crate::operation::Given;
use crate::records::{Key, Records};
use crate::refusal::{Refusal, Stop};

const CIPHERTEXT_BYTES: RangeInclusive<usize> = 1..=6144;
const DRY_RUN_MODIFIER: Text = Text::one_of(&["IGNORE_CIPHERTEXT"]);

/// What is to be decrypted, as a request says it.
pub(super) struct Source {
    encrypted: Encrypted,
    key: Option<KeyName>,
    context: RequestContext,
    algorithm: Option<String>,
    pub(super) dry_run: bool,
}

/// The request's names for its members.
pub(super) struct MemberNames {
    pub(super) key: &'static str,
    pub(super) context: &'static str,
    pub(super) algorithm: &'static str,
}

enum Encrypted {
    /// Under a symmetric key, which it names.
    Symmetric(Ciphertext),
    /// It should be under a symmetric key, and is no ciphertext of ours.
    NotOurs,
    /// With a public key; it doesn't say which.
    Asymmetric(Vec<u8>),
    /// Whatever it is: only what may be done is asked for.
    Ignored,
}

/// Who names the key that opens a ciphertext.
pub(super) enum Opener {
    /// The request, which may be wrong about it.
    Named(Named),
    /// The ciphertext; the key is there.
    OfCiphertext(Arc<KmsKey>),
    /// Nobody.
    Unnamed,
}

/// What was decrypted, and with what.
pub(super) struct Opened {
    pub(super) plaintext: SecretBytes,
    pub(super) algorithm: &'static str,
    pub(super) material_id: Option<String>,
}

/// A key that may be used to decrypt what a request says, with an algorithm that it has.
pub(super) struct UsableOpener {
    pub(super) key: UsableKey,
    algorithm: EncryptionAlgorithm,
}

impl Source {
    /// Takes it, and whether the request is a dry run.
    pub(super) fn take(names: &MemberNames, members: &mut Members<'_, '_>) -> Self {
        let modifiers = members.texts("DryRunModifiers", 0..=usize::MAX, &DRY_RUN_MODIFIER);
        let dry_run = shapes::dry_run(members);
        let algorithm = shapes::encryption_algorithm(names.algorithm, members);
        let encrypted = if dry_run && modifiers.is_some_and(|modifiers| !modifiers.is_empty()) {
            members.blob("CiphertextBlob", CIPHERTEXT_BYTES);
            Encrypted::Ignored
        } else {
            let blob = shapes::required_blob("CiphertextBlob", CIPHERTEXT_BYTES, members);
            match algorithm.as_deref() {
                None | Some(SYMMETRIC) => {
                    Ciphertext::read(blob).map_or(Encrypted::NotOurs, Encrypted::Symmetric)
                }
                Some(_) => Encrypted::Asymmetric(blob),
            }
        };
        let key = members.text(names.key, &shapes::KEY_ID);
        Source {
            encrypted,
            key: key.map(|key| KeyName::parse(key, Accepts::KeysAndAliases)),
            context: RequestContext::take(names.context, members),
            algorithm,
            dry_run,
        }
    }

    pub(super) fn algorithm_name(&self) -> &str {
        self.algorithm.as_deref().unwrap_or(SYMMETRIC)
    }

    /// Finds the key that is to open it. A key that the request names is the only one that is looked at: whether
    /// there is the one that the ciphertext names is nothing that the caller may learn by naming another.
    ///
    /// # Refusals
    /// `AccessDeniedException` where only the ciphertext names a key, and that isn't there.
    pub(super) fn opener(&self, caller: &Caller, records: &Records<'_>) -> Result<Opener, Stop> {
        match (&self.encrypted, &self.key) {
            // A key's id alone is the ciphertext's own, whose account is in the ciphertext.
            (Encrypted::Symmetric(ciphertext), named)
                if named
                    .as_ref()
                    .is_none_or(|name| name.is_bare_id(&ciphertext.key_id)) =>
            {
                let place = Key::kms_key(&ciphertext.account, &caller.region, &ciphertext.key_id);
                match records.read::<KmsKey>(place)? {
                    Some(key) => Ok(Opener::OfCiphertext(key)),
                    None => Err(refusals::unknown_ciphertext_key().into()),
                }
            }
            (_, Some(name)) => name
                .resolve(&caller.account, &caller.region, records)
                .map(Opener::Named),
            (_, None) => Ok(Opener::Unnamed),
        }
    }

    /// The need of an operation on the key. Where nobody names one there is nothing to ask for: the decision
    /// refuses.
    pub(super) fn need<'a>(
        &'a self,
        action: &'static str,
        opener: &Opener,
        more: Context,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Option<Need<'a>>, Stop> {
        let usage = Usage {
            more,
            ..self.context.usage()
        };
        match (opener, &self.key) {
            (Opener::OfCiphertext(key), _) => {
                let foreign = key.account != caller.account;
                let key = Arc::clone(key);
                let mut need = access::need_on_key(action, key, None, usage, caller, records)?;
                if let Guard::Key(guard) = &mut need.guard
                    && foreign
                {
                    guard.refusal = Some(refusals::unknown_ciphertext_key());
                }
                Ok(Some(need))
            }
            (Opener::Named(named), Some(name)) => {
                access::need_on_named(action, name, named, usage, caller, records).map(Some)
            }
            (Opener::Named(_) | Opener::Unnamed, _) => Ok(None),
        }
    }

    /// The key, if the ciphertext and the request agree on it.
    ///
    /// # Refusals
    /// - `NotFoundException`, `InvalidArnException`: what the request names isn't there.
    /// - `IncorrectKeyException`: the ciphertext is another key's.
    /// - `InvalidCiphertextException`: it is none of ours.
    /// - `ValidationException`: nobody names a key.
    pub(super) fn key(&self, opener: Opener) -> Result<Arc<KmsKey>, Refusal> {
        let key = match opener {
            Opener::OfCiphertext(key) => return Ok(key),
            Opener::Named(Named::Key(key)) => Some(key),
            Opener::Named(Named::Absent { refusal, .. }) => return Err(refusal),
            Opener::Unnamed => None,
        };
        match (&self.encrypted, key) {
            (Encrypted::NotOurs, _) => Err(refusals::invalid_ciphertext()),
            (Encrypted::Symmetric(ciphertext), Some(key)) if !ciphertext.is_of(&key) => {
                Err(refusals::incorrect_key())
            }
            (_, Some(key)) => Ok(key),
            (_, None) => Err(refusals::opener_unnamed()),
        }
    }

    /// The key as far as it may be used for this.
    ///
    /// # Refusals
    /// Those of its state; `InvalidKeyUsageException`; `ValidationException`: a context for a key pair.
    pub(super) fn usable(
        &self,
        key: Arc<KmsKey>,
        operation: &str,
    ) -> Result<UsableOpener, Refusal> {
        let key = UsableKey::check(Arc::clone(&key), KeyUsage::EncryptDecrypt)
            .map_err(|unusable| unusable.refusal(&key, operation))?;
        let algorithm = algorithm::encryption(self.algorithm_name(), key.key())?;
        if key.key().is_key_pair() {
            refuse_context(&self.context)?;
        }
        Ok(UsableOpener { key, algorithm })
    }

    /// Decrypts it.
    ///
    /// # Refusals
    /// - `InvalidCiphertextException`
    /// - `DryRunOperationException`: the ciphertext is to be ignored.
    pub(super) fn open(&self, opener: &UsableOpener, given: &Given<'_>) -> Result<Opened, Stop> {
        let UsableOpener { key, algorithm } = opener;
        let (plaintext, material_id) = match &self.encrypted {
            Encrypted::Symmetric(ciphertext) => {
                let (plaintext, material_id) =
                    symmetric::decrypt(key, &self.context, ciphertext, given)?;
                (plaintext, Some(material_id.to_owned()))
            }
            Encrypted::Asymmetric(blob) => {
                let material = key.current();
                let opened = given.keyring.decrypt_with_private_key(
                    &material.name,
                    key.key().spec,
                    &material.wrapped,
                    *algorithm,
                    blob,
                );
                let plaintext = opened.map_err(|error| refusals::of_use(error, key.key()))?;
                (plaintext, None)
            }
            Encrypted::NotOurs => return Err(refusals::invalid_ciphertext().into()),
            Encrypted::Ignored => return Err(refusals::dry_run().into()),
        };
        Ok(Opened {
            plaintext,
            algorithm: algorithm.name(),
            material_id,
        })
    }
}
