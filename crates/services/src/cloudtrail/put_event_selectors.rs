//! PutEventSelectors: which management events a trail takes.
//!
//! Source: AWS CloudTrail API Reference, PutEventSelectors.

use super::event_selector::{self, EventSelector};
use super::get_event_selectors::Selectors;
use super::on_trail::TrailRule;
use super::trail::Trail;
use crate::input::Members;
use crate::operation::{Decided, Given};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request, but for the trail.
pub struct PutEventSelectors {
    selectors: Vec<EventSelector>,
}

impl TrailRule for PutEventSelectors {
    const NAME: &'static str = "PutEventSelectors";
    const ACTION: &'static str = "cloudtrail:PutEventSelectors";
    const TRAIL: &'static str = "TrailName";
    type Output = Selectors;

    fn read(members: &mut Members<'_, '_>) -> Self {
        PutEventSelectors {
            selectors: event_selector::take(members),
        }
    }

    fn decide(
        self,
        trail: &Trail,
        _: &Records<'_>,
        _: &Given<'_>,
    ) -> Result<Decided<Selectors>, Stop> {
        let trail = Trail {
            selectors: self.selectors,
            ..trail.clone()
        };
        let mut changes = Changes::none();
        changes.put(trail.arn.key(), &trail)?;
        Ok(Decided::change(changes, Selectors::of(&trail)))
    }
}
