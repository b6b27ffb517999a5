//! AddTags: adds tags to a trail, in the place of those of the same keys.
//!
//! Source: AWS CloudTrail API Reference, AddTags.

use strongroom_policy::Context;

use super::named::Named;
use super::shapes::Done;
use super::trail::{Tag, Trail, TrailArn};
use super::{tagged, tags};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

const ANYTHING: Text = Text::of(0..=usize::MAX);

/// The request.
pub struct AddTags {
    trail: Option<TrailArn>,
    tags: Vec<Tag>,
}

impl Operation for AddTags {
    const NAME: &'static str = "AddTags";
    type Output = Done;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let text = members.required_text("ResourceId", &ANYTHING);
        members.require("TagsList");
        let trail = tagged::arn(&text).map_err(|refusal| members.refuse(refusal));
        AddTags {
            trail: trail.ok(),
            tags: tags::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let Some(arn) = &self.trail else {
            return Ok(Vec::new());
        };
        let mut asked = Context::new();
        tags::add_condition_keys(&self.tags, &mut asked);
        let named = Named::Arn(arn.clone());
        let action = "cloudtrail:AddTags";
        Ok(vec![named.need(action, asked, caller, records)?])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Done>, Stop> {
        let request = allowed.into_request();
        let mut changes = Changes::none();
        if let Some(arn) = &request.trail {
            let mut trail = Trail::clone(&*tagged::find(arn, records, given)?);
            tags::merge(&mut trail.tags, request.tags)?;
            changes.put(arn.key(), &trail)?;
        }
        Ok(Decided::change(changes, Done {}))
    }
}
