//! ListGrants: the grants of a key.
//!
//! Source: AWS KMS API Reference, ListGrants.

use std::ops::ControlFlow;

use super::access::Usage;
use super::grant::{Grant, Grants};
use super::listing;
use super::name::{Accepts, KeyName};
use super::shapes::{GRANT_ID, PRINCIPAL, SERVICE_PRINCIPAL};
use super::{access, grant, shapes};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::{Key, Records};
use crate::refusal::Stop;

/// The request.
pub struct ListGrants {
    key: KeyName,
    grant_id: Option<String>,
    grantee: Option<String>,
    page: PageRequest,
}

impl Operation for ListGrants {
    const NAME: &'static str = "ListGrants";
    const WALKS: bool = true;
    type Output = Grants;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let service = members.text("GranteeServicePrincipal", &SERVICE_PRINCIPAL);
        ListGrants {
            key: shapes::key_name(Accepts::Keys, members),
            grant_id: members.text("GrantId", &GRANT_ID),
            // No grant is to a service, so its name finds none.
            grantee: members.text("GranteePrincipal", &PRINCIPAL).or(service),
            page: listing::take(50, 100, members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut usage = Usage::default();
        grant::insert_for_no_service(&mut usage.more);
        access::need("kms:ListGrants", &self.key, usage, caller, records).map(|need| vec![need])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Grants>, Stop> {
        let request = allowed.into_request();
        let key = request.key.find(given.caller, records)?;
        let ListGrants {
            grant_id, grantee, ..
        } = &request;
        let list = format!("ListGrants {} {grant_id:?} {grantee:?}", key.key_id);
        let prefix = Key::kms_grants(&key.account, &key.region, &key.key_id);
        let start = prefix.behind(request.page.start(&list, given)?.as_deref());
        let page = request.page.fill(&list, given, |push| {
            records.scan::<Grant>(&start, &prefix.end(), false, |found| {
                let other = |wanted: &Option<String>, value: &String| {
                    wanted.as_ref().is_some_and(|wanted| wanted != value)
                };
                if other(grant_id, &found.grant_id) {
                    return ControlFlow::Continue(());
                }
                match grant::listed(&found, &key, given.caller, records) {
                    Ok(listed) if other(grantee, &listed.grantee_principal) => {
                        ControlFlow::Continue(())
                    }
                    listed => push(found.grant_id.clone(), listed),
                }
            })
        })?;
        let page = page.whole()?;
        Ok(Decided::answer(Grants::of(page)))
    }
}
