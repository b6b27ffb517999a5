//! GetResourcePolicy: the policy as it was given, but for those whose names have changed; none is no error.
//!
//! Source: reference/api.md §6.19.

use std::borrow::Cow;

use serde::Serialize;

use super::access;
use super::metadata::NamedSecret;
use super::secret_id::SecretId;
use super::shapes;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GetResourcePolicy {
    secret_id: SecretId,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourcePolicy {
    #[serde(flatten)]
    secret: NamedSecret,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_policy: Option<String>,
}

impl Operation for GetResourcePolicy {
    const NAME: &'static str = "GetResourcePolicy";
    type Output = ResourcePolicy;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetResourcePolicy {
            secret_id: shapes::secret_id(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::need_on(
            "secretsmanager:GetResourcePolicy",
            &self.secret_id,
            &(),
            caller,
            records,
        )
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<ResourcePolicy>, Stop> {
        let secret = allowed
            .into_request()
            .secret_id
            .find_active(records, given)?;
        let policy = match &secret.resource_policy {
            Some(policy) => Some(policy.shown(&secret.account, given.caller, records)?),
            None => None,
        };
        Ok(Decided::answer(ResourcePolicy {
            secret: NamedSecret::of(&secret),
            resource_policy: policy.map(Cow::into_owned),
        }))
    }
}
