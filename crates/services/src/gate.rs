//! Authorization: the one place that lets an operation through, and the only maker of
//! [`Authorized`], which every decision asks for.
//!
//! What has no policy of its own in force is its account's: the account's root may do everything with
//! it, everyone else is denied. What a policy guards is decided by `strongroom-policy`.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use strongroom_policy::{
    self as policy, Context, Decision, Document, Policies, PolicyType, Reach, Refused,
    ResourceRule, Saw, Verdict,
};

use crate::access::explanation::Explanation;
use crate::caller::{AccountId, Caller, Principal};
use crate::cloudtrail::told;
use crate::iam::bound_policy::ResourcePolicy;
use crate::iam::in_force::{InForce, documents};
use crate::iam::role::Role;
use crate::iam::shapes::add_resource_tags;
use crate::kms::key::KmsKey;
use crate::kms::name;
use crate::lambda::function::Function;
use crate::operation::{Given, Operation};
use crate::origin::Origin;
use crate::records::Records;
use crate::refusal::{Refusal, Stop};
use crate::secretsmanager::secret::{Secret, arn_of_name};
use crate::secretsmanager::secret_id::SecretId;
use crate::sts::refusals::session_asks;
use crate::sts::session::SessionOf;
use crate::time::rfc3339;

/// One permission that a caller must hold for an operation.
#[derive(Clone, Debug)]
pub struct Need<'a> {
    /// The IAM action, such as `secretsmanager:GetSecretValue`.
    pub action: &'a str,
    /// The account that owns the resource.
    pub owner: Cow<'a, AccountId>,
    /// The resource as a refusal shows it; absent for actions on no resource of their own.
    pub shown: Option<Cow<'a, str>>,
    /// What stands before the resource on its own side.
    pub guard: Guard<'a>,
}

/// What a resource's own side says to a request.
#[derive(Clone, Debug)]
pub enum Guard<'a> {
    /// Nothing: it is for its account alone.
    Account,
    /// Nothing, as it is only to be made; what it will be, as condition keys for its account's policies.
    ToBeMade(Context),
    /// It isn't there, or is closed to other accounts. Its own account may learn which; others only that they may not
    /// ask.
    Absent,
    /// It is a secret: its policy opens it to other accounts, and can close it to its own.
    Secret(SecretGuard<'a>),
    /// It is a KMS key: nothing goes without its policy or a grant, for root neither.
    Key(Box<KeyGuard>),
    /// It is a role: nobody assumes it whom its trust policy doesn't let in.
    Role(Box<RoleGuard>),
    /// It is a Lambda function, or a version or alias of it: its policy opens it to other accounts, and to services.
    Function(Box<FunctionGuard>),
}

/// A secret, and what is known of the request to it.
#[derive(Clone, Debug)]
pub struct SecretGuard<'a> {
    /// The secret.
    pub secret: Sought<'a>,
    /// The condition keys that the request's members fill; gathered for a policy that reads any.
    pub request: &'a dyn ConditionKeys,
    /// Those that had to be looked up.
    pub known: Context,
}

/// A secret that a request names.
#[derive(Clone, Debug)]
pub enum Sought<'a> {
    /// It is there.
    Found(Arc<Secret>),
    /// It isn't.
    Absent(&'a SecretId),
    /// It is only to be made, under this name.
    ToBeMade(&'a str),
}

/// What tells policies of itself.
pub trait ConditionKeys {
    /// Adds its condition keys.
    fn add_condition_keys(&self, context: &mut Context);
}

impl ConditionKeys for () {
    fn add_condition_keys(&self, _: &mut Context) {}
}

/// A request may hold a value, which is never shown.
impl fmt::Debug for dyn ConditionKeys + '_ {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ConditionKeys")
    }
}

/// A KMS key, and what is known of the request to it.
#[derive(Clone, Debug)]
pub struct KeyGuard {
    /// The key.
    pub key: Arc<KmsKey>,
    /// The id of a grant that names the caller, where one allows the action.
    pub granted: Option<String>,
    /// The `kms:` condition keys.
    pub context: Context,
    /// What is said instead to a caller who may not even learn which key it is.
    pub refusal: Option<Refusal>,
}

