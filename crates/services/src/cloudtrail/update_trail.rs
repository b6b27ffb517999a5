//! UpdateTrail: other settings of a trail. Those that aren't named stay.
//!
//! Source: AWS CloudTrail API Reference, UpdateTrail.

use strongroom_policy::Context;

use super::create_trail;
use super::named::Named;
use super::shapes::{SetTrail, Settings};
use super::trail::Trail;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct UpdateTrail {
    trail: Named,
    settings: Settings,
}

impl Operation for UpdateTrail {
    const NAME: &'static str = "UpdateTrail";
    type Output = SetTrail;

    fn read(members: &mut Members<'_, '_>) -> Self {
        UpdateTrail {
            trail: Named::take("Name", members),
            settings: Settings::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "cloudtrail:UpdateTrail";
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
    ) -> Result<Decided<SetTrail>, Stop> {
        let request = allowed.into_request();
        let found = request.trail.find_at_home(records, given)?;
        let mut trail = Trail::clone(&found);
        request.settings.apply(&mut trail, given)?;
        if trail.multi_region && !found.multi_region {
            create_trail::refuse_too_many(&trail, records)?;
        }
        let mut changes = Changes::none();
        changes.put(trail.arn.key(), &trail)?;
        Ok(Decided::change(changes, SetTrail::of(&trail)))
    }
}
