//! CancelKeyDeletion: a key that would have been gone stays, disabled.
//!
//! Source: AWS KMS API Reference, CancelKeyDeletion.

use serde::Serialize;

use super::key::{KeyState, KmsKey};
use super::name::{Accepts, KeyName};
use super::{access, refusals, shapes};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct CancelKeyDeletion {
    key: KeyName,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Cancelled {
    key_id: String,
}

impl Operation for CancelKeyDeletion {
    const NAME: &'static str = "CancelKeyDeletion";
    type Output = Cancelled;

    fn read(members: &mut Members<'_, '_>) -> Self {
        CancelKeyDeletion {
            key: shapes::key_name(Accepts::Keys, members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::needs("kms:CancelKeyDeletion", &self.key, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Cancelled>, Stop> {
        let key = allowed.into_request().key.find(given.caller, records)?;
        let KeyState::PendingDeletion { .. } = key.state else {
            let message = format!("{} is not pending deletion.", key.arn());
            return Err(refusals::invalid_state(message).into());
        };
        let mut key = KmsKey::clone(&key);
        key.state = if key.material.is_empty() {
            KeyState::PendingImport
        } else {
            KeyState::Disabled
        };
        let mut changes = Changes::none();
        changes.put(key.key(), &key)?;
        Ok(Decided::change(changes, Cancelled { key_id: key.arn() }))
    }
}
