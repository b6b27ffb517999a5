//! ListAliases: the aliases of the caller's account and region, or of one key.
//!
//! Source: AWS KMS API Reference, ListAliases.

use std::ops::ControlFlow;

use serde::Serialize;

use super::access;
use super::alias::{Alias, alias_arn};
use super::listing;
use super::name::{Accepts, KeyName};
use super::shapes::KEY_ID;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::{Key, Records};
use crate::refusal::Stop;
use crate::time::{Timestamp, epoch_seconds};

/// The request.
pub struct ListAliases {
    key: Option<KeyName>,
    page: PageRequest,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Aliases {
    aliases: Vec<ListedAlias>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedAlias {
    alias_name: String,
    alias_arn: String,
    target_key_id: String,
    #[serde(serialize_with = "epoch_seconds::serialize")]
    creation_date: Timestamp,
    #[serde(serialize_with = "epoch_seconds::serialize")]
    last_updated_date: Timestamp,
}

impl Operation for ListAliases {
    const NAME: &'static str = "ListAliases";
    const WALKS: bool = true;
    type Output = Aliases;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let key = members.text("KeyId", &KEY_ID);
        ListAliases {
            key: key.map(|key| KeyName::parse(key, Accepts::Keys)),
            page: listing::take(50, 100, members),
        }
    }

    /// The right is none to the key, so its policy isn't asked; but a key of another account has no aliases here.
    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        let mut needs = vec![access::need_on_account("kms:ListAliases", caller)];
        if let Some(name) = &self.key {
            needs.extend(access::need_of_owner("kms:ListAliases", name, caller));
        }
        Ok(needs)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Aliases>, Stop> {
        let request = allowed.into_request();
        let caller = given.caller;
        let key = match &request.key {
            None => None,
            Some(name) => Some(name.find(caller, records)?),
        };
        let wanted = key.as_ref().map(|key| key.key_id.clone());
        let list = format!("ListAliases {wanted:?}");
        let prefix = Key::kms_aliases(&caller.account, &caller.region);
        let start = prefix.behind(request.page.start(&list, given)?.as_deref());
        let page = request.page.fill(&list, given, |push| {
            records.scan::<Alias>(&start, &prefix.end(), false, |alias| {
                if wanted
                    .as_ref()
                    .is_some_and(|wanted| *wanted != alias.key_id)
                {
                    return ControlFlow::Continue(());
                }
                let listed = ListedAlias {
                    alias_name: alias.name.clone(),
                    alias_arn: alias_arn(&caller.account, &caller.region, &alias.name),
                    target_key_id: alias.key_id.clone(),
                    creation_date: alias.created,
                    last_updated_date: alias.updated,
                };
                push(alias.name.clone(), listed)
            })
        })?;
        Ok(Decided::answer(Aliases {
            truncated: page.marker.is_some(),
            aliases: page.items,
            next_marker: page.marker,
        }))
    }
}
