//! CreateGroup: a group, which nobody is in yet.
//!
//! Source: AWS IAM API Reference, CreateGroup.

use serde::Serialize;
use strongroom_policy::Context;

use super::group::{Group, GroupName, ShownGroup};
use super::identity_policy::InlinePolicies;
use super::shapes::{self, GROUP_NAME};
use super::{entity, quota, refusals};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;

/// Groups of an account. Source: IAM and AWS STS quotas.
pub(super) const GROUPS_MAX: usize = 300;

/// The request.
pub struct CreateGroup {
    name: String,
    path: String,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreatedGroup {
    group: ShownGroup,
}

impl Operation for CreateGroup {
    const NAME: &'static str = "CreateGroup";
    type Output = CreatedGroup;

    fn read(members: &mut Members<'_, '_>) -> Self {
        CreateGroup {
            name: members.required_text("GroupName", &GROUP_NAME),
            path: shapes::path(members),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        let resource = Group::resource(&self.path, &self.name);
        let need = entity::need_to_make("iam:CreateGroup", &resource, Context::new(), caller);
        Ok(vec![need])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<CreatedGroup>, Stop> {
        let CreateGroup { name, path } = allowed.into_request();
        let account = &given.caller.account;
        let taken = Key::iam_group_name(account, &name);
        if records.read::<GroupName>(taken)?.is_some() {
            return Err(refusals::exists("Group", &name).into());
        }
        let all = Key::iam_group_names(account);
        quota::refuse_more(&all, "GroupsPerAccount", GROUPS_MAX, records)?;
        let group = Group {
            account: account.clone(),
            name,
            path,
            id: shapes::fresh_id("AGPA", given),
            created: given.now,
            inline: InlinePolicies::default(),
            attached: Vec::new(),
            users: 0,
        };
        let mut changes = Changes::none();
        let name = GroupName::of(&group);
        changes.put(name.key(), &name)?;
        changes.put(group.key(), &group)?;
        let group = ShownGroup::of(&group, given.caller);
        Ok(Decided::change(changes, CreatedGroup { group }))
    }
}
