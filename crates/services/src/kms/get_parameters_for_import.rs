//! GetParametersForImport: what the owner of key material wraps it with on its way here.
//!
//! Source: AWS KMS API Reference, GetParametersForImport.

use std::time::Duration;

use serde::Serialize;
use strongroom_keys::{KeySpec, WrappingAlgorithm, WrappingKey};
use strongroom_policy::Context;

use super::access::Usage;
use super::import_token::ImportToken;
use super::name::{Accepts, KeyName};
use super::shapes::Base64;
use super::{access, import_token, refusals, shapes, state};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;
use crate::time::{Timestamp, epoch_seconds};

const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
const WRAPPING_ALGORITHM: Text = Text::one_of(&[
    "RSAES_PKCS1_V1_5",
    "RSAES_OAEP_SHA_1",
    "RSAES_OAEP_SHA_256",
    "RSA_AES_KEY_WRAP_SHA_1",
    "RSA_AES_KEY_WRAP_SHA_256",
    "SM2PKE",
]);
const WRAPPING_KEY_SPEC: Text = Text::one_of(&["RSA_2048", "RSA_3072", "RSA_4096", "SM2"]);

/// The request.
pub struct GetParametersForImport {
    key: KeyName,
    algorithm: String,
    wrapping_spec: String,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Parameters {
    key_id: String,
    import_token: Base64,
    public_key: Base64,
    #[serde(serialize_with = "epoch_seconds::serialize")]
    parameters_valid_to: Timestamp,
}

impl Operation for GetParametersForImport {
    const NAME: &'static str = "GetParametersForImport";
    /// It makes an RSA key.
    const WALKS: bool = true;
    type Output = Parameters;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetParametersForImport {
            key: shapes::key_name(Accepts::Keys, members),
            algorithm: members.required_text("WrappingAlgorithm", &WRAPPING_ALGORITHM),
            wrapping_spec: members.required_text("WrappingKeySpec", &WRAPPING_KEY_SPEC),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut more = Context::new();
        more.insert("kms:WrappingAlgorithm", self.algorithm.as_str());
        more.insert("kms:WrappingKeySpec", self.wrapping_spec.as_str());
        let usage = Usage {
            more,
            ..Usage::default()
        };
        access::need(
            "kms:GetParametersForImport",
            &self.key,
            usage,
            caller,
            records,
        )
        .map(|need| vec![need])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Parameters>, Stop> {
        let request = allowed.into_request();
        let key = request.key.find(given.caller, records)?;
        import_token::refuse_unless_imported(&key)?;
        state::unless_pending_deletion(&key)?;
        if WrappingAlgorithm::parse(&request.algorithm).is_none() {
            return Err(refusals::unsupported(format!(
                "{} is not supported; use RSAES_OAEP_SHA_256 or RSA_AES_KEY_WRAP_SHA_256.",
                request.algorithm
            ))
            .into());
        }
        let Some(spec) = KeySpec::parse(&request.wrapping_spec) else {
            let message = format!("{} wraps nothing here.", request.wrapping_spec);
            return Err(refusals::unsupported(message).into());
        };
        let broken = |error| Stop::Unavailable(Box::new(error));
        let pair = WrappingKey::generate(spec).map_err(broken)?;
        let expires = given.now.after(LIFETIME);
        let token = ImportToken {
            key_arn: key.arn(),
            algorithm: request.algorithm,
            expires,
            pair: pair.to_bytes().map_err(broken)?,
        };
        Ok(Decided::answer(Parameters {
            key_id: key.arn(),
            import_token: Base64(token.seal(given)),
            public_key: Base64(pair.public_key().map_err(broken)?),
            parameters_valid_to: expires,
        }))
    }
}
