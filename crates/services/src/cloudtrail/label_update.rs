//! `Secret Label Updated`: an event of Secrets Manager's own for EventBridge, of a label that came to another version. It
//! is no event of CloudTrail's.
//!
//! Source: AWS Secrets Manager User Guide, Secret event notifications; reference/integrations.md §2.

use super::event::{Event, EventId, displayed, text};
use crate::caller::{AccountId, Region};
use crate::json_text::push_quoted;
use crate::secretsmanager::secret::Secret;
use crate::time::{Timestamp, rfc3339};

/// The `detail-type` of such events.
pub const DETAIL_TYPE: &str = "Secret Label Updated";

/// A label that came to another version of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelUpdate {
    /// The secret's account.
    pub account: AccountId,
    /// The secret's region.
    pub region: Region,
    /// The secret's ARN.
    pub arn: String,
    /// The secret's name.
    pub name: String,
    /// The label.
    pub label: String,
    /// The version that has it now.
    pub version_id: String,
}

impl LabelUpdate {
    /// Those of a secret that is about to be stored.
    pub fn of(secret: &Secret) -> Vec<Self> {
        let update = |(label, version_id): (&str, &str)| LabelUpdate {
            account: secret.account.clone(),
            region: secret.region.clone(),
            arn: secret.arn(),
            name: secret.name.clone(),
            label: label.to_owned(),
            version_id: version_id.to_owned(),
        };
        secret.labels.moved().map(update).collect()
    }

    /// Whether both are about the same label of the same secret.
    pub fn is_of_same_label(&self, other: &Self) -> bool {
        self.label == other.label && self.arn == other.arn
    }
}

/// The event as EventBridge gives it. `fresh` gives random bytes.
pub fn native_event<'a>(
    update: &'a LabelUpdate,
    now: Timestamp,
    fresh: &mut dyn FnMut() -> [u8; 16],
) -> Event<'a> {
    let id = EventId::of(fresh());
    let mut json = Vec::with_capacity(512);
    json.extend_from_slice(b"{\"version\":\"0\",\"id\":");
    displayed(&id, &mut json);
    text("detail-type", DETAIL_TYPE, &mut json);
    text("source", "aws.secretsmanager", &mut json);
    text("account", update.account.as_str(), &mut json);
    text("time", &rfc3339(now), &mut json);
    text("region", update.region.as_str(), &mut json);
    json.extend_from_slice(b",\"resources\":[");
    push_quoted(&update.arn, &mut json);
    json.extend_from_slice(b"],\"detail\":{\"name\":");
    push_quoted(&update.name, &mut json);
    text("labelUpdated", &update.label, &mut json);
    text("versionId", &update.version_id, &mut json);
    json.extend_from_slice(b"}}");
    Event {
        account: Some(&update.account),
        region: update.region.as_str(),
        id,
        json,
    }
}
