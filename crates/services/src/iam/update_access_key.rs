//! UpdateAccessKey: an access key made inactive, or active again.
//!
//! Source: AWS IAM API Reference, UpdateAccessKey.

use std::sync::Arc;

use strongroom_policy::Context;

use super::access_key;
use super::shapes::{STATUS, USER_NAME};
use super::user;
use crate::accounts::{AccessKey, KeyStatus};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::Refusal;
use crate::refusal::Stop;
use crate::sts::get_access_key_info::ACCESS_KEY_ID;

/// The request.
pub struct UpdateAccessKey {
    user_name: Option<String>,
    access_key_id: String,
    status: KeyStatus,
}

impl Operation for UpdateAccessKey {
    const NAME: &'static str = "UpdateAccessKey";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        let user_name = members.text("UserName", &USER_NAME);
        let access_key_id = members.required_text("AccessKeyId", &ACCESS_KEY_ID);
        let status = members.required_text("Status", &STATUS);
        if status == "Expired" {
            members.object(Refusal::validation("An access key can't be made expired."));
        }
        UpdateAccessKey {
            user_name,
            access_key_id,
            status: if status == "Active" {
                KeyStatus::Active
            } else {
                KeyStatus::Inactive
            },
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let user = user::named_or_caller(self.user_name.as_deref(), caller)?;
        user.need("iam:UpdateAccessKey", Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let id = &request.access_key_id;
        access_key::user_with(id, request.user_name.as_deref(), records, given.caller)?;
        let place = Key::access_key(id);
        let mut changes = Changes::none();
        if let Some(key) = records.read::<AccessKey>(place.clone())? {
            let mut key = Arc::unwrap_or_clone(key);
            key.status = request.status;
            changes.put(place, &key)?;
        }
        Ok(Decided::silent(changes))
    }
}
