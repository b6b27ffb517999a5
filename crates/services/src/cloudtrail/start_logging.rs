//! StartLogging: a trail takes events from now on.
//!
//! Source: AWS CloudTrail API Reference, StartLogging.

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
pub struct StartLogging {
    trail: Named,
}

impl Operation for StartLogging {
    const NAME: &'static str = "StartLogging";
    type Output = Done;

    fn read(members: &mut Members<'_, '_>) -> Self {
        StartLogging {
            trail: Named::take("Name", members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "cloudtrail:StartLogging";
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
        if trail.logging_since.is_none() {
            trail.logging_since = Some(given.now);
            trail.started = Some(given.now);
        }
        let mut changes = Changes::none();
        changes.put(trail.arn.key(), &trail)?;
        Ok(Decided::change(changes, Done {}))
    }
}
