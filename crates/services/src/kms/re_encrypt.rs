//! ReEncrypt: a ciphertext under another key or context, without its plaintext leaving.
//!
//! Source: AWS KMS API Reference, ReEncrypt; reference/kms-iam-sts.md §A4.

use serde::Serialize;
use strongroom_keys::{EncryptionAlgorithm, SecretBytes, encrypt_with_public_key};
use strongroom_policy::Context;

use super::access::{self, Usage};
use super::algorithm;
use super::encrypt::{SYMMETRIC, refuse_context};
use super::key::KeyUsage;
use super::name::{Accepts, KeyName, Named};
use super::shapes::{self, Base64, KEY_ID};
use super::source::{MemberNames, Opener, Source};
use super::symmetric::{self, RequestContext};
use super::usable::UsableKey;
use super::{material, refusals};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

const SOURCE_NAMES: MemberNames = MemberNames {
    key: "SourceKeyId",
    context: "SourceEncryptionContext",
    algorithm: "SourceEncryptionAlgorithm",
};

/// The request.
pub struct ReEncrypt {
    source: Source,
    destination: KeyName,
    destination_context: RequestContext,
    destination_algorithm: Option<String>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReEncrypted {
    ciphertext_blob: Base64,
    source_key_id: String,
    key_id: String,
    source_encryption_algorithm: &'static str,
    destination_encryption_algorithm: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_key_material_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_key_material_id: Option<String>,
}

impl ReEncrypt {
    fn destination_name(&self) -> &str {
        self.destination_algorithm.as_deref().unwrap_or(SYMMETRIC)
    }
}

impl Operation for ReEncrypt {
    const NAME: &'static str = "ReEncrypt";
    const READ_ONLY: bool = true;
    type Output = ReEncrypted;

    fn read(members: &mut Members<'_, '_>) -> Self {
        shapes::grant_tokens(members);
        let destination = members.required_text("DestinationKeyId", &KEY_ID);
        ReEncrypt {
            source: Source::take(&SOURCE_NAMES, members),
            destination: KeyName::parse(destination, Accepts::KeysAndAliases),
            destination_context: RequestContext::take("DestinationEncryptionContext", members),
            destination_algorithm: shapes::encryption_algorithm(
                "DestinationEncryptionAlgorithm",
                members,
            ),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let opener = self.source.opener(caller, records)?;
        let destination = self
            .destination
            .resolve(&caller.account, &caller.region, records)?;
        let same = match (&opener, &destination) {
            (
                Opener::OfCiphertext(source) | Opener::Named(Named::Key(source)),
                Named::Key(destination),
            ) => source.key() == destination.key(),
            _ => false,
        };
        let conditions = |algorithm: &str| -> Context {
            let mut more = algorithm::condition("kms:EncryptionAlgorithm", algorithm);
            more.insert("kms:ReEncryptOnSameKey", same.to_string());
            more
        };
        let from = conditions(self.source.algorithm_name());
        let from = self
            .source
            .need("kms:ReEncryptFrom", &opener, from, caller, records)?;
        let to = Usage {
            more: conditions(self.destination_name()),
            ..self.destination_context.usage()
        };
        let to = access::need_on_named(
            "kms:ReEncryptTo",
            &self.destination,
            &destination,
            to,
            caller,
            records,
        )?;
        Ok(from.into_iter().chain([to]).collect())
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<ReEncrypted>, Stop> {
        let request = allowed.into_request();
        let caller = given.caller;
        let source = request
            .source
            .key(request.source.opener(caller, records)?)?;
        let source = request.source.usable(source, Self::NAME)?;
        let destination = Destination::check(&request, caller, records)?;
        let opened = request.source.open(&source, given)?;
        let blob = destination.seal(&request.destination_context, &opened.plaintext, given)?;
        shapes::refuse_dry_run(request.source.dry_run)?;
        let key = destination.key.key();
        let material = destination.key.current();
        Ok(Decided::answer(ReEncrypted {
            ciphertext_blob: Base64(blob),
            source_key_id: source.key.key().arn(),
            key_id: key.arn(),
            source_encryption_algorithm: opened.algorithm,
            destination_encryption_algorithm: destination.algorithm.name(),
            source_key_material_id: opened.material_id,
            destination_key_material_id: (!key.is_key_pair()).then(|| material.material_id.clone()),
        }))
    }
}

/// The key that encrypts, with an algorithm that it has.
struct Destination {
    key: UsableKey,
    algorithm: EncryptionAlgorithm,
}

impl Destination {
    /// # Refusals
    /// Those of the key's state; `NotFoundException`, `InvalidKeyUsageException`; `ValidationException`: a context
    /// for a key pair.
    fn check(request: &ReEncrypt, caller: &Caller, records: &Records<'_>) -> Result<Self, Stop> {
        let key = request.destination.find(caller, records)?;
        let key = UsableKey::check(key.clone(), KeyUsage::EncryptDecrypt)
            .map_err(|unusable| unusable.refusal(&key, ReEncrypt::NAME))?;
        let algorithm = algorithm::encryption(request.destination_name(), key.key())?;
        if key.key().is_key_pair() {
            refuse_context(&request.destination_context)?;
        }
        Ok(Destination { key, algorithm })
    }

    fn seal(
        &self,
        context: &RequestContext,
        plaintext: &SecretBytes,
        given: &Given<'_>,
    ) -> Result<Vec<u8>, Stop> {
        if !self.key.key().is_key_pair() {
            return symmetric::encrypt(&self.key, context, plaintext, given);
        }
        let public = material::public_key(&self.key, given)?;
        encrypt_with_public_key(&public, self.algorithm, plaintext)
            .map_err(|error| refusals::of_use(error, self.key.key()))
    }
}
