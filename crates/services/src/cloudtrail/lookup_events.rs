//! LookupEvents: what happened in the caller's account and region in the last 90 days.
//!
//! Source: reference/integrations.md §1.4; AWS CloudTrail API Reference, LookupEvents.

use std::time::Duration;

use serde::Serialize;

use super::history::{Attribute, Query};
use super::recorded::{self, Recorded};
use super::{named, refusals};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::page_token;
use crate::records::Records;
use crate::refusal::{Refusal, Stop};
use crate::time::{Timestamp, epoch_seconds};

/// How far back events can be looked up.
const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How many events are answered at once, and how many where the request says nothing.
const RESULTS: std::ops::RangeInclusive<i64> = 1..=50;
const VALUE_CHARACTERS: std::ops::RangeInclusive<usize> = 1..=2000;
/// The only category that can be asked for by its name.
const INSIGHT: &str = "insight";
const ANYTHING: Text = Text::of(0..=usize::MAX);

/// The request.
pub struct LookupEvents {
    attribute: Option<(Attribute, String)>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    insights: bool,
    most: usize,
    token: Option<String>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Events {
    events: Vec<ShownEvent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ShownEvent {
    event_id: String,
    event_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_only: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<String>,
    #[serde(serialize_with = "epoch_seconds::serialize")]
    event_time: Timestamp,
    event_source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    resources: Vec<ShownResource>,
    cloud_trail_event: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ShownResource {
    resource_type: String,
    resource_name: String,
}

impl Operation for LookupEvents {
    const NAME: &'static str = "LookupEvents";
    const WALKS: bool = true;
    const READ_ONLY: bool = true;
    type Output = Events;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let attribute = attribute(members).unwrap_or_else(|refusal| {
            members.object(refusal);
            None
        });
        let start = members.instant("StartTime");
        let end = members.instant("EndTime");
        let is_range = start.is_none_or(|start| end.is_none_or(|end| start <= end));
        if !is_range || ![start, end].iter().flatten().all(named::is_possible) {
            members.object(refusals::invalid_time_range());
        }
        let category = members.text("EventCategory", &ANYTHING);
        if category
            .as_ref()
            .is_some_and(|category| category != INSIGHT)
        {
            members.object(refusals::invalid_event_category());
        }
        let most = members.integer("MaxResults", i64::MIN..=i64::MAX);
        let most = most.unwrap_or(*RESULTS.end());
        if !RESULTS.contains(&most) {
            members.object(refusals::invalid_max_results(most));
        }
        LookupEvents {
            attribute,
            start,
            end,
            insights: category.is_some(),
            most: usize::try_from(most).unwrap_or_default(),
            token: members.text("NextToken", &ANYTHING),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(vec![named::need_on_none("cloudtrail:LookupEvents", caller)])
    }

    fn decide(
        allowed: Authorized<Self>,
        _: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Events>, Stop> {
        let request = allowed.into_request();
        let list = request.list();
        let redeemed = request.token.as_ref().map(|token| {
            page_token::redeem::<u64>(&list, token, given).ok_or_else(refusals::invalid_next_token)
        });
        let before = redeemed.transpose()?;
        let history = given.history.ok_or_else(refusals::no_history)?;
        // There are no events of unusual activity here.
        if request.insights {
            return Ok(Decided::answer(Events {
                events: Vec::new(),
                next_token: None,
            }));
        }
        let kept = i64::try_from(KEPT.as_secs()).unwrap_or(i64::MAX);
        let oldest = given.now.seconds().saturating_sub(kept);
        let start = request.start.map_or(oldest, Timestamp::seconds);
        let found = history.find(&Query {
            account: &given.caller.account,
            region: &given.caller.region,
            attribute: request
                .attribute
                .as_ref()
                .map(|(attribute, value)| (*attribute, value.as_str())),
            from_seconds: start.max(oldest),
            to_seconds: request.end.map_or(i64::MAX, Timestamp::seconds),
            before,
            most: request.most,
        })?;
        let last = found.events.last().filter(|_| found.is_more);
        let next_token = last.and_then(|(position, _)| page_token::issue(&list, *position, given));
        let events = found.events.into_iter().map(|(_, json)| shown(json));
        let mut events = events.collect::<Result<Vec<_>, _>>()?;
        // They come in the order in which they were written down, which may differ by what happened at once.
        events.sort_by_key(|event| std::cmp::Reverse(event.event_time));
        Ok(Decided::answer(Events { events, next_token }))
    }
}

impl LookupEvents {
    /// All that shapes the list: a token is good for the same again.
    fn list(&self) -> String {
        let (attribute, insights) = (&self.attribute, self.insights);
        let [start, end] = [self.start, self.end].map(|at| at.map(Timestamp::milliseconds));
        format!("LookupEvents {attribute:?} {start:?} {end:?} {insights}")
    }
}

/// Takes `LookupAttributes`, of which there may be one.
///
/// # Refusals
/// `InvalidLookupAttributesException`
fn attribute(members: &mut Members<'_, '_>) -> Result<Option<(Attribute, String)>, Refusal> {
    let taken = members.structures("LookupAttributes", 0..=usize::MAX, |each| {
        let key = each.text("AttributeKey", &ANYTHING);
        (key, each.text("AttributeValue", &ANYTHING))
    });
    let mut taken = taken.unwrap_or_default().into_iter();
    let Some((key, value)) = taken.next() else {
        return Ok(None);
    };
    let invalid = refusals::invalid_lookup_attributes;
    if taken.next().is_some() {
        return Err(invalid(
            "Only one lookup attribute can be specified at a time.",
        ));
    }
    let key = key.as_deref().and_then(Attribute::parse);
    let key = key.ok_or_else(|| invalid("Lookup attribute key is not valid."))?;
    let is_flag = |value: &str| [true, false].map(recorded::flag).contains(&value);
    let value = value.filter(|value| {
        VALUE_CHARACTERS.contains(&value.chars().count())
            && (key != Attribute::ReadOnly || is_flag(value))
    });
    let value = value.ok_or_else(|| invalid("Lookup attribute value is not valid."))?;
    Ok(Some((key, value)))
}

fn shown(json: Vec<u8>) -> Result<ShownEvent, Stop> {
    let unreadable = || Stop::Unavailable("an event of the audit log can't be read".into());
    let event = Recorded::read(&json).ok_or_else(unreadable)?;
    let seconds = event.seconds().ok_or_else(unreadable)?;
    let mut resources = Vec::new();
    event.each_resource(&mut |kind, name| {
        resources.push(ShownResource {
            resource_type: kind.to_owned(),
            resource_name: name.to_owned(),
        });
    });
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Ok(ShownEvent {
        event_id: event.id().to_owned(),
        event_name: event.name().to_owned(),
        read_only: event.read_only().map(recorded::flag),
        access_key_id: owned(event.access_key_id()),
        event_time: Timestamp::from_milliseconds(seconds.saturating_mul(1000)),
        event_source: event.source().to_owned(),
        username: owned(event.username()),
        resources,
        cloud_trail_event: String::from_utf8_lossy(&json).into_owned(),
    })
}
