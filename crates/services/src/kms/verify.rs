//! Verify: whether a signature is that of a message by a key.
//!
//! Source: AWS KMS API Reference, Verify.

use serde::Serialize;

use super::access::{self, Usage};
use super::key::KeyUsage;
use super::signed::SignatureRequest;
use super::usable::UsableKey;
use super::{algorithm, material, refusals, shapes};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct Verify {
    signed: SignatureRequest,
    signature: Vec<u8>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Verified {
    key_id: String,
    signature_valid: bool,
    signing_algorithm: &'static str,
}

impl Operation for Verify {
    const NAME: &'static str = "Verify";
    const READ_ONLY: bool = true;
    type Output = Verified;

    fn read(members: &mut Members<'_, '_>) -> Self {
        Verify {
            signature: shapes::required_blob("Signature", 1..=6144, members),
            signed: SignatureRequest::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let usage = Usage {
            more: self.signed.conditions(),
            ..Usage::default()
        };
        access::need("kms:Verify", &self.signed.key, usage, caller, records).map(|need| vec![need])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Verified>, Stop> {
        let Verify { signed, signature } = allowed.into_request();
        let key = signed.key.find(given.caller, records)?;
        let usable = UsableKey::check(key.clone(), KeyUsage::SignVerify)
            .map_err(|unusable| unusable.refusal(&key, Self::NAME))?;
        let algorithm = algorithm::signing(&signed.algorithm, &key)?;
        let message = signed.message()?;
        let public = material::public_key(&usable, given)?;
        let valid = strongroom_keys::verify(key.spec, &public, algorithm, message, &signature)
            .map_err(|error| refusals::of_use(error, &key))?;
        if !valid {
            return Err(refusals::invalid_signature().into());
        }
        shapes::refuse_dry_run(signed.dry_run)?;
        Ok(Decided::answer(Verified {
            key_id: key.arn(),
            signature_valid: true,
            signing_algorithm: algorithm.name(),
        }))
    }
}
