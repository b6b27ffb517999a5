//! Decrypt: what Encrypt and the data key operations encrypted.
//!
//! Source: AWS KMS API Reference, Decrypt; reference/kms-iam-sts.md §A4.

use serde::Serialize;

use super::source::{MemberNames, Source};
use super::{algorithm, shapes};
use crate::caller::Caller;
use crate::disclosed::Disclosed;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::json_text::push_quoted;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

const NAMES: MemberNames = MemberNames {
    key: "KeyId",
    context: "EncryptionContext",
    algorithm: "EncryptionAlgorithm",
};

/// The request.
pub struct Decrypt(Source);

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

impl Operation for Decrypt {
    const NAME: &'static str = "Decrypt";
    const READ_ONLY: bool = true;
    type Output = Decrypted;

    fn read(members: &mut Members<'_, '_>) -> Self {
        shapes::grant_tokens(members);
        shapes::refuse_recipient(members);
        Decrypt(Source::take(&NAMES, members))
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let Decrypt(source) = self;
        let opener = source.opener(caller, records)?;
        let more = algorithm::condition("kms:EncryptionAlgorithm", source.algorithm_name());
        let need = source.need("kms:Decrypt", &opener, more, caller, records)?;
        Ok(need.into_iter().collect())
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Decrypted>, Stop> {
        let Decrypt(source) = allowed.into_request();
        let key = source.key(source.opener(given.caller, records)?)?;
        let usable = source.usable(key, Self::NAME)?;
        let opened = source.open(&usable, given)?;
        shapes::refuse_dry_run(source.dry_run)?;
        Ok(Decided::answer(Decrypted {
            key_id: usable.key.key().arn(),
            plaintext: Disclosed::Binary(opened.plaintext),
            encryption_algorithm: opened.algorithm,
            key_material_id: opened.material_id,
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
