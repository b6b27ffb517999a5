//! UpdateUser: another name or path for a user; its id, keys and policies stay.
//!
//! Source: AWS IAM API Reference, UpdateUser.

use std::sync::Arc;

use strongroom_policy::Context;

use super::refusals;
use super::shapes::{NEW_USER_NAME, PATH, USER_NAME};
use super::user::{self, User};
use crate::accounts::{AccessKey, KeyOwner};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;

/// The request.
pub struct UpdateUser {
    name: String,
    new_name: Option<String>,
    new_path: Option<String>,
}

impl Operation for UpdateUser {
    const NAME: &'static str = "UpdateUser";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        UpdateUser {
            name: members.required_text("UserName", &USER_NAME),
            new_name: members.text("NewUserName", &NEW_USER_NAME),
            new_path: members.text("NewPath", &PATH),
        }
    }

    /// On the user as it is and as it is to be.
    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        const ACTION: &str = "iam:UpdateUser";
        let mut needs = user::need(ACTION, &self.name, Context::new(), caller, records)?;
        let path = match records.read::<User>(Key::iam_user(&caller.account, &self.name))? {
            Some(user) => self.new_path.clone().unwrap_or_else(|| user.path.clone()),
            None => return Ok(needs),
        };
        let name = self.new_name.as_deref().unwrap_or(&self.name);
        let resource = User::resource(&path, name);
        if let Some(need) = needs.first().cloned() {
            needs.push(Need {
                shown: Some(caller.iam_arn(&caller.account, &resource).into()),
                ..need
            });
        }
        Ok(needs)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let caller = given.caller;
        let found = user::find(&request.name, records, caller)?;
        let old = found.key();
        let mut user = Arc::unwrap_or_clone(found);
        if let Some(path) = request.new_path {
            user.path = path;
        }
        let mut changes = Changes::none();
        if let Some(name) = request.new_name {
            let place = Key::iam_user(&caller.account, &name);
            if place != old && records.read::<User>(place)?.is_some() {
                return Err(refusals::user_exists(&name).into());
            }
            for id in &user.access_key_ids {
                let place = Key::access_key(id);
                if let Some(key) = records.read::<AccessKey>(place.clone())? {
                    let mut key = Arc::unwrap_or_clone(key);
                    key.owner = KeyOwner::User { name: name.clone() };
                    changes.put(place, &key)?;
                }
            }
            user.name = name;
            changes.delete(old);
        }
        changes.put(user.key(), &user)?;
        Ok(Decided::silent(changes))
    }
}
