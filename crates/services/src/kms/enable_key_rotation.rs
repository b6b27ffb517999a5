//! EnableKeyRotation: a key's material is renewed by itself.
//!
//! Source: AWS KMS API Reference, EnableKeyRotation.

use strongroom_policy::Context;

use super::access::Usage;
use super::key::KmsKey;
use super::name::{Accepts, KeyName};
use super::rotation::{self, PERIOD_DAYS_USUAL};
use super::{access, due, shapes, state};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct EnableKeyRotation {
    key: KeyName,
    period_days: u32,
}

impl Operation for EnableKeyRotation {
    const NAME: &'static str = "EnableKeyRotation";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        let period = members.integer("RotationPeriodInDays", 90..=2560);
        EnableKeyRotation {
            key: shapes::key_name(Accepts::Keys, members),
            period_days: period
                .and_then(|it| u32::try_from(it).ok())
                .unwrap_or(PERIOD_DAYS_USUAL),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut more = Context::new();
        more.insert("kms:RotationPeriodInDays", self.period_days.to_string());
        let usage = Usage {
            more,
            ..Usage::default()
        };
        access::need("kms:EnableKeyRotation", &self.key, usage, caller, records)
            .map(|need| vec![need])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let key = request.key.find(given.caller, records)?;
        rotation::refuse_unless_renewable(&key)?;
        state::if_enabled(&key)?;
        let mut key = KmsKey::clone(&key);
        key.rotation = Some(due::every(request.period_days, given.now));
        let mut changes = Changes::none();
        due::schedule(&key, &mut changes)?;
        changes.put(key.key(), &key)?;
        Ok(Decided::silent(changes))
    }
}
