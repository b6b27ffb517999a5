//! CreateUser: a user, which may do nothing yet.
//!
//! Source: AWS IAM API Reference, CreateUser.

use serde::Serialize;

use super::identity_policy::InlinePolicies;
use super::shapes::{self, NEW_USER_NAME, Tag};
use super::user::{ShownUser, User};
use super::{attachment, entity, quota, refusals, unique_id};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;
/// Users of an account. Source: IAM and AWS STS quotas.
pub(super) const USERS_MAX: usize = 5000;

/// The request.
pub struct CreateUser {
    name: String,
    path: String,
    tags: Vec<Tag>,
    boundary: Option<String>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreatedUser {
    user: ShownUser,
}

impl Operation for CreateUser {
    const NAME: &'static str = "CreateUser";
    type Output = CreatedUser;

    fn read(members: &mut Members<'_, '_>) -> Self {
        CreateUser {
            name: members.required_text("UserName", &NEW_USER_NAME),
            path: shapes::path(members),
            tags: shapes::tags(members),
            boundary: shapes::optional_arn("PermissionsBoundary", members),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(entity::needs_to_make(
            "iam:CreateUser",
            "iam:TagUser",
            &User::resource(&self.path, &self.name),
            &self.tags,
            self.boundary.as_deref(),
            caller,
        ))
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<CreatedUser>, Stop> {
        let CreateUser {
            name,
            path,
            tags,
            boundary,
        } = allowed.into_request();
        let caller = given.caller;
        let place = Key::iam_user(&caller.account, &name);
        if records.read::<User>(place.clone())?.is_some() {
            return Err(refusals::exists("User", &name).into());
        }
        quota::refuse_more(
            &Key::iam_users(&caller.account),
            "UsersPerAccount",
            USERS_MAX,
            records,
        )?;
        let mut user = User {
            account: caller.account.clone(),
            name,
            path,
            id: shapes::fresh_id("AIDA", given),
            created: given.now,
            tags,
            access_key_ids: Vec::new(),
            inline: InlinePolicies::default(),
            attached: Vec::new(),
            boundary: None,
            groups: Vec::new(),
            mfa_devices: Vec::new(),
        };
        let mut changes = Changes::none();
        if let Some(arn) = boundary {
            attachment::set_boundary(&mut user, &arn, caller, records, &mut changes)?;
        }
        changes.put(place, &user)?;
        unique_id::enter(&user, &mut changes)?;
        let user = ShownUser::whole(&user, caller, records)?;
        Ok(Decided::change(changes, CreatedUser { user }))
    }
}
