//! CancelRotateSecret: turns rotation off, and ends the one that is under way. Labels stay where they are.
//!
//! Source: reference/api.md §6.14, reference/rotation.md §6.

use serde::Serialize;

use super::access;
use super::refusals;
use super::secret::Secret;
use super::secret_id::SecretId;
use super::shapes;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;
use crate::rotation::{job, plan};

/// The request.
pub struct CancelRotateSecret {
    secret_id: SecretId,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Cancelled {
    #[serde(rename = "ARN")]
    arn: String,
    name: String,
    /// The version that a rotation left pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
}

impl Operation for CancelRotateSecret {
    const NAME: &'static str = "CancelRotateSecret";
    type Output = Cancelled;

    fn read(members: &mut Members<'_, '_>) -> Self {
        CancelRotateSecret {
            secret_id: shapes::secret_id(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::need_on(
            "secretsmanager:CancelRotateSecret",
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
    ) -> Result<Decided<Cancelled>, Stop> {
        let secret_id = allowed.into_request().secret_id;
        let found = secret_id.find_active(records, given)?;
        let mut secret = Secret::clone(&found);
        let mut changes = Changes::none();
        let Some(rotation) = &mut secret.rotation else {
            return Err(refusals::rotation_never_configured().into());
        };
        let was_enabled = rotation.enabled;
        rotation.enabled = false;
        plan::forget(&mut secret, &mut changes)?;
        let ended = job::cancel(&mut secret, records, &given.means(), &mut changes)?;
        if was_enabled || ended {
            secret.changed = given.now;
            changes.put(secret.key(), &secret)?;
        }
        Ok(Decided::change(
            changes,
            Cancelled {
                version_id: job::unfinished(&secret).map(str::to_owned),
                arn: secret.arn(),
                name: secret.name,
            },
        ))
    }
}
