//! ReEncrypt: a ciphertext under another key or context, without its plaintext leaving.
//!
//! Source: AWS KMS API Reference, ReEncrypt; reference/kms-iam-sts.md §A4.

use std::sync::Arc;

use serde::Serialize;
use strongroom_keys::{SecretBytes, encrypt_with_public_key};
use strongroom_policy::Context;

use super::access::{self, Usage};
use super::algorithm::{self, ENCRYPTION_ALGORITHM};
use super::encrypt::{SYMMETRIC, refuse_context};
use super::key::{KeyUsage, KmsKey};
use super::name::{Accepts, KeyName, Named};
use super::shapes::{self, Base64, KEY_ID};
use super::symmetric::{self, Opener, RequestContext};
use super::usable::UsableKey;
use super::{ciphertext, material, refusals};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::{Refusal, Stop};

const DRY_RUN_MODIFIER: Text = Text::one_of(&["IGNORE_CIPHERTEXT"]);

/// The request.
pub struct ReEncrypt {
    blob: Vec<u8>,
    source: Option<KeyName>,
    source_context: RequestContext,
    source_algorithm: Option<String>,
    destination: KeyName,
    destination_context: RequestContext,
    destination_algorithm: Option<String>,
    dry_run: bool,
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
    fn source_name(&self) -> &str {
        self.source_algorithm.as_deref().unwrap_or(SYMMETRIC)
    }

    fn destination_name(&self) -> &str {
        self.destination_algorithm.as_deref().unwrap_or(SYMMETRIC)
    }

    /// The key that opens the ciphertext: a symmetric one names it, else the request does.
    fn opener(&self, caller: &Caller, records: &Records<'_>) -> Result<Opener, Stop> {
        if self.source_name() == SYMMETRIC {
            let ciphertext = ciphertext::read(&self.blob);
            return symmetric::opener(ciphertext.as_ref(), self.source.as_ref(), caller, records);
        }
        match &self.source {
            Some(name) => name.find(caller, records).map(Opener::Key),
            None => Err(Refusal::validation(
                "A SourceKeyId is required to decrypt with an asymmetric KMS key.",
            )
            .into()),
        }
    }
}

impl Operation for ReEncrypt {
    const NAME: &'static str = "ReEncrypt";
    type Output = ReEncrypted;

    fn read(members: &mut Members<'_, '_>) -> Self {
        shapes::grant_tokens(members);
        members.texts("DryRunModifiers", 0..=usize::MAX, &DRY_RUN_MODIFIER);
        let destination = members.required_text("DestinationKeyId", &KEY_ID);
        ReEncrypt {
            blob: shapes::required_blob("CiphertextBlob", 1..=6144, members),
            source: symmetric::optional_key("SourceKeyId", members),
            source_context: RequestContext::take("SourceEncryptionContext", members),
            source_algorithm: members.text("SourceEncryptionAlgorithm", &ENCRYPTION_ALGORITHM),
            destination: KeyName::parse(destination, Accepts::KeysAndAliases),
            destination_context: RequestContext::take("DestinationEncryptionContext", members),
            destination_algorithm: members
                .text("DestinationEncryptionAlgorithm", &ENCRYPTION_ALGORITHM),
            dry_run: shapes::dry_run(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let opener = self.opener(caller, records)?;
        let destination = self
            .destination
            .resolve(&caller.account, &caller.region, records)?;
        let same = match (&opener, &destination) {
            (Opener::Key(source), Named::Key(destination)) => source.arn() == destination.arn(),
            _ => false,
        };
        let conditions = |algorithm: &str| -> Context {
            let mut more = algorithm::condition("kms:EncryptionAlgorithm", algorithm);
            more.insert("kms:ReEncryptOnSameKey", same.to_string());
            more
        };
        let from = Usage {
            more: conditions(self.source_name()),
            ..self.source_context.usage()
        };
        let to = Usage {
            more: conditions(self.destination_name()),
            ..self.destination_context.usage()
        };
        let source = self.source.as_ref();
        let mut needs = opener.need("kms:ReEncryptFrom", source, from, caller, records)?;
        needs.push(access::need(
            "kms:ReEncryptTo",
            &self.destination,
            to,
            caller,
            records,
        )?);
        Ok(needs)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<ReEncrypted>, Stop> {
        let request = allowed.into_request();
        let caller = given.caller;
        let source = request.opener(caller, records)?.key()?;
        let destination = request.destination.find(caller, records)?;
        let opened = open(&request, &source, given)?;
        let sealed = seal(&request, &destination, &opened.plaintext, given)?;
        Ok(Decided::answer(ReEncrypted {
            ciphertext_blob: Base64(sealed.blob),
            source_key_id: source.arn(),
            key_id: destination.arn(),
            source_encryption_algorithm: opened.algorithm,
            destination_encryption_algorithm: sealed.algorithm,
            source_key_material_id: opened.material_id,
            destination_key_material_id: sealed.material_id,
        }))
    }
}

struct Opened {
    plaintext: SecretBytes,
    algorithm: &'static str,
    material_id: Option<String>,
}

fn open(request: &ReEncrypt, source: &Arc<KmsKey>, given: &Given<'_>) -> Result<Opened, Stop> {
    let usable = usable(source)?;
    let algorithm = algorithm::encryption(request.source_name(), source)?;
    if !source.is_key_pair() {
        let ciphertext =
            ciphertext::read(&request.blob).ok_or_else(refusals::invalid_ciphertext)?;
        let (plaintext, material_id) =
            symmetric::decrypt(&usable, &request.source_context, &ciphertext, given)?;
        return Ok(Opened {
            plaintext,
            algorithm: algorithm.name(),
            material_id: Some(material_id.to_owned()),
        });
    }
    refuse_context(&request.source_context)?;
    let material = usable.current();
    let opened = given.keyring.decrypt_with_private_key(
        &material.name,
        source.spec,
        &material.wrapped,
        algorithm,
        &request.blob,
    );
    Ok(Opened {
        plaintext: opened.map_err(|error| refusals::of_use(error, source))?,
        algorithm: algorithm.name(),
        material_id: None,
    })
}

struct Resealed {
    blob: Vec<u8>,
    algorithm: &'static str,
    material_id: Option<String>,
}

fn seal(
    request: &ReEncrypt,
    destination: &Arc<KmsKey>,
    plaintext: &SecretBytes,
    given: &Given<'_>,
) -> Result<Resealed, Stop> {
    let usable = usable(destination)?;
    let algorithm = algorithm::encryption(request.destination_name(), destination)?;
    let context = &request.destination_context;
    if destination.is_key_pair() {
        refuse_context(context)?;
        shapes::refuse_dry_run(request.dry_run)?;
        let public = material::public_key(&usable, given)?;
        let blob = encrypt_with_public_key(&public, algorithm, plaintext)
            .map_err(|error| refusals::of_use(error, destination))?;
        return Ok(Resealed {
            blob,
            algorithm: algorithm.name(),
            material_id: None,
        });
    }
    shapes::refuse_dry_run(request.dry_run)?;
    Ok(Resealed {
        blob: symmetric::encrypt(&usable, context, plaintext, given)?,
        algorithm: algorithm.name(),
        material_id: Some(usable.current().material_id.clone()),
    })
}

fn usable(key: &Arc<KmsKey>) -> Result<UsableKey, Refusal> {
    UsableKey::check(Arc::clone(key), KeyUsage::EncryptDecrypt)
        .map_err(|unusable| unusable.refusal(key, ReEncrypt::NAME))
}
