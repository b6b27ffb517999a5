//! Managed policies at identities: attached to them, or bounding them. Each use stands in the identity's record, in an
//! index by policy, and is counted in the policy's record, so that no policy in use can be deleted.
//!
//! Source: AWS IAM User Guide, Managed policies and inline policies, and Permissions boundaries for IAM entities.

use std::ops::ControlFlow;

use serde::Serialize;

use super::entity::{Bounded, Entity, Identity};
use super::managed_policy::{FoundPolicy, ManagedPolicy, PolicyName};
use super::refusals;
use crate::caller::{AccountId, Caller};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;

/// Managed policies of one identity. Source: IAM and AWS STS quotas.
pub(super) const ATTACHED_MAX: usize = 10;

/// What an identity uses a managed policy for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Usage {
    /// It is attached.
    Permissions,
    /// It bounds what the others may allow.
    Boundary,
}

impl Usage {
    /// AWS's word, which the index has too.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Usage::Permissions => "PermissionsPolicy",
            Usage::Boundary => "PermissionsBoundary",
        }
    }
}

/// Attaches a policy to an identity; whether it wasn't yet. The caller writes the identity.
///
/// # Refusals
/// `NoSuchEntity`, `InvalidInput`, `LimitExceeded`
pub(super) fn attach<E: Identity>(
    identity: &mut E,
    arn: &str,
    caller: &Caller,
    records: &Records<'_>,
    changes: &mut Changes,
) -> Result<bool, Stop> {
    let Some((name, _)) = PolicyName::of_arn(arn, caller, records)? else {
        return Err(refusals::not_attachable(arn).into());
    };
    records.tell(|told| told.note_arn(arn));
    if identity.attached().contains(&name) {
        return Ok(false);
    }
    if identity.attached().len() >= ATTACHED_MAX {
        return Err(refusals::quota(E::ATTACHED_QUOTA, ATTACHED_MAX).into());
    }
    begin(&name, Usage::Permissions, identity, records, changes)?;
    identity.attached_mut().push(name);
    Ok(true)
}

/// Detaches a policy from an identity. The caller writes the identity.
///
/// # Refusals
/// `NoSuchEntity`, `InvalidInput`
pub(super) fn detach<E: Identity>(
    identity: &mut E,
    arn: &str,
    caller: &Caller,
    records: &Records<'_>,
    changes: &mut Changes,
) -> Result<(), Stop> {
    let found = PolicyName::of_arn(arn, caller, records)?;
    let found = found.filter(|(name, _)| identity.attached().contains(name));
    let Some((name, _)) = found else {
        return Err(refusals::no_such_policy(arn).into());
    };
    records.tell(|told| told.note_arn(arn));
    identity.attached_mut().retain(|each| *each != name);
    end(&name, Usage::Permissions, identity, records, changes)
}

/// Sets what bounds an identity, in the place of what did. The caller writes the identity.
///
/// # Refusals
/// `NoSuchEntity`, `InvalidInput`
pub(super) fn set_boundary<E: Bounded>(
    identity: &mut E,
    arn: &str,
    caller: &Caller,
    records: &Records<'_>,
    changes: &mut Changes,
) -> Result<(), Stop> {
    let Some((name, _)) = PolicyName::of_arn(arn, caller, records)? else {
        return Err(refusals::no_such_boundary(arn).into());
    };
    records.tell(|told| told.note_arn(arn));
    if identity.boundary() == Some(&name) {
        return Ok(());
    }
    remove_boundary(identity, records, changes)?;
    begin(&name, Usage::Boundary, identity, records, changes)?;
    *identity.boundary_mut() = Some(name);
    Ok(())
}

/// Takes off what bounds an identity, if anything does. The caller writes the identity.
pub(super) fn remove_boundary<E: Bounded>(
    identity: &mut E,
    records: &Records<'_>,
    changes: &mut Changes,
) -> Result<(), Stop> {
    match identity.boundary_mut().take() {
        Some(name) => end(&name, Usage::Boundary, identity, records, changes),
        None => Ok(()),
    }
}

