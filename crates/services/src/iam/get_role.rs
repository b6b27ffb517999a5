//! GetRole: a role, and who may assume it.
//!
//! Source: AWS IAM API Reference, GetRole.

use serde::Serialize;
use strongroom_policy::Context;

use super::role::{self, ShownRole};
use super::shapes::ROLE_NAME;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GetRole {
    name: String,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FoundRole {
    role: ShownRole,
}

impl Operation for GetRole {
    const NAME: &'static str = "GetRole";
    type Output = FoundRole;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetRole {
            name: members.required_text("RoleName", &ROLE_NAME),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        role::need("iam:GetRole", &self.name, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<FoundRole>, Stop> {
        let GetRole { name } = allowed.into_request();
        let found = role::find(&name, records, given.caller)?;
        let role = ShownRole::whole(&found, given.caller);
        Ok(Decided::answer(FoundRole { role }))
    }
}
