//! ListPolicyVersions: the versions of a managed policy, the newest first.
//!
//! Source: AWS IAM API Reference, ListPolicyVersions.

use super::listing::{self, Listed};
use super::managed_policy::{NamedPolicy, ShownVersion};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct ListPolicyVersions {
    policy: NamedPolicy,
    page: PageRequest,
}

impl Operation for ListPolicyVersions {
    const NAME: &'static str = "ListPolicyVersions";
    type Output = Listed<ShownVersion>;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListPolicyVersions {
            policy: NamedPolicy::take(members),
            page: listing::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.policy.need("iam:ListPolicyVersions", caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Listed<ShownVersion>>, Stop> {
        let ListPolicyVersions { policy, page } = allowed.into_request();
        let (_, found) = policy.find(records, given.caller)?;
        let list = format!("ListPolicyVersions {}", found.arn(given.caller));
        let versions = ShownVersion::all_of(&found).into_iter();
        // Positions go up while numbers go down.
        let sorted = versions.map(|(number, shown)| (format!("{:010}", u32::MAX - number), shown));
        let page = page.of_sorted(&list, given, sorted)?;
        Ok(Decided::answer(Listed::of("Versions", page)))
    }
}
