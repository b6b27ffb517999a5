//! DescribeKey: what is known of a key but its material.
//!
//! Source: AWS KMS API Reference, DescribeKey.

use super::access;
use super::envelope::{self, KEY_KEEPERS};
use super::metadata::Described;
use super::name::{Accepts, KeyName};
use super::shapes;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct DescribeKey {
    key: KeyName,
}

impl Operation for DescribeKey {
    const NAME: &'static str = "DescribeKey";
    type Output = Described;

    fn read(members: &mut Members<'_, '_>) -> Self {
        shapes::grant_tokens(members);
        DescribeKey {
            key: shapes::key_name(Accepts::KeysAndAliases, members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::needs("kms:DescribeKey", &self.key, caller, records)
    }

    /// The alias of a service's key makes the key, as with AWS.
    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Described>, Stop> {
        let request = allowed.into_request();
        let caller = given.caller;
        let mut keepers = KEY_KEEPERS.iter();
        if let Some(of) = keepers.find(|of| request.key.is_own_alias(of.alias, caller)) {
            let mut changes = Changes::none();
            let (account, region) = (&caller.account, &caller.region);
            let key = envelope::service_key(of, account, region, records, given, &mut changes)?;
            return Ok(Decided::change(changes, Described::of(&key)));
        }
        let key = request.key.find(caller, records)?;
        Ok(Decided::answer(Described::of(&key)))
    }
}
