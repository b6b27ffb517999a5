//! What the operations share that give out sessions of roles: what is asked of a session, what it needs, how it begins.
//!
//! Source: AWS STS API Reference, AssumeRole and AssumeRoleWithWebIdentity.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use strongroom_policy::Context;

use super::refusals;
use super::session::{self, AssumedRole, SessionOf, TOKEN_BYTES_MAX, Times};
use super::shapes::{self, ARN, Credentials, SESSION_NAME, SESSION_POLICY, TokenSize};
use crate::caller::{AccountId, Caller, Principal};
use crate::gate::{Guard, Need, RoleGuard};
use crate::iam::identity_policy::IdentityPolicy;
use crate::iam::managed_policy::PolicyName;
use crate::iam::principals;
use crate::iam::role::Role;
use crate::iam::shapes::{Tag, add_request_tags};
use crate::input::Members;
use crate::operation::Given;
use crate::records::Records;
use crate::refusal::{Refusal, Stop};
use crate::time::Timestamp;

/// Characters of all policies of a session together. Source: IAM and AWS STS quotas.
const POLICIES_CHARACTERS_MAX: usize = 2048;
/// Managed policies of a session. Source: AssumeRole, `PolicyArns`.
const MANAGED_POLICIES_MAX: usize = 10;
/// How long a session lasts where nothing else is asked for, and at most where a session asked for it.
const SECONDS_DEFAULT: u32 = 3600;

/// The ARN of a role, which may not be there.
#[derive(Clone, Debug)]
pub struct RoleArn {
    text: String,
    account: AccountId,
}

impl RoleArn {
    /// Reads an ARN. `None`: it is no role's.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next();
        let ("arn", partition, "iam", "", account, resource) =
            (next()?, next()?, next()?, next()?, next()?, next()?)
        else {
            return None;
        };
        let name = resource.strip_prefix("role/")?.rsplit('/').next()?;
        (partition.starts_with("aws") && !name.is_empty()).then_some(())?;
        Some(RoleArn {
            text: text.to_owned(),
            account: AccountId::parse(account).ok()?,
        })
    }

    /// Whose the role is.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The second part of the ARN.
    pub fn partition(&self) -> &str {
        self.text.split(':').nth(1).unwrap_or_default()
    }

    fn find(&self, caller: &Caller, records: &Records<'_>) -> Result<Option<Arc<Role>>, Stop> {
        if self.partition() != caller.region.partition() {
            return Ok(None);
        }
        principals::role_of_arn(&self.text, &self.account, records)
    }
}

/// What is asked of a session, whoever asks.
pub(super) struct Wanted {
    role: Option<RoleArn>,
    session_name: String,
    seconds: Option<u32>,
    policy: Option<IdentityPolicy>,
    policy_arns: Vec<String>,
    token_bytes_min: usize,
}

/// What a session gets beside what is asked for.
#[derive(Default)]
pub(super) struct Attributes {
    /// Its tags.
    pub tags: Vec<Tag>,
    /// The keys of those that go on to the next role of a chain.
    pub transitive_tag_keys: Vec<String>,
    /// `aws:SourceIdentity`
    pub source_identity: Option<String>,
    /// `aws:FederatedProvider`
    pub federated_provider: Option<String>,
}

