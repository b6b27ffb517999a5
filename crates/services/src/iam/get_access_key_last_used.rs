//! GetAccessKeyLastUsed: whose an access key is, and when, where and for which service it last signed a request.
//!
//! Source: AWS IAM API Reference, GetAccessKeyLastUsed.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use strongroom_policy::Context;

use super::entity::Named;
use super::refusals;
use super::user::User;
use crate::accounts::{AccessKey, KeyOwner};
use crate::caller::Caller;
use crate::gate::{Authorized, Guard, Need};
use crate::input::Members;
use crate::last_use;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Key, Records};
use crate::refusal::Stop;
use crate::sts::get_access_key_info::ACCESS_KEY_ID;
use crate::time::{Timestamp, iso8601};

/// What stands for the service and the region of a key that was never used.
const NEVER: &str = "N/A";

/// The request.
pub struct GetAccessKeyLastUsed {
    access_key_id: String,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeyWithLastUse {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    access_key_last_used: AccessKeyLastUsed,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccessKeyLastUsed {
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "iso8601::optional::serialize"
    )]
    last_used_date: Option<Timestamp>,
    service_name: String,
    region: String,
}

impl Operation for GetAccessKeyLastUsed {
    const NAME: &'static str = "GetAccessKeyLastUsed";
    type Output = KeyWithLastUse;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetAccessKeyLastUsed {
            access_key_id: members.required_text("AccessKeyId", &ACCESS_KEY_ID),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "iam:GetAccessKeyLastUsed";
        let key = find(&self.access_key_id, caller, records)?;
        match key.as_deref().map(|key| &key.owner) {
            Some(KeyOwner::User { name }) => {
                Named::<User>::of(name.clone()).need(action, Context::new(), caller, records)
            }
            Some(KeyOwner::Root) | None => Ok(vec![Need {
                action,
                owner: Cow::Borrowed(&caller.account),
                shown: None,
                guard: Guard::Account,
            }]),
        }
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<KeyWithLastUse>, Stop> {
        let id = allowed.into_request().access_key_id;
        let key =
            find(&id, given.caller, records)?.ok_or_else(|| refusals::no_such_access_key(&id))?;
        let last_use = last_use::of(&key.account, &id, records)?;
        let or_never = |text: Option<&String>| text.map_or(NEVER.to_owned(), Clone::clone);
        Ok(Decided::answer(KeyWithLastUse {
            user_name: match &key.owner {
                KeyOwner::User { name } => Some(name.clone()),
                KeyOwner::Root => None,
            },
            access_key_last_used: AccessKeyLastUsed {
                last_used_date: last_use.as_ref().map(|last_use| last_use.at),
                service_name: or_never(last_use.as_ref().map(|last_use| &last_use.service)),
                region: or_never(last_use.as_ref().map(|last_use| &last_use.region)),
            },
        }))
    }
}

/// An access key of the caller's account; whether another account has it is told to nobody.
fn find(id: &str, caller: &Caller, records: &Records<'_>) -> Result<Option<Arc<AccessKey>>, Stop> {
    let found = records.read::<AccessKey>(Key::access_key(id))?;
    Ok(found.filter(|key| key.account == caller.account))
}
