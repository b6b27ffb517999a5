//! The rule of PutUserPolicy, PutGroupPolicy and PutRolePolicy: a policy of an identity's own, in the place of the one
//! of its name.
//!
//! Source: AWS IAM API Reference, PutUserPolicy.

use std::sync::Arc;

use strongroom_policy::Context;

use super::entity::{Entity, Identity, Named, OnKind};
use super::identity_policy::IdentityPolicy;
use super::refusals;
use super::shapes::{POLICY_DOCUMENT, POLICY_NAME};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct PutInlinePolicy<O: OnKind> {
    identity: Named<O::Kind>,
    policy_name: String,
    document: String,
}

impl<O: OnKind<Kind: Identity>> Operation for PutInlinePolicy<O> {
    const NAME: &'static str = O::NAME;
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        PutInlinePolicy {
            identity: Named::take(members),
            policy_name: members.required_text("PolicyName", &POLICY_NAME),
            document: members.required_text("PolicyDocument", &POLICY_DOCUMENT),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.identity
            .need_within_boundary(O::ACTION, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let found = request.identity.find(records, given.caller)?;
        let policy = IdentityPolicy::checked(request.document)?;
        let mut identity = Arc::unwrap_or_clone(found);
        let most = O::Kind::INLINE_MAX;
        if !identity.inline_mut().put(request.policy_name, policy, most) {
            let of = format!("{} {}", O::Kind::NOUN, identity.name());
            return Err(refusals::inline_policies_too_large(&of, most).into());
        }
        let mut changes = Changes::none();
        changes.put(identity.key(), &identity)?;
        Ok(Decided::silent(changes))
    }
}