/// A role, and what is known of the request for a session of it.
#[derive(Clone, Debug)]
pub struct RoleGuard {
    /// The role; `None`: there is none of that ARN, which is refused as one that is closed.
    pub role: Option<Arc<Role>>,
    /// The condition keys of the request.
    pub context: Context,
}

/// A Lambda function, and what of it a request names.
#[derive(Clone, Debug)]
pub struct FunctionGuard {
    /// The function.
    pub function: Arc<Function>,
    /// A version or an alias of it; `None`: itself.
    pub qualifier: Option<String>,
    /// The condition keys of the request.
    pub context: Context,
}

/// A request that passed the gate.
pub struct Authorized<Op>(Op);

impl<Op> Authorized<Op> {
    /// The request itself.
    pub fn into_request(self) -> Op {
        self.0
    }
}

/// Asks for everything that the operation needs, and lets it through where all of it is granted.
pub fn authorize<Op: Operation>(
    request: Op,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<Authorized<Op>, Stop> {
    let needs = request.needs(given.caller, records)?;
    refuse_bare_session(given.caller, &needs)?;
    let in_force = InForce::read(given.caller, records)?;
    // What it is about is known of a refused request, too.
    records.tell(|told| {
        let resources = needs.iter().filter_map(Need::resource);
        resources.for_each(|resource| told.note_resource(resource));
    });
    for need in needs {
        permit_by(&in_force, &need, records, given)?;
    }
    Ok(Authorized(request))
}

/// What GetSessionToken gives out without a second factor is for services, not for changing who may do what.
///
/// # Refusals
/// - `InvalidClientTokenId` by IAM, as AWS says it;
/// - `AccessDenied` by STS.
///
/// Source: AWS STS API Reference, GetSessionToken, Permissions; IAM's code from experience.
fn refuse_bare_session(caller: &Caller, needs: &[Need<'_>]) -> Result<(), Refusal> {
    let bare = caller
        .session
        .as_ref()
        .is_some_and(|session| matches!(session.of, SessionOf::Root | SessionOf::User { .. }));
    if !bare {
        return Ok(());
    }
    let mut actions = needs.iter().map(|need| need.action);
    let refused = actions.find(|action| {
        let is_of = |service| action.strip_prefix(service).is_some();
        is_of("iam:") || (is_of("sts:") && !FOR_BARE_SESSIONS.contains(action))
    });
    match refused.and_then(|action| action.split_once(':')) {
        Some(("sts", operation)) => Err(session_asks(operation)),
        Some(_) => Err(Refusal::unrecognized_client()),
        None => Ok(()),
    }
}

/// What of STS such a session may ask for.
const FOR_BARE_SESSIONS: &[&str] = &["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"];

/// Grants or denies one need; for operations that decide item by item, such as batch reads, and for
/// a service that uses another one for its caller.
pub fn permit(need: &Need<'_>, records: &Records<'_>, given: &Given<'_>) -> Result<(), Stop> {
    let in_force = InForce::read(given.caller, records)?;
    Ok(permit_by(&in_force, need, records, given)?)
}

/// Whether a need would be granted, where a caller isn't refused for its lack.
pub(crate) fn would_permit(
    need: &Need<'_>,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<bool, Stop> {
    let in_force = InForce::read(given.caller, records)?;
    let asked = Asked::by(need, given);
    Ok(refusal_of(asked.decide(&in_force, given, || need.context(given))).is_none())
}

/// Condition keys with the values that a request is supposed to hold under them.
pub(crate) type Supposed = [(String, Vec<String>)];

/// Why a need is granted or denied to whom these policies speak for.
pub(crate) fn explain(
    need: &Need<'_>,
    supposed: &Supposed,
    in_force: &InForce,
    given: &Given<'_>,
) -> Explanation {
    let asked = Asked {
        supposed,
        ..Asked::by(need, given)
    };
    asked.explain(in_force, given, || need.context(given))
}

/// Puts a need to all that has a say, for whoever asks something else than what is decided.
pub(crate) fn consider<Answer>(
    need: &Need<'_>,
    supposed: &Supposed,
    in_force: &InForce,
    given: &Given<'_>,
    ask: impl FnOnce(&Asked<'_>, &Policies<'_>, &policy::Request<'_>) -> Answer,
) -> Answer {
    let asked = Asked {
        supposed,
        ..Asked::by(need, given)
    };
    asked.put(
        in_force,
        given,
        || need.context(given),
        |policies, request| ask(&asked, policies, request),
    )
}

/// Who is denied is told what AWS tells; why is noted for the operator.
fn permit_by(
    in_force: &InForce,
    need: &Need<'_>,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<(), Refusal> {
    let asked = Asked::by(need, given);
    let decision = asked.decide(in_force, given, || need.context(given));
    let Some(refused) = refusal_of(decision) else {
        return Ok(());
    };
    records.note_refused(asked.explain(in_force, given, || need.context(given)));
    let caller = given.caller;
    let reason = match &need.guard {
        // Which side refuses would tell whether there is such a role.
        Guard::Role(_) => return Err(not_assumable(need, caller)),
        Guard::Key(guard) if guard.refusal.is_some() => {
            return guard.refusal.clone().map_or(Ok(()), Err);
        }
        // What the caller's own side leaves out tells nothing of the resource.
        _ if caller.account == *need.owner || refused.by != PolicyType::Resource => {
            refused.reason(need.action)
        }
        Guard::Absent | Guard::Key(_) => NOT_TOLD.to_owned(),
        // Another account isn't told whether it is denied, or the resource isn't there.
        Guard::Account | Guard::ToBeMade(_) | Guard::Secret(_) | Guard::Function(_) => format!(
            "because no resource-based policy allows the {} action",
            need.action
        ),
    };
    Err(Refusal::access_denied(
        &caller.arn(),
        need.action,
        need.shown.as_deref(),
        &reason,
    ))
}

impl Need<'_> {
    /// What it is about, as events name it; `None`: nothing that there is, or nothing in particular.
    pub(crate) fn resource(&self) -> Option<told::Resource> {
        match &self.guard {
            Guard::Secret(guard) => match &guard.secret {
                Sought::Found(secret) => Some(told::Resource::Secret(Arc::clone(secret))),
                Sought::Absent(_) | Sought::ToBeMade(_) => None,
            },
            Guard::Key(guard) => Some(told::Resource::Key(Arc::clone(&guard.key))),
            Guard::Function(guard) => told::Resource::by_arn(&guard.function.arn.to_string()),
            Guard::Account | Guard::ToBeMade(_) | Guard::Role(_) => {
                self.shown.as_deref().and_then(told::Resource::by_arn)
            }
            Guard::Absent => None,
        }
    }

    /// The ARN that policies are asked about, where it isn't a guarded resource's own.
    fn arn(&self, caller: &Caller) -> Cow<'_, str> {
        match (self.shown.as_deref(), &self.guard) {
            (None, _) => Cow::Borrowed("*"),
            (Some(shown), Guard::Absent) if !shown.starts_with("arn:") => {
                Cow::Owned(name::arn_of_absent(shown, caller))
            }
            (Some(shown), _) => Cow::Borrowed(shown),
        }
    }

    /// The condition keys of the request and the resource.
    fn context(&self, given: &Given<'_>) -> Context {
        match &self.guard {
            Guard::Account | Guard::Absent => Context::new(),
            Guard::ToBeMade(context) => context.clone(),
            Guard::Secret(guard) => guard.context(given),
            Guard::Key(guard) => guard.context.clone(),
            Guard::Role(guard) => guard.context(),
            Guard::Function(guard) => guard.context(),
        }
    }
}

/// What policies are asked.
pub(crate) struct Asked<'a> {
    pub(crate) action: &'a str,
    /// An ARN, or `*`.
    pub(crate) resource: Cow<'a, str>,
    pub(crate) owner: &'a AccountId,
    /// The resource's own.
    pub(crate) policy: Option<&'a Document>,
    pub(crate) rule: ResourceRule,
    /// The grant that lets the caller in, by its id.
    pub(crate) granted: Option<&'a str>,
    /// What the resource's policy, if it has one, is the policy of.
    pub(crate) of: Resource<'a>,
    /// Condition keys that are supposed to have these values.
    supposed: &'a Supposed,
}

