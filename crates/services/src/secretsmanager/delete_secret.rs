//! DeleteSecret: schedules a deletion, or removes the secret at once.
//!
//! Source: reference/api.md §6.9.

use std::time::Duration;

use serde::Serialize;
use strongroom_policy::Context;

use super::access;
use super::purge::{self, PurgeDue};
use super::refusals;
use super::secret::{self, Lifecycle};
use super::secret_id::SecretId;
use super::shapes;
use crate::caller::Caller;
use crate::cloudtrail::service_event::ServiceEvent;
use crate::gate::{Authorized, ConditionKeys, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;
use crate::rotation::{job, plan};
use crate::time::{Timestamp, epoch_seconds};

const WINDOW_DAYS: std::ops::RangeInclusive<i64> = 7..=30;
const VERSION_DELETE_STARTS: &str = "StartSecretVersionDelete";
const WINDOW_DAYS_DEFAULT: i64 = 30;

/// The request.
pub struct DeleteSecret {
    secret_id: SecretId,
    window_days: Option<i64>,
    force: bool,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Deleted {
    #[serde(rename = "ARN")]
    arn: String,
    name: String,
    #[serde(serialize_with = "epoch_seconds::serialize")]
    deletion_date: Timestamp,
}

impl ConditionKeys for DeleteSecret {
    fn add_condition_keys(&self, context: &mut Context) {
        let force = self.force.to_string();
        context.insert("secretsmanager:ForceDeleteWithoutRecovery", force);
        if let Some(days) = self.window_days {
            context.insert("secretsmanager:RecoveryWindowInDays", days.to_string());
        }
    }
}

impl Operation for DeleteSecret {
    const NAME: &'static str = "DeleteSecret";
    type Output = Deleted;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let request = DeleteSecret {
            secret_id: shapes::secret_id(members),
            window_days: members.integer("RecoveryWindowInDays", i64::MIN..=i64::MAX),
            force: members.flag("ForceDeleteWithoutRecovery").unwrap_or(false),
        };
        match request.window_days {
            Some(_) if request.force => members.object(refusals::force_with_recovery_window()),
            Some(days) if !WINDOW_DAYS.contains(&days) => {
                members.object(refusals::recovery_window_out_of_range());
            }
            _ => {}
        }
        request
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::need_on(
            "secretsmanager:DeleteSecret",
            &self.secret_id,
            self,
            caller,
            records,
        )
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Deleted>, Stop> {
        let request = allowed.into_request();
        let mut changes = Changes::none();
        let Some(found) = request.secret_id.find(records, given)? else {
            return if request.force {
                Ok(Decided::answer(request.deleted_nothing(given)))
            } else {
                Err(refusals::secret_not_found().into())
            };
        };
        if request.force {
            changes.tell_all(ServiceEvent::of_versions(VERSION_DELETE_STARTS, &found));
            purge::all_of(&found, records, &mut changes)?;
            let (arn, name) = (found.arn(), found.name.clone());
            return Ok(Decided::change(
                changes,
                Deleted {
                    arn,
                    name,
                    deletion_date: given.now,
                },
            ));
        }
        if found.lifecycle != Lifecycle::Active {
            return Err(refusals::already_marked_deleted().into());
        }
        let days = request.window_days.unwrap_or(WINDOW_DAYS_DEFAULT);
        let window = Duration::from_secs(days.unsigned_abs() * 24 * 60 * 60);
        let at = given.now.after(window);
        let mut secret = (*found).clone();
        secret.lifecycle = Lifecycle::Deleting { at };
        secret.changed = given.now;
        plan::forget(&mut secret, &mut changes)?;
        job::end_with_secret(&mut secret, records, &given.means(), &mut changes)?;
        changes.tell_all(ServiceEvent::of_versions(VERSION_DELETE_STARTS, &secret));
        changes.put(secret.key(), &secret)?;
        changes.put(purge::due_key(&secret, at), &PurgeDue::of(&secret))?;
        Ok(Decided::change(
            changes,
            Deleted {
                arn: secret.arn(),
                name: secret.name,
                deletion_date: at,
            },
        ))
    }
}

impl DeleteSecret {
    /// Forced deletion of a secret that isn't there succeeds, so that it can be repeated.
    fn deleted_nothing(self, given: &Given<'_>) -> Deleted {
        let name = self.secret_id.name().to_owned();
        let arn = if self.secret_id.as_given().starts_with("arn:") {
            self.secret_id.as_given().to_owned()
        } else {
            let suffix = secret::fresh_suffix(given);
            secret::arn(&given.caller.account, &given.caller.region, &name, &suffix)
        };
        Deleted {
            arn,
            name,
            deletion_date: given.now,
        }
    }
}
