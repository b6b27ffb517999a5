//! CreateUser: a user, which may do nothing yet.
//!
//! Source: AWS IAM API Reference, CreateUser.

use serde::Serialize;
use strongroom_policy::Context;

use super::identity_policy::InlinePolicies;
use super::shapes::{self, NEW_USER_NAME, PATH, Tag};
use super::user::{ShownUser, User};
use super::{quota, refusals};
use crate::caller::Caller;
use crate::gate::{Authorized, Guard, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;
use std::borrow::Cow;

/// Users of an account. Source: IAM and AWS STS quotas.
const USERS_MAX: usize = 5000;

/// The request.
pub struct CreateUser {
    name: String,
    path: String,
    tags: Vec<Tag>,
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
        let path = members.text("Path", &PATH);
        if members.is_there("PermissionsBoundary") {
            members.object(refusals::unsupported(BOUNDARIES_ABSENT));
        }
        CreateUser {
            name: members.required_text("UserName", &NEW_USER_NAME),
            path: path.unwrap_or_else(|| "/".to_owned()),
            tags: shapes::tags(members),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        let resource = User::resource(&self.path, &self.name);
        let need = |action, context: Context| Need {
            action,
            owner: Cow::Borrowed(&caller.account),
            shown: Some(Cow::Owned(caller.iam_arn(&caller.account, &resource))),
            guard: Guard::ToBeMade(context),
        };
        let context = shapes::request_tags(&self.tags);
        let mut needs = vec![need("iam:CreateUser", context.clone())];
        if !self.tags.is_empty() {
            needs.push(need("iam:TagUser", context));
        }
        Ok(needs)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<CreatedUser>, Stop> {
        let CreateUser { name, path, tags } = allowed.into_request();
        let caller = given.caller;
        let place = Key::iam_user(&caller.account, &name);
        if records.read::<User>(place.clone())?.is_some() {
            return Err(refusals::user_exists(&name).into());
        }
        quota::refuse_more(
            &Key::iam_users(&caller.account),
            "UsersPerAccount",
            USERS_MAX,
            records,
        )?;
        let user = User {
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
        };
        let mut changes = Changes::none();
        changes.put(place, &user)?;
        let user = ShownUser::with_tags(&user, caller);
        Ok(Decided::change(changes, CreatedUser { user }))
    }
}

const BOUNDARIES_ABSENT: &str =
    "This version of Strongroom has no permissions boundaries. Nothing was changed.";
