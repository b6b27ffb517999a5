//! CreateAccessKey: an access key for a user. Its secret is shown this once.
//!
//! Source: AWS IAM API Reference, CreateAccessKey.

use serde::Serialize;
use std::sync::Arc;
use strongroom_policy::Context;

use super::refusals;
use super::shapes::USER_NAME;
use super::user;
use crate::accounts::{self, AccessKey, KeyOwner, KeyStatus};
use crate::caller::Caller;
use crate::disclosed::Disclosed;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;
use crate::root_key;
use crate::time::{Timestamp, iso8601};

/// Access keys of one user. Source: IAM and AWS STS quotas.
pub(super) const ACCESS_KEYS_MAX: usize = 2;

/// The request.
pub struct CreateAccessKey {
    user_name: Option<String>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreatedAccessKey {
    access_key: NewAccessKey,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NewAccessKey {
    user_name: String,
    access_key_id: String,
    status: KeyStatus,
    secret_access_key: Disclosed,
    #[serde(serialize_with = "iso8601::serialize")]
    create_date: Timestamp,
}

impl Operation for CreateAccessKey {
    const NAME: &'static str = "CreateAccessKey";
    type Output = CreatedAccessKey;

    fn read(members: &mut Members<'_, '_>) -> Self {
        CreateAccessKey {
            user_name: members.text("UserName", &USER_NAME),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let user = user::named_or_caller(self.user_name.as_deref(), caller)?;
        user.need("iam:CreateAccessKey", Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<CreatedAccessKey>, Stop> {
        let caller = given.caller;
        let named = user::named_or_caller(allowed.into_request().user_name.as_deref(), caller)?;
        let user = named.find(records, caller)?;
        if user.access_key_ids.len() >= ACCESS_KEYS_MAX {
            return Err(refusals::quota("AccessKeysPerUser", ACCESS_KEYS_MAX).into());
        }
        root_key::note(records)?;
        let mut user = Arc::unwrap_or_clone(user);
        let made = accounts::fresh_credentials(&user.account, given.entropy);
        let id = made.access_key_id.clone();
        let owner = KeyOwner::User {
            name: user.name.clone(),
        };
        let key = AccessKey::of(&made, owner, given.now, given.keyring, given.entropy);
        let place = Key::access_key(&id);
        // Nobody's key is ever replaced, however unlikely that is.
        if records.read::<AccessKey>(place.clone())?.is_some() {
            return Err(Stop::Unavailable("a new access key's id is taken".into()));
        }
        user.access_key_ids.push(id.clone());
        let mut changes = Changes::none();
        changes.put(place, &key)?;
        changes.put(user.key(), &user)?;
        let access_key = NewAccessKey {
            user_name: user.name,
            access_key_id: id,
            status: KeyStatus::Active,
            secret_access_key: Disclosed::Text(made.secret_access_key),
            create_date: given.now,
        };
        Ok(Decided::change(changes, CreatedAccessKey { access_key }))
    }
}
