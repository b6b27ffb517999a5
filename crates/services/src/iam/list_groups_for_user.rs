//! ListGroupsForUser: the groups that a user is in.
//!
//! Source: AWS IAM API Reference, ListGroupsForUser.

use strongroom_policy::Context;

use super::entity::Named;
use super::group::{self, ShownGroup};
use super::listing::{self, Listed};
use super::user::User;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct ListGroupsForUser {
    user: Named<User>,
    page: PageRequest,
}

impl Operation for ListGroupsForUser {
    const NAME: &'static str = "ListGroupsForUser";
    type Output = Listed<ShownGroup>;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListGroupsForUser {
            user: Named::take(members),
            page: listing::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.user
            .need("iam:ListGroupsForUser", Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Listed<ShownGroup>>, Stop> {
        let ListGroupsForUser { user, page } = allowed.into_request();
        let user = user.find(records, given.caller)?;
        let mut groups = group::groups_of(&user, records)?;
        groups.sort_by_cached_key(|group| group.name.to_ascii_lowercase());
        let list = format!("ListGroupsForUser {}", user.id);
        let sorted = groups.iter().map(|group| {
            let shown = ShownGroup::of(group, given.caller);
            (group.name.to_ascii_lowercase(), shown)
        });
        let page = page.of_sorted(&list, given, sorted)?;
        Ok(Decided::answer(Listed::of("Groups", page)))
    }
}
