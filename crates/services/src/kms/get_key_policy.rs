//! GetKeyPolicy: who may use a key.
//!
//! Source: AWS KMS API Reference, GetKeyPolicy.

use serde::Serialize;

use super::name::{Accepts, KeyName};
use super::policy::{self, POLICY_NAME};
use super::{access, shapes};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GetKeyPolicy {
    key: KeyName,
    name: Option<String>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    policy: String,
    policy_name: &'static str,
}

impl Operation for GetKeyPolicy {
    const NAME: &'static str = "GetKeyPolicy";
    type Output = Policy;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetKeyPolicy {
            key: shapes::key_name(Accepts::Keys, members),
            name: members.text("PolicyName", &POLICY_NAME),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::needs("kms:GetKeyPolicy", &self.key, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Policy>, Stop> {
        let request = allowed.into_request();
        let key = request.key.find(given.caller, records)?;
        policy::check_name(request.name.as_deref())?;
        let policy = key.policy.shown(&key.account, given.caller, records)?;
        Ok(Decided::answer(Policy {
            policy: policy.into_owned(),
            policy_name: policy::ONLY_NAME,
        }))
    }
}
