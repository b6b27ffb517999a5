//! Authorization: the one place that lets an operation through, and the only maker of
//! [`Authorized`], which every decision asks for.
//!
//! What has no policy of its own in force is its account's: the account's root may do everything with
//! it, everyone else is denied. What a policy guards is decided by `strongroom-policy`.

use std::borrow::Cow;
use std::sync::Arc;

use strongroom_policy::{self as policy, Context, Decision, Policies, Reach, ResourceRule};

use crate::caller::{AccountId, Principal};
use crate::kms::key::KmsKey;
use crate::kms::policy::KeyPolicy;
use crate::operation::{Given, Operation};
use crate::records::Records;
use crate::refusal::{Refusal, Stop};
use crate::time::rfc3339;

/// One permission that a caller must hold for an operation.
#[derive(Clone, Debug)]
pub struct Need<'a> {
    /// The IAM action, such as `secretsmanager:GetSecretValue`.
    pub action: &'static str,
    /// The account that owns the resource.
    pub owner: Cow<'a, AccountId>,
    /// The resource as a refusal shows it; absent for actions on no resource of their own.
    pub shown: Option<Cow<'a, str>>,
    /// What stands before the resource on its own side.
    pub guard: Guard,
}

/// What a resource's own side says to a request.
#[derive(Clone, Debug)]
pub enum Guard {
    /// Nothing: it is for its account alone.
    Account,
    /// Nothing, as it is only to be made; what it will be, as condition keys for its account's policies.
    ToBeMade(Context),
    /// It isn't there, or is closed to other accounts. Its own account may learn which; others only that they may not
    /// ask.
    Absent,
    /// It is a KMS key: nothing goes without its policy or a grant, for root neither.
    Key(Box<KeyGuard>),
}

/// A KMS key, and what is known of the request to it.
#[derive(Clone, Debug)]
pub struct KeyGuard {
    /// The key.
    pub key: Arc<KmsKey>,
    /// How closely a grant names the caller, where one allows the action.
    pub granted: Option<Reach>,
    /// The `kms:` condition keys.
    pub context: Context,
    /// What is said instead to a caller who may not even learn which key it is.
    pub refusal: Option<Refusal>,
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
    for need in request.needs(given.caller, records)? {
        permit(need, given)?;
    }
    Ok(Authorized(request))
}

/// Grants or denies one need; for operations that decide item by item, such as batch reads, and for
/// a service that uses another one for its caller.
pub fn permit(need: Need<'_>, given: &Given<'_>) -> Result<(), Refusal> {
    let caller = given.caller;
    let Principal::Root = caller.principal;
    let reason = match &need.guard {
        Guard::Account | Guard::ToBeMade(_) | Guard::Absent if caller.account == *need.owner => {
            return Ok(());
        }
        Guard::Account | Guard::ToBeMade(_) => format!(
            "because no resource-based policy allows the {} action",
            need.action
        ),
        Guard::Absent => NOT_TOLD.to_owned(),
        Guard::Key(guard) => match (refused_by_key(need.action, guard, given), &guard.refusal) {
            (None, _) => return Ok(()),
            (Some(_), Some(refusal)) => return Err(refusal.clone()),
            (Some(reason), None) if caller.account == *need.owner => reason,
            (Some(_), None) => NOT_TOLD.to_owned(),
        },
    };
    Err(Refusal::access_denied(
        &caller.arn(),
        need.action,
        need.shown.as_deref(),
        &reason,
    ))
}

/// What another account is told of what it may not use: not even whether it is there.
///
/// Source: AWS KMS Developer Guide, Troubleshooting key access.
const NOT_TOLD: &str = "because the resource does not exist in this Region, no resource-based policies allow access, \
                        or a resource-based policy explicitly denies access";

/// Why a key doesn't let a request through; `None` where it does.
fn refused_by_key(action: &str, guard: &KeyGuard, given: &Given<'_>) -> Option<String> {
    let KeyGuard {
        key,
        granted,
        context,
        refusal: _,
    } = guard;
    match decide_on_key(action, key, &key.policy, *granted, context.clone(), given) {
        Decision::Allow(_) => None,
        Decision::Deny(refused) => Some(refused.reason(action)),
    }
}

/// Whether a policy would let the caller do something with a key, by these `kms:` condition keys; for checking a policy
/// before it is in force.
pub(crate) fn is_allowed_by_key(
    action: &str,
    key: &KmsKey,
    policy: &KeyPolicy,
    context: Context,
    given: &Given<'_>,
) -> bool {
    let decision = decide_on_key(action, key, policy, None, context, given);
    matches!(decision, Decision::Allow(_))
}

fn decide_on_key(
    action: &str,
    key: &KmsKey,
    policy: &KeyPolicy,
    granted: Option<Reach>,
    mut context: Context,
    given: &Given<'_>,
) -> Decision {
    let caller = policy::Caller::Root {
        account: given.caller.account.as_str().to_owned(),
    };
    if policy.document().reads_context() {
        add_global_keys(&mut context, given);
    }
    let arn = key.arn();
    let policies = Policies {
        resource: Some(policy.document()),
        resource_rule: ResourceRule::Required,
        granted,
        ..Policies::none(key.account.as_str())
    };
    let request = policy::Request::new(&caller, action, &arn, &context);
    policy::decide(&policies, &request)
}

/// The condition keys that every request has.
///
/// Source: IAM User Guide, AWS global condition context keys.
fn add_global_keys(context: &mut Context, given: &Given<'_>) {
    let caller = given.caller;
    context.insert("aws:PrincipalArn", caller.arn());
    context.insert("aws:PrincipalAccount", caller.account.as_str());
    context.insert("aws:PrincipalType", "Account");
    context.insert("aws:PrincipalIsAWSService", "false");
    context.insert("aws:userid", caller.account.as_str());
    context.insert("aws:RequestedRegion", caller.region.as_str());
    context.insert("aws:CurrentTime", rfc3339(given.now));
    context.insert("aws:EpochTime", given.now.seconds().to_string());
}