/// Moves an identity's entries in the index to its new name. Nothing is counted anew.
pub(super) fn rename<E: Identity>(identity: &E, new_name: &str, changes: &mut Changes) {
    let attached = identity.attached().iter();
    let attached = attached.map(|policy| (policy, Usage::Permissions));
    let bounds = identity.boundary().map(|policy| (policy, Usage::Boundary));
    for (policy, usage) in attached.chain(bounds) {
        let place = |name| Key::iam_attachment(identity.account(), policy, E::NOUN, name, usage);
        changes.delete(place(identity.name()));
        changes.put_entry(place(new_name));
    }
}

fn begin<E: Entity>(
    policy: &PolicyName,
    usage: Usage,
    identity: &E,
    records: &Records<'_>,
    changes: &mut Changes,
) -> Result<(), Stop> {
    let account = identity.account();
    changes.put_entry(Key::iam_attachment(
        account,
        policy,
        E::NOUN,
        identity.name(),
        usage,
    ));
    count(policy, usage, account, 1, records, changes)
}

fn end<E: Entity>(
    policy: &PolicyName,
    usage: Usage,
    identity: &E,
    records: &Records<'_>,
    changes: &mut Changes,
) -> Result<(), Stop> {
    let account = identity.account();
    changes.delete(Key::iam_attachment(
        account,
        policy,
        E::NOUN,
        identity.name(),
        usage,
    ));
    count(policy, usage, account, -1, records, changes)
}

/// Counts a use in the policy's record, which makes it a condition of the commit that the policy is still there. AWS's
/// own have no record and can't be deleted.
fn count(
    policy: &PolicyName,
    usage: Usage,
    account: &AccountId,
    by: i32,
    records: &Records<'_>,
    changes: &mut Changes,
) -> Result<(), Stop> {
    let Some(FoundPolicy::Own(found)) = policy.find(account, records)? else {
        return Ok(());
    };
    let mut found = ManagedPolicy::clone(&found);
    let counted = match usage {
        Usage::Permissions => &mut found.attachments,
        Usage::Boundary => &mut found.boundaries,
    };
    *counted = counted.saturating_add_signed(by);
    changes.put(found.key(), &found)
}

/// How many identities of an account use a policy.
pub(super) fn uses(
    policy: &FoundPolicy,
    usage: Usage,
    account: &AccountId,
    records: &Records<'_>,
) -> Result<u32, Stop> {
    let policy = match policy {
        FoundPolicy::Own(policy) => {
            return Ok(match usage {
                Usage::Permissions => policy.attachments,
                Usage::Boundary => policy.boundaries,
            });
        }
        FoundPolicy::Aws(policy) => PolicyName::Aws(policy.name.to_owned()),
    };
    let all = Key::iam_attachments(account, &policy);
    let ending = [b"\0", usage.name().as_bytes()].concat();
    let mut count = 0;
    records.scan_keys(all.as_bytes(), &all.end(), false, |key| {
        count += u32::from(key.ends_with(&ending));
        ControlFlow::Continue(())
    })?;
    Ok(count)
}

/// What bounds an identity, as answers show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownBoundary {
    permissions_boundary_type: &'static str,
    permissions_boundary_arn: String,
}

impl ShownBoundary {
    pub(super) fn of<E: Entity>(
        identity: &E,
        caller: &Caller,
        records: &Records<'_>,
    ) -> Result<Option<Self>, Stop> {
        let Some(name) = identity.boundary() else {
            return Ok(None);
        };
        let found = name.find(identity.account(), records)?;
        Ok(found.map(|policy| ShownBoundary {
            permissions_boundary_type: "Policy",
            permissions_boundary_arn: policy.arn(caller),
        }))
    }
}
