//! GenerateDataKeyPairWithoutPlaintext: a fresh key pair, its private key encrypted.
//!
//! Source: AWS KMS API Reference, GenerateDataKeyPairWithoutPlaintext.

use serde::Serialize;

use super::data_key_pair::{self, KeyPairRequest};
use super::shapes::{self, Base64};
use super::symmetric;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GenerateDataKeyPairWithoutPlaintext(KeyPairRequest);

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EncryptedKeyPair {
    private_key_ciphertext_blob: Base64,
    public_key: Base64,
    key_id: String,
    key_pair_spec: &'static str,
    key_material_id: String,
}

impl Operation for GenerateDataKeyPairWithoutPlaintext {
    const NAME: &'static str = "GenerateDataKeyPairWithoutPlaintext";
    const READ_ONLY: bool = true;
    /// RSA keys take up to seconds.
    const WALKS: bool = true;
    type Output = EncryptedKeyPair;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GenerateDataKeyPairWithoutPlaintext(KeyPairRequest::take(members))
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.0
            .needs("kms:GenerateDataKeyPairWithoutPlaintext", caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<EncryptedKeyPair>, Stop> {
        let GenerateDataKeyPairWithoutPlaintext(request) = allowed.into_request();
        let key = request.key.find(given.caller, records)?;
        let usable = symmetric::usable(key, Self::NAME)?;
        let spec = request.spec()?;
        shapes::refuse_dry_run(request.dry_run)?;
        let pair = data_key_pair::fresh(spec)?;
        let blob = symmetric::encrypt(&usable, &request.context, &pair.private_key, given)?;
        Ok(Decided::answer(EncryptedKeyPair {
            private_key_ciphertext_blob: Base64(blob),
            public_key: Base64(pair.public_key),
            key_id: usable.key().arn(),
            key_pair_spec: spec.name(),
            key_material_id: usable.current().material_id.clone(),
        }))
    }
}
