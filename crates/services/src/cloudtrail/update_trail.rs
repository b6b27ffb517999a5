//! UpdateTrail: other settings of a trail. Those that aren't named stay.
//!
//! Source: AWS CloudTrail API Reference, UpdateTrail.

use super::create_trail;
use super::on_trail::TrailRule;
use super::shapes::{SetTrail, Settings};
use super::trail::Trail;
use crate::input::Members;
use crate::operation::{Decided, Given};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request, but for the trail.
pub struct UpdateTrail {
    settings: Settings,
}

impl TrailRule for UpdateTrail {
    const NAME: &'static str = "UpdateTrail";
    const ACTION: &'static str = "cloudtrail:UpdateTrail";
    type Output = SetTrail;

    fn read(members: &mut Members<'_, '_>) -> Self {
        UpdateTrail {
            settings: Settings::take(members),
        }
    }

    fn decide(
        self,
        trail: &Trail,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<SetTrail>, Stop> {
        let mut changed = trail.clone();
        self.settings.apply(&mut changed, given)?;
        if changed.multi_region && !trail.multi_region {
            create_trail::refuse_too_many(&changed, records)?;
        }
        let mut changes = Changes::none();
        changes.put(changed.arn.key(), &changed)?;
        Ok(Decided::change(changes, SetTrail::of(&changed)))
    }
}
