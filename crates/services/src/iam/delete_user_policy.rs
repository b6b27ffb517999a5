//! DeleteUserPolicy: the end of a policy of a user's own.
//!
//! Source: AWS IAM API Reference, DeleteUserPolicy.

use std::sync::Arc;

use strongroom_policy::Context;

use super::refusals;
use super::shapes::{POLICY_NAME, USER_NAME};
use super::user;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct DeleteUserPolicy {
    user_name: String,
    policy_name: String,
}

impl Operation for DeleteUserPolicy {
    const NAME: &'static str = "DeleteUserPolicy";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        DeleteUserPolicy {
            user_name: members.required_text("UserName", &USER_NAME),
            policy_name: members.required_text("PolicyName", &POLICY_NAME),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        user::need(
            "iam:DeleteUserPolicy",
            &self.user_name,
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
        let request = allowed.into_request();
        let user = user::find(&request.user_name, records, given.caller)?;
        let mut user = Arc::unwrap_or_clone(user);
        if !user.inline.remove(&request.policy_name) {
            return Err(refusals::no_such_user_policy(&request.policy_name).into());
        }
        let mut changes = Changes::none();
        changes.put(user.key(), &user)?;
        Ok(Decided::silent(changes))
    }
}
