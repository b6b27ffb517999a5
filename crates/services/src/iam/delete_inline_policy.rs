//! The rule of DeleteUserPolicy, DeleteGroupPolicy and DeleteRolePolicy: the end of a policy of an identity's own.
//!
//! Source: AWS IAM API Reference, DeleteUserPolicy.

use std::sync::Arc;

use strongroom_policy::Context;

use super::entity::{Entity, Identity, Named, OnKind};
use super::refusals;
use super::shapes::POLICY_NAME;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct DeleteInlinePolicy<O: OnKind> {
    identity: Named<O::Kind>,
    policy_name: String,
}

impl<O: OnKind<Kind: Identity>> Operation for DeleteInlinePolicy<O> {
    const NAME: &'static str = O::NAME;
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        DeleteInlinePolicy {
            identity: Named::take(members),
            policy_name: members.required_text("PolicyName", &POLICY_NAME),
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
        let mut identity = Arc::unwrap_or_clone(found);
        if !identity.inline_mut().remove(&request.policy_name) {
            let noun = O::Kind::NOUN;
            return Err(refusals::no_such_inline_policy(noun, &request.policy_name).into());
        }
        let mut changes = Changes::none();
        changes.put(identity.key(), &identity)?;
        Ok(Decided::silent(changes))
    }
}
