//! DeleteInstanceProfile: the end of an instance profile, once no role is in it.
//!
//! Source: AWS IAM API Reference, DeleteInstanceProfile.

use strongroom_policy::Context;

use super::entity::Entity;
use super::entity::Named;
use super::instance_profile::InstanceProfile;
use super::refusals;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct DeleteInstanceProfile {
    profile: Named<InstanceProfile>,
}

impl Operation for DeleteInstanceProfile {
    const NAME: &'static str = "DeleteInstanceProfile";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        DeleteInstanceProfile {
            profile: Named::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.profile
            .need("iam:DeleteInstanceProfile", Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let DeleteInstanceProfile { profile } = allowed.into_request();
        let profile = profile.find(records, given.caller)?;
        refusals::refuse_while(&[(profile.role.is_some(), "remove roles from instance profile")])?;
        let mut changes = Changes::none();
        changes.delete(profile.key());
        Ok(Decided::silent(changes))
    }
}
