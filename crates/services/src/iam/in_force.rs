//! The policies that speak for a caller: read anew for every decision, from records that are compiled already, and
//! conditions of the decision's commit, so that what is revoked counts at once.
//!
//! Source: AWS IAM User Guide, Policy evaluation logic.

use std::sync::Arc;
use std::time::Duration;

use strongroom_policy::{Caller as Speaker, Context, Document, Saw};

use super::group::{self, Group};
use super::identity_policy::{IdentityPolicy, InlinePolicies};
use super::managed_policy::{FoundPolicy, PolicyName};
use super::role::Role;
use super::shapes::Tag;
use super::unique_id;
use super::user::User;
use crate::accounts::{AccessKey, Account, KeyStatus};
use crate::caller::{AccountId, Caller, Principal};
use crate::records::{Key, Records};
use crate::refusal::{Refusal, Stop};
use crate::sts::session::AssumedRole;
use crate::sts::web_identity::WebIdentity;
use crate::time::{Timestamp, rfc3339};

/// What speaks for a caller.
pub struct InForce {
    identity: Identity,
    groups: Vec<Arc<Group>>,
    /// Those attached to the user or role, then those attached to its groups, in the order of the groups.
    attached: Vec<Attached>,
    boundary: Option<FoundPolicy>,
    /// The managed policies given with the session; `None`: one of them was deleted since.
    session: Option<Vec<FoundPolicy>>,
    account: Option<Arc<Account>>,
}

/// A managed policy, and the group through which it speaks.
struct Attached {
    policy: FoundPolicy,
    group: Option<usize>,
}

/// Whose policies they are.
enum Identity {
    Root,
    User(Arc<User>),
    Role(Arc<Role>, Option<Arc<AssumedRole>>),
    Bearer(Arc<WebIdentity>),
}

/// A policy that speaks for a caller, and where it stands.
#[derive(Clone, Copy)]
pub struct Speaking<'a> {
    /// The policy.
    pub policy: &'a IdentityPolicy,
    /// What it is.
    pub place: Place<'a>,
    /// The group through which it speaks; `None`: it is the user's or the role's own.
    pub group: Option<&'a Group>,
}

