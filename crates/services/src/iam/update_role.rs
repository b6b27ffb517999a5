//! UpdateRole: what a role is for, and how long its sessions may last. A description that isn't named stays; a longest
//! session that isn't becomes an hour.
//!
//! Source: AWS IAM API Reference, UpdateRole (`MaxSessionDuration`: "the default value of one hour is applied").

use std::sync::Arc;

use serde::Serialize;
use strongroom_policy::Context;

use super::entity::Named;
use super::role::{Role, SESSION_SECONDS_USUAL};
use super::shapes::{self, DESCRIPTION};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct UpdateRole {
    role: Named<Role>,
    description: Option<String>,
    session_seconds_max: Option<u32>,
}

/// The response, which says nothing, yet is there.
#[derive(Serialize)]
pub struct Updated {}

impl Operation for UpdateRole {
    const NAME: &'static str = "UpdateRole";
    type Output = Updated;

    fn read(members: &mut Members<'_, '_>) -> Self {
        UpdateRole {
            role: Named::take(members),
            description: members.text("Description", &DESCRIPTION),
            session_seconds_max: shapes::session_seconds_max(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.role
            .need("iam:UpdateRole", Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Updated>, Stop> {
        let request = allowed.into_request();
        let role = request.role.find(records, given.caller)?;
        let mut role = Arc::unwrap_or_clone(role);
        if request.description.is_some() {
            role.description = request.description;
        }
        role.session_seconds_max = request.session_seconds_max.unwrap_or(SESSION_SECONDS_USUAL);
        let mut changes = Changes::none();
        changes.put(role.key(), &role)?;
        Ok(Decided::change(changes, Updated {}))
    }
}
