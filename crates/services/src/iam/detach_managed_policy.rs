//! The rule of DetachUserPolicy, DetachGroupPolicy and DetachRolePolicy: a managed policy no longer speaks for an
//! identity.
//!
//! Source: AWS IAM API Reference, DetachUserPolicy.

use std::sync::Arc;

use strongroom_policy::Context;

use super::attachment;
use super::entity::{Entity, Identity, Named, OnKind};
use super::shapes::{self, POLICY_ARN};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct DetachManagedPolicy<O: OnKind> {
    identity: Named<O::Kind>,
    policy_arn: String,
}

impl<O: OnKind<Kind: Identity>> Operation for DetachManagedPolicy<O> {
    const NAME: &'static str = O::NAME;
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        DetachManagedPolicy {
            identity: Named::take(members),
            policy_arn: shapes::arn("PolicyArn", members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut context = Context::new();
        context.insert(POLICY_ARN, self.policy_arn.as_str());
        self.identity
            .need_within_boundary(O::ACTION, context, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let caller = given.caller;
        let found = request.identity.find(records, caller)?;
        let mut identity = Arc::unwrap_or_clone(found);
        let mut changes = Changes::none();
        let arn = &request.policy_arn;
        attachment::detach(&mut identity, arn, caller, records, &mut changes)?;
        changes.put(identity.key(), &identity)?;
        Ok(Decided::silent(changes))
    }
}
