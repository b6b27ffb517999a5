//! StartLogging: a trail takes events from now on.
//!
//! Source: AWS CloudTrail API Reference, StartLogging.

use super::on_trail::TrailRule;
use super::shapes::Done;
use super::trail::Trail;
use crate::input::Members;
use crate::operation::{Decided, Given};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request, but for the trail.
pub struct StartLogging;

impl TrailRule for StartLogging {
    const NAME: &'static str = "StartLogging";
    const ACTION: &'static str = "cloudtrail:StartLogging";
    type Output = Done;

    fn read(_: &mut Members<'_, '_>) -> Self {
        StartLogging
    }

    fn decide(
        self,
        trail: &Trail,
        _: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Done>, Stop> {
        let mut trail = trail.clone();
        if trail.logging_since.is_none() {
            trail.logging_since = Some(given.now);
            trail.started = Some(given.now);
        }
        let mut changes = Changes::none();
        changes.put(trail.arn.key(), &trail)?;
        Ok(Decided::change(changes, Done {}))
    }
}
