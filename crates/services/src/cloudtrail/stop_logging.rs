//! StopLogging: a trail takes no more events. Those that it took are still delivered.
//!
//! Source: AWS CloudTrail API Reference, StopLogging.

use strongroom_policy::Context;

use super::named::Named;
use super::shapes::Done;
use super::trail::Trail;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct StopLogging {
    trail: Named,
}

impl Operation for StopLogging {
    const NAME: &'static str = "StopLogging";
    type Output = Done;

    fn read(members: &mut Members<'_, '_>) -> Self {
        StopLogging {
            trail: Named::take("Name", members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "cloudtrail:StopLogging";
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
        let mut trail = Trail::clone(&trail);
        if trail.logging_since.take().is_some() {
            trail.stopped = Some(given.now);
        }
        let mut changes = Changes::none();
        changes.put(trail.arn.key(), &trail)?;
        Ok(Decided::change(changes, Done {}))
    }
}
