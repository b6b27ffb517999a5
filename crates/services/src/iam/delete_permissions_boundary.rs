//! The rule of DeleteUserPermissionsBoundary and DeleteRolePermissionsBoundary: nothing bounds any longer what an
//! identity's policies allow. Where nothing did, that is no error.
//!
//! Source: AWS IAM API Reference, DeleteUserPermissionsBoundary.

use std::sync::Arc;

use strongroom_policy::Context;

use super::attachment;
use super::entity::{Bounded, Entity, Named, OnKind};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct DeletePermissionsBoundary<O: OnKind> {
    identity: Named<O::Kind>,
}

impl<O: OnKind<Kind: Bounded>> Operation for DeletePermissionsBoundary<O> {
    const NAME: &'static str = O::NAME;
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        DeletePermissionsBoundary {
            identity: Named::take(members),
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
        let DeletePermissionsBoundary { identity } = allowed.into_request();
        let mut identity = Arc::unwrap_or_clone(identity.find(records, given.caller)?);
        let mut changes = Changes::none();
        attachment::remove_boundary(&mut identity, records, &mut changes)?;
        changes.put(identity.key(), &identity)?;
        Ok(Decided::silent(changes))
    }
}
