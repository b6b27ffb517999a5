//! ListTrails: all trails of the account, whatever their region.
//!
//! Source: AWS CloudTrail API Reference, ListTrails.

use serde::Serialize;

use super::{named, refusals, trail};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::Records;
use crate::refusal::Stop;

const LIST: &str = "ListTrails";
const PAGE: usize = 100;
const TOKEN: Text = Text::of(0..=usize::MAX);

/// The request.
pub struct ListTrails {
    page: PageRequest,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedTrails {
    trails: Vec<ListedTrail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedTrail {
    #[serde(rename = "TrailARN")]
    trail_arn: String,
    name: String,
    home_region: String,
}

impl Operation for ListTrails {
    const NAME: &'static str = "ListTrails";
    const WALKS: bool = true;
    type Output = ListedTrails;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListTrails {
            page: PageRequest {
                most: PAGE,
                marker: members.text("NextToken", &TOKEN),
                invalid_marker: refusals::invalid_token,
            },
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(vec![named::need_on_none("cloudtrail:ListTrails", caller)])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<ListedTrails>, Stop> {
        let request = allowed.into_request();
        let trails = trail::of_account(&given.caller.account, records)?;
        let sorted = trails.iter().map(|trail| {
            let (name, region) = (&trail.arn.name, &trail.arn.region);
            let listed = ListedTrail {
                trail_arn: trail.arn.to_string(),
                name: name.clone(),
                home_region: region.to_string(),
            };
            // As the records are sorted.
            (format!("{region}\0{name}"), listed)
        });
        let page = request.page.of_sorted(LIST, given, sorted)?;
        Ok(Decided::answer(ListedTrails {
            trails: page.items,
            next_token: page.marker,
        }))
    }
}
