//! DescribeTrails: the trails that are shown in the caller's region, or those that are asked for.
//!
//! Source: AWS CloudTrail API Reference, DescribeTrails.

use std::sync::Arc;

use serde::Serialize;

use super::named::{self, Named};
use super::shapes::ShownTrail;
use super::trail::{self, Trail};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

const ANYTHING: Text = Text::of(0..=usize::MAX);

/// The request.
pub struct DescribeTrails {
    wanted: Vec<Named>,
    shadows: bool,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribedTrails {
    trail_list: Vec<ShownTrail>,
}

impl Operation for DescribeTrails {
    const NAME: &'static str = "DescribeTrails";
    const WALKS: bool = true;
    type Output = DescribedTrails;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let texts = members.texts("trailNameList", 0..=usize::MAX, &ANYTHING);
        let mut wanted = Vec::new();
        for text in texts.unwrap_or_default() {
            match Named::parse(text) {
                Ok(named) => wanted.push(named),
                Err((_, refusal)) => members.object(refusal),
            }
        }
        DescribeTrails {
            wanted,
            shadows: members.flag("includeShadowTrails").unwrap_or(true),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(vec![named::need_on_none(
            "cloudtrail:DescribeTrails",
            caller,
        )])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<DescribedTrails>, Stop> {
        let request = allowed.into_request();
        let (account, here) = (&given.caller.account, &given.caller.region);
        // Those that aren't there are left out.
        let is_wanted = |trail: &Arc<Trail>| {
            request.wanted.is_empty()
                || request
                    .wanted
                    .iter()
                    .any(|named| named.arn(given.caller) == trail.arn)
        };
        let is_shown = |trail: &Arc<Trail>| match request.shadows {
            true => trail.is_in(here),
            false => trail.arn.region == *here,
        };
        let trails = trail::of_account(account, records)?;
        let shown = trails
            .iter()
            .filter(|trail| is_wanted(trail) && is_shown(trail));
        Ok(Decided::answer(DescribedTrails {
            trail_list: shown.map(|trail| ShownTrail::of(trail)).collect(),
        }))
    }
}
