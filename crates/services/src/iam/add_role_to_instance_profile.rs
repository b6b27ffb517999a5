//! AddRoleToInstanceProfile: the role of an instance profile, which can have one.
//!
//! Source: AWS IAM API Reference, AddRoleToInstanceProfile.

use std::sync::Arc;

use strongroom_policy::Context;

use super::entity::Entity;
use super::entity::Named;
use super::instance_profile::InstanceProfile;
use super::refusals;
use super::role::Role;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct AddRoleToInstanceProfile {
    profile: Named<InstanceProfile>,
    role: Named<Role>,
}

impl Operation for AddRoleToInstanceProfile {
    const NAME: &'static str = "AddRoleToInstanceProfile";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        AddRoleToInstanceProfile {
            profile: Named::take(members),
            role: Named::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut needs = self.profile.need(
            "iam:AddRoleToInstanceProfile",
            Context::new(),
            caller,
            records,
        )?;
        // Whoever has the machine has the role.
        let mut to_pass = Context::new();
        to_pass.insert("iam:PassedToService", "ec2.amazonaws.com");
        needs.extend(self.role.need("iam:PassRole", to_pass, caller, records)?);
        Ok(needs)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let profile = request.profile.find(records, given.caller)?;
        let role = request.role.find(records, given.caller)?;
        if profile.role.is_some() {
            return Err(refusals::quota("InstanceSessionsPerInstanceProfile", 1).into());
        }
        let mut profile = Arc::unwrap_or_clone(profile);
        let mut role = Arc::unwrap_or_clone(role);
        profile.role = Some(role.name.clone());
        role.instance_profiles.push(profile.folded_name());
        role.instance_profiles.sort();
        let mut changes = Changes::none();
        changes.put(profile.key(), &profile)?;
        changes.put(role.key(), &role)?;
        Ok(Decided::silent(changes))
    }
}
