//! RestoreSecret: takes a scheduled deletion back.
//!
//! Source: reference/api.md §6.10.

use super::access;
use super::metadata::NamedSecret;
use super::purge;
use super::secret::Lifecycle;
use super::secret_id::SecretId;
use super::shapes;
use crate::caller::Caller;
use crate::cloudtrail::service_event::ServiceEvent;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;
use crate::rotation::plan;

/// The request.
pub struct RestoreSecret {
    secret_id: SecretId,
}

impl Operation for RestoreSecret {
    const NAME: &'static str = "RestoreSecret";
    type Output = NamedSecret;

    fn read(members: &mut Members<'_, '_>) -> Self {
        RestoreSecret {
            secret_id: shapes::secret_id(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::need_on(
            "secretsmanager:RestoreSecret",
            &self.secret_id,
            &(),
            caller,
            records,
        )
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<NamedSecret>, Stop> {
        let found = allowed.into_request().secret_id.find_any(records, given)?;
        let mut changes = Changes::none();
        if let Lifecycle::Deleting { at } = found.lifecycle {
            let mut secret = (*found).clone();
            secret.lifecycle = Lifecycle::Active;
            secret.changed = given.now;
            plan::plan(&mut secret, given.now, &mut changes)?;
            changes.delete(purge::due_key(&found, at));
            changes.tell_all(ServiceEvent::of_versions(
                "CancelSecretVersionDelete",
                &secret,
            ));
            changes.put(secret.key(), &secret)?;
        }
        Ok(Decided::change(changes, NamedSecret::of(&found)))
    }
}
