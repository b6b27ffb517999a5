//! Managed policies: of an account's own, which have versions, and AWS's, which are part of the program. How an identity
//! names those that are attached to it, and how they are found.
//!
//! Source: AWS IAM User Guide, Managed policies and inline policies, and Versioning IAM policies.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strongroom_policy::Context;

use super::attachment::{self, Usage};
use super::aws_managed::{self, AwsManagedPolicy};
use super::entity::{Entity, Tagged};
use super::identity_policy::IdentityPolicy;
use super::refusals;
use super::shapes::{self, ARN, Tag, add_resource_tags};
use crate::caller::{AccountId, Caller};
use crate::gate::{Guard, Need};
use crate::input::{Members, Text};
use crate::records::{Key, Records};
use crate::refusal::{Refusal, Stop};
use crate::time::{Timestamp, iso8601};

/// Characters of a managed policy, white space not counted. Source: IAM and AWS STS quotas.
pub(super) const SIZE_MAX: usize = 6144;
/// Versions of a managed policy. Source: IAM and AWS STS quotas.
pub(super) const VERSIONS_MAX: usize = 5;

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

    /// Gives it another version, maybe as the default one.
    pub(super) fn add_version(&mut self, policy: IdentityPolicy, is_default: bool, now: Timestamp) {
        self.last_version += 1;
        self.versions.push(PolicyVersion {
            number: self.last_version,
            created: now,
            policy,
        });
        if is_default {
            self.set_default(self.last_version, now);
        }
    }

    /// Makes a version the default one; it must be there.
    pub(super) fn set_default(&mut self, number: u32, now: Timestamp) {
        self.default_version = number;
        self.updated = now;
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
        Ok(match PolicyName::of_arn(arn, caller, records)? {
            Some((_, FoundPolicy::Own(policy))) => Some(policy),
            _ => None,
        })
    }

    fn missing(arn: &str) -> Refusal {
        if arn.contains(":iam::aws:policy/") {
            refusals::owned_by_aws(arn)
        } else {
            refusals::no_such_policy(arn)
        }
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

/// The number of a version in a request, where a policy can have it.
pub(super) fn version_number(id: &str) -> Option<u32> {
    id.strip_prefix('v')?.parse().ok()
}

/// Reads a managed policy of a request.
///
/// # Refusals
/// `MalformedPolicyDocument`, `LimitExceeded`
pub(super) fn checked(text: String) -> Result<IdentityPolicy, Refusal> {
    let policy = IdentityPolicy::checked(text)?;
    if policy.size() > SIZE_MAX {
        return Err(refusals::quota("PolicySize", SIZE_MAX));
    }
    Ok(policy)
}

/// A policy that a request names, whoever owns it.
pub(super) struct NamedPolicy {
    arn: String,
}

impl NamedPolicy {
    /// Takes the member that names it.
    pub(super) fn take(members: &mut Members<'_, '_>) -> Self {
        NamedPolicy {
            arn: shapes::arn("PolicyArn", members),
        }
    }

    /// Looks it up.
    ///
    /// # Refusals
    /// `NoSuchEntity`, `InvalidInput`
    pub(super) fn find(
        &self,
        records: &Records<'_>,
        caller: &Caller,
    ) -> Result<(PolicyName, FoundPolicy), Stop> {
        let found = PolicyName::of_arn(&self.arn, caller, records)?;
        found.ok_or_else(|| refusals::no_such_policy(&self.arn).into())
    }

    /// What an operation on it needs.
    pub(super) fn need<'a>(
        &self,
        action: &'static str,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut context = Context::new();
        if let Some((_, FoundPolicy::Own(policy))) = PolicyName::of_arn(&self.arn, caller, records)?
        {
            add_resource_tags(&policy.tags, &mut context);
        }
        Ok(vec![Need {
            action,
            owner: Cow::Borrowed(&caller.account),
            shown: Some(Cow::Owned(self.arn.clone())),
            guard: Guard::ToBeMade(context),
        }])
    }

    /// The refusal of a version that it doesn't have.
    pub(super) fn no_such_version(&self, id: &str) -> Refusal {
        refusals::no_such_version(&self.arn, id)
    }
}

