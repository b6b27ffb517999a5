//! An instance profile: what hands a role to a machine. Nothing here starts machines; tools that set up or delete roles
//! ask for it all the same.
//!
//! Source: AWS IAM User Guide, Use instance profiles, and IAM and AWS STS quotas.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::entity::{Entity, Listable, Tagged};
use super::refusals;
use super::role::{Role, ShownRole};
use super::shapes::{INSTANCE_PROFILE_NAME, Tag};
use crate::caller::{AccountId, Caller};
use crate::input::Text;
use crate::records::{Key, Records};
use crate::refusal::{Refusal, Stop};
use crate::time::{Timestamp, iso8601};

/// An instance profile.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceProfile {
    /// Whose.
    pub account: AccountId,
    /// As it was written; instance profiles differ by more than letter case.
    pub name: String,
    /// `/`, or `/…/`.
    pub path: String,
    /// `AIPA…`, never given again.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// The name of the role in it. The role names it, too, so that neither is deleted while they are together.
    pub role: Option<String>,
}

impl InstanceProfile {
    /// Its ARN without partition and account: what is behind them.
    pub fn resource(path: &str, name: &str) -> String {
        format!("instance-profile{path}{name}")
    }

    /// How roles name it.
    pub(super) fn folded_name(&self) -> String {
        self.name.to_ascii_lowercase()
    }

    /// The role in it.
    pub(super) fn role(&self, records: &Records<'_>) -> Result<Option<Arc<Role>>, Stop> {
        match &self.role {
            Some(name) => records.read(Key::iam_role(&self.account, name)),
            None => Ok(None),
        }
    }
}

/// The instance profiles that a role is in, by name.
pub(super) fn of_role(
    role: &Role,
    records: &Records<'_>,
) -> Result<Vec<Arc<InstanceProfile>>, Stop> {
    let mut profiles = Vec::with_capacity(role.instance_profiles.len());
    for name in &role.instance_profiles {
        profiles.extend(records.read(Key::iam_instance_profile(&role.account, name))?);
    }
    Ok(profiles)
}

impl Entity for InstanceProfile {
    const NOUN: &'static str = "instance profile";
    const MEMBER: &'static str = "InstanceProfileName";
    const NAME: Text = INSTANCE_PROFILE_NAME;

    fn read(name: &str, caller: &Caller, records: &Records<'_>) -> Result<Option<Arc<Self>>, Stop> {
        records.read(Key::iam_instance_profile(&caller.account, name))
    }

    fn missing(name: &str) -> Refusal {
        refusals::no_such_instance_profile(name)
    }

    fn arn_of_missing(name: &str, caller: &Caller) -> String {
        caller.iam_arn(&caller.account, &Self::resource("/", name))
    }

    fn account(&self) -> &AccountId {
        &self.account
    }

    fn key(&self) -> Key {
        Key::iam_instance_profile(&self.account, &self.name)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn arn(&self, caller: &Caller) -> String {
        caller.iam_arn(&self.account, &Self::resource(&self.path, &self.name))
    }

    fn tags(&self) -> &[Tag] {
        &self.tags
    }
}

impl Listable for InstanceProfile {
    const LIST: &'static str = "InstanceProfiles";
    type Shown = ShownInstanceProfile;

    fn below(path: &str) -> String {
        Self::resource(path, "")
    }

    fn all(account: &AccountId) -> Key {
        Key::iam_instance_profiles(account)
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn shown(&self, caller: &Caller, records: &Records<'_>) -> Result<ShownInstanceProfile, Stop> {
        ShownInstanceProfile::of(self, caller, records)
    }
}

impl Tagged for InstanceProfile {
    const TAGS_QUOTA: &'static str = "TagsPerInstanceProfile";

    fn tags_mut(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }
}

/// An instance profile as answers show it. Lists leave out its tags.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownInstanceProfile {
    path: String,
    instance_profile_name: String,
    instance_profile_id: String,
    arn: String,
    #[serde(serialize_with = "iso8601::serialize")]
    create_date: Timestamp,
    roles: Vec<ShownRole>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
}

impl ShownInstanceProfile {
    pub(super) fn of(
        profile: &InstanceProfile,
        caller: &Caller,
        records: &Records<'_>,
    ) -> Result<Self, Stop> {
        let role = profile.role(records)?;
        let role = role.map(|role| ShownRole::of(&role, caller, records));
        Ok(ShownInstanceProfile {
            path: profile.path.clone(),
            instance_profile_name: profile.name.clone(),
            instance_profile_id: profile.id.clone(),
            arn: profile.arn(caller),
            create_date: profile.created,
            roles: role.transpose()?.into_iter().collect(),
            tags: Vec::new(),
        })
    }

    pub(super) fn whole(
        profile: &InstanceProfile,
        caller: &Caller,
        records: &Records<'_>,
    ) -> Result<Self, Stop> {
        Ok(ShownInstanceProfile {
            tags: profile.tags.clone(),
            ..Self::of(profile, caller, records)?
        })
    }
}
