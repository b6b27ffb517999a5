//! DeleteUser: the end of a user, once it has neither keys nor policies and is in no group. What bounds it goes with it.
//!
//! Source: AWS IAM API Reference, DeleteUser.

use std::sync::Arc;

use strongroom_policy::Context;

use super::attachment;
use super::entity::Named;
use super::refusals;
use super::unique_id;
use super::user::User;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct DeleteUser {
    user: Named<User>,
}

impl Operation for DeleteUser {
    const NAME: &'static str = "DeleteUser";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        DeleteUser {
            user: Named::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.user
            .need("iam:DeleteUser", Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let DeleteUser { user } = allowed.into_request();
        let user = user.find(records, given.caller)?;
        refusals::refuse_while(&[
            (!user.groups.is_empty(), "remove users from group"),
            (!user.access_key_ids.is_empty(), "delete access keys"),
            (!user.mfa_devices.is_empty(), "delete MFA device"),
            (!user.attached.is_empty(), "detach all policies"),
            (!user.inline.is_empty(), "delete policies"),
        ])?;
        let mut user = Arc::unwrap_or_clone(user);
        let mut changes = Changes::none();
        attachment::remove_boundary(&mut user, records, &mut changes)?;
        changes.delete(user.key());
        unique_id::strike(&user, &mut changes);
        Ok(Decided::silent(changes))
    }
}
