//! ListKeys: the keys of the caller's account and region.
//!
//! Source: AWS KMS API Reference, ListKeys.

use std::ops::ControlFlow;

use serde::Serialize;

use super::access;
use super::key::{KeyManager, KmsKey};
use super::listing;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::{Key, Records};
use crate::refusal::Stop;

const RESOURCE_OWNER: Text = Text::of(1..=128);

/// The request.
pub struct ListKeys {
    page: PageRequest,
    owners: Option<Vec<String>>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Keys {
    keys: Vec<ListedKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedKey {
    key_id: String,
    key_arn: String,
}

impl Operation for ListKeys {
    const NAME: &'static str = "ListKeys";
    const WALKS: bool = true;
    type Output = Keys;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListKeys {
            page: listing::take(100, 1000, members),
            owners: members.texts("ResourceOwners", 1..=2, &RESOURCE_OWNER),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(vec![access::need_on_account("kms:ListKeys", caller)])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Keys>, Stop> {
        let request = allowed.into_request();
        let caller = given.caller;
        let wanted = |manager| {
            let name = match manager {
                KeyManager::Aws => "SERVICE",
                KeyManager::Customer => "SELF",
            };
            let owners = request.owners.as_ref();
            owners.is_none_or(|owners| owners.iter().any(|owner| owner == name))
        };
        let list = format!("ListKeys {:?}", request.owners);
        let prefix = Key::kms_keys(&caller.account, &caller.region);
        let start = request.page.start(&list, given)?;
        let start = prefix.behind(start.as_deref());
        let page = request.page.fill(&list, given, |push| {
            records.scan::<KmsKey>(&start, &prefix.end(), false, |key| {
                if !wanted(key.manager) {
                    return ControlFlow::Continue(());
                }
                let listed = ListedKey {
                    key_id: key.key_id.clone(),
                    key_arn: key.arn(),
                };
                push(key.key_id.clone(), listed)
            })
        })?;
        Ok(Decided::answer(Keys {
            truncated: page.marker.is_some(),
            keys: page.items,
            next_marker: page.marker,
        }))
    }
}
