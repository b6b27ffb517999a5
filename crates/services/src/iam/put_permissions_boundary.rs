//! The rule of PutUserPermissionsBoundary and PutRolePermissionsBoundary: a managed policy bounds what an identity's
//! others allow.
//!
//! Source: AWS IAM API Reference, PutUserPermissionsBoundary.

use std::sync::Arc;

use strongroom_policy::Context;

use super::attachment;
use super::entity::{Bounded, Entity, Named, OnKind, PERMISSIONS_BOUNDARY};
use super::shapes;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct PutPermissionsBoundary<O: OnKind> {
    identity: Named<O::Kind>,
    policy_arn: String,
}

impl<O: OnKind<Kind: Bounded>> Operation for PutPermissionsBoundary<O> {
    const NAME: &'static str = O::NAME;
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        PutPermissionsBoundary {
            identity: Named::take(members),
            policy_arn: shapes::arn("PermissionsBoundary", members),
        }
    }

    /// Conditions see the boundary that is to be.
    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut context = Context::new();
        context.insert(PERMISSIONS_BOUNDARY, self.policy_arn.as_str());
        self.identity.need(O::ACTION, context, caller, records)
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
        attachment::set_boundary(&mut identity, arn, caller, records, &mut changes)?;
        changes.put(identity.key(), &identity)?;
        Ok(Decided::silent(changes))
    }
}
