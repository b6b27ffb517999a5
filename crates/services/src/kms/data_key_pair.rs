//! What the operations on data key pairs share.
//!
//! Source: AWS KMS API Reference, GenerateDataKeyPair.

use strongroom_keys::{KeyPairBytes, KeySpec, generate_key_pair};

use super::access::{self, Usage};
use super::algorithm;
use super::encrypt::SYMMETRIC;
use super::material::broken;
use super::name::{Accepts, KeyName};
use super::symmetric::RequestContext;
use super::{refusals, shapes};
use crate::caller::Caller;
use crate::gate::Need;
use crate::input::{Members, Text};
use crate::records::Records;
use crate::refusal::{Refusal, Stop};

const KEY_PAIR_SPEC: Text = Text::one_of(&[
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "ECC_SECG_P256K1",
    "SM2",
    "ECC_NIST_EDWARDS25519",
    "ML_KEM_512",
    "ML_KEM_768",
    "ML_KEM_1024",
]);

/// A request for a data key pair.
pub(super) struct KeyPairRequest {
    pub(super) key: KeyName,
    pub(super) context: RequestContext,
    pub(super) dry_run: bool,
    spec: String,
}

impl KeyPairRequest {
    pub(super) fn take(members: &mut Members<'_, '_>) -> Self {
        shapes::grant_tokens(members);
        KeyPairRequest {
            key: shapes::key_name(Accepts::KeysAndAliases, members),
            context: RequestContext::take("EncryptionContext", members),
            dry_run: shapes::dry_run(members),
            spec: members.required_text("KeyPairSpec", &KEY_PAIR_SPEC),
        }
    }

    pub(super) fn needs<'a>(
        &'a self,
        action: &'static str,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut more = algorithm::condition("kms:DataKeyPairSpec", &self.spec);
        more.insert("kms:EncryptionAlgorithm", SYMMETRIC);
        let usage = Usage {
            more,
            ..self.context.usage()
        };
        access::need(action, &self.key, usage, caller, records).map(|need| vec![need])
    }

    /// # Refusals
    /// `UnsupportedOperationException`
    pub(super) fn spec(&self) -> Result<KeySpec, Refusal> {
        KeySpec::parse(&self.spec).ok_or_else(|| {
            let spec = &self.spec;
            refusals::unsupported(format!(
                "This version of Strongroom makes no key pairs of {spec}."
            ))
        })
    }
}

/// A fresh key pair.
pub(super) fn fresh(spec: KeySpec) -> Result<KeyPairBytes, Stop> {
    generate_key_pair(spec).map_err(broken)
}
