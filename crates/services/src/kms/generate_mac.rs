//! GenerateMac: a message's code under an HMAC key.
//!
//! Source: AWS KMS API Reference, GenerateMac.

use serde::Serialize;
use strongroom_keys::SecretBytes;

use super::access::{self, Usage};
use super::algorithm::{self, MAC_ALGORITHM};
use super::key::KeyUsage;
use super::name::{Accepts, KeyName};
use super::refusals;
use super::shapes::{self, Base64};
use super::usable::UsableKey;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GenerateMac {
    key: KeyName,
    message: SecretBytes,
    algorithm: String,
    dry_run: bool,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Mac {
    mac: Base64,
    mac_algorithm: &'static str,
    key_id: String,
}

impl Operation for GenerateMac {
    const NAME: &'static str = "GenerateMac";
    const READ_ONLY: bool = true;
    type Output = Mac;

    fn read(members: &mut Members<'_, '_>) -> Self {
        shapes::grant_tokens(members);
        GenerateMac {
            key: shapes::key_name(Accepts::KeysAndAliases, members),
            message: shapes::required_secret_blob("Message", 1..=4096, members),
            algorithm: members.required_text("MacAlgorithm", &MAC_ALGORITHM),
            dry_run: shapes::dry_run(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let usage = Usage {
            more: algorithm::condition("kms:MacAlgorithm", &self.algorithm),
            ..Usage::default()
        };
        access::need("kms:GenerateMac", &self.key, usage, caller, records).map(|need| vec![need])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Mac>, Stop> {
        let request = allowed.into_request();
        let key = request.key.find(given.caller, records)?;
        let usable = UsableKey::check(key.clone(), KeyUsage::GenerateVerifyMac)
            .map_err(|unusable| unusable.refusal(&key, Self::NAME))?;
        let algorithm = algorithm::mac(&request.algorithm, &key)?;
        shapes::refuse_dry_run(request.dry_run)?;
        let material = usable.current();
        let mac = given
            .keyring
            .mac(
                &material.name,
                key.spec,
                &material.wrapped,
                algorithm,
                request.message.expose(),
            )
            .map_err(|error| refusals::of_use(error, &key))?;
        Ok(Decided::answer(Mac {
            mac: Base64(mac),
            mac_algorithm: algorithm.name(),
            key_id: key.arn(),
        }))
    }
}
