//! Encrypt: up to 4 KiB under a key.
//!
//! Source: AWS KMS API Reference, Encrypt.

use serde::Serialize;
use strongroom_keys::{SecretBytes, encrypt_with_public_key};

use super::access::{self, Usage};
use super::algorithm;
use super::key::KeyUsage;
use super::name::{Accepts, KeyName};
use super::shapes::Base64;
use super::symmetric::{self, RequestContext};
use super::usable::UsableKey;
use super::{material, refusals, shapes};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::{Refusal, Stop};

/// What is used where no algorithm is named.
pub(super) const SYMMETRIC: &str = "SYMMETRIC_DEFAULT";

/// The request.
pub struct Encrypt {
    key: KeyName,
    plaintext: SecretBytes,
    context: RequestContext,
    algorithm: Option<String>,
    dry_run: bool,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Encrypted {
    ciphertext_blob: Base64,
    key_id: String,
    encryption_algorithm: &'static str,
}

impl Operation for Encrypt {
    const NAME: &'static str = "Encrypt";
    const READ_ONLY: bool = true;
    type Output = Encrypted;

    fn read(members: &mut Members<'_, '_>) -> Self {
        shapes::grant_tokens(members);
        Encrypt {
            key: shapes::key_name(Accepts::KeysAndAliases, members),
            plaintext: shapes::required_secret_blob("Plaintext", 1..=4096, members),
            context: RequestContext::take("EncryptionContext", members),
            algorithm: shapes::encryption_algorithm("EncryptionAlgorithm", members),
            dry_run: shapes::dry_run(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let algorithm = self.algorithm.as_deref().unwrap_or(SYMMETRIC);
        let usage = Usage {
            more: algorithm::condition("kms:EncryptionAlgorithm", algorithm),
            ..self.context.usage()
        };
        access::need("kms:Encrypt", &self.key, usage, caller, records).map(|need| vec![need])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Encrypted>, Stop> {
        let request = allowed.into_request();
        let key = request.key.find(given.caller, records)?;
        let usable = UsableKey::check(key.clone(), KeyUsage::EncryptDecrypt)
            .map_err(|unusable| unusable.refusal(&key, Self::NAME))?;
        let name = request.algorithm.as_deref().unwrap_or(SYMMETRIC);
        let algorithm = algorithm::encryption(name, &key)?;
        let blob = if key.is_key_pair() {
            refuse_context(&request.context)?;
            let public = material::public_key(&usable, given)?;
            encrypt_with_public_key(&public, algorithm, &request.plaintext)
                .map_err(|error| refusals::of_use(error, &key))?
        } else {
            symmetric::encrypt(&usable, &request.context, &request.plaintext, given)?
        };
        shapes::refuse_dry_run(request.dry_run)?;
        Ok(Decided::answer(Encrypted {
            ciphertext_blob: Base64(blob),
            key_id: key.arn(),
            encryption_algorithm: algorithm.name(),
        }))
    }
}

/// Only symmetric encryption is bound to a context.
pub(super) fn refuse_context(context: &RequestContext) -> Result<(), Refusal> {
    if context.is_empty() {
        return Ok(());
    }
    Err(Refusal::validation(
        "An encryption context is valid only for symmetric encryption KMS keys.",
    ))
}
