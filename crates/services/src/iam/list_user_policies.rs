//! ListUserPolicies: the names of a user's own policies.
//!
//! Source: AWS IAM API Reference, ListUserPolicies.

use serde::Serialize;
use strongroom_policy::Context;

use super::listing;
use super::shapes::USER_NAME;
use super::user;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct ListUserPolicies {
    name: String,
    page: PageRequest,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UserPolicies {
    policy_names: Vec<String>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListUserPolicies {
    const NAME: &'static str = "ListUserPolicies";
    type Output = UserPolicies;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListUserPolicies {
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
            "iam:ListUserPolicies",
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
    ) -> Result<Decided<UserPolicies>, Stop> {
        let ListUserPolicies { name, page } = allowed.into_request();
        let user = user::find(&name, records, given.caller)?;
        let list = format!("ListUserPolicies {}", user.id);
        let names = user.inline.names();
        let sorted = names.map(|name| (name.to_ascii_lowercase(), name.to_owned()));
        let page = page.of_sorted(&list, given, sorted)?;
        Ok(Decided::answer(UserPolicies {
            policy_names: page.items,
            is_truncated: page.marker.is_some(),
            marker: page.marker,
        }))
    }
}
