//! GetPublicKey: the public half of an asymmetric key.
//!
//! Source: AWS KMS API Reference, GetPublicKey.

use serde::Serialize;
use strongroom_keys::{EncryptionAlgorithm, SigningAlgorithm};

use super::access;
use super::key::KeyUsage;
use super::name::{Accepts, KeyName};
use super::shapes::{self, Base64};
use super::usable::UsableKey;
use super::{material, refusals, state};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GetPublicKey {
    key: KeyName,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PublicKey {
    key_id: String,
    public_key: Base64,
    customer_master_key_spec: &'static str,
    key_spec: &'static str,
    key_usage: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    encryption_algorithms: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    signing_algorithms: Vec<&'static str>,
}

impl Operation for GetPublicKey {
    const NAME: &'static str = "GetPublicKey";
    type Output = PublicKey;

    fn read(members: &mut Members<'_, '_>) -> Self {
        shapes::grant_tokens(members);
        GetPublicKey {
            key: shapes::key_name(Accepts::KeysAndAliases, members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::needs("kms:GetPublicKey", &self.key, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<PublicKey>, Stop> {
        let key = allowed.into_request().key.find(given.caller, records)?;
        state::if_enabled(&key)?;
        if !key.is_key_pair() {
            return Err(refusals::unsupported(format!(
                "{} key spec is {} which is not valid for GetPublicKey.",
                key.arn(),
                key.spec.name()
            ))
            .into());
        }
        let usable = UsableKey::check(key.clone(), key.usage)
            .map_err(|unusable| unusable.refusal(&key, Self::NAME))?;
        let public_key = material::public_key(&usable, given)?;
        let encrypts = key.usage == KeyUsage::EncryptDecrypt;
        let encryption = key.spec.encryption_algorithms().iter();
        let signing = key.spec.signing_algorithms().iter();
        Ok(Decided::answer(PublicKey {
            key_id: key.arn(),
            public_key: Base64(public_key),
            customer_master_key_spec: key.spec.name(),
            key_spec: key.spec.name(),
            key_usage: key.usage.name(),
            encryption_algorithms: encryption
                .copied()
                .filter(|_| encrypts)
                .map(EncryptionAlgorithm::name)
                .collect(),
            signing_algorithms: signing
                .copied()
                .filter(|_| !encrypts)
                .map(SigningAlgorithm::name)
                .collect(),
        }))
    }
}
