//! CreateInstanceProfile: an instance profile, without a role yet.
//!
//! Source: AWS IAM API Reference, CreateInstanceProfile.

use serde::Serialize;

use super::entity::Entity;
use super::instance_profile::{InstanceProfile, ShownInstanceProfile};
use super::shapes::{self, INSTANCE_PROFILE_NAME, Tag};
use super::{entity, quota, refusals};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;

/// Instance profiles of an account. Source: IAM and AWS STS quotas.
pub(super) const INSTANCE_PROFILES_MAX: usize = 1000;

/// The request.
pub struct CreateInstanceProfile {
    name: String,
    path: String,
    tags: Vec<Tag>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreatedInstanceProfile {
    instance_profile: ShownInstanceProfile,
}

impl Operation for CreateInstanceProfile {
    const NAME: &'static str = "CreateInstanceProfile";
    type Output = CreatedInstanceProfile;

    fn read(members: &mut Members<'_, '_>) -> Self {
        CreateInstanceProfile {
            name: members.required_text("InstanceProfileName", &INSTANCE_PROFILE_NAME),
            path: shapes::path(members),
            tags: shapes::tags(members),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        let resource = InstanceProfile::resource(&self.path, &self.name);
        Ok(entity::needs_to_make(
            "iam:CreateInstanceProfile",
            "iam:TagInstanceProfile",
            &resource,
            &self.tags,
            None,
            caller,
        ))
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<CreatedInstanceProfile>, Stop> {
        let CreateInstanceProfile { name, path, tags } = allowed.into_request();
        let caller = given.caller;
        let profile = InstanceProfile {
            account: caller.account.clone(),
            name,
            path,
            id: shapes::fresh_id("AIPA", given),
            created: given.now,
            tags,
            role: None,
        };
        if records.read::<InstanceProfile>(profile.key())?.is_some() {
            return Err(refusals::instance_profile_exists(&profile.name).into());
        }
        let all = Key::iam_instance_profiles(&caller.account);
        quota::refuse_more(
            &all,
            "InstanceProfilesPerAccount",
            INSTANCE_PROFILES_MAX,
            records,
        )?;
        let mut changes = Changes::none();
        changes.put(profile.key(), &profile)?;
        let instance_profile = ShownInstanceProfile::whole(&profile, caller, records)?;
        Ok(Decided::change(
            changes,
            CreatedInstanceProfile { instance_profile },
        ))
    }
}
