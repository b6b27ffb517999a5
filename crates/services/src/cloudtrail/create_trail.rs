//! CreateTrail: which events are delivered to which bucket. It begins with StartLogging.
//!
//! Source: AWS CloudTrail API Reference, CreateTrail; AWS CloudTrail User Guide, Quotas.

use std::collections::BTreeSet;

use strongroom_policy::Context;

use super::event_selector::EventSelector;
use super::named::{self, Named};
use super::shapes::{SetTrail, Settings};
use super::trail::{self, Tag, Trail};
use super::{refusals, tags};
use crate::caller::{Caller, Region};
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// Most trails in a region; one that takes the events of all regions counts in each.
const TRAILS_MAX: usize = 5;
const ANYTHING: Text = Text::of(0..=usize::MAX);

/// The request.
pub struct CreateTrail {
    name: String,
    settings: Settings,
    tags: Vec<Tag>,
}

impl Operation for CreateTrail {
    const NAME: &'static str = "CreateTrail";
    type Output = SetTrail;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let name = members.required_text("Name", &ANYTHING);
        if let Err(refusal) = named::check_name(&name) {
            members.object(refusal);
        }
        members.require("S3BucketName");
        CreateTrail {
            name,
            settings: Settings::take(members),
            tags: tags::take(members),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        let mut context = Context::new();
        tags::add_condition_keys(&self.tags, &mut context);
        let arn = Named::Name(self.name.clone()).arn(caller);
        Ok(vec![named::need_on(
            "cloudtrail:CreateTrail",
            &arn,
            context,
        )])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<SetTrail>, Stop> {
        let request = allowed.into_request();
        let arn = Named::Name(request.name).arn(given.caller);
        if trail::find(&arn, records)?.is_some() {
            return Err(refusals::trail_exists(&arn).into());
        }
        let mut made = Trail {
            arn,
            bucket: request.settings.bucket.clone().unwrap_or_default(),
            prefix: None,
            multi_region: false,
            global_services: true,
            validation: false,
            recursive_logging: true,
            selectors: vec![EventSelector::everything()],
            tags: Vec::new(),
            logging_since: None,
            started: None,
            stopped: None,
            created: given.now,
        };
        request.settings.apply(&mut made, given)?;
        tags::merge(&mut made.tags, request.tags)?;
        refuse_too_many(&made, records)?;
        let mut changes = Changes::none();
        changes.put(made.arn.key(), &made)?;
        Ok(Decided::change(changes, SetTrail::of(&made)))
    }
}

/// Refuses a trail that some region has no room for.
///
/// # Refusals
/// `MaximumNumberOfTrailsExceededException`
pub(super) fn refuse_too_many(added: &Trail, records: &Records<'_>) -> Result<(), Stop> {
    let account = &added.arn.account;
    let mut others = trail::of_account(account, records)?;
    others.retain(|trail| trail.arn != added.arn);
    let homes = others.iter().map(|trail| &trail.arn.region);
    let regions: BTreeSet<&Region> = homes.chain([&added.arn.region]).collect();
    for region in regions.into_iter().filter(|region| added.is_in(region)) {
        let there = others.iter().filter(|trail| trail.is_in(region)).count();
        if there >= TRAILS_MAX {
            return Err(refusals::too_many_trails(account, TRAILS_MAX, region).into());
        }
    }
    Ok(())
}
