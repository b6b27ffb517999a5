//! ListAccessKeys: the access keys of a user, without their secrets.
//!
//! Source: AWS IAM API Reference, ListAccessKeys.

use serde::Serialize;
use strongroom_policy::Context;

use super::listing::{self, Listed};
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

/// An access key of the response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedAccessKey {
    user_name: String,
    access_key_id: String,
    status: KeyStatus,
    #[serde(serialize_with = "iso8601::serialize")]
    create_date: Timestamp,
}

impl Operation for ListAccessKeys {
    const NAME: &'static str = "ListAccessKeys";
    type Output = Listed<ListedAccessKey>;

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
        let user = user::named_or_caller(self.user_name.as_deref(), caller)?;
        user.need("iam:ListAccessKeys", Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Listed<ListedAccessKey>>, Stop> {
        let ListAccessKeys { user_name, page } = allowed.into_request();
        let named = user::named_or_caller(user_name.as_deref(), given.caller)?;
        let user = named.find(records, given.caller)?;
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
        Ok(Decided::answer(Listed::of("AccessKeyMetadata", page)))
    }
}
