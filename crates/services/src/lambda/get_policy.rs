//! GetPolicy: the policy of a function, or of a version or alias of it.
//!
//! Source: AWS Lambda API Reference, GetPolicy.

use serde::Serialize;

use super::function::LATEST;
use super::name::Wanted;
use super::{permission, refusals};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GetPolicy {
    function: Wanted,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FoundPolicy {
    policy: String,
    revision_id: String,
}

impl Operation for GetPolicy {
    const NAME: &'static str = "GetPolicy";
    type Output = FoundPolicy;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetPolicy {
            function: Wanted::read(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.function.needs("lambda:GetPolicy", caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<FoundPolicy>, Stop> {
        let request = allowed.into_request().function;
        let function = request.find(records, given)?;
        let qualifier = request.qualifier().filter(|named| *named != LATEST);
        let Some(policy) = function.policy(qualifier) else {
            let message = "The resource you requested does not exist.";
            return Err(refusals::not_found(message).into());
        };
        let statements = permission::statements(&function, qualifier, records, given)?;
        Ok(Decided::answer(FoundPolicy {
            policy: permission::text(&statements),
            revision_id: policy.revision_id.clone(),
        }))
    }
}
