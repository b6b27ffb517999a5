//! Decrypt: what Encrypt and the data key operations encrypted.
//!
//! Source: AWS KMS API Reference, Decrypt; reference/kms-iam-sts.md §A4.

use serde::Serialize;
use strongroom_keys::SecretBytes;

use super::access::{self, Usage};
use super::algorithm::{self, ENCRYPTION_ALGORITHM};
use super::ciphertext::{self, Ciphertext};
use super::encrypt::{SYMMETRIC, refuse_context};
use super::key::KeyUsage;
use super::name::KeyName;
use super::symmetric::{self, RequestContext};
use super::usable::UsableKey;
use super::{refusals, shapes};
use crate::caller::Caller;
use crate::disclosed::Disclosed;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::json_text::push_quoted;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::{Refusal, Stop};

const DRY_RUN_MODIFIER: Text = Text::one_of(&["IGNORE_CIPHERTEXT"]);

/// The request.
pub struct Decrypt {
    blob: Vec<u8>,
    key: Option<KeyName>,
    context: RequestContext,
    algorithm: Option<String>,
    dry_run: bool,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Decrypted {
    key_id: String,
    plaintext: Disclosed,
    encryption_algorithm: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_material_id: Option<String>,
}

impl Decrypt {
    /// Which key a symmetric ciphertext names; asymmetric ones name none.
    fn ciphertext(&self) -> Option<Ciphertext> {
        ciphertext::read(&self.blob)
    }

    fn is_symmetric(&self) -> bool {
        self.algorithm.as_deref().unwrap_or(SYMMETRIC) == SYMMETRIC
    }
}

impl Operation for Decrypt {
    const NAME: &'static str = "Decrypt";
    type Output = Decrypted;

    fn read(members: &mut Members<'_, '_>) -> Self {
        shapes::grant_tokens(members);
        shapes::refuse_recipient(members);
        members.texts("DryRunModifiers", 0..=usize::MAX, &DRY_RUN_MODIFIER);
        let dry_run = shapes::dry_run(members);
        Decrypt {
            blob: shapes::required_blob("CiphertextBlob", 1..=6144, members),
            key: symmetric::optional_key("KeyId", members),
            context: RequestContext::take("EncryptionContext", members),
            algorithm: members.text("EncryptionAlgorithm", &ENCRYPTION_ALGORITHM),
            dry_run,
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
        let named = self.key.as_ref();
        if !self.is_symmetric() {
            let needs = named.map(|name| access::need("kms:Decrypt", name, usage, caller, records));
            return Ok(needs.transpose()?.into_iter().collect());
        }
        let ciphertext = self.ciphertext();
        symmetric::opener(ciphertext.as_ref(), named, caller, records)?.need(
            "kms:Decrypt",
            named,
            usage,
            caller,
            records,
        )
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Decrypted>, Stop> {
        let request = allowed.into_request();
        let caller = given.caller;
        if !request.is_symmetric() {
            return decrypt_with_private_key(&request, records, given);
        }
        let ciphertext = request.ciphertext();
        let named = request.key.as_ref();
        let key = symmetric::opener(ciphertext.as_ref(), named, caller, records)?.key()?;
        let Some(ciphertext) = ciphertext else {
            return Err(refusals::invalid_ciphertext().into());
        };
        let usable = symmetric::usable(key, Self::NAME)?;
        let (plaintext, material_id) =
            symmetric::decrypt(&usable, &request.context, &ciphertext, given)?;
        shapes::refuse_dry_run(request.dry_run)?;
        Ok(Decided::answer(Decrypted {
            key_id: usable.key().arn(),
            plaintext: Disclosed::Binary(plaintext),
            encryption_algorithm: SYMMETRIC,
            key_material_id: Some(material_id.to_owned()),
        }))
    }

    /// As serde would: this is called for each value that a client keeps encrypted.
    fn write(output: &Decrypted, body: &mut Vec<u8>) -> serde_json::Result<()> {
        body.extend_from_slice(b"{\"KeyId\":");
        push_quoted(&output.key_id, body);
        body.extend_from_slice(b",\"Plaintext\":");
        output.plaintext.push_json(body)?;
        body.extend_from_slice(b",\"EncryptionAlgorithm\":");
        push_quoted(output.encryption_algorithm, body);
        if let Some(id) = &output.key_material_id {
            body.extend_from_slice(b",\"KeyMaterialId\":");
            push_quoted(id, body);
        }
        body.push(b'}');
        Ok(())
    }
}

fn decrypt_with_private_key(
    request: &Decrypt,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<Decided<Decrypted>, Stop> {
    let Some(name) = &request.key else {
        return Err(Refusal::validation(
            "A KeyId is required to decrypt with an asymmetric KMS key.",
        )
        .into());
    };
    let key = name.find(given.caller, records)?;
    let usable = UsableKey::check(key.clone(), KeyUsage::EncryptDecrypt)
        .map_err(|unusable| unusable.refusal(&key, Decrypt::NAME))?;
    let named = request.algorithm.as_deref().unwrap_or(SYMMETRIC);
    let algorithm = algorithm::encryption(named, &key)?;
    refuse_context(&request.context)?;
    let material = usable.current();
    let plaintext: SecretBytes = given
        .keyring
        .decrypt_with_private_key(
            &material.name,
            key.spec,
            &material.wrapped,
            algorithm,
            &request.blob,
        )
        .map_err(|error| refusals::of_use(error, &key))?;
    shapes::refuse_dry_run(request.dry_run)?;
    Ok(Decided::answer(Decrypted {
        key_id: key.arn(),
        plaintext: Disclosed::Binary(plaintext),
        encryption_algorithm: algorithm.name(),
        key_material_id: None,
    }))
}
