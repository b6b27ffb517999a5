//! RemoveRoleFromInstanceProfile: an instance profile without its role.
//!
//! Source: AWS IAM API Reference, RemoveRoleFromInstanceProfile.

use std::sync::Arc;

use strongroom_policy::Context;

use super::entity::Entity;
use super::entity::Named;
use super::instance_profile::InstanceProfile;
use super::role::Role;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct RemoveRoleFromInstanceProfile {
    profile: Named<InstanceProfile>,
    role: Named<Role>,
}

impl Operation for RemoveRoleFromInstanceProfile {
    const NAME: &'static str = "RemoveRoleFromInstanceProfile";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        RemoveRoleFromInstanceProfile {
            profile: Named::take(members),
            role: Named::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        const ACTION: &str = "iam:RemoveRoleFromInstanceProfile";
        self.profile.need(ACTION, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let profile = request.profile.find(records, given.caller)?;
        let role = request.role.find(records, given.caller)?;
        let mut profile = Arc::unwrap_or_clone(profile);
        let mut role = Arc::unwrap_or_clone(role);
        if profile.role.as_ref() != Some(&role.name) {
            return Err(Role::missing(request.role.name()).into());
        }
        profile.role = None;
        let name = profile.folded_name();
        role.instance_profiles.retain(|each| *each != name);
        let mut changes = Changes::none();
        changes.put(profile.key(), &profile)?;
        changes.put(role.key(), &role)?;
        Ok(Decided::silent(changes))
    }
}
