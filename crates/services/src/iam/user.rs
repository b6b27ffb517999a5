//! A user: its record, how it is found, and what its operations need.
//!
//! Source: AWS IAM User Guide, IAM users, and IAM and AWS STS quotas.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::attachment::ShownBoundary;
use super::entity::{Bounded, Entity, Identity, Listable, Named, Tagged};
use super::identity_policy::InlinePolicies;
use super::managed_policy::PolicyName;
use super::mfa_device::MfaDevice;
use super::refusals;
use super::shapes::{Tag, USER_NAME};
use crate::caller::{AccountId, Caller, Principal};
use crate::input::Text;
use crate::records::{Key, Records};
use crate::refusal::{Refusal, Stop};
use crate::time::{Timestamp, iso8601};

/// An IAM user. Its record holds its inline policies, compiled when it is read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    /// Whose.
    pub account: AccountId,
    /// As it was written; users differ by more than letter case.
    pub name: String,
    /// `/`, or `/…/`.
    pub path: String,
    /// `AIDA…`, never given again.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// Its access keys, in the order of their making.
    pub access_key_ids: Vec<String>,
    /// Its own policies.
    pub inline: InlinePolicies,
    /// The managed policies that are attached to it, in the order of their attaching.
    pub attached: Vec<PolicyName>,
    /// What bounds what its policies may allow.
    pub boundary: Option<PolicyName>,
    /// The ids of the groups that it is in, in the order of its joining them.
    pub groups: Vec<String>,
    /// The names of its MFA devices.
    pub mfa_devices: Vec<String>,
}

/// A user as format 1 has it: without managed policies, boundary, groups and MFA devices.
#[derive(Deserialize)]
struct FirstUser {
    account: AccountId,
    name: String,
    path: String,
    id: String,
    created: Timestamp,
    tags: Vec<Tag>,
    access_key_ids: Vec<String>,
    inline: InlinePolicies,
}

impl User {
    /// Its ARN without partition and account: what is behind them.
    pub fn resource(path: &str, name: &str) -> String {
        format!("user{path}{name}")
    }

    /// Its ARN, as a caller sees it.
    pub fn arn(&self, caller: &Caller) -> String {
        caller.iam_arn(&self.account, &Self::resource(&self.path, &self.name))
    }

    /// Its place.
    pub fn key(&self) -> Key {
        Key::iam_user(&self.account, &self.name)
    }

    /// Whether a key is its place.
    pub(crate) fn is_at(&self, key: &[u8]) -> bool {
        self.key().as_bytes() == key
    }

    /// Reads the fields of an earlier format.
    pub(crate) fn earlier(format: u8, fields: &[u8]) -> Option<Self> {
        let first: FirstUser = postcard::from_bytes(fields).ok().filter(|_| format == 1)?;
        Some(User {
            account: first.account,
            name: first.name,
            path: first.path,
            id: first.id,
            created: first.created,
            tags: first.tags,
            access_key_ids: first.access_key_ids,
            inline: first.inline,
            attached: Vec::new(),
            boundary: None,
            groups: Vec::new(),
            mfa_devices: Vec::new(),
        })
    }
}

impl Entity for User {
    const NOUN: &'static str = "user";
    const MEMBER: &'static str = "UserName";
    const NAME: Text = USER_NAME;

    fn read(name: &str, caller: &Caller, records: &Records<'_>) -> Result<Option<Arc<Self>>, Stop> {
        records.read(Key::iam_user(&caller.account, name))
    }

    fn missing(name: &str) -> Refusal {
        refusals::no_such(Self::NOUN, name)
    }

    fn arn_of_missing(name: &str, caller: &Caller) -> String {
        caller.iam_arn(&caller.account, &Self::resource("/", name))
    }

    fn account(&self) -> &AccountId {
        &self.account
    }

