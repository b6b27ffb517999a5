//! ListRetirableGrants: the grants in the caller's account and region that a principal may retire.
//!
//! Source: AWS KMS API Reference, ListRetirableGrants.

use std::ops::ControlFlow;

use super::access;
use super::grant::{self, Grant, Grants};
use super::key::KmsKey;
use super::listing::PageRequest;
use super::shapes::{PRINCIPAL, SERVICE_PRINCIPAL};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Key, Records};
use crate::refusal::{Refusal, Stop};

/// The request.
pub struct ListRetirableGrants {
    retiring: Option<String>,
    page: PageRequest,
}

impl Operation for ListRetirableGrants {
    const NAME: &'static str = "ListRetirableGrants";
    const WALKS: bool = true;
    type Output = Grants;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let service = members.text("RetiringServicePrincipal", &SERVICE_PRINCIPAL);
        ListRetirableGrants {
            retiring: members.text("RetiringPrincipal", &PRINCIPAL).or(service),
            page: PageRequest::take(50, members),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(vec![access::need_on_account(
            "kms:ListRetirableGrants",
            caller,
        )])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Grants>, Stop> {
        let request = allowed.into_request();
        let caller = given.caller;
        let Some(retiring) = &request.retiring else {
            return Err(Refusal::validation("RetiringPrincipal must be specified.").into());
        };
        let list = format!("ListRetirableGrants {retiring}");
        let prefix = Key::kms_retirables(&caller.account, &caller.region, retiring);
        let start = prefix.behind(request.page.start(&list, given)?.as_deref());
        let mut rows = Vec::new();
        records.scan_keys(&start, &prefix.end(), false, |row| {
            let ids = String::from_utf8_lossy(&row[prefix.as_bytes().len()..]).into_owned();
            rows.push(ids);
            ControlFlow::Continue(())
        })?;
        let page = request.page.fill(&list, given, |push| {
            for ids in rows {
                let Some((key_id, grant_id)) = ids.split_once('\0') else {
                    continue;
                };
                let (account, region) = (&caller.account, &caller.region);
                let place = Key::kms_grant(account, region, key_id, grant_id);
                let key = records.peek::<KmsKey>(&Key::kms_key(account, region, key_id))?;
                let found = records.peek::<Grant>(&place)?;
                if let (Some(key), Some(found)) = (key, found)
                    && push(ids.clone(), grant::listed(&found, &key)).is_break()
                {
                    break;
                }
            }
            Ok(())
        })?;
        Ok(Decided::answer(Grants::of(page)))
    }
}
