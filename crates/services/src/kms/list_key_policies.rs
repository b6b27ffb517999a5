//! ListKeyPolicies: the names of a key's policies, of which there is one.
//!
//! Source: AWS KMS API Reference, ListKeyPolicies.

use serde::Serialize;

use super::listing;
use super::name::{Accepts, KeyName};
use super::{access, policy, shapes};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct ListKeyPolicies {
    key: KeyName,
    page: PageRequest,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyNames {
    policy_names: [&'static str; 1],
    truncated: bool,
}

impl Operation for ListKeyPolicies {
    const NAME: &'static str = "ListKeyPolicies";
    type Output = PolicyNames;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListKeyPolicies {
            key: shapes::key_name(Accepts::Keys, members),
            page: listing::take(100, 1000, members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::needs("kms:ListKeyPolicies", &self.key, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<PolicyNames>, Stop> {
        let request = allowed.into_request();
        request.key.find(given.caller, records)?;
        request.page.start("ListKeyPolicies", given)?;
        Ok(Decided::answer(PolicyNames {
            policy_names: [policy::ONLY_NAME],
            truncated: false,
        }))
    }
}
