//! DeleteUser: the end of a user, once it has neither keys nor policies.
//!
//! Source: AWS IAM API Reference, DeleteUser.

use strongroom_policy::Context;

use super::refusals;
use super::shapes::USER_NAME;
use super::user;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct DeleteUser {
    name: String,
}

impl Operation for DeleteUser {
    const NAME: &'static str = "DeleteUser";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        DeleteUser {
            name: members.required_text("UserName", &USER_NAME),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        user::need(
            "iam:DeleteUser",
            &self.name,
            Context::new(),
            caller,
            records,
        )
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let DeleteUser { name } = allowed.into_request();
        let user = user::find(&name, records, given.caller)?;
        if !user.access_key_ids.is_empty() {
            return Err(refusals::delete_conflict("delete access keys").into());
        }
        if !user.inline.is_empty() {
            return Err(refusals::delete_conflict("delete policies").into());
        }
        let mut changes = Changes::none();
        changes.delete(user.key());
        Ok(Decided::silent(changes))
    }
}
