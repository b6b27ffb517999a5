//! ScheduleKeyDeletion: a key that will be gone after a waiting period, and can't be used in it.
//!
//! Source: AWS KMS API Reference, ScheduleKeyDeletion; AWS KMS Developer Guide, Deleting AWS KMS keys.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use strongroom_policy::Context;

use super::access::Usage;
use super::key::{KeyState, KmsKey};
use super::name::{Accepts, KeyName};
use super::{access, dependents, due, shapes, state};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::{Refusal, Stop};
use crate::time::{Timestamp, epoch_seconds};

const WINDOW_DAYS_USUAL: i64 = 30;
/// Dependents that an event counts.
const DEPENDENTS_COUNTED: usize = 10_000;

/// The request.
pub struct ScheduleKeyDeletion {
    key: KeyName,
    window_days: i64,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Scheduled {
    key_id: String,
    #[serde(serialize_with = "epoch_seconds::serialize")]
    deletion_date: Timestamp,
    key_state: &'static str,
    pending_window_in_days: i64,
}

impl Operation for ScheduleKeyDeletion {
    const NAME: &'static str = "ScheduleKeyDeletion";
    type Output = Scheduled;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let window = members.integer("PendingWindowInDays", 1..=365);
        let window_days = window.unwrap_or(WINDOW_DAYS_USUAL);
        if !(7..=30).contains(&window_days) {
            members.object(Refusal::validation(
                "PendingWindowInDays must be between 7 and 30 days (inclusive).",
            ));
        }
        ScheduleKeyDeletion {
            key: shapes::key_name(Accepts::Keys, members),
            window_days,
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut more = Context::new();
        more.insert(
            "kms:ScheduleKeyDeletionPendingWindowInDays",
            self.window_days.to_string(),
        );
        let usage = Usage {
            more,
            ..Usage::default()
        };
        access::need("kms:ScheduleKeyDeletion", &self.key, usage, caller, records)
            .map(|need| vec![need])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Scheduled>, Stop> {
        let request = allowed.into_request();
        let key = request.key.find(given.caller, records)?;
        state::unless_pending_deletion(&key)?;
        let mut key = KmsKey::clone(&key);
        let days = u64::try_from(request.window_days).unwrap_or_default();
        let at = given.now.after(Duration::from_secs(days * 24 * 60 * 60));
        key.state = KeyState::PendingDeletion { at };
        let mut changes = Changes::none();
        due::schedule(&key, &mut changes)?;
        changes.put(key.key(), &key)?;
        let decided = Decided::change(
            changes,
            Scheduled {
                key_id: key.arn(),
                deletion_date: at,
                key_state: key.state.name(),
                pending_window_in_days: request.window_days,
            },
        );
        let dependents = dependents::count(&key, records, DEPENDENTS_COUNTED)?;
        Ok(match dependents {
            0 => decided,
            count => decided.with_event_data(json!({
                "warning": "Secrets depend on this key and are lost with it. They are told by: \
                            strongroom keys usage KEY",
                "keyId": key.arn(),
                "dependentSecrets": count,
            })),
        })
    }
}
