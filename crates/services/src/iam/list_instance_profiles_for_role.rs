//! ListInstanceProfilesForRole: the instance profiles that a role is in, by name.
//!
//! Source: AWS IAM API Reference, ListInstanceProfilesForRole.

use strongroom_policy::Context;

use super::entity::{Entity, Listable, Named};
use super::instance_profile::{self, InstanceProfile, ShownInstanceProfile};
use super::listing::{self, Listed};
use super::role::Role;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct ListInstanceProfilesForRole {
    role: Named<Role>,
    page: PageRequest,
}

impl Operation for ListInstanceProfilesForRole {
    const NAME: &'static str = "ListInstanceProfilesForRole";
    type Output = Listed<ShownInstanceProfile>;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListInstanceProfilesForRole {
            role: Named::take(members),
            page: listing::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        const ACTION: &str = "iam:ListInstanceProfilesForRole";
        self.role.need(ACTION, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Listed<ShownInstanceProfile>>, Stop> {
        let ListInstanceProfilesForRole { role, page } = allowed.into_request();
        let role = role.find(records, given.caller)?;
        let list = format!("ListInstanceProfilesForRole {}", role.id());
        let profiles = instance_profile::of_role(&role, records)?.into_iter();
        let shown = profiles.map(|profile| {
            let shown = ShownInstanceProfile::of(&profile, given.caller, records);
            (profile.folded_name(), shown)
        });
        let page = page.of_sorted(&list, given, shown)?.whole()?;
        Ok(Decided::answer(Listed::of(InstanceProfile::LIST, page)))
    }
}
