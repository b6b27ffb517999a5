//! VerifyMac: whether a code is that of a message under an HMAC key.
//!
//! Source: AWS KMS API Reference, VerifyMac.

use serde::Serialize;
use strongroom_keys::SecretBytes;

use super::access::{self, Usage};
use super::algorithm::{self, MAC_ALGORITHM};
use super::key::KeyUsage;
use super::name::{Accepts, KeyName};
use super::usable::UsableKey;
use super::{refusals, shapes};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct VerifyMac {
    key: KeyName,
    message: SecretBytes,
    algorithm: String,
    mac: Vec<u8>,
    dry_run: bool,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MacVerified {
    key_id: String,
    mac_valid: bool,
    mac_algorithm: &'static str,
}

impl Operation for VerifyMac {
    const NAME: &'static str = "VerifyMac";
    const READ_ONLY: bool = true;
    type Output = MacVerified;

    fn read(members: &mut Members<'_, '_>) -> Self {
        shapes::grant_tokens(members);
        VerifyMac {
            key: shapes::key_name(Accepts::KeysAndAliases, members),
            message: shapes::required_secret_blob("Message", 1..=4096, members),
            algorithm: members.required_text("MacAlgorithm", &MAC_ALGORITHM),
            mac: shapes::required_blob("Mac", 1..=6144, members),
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
        access::need("kms:VerifyMac", &self.key, usage, caller, records).map(|need| vec![need])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<MacVerified>, Stop> {
        let request = allowed.into_request();
        let key = request.key.find(given.caller, records)?;
        let usable = UsableKey::check(key.clone(), KeyUsage::GenerateVerifyMac)
            .map_err(|unusable| unusable.refusal(&key, Self::NAME))?;
        let algorithm = algorithm::mac(&request.algorithm, &key)?;
        let material = usable.current();
        let valid = given
            .keyring
            .verify_mac(
                &material.name,
                key.spec,
                &material.wrapped,
                algorithm,
                request.message.expose(),
                &request.mac,
            )
            .map_err(|error| refusals::of_use(error, &key))?;
        if !valid {
            return Err(refusals::invalid_mac().into());
        }
        shapes::refuse_dry_run(request.dry_run)?;
        Ok(Decided::answer(MacVerified {
            key_id: key.arn(),
            mac_valid: true,
            mac_algorithm: algorithm.name(),
        }))
    }
}
