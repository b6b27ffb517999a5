//! What happened, as look-ups ask for it. Whoever keeps the events answers, newest first; a rule says what is asked and
//! how it is shown.

use serde::{Deserialize, Serialize};

use super::recorded::Recorded;
use crate::caller::{AccountId, Region};
use crate::refusal::Stop;

/// Where events are kept.
pub trait History: Sync {
    /// Finds events, the newest first: all that was told of before this was asked.
    ///
    /// # Errors
    /// [`Stop::Unavailable`] where they can't be read.
    fn find(&self, query: &Query<'_>) -> Result<Found, Stop>;
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// Whose trail.
    pub account: &'a AccountId,
    /// The region that events say.
    pub region: &'a Region,
    /// What all of them have.
    pub attribute: Option<(Attribute, &'a str)>,
    /// Not earlier than this, in whole seconds.
    pub from_seconds: i64,
    /// Not later than this, in whole seconds.
    pub to_seconds: i64,
    /// Only those before this position.
    pub before: Option<u64>,
    /// So many at most.
    pub most: usize,
}

/// What an event can be looked up by.
///
/// Source: AWS CloudTrail API Reference, LookupAttribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Attribute {
    /// `EventId`
    EventId,
    /// `EventName`
    EventName,
    /// `ReadOnly`
    ReadOnly,
    /// `Username`
    Username,
    /// `ResourceType`
    ResourceType,
    /// `ResourceName`
    ResourceName,
    /// `EventSource`
    EventSource,
    /// `AccessKeyId`
    AccessKeyId,
}

impl Attribute {
    /// All of them.
    pub const ALL: &[Attribute] = &[
        Attribute::EventId,
        Attribute::EventName,
        Attribute::ReadOnly,
        Attribute::Username,
        Attribute::ResourceType,
        Attribute::ResourceName,
        Attribute::EventSource,
        Attribute::AccessKeyId,
    ];

    /// AWS's name for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Attribute::EventId => "EventId",
            Attribute::EventName => "EventName",
            Attribute::ReadOnly => "ReadOnly",
            Attribute::Username => "Username",
            Attribute::ResourceType => "ResourceType",
            Attribute::ResourceName => "ResourceName",
            Attribute::EventSource => "EventSource",
            Attribute::AccessKeyId => "AccessKeyId",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|attribute| attribute.name() == name)
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// Events, each behind its position: whoever asks for what comes before the last one goes on from there.
    pub events: Vec<(u64, Vec<u8>)>,
    /// Whether there are more.
    pub is_more: bool,
}

impl Query<'_> {
    /// Whether an event is one that is asked for, wherever it lies.
    #[must_use]
    pub fn wants(&self, event: &Recorded<'_>) -> bool {
        let has = |(attribute, value): (Attribute, &str)| {
            let mut found = false;
            event.each_attribute(&mut |each, found_value| {
                found |= each == attribute && found_value == value;
            });
            found
        };
        event.is_looked_up()
            && event.account() == Some(self.account.as_str())
            && event.region() == self.region.as_str()
            && event
                .seconds()
                .is_some_and(|at| (self.from_seconds..=self.to_seconds).contains(&at))
            && self.attribute.is_none_or(has)
    }
}
