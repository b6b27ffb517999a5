//! AddUserToGroup: a user has a group's policies from now on. One who is in it already stays.
//!
//! Source: AWS IAM API Reference, AddUserToGroup.

use std::sync::Arc;

use strongroom_policy::Context;

use super::entity::Named;
use super::group::Group;
use super::refusals;
use super::user::User;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;

/// Groups that one user is in. Source: IAM and AWS STS quotas.
pub(super) const GROUPS_MAX: usize = 10;

/// The request.
pub struct AddUserToGroup {
    group: Named<Group>,
    user: Named<User>,
}

impl Operation for AddUserToGroup {
    const NAME: &'static str = "AddUserToGroup";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        AddUserToGroup {
            group: Named::take(members),
            user: Named::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.group
            .need("iam:AddUserToGroup", Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let mut group = Arc::unwrap_or_clone(request.group.find(records, given.caller)?);
        let mut user = Arc::unwrap_or_clone(request.user.find(records, given.caller)?);
        records.tell(|told| told.note_arn(&user.arn(given.caller)));
        let mut changes = Changes::none();
        if user.groups.contains(&group.id) {
            return Ok(Decided::silent(changes));
        }
        if user.groups.len() >= GROUPS_MAX {
            return Err(refusals::quota("GroupsPerUser", GROUPS_MAX).into());
        }
        let member = Key::iam_member(&group.account, &group.id, &user.name);
        changes.put_entry(member);
        user.groups.push(group.id.clone());
        group.users += 1;
        changes.put(user.key(), &user)?;
        changes.put(group.key(), &group)?;
        Ok(Decided::silent(changes))
    }
}
