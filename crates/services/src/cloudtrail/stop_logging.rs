//! StopLogging: a trail takes no more events. Those that it took are still delivered.
//!
//! Source: AWS CloudTrail API Reference, StopLogging.

use super::on_trail::TrailRule;
use super::shapes::Done;
use super::trail::Trail;
use crate::input::Members;
use crate::operation::{Decided, Given};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request, but for the trail.
pub struct StopLogging;

impl TrailRule for StopLogging {
    const NAME: &'static str = "StopLogging";
    const ACTION: &'static str = "cloudtrail:StopLogging";
    type Output = Done;

    fn read(_: &mut Members<'_, '_>) -> Self {
        StopLogging
    }

    fn decide(
        self,
        trail: &Trail,
        _: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Done>, Stop> {
        let mut trail = trail.clone();
        if trail.logging_since.take().is_some() {
            trail.stopped = Some(given.now);
        }
        let mut changes = Changes::none();
        changes.put(trail.arn.key(), &trail)?;
        Ok(Decided::change(changes, Done {}))
    }
}
