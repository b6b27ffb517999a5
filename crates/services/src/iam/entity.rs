//! What an account's users, groups, roles and managed policies have in common: how a request names one, how it is
//! found, what an operation on it needs. What AWS has for several kinds, such as TagUser and TagRole, is one rule over
//! these traits; the file of each operation says by [`OnKind`] which kind it is for.
//!
//! Source: AWS Service Authorization Reference, Actions, resources, and condition keys for IAM.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Serialize;
use strongroom_policy::Context;

use super::identity_policy::InlinePolicies;
use super::managed_policy::PolicyName;
use super::shapes::{Tag, add_resource_tags, request_tags};
use crate::caller::{AccountId, Caller};
use crate::gate::{Guard, Need};
use crate::input::{Members, Text};
use crate::records::{Key, Record, Records};
use crate::refusal::{Refusal, Stop};

/// Something that IAM keeps for an account, and that requests name.
pub trait Entity: Record + Clone + 'static {
    /// What messages call its kind.
    const NOUN: &'static str;
    /// The member that names it, in requests and answers.
    const MEMBER: &'static str;
    /// What that must be.
    const NAME: Text;

    /// The one that is named, of the caller's account.
    ///
    /// # Refusals
    /// What its kind says of a name that can be none's.
    fn read(name: &str, caller: &Caller, records: &Records<'_>) -> Result<Option<Arc<Self>>, Stop>;
    /// The refusal of a name that none has.
    fn missing(name: &str) -> Refusal;
    /// The ARN that policies are asked about where none has the name.
    fn arn_of_missing(name: &str, caller: &Caller) -> String;

    /// Whose.
    fn account(&self) -> &AccountId;
    /// Its place.
    fn key(&self) -> Key;
    /// Its name, as it was written.
    fn name(&self) -> &str;
    /// What is never given again.
    fn id(&self) -> &str;
    /// Its ARN, as a caller sees it.
    fn arn(&self, caller: &Caller) -> String;
    /// Its tags.
    fn tags(&self) -> &[Tag];
    /// What bounds it.
    fn boundary(&self) -> Option<&PolicyName> {
        None
    }
}

/// An entity that can be given tags.
pub trait Tagged: Entity {
    /// The quota of its tags, as refusals name it.
    const TAGS_QUOTA: &'static str;

    /// Its tags.
    fn tags_mut(&mut self) -> &mut Vec<Tag>;
}

/// An entity for which policies speak: a user, a group or a role.
pub trait Identity: Entity {
    /// The quota of the managed policies that are attached to it, as refusals name it.
    const ATTACHED_QUOTA: &'static str;
    /// Most characters of its own policies together, white space not counted.
    ///
    /// Source: IAM and AWS STS quotas.
    const INLINE_MAX: usize;

    /// Its own policies.
    fn inline(&self) -> &InlinePolicies;
    /// Its own policies.
    fn inline_mut(&mut self) -> &mut InlinePolicies;
    /// The managed policies that are attached to it.
    fn attached(&self) -> &[PolicyName];
    /// The managed policies that are attached to it.
    fn attached_mut(&mut self) -> &mut Vec<PolicyName>;
}

/// An identity that a managed policy can bound: a user or a role.
pub trait Bounded: Identity {
    /// What bounds it.
    fn boundary_mut(&mut self) -> &mut Option<PolicyName>;
}

/// An entity of which an account has a list.
pub trait Listable: Entity {
    /// The list's name in answers.
    const LIST: &'static str;
    /// What the list shows of each.
    type Shown: Serialize;

