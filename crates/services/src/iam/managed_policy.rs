//! Managed policies: of an account's own, which have versions, and AWS's, which are part of the program. How an identity
//! names those that are attached to it, and how they are found.
//!
//! Source: AWS IAM User Guide, Managed policies and inline policies, and Versioning IAM policies.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::aws_managed::{self, AwsManagedPolicy};
use super::entity::{Entity, Tagged};
use super::identity_policy::IdentityPolicy;
use super::refusals;
use super::shapes::{ARN, Tag};
use crate::caller::{AccountId, Caller};
use crate::input::Text;
use crate::records::{Key, Records};
use crate::refusal::{Refusal, Stop};
use crate::time::Timestamp;

/// A managed policy as an identity of the same account names it. No partition is in it: an account has one set of
/// identities in all regions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PolicyName {
    /// One of AWS's, by its name.
    Aws(String),
    /// One of the account's own, by its name.
    Own(String),
}

/// A managed policy of an account's own. It can't be deleted while anything names it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ManagedPolicy {
    /// Whose.
    pub account: AccountId,
    /// As it was written; policies differ by more than letter case.
    pub name: String,
    /// `/`, or `/…/`.
    pub path: String,
    /// `ANPA…`, never given again.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// When its default version last became another one.
    pub updated: Timestamp,
    /// What it is for.
    pub description: Option<String>,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// Its versions, by their numbers; at least one.
    pub versions: Vec<PolicyVersion>,
    /// The number of the version that is in force.
    pub default_version: u32,
    /// The highest number that a version had; numbers are never given again.
    pub last_version: u32,
    /// How many users, groups and roles it is attached to.
    pub attachments: u32,
    /// How many users and roles it bounds.
    pub boundaries: u32,
}

/// A version of a managed policy. What it says never changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// From 1; shown as `v1`.
    pub number: u32,
    /// When it was made.
    pub created: Timestamp,
    /// What it says.
    pub policy: IdentityPolicy,
}

impl ManagedPolicy {
    /// Its ARN without partition and account: what is behind them.
    pub fn resource(path: &str, name: &str) -> String {
        format!("policy{path}{name}")
    }

    /// Its ARN, as a caller sees it.
    pub fn arn(&self, caller: &Caller) -> String {
        caller.iam_arn(&self.account, &Self::resource(&self.path, &self.name))
    }

    /// Its place.
    pub fn key(&self) -> Key {
        Key::iam_policy(&self.account, &self.name)
    }

    /// What the version in force says; `None` never is, as the default version can't be deleted.
    pub fn in_force(&self) -> Option<&IdentityPolicy> {
        self.version(self.default_version)
            .map(|version| &version.policy)
    }

    /// A version by its number.
    pub fn version(&self, number: u32) -> Option<&PolicyVersion> {
        self.versions
            .iter()
            .find(|version| version.number == number)
    }
}

/// A managed policy that was looked up.
#[derive(Clone, Debug)]
pub enum FoundPolicy {
    /// One of AWS's.
    Aws(&'static AwsManagedPolicy),
    /// One of the account's own.
    Own(Arc<ManagedPolicy>),
}

impl FoundPolicy {
    /// What it says now.
    pub fn in_force(&self) -> Option<&IdentityPolicy> {
        match self {
            FoundPolicy::Aws(policy) => Some(&policy.policy),
            FoundPolicy::Own(policy) => policy.in_force(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            FoundPolicy::Aws(policy) => policy.name,
            FoundPolicy::Own(policy) => &policy.name,
        }
    }

    /// Its path.
    pub fn path(&self) -> &str {
        match self {
            FoundPolicy::Aws(policy) => policy.path,
            FoundPolicy::Own(policy) => &policy.path,
        }
    }

    /// Its ARN, as a caller sees it.
    pub fn arn(&self, caller: &Caller) -> String {
        match self {
            FoundPolicy::Aws(policy) => policy.arn(caller),
            FoundPolicy::Own(policy) => policy.arn(caller),
        }
    }
}

impl Entity for ManagedPolicy {
    const NOUN: &'static str = "policy";
    const MEMBER: &'static str = "PolicyArn";
    const NAME: Text = ARN;

    /// Requests name it by its ARN. One of AWS's is no account's.
    fn read(arn: &str, caller: &Caller, records: &Records<'_>) -> Result<Option<Arc<Self>>, Stop> {
        match PolicyName::of_arn(arn, caller, records)? {
            Some((_, FoundPolicy::Own(policy))) => Ok(Some(policy)),
            Some((_, FoundPolicy::Aws(_))) => Err(refusals::owned_by_aws(arn).into()),
            None => Ok(None),
        }
    }

    fn missing(arn: &str) -> Refusal {
        refusals::no_such_policy(arn)
    }

    fn arn_of_missing(arn: &str, _: &Caller) -> String {
        arn.to_owned()
    }

    fn account(&self) -> &AccountId {
        &self.account
    }

    fn key(&self) -> Key {
        ManagedPolicy::key(self)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn arn(&self, caller: &Caller) -> String {
        ManagedPolicy::arn(self, caller)
    }

    fn tags(&self) -> &[Tag] {
        &self.tags
    }
}

impl Tagged for ManagedPolicy {
    const TAGS_QUOTA: &'static str = "TagsPerPolicy";

    fn tags_mut(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }
}

impl PolicyName {
    /// Its place in the index of policies' uses: whose it is, and its name.
    pub(crate) fn parts(&self) -> (&'static str, &str) {
        match self {
            PolicyName::Aws(name) => ("aws", name),
            PolicyName::Own(name) => ("own", name),
        }
    }

    /// The policy that an ARN names for the caller's account; `None`: there is none. Only the ARN that the policy is
    /// shown with counts, letter case and all: conditions compare what the request says.
    ///
    /// # Refusals
    /// `InvalidInput`: not an ARN.
    pub fn of_arn(
        arn: &str,
        caller: &Caller,
        records: &Records<'_>,
    ) -> Result<Option<(Self, FoundPolicy)>, Stop> {
        Self::of_arn_in(&caller.account, arn, caller, records)
    }

    /// The same for another account, whose role the caller asks for.
    pub(crate) fn of_arn_in(
        account: &AccountId,
        arn: &str,
        caller: &Caller,
        records: &Records<'_>,
    ) -> Result<Option<(Self, FoundPolicy)>, Stop> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", _, service, _, owner, resource] = parts[..] else {
            return Err(refusals::invalid_arn(arn).into());
        };
        let name = resource.rsplit('/').next().unwrap_or_default().to_owned();
        let name = match owner {
            "aws" => PolicyName::Aws(name),
            owner if service == "iam" && owner == account.as_str() => PolicyName::Own(name),
            _ => return Ok(None),
        };
        let found = name.find(account, records)?;
        Ok(found
            .filter(|found| found.arn(caller) == arn)
            .map(|found| (name, found)))
    }

    /// Looks it up for an account.
    pub fn find(
        &self,
        account: &AccountId,
        records: &Records<'_>,
    ) -> Result<Option<FoundPolicy>, Stop> {
        Ok(match self {
            PolicyName::Aws(name) => aws_managed::find(name).map(FoundPolicy::Aws),
            PolicyName::Own(name) => records
                .read::<ManagedPolicy>(Key::iam_policy(account, name))?
                .map(FoundPolicy::Own),
        })
    }
}
