//! GenerateDataKey: a fresh key to encrypt with elsewhere, in the open and encrypted.
//!
//! Source: AWS KMS API Reference, GenerateDataKey.

use serde::Serialize;

use super::data_key::DataKeyRequest;
use super::shapes::{self, Base64};
use super::symmetric;
use crate::caller::Caller;
use crate::disclosed::Disclosed;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::json_text::push_quoted;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GenerateDataKey(DataKeyRequest);

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DataKey {
    ciphertext_blob: Base64,
    plaintext: Disclosed,
    key_id: String,
    key_material_id: String,
}

impl Operation for GenerateDataKey {
    const NAME: &'static str = "GenerateDataKey";
    const READ_ONLY: bool = true;
    type Output = DataKey;

    fn read(members: &mut Members<'_, '_>) -> Self {
        shapes::refuse_recipient(members);
        GenerateDataKey(DataKeyRequest::take(members))
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.0.needs("kms:GenerateDataKey", caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<DataKey>, Stop> {
        let GenerateDataKey(request) = allowed.into_request();
        let plaintext = request.fresh(given)?;
        let key = request.key.find(given.caller, records)?;
        let usable = symmetric::usable(key, Self::NAME)?;
        shapes::refuse_dry_run(request.dry_run)?;
        let blob = symmetric::encrypt(&usable, &request.context, &plaintext, given)?;
        Ok(Decided::answer(DataKey {
            ciphertext_blob: Base64(blob),
            plaintext: Disclosed::Binary(plaintext),
            key_id: usable.key().arn(),
            key_material_id: usable.current().material_id.clone(),
        }))
    }

    /// As serde would: this is called for each value that a client encrypts.
    fn write(output: &DataKey, body: &mut Vec<u8>) -> serde_json::Result<()> {
        body.extend_from_slice(b"{\"CiphertextBlob\":");
        output.ciphertext_blob.push_json(body);
        body.extend_from_slice(b",\"Plaintext\":");
        output.plaintext.push_json(body)?;
        body.extend_from_slice(b",\"KeyId\":");
        push_quoted(&output.key_id, body);
        body.extend_from_slice(b",\"KeyMaterialId\":");
        push_quoted(&output.key_material_id, body);
        body.push(b'}');
        Ok(())
    }
}
