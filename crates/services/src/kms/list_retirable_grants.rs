//! ListRetirableGrants: the grants in the region that a principal of the caller's account may retire, also those of
//! other accounts' keys.
//!
//! Source: AWS KMS API Reference, ListRetirableGrants.

use std::borrow::Cow;
use std::ops::ControlFlow;

use strongroom_policy::{Caller as Someone, Principal};

use super::access;
use super::grant::{self, Grant, Grants};
use super::key::KmsKey;
use super::listing;
use super::refusals;
use super::shapes::{PRINCIPAL, SERVICE_PRINCIPAL};
use crate::caller::{AccountId, Caller};
use crate::gate::{Authorized, Need};
use crate::iam::principals::{self, Named};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::{Key, Records};
use crate::refusal::{Refusal, Stop};

/// The request.
pub struct ListRetirableGrants {
    retiring: Option<String>,
    /// Whether that is a service, which no grant names here.
    is_service: bool,
    page: PageRequest,
}

impl Operation for ListRetirableGrants {
    const NAME: &'static str = "ListRetirableGrants";
    const WALKS: bool = true;
    type Output = Grants;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let service = members.text("RetiringServicePrincipal", &SERVICE_PRINCIPAL);
        let retiring = members.text("RetiringPrincipal", &PRINCIPAL);
        ListRetirableGrants {
            is_service: retiring.is_none(),
            retiring: retiring.or(service),
            page: listing::take(50, 100, members),
        }
    }

    /// The resource is the principal that the request names, who must be of the caller's account.
    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        let own = access::need_on_account("kms:ListRetirableGrants", caller);
        let Some(retiring) = &self.retiring else {
            return Ok(vec![own]);
        };
        let principal = Someone::from_arn(retiring);
        let account = principal
            .as_ref()
            .and_then(Someone::account)
            .and_then(|account| AccountId::parse(account).ok());
        Ok(vec![Need {
            owner: account.map_or(own.owner, Cow::Owned),
            shown: Some(Cow::Borrowed(retiring)),
            ..own
        }])
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
        if !request.is_service && Someone::from_arn(retiring).is_none() {
            return Err(refusals::invalid_principal(retiring).into());
        }
        let mut names = vec![retiring.clone()];
        if let Some(principal) = Principal::parse_aws(retiring)
            && let Named::There(id) = principals::named(&principal, &caller.account, records)?
        {
            names.push(id);
        }
        let list = format!("ListRetirableGrants {retiring}");
        let position = request.page.start(&list, given)?;
        let mut rows = Vec::new();
        for name in &names {
            let prefix = Key::kms_retirables(&caller.region, name);
            let start = prefix.behind(position.as_deref());
            records.scan_keys(&start, &prefix.end(), false, |row| {
                let ids = String::from_utf8_lossy(&row[prefix.as_bytes().len()..]).into_owned();
                rows.push(ids);
                ControlFlow::Continue(())
            })?;
        }
        rows.sort();
        let page = request.page.fill(&list, given, |push| {
            for ids in rows {
                let mut parts = ids.split('\0');
                let (Some(account), Some(key_id), Some(grant_id)) =
                    (parts.next(), parts.next(), parts.next())
                else {
                    continue;
                };
                let Ok(account) = AccountId::parse(account) else {
                    continue;
                };
                let (account, region) = (&account, &caller.region);
                let place = Key::kms_grant(account, region, key_id, grant_id);
                let key = records.peek::<KmsKey>(&Key::kms_key(account, region, key_id))?;
                let found = records.peek::<Grant>(&place)?;
                if let (Some(key), Some(found)) = (key, found)
                    && found.is_retired_by(&names)
                    && push(ids.clone(), grant::listed(&found, &key, caller, records)?).is_break()
                {
                    break;
                }
            }
            Ok(())
        })?;
        Ok(Decided::answer(Grants::of(page)))
    }
}
