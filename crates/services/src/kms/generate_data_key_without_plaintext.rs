//! GenerateDataKeyWithoutPlaintext: a fresh key, encrypted, for whoever may decrypt it later.
//!
//! Source: AWS KMS API Reference, GenerateDataKeyWithoutPlaintext.

use serde::Serialize;

use super::data_key::DataKeyRequest;
use super::shapes::{self, Base64};
use super::symmetric;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GenerateDataKeyWithoutPlaintext(DataKeyRequest);

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EncryptedDataKey {
    ciphertext_blob: Base64,
    key_id: String,
    key_material_id: String,
}

impl Operation for GenerateDataKeyWithoutPlaintext {
    const NAME: &'static str = "GenerateDataKeyWithoutPlaintext";
    const READ_ONLY: bool = true;
    type Output = EncryptedDataKey;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GenerateDataKeyWithoutPlaintext(DataKeyRequest::take(members))
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.0
            .needs("kms:GenerateDataKeyWithoutPlaintext", caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<EncryptedDataKey>, Stop> {
        let GenerateDataKeyWithoutPlaintext(request) = allowed.into_request();
        let plaintext = request.fresh(given)?;
        let key = request.key.find(given.caller, records)?;
        let usable = symmetric::usable(key, Self::NAME)?;
        shapes::refuse_dry_run(request.dry_run)?;
        let blob = symmetric::encrypt(&usable, &request.context, &plaintext, given)?;
        Ok(Decided::answer(EncryptedDataKey {
            ciphertext_blob: Base64(blob),
            key_id: usable.key().arn(),
            key_material_id: usable.current().material_id.clone(),
        }))
    }
}
