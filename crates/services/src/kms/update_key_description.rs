//! UpdateKeyDescription: other words for what a key is for.
//!
//! Source: AWS KMS API Reference, UpdateKeyDescription.

use super::key::KmsKey;
use super::name::{Accepts, KeyName};
use super::shapes::DESCRIPTION;
use super::{access, shapes, state};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct UpdateKeyDescription {
    key: KeyName,
    description: String,
}

impl Operation for UpdateKeyDescription {
    const NAME: &'static str = "UpdateKeyDescription";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        UpdateKeyDescription {
            key: shapes::key_name(Accepts::Keys, members),
            description: members.required_text("Description", &DESCRIPTION),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::needs("kms:UpdateKeyDescription", &self.key, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let key = request.key.find(given.caller, records)?;
        state::unless_pending_deletion(&key)?;
        let mut key = KmsKey::clone(&key);
        key.description = request.description;
        let mut changes = Changes::none();
        changes.put(key.key(), &key)?;
        Ok(Decided::silent(changes))
    }
}
