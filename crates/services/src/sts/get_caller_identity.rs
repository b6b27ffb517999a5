//! GetCallerIdentity: who the caller is. Nobody needs permission for it.
//!
//! Source: AWS STS API Reference, GetCallerIdentity.

use serde::Serialize;

use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GetCallerIdentity;

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CallerIdentity {
    arn: String,
    user_id: String,
    account: String,
}

impl Operation for GetCallerIdentity {
    const NAME: &'static str = "GetCallerIdentity";
    type Output = CallerIdentity;

    fn read(_: &mut Members<'_, '_>) -> Self {
        GetCallerIdentity
    }

    /// None, and a policy that denies it is of no effect.
    fn needs<'a>(&'a self, _: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(Vec::new())
    }

    fn decide(
        _: Authorized<Self>,
        _: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<CallerIdentity>, Stop> {
        let caller = given.caller;
        Ok(Decided::answer(CallerIdentity {
            arn: caller.arn(),
            user_id: caller.unique_id().into_owned(),
            account: caller.account.to_string(),
        }))
    }
}
