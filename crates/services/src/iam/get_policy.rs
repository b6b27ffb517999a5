//! GetPolicy: a managed policy, without what it says.
//!
//! Source: AWS IAM API Reference, GetPolicy.

use serde::Serialize;

use super::managed_policy::{NamedPolicy, ShownPolicy};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GetPolicy {
    policy: NamedPolicy,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GotPolicy {
    policy: ShownPolicy,
}

impl Operation for GetPolicy {
    const NAME: &'static str = "GetPolicy";
    type Output = GotPolicy;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetPolicy {
            policy: NamedPolicy::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.policy.need("iam:GetPolicy", caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<GotPolicy>, Stop> {
        let GetPolicy { policy } = allowed.into_request();
        let (_, found) = policy.find(records, given.caller)?;
        let policy = ShownPolicy::whole(&found, given.caller, records)?;
        Ok(Decided::answer(GotPolicy { policy }))
    }
}
