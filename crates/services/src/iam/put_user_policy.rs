//! PutUserPolicy: a policy of a user's own.
//!
//! Source: AWS IAM API Reference, PutUserPolicy.

use std::sync::Arc;

use strongroom_policy::Context;

use super::identity_policy::IdentityPolicy;
use super::refusals;
use super::shapes::{POLICY_DOCUMENT, POLICY_NAME, USER_NAME};
use super::user::{self, INLINE_MAX};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct PutUserPolicy {
    user_name: String,
    policy_name: String,
    document: String,
}

impl Operation for PutUserPolicy {
    const NAME: &'static str = "PutUserPolicy";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        PutUserPolicy {
            user_name: members.required_text("UserName", &USER_NAME),
            policy_name: members.required_text("PolicyName", &POLICY_NAME),
            document: members.required_text("PolicyDocument", &POLICY_DOCUMENT),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        user::need(
            "iam:PutUserPolicy",
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
        let policy = IdentityPolicy::checked(request.document)?;
        let mut user = Arc::unwrap_or_clone(user);
        if !user.inline.put(request.policy_name, policy, INLINE_MAX) {
            let of = format!("user {}", user.name);
            return Err(refusals::inline_policies_too_large(&of, INLINE_MAX).into());
        }
        let mut changes = Changes::none();
        changes.put(user.key(), &user)?;
        Ok(Decided::silent(changes))
    }
}