/// Where a policy stands.
#[derive(Clone, Copy)]
pub enum Place<'a> {
    /// In the identity's record, under a name.
    Inline(&'a str),
    /// A managed policy.
    Managed(&'a FoundPolicy),
    /// Given with the session.
    Session,
    /// A service control policy of the account's, by its name.
    ServiceControl(&'a str),
}

impl Speaking<'_> {
    /// Whether the account can change it: not so for AWS's own, nor for what a session was given.
    pub fn is_changeable(&self) -> bool {
        match self.place {
            Place::Inline(_) | Place::ServiceControl(_) => true,
            Place::Managed(policy) => matches!(policy, FoundPolicy::Own(_)),
            Place::Session => false,
        }
    }
}

impl InForce {
    /// Reads what speaks for a caller.
    ///
    /// # Refusals
    /// `UnrecognizedClientException`: its user, its role or its access key is gone, or the key was made inactive, since
    /// the signature was checked.
    pub fn read(caller: &Caller, records: &Records<'_>) -> Result<Self, Stop> {
        let identity = match &caller.principal {
            Principal::Root => Some(Identity::Root),
            Principal::WebIdentity(bearer) => Some(Identity::Bearer(Arc::clone(bearer))),
            Principal::User(signer) => {
                let by_session = caller.session.is_some();
                let key_id = &signer.access_key_id;
                let is_active = by_session
                    || (records.read::<AccessKey>(Key::access_key(key_id))?)
                        .is_some_and(|key| key.status == KeyStatus::Active);
                let User { id, name, .. } = signer.user.as_ref();
                let user = unique_id::find::<User>(&caller.account, id, Some(name), records)?;
                let may_sign = |user: &Arc<User>| {
                    is_active && (by_session || user.access_key_ids.contains(key_id))
                };
                user.filter(may_sign).map(Identity::User)
            }
            Principal::Role(signer) => {
                let role = records.read::<Role>(signer.role.key())?;
                role.filter(|role| role.id == signer.assumed.role_id)
                    .map(|role| Identity::Role(role, Some(Arc::clone(&signer.assumed))))
            }
        };
        match identity {
            Some(identity) => Self::of(identity, &caller.account, records),
            None => Err(Refusal::unrecognized_client().into()),
        }
    }

    /// Whether anything beside the resource's own policy has a say; not so for most root users.
    pub fn asks_more(caller: &Caller, records: &Records<'_>) -> Result<bool, Stop> {
        if !matches!(caller.principal, Principal::Root) {
            return Ok(true);
        }
        let account = records.read::<Account>(Key::account(&caller.account))?;
        Ok(account.is_some_and(|account| !account.service_control.is_empty()))
    }

    /// Reads what speaks for a user, whoever signs for it.
    pub fn of_user(user: Arc<User>, records: &Records<'_>) -> Result<Self, Stop> {
        let account = user.account.clone();
        Self::of(Identity::User(user), &account, records)
    }

    /// Reads what speaks for a role, in whatever session without policies of its own.
    pub fn of_role(role: Arc<Role>, records: &Records<'_>) -> Result<Self, Stop> {
        let account = role.account.clone();
        Self::of(Identity::Role(role, None), &account, records)
    }

    /// Reads what speaks for the bearer of a token: nothing of its own.
    pub fn of_bearer(
        bearer: Arc<WebIdentity>,
        account: &AccountId,
        records: &Records<'_>,
    ) -> Result<Self, Stop> {
        Self::of(Identity::Bearer(bearer), account, records)
    }

    /// Reads what speaks for an account's root user.
    pub fn of_root(account: &AccountId, records: &Records<'_>) -> Result<Self, Stop> {
        Self::of(Identity::Root, account, records)
    }

    fn of(identity: Identity, account: &AccountId, records: &Records<'_>) -> Result<Self, Stop> {
        // A policy can't be deleted while it is named. Should one be missing all the same, what it denied must not
        // become allowed.
        let find = |name: &PolicyName| {
            let found = name.find(account, records)?;
            found.ok_or_else(|| {
                let what = format!(
                    "{name:?}, a policy that an identity of account {account} names, is missing: run `strongroom \
                     doctor` and restore it from a backup"
                );
                Stop::Unavailable(what.into())
            })
        };
        let groups = match &identity {
            Identity::User(user) => group::groups_of(user, records)?,
            _ => Vec::new(),
        };
        let mut attached = Vec::new();
        for name in identity.attached() {
            attached.push(Attached {
                policy: find(name)?,
                group: None,
            });
        }
        for (at, group) in groups.iter().enumerate() {
            for name in &group.attached {
                attached.push(Attached {
                    policy: find(name)?,
                    group: Some(at),
                });
            }
        }
        let boundary = identity.boundary().map(find).transpose()?;
        let mut session = Some(Vec::new());
        if let Identity::Role(_, Some(assumed)) = &identity {
            for name in &assumed.managed {
                // What one denied that was deleted since the session began nobody knows any more: nothing is allowed then.
                session = session
                    .zip(name.find(account, records)?)
                    .map(|(mut found, policy)| {
                        found.push(policy);
                        found
                    });
            }
        }
        // Who has no role yet belongs to no account that could bound them.
        let account = match &identity {
            Identity::Bearer(_) => None,
            _ => records.read::<Account>(Key::account(account))?,
        };
        Ok(InForce {
            identity,
            groups,
            attached,
            boundary,
            session,
            account,
        })
    }

    /// Whose policies they are, for people to read.
    pub fn holder(&self) -> String {
        match &self.identity {
            Identity::Root => "the root user".to_owned(),
            Identity::User(user) => format!("user {}", user.name),
            Identity::Role(role, _) => format!("role {}", role.name),
            Identity::Bearer(bearer) => format!("the bearer of a token of {}", bearer.provider),
        }
    }

    /// The identity's policies, with where they stand; none for a root user, which needs none.
    pub fn identity(&self) -> impl Iterator<Item = Speaking<'_>> {
        let own = self.identity.inline().into_iter();
        let own = own.flat_map(|policies| inline(policies, None));
        let groups = self.groups.iter();
        let of_groups = groups.flat_map(|group| inline(&group.inline, Some(group.as_ref())));
        let attached = self.attached.iter().filter_map(|attached| {
            Some(Speaking {
                policy: attached.policy.in_force()?,
                place: Place::Managed(&attached.policy),
                group: attached
                    .group
                    .and_then(|at| self.groups.get(at))
                    .map(Arc::as_ref),
            })
        });
        own.chain(of_groups).chain(attached)
    }

    /// The permissions boundary.
    pub fn boundary(&self) -> Option<Speaking<'_>> {
        self.boundary.as_ref().and_then(managed)
    }

    /// The policies given with the session; `None`: none were, and they limit nothing.
    pub fn session(&self) -> Option<impl Iterator<Item = Speaking<'_>>> {
        let Identity::Role(_, Some(assumed)) = &self.identity else {
            return None;
        };
        let own = assumed.policy.iter().map(|policy| Speaking {
            policy,
            place: Place::Session,
            group: None,
        });
        let given = self.session.iter().flatten().filter_map(managed);
        let are_whole = self.session.is_some();
        let all = own.chain(given).filter(move |_| are_whole);
        assumed.is_limited().then_some(all)
    }

    /// The service control policies of the caller's account; `None`: there are none, and they limit nothing.
    pub fn service_control(&self) -> Option<impl Iterator<Item = Speaking<'_>>> {
        let policies = &self.account.as_ref()?.service_control;
        let all = policies.iter().map(|(name, policy)| Speaking {
            policy,
            place: Place::ServiceControl(name),
            group: None,
        });
        (!policies.is_empty()).then_some(all)
    }

    /// The caller as policies see it.
    pub fn speaker(&self, caller: &Caller) -> Speaker {
        match &self.identity {
            Identity::Root => Speaker::Root {
                account: caller.account.as_str().to_owned(),
            },
            Identity::User(user) => Speaker::User {
                arn: user.arn(caller),
                unique_id: Some(user.id.clone()),
            },
            Identity::Role(role, _) => Speaker::RoleSession {
                session_arn: caller.arn(),
                role_arn: role.arn(caller),
                unique_id: Some(role.id.clone()),
            },
            Identity::Bearer(bearer) => Speaker::WebIdentity {
                provider: bearer.provider_arn.clone(),
            },
        }
    }

    /// The condition keys that tell of the caller what depends on what it is.
    ///
    /// Source: IAM User Guide, AWS global condition context keys, Properties of the principal.
    pub fn add_condition_keys(&self, caller: &Caller, now: Timestamp, context: &mut Context) {
        if let Some(issued) = caller.token_issue_time() {
            context.insert("aws:TokenIssueTime", rfc3339(issued));
        }
        match &caller.session {
            // A request that brings a code along says so itself.
            _ if context.get(MULTI_FACTOR_PRESENT) != Saw::Absent => {}
            Some(session) => match session.authenticated {
                Some(at) => add_second_factor(now.since(at), context),
                None => context.insert(MULTI_FACTOR_PRESENT, "false"),
            },
            None => {}
        }
        match &self.identity {
            Identity::Root => context.insert("aws:PrincipalType", "Account"),
            Identity::User(user) => {
                context.insert("aws:PrincipalType", "User");
                context.insert("aws:username", user.name.as_str());
                add_principal_tags(&user.tags, &[], context);
            }
            Identity::Role(role, assumed) => {
                context.insert("aws:PrincipalType", "AssumedRole");
                let assumed = assumed.as_deref();
                let session_tags = assumed.map_or(&[][..], |assumed| &assumed.tags);
                add_principal_tags(&role.tags, session_tags, context);
                let Some(assumed) = assumed else { return };
                if let Some(identity) = &assumed.source_identity {
                    context.insert("aws:SourceIdentity", identity.as_str());
                }
                if let Some(provider) = &assumed.federated_provider {
                    context.insert("aws:FederatedProvider", provider.as_str());
                }
            }
            Identity::Bearer(bearer) => bearer.add_condition_keys(context),
        }
    }
}