    fn key(&self) -> Key {
        User::key(self)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn arn(&self, caller: &Caller) -> String {
        User::arn(self, caller)
    }

    fn tags(&self) -> &[Tag] {
        &self.tags
    }

    fn boundary(&self) -> Option<&PolicyName> {
        self.boundary.as_ref()
    }
}

impl Listable for User {
    const LIST: &'static str = "Users";
    type Shown = ShownUser;

    fn below(path: &str) -> String {
        Self::resource(path, "")
    }

    fn all(account: &AccountId) -> Key {
        Key::iam_users(account)
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn shown(&self, caller: &Caller, _: &Records<'_>) -> Result<ShownUser, Stop> {
        Ok(ShownUser::of(self, caller))
    }
}

impl Tagged for User {
    const TAGS_QUOTA: &'static str = "TagsPerUser";

    fn tags_mut(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }
}

impl Identity for User {
    const ATTACHED_QUOTA: &'static str = "PoliciesPerUser";
    const INLINE_MAX: usize = 2048;

    fn inline(&self) -> &InlinePolicies {
        &self.inline
    }

    fn inline_mut(&mut self) -> &mut InlinePolicies {
        &mut self.inline
    }

    fn attached(&self) -> &[PolicyName] {
        &self.attached
    }

    fn attached_mut(&mut self) -> &mut Vec<PolicyName> {
        &mut self.attached
    }
}

impl Bounded for User {
    fn boundary_mut(&mut self) -> &mut Option<PolicyName> {
        &mut self.boundary
    }
}

/// The user that a request means: the one it names, or the caller.
///
/// # Refusals
/// `ValidationError` where the caller is none.
pub(super) fn named_or_caller(name: Option<&str>, caller: &Caller) -> Result<Named<User>, Stop> {
    match (name, &caller.principal) {
        (Some(name), _) => Ok(Named::of(name.to_owned())),
        (None, Principal::User(signer)) => Ok(Named::of(signer.user.name.clone())),
        (None, _) => Err(refusals::name_needed().into()),
    }
}

/// A user that a request means, and a device that must be its own.
///
/// # Refusals
/// `NoSuchEntity`; `ValidationError` where the user is neither named nor the caller.
pub(super) fn with_device(
    user: Option<&str>,
    device: &Named<MfaDevice>,
    records: &Records<'_>,
    caller: &Caller,
) -> Result<(Arc<User>, Arc<MfaDevice>), Stop> {
    let user = named_or_caller(user, caller)?.find(records, caller)?;
    let found = device.find(records, caller)?;
    match &found.enabled {
        Some(enabled) if enabled.user == user.name => Ok((user, found)),
        _ => Err(refusals::no_such_device(device.name()).into()),
    }
}

/// A user as answers show it; only some show its tags and what bounds it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownUser {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    user_id: String,
    arn: String,
    #[serde(serialize_with = "iso8601::serialize")]
    create_date: Timestamp,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary: Option<ShownBoundary>,
}

impl ShownUser {
    pub(super) fn of(user: &User, caller: &Caller) -> Self {
        ShownUser {
            path: Some(user.path.clone()),
            user_name: Some(user.name.clone()),
            user_id: user.id.clone(),
            arn: user.arn(caller),
            create_date: user.created,
            tags: Vec::new(),
            permissions_boundary: None,
        }
    }

    /// With all that there is to show.
    pub(super) fn whole(user: &User, caller: &Caller, records: &Records<'_>) -> Result<Self, Stop> {
        Ok(ShownUser {
            tags: user.tags.clone(),
            permissions_boundary: ShownBoundary::of(user, caller, records)?,
            ..Self::of(user, caller)
        })
    }

    /// The root user, which has neither name nor path.
    pub(super) fn of_root(created: Timestamp, caller: &Caller) -> Self {
        ShownUser {
            path: None,
            user_name: None,
            user_id: caller.account.to_string(),
            arn: caller.arn(),
            create_date: created,
            tags: Vec::new(),
            permissions_boundary: None,
        }
    }
}
