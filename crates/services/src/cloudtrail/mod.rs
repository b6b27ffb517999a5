//! CloudTrail: what is said of every call and of what a service does by itself; and the service of that name, one file an
//! operation, with the trails that they are about and the [`history`] that is looked up.
//!
//! An event is made in two places. What a call asks and what came of it is [`told`] where it is known, beside the records
//! that the call reads; [`event`] puts it together with who called and from where, once an answer is decided. Nothing here
//! knows where events are kept.
//!
//! Source: AWS CloudTrail User Guide, CloudTrail record contents; AWS CloudTrail API Reference; reference/integrations.md
//! §1.

pub mod add_tags;
pub mod buckets;
pub mod create_trail;
pub mod delete_trail;
pub mod describe_trails;
pub mod digest_keys;
pub mod elements;
pub mod event;
pub mod event_selector;
pub mod get_event_selectors;
pub mod get_trail;
pub mod get_trail_status;
pub mod history;
mod identity;
pub mod label_update;
pub mod list_public_keys;
pub mod list_tags;
pub mod list_trails;
pub mod lookup_events;
pub mod name;
mod named;
pub mod on_trail;
pub mod operator_event;
pub mod put_event_selectors;
pub mod recorded;
mod refusals;
pub mod remove_tags;
pub mod service_event;
mod shapes;
pub mod start_logging;
pub mod stop_logging;
pub mod tagged;
mod tags;
pub mod told;
pub mod trail;
pub mod update_trail;

use on_trail::OnTrail;
use tagged::OnTags;

use crate::operation::Entry;
use crate::refusal::Refusal;

/// The service's name in credential scopes and before the colon of its actions.
pub const SERVICE: &str = "cloudtrail";

/// Every operation that the service answers.
pub const OPERATIONS: &[Entry] = &[
    Entry::of::<OnTags<add_tags::AddTags>>(),
    Entry::of::<create_trail::CreateTrail>(),
    Entry::of::<OnTrail<delete_trail::DeleteTrail>>(),
    Entry::of::<describe_trails::DescribeTrails>(),
    Entry::of::<OnTrail<get_event_selectors::GetEventSelectors>>(),
    Entry::of::<OnTrail<get_trail::GetTrail>>(),
    Entry::of::<OnTrail<get_trail_status::GetTrailStatus>>(),
    Entry::of::<list_public_keys::ListPublicKeys>(),
    Entry::of::<list_tags::ListTags>(),
    Entry::of::<list_trails::ListTrails>(),
    Entry::of::<lookup_events::LookupEvents>(),
    Entry::of::<OnTrail<put_event_selectors::PutEventSelectors>>(),
    Entry::of::<OnTags<remove_tags::RemoveTags>>(),
    Entry::of::<OnTrail<start_logging::StartLogging>>(),
    Entry::of::<OnTrail<stop_logging::StopLogging>>(),
    Entry::of::<OnTrail<update_trail::UpdateTrail>>(),
];

/// Operations of AWS that this deployment does not have: each is refused, with the reason.
pub const ABSENT_OPERATIONS: &[(&str, &str)] = &[
    ("CancelQuery", LAKE_ABSENT),
    ("CreateChannel", LAKE_ABSENT),
    ("CreateDashboard", LAKE_ABSENT),
    ("CreateEventDataStore", LAKE_ABSENT),
    ("DeleteChannel", LAKE_ABSENT),
    ("DeleteDashboard", LAKE_ABSENT),
    ("DeleteEventDataStore", LAKE_ABSENT),
    ("DeleteResourcePolicy", LAKE_ABSENT),
    ("DeregisterOrganizationDelegatedAdmin", ORGANIZATIONS_ABSENT),
    ("DescribeQuery", LAKE_ABSENT),
    ("DisableFederation", LAKE_ABSENT),
    ("EnableFederation", LAKE_ABSENT),
    ("GenerateQuery", LAKE_ABSENT),
    ("GetChannel", LAKE_ABSENT),
    ("GetDashboard", LAKE_ABSENT),
    ("GetEventConfiguration", LAKE_ABSENT),
    ("GetEventDataStore", LAKE_ABSENT),
    ("GetImport", LAKE_ABSENT),
    ("GetInsightSelectors", INSIGHTS_ABSENT),
    ("GetQueryResults", LAKE_ABSENT),
    ("GetResourcePolicy", LAKE_ABSENT),
    ("ListChannels", LAKE_ABSENT),
    ("ListDashboards", LAKE_ABSENT),
    ("ListEventDataStores", LAKE_ABSENT),
    ("ListImportFailures", LAKE_ABSENT),
    ("ListImports", LAKE_ABSENT),
    ("ListInsightsData", INSIGHTS_ABSENT),
    ("ListInsightsMetricData", INSIGHTS_ABSENT),
    ("ListQueries", LAKE_ABSENT),
    ("PutEventConfiguration", LAKE_ABSENT),
    ("PutInsightSelectors", INSIGHTS_ABSENT),
    ("PutResourcePolicy", LAKE_ABSENT),
    ("RegisterOrganizationDelegatedAdmin", ORGANIZATIONS_ABSENT),
    ("RestoreEventDataStore", LAKE_ABSENT),
    ("SearchSampleQueries", LAKE_ABSENT),
    ("StartDashboardRefresh", LAKE_ABSENT),
    ("StartEventDataStoreIngestion", LAKE_ABSENT),
    ("StartImport", LAKE_ABSENT),
    ("StartQuery", LAKE_ABSENT),
    ("StopEventDataStoreIngestion", LAKE_ABSENT),
    ("StopImport", LAKE_ABSENT),
    ("UpdateChannel", LAKE_ABSENT),
    ("UpdateDashboard", LAKE_ABSENT),
    ("UpdateEventDataStore", LAKE_ABSENT),
];

const LAKE_ABSENT: &str = "This version of Strongroom has no CloudTrail Lake: no event data stores, channels, dashboards \
     or queries. Search the audit log with `strongroom audit query`, or deliver it with a trail.";

const INSIGHTS_ABSENT: &str = "This version of Strongroom has no CloudTrail Insights: it makes no events of unusual activity.";

const ORGANIZATIONS_ABSENT: &str = "There are no organizations here.";

/// The refusal of an operation that AWS has and this deployment has not.
pub fn absent(operation: &str) -> Option<Refusal> {
    ABSENT_OPERATIONS
        .iter()
        .find(|(name, _)| *name == operation)
        .map(|(_, reason)| refusals::unsupported(*reason))
}
