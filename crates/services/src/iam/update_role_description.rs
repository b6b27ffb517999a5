//! UpdateRoleDescription: what a role is for.
//!
//! Source: AWS IAM API Reference, UpdateRoleDescription.

use std::sync::Arc;

use serde::Serialize;
use strongroom_policy::Context;

use super::entity::Named;
use super::role::{Role, ShownRole};
use super::shapes::DESCRIPTION;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct UpdateRoleDescription {
    role: Named<Role>,
    description: String,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribedRole {
    role: ShownRole,
}

impl Operation for UpdateRoleDescription {
    const NAME: &'static str = "UpdateRoleDescription";
    type Output = DescribedRole;

    fn read(members: &mut Members<'_, '_>) -> Self {
        members.require("Description");
        UpdateRoleDescription {
            role: Named::take(members),
            description: members
                .text("Description", &DESCRIPTION)
                .unwrap_or_default(),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.role
            .need("iam:UpdateRoleDescription", Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<DescribedRole>, Stop> {
        let request = allowed.into_request();
        let caller = given.caller;
        let role = request.role.find(records, caller)?;
        let mut role = Arc::unwrap_or_clone(role);
        role.description = Some(request.description);
        let mut changes = Changes::none();
        changes.put(role.key(), &role)?;
        let role = ShownRole::whole(&role, caller, records)?;
        Ok(Decided::change(changes, DescribedRole { role }))
    }
}