/// What a resource is, as far as the reasons of a decision depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource<'a> {
    /// Nothing that can have a policy.
    Plain,
    /// Not there, or not open to other accounts.
    Absent,
    /// A secret, by its name.
    Secret(&'a str),
    /// A KMS key, by its id.
    Key(&'a str),
    /// A role, by its name.
    Role(&'a str),
    /// A Lambda function, by its name.
    Function(&'a str),
}

impl<'a> Asked<'a> {
    /// What a need asks.
    fn by(need: &'a Need<'_>, given: &Given<'_>) -> Self {
        let plain = |of| Asked {
            action: need.action,
            resource: need.arn(given.caller),
            owner: &need.owner,
            policy: None,
            rule: ResourceRule::Optional,
            granted: None,
            of,
            supposed: &[],
        };
        match &need.guard {
            Guard::Account | Guard::ToBeMade(_) => plain(Resource::Plain),
            Guard::Absent => plain(Resource::Absent),
            Guard::Secret(guard) => {
                let spared = matches!(given.caller.principal, Principal::Root)
                    && given.caller.account == *need.owner
                    && REPAIRS.contains(&need.action);
                let policy = guard.policy(given).filter(|_| !spared);
                Asked {
                    resource: guard.secret.arn(given.caller),
                    policy: policy.map(ResourcePolicy::document),
                    ..plain(guard.secret.of_what(given))
                }
            }
            Guard::Key(guard) => Asked {
                granted: guard.granted.as_deref(),
                ..Asked::of_key(need.action, &guard.key)
            },
            Guard::Role(guard) => Asked {
                policy: guard.role.as_deref().map(|role| role.trust.document()),
                rule: ResourceRule::Required,
                ..plain(guard.of_what())
            },
            Guard::Function(guard) => Asked {
                policy: guard.policy().map(ResourcePolicy::document),
                ..plain(Resource::Function(&guard.function.arn.name))
            },
        }
    }

    /// Of a key, without a grant.
    fn of_key(action: &'a str, key: &'a KmsKey) -> Self {
        Asked {
            action,
            resource: Cow::Owned(key.arn()),
            owner: &key.account,
            policy: Some(key.policy.document()),
            rule: ResourceRule::Required,
            granted: None,
            of: Resource::Key(&key.key_id),
            supposed: &[],
        }
    }

    /// Asks them. The request's condition keys are gathered only for a policy that reads any.
    fn decide(
        &self,
        in_force: &InForce,
        given: &Given<'_>,
        context: impl FnOnce() -> Context,
    ) -> Decision {
        self.put(in_force, given, context, |policies, request| {
            self.answer(policies, request, given)
        })
    }

    /// What they say.
    pub(crate) fn answer(
        &self,
        policies: &Policies<'_>,
        request: &policy::Request<'_>,
        given: &Given<'_>,
    ) -> Decision {
        match self.keeps_out(policies, request, given) {
            Some(refused) => Decision::Deny(refused),
            None => policy::decide(policies, request),
        }
    }

    /// Why they say what they say.
    fn explain(
        &self,
        in_force: &InForce,
        given: &Given<'_>,
        context: impl FnOnce() -> Context,
    ) -> Explanation {
        self.put(in_force, given, context, |policies, request| {
            let decision = self.answer(policies, request, given);
            Explanation::of(decision, self, in_force, (policies, request), given)
        })
    }

    /// Puts it to everything that has a say: the one place where that is put together.
    fn put<Answer>(
        &self,
        in_force: &InForce,
        given: &Given<'_>,
        context: impl FnOnce() -> Context,
        ask: impl FnOnce(&Policies<'_>, &policy::Request<'_>) -> Answer,
    ) -> Answer {
        let caller = in_force.speaker(given.caller);
        let identity = documents(in_force.identity());
        let boundary = in_force.boundary().map(|it| it.policy.document());
        let session = in_force.session().map(documents);
        let service_control = in_force.service_control().map(documents);
        let mut policies = Policies {
            identity: &identity,
            boundary,
            session: session.as_deref(),
            resource: self.policy,
            resource_rule: self.rule,
            granted: self.granted.map(|_| Reach::Caller),
            ..Policies::none(self.owner.as_str())
        };
        let level = service_control.as_deref();
        policies.service_control = level.as_slice();
        let mut sets = policies.sets();
        let keys = if sets.any(|(_, _, set)| set.iter().any(|each| each.reads_context())) {
            let mut keys = context();
            add_global_keys(&mut keys, self.owner, given);
            in_force.add_condition_keys(given.caller, given.now, &mut keys);
            for (key, values) in self.supposed {
                keys.replace(key, values.iter().map(String::as_str));
            }
            keys
        } else {
            Context::new()
        };
        ask(
            &policies,
            &policy::Request::new(&caller, self.action, &self.resource, &keys),
        )
    }

    /// What keeps another account out on the resource's own side. It comes first: a policy of the caller's own that asks
    /// for a resource's tags must not tell by its refusal what they are, or that there is a resource.
    fn keeps_out(
        &self,
        policies: &Policies<'_>,
        request: &policy::Request<'_>,
        given: &Given<'_>,
    ) -> Option<Refused> {
        if given.caller.account == *self.owner {
            return None;
        }
        let denied = match policy::evaluate(self.policy.as_slice(), request) {
            Verdict::Allow { .. } => return None,
            Verdict::Silent if policies.granted.is_some() => return None,
            Verdict::Silent => None,
            Verdict::ExplicitDeny { at } => Some(at),
        };
        Some(Refused {
            by: PolicyType::Resource,
            level: 0,
            denied,
        })
    }
}

fn refusal_of(decision: Decision) -> Option<Refused> {
    match decision {
        Decision::Allow(_) => None,
        Decision::Deny(refused) => Some(refused),
    }
}

/// What another account is told of what it may not use: not even whether it is there.
///
/// Source: AWS KMS Developer Guide, Troubleshooting key access.
const NOT_TOLD: &str = "because the resource does not exist in this Region, no resource-based policies allow access, \
                        or a resource-based policy explicitly denies access";

/// What an account's root may do with its secret whatever the secret's policy says: else a policy that denies all to
/// everyone could never be taken back.
const REPAIRS: &[&str] = &[
    "secretsmanager:DeleteResourcePolicy",
    "secretsmanager:GetResourcePolicy",
    "secretsmanager:PutResourcePolicy",
];

/// What would refuse a need on a secret if nobody were spared; for checking a policy before it is in force.
pub(crate) fn would_lock_out(
    need: &Need<'_>,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<Option<Refused>, Stop> {
    let Guard::Secret(guard) = &need.guard else {
        return Ok(None);
    };
    let in_force = InForce::read(given.caller, records)?;
    let asked = Asked {
        policy: guard.policy(given).map(ResourcePolicy::document),
        ..Asked::by(need, given)
    };
    let decision = asked.decide(&in_force, given, || need.context(given));
    Ok(refusal_of(decision))
}

impl SecretGuard<'_> {
    fn policy(&self, given: &Given<'_>) -> Option<&ResourcePolicy> {
        self.secret.there(given)?.resource_policy.as_ref()
    }

    /// The condition keys of the request and the secret.
    fn context(&self, given: &Given<'_>) -> Context {
        let mut context = self.known.clone();
        self.request.add_condition_keys(&mut context);
        if let Some(secret) = self.secret.there(given) {
            secret.add_condition_keys(&mut context);
        }
        context
    }
}

impl Sought<'_> {
    /// What it is to whoever reads why.
    fn of_what(&self, given: &Given<'_>) -> Resource<'_> {
        match self.there(given) {
            Some(secret) => Resource::Secret(&secret.name),
            None if matches!(self, Sought::ToBeMade(_)) => Resource::Plain,
            None => Resource::Absent,
        }
    }

    /// The secret, unless its recovery window is over.
    fn there(&self, given: &Given<'_>) -> Option<&Secret> {
        match self {
            Sought::Found(secret) if !secret.is_gone(given.now) => Some(secret),
            _ => None,
        }
    }

    /// The ARN that policies are asked about; without its random end where that isn't known.
    fn arn(&self, caller: &Caller) -> Cow<'_, str> {
        match self {
            Sought::Found(secret) => Cow::Owned(secret.arn()),
            Sought::Absent(id) if id.is_arn() => Cow::Borrowed(id.as_given()),
            Sought::Absent(id) => Cow::Owned(arn_of_name(id.as_given(), caller)),
            Sought::ToBeMade(name) => Cow::Owned(arn_of_name(name, caller)),
        }
    }
}

impl RoleGuard {
    /// What it is to whoever reads why.
    fn of_what(&self) -> Resource<'_> {
        match &self.role {
            Some(role) => Resource::Role(&role.name),
            None => Resource::Absent,
        }
    }

    /// The condition keys of the request and the role.
    fn context(&self) -> Context {
        let mut context = self.context.clone();
        if let Some(role) = &self.role {
            add_resource_tags(&role.tags, &mut context);
        }
        context
    }
}

