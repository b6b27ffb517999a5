//! GetUserPolicy: a policy of a user's own.
//!
//! Source: AWS IAM API Reference, GetUserPolicy.

use serde::Serialize;
use strongroom_policy::Context;

use super::refusals;
use super::shapes::{POLICY_NAME, USER_NAME};
use super::user;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GetUserPolicy {
    user_name: String,
    policy_name: String,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UserPolicy {
    user_name: String,
    policy_name: String,
    policy_document: String,
}

impl Operation for GetUserPolicy {
    const NAME: &'static str = "GetUserPolicy";
    type Output = UserPolicy;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetUserPolicy {
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
            "iam:GetUserPolicy",
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
    ) -> Result<Decided<UserPolicy>, Stop> {
        let request = allowed.into_request();
        let user = user::find(&request.user_name, records, given.caller)?;
        let Some((name, policy)) = user.inline.get(&request.policy_name) else {
            return Err(refusals::no_such_user_policy(&request.policy_name).into());
        };
        Ok(Decided::answer(UserPolicy {
            user_name: user.name.clone(),
            policy_name: name.to_owned(),
            policy_document: policy.encoded(),
        }))
    }
}
