//! GetTrail: one trail with its settings.
//!
//! Source: AWS CloudTrail API Reference, GetTrail.

use serde::Serialize;

use super::on_trail::TrailRule;
use super::shapes::ShownTrail;
use super::trail::Trail;
use crate::input::Members;
use crate::operation::{Decided, Given};
use crate::records::Records;
use crate::refusal::Stop;

/// The request, but for the trail.
pub struct GetTrail;

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GotTrail {
    trail: ShownTrail,
}

impl TrailRule for GetTrail {
    const NAME: &'static str = "GetTrail";
    const ACTION: &'static str = "cloudtrail:GetTrail";
    type Output = GotTrail;

    fn read(_: &mut Members<'_, '_>) -> Self {
        GetTrail
    }

    fn decide(
        self,
        trail: &Trail,
        _: &Records<'_>,
        _: &Given<'_>,
    ) -> Result<Decided<GotTrail>, Stop> {
        let trail = ShownTrail::of(trail);
        Ok(Decided::answer(GotTrail { trail }))
    }
}
