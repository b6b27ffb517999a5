//! DeleteRole: the end of a role, once it has no policies and is in no instance profile. What bounds it goes with it.
//!
//! Source: AWS IAM API Reference, DeleteRole.

use std::sync::Arc;

use strongroom_policy::Context;

use super::entity::Named;
use super::role::Role;
use super::{attachment, refusals, unique_id};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;

/// The request.
pub struct DeleteRole {
    role: Named<Role>,
}

impl Operation for DeleteRole {
    const NAME: &'static str = "DeleteRole";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        DeleteRole {
            role: Named::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.role
            .need("iam:DeleteRole", Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let DeleteRole { role } = allowed.into_request();
        let role = role.find(records, given.caller)?;
        refusals::refuse_while(&[
            (
                !role.instance_profiles.is_empty(),
                "remove roles from instance profile",
            ),
            (!role.attached.is_empty(), "detach all policies"),
            (!role.inline.is_empty(), "delete policies"),
        ])?;
        let mut role = Arc::unwrap_or_clone(role);
        let mut changes = Changes::none();
        attachment::remove_boundary(&mut role, records, &mut changes)?;
        changes.delete(role.key());
        changes.delete(Key::last_use(&role.account, &role.id));
        unique_id::strike(&role, &mut changes);
        Ok(Decided::silent(changes))
    }
}