/// A managed policy as answers show it. Lists leave out its tags.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownPolicy {
    policy_name: String,
    policy_id: String,
    arn: String,
    path: String,
    default_version_id: String,
    attachment_count: u32,
    permissions_boundary_usage_count: u32,
    is_attachable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(serialize_with = "iso8601::serialize")]
    create_date: Timestamp,
    #[serde(serialize_with = "iso8601::serialize")]
    update_date: Timestamp,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
}

impl ShownPolicy {
    pub(super) fn of(
        policy: &FoundPolicy,
        caller: &Caller,
        records: &Records<'_>,
    ) -> Result<Self, Stop> {
        let uses = |usage| attachment::uses(policy, usage, &caller.account, records);
        let (id, version, created, updated) = match policy {
            FoundPolicy::Aws(policy) => (
                policy.id.to_owned(),
                policy.version,
                policy.created,
                policy.updated,
            ),
            FoundPolicy::Own(policy) => (
                policy.id.clone(),
                policy.default_version,
                policy.created,
                policy.updated,
            ),
        };
        Ok(ShownPolicy {
            policy_name: policy.name().to_owned(),
            policy_id: id,
            arn: policy.arn(caller),
            path: policy.path().to_owned(),
            default_version_id: format!("v{version}"),
            attachment_count: uses(Usage::Permissions)?,
            permissions_boundary_usage_count: uses(Usage::Boundary)?,
            is_attachable: true,
            description: None,
            create_date: created,
            update_date: updated,
            tags: Vec::new(),
        })
    }

    /// Whether anything uses it so.
    pub(super) fn is_used(&self, usage: Usage) -> bool {
        let count = match usage {
            Usage::Permissions => self.attachment_count,
            Usage::Boundary => self.permissions_boundary_usage_count,
        };
        count > 0
    }

    /// With what it is for.
    pub(super) fn described(
        policy: &FoundPolicy,
        caller: &Caller,
        records: &Records<'_>,
    ) -> Result<Self, Stop> {
        let description = match policy {
            FoundPolicy::Aws(policy) => Some(policy.description.to_owned()),
            FoundPolicy::Own(policy) => policy.description.clone(),
        };
        Ok(ShownPolicy {
            description,
            ..Self::of(policy, caller, records)?
        })
    }

    /// With all that there is to show.
    pub(super) fn whole(
        policy: &FoundPolicy,
        caller: &Caller,
        records: &Records<'_>,
    ) -> Result<Self, Stop> {
        let tags = match policy {
            FoundPolicy::Aws(_) => Vec::new(),
            FoundPolicy::Own(policy) => policy.tags.clone(),
        };
        Ok(ShownPolicy {
            tags,
            ..Self::described(policy, caller, records)?
        })
    }
}

/// A version of a managed policy as answers show it. Lists leave out what it says.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownVersion {
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<String>,
    version_id: String,
    is_default_version: bool,
    #[serde(serialize_with = "iso8601::serialize")]
    create_date: Timestamp,
}

impl ShownVersion {
    /// Each with its number, the newest first; without what they say.
    pub(super) fn all_of(policy: &FoundPolicy) -> Vec<(u32, Self)> {
        match policy {
            FoundPolicy::Aws(policy) => vec![(policy.version, Self::of_aws(policy))],
            FoundPolicy::Own(policy) => {
                let newest_first = policy.versions.iter().rev();
                newest_first
                    .map(|version| (version.number, Self::of_own(policy, version)))
                    .collect()
            }
        }
    }

    /// One of them, with what it says.
    pub(super) fn whole(policy: &FoundPolicy, number: u32) -> Option<Self> {
        let (document, shown) = match policy {
            FoundPolicy::Aws(policy) if policy.version == number => {
                (policy.policy.encoded(), Self::of_aws(policy))
            }
            FoundPolicy::Aws(_) => return None,
            FoundPolicy::Own(policy) => {
                let version = policy.version(number)?;
                (version.policy.encoded(), Self::of_own(policy, version))
            }
        };
        Some(ShownVersion {
            document: Some(document),
            ..shown
        })
    }

    pub(super) fn of_own(policy: &ManagedPolicy, version: &PolicyVersion) -> Self {
        ShownVersion {
            document: None,
            version_id: format!("v{}", version.number),
            is_default_version: version.number == policy.default_version,
            create_date: version.created,
        }
    }

    fn of_aws(policy: &AwsManagedPolicy) -> Self {
        ShownVersion {
            document: None,
            version_id: format!("v{}", policy.version),
            is_default_version: true,
            create_date: policy.updated,
        }
    }
}
