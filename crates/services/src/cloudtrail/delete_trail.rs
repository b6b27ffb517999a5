//! DeleteTrail: ends a trail. What it delivered stays where it is.
//!
//! Source: AWS CloudTrail API Reference, DeleteTrail.

use super::on_trail::TrailRule;
use super::shapes::Done;
use super::trail::Trail;
use crate::input::Members;
use crate::operation::{Decided, Given};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request, but for the trail.
pub struct DeleteTrail;

impl TrailRule for DeleteTrail {
    const NAME: &'static str = "DeleteTrail";
    const ACTION: &'static str = "cloudtrail:DeleteTrail";
    type Output = Done;

    fn read(_: &mut Members<'_, '_>) -> Self {
        DeleteTrail
    }

    fn decide(self, trail: &Trail, _: &Records<'_>, _: &Given<'_>) -> Result<Decided<Done>, Stop> {
        let mut changes = Changes::none();
        changes.delete(trail.arn.key());
        changes.delete(trail.arn.delivery_key());
        Ok(Decided::change(changes, Done {}))
    }
}
