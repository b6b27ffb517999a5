//! PutEventSelectors: which management events a trail takes.
//!
//! Source: AWS CloudTrail API Reference, PutEventSelectors.

use strongroom_policy::Context;

use super::event_selector::{self, EventSelector};
use super::get_event_selectors::Selectors;
use super::named::Named;
use super::trail::Trail;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct PutEventSelectors {
    trail: Named,
    selectors: Vec<EventSelector>,
}

impl Operation for PutEventSelectors {
    const NAME: &'static str = "PutEventSelectors";
    type Output = Selectors;

    fn read(members: &mut Members<'_, '_>) -> Self {
        PutEventSelectors {
            trail: Named::take("TrailName", members),
            selectors: event_selector::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "cloudtrail:PutEventSelectors";
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
    ) -> Result<Decided<Selectors>, Stop> {
        let request = allowed.into_request();
        let trail = request.trail.find_at_home(records, given)?;
        let trail = Trail {
            selectors: request.selectors,
            ..Trail::clone(&trail)
        };
        let mut changes = Changes::none();
        changes.put(trail.arn.key(), &trail)?;
        Ok(Decided::change(changes, Selectors::of(&trail)))
    }
}
