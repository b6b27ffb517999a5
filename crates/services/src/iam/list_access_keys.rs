//! ListAccessKeys: the access keys of a user, without their secrets.
//!
//! Source: AWS IAM API Reference, ListAccessKeys.

use serde::Serialize;
use strongroom_policy::Context;

use super::listing;
use super::shapes::USER_NAME;
use super::user;
use crate::accounts::{AccessKey, KeyStatus};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::{Key, Records};
use crate::refusal::Stop;
use crate::time::{Timestamp, iso8601};

/// The request.
pub struct ListAccessKeys {
    user_name: Option<String>,
    page: PageRequest,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccessKeys {
    access_key_metadata: Vec<ListedAccessKey>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedAccessKey {
    user_name: String,
    access_key_id: String,
    status: KeyStatus,
    #[serde(serialize_with = "iso8601::serialize")]
    create_date: Timestamp,
}

impl Operation for ListAccessKeys {
    const NAME: &'static str = "ListAccessKeys";
    type Output = AccessKeys;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListAccessKeys {
            user_name: members.text("UserName", &USER_NAME),
            page: listing::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let name = user::name_or_caller(self.user_name.as_deref(), caller)?;
        user::need("iam:ListAccessKeys", &name, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<AccessKeys>, Stop> {
        let ListAccessKeys { user_name, page } = allowed.into_request();
        let name = user::name_or_caller(user_name.as_deref(), given.caller)?;
        let user = user::find(&name, records, given.caller)?;
        let mut listed = Vec::with_capacity(user.access_key_ids.len());
        for id in &user.access_key_ids {
            if let Some(key) = records.read::<AccessKey>(Key::access_key(id))? {
                let shown = ListedAccessKey {
                    user_name: user.name.clone(),
                    access_key_id: id.clone(),
                    status: key.status,
                    create_date: key.created,
                };
                listed.push((id.clone(), shown));
            }
        }
        listed.sort_by(|(one, _), (other, _)| one.cmp(other));
        let list = format!("ListAccessKeys {}", user.id);
        let page = page.of_sorted(&list, given, listed)?;
        Ok(Decided::answer(AccessKeys {
            access_key_metadata: page.items,
            is_truncated: page.marker.is_some(),
            marker: page.marker,
        }))
    }
}
