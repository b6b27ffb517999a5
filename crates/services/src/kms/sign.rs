//! Sign: a signature by a key that never leaves.
//!
//! Source: AWS KMS API Reference, Sign.

use serde::Serialize;

use super::access::{self, Usage};
use super::key::KeyUsage;
use super::shapes::{self, Base64};
use super::signed::SignatureRequest;
use super::usable::UsableKey;
use super::{algorithm, refusals};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct Sign(SignatureRequest);

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Signature {
    key_id: String,
    signature: Base64,
    signing_algorithm: &'static str,
}

impl Operation for Sign {
    const NAME: &'static str = "Sign";
    const READ_ONLY: bool = true;
    type Output = Signature;

    fn read(members: &mut Members<'_, '_>) -> Self {
        Sign(SignatureRequest::take(members))
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let usage = Usage {
            more: self.0.conditions(),
            ..Usage::default()
        };
        access::need("kms:Sign", &self.0.key, usage, caller, records).map(|need| vec![need])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Signature>, Stop> {
        let Sign(request) = allowed.into_request();
        let key = request.key.find(given.caller, records)?;
        let usable = UsableKey::check(key.clone(), KeyUsage::SignVerify)
            .map_err(|unusable| unusable.refusal(&key, Self::NAME))?;
        let algorithm = algorithm::signing(&request.algorithm, &key)?;
        let message = request.message()?;
        let material = usable.current();
        let signature = given
            .keyring
            .sign(
                &material.name,
                key.spec,
                &material.wrapped,
                algorithm,
                message,
            )
            .map_err(|error| refusals::of_use(error, &key))?;
        shapes::refuse_dry_run(request.dry_run)?;
        Ok(Decided::answer(Signature {
            key_id: key.arn(),
            signature: Base64(signature),
            signing_algorithm: algorithm.name(),
        }))
    }
}