impl Wanted {
    /// Takes what is asked of a session out of a request.
    pub(super) fn read(members: &mut Members<'_, '_>) -> Self {
        let arn = members.required_text("RoleArn", &ARN);
        let role = RoleArn::parse(&arn);
        if role.is_none() {
            members.refuse(refusals::invalid_role_arn());
        }
        let seconds = members.integer("DurationSeconds", 900..=43_200);
        let policy = members.text("Policy", &SESSION_POLICY);
        let policy_arns = members.structures("PolicyArns", 0..=MANAGED_POLICIES_MAX, |policy| {
            policy.text("arn", &ARN).unwrap_or_default()
        });
        let policy_arns = policy_arns.unwrap_or_default();
        let texts = policy.iter().chain(&policy_arns);
        let characters = texts.map(|text| text.chars().count()).sum();
        if characters > POLICIES_CHARACTERS_MAX {
            let refusal = refusals::policies_too_long(characters, POLICIES_CHARACTERS_MAX);
            members.object(refusal);
        }
        let policy = policy.and_then(|text| match IdentityPolicy::checked(text) {
            Ok(policy) => Some(policy),
            Err(refusal) => {
                members.object(refusal);
                None
            }
        });
        Wanted {
            role,
            session_name: members.required_text("RoleSessionName", &SESSION_NAME),
            seconds: seconds.and_then(|seconds| u32::try_from(seconds).ok()),
            policy,
            policy_arns,
            token_bytes_min: shapes::token_bytes_min(members),
        }
    }

    /// What the caller must be allowed to do: the operation itself, and what its session's attributes need.
    pub(super) fn needs<'a>(
        &'a self,
        operation: &'static str,
        attributes: &Attributes,
        mut context: Context,
        caller: &Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let arn = self.role()?;
        add_condition_keys(&self.session_name, attributes, &mut context);
        let guard = RoleGuard {
            role: arn.find(caller, records)?,
            context,
        };
        let inherited = inherited(caller);
        let tags = !attributes.tags.is_empty()
            || inherited.is_some_and(|it| it.transitive_tags().next().is_some());
        let source_identity = attributes.source_identity.is_some()
            || inherited.is_some_and(|it| it.source_identity.is_some());
        let actions = [
            Some(operation),
            tags.then_some("sts:TagSession"),
            source_identity.then_some("sts:SetSourceIdentity"),
        ];
        let need = |action| Need {
            action,
            owner: Cow::Borrowed(&arn.account),
            shown: Some(Cow::Borrowed(arn.text.as_str())),
            guard: Guard::Role(Box::new(guard.clone())),
        };
        Ok(actions.into_iter().flatten().map(need).collect())
    }

    /// Begins the session; `authenticated` is when a code of a device was given for it.
    ///
    /// # Refusals
    /// - `ValidationError`: it would last longer than the role or a chain allows, or have another source identity;
    /// - `InvalidParameterValue`: a tag is in the way of an inherited one;
    /// - `MalformedPolicyDocument`: a managed policy isn't there;
    /// - `PackedPolicyTooLarge`
    pub(super) fn begin(
        self,
        attributes: Attributes,
        authenticated: Option<Timestamp>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<RoleSession, Stop> {
        let caller = given.caller;
        let arn = self.role()?;
        let role = arn.find(caller, records)?;
        // The gate let nobody through to a role that isn't there.
        let role = role.ok_or_else(|| Stop::Unavailable("the role is gone".into()))?;
        let seconds = self.seconds(&role, caller)?;
        let mut managed = Vec::with_capacity(self.policy_arns.len());
        for arn in &self.policy_arns {
            let found = PolicyName::of_arn_in(&role.account, arn, caller, records)?;
            let (name, _) = found.ok_or_else(|| {
                refusals::malformed_policy(format!("The policy {arn} doesn't exist."))
            })?;
            managed.push(name);
        }
        let assumed = AssumedRole {
            role: role.name.clone(),
            role_id: role.id.clone(),
            session_name: self.session_name,
            policy: self.policy,
            managed,
            tags: attributes.tags,
            transitive_tag_keys: attributes.transitive_tag_keys,
            source_identity: attributes.source_identity,
            federated_provider: attributes.federated_provider,
        };
        let assumed = match inherited(caller) {
            Some(earlier) => in_a_chain(assumed, earlier)?,
            None => assumed,
        };
        let assumed_role_user = AssumedRoleUser {
            assumed_role_id: assumed.unique_id(),
            arn: assumed.arn(caller.region.partition(), &role.account),
        };
        let source_identity = assumed.source_identity.clone();
        let expires = given.now.after(Duration::from_secs(u64::from(seconds)));
        let issued = session::issue(
            role.account.clone(),
            SessionOf::Role(Box::new(assumed)),
            Times {
                issued: given.now,
                expires,
                authenticated,
            },
            self.token_bytes_min,
            given.keyring,
            given.entropy,
        )?;
        if issued.token.len() > TOKEN_BYTES_MAX {
            return Err(refusals::token_too_large(issued.token.len()).into());
        }
        let size = TokenSize::of(&issued);
        Ok(RoleSession {
            credentials: Credentials::of(issued),
            assumed_role_user,
            packed_policy_size: size.percent(),
            size,
            source_identity,
        })
    }

    /// Of which role.
    pub(super) fn into_role(self) -> Result<RoleArn, Refusal> {
        self.role.ok_or_else(refusals::invalid_role_arn)
    }

    fn role(&self) -> Result<&RoleArn, Stop> {
        let role = self.role.as_ref();
        role.ok_or_else(|| refusals::invalid_role_arn().into())
    }

    fn seconds(&self, role: &Role, caller: &Caller) -> Result<u32, Refusal> {
        let seconds = self.seconds.unwrap_or(SECONDS_DEFAULT);
        if inherited(caller).is_some() && seconds > SECONDS_DEFAULT {
            return Err(refusals::longer_than_chain_allows());
        }
        if seconds > role.session_seconds_max {
            return Err(refusals::longer_than_role_allows());
        }
        Ok(seconds)
    }
}