    /// The ARN of all below a path, without partition and account.
    fn below(path: &str) -> String;
    /// What the keys start with by which the list is sorted. Each goes on with a name in lower case.
    fn all(account: &AccountId) -> Key;
    /// Visits those whose keys are in `start..end`, until `visit` breaks.
    fn scan(
        start: &[u8],
        end: &[u8],
        records: &Records<'_>,
        visit: &mut dyn FnMut(&Self) -> ControlFlow<()>,
    ) -> Result<(), Stop> {
        records.scan::<Self>(start, end, false, |found| visit(&found))
    }
    /// Its path.
    fn path(&self) -> &str;
    /// What the list shows of it.
    fn shown(&self, caller: &Caller, records: &Records<'_>) -> Result<Self::Shown, Stop>;
}

/// One of the operations that share a rule: which it is, and for which kind.
pub trait OnKind: 'static {
    /// The operation's name.
    const NAME: &'static str;
    /// What its caller must be allowed to do.
    const ACTION: &'static str;
    /// On what.
    type Kind: Entity;
}

/// The entity that a request names.
pub struct Named<E> {
    name: String,
    kind: PhantomData<E>,
}

impl<E: Entity> Named<E> {
    /// Takes the member that names it.
    pub(super) fn take(members: &mut Members<'_, '_>) -> Self {
        Self::of(members.required_text(E::MEMBER, &E::NAME))
    }

    /// The one of a name.
    pub(super) fn of(name: String) -> Self {
        Named {
            name,
            kind: PhantomData,
        }
    }

    /// As the request has it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Looks it up.
    ///
    /// # Refusals
    /// `NoSuchEntity`
    pub(super) fn find(&self, records: &Records<'_>, caller: &Caller) -> Result<Arc<E>, Stop> {
        let found = E::read(&self.name, caller, records)?;
        found.ok_or_else(|| E::missing(&self.name).into())
    }

    /// What an operation on it needs; `context` is what conditions may ask of the request.
    pub(super) fn need<'a>(
        &self,
        action: &'static str,
        mut context: Context,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let found = E::read(&self.name, caller, records)?;
        let arn = match &found {
            Some(entity) => {
                add_resource_tags(entity.tags(), &mut context);
                entity.arn(caller)
            }
            None => E::arn_of_missing(&self.name, caller),
        };
        Ok(vec![Need {
            action,
            owner: Cow::Borrowed(&caller.account),
            shown: Some(Cow::Owned(arn)),
            guard: Guard::ToBeMade(context),
        }])
    }

    /// The same of an operation that changes what its policies allow it: conditions may ask what bounds it.
    pub(super) fn need_within_boundary<'a>(
        &self,
        action: &'static str,
        mut context: Context,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let found = E::read(&self.name, caller, records)?;
        if let Some(name) = found.as_ref().and_then(|entity| entity.boundary())
            && let Some(policy) = name.find(&caller.account, records)?
        {
            context.insert(PERMISSIONS_BOUNDARY, policy.arn(caller));
        }
        self.need(action, context, caller, records)
    }
}

/// What the making of an entity needs; giving it tags is a permission of its own.
pub(super) fn needs_to_make<'a>(
    action: &'static str,
    action_to_tag: &'static str,
    resource: &str,
    tags: &[Tag],
    boundary: Option<&str>,
    caller: &'a Caller,
) -> Vec<Need<'a>> {
    let mut context = request_tags(tags);
    let to_tag = need_to_make(action_to_tag, resource, context.clone(), caller);
    if let Some(arn) = boundary {
        context.insert(PERMISSIONS_BOUNDARY, arn);
    }
    let mut needs = vec![need_to_make(action, resource, context, caller)];
    if !tags.is_empty() {
        needs.push(to_tag);
    }
    needs
}

/// The need of an action on what is only to be made.
pub(super) fn need_to_make<'a>(
    action: &'static str,
    resource: &str,
    context: Context,
    caller: &'a Caller,
) -> Need<'a> {
    Need {
        action,
        owner: Cow::Borrowed(&caller.account),
        shown: Some(Cow::Owned(caller.iam_arn(&caller.account, resource))),
        guard: Guard::ToBeMade(context),
    }
}

/// The condition key of what bounds an identity, or is to bound it.
pub(super) const PERMISSIONS_BOUNDARY: &str = "iam:PermissionsBoundary";
