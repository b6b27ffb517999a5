//! ListUsers: the users of the caller's account, by name.
//!
//! Source: AWS IAM API Reference, ListUsers.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::listing::{self, Listed};
use super::shapes;
use super::user::{ShownUser, User};
use crate::caller::Caller;
use crate::gate::{Authorized, Guard, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::{Key, Records};
use crate::refusal::Stop;

/// The request.
pub struct ListUsers {
    path_prefix: String,
    page: PageRequest,
}

impl Operation for ListUsers {
    const NAME: &'static str = "ListUsers";
    const WALKS: bool = true;
    type Output = Listed<ShownUser>;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListUsers {
            path_prefix: shapes::path_prefix(members),
            page: listing::take(members),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        let resource = User::resource(&self.path_prefix, "");
        Ok(vec![Need {
            action: "iam:ListUsers",
            owner: Cow::Borrowed(&caller.account),
            shown: Some(Cow::Owned(caller.iam_arn(&caller.account, &resource))),
            guard: Guard::Account,
        }])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Listed<ShownUser>>, Stop> {
        let ListUsers { path_prefix, page } = allowed.into_request();
        let caller = given.caller;
        let list = format!("ListUsers {path_prefix}");
        let all = Key::iam_users(&caller.account);
        let start = all.behind(page.start(&list, given)?.as_deref());
        let page = page.fill(&list, given, |push| {
            records.scan::<User>(&start, &all.end(), false, |user| {
                if !user.path.starts_with(&path_prefix) {
                    return ControlFlow::Continue(());
                }
                push(user.name.to_ascii_lowercase(), ShownUser::of(&user, caller))
            })
        })?;
        Ok(Decided::answer(Listed::of("Users", page)))
    }
}
