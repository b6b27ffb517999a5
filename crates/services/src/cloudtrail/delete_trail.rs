//! DeleteTrail: ends a trail. What it delivered stays where it is.
//!
//! Source: AWS CloudTrail API Reference, DeleteTrail.

use strongroom_policy::Context;

use super::named::Named;
use super::shapes::Done;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct DeleteTrail {
    trail: Named,
}

impl Operation for DeleteTrail {
    const NAME: &'static str = "DeleteTrail";
    type Output = Done;

    fn read(members: &mut Members<'_, '_>) -> Self {
        DeleteTrail {
            trail: Named::take("Name", members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "cloudtrail:DeleteTrail";
        Ok(vec![self.trail.need(
            action,
            Context::new(),
            caller,
            records,
        )?])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Done>, Stop> {
        let trail = allowed.into_request().trail.find_at_home(records, given)?;
        let mut changes = Changes::none();
        changes.delete(trail.arn.key());
        changes.delete(trail.arn.delivery_key());
        Ok(Decided::change(changes, Done {}))
    }
}