/// The session of a role that asks for another one, which makes a chain of them.
pub(super) fn inherited(caller: &Caller) -> Option<&AssumedRole> {
    match &caller.principal {
        Principal::Role(signer) => Some(&signer.assumed),
        _ => None,
    }
}

/// Source: AWS IAM User Guide, IAM and AWS STS condition context keys.
fn add_condition_keys(session_name: &str, attributes: &Attributes, context: &mut Context) {
    context.insert("sts:RoleSessionName", session_name);
    if let Some(identity) = &attributes.source_identity {
        context.insert("sts:SourceIdentity", identity.as_str());
    }
    let transitive = attributes.transitive_tag_keys.iter().cloned();
    context.insert_all("sts:TransitiveTagKeys", transitive);
    add_request_tags(&attributes.tags, context);
}

/// What the earlier session hands on can't be changed any more.
///
/// Source: AWS IAM User Guide, Pass session tags in AWS STS, "Chaining roles with session tags", and Monitor and control
/// actions taken with assumed roles; the texts from experience.
fn in_a_chain(mut assumed: AssumedRole, earlier: &AssumedRole) -> Result<AssumedRole, Refusal> {
    let passed = std::mem::take(&mut assumed.tags);
    assumed.tags = earlier.transitive_tags().cloned().collect();
    let is_inherited = |tag: &Tag| {
        let mut inherited = assumed.tags.iter();
        inherited.any(|each| each.key.eq_ignore_ascii_case(&tag.key))
    };
    if passed.iter().any(is_inherited) {
        return Err(refusals::inherited_tag());
    }
    let keys = assumed.tags.iter().map(|tag| tag.key.clone());
    assumed.transitive_tag_keys.extend(keys);
    assumed.tags.extend(passed);
    match (&earlier.source_identity, &assumed.source_identity) {
        (Some(earlier), Some(asked)) if earlier != asked => Err(refusals::other_source_identity()),
        (Some(earlier), _) => {
            assumed.source_identity = Some(earlier.clone());
            Ok(assumed)
        }
        (None, _) => Ok(assumed),
    }
}

/// A session of a role, as answers show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RoleSession {
    credentials: Credentials,
    assumed_role_user: AssumedRoleUser,
    packed_policy_size: usize,
    #[serde(flatten)]
    size: TokenSize,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_identity: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumedRoleUser {
    assumed_role_id: String,
    arn: String,
}
