//! Event selectors: which management events a trail takes.
//!
//! Source: AWS CloudTrail API Reference, EventSelector; AWS CloudTrail User Guide, Logging management events.

use serde::{Deserialize, Serialize};

use super::refusals;
use crate::input::{Members, Text};
use crate::refusal::Refusal;

/// A trail has so many.
const SELECTORS: std::ops::RangeInclusive<usize> = 1..=5;
/// What may be left out.
///
/// Source: AWS CloudTrail API Reference, EventSelector, `ExcludeManagementEventSources`.
const EXCLUDABLE: &[&str] = &["kms.amazonaws.com", "rdsdata.amazonaws.com"];
const ANYTHING: Text = Text::of(0..=usize::MAX);
const READ_WRITE: Text = Text::one_of(&["ReadOnly", "WriteOnly", "All"]);

/// Which management events are taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventSelector {
    /// Reads, writes or both.
    pub read_write: ReadWrite,
    /// Whether management events are taken at all.
    pub management: bool,
    /// Services whose events are left out.
    pub excluded_sources: Vec<String>,
}

/// Events by what they may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadWrite {
    /// Those that changed nothing.
    ReadOnly,
    /// The others.
    WriteOnly,
    /// Both.
    All,
}

/// A selector as clients see it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ShownSelector {
    read_write_type: ReadWrite,
    include_management_events: bool,
    /// There are no data events here; clients expect the empty list.
    data_resources: [(); 0],
    exclude_management_event_sources: Vec<String>,
}

impl EventSelector {
    /// What a trail has at first.
    #[must_use]
    pub fn everything() -> Self {
        EventSelector {
            read_write: ReadWrite::All,
            management: true,
            excluded_sources: Vec::new(),
        }
    }

    /// Whether it takes a management event of a service.
    #[must_use]
    pub fn takes(&self, source: &str, read_only: bool) -> bool {
        let is_wanted = match self.read_write {
            ReadWrite::All => true,
            ReadWrite::ReadOnly => read_only,
            ReadWrite::WriteOnly => !read_only,
        };
        let is_excluded = self.excluded_sources.iter().any(|each| each == source);
        self.management && is_wanted && !is_excluded
    }

    pub(super) fn shown(&self) -> ShownSelector {
        ShownSelector {
            read_write_type: self.read_write,
            include_management_events: self.management,
            data_resources: [],
            exclude_management_event_sources: self.excluded_sources.clone(),
        }
    }
}

/// Takes the selectors out of a request.
pub(super) fn take(members: &mut Members<'_, '_>) -> Vec<EventSelector> {
    if members.is_there("AdvancedEventSelectors") {
        members.object(refusals::unsupported(
            "Advanced event selectors aren't available here. Give EventSelectors: there are management events only.",
        ));
    }
    let mut objection = None;
    let taken = members.structures("EventSelectors", 0..=usize::MAX, |each| {
        let data = each.structures("DataResources", 0..=usize::MAX, |_| ());
        if data.is_some_and(|data| !data.is_empty()) {
            objection = Some(refusals::unsupported(
                "Data events aren't available here: every event of these services is a management event.",
            ));
        }
        let read_write = match each.text("ReadWriteType", &READ_WRITE).as_deref() {
            Some("ReadOnly") => ReadWrite::ReadOnly,
            Some("WriteOnly") => ReadWrite::WriteOnly,
            _ => ReadWrite::All,
        };
        let sources = "ExcludeManagementEventSources";
        EventSelector {
            read_write,
            management: each.flag("IncludeManagementEvents").unwrap_or(true),
            excluded_sources: each
                .texts(sources, 0..=usize::MAX, &ANYTHING)
                .unwrap_or_default(),
        }
    });
    if let Some(objection) = objection {
        members.object(objection);
    }
    let taken = taken.unwrap_or_default();
    if let Err(refusal) = check(&taken) {
        members.object(refusal);
    }
    taken
}

fn check(selectors: &[EventSelector]) -> Result<(), Refusal> {
    if !SELECTORS.contains(&selectors.len()) {
        return Err(refusals::invalid_selectors(
            "Specify a valid number of selectors (1 to 5) for your trail.",
        ));
    }
    let excluded = selectors.iter().flat_map(|each| &each.excluded_sources);
    for source in excluded {
        if !EXCLUDABLE.contains(&source.as_str()) {
            return Err(refusals::invalid_selectors(format!(
                "{source} can't be excluded. Valid values are kms.amazonaws.com and rdsdata.amazonaws.com."
            )));
        }
    }
    Ok(())
}
