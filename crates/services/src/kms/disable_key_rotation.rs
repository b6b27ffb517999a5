//! DisableKeyRotation: a key's material is no longer renewed by itself.
//!
//! Source: AWS KMS API Reference, DisableKeyRotation.

use super::key::KmsKey;
use super::name::{Accepts, KeyName};
use super::{access, rotation, shapes, state};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct DisableKeyRotation {
    key: KeyName,
}

impl Operation for DisableKeyRotation {
    const NAME: &'static str = "DisableKeyRotation";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        DisableKeyRotation {
            key: shapes::key_name(Accepts::Keys, members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::needs("kms:DisableKeyRotation", &self.key, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let key = allowed.into_request().key.find(given.caller, records)?;
        rotation::refuse_unless_renewable(&key)?;
        state::if_enabled(&key)?;
        let mut key = KmsKey::clone(&key);
        key.rotation = None;
        let mut changes = Changes::none();
        changes.put(key.key(), &key)?;
        Ok(Decided::silent(changes))
    }
}
