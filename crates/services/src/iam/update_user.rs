//! UpdateUser: another name or path for a user; its id, keys and policies stay.
//!
//! Source: AWS IAM API Reference, UpdateUser.

use std::sync::Arc;

use strongroom_policy::Context;

use super::entity::{Entity, Named};
use super::mfa_device::MfaDevice;
use super::shapes::{NEW_USER_NAME, PATH};
use super::user::User;
use super::{attachment, refusals, unique_id};
use crate::accounts::{AccessKey, KeyOwner};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;

/// The request.
pub struct UpdateUser {
    user: Named<User>,
    new_name: Option<String>,
    new_path: Option<String>,
}

impl Operation for UpdateUser {
    const NAME: &'static str = "UpdateUser";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        UpdateUser {
            user: Named::take(members),
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
        let mut needs = self.user.need(ACTION, Context::new(), caller, records)?;
        let Some(user) = User::read(self.user.name(), caller, records)? else {
            return Ok(needs);
        };
        let path = self.new_path.as_deref().unwrap_or(&user.path);
        let name = self.new_name.as_deref().unwrap_or(&user.name);
        let resource = User::resource(path, name);
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
        let found = request.user.find(records, caller)?;
        let old = found.key();
        let mut user = Arc::unwrap_or_clone(found);
        if let Some(path) = request.new_path {
            user.path = path;
        }
        let mut changes = Changes::none();
        if let Some(name) = request.new_name {
            let place = Key::iam_user(&caller.account, &name);
            if place != old && records.read::<User>(place)?.is_some() {
                return Err(refusals::exists("User", &name).into());
            }
            for id in &user.access_key_ids {
                let place = Key::access_key(id);
                if let Some(key) = records.read::<AccessKey>(place.clone())? {
                    let mut key = Arc::unwrap_or_clone(key);
                    key.owner = KeyOwner::User { name: name.clone() };
                    changes.put(place, &key)?;
                }
            }
            for group in &user.groups {
                changes.delete(Key::iam_member(&user.account, group, &user.name));
                changes.put_entry(Key::iam_member(&user.account, group, &name));
            }
            for device in &user.mfa_devices {
                let place = Key::iam_mfa_device(&user.account, device);
                if let Some(device) = records.read::<MfaDevice>(place.clone())? {
                    let mut device = Arc::unwrap_or_clone(device);
                    if let Some(enabled) = &mut device.enabled {
                        enabled.user.clone_from(&name);
                    }
                    changes.put(place, &device)?;
                }
            }
            attachment::rename(&user, &name, &mut changes);
            user.name = name;
            changes.delete(old);
        }
        changes.put(user.key(), &user)?;
        unique_id::enter(&user, &mut changes)?;
        Ok(Decided::silent(changes))
    }
}
