//! GetGroup: a group, and the users who are in it.
//!
//! Source: AWS IAM API Reference, GetGroup.

use std::ops::ControlFlow;

use serde::Serialize;
use strongroom_policy::Context;

use super::entity::Named;
use super::group::{Group, ShownGroup};
use super::listing::{self, Listed};
use super::user::{ShownUser, User};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::{Key, Records};
use crate::refusal::Stop;

/// The request.
pub struct GetGroup {
    group: Named<Group>,
    page: PageRequest,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupWithUsers {
    group: ShownGroup,
    #[serde(flatten)]
    users: Listed<ShownUser>,
}

impl Operation for GetGroup {
    const NAME: &'static str = "GetGroup";
    const WALKS: bool = true;
    type Output = GroupWithUsers;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetGroup {
            group: Named::take(members),
            page: listing::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.group
            .need("iam:GetGroup", Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<GroupWithUsers>, Stop> {
        let GetGroup { group, page } = allowed.into_request();
        let caller = given.caller;
        let group = group.find(records, caller)?;
        let list = format!("GetGroup {}", group.id);
        let all = Key::iam_members(&group.account, &group.id);
        let start = all.behind(page.start(&list, given)?.as_deref());
        let users = page.fill(&list, given, |push| {
            records.scan_keys(&start, &all.end(), false, |key| {
                let name = String::from_utf8_lossy(&key[all.as_bytes().len()..]).into_owned();
                match records.peek::<User>(&Key::iam_user(&group.account, &name)) {
                    Ok(Some(user)) => push(name, ShownUser::of(&user, caller)).map_break(Ok),
                    Ok(None) => ControlFlow::Continue(()),
                    Err(stop) => ControlFlow::Break(Err(stop)),
                }
            })
        })?;
        Ok(Decided::answer(GroupWithUsers {
            group: ShownGroup::of(&group, caller),
            users: Listed::of("Users", users),
        }))
    }
}
