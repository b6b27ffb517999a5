//! The rule of ListAttachedUserPolicies, ListAttachedGroupPolicies and ListAttachedRolePolicies: the managed policies
//! that are attached to an identity.
//!
//! Source: AWS IAM API Reference, ListAttachedUserPolicies.

use serde::Serialize;
use strongroom_policy::Context;

use super::entity::{Entity, Identity, Named, OnKind};
use super::listing::{self, Listed};
use super::shapes;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct ListAttachedPolicies<O: OnKind> {
    identity: Named<O::Kind>,
    path_prefix: String,
    page: PageRequest,
}

/// A policy of the response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttachedPolicy {
    policy_name: String,
    policy_arn: String,
}

impl AttachedPolicy {
    /// Those that are attached to an identity, by name.
    pub(super) fn all_of<E: Identity>(
        identity: &E,
        path_prefix: &str,
        caller: &Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Self>, Stop> {
        let mut all = Vec::with_capacity(identity.attached().len());
        for name in identity.attached() {
            let found = name.find(identity.account(), records)?;
            let found = found.filter(|policy| policy.path().starts_with(path_prefix));
            all.extend(found.map(|policy| AttachedPolicy {
                policy_name: policy.name().to_owned(),
                policy_arn: policy.arn(caller),
            }));
        }
        all.sort_by_cached_key(Self::position);
        Ok(all)
    }

    /// One of AWS's may have the name of one of the account's own.
    fn position(&self) -> String {
        format!(
            "{} {}",
            self.policy_name.to_ascii_lowercase(),
            self.policy_arn
        )
    }
}

impl<O: OnKind<Kind: Identity>> Operation for ListAttachedPolicies<O> {
    const NAME: &'static str = O::NAME;
    type Output = Listed<AttachedPolicy>;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListAttachedPolicies {
            identity: Named::take(members),
            path_prefix: shapes::policy_path_prefix(members),
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
    ) -> Result<Decided<Listed<AttachedPolicy>>, Stop> {
        let request = allowed.into_request();
        let caller = given.caller;
        let identity = request.identity.find(records, caller)?;
        let prefix = &request.path_prefix;
        let all = AttachedPolicy::all_of(identity.as_ref(), prefix, caller, records)?;
        let list = format!("{} {} {prefix}", O::NAME, identity.id());
        let sorted = all.into_iter().map(|policy| (policy.position(), policy));
        let page = request.page.of_sorted(&list, given, sorted)?;
        Ok(Decided::answer(Listed::of("AttachedPolicies", page)))
    }
}
