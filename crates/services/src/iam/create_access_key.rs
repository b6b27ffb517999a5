//! CreateAccessKey: an access key for a user. Its secret is shown this once.
//!
//! Source: AWS IAM API Reference, CreateAccessKey.

use serde::Serialize;
use std::sync::Arc;
use strongroom_policy::Context;

use super::access_key::{self, ACCESS_KEYS_MAX};
use super::refusals;
use super::shapes::USER_NAME;
use super::user;
use crate::accounts::KeyStatus;
use crate::caller::Caller;
use crate::disclosed::Disclosed;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;
use crate::time::{Timestamp, iso8601};

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
        let mut user = Arc::unwrap_or_clone(user);
        let mut changes = Changes::none();
        let made = access_key::make(&mut user, records, &given.means(), &mut changes)?;
        let access_key = NewAccessKey {
            user_name: user.name,
            access_key_id: made.access_key_id,
            status: KeyStatus::Active,
            secret_access_key: Disclosed::Text(made.secret_access_key),
            create_date: given.now,
        };
        Ok(Decided::change(changes, CreatedAccessKey { access_key }))
    }
}
