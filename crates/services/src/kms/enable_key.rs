//! EnableKey: a disabled key may be used again, and a renewal of its material that it missed is made up for.
//!
//! Source: AWS KMS API Reference, EnableKey.

use super::key::{KeyState, KmsKey};
use super::name::{Accepts, KeyName};
use super::{access, due, shapes, state};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct EnableKey {
    key: KeyName,
}

impl Operation for EnableKey {
    const NAME: &'static str = "EnableKey";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        EnableKey {
            key: shapes::key_name(Accepts::Keys, members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::needs("kms:EnableKey", &self.key, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let key = allowed.into_request().key.find(given.caller, records)?;
        state::if_it_has_material(&key)?;
        let mut changes = Changes::none();
        let mut key = KmsKey::clone(&key);
        key.state = KeyState::Enabled;
        if due::rotate(&mut key, records, &given.means(), &mut changes)? {
            due::schedule(&key, &mut changes)?;
        }
        changes.put(key.key(), &key)?;
        Ok(Decided::silent(changes))
    }
}
