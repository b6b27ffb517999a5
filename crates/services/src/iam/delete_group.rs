//! DeleteGroup: the end of a group, once nobody is in it and no policy is at it.
//!
//! Source: AWS IAM API Reference, DeleteGroup.

use strongroom_policy::Context;

use super::entity::Named;
use super::group::{Group, GroupName};
use super::refusals;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct DeleteGroup {
    group: Named<Group>,
}

impl Operation for DeleteGroup {
    const NAME: &'static str = "DeleteGroup";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        DeleteGroup {
            group: Named::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.group
            .need("iam:DeleteGroup", Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let DeleteGroup { group } = allowed.into_request();
        let group = group.find(records, given.caller)?;
        refusals::refuse_while(&[
            (group.users > 0, "remove users from group"),
            (!group.attached.is_empty(), "detach all policies"),
            (!group.inline.is_empty(), "delete policies"),
        ])?;
        let mut changes = Changes::none();
        changes.delete(GroupName::of(&group).key());
        changes.delete(group.key());
        Ok(Decided::silent(changes))
    }
}
