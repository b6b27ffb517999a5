//! GetTrail: one trail with its settings.
//!
//! Source: AWS CloudTrail API Reference, GetTrail.

use serde::Serialize;
use strongroom_policy::Context;

use super::named::Named;
use super::shapes::ShownTrail;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GetTrail {
    trail: Named,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GotTrail {
    trail: ShownTrail,
}

impl Operation for GetTrail {
    const NAME: &'static str = "GetTrail";
    type Output = GotTrail;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetTrail {
            trail: Named::take("Name", members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "cloudtrail:GetTrail";
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
    ) -> Result<Decided<GotTrail>, Stop> {
        let trail = allowed.into_request().trail.find(records, given)?;
        let trail = ShownTrail::of(&trail);
        Ok(Decided::answer(GotTrail { trail }))
    }
}
