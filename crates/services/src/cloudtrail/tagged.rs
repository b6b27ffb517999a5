//! What AddTags, RemoveTags and ListTags share: which trail they are about; and of the first two all but what becomes of
//! its tags.
//!
//! Source: AWS CloudTrail API Reference, AddTags (`ResourceId`).

use std::marker::PhantomData;
use std::sync::Arc;

use strongroom_policy::Context;

use super::named::Named;
use super::shapes::Done;
use super::trail::{self, Tag, Trail, TrailArn};
use super::{refusals, tags};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::{Refusal, Stop};

const ANYTHING: Text = Text::of(0..=usize::MAX);

/// What one of the operations that change tags has of its own.
pub trait TagRule: 'static {
    /// The operation's name.
    const NAME: &'static str;
    /// What the caller must be allowed to do with the trail.
    const ACTION: &'static str;

    /// The rule: what becomes of a trail's tags.
    ///
    /// # Errors
    /// A refusal.
    fn change(tags: &mut Vec<Tag>, asked: Vec<Tag>) -> Result<(), Refusal>;
}

/// The request.
pub struct OnTags<Rule> {
    trail: Option<TrailArn>,
    tags: Vec<Tag>,
    rule: PhantomData<Rule>,
}

impl<Rule: TagRule> Operation for OnTags<Rule> {
    const NAME: &'static str = Rule::NAME;
    type Output = Done;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let text = members.required_text("ResourceId", &ANYTHING);
        members.require("TagsList");
        let trail = arn(&text).map_err(|refusal| members.refuse(refusal));
        OnTags {
            trail: trail.ok(),
            tags: tags::take(members),
            rule: PhantomData,
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
        Ok(vec![named.need(Rule::ACTION, asked, caller, records)?])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Done>, Stop> {
        let request = allowed.into_request();
        let mut changes = Changes::none();
        if let Some(arn) = &request.trail {
            let mut trail = Trail::clone(&*find(arn, records, given)?);
            Rule::change(&mut trail.tags, request.tags)?;
            changes.put(arn.key(), &trail)?;
        }
        Ok(Decided::change(changes, Done {}))
    }
}

/// The ARN of a trail in a request. Other resources of CloudTrail's, such as channels, aren't there.
///
/// # Refusals
/// `CloudTrailARNInvalidException`
pub(super) fn arn(text: &str) -> Result<TrailArn, Refusal> {
    TrailArn::parse(text).ok_or_else(|| refusals::not_a_trail(text))
}

/// The trail, which is tagged in its home region.
///
/// # Refusals
/// `ResourceNotFoundException`
pub(super) fn find(
    arn: &TrailArn,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<Arc<Trail>, Stop> {
    let found = match arn.region == given.caller.region {
        true => trail::find(arn, records)?,
        false => None,
    };
    found.ok_or_else(|| refusals::resource_not_found(&arn.to_string()).into())
}
