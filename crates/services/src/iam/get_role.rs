//! GetRole: a role, and who may assume it.
//!
//! Source: AWS IAM API Reference, GetRole.

use serde::Serialize;
use strongroom_policy::Context;

use super::entity::Named;
use super::role::{Role, ShownRole};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GetRole {
    role: Named<Role>,
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
            role: Named::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.role
            .need("iam:GetRole", Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<FoundRole>, Stop> {
        let GetRole { role } = allowed.into_request();
        let found = role.find(records, given.caller)?;
        let role = ShownRole::whole(&found, given.caller, records)?;
        let role = role.with_last_use(&found, records)?;
        Ok(Decided::answer(FoundRole { role }))
    }
}
