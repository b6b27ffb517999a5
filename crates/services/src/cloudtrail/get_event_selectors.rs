//! GetEventSelectors: which management events a trail takes.
//!
//! Source: AWS CloudTrail API Reference, GetEventSelectors.

use serde::Serialize;
use strongroom_policy::Context;

use super::event_selector::{EventSelector, ShownSelector};
use super::named::Named;
use super::trail::Trail;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GetEventSelectors {
    trail: Named,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Selectors {
    #[serde(rename = "TrailARN")]
    trail_arn: String,
    event_selectors: Vec<ShownSelector>,
}

impl Selectors {
    pub(super) fn of(trail: &Trail) -> Self {
        Selectors {
            trail_arn: trail.arn.to_string(),
            event_selectors: trail.selectors.iter().map(EventSelector::shown).collect(),
        }
    }
}

impl Operation for GetEventSelectors {
    const NAME: &'static str = "GetEventSelectors";
    type Output = Selectors;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetEventSelectors {
            trail: Named::take("TrailName", members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "cloudtrail:GetEventSelectors";
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
        let trail = allowed.into_request().trail.find(records, given)?;
        Ok(Decided::answer(Selectors::of(&trail)))
    }
}
