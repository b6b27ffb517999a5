//! Managed policies: of an account's own, which have versions, and AWS's, which are part of the program. How an identity
//! names those that are attached to it, and how they are found.
//!
//! Source: AWS IAM User Guide, Managed policies and inline policies, and Versioning IAM policies.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::aws_managed::{self, AwsManagedPolicy};
use super::identity_policy::IdentityPolicy;
use super::shapes::Tag;
use crate::caller::{AccountId, Caller};
use crate::records::{Key, Records};
use crate::refusal::Stop;
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

    /// Its ARN, as a caller sees it.
    pub fn arn(&self, caller: &Caller) -> String {
        match self {
            FoundPolicy::Aws(policy) => policy.arn(caller),
            FoundPolicy::Own(policy) => policy.arn(caller),
        }
    }
}

impl PolicyName {
    /// The policy that an ARN names, its path included, for an account. `None`: there is none.
    pub fn of_arn(
        arn: &str,
        account: &AccountId,
        records: &Records<'_>,
    ) -> Result<Option<(Self, FoundPolicy)>, Stop> {
        let mut parts = arn.splitn(6, ':');
        let mut next = || parts.next();
        let (Some("arn"), Some(_), Some("iam"), Some(""), Some(owner), Some(resource)) =
            (next(), next(), next(), next(), next(), next())
        else {
            return Ok(None);
        };
        let name = resource.rsplit('/').next().unwrap_or_default().to_owned();
        let name = match owner {
            "aws" => PolicyName::Aws(name),
            owner if owner == account.as_str() => PolicyName::Own(name),
            _ => return Ok(None),
        };
        let found = name.find(account, records)?;
        Ok(found
            .filter(|found| found.resource() == resource)
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

impl FoundPolicy {
    fn resource(&self) -> String {
        match self {
            FoundPolicy::Aws(policy) => ManagedPolicy::resource(policy.path, policy.name),
            FoundPolicy::Own(policy) => ManagedPolicy::resource(&policy.path, &policy.name),
        }
    }
}
