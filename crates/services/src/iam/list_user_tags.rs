//! ListUserTags: the tags of a user.
//!
//! Source: AWS IAM API Reference, ListUserTags.

use serde::Serialize;
use strongroom_policy::Context;

use super::listing;
use super::shapes::{Tag, USER_NAME};
use super::user;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct ListUserTags {
    name: String,
    page: PageRequest,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UserTags {
    tags: Vec<Tag>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListUserTags {
    const NAME: &'static str = "ListUserTags";
    type Output = UserTags;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListUserTags {
            name: members.required_text("UserName", &USER_NAME),
            page: listing::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        user::need(
            "iam:ListUserTags",
            &self.name,
            Context::new(),
            caller,
            records,
        )
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<UserTags>, Stop> {
        let ListUserTags { name, page } = allowed.into_request();
        let user = user::find(&name, records, given.caller)?;
        let mut tags = user.tags.clone();
        tags.sort_by(|one, other| one.key.cmp(&other.key));
        let list = format!("ListUserTags {}", user.id);
        let sorted = tags.into_iter().map(|tag| (tag.key.clone(), tag));
        let page = page.of_sorted(&list, given, sorted)?;
        Ok(Decided::answer(UserTags {
            tags: page.items,
            is_truncated: page.marker.is_some(),
            marker: page.marker,
        }))
    }
}
