//! GetUser: a user, or who the caller is.
//!
//! Source: AWS IAM API Reference, GetUser.

use serde::Serialize;
use strongroom_policy::Context;

use super::shapes::USER_NAME;
use super::user::{self, ShownUser};
use crate::accounts::Account;
use crate::caller::{Caller, Principal};
use crate::gate::{Authorized, Guard, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Key, Records};
use crate::refusal::Stop;
use std::borrow::Cow;

/// The request.
pub struct GetUser {
    name: Option<String>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FoundUser {
    user: ShownUser,
}

impl Operation for GetUser {
    const NAME: &'static str = "GetUser";
    type Output = FoundUser;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetUser {
            name: members.text("UserName", &USER_NAME),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        const ACTION: &str = "iam:GetUser";
        if self.is_root(caller) {
            return Ok(vec![Need {
                action: ACTION,
                owner: Cow::Borrowed(&caller.account),
                shown: Some(Cow::Owned(caller.arn())),
                guard: Guard::Account,
            }]);
        }
        let user = user::named_or_caller(self.name.as_deref(), caller)?;
        user.need(ACTION, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<FoundUser>, Stop> {
        let request = allowed.into_request();
        let caller = given.caller;
        if request.is_root(caller) {
            let account = records.read::<Account>(Key::account(&caller.account))?;
            let created = account.map_or(given.now, |account| account.created);
            let user = ShownUser::of_root(created, caller);
            return Ok(Decided::answer(FoundUser { user }));
        }
        let named = user::named_or_caller(request.name.as_deref(), caller)?;
        let found = named.find(records, caller)?;
        let user = ShownUser::whole(&found, caller, records)?;
        Ok(Decided::answer(FoundUser { user }))
    }
}

impl GetUser {
    fn is_root(&self, caller: &Caller) -> bool {
        self.name.is_none() && matches!(caller.principal, Principal::Root)
    }
}
