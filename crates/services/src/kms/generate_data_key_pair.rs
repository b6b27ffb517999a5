//! GenerateDataKeyPair: a fresh key pair to use elsewhere, its private key in the open and encrypted.
//!
//! Source: AWS KMS API Reference, GenerateDataKeyPair.

use serde::Serialize;

use super::data_key_pair::{self, KeyPairRequest};
use super::shapes::{self, Base64};
use super::symmetric;
use crate::caller::Caller;
use crate::disclosed::Disclosed;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GenerateDataKeyPair(KeyPairRequest);

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DataKeyPair {
    private_key_ciphertext_blob: Base64,
    private_key_plaintext: Disclosed,
    public_key: Base64,
    key_id: String,
    key_pair_spec: &'static str,
    key_material_id: String,
}

impl Operation for GenerateDataKeyPair {
    const NAME: &'static str = "GenerateDataKeyPair";
    const READ_ONLY: bool = true;
    /// RSA keys take up to seconds.
    const WALKS: bool = true;
    type Output = DataKeyPair;

    fn read(members: &mut Members<'_, '_>) -> Self {
        shapes::refuse_recipient(members);
        GenerateDataKeyPair(KeyPairRequest::take(members))
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.0.needs("kms:GenerateDataKeyPair", caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<DataKeyPair>, Stop> {
        let GenerateDataKeyPair(request) = allowed.into_request();
        let key = request.key.find(given.caller, records)?;
        let usable = symmetric::usable(key, Self::NAME)?;
        let spec = request.spec()?;
        shapes::refuse_dry_run(request.dry_run)?;
        let pair = data_key_pair::fresh(spec)?;
        let blob = symmetric::encrypt(&usable, &request.context, &pair.private_key, given)?;
        Ok(Decided::answer(DataKeyPair {
            private_key_ciphertext_blob: Base64(blob),
            private_key_plaintext: Disclosed::Binary(pair.private_key),
            public_key: Base64(pair.public_key),
            key_id: usable.key().arn(),
            key_pair_spec: spec.name(),
            key_material_id: usable.current().material_id.clone(),
        }))
    }
}
