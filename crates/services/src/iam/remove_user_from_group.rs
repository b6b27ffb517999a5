//! RemoveUserFromGroup: a group's policies no longer speak for a user. One who isn't in it is no error.
//!
//! Source: AWS IAM API Reference, RemoveUserFromGroup.

use std::sync::Arc;

use strongroom_policy::Context;

use super::entity::Named;
use super::group::Group;
use super::user::User;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;

/// The request.
pub struct RemoveUserFromGroup {
    group: Named<Group>,
    user: Named<User>,
}

impl Operation for RemoveUserFromGroup {
    const NAME: &'static str = "RemoveUserFromGroup";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        RemoveUserFromGroup {
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
            .need("iam:RemoveUserFromGroup", Context::new(), caller, records)
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
        if !user.groups.contains(&group.id) {
            return Ok(Decided::silent(changes));
        }
        let member = Key::iam_member(&group.account, &group.id, &user.name);
        changes.delete(member);
        user.groups.retain(|id| *id != group.id);
        group.users = group.users.saturating_sub(1);
        changes.put(user.key(), &user)?;
        changes.put(group.key(), &group)?;
        Ok(Decided::silent(changes))
    }
}