impl FunctionGuard {
    fn policy(&self) -> Option<&ResourcePolicy> {
        let policy = self.function.policy(self.qualifier.as_deref());
        policy.map(|policy| &policy.policy)
    }

    /// The condition keys of the request and the function.
    fn context(&self) -> Context {
        let mut context = self.context.clone();
        for (key, value) in &self.function.tags {
            context.insert(&format!("aws:ResourceTag/{key}"), value.as_str());
        }
        context
    }
}

/// Source: reference/kms-iam-sts.md §C3, "Failure text" and "Web identity errors".
fn not_assumable(need: &Need<'_>, caller: &Caller) -> Refusal {
    let action = need.action;
    let message = match (&caller.principal, &need.shown) {
        (Principal::WebIdentity(_), _) => format!("Not authorized to perform {action}"),
        (_, shown) => format!(
            "User: {} is not authorized to perform: {action} on resource: {}",
            caller.arn(),
            shown.as_deref().unwrap_or_default()
        ),
    };
    Refusal::modeled("AccessDeniedException", message)
}

/// Whether a key's policy would let the caller do something with it, by these `kms:` condition keys; for checking a policy
/// before it is in force.
pub(crate) fn is_allowed_by_key(
    action: &str,
    key: &KmsKey,
    context: Context,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<bool, Stop> {
    let in_force = InForce::read(given.caller, records)?;
    let asked = Asked::of_key(action, key);
    let decision = asked.decide(&in_force, given, || context);
    Ok(refusal_of(decision).is_none())
}

/// The only service that uses another one for its caller.
const SECRETS_MANAGER: &str = "secretsmanager.amazonaws.com";

/// The condition keys that every request has.
///
/// Source: IAM User Guide, AWS global condition context keys.
fn add_global_keys(context: &mut Context, owner: &AccountId, given: &Given<'_>) {
    let caller = given.caller;
    // The bearer of a provider's token is nobody of the account whose role it asks for.
    if !matches!(caller.principal, Principal::WebIdentity(_)) {
        context.insert("aws:PrincipalArn", caller.principal_arn());
        context.insert("aws:PrincipalAccount", caller.account.as_str());
        context.insert("aws:userid", caller.unique_id());
    }
    context.insert("aws:PrincipalIsAWSService", "false");
    // A service that acts for its caller is the sender, and doesn't pass on the caller's address.
    let via_service = matches!(context.get("kms:ViaService"), Saw::Values(_));
    context.insert("aws:ViaAWSService", via_service.to_string());
    if via_service {
        for key in ["aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast"] {
            context.insert(key, SECRETS_MANAGER);
        }
        let origin = Origin {
            user_agent: Some(SECRETS_MANAGER),
            ..Origin::INSIDE
        };
        origin.add_condition_keys(context);
    } else {
        given.origin.add_condition_keys(context);
    }
    context.insert("aws:ResourceAccount", owner.as_str());
    context.insert("aws:RequestedRegion", caller.region.as_str());
    context.insert("aws:CurrentTime", rfc3339(given.now));
    context.insert("aws:EpochTime", given.now.seconds().to_string());
}