impl Identity {
    fn inline(&self) -> Option<&InlinePolicies> {
        match self {
            Identity::User(user) => Some(&user.inline),
            Identity::Role(role, _) => Some(&role.inline),
            Identity::Root | Identity::Bearer(_) => None,
        }
    }

    fn attached(&self) -> &[PolicyName] {
        match self {
            Identity::User(user) => &user.attached,
            Identity::Role(role, _) => &role.attached,
            Identity::Root | Identity::Bearer(_) => &[],
        }
    }

    fn boundary(&self) -> Option<&PolicyName> {
        match self {
            Identity::User(user) => user.boundary.as_ref(),
            Identity::Role(role, _) => role.boundary.as_ref(),
            Identity::Root | Identity::Bearer(_) => None,
        }
    }
}

/// Whether a code of a device was given for the credentials; absent for those that last.
const MULTI_FACTOR_PRESENT: &str = "aws:MultiFactorAuthPresent";

/// The condition keys of a code of a device that was given so long ago.
///
/// Source: AWS IAM User Guide, AWS global condition context keys, `aws:MultiFactorAuthPresent` and `…Age`.
pub(crate) fn add_second_factor(age: Duration, context: &mut Context) {
    context.insert(MULTI_FACTOR_PRESENT, "true");
    context.insert("aws:MultiFactorAuthAge", age.as_secs().to_string());
}

/// Only the compiled policies, in the same order.
pub fn documents<'a>(speaking: impl Iterator<Item = Speaking<'a>>) -> Vec<&'a Document> {
    speaking
        .map(|speaking| speaking.policy.document())
        .collect()
}

fn inline<'a>(
    policies: &'a InlinePolicies,
    group: Option<&'a Group>,
) -> impl Iterator<Item = Speaking<'a>> {
    policies.iter().map(move |(name, policy)| Speaking {
        policy,
        place: Place::Inline(name),
        group,
    })
}

fn managed(policy: &FoundPolicy) -> Option<Speaking<'_>> {
    Some(Speaking {
        policy: policy.in_force()?,
        place: Place::Managed(policy),
        group: None,
    })
}

/// A session's tag takes the place of the role's of the same key.
///
/// Source: AWS IAM User Guide, Pass session tags in AWS STS.
fn add_principal_tags(own: &[Tag], session: &[Tag], context: &mut Context) {
    let replaced = |tag: &&Tag| {
        let same = |other: &Tag| other.key.eq_ignore_ascii_case(&tag.key);
        !session.iter().any(same)
    };
    for tag in own.iter().filter(replaced).chain(session) {
        let key = format!("aws:PrincipalTag/{}", tag.key);
        context.insert(&key, tag.value.as_str());
    }
}
