//! The rule of ListUserPolicies, ListGroupPolicies and ListRolePolicies: the names of an identity's own policies.
//!
//! Source: AWS IAM API Reference, ListUserPolicies.

use strongroom_policy::Context;

use super::entity::{Entity, Identity, Named, OnKind};
use super::listing::{self, Listed};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct ListInlinePolicies<O: OnKind> {
    identity: Named<O::Kind>,
    page: PageRequest,
}

impl<O: OnKind<Kind: Identity>> Operation for ListInlinePolicies<O> {
    const NAME: &'static str = O::NAME;
    type Output = Listed<String>;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListInlinePolicies {
            identity: Named::take(members),
            page: listing::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.identity
            .need(O::ACTION, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Listed<String>>, Stop> {
        let ListInlinePolicies { identity, page } = allowed.into_request();
        let identity = identity.find(records, given.caller)?;
        let list = format!("{} {}", O::NAME, identity.id());
        let names = identity.inline().names();
        let sorted = names.map(|name| (name.to_ascii_lowercase(), name.to_owned()));
        let page = page.of_sorted(&list, given, sorted)?;
        Ok(Decided::answer(Listed::of("PolicyNames", page)))
    }
}
