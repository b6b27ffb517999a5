//! GetEventSelectors: which management events a trail takes.
//!
//! Source: AWS CloudTrail API Reference, GetEventSelectors.

use serde::Serialize;

use super::event_selector::{EventSelector, ShownSelector};
use super::on_trail::TrailRule;
use super::trail::Trail;
use crate::input::Members;
use crate::operation::{Decided, Given};
use crate::records::Records;
use crate::refusal::Stop;

/// The request, but for the trail.
pub struct GetEventSelectors;

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

impl TrailRule for GetEventSelectors {
    const NAME: &'static str = "GetEventSelectors";
    const ACTION: &'static str = "cloudtrail:GetEventSelectors";
    const TRAIL: &'static str = "TrailName";
    type Output = Selectors;

    fn read(_: &mut Members<'_, '_>) -> Self {
        GetEventSelectors
    }

    fn decide(
        self,
        trail: &Trail,
        _: &Records<'_>,
        _: &Given<'_>,
    ) -> Result<Decided<Selectors>, Stop> {
        Ok(Decided::answer(Selectors::of(trail)))
    }
}
