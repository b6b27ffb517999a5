//! GetInstanceProfile: an instance profile, and the role in it.
//!
//! Source: AWS IAM API Reference, GetInstanceProfile.

use serde::Serialize;
use strongroom_policy::Context;

use super::entity::Named;
use super::instance_profile::{InstanceProfile, ShownInstanceProfile};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GetInstanceProfile {
    profile: Named<InstanceProfile>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FoundInstanceProfile {
    instance_profile: ShownInstanceProfile,
}

impl Operation for GetInstanceProfile {
    const NAME: &'static str = "GetInstanceProfile";
    type Output = FoundInstanceProfile;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetInstanceProfile {
            profile: Named::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.profile
            .need("iam:GetInstanceProfile", Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<FoundInstanceProfile>, Stop> {
        let GetInstanceProfile { profile } = allowed.into_request();
        let found = profile.find(records, given.caller)?;
        let instance_profile = ShownInstanceProfile::whole(&found, given.caller, records)?;
        Ok(Decided::answer(FoundInstanceProfile { instance_profile }))
    }
}
