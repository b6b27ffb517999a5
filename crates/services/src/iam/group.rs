//! A group: users who share policies. Its record, and how it is found and shown; who is in it stands in each user's record, and in an index.
//!
//! Source: AWS IAM User Guide, IAM user groups.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::entity::{Entity, Identity, Listable};
use super::identity_policy::InlinePolicies;
use super::managed_policy::PolicyName;
use super::refusals;
use super::shapes::{GROUP_NAME, Tag};
use super::user::User;
use crate::caller::{AccountId, Caller};
use crate::input::Text;
use crate::records::{Key, Records};
use crate::refusal::{Refusal, Stop};
use crate::time::{Timestamp, iso8601};

/// An IAM group. It can't sign, and no policy can name it as a principal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Group {
    /// Whose.
    pub account: AccountId,
    /// As it was written; groups differ by more than letter case.
    pub name: String,
    /// `/`, or `/…/`.
    pub path: String,
    /// `AGPA…`, never given again.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its own policies.
    pub inline: InlinePolicies,
    /// The managed policies that are attached to it, in the order of their attaching.
    pub attached: Vec<PolicyName>,
    /// How many users are in it. Each that comes or goes changes the record, so that none joins a group that is being
    /// deleted.
    pub users: u32,
}

impl Group {
    /// Its ARN without partition and account: what is behind them.
    pub fn resource(path: &str, name: &str) -> String {
        format!("group{path}{name}")
    }

    /// Its ARN, as a caller sees it.
    pub fn arn(&self, caller: &Caller) -> String {
        caller.iam_arn(&self.account, &Self::resource(&self.path, &self.name))
    }

    /// Its place. It doesn't follow from the name: however many users are in the group, no more than a few records
    /// change with that.
    pub fn key(&self) -> Key {
        Key::iam_group(&self.account, &self.id)
    }
}

/// Which group has a name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GroupName {
    /// Whose.
    pub account: AccountId,
    /// The group's name, as it was written.
    pub name: String,
    /// The group's id.
    pub id: String,
}

impl GroupName {
    /// Of a group.
    pub(super) fn of(group: &Group) -> Self {
        GroupName {
            account: group.account.clone(),
            name: group.name.clone(),
            id: group.id.clone(),
        }
    }

    /// Its place.
    pub fn key(&self) -> Key {
        Key::iam_group_name(&self.account, &self.name)
    }
}

impl Entity for Group {
    const NOUN: &'static str = "group";
    const MEMBER: &'static str = "GroupName";
    const NAME: Text = GROUP_NAME;

    fn read(name: &str, caller: &Caller, records: &Records<'_>) -> Result<Option<Arc<Self>>, Stop> {
        let name = records.read::<GroupName>(Key::iam_group_name(&caller.account, name))?;
        match name {
            Some(name) => records.read(Key::iam_group(&caller.account, &name.id)),
            None => Ok(None),
        }
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
        Group::key(self)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn arn(&self, caller: &Caller) -> String {
        Group::arn(self, caller)
    }

    fn tags(&self) -> &[Tag] {
        &[]
    }
}

impl Listable for Group {
    const LIST: &'static str = "Groups";
    type Shown = ShownGroup;

    fn below(path: &str) -> String {
        Self::resource(path, "")
    }

    fn all(account: &AccountId) -> Key {
        Key::iam_group_names(account)
    }

    /// By their names.
    fn scan(
        start: &[u8],
        end: &[u8],
        records: &Records<'_>,
        visit: &mut dyn FnMut(&Self) -> ControlFlow<()>,
    ) -> Result<(), Stop> {
        let mut failed = None;
        records.scan::<GroupName>(start, end, false, |name| {
            match records.peek::<Group>(&Key::iam_group(&name.account, &name.id)) {
                Ok(group) => group.map_or(ControlFlow::Continue(()), |group| visit(&group)),
                Err(stop) => {
                    failed = Some(stop);
                    ControlFlow::Break(())
                }
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn shown(&self, caller: &Caller, _: &Records<'_>) -> Result<ShownGroup, Stop> {
        Ok(ShownGroup::of(self, caller))
    }
}

impl Identity for Group {
    const ATTACHED_QUOTA: &'static str = "PoliciesPerGroup";
    const INLINE_MAX: usize = 5120;

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

/// A group as answers show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownGroup {
    path: String,
    group_name: String,
    group_id: String,
    arn: String,
    #[serde(serialize_with = "iso8601::serialize")]
    create_date: Timestamp,
}

impl ShownGroup {
    pub(super) fn of(group: &Group, caller: &Caller) -> Self {
        ShownGroup {
            path: group.path.clone(),
            group_name: group.name.clone(),
            group_id: group.id.clone(),
            arn: group.arn(caller),
            create_date: group.created,
        }
    }
}

/// The groups that a user is in.
pub(super) fn groups_of(user: &User, records: &Records<'_>) -> Result<Vec<Arc<Group>>, Stop> {
    let mut groups = Vec::with_capacity(user.groups.len());
    for id in &user.groups {
        let found = records.read::<Group>(Key::iam_group(&user.account, id))?;
        groups.push(found.ok_or_else(|| {
            let what = format!(
                "group {id} of account {}, which a user is in, is missing: run `strongroom doctor` and restore it from a \
                 backup",
                user.account
            );
            Stop::Unavailable(what.into())
        })?);
    }
    Ok(groups)
}
