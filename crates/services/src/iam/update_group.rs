//! UpdateGroup: another name or path for a group; its id, users and policies stay.
//!
//! Source: AWS IAM API Reference, UpdateGroup.

use std::sync::Arc;

use strongroom_policy::Context;

use super::entity::{self, Entity, Named};
use super::group::{Group, GroupName};
use super::shapes::{GROUP_NAME, PATH};
use super::{attachment, refusals};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;

/// The request.
pub struct UpdateGroup {
    group: Named<Group>,
    new_name: Option<String>,
    new_path: Option<String>,
}

impl Operation for UpdateGroup {
    const NAME: &'static str = "UpdateGroup";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        UpdateGroup {
            group: Named::take(members),
            new_name: members.text("NewGroupName", &GROUP_NAME),
            new_path: members.text("NewPath", &PATH),
        }
    }

    /// On the group as it is and as it is to be.
    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        const ACTION: &str = "iam:UpdateGroup";
        let mut needs = self.group.need(ACTION, Context::new(), caller, records)?;
        if let Some(group) = Group::read(self.group.name(), caller, records)? {
            let path = self.new_path.as_deref().unwrap_or(&group.path);
            let name = self.new_name.as_deref().unwrap_or(&group.name);
            let resource = Group::resource(path, name);
            needs.push(entity::need_to_make(
                ACTION,
                &resource,
                Context::new(),
                caller,
            ));
        }
        Ok(needs)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let found = request.group.find(records, given.caller)?;
        let mut group = Arc::unwrap_or_clone(found);
        if let Some(path) = request.new_path {
            group.path = path;
        }
        let mut changes = Changes::none();
        if let Some(new_name) = request.new_name {
            let old = GroupName::of(&group).key();
            let place = Key::iam_group_name(&group.account, &new_name);
            if place != old && records.read::<GroupName>(place)?.is_some() {
                return Err(refusals::exists("Group", &new_name).into());
            }
            attachment::rename(&group, &new_name, &mut changes);
            group.name = new_name;
            let name = GroupName::of(&group);
            changes.delete(old);
            changes.put(name.key(), &name)?;
        }
        changes.put(group.key(), &group)?;
        Ok(Decided::silent(changes))
    }
}
