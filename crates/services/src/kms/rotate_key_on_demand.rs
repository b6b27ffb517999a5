//! RotateKeyOnDemand: a key's material is renewed now.
//!
//! Source: AWS KMS API Reference, RotateKeyOnDemand.

use serde::Serialize;

use super::key::{KmsKey, RotationType};
use super::name::{Accepts, KeyName};
use super::{access, refusals, rotation, shapes, state};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// Times that a key can be renewed on demand. Source: AWS KMS Developer Guide, Quotas.
const ON_DEMAND_MAX: usize = 25;

/// The request.
pub struct RotateKeyOnDemand {
    key: KeyName,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Rotated {
    key_id: String,
}

impl Operation for RotateKeyOnDemand {
    const NAME: &'static str = "RotateKeyOnDemand";
    type Output = Rotated;

    fn read(members: &mut Members<'_, '_>) -> Self {
        RotateKeyOnDemand {
            key: shapes::key_name(Accepts::Keys, members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::needs("kms:RotateKeyOnDemand", &self.key, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Rotated>, Stop> {
        let key = allowed.into_request().key.find(given.caller, records)?;
        rotation::refuse_unless_renewable(&key)?;
        state::if_enabled(&key)?;
        let on_demand = key
            .material
            .iter()
            .filter(|material| material.rotation == Some(RotationType::OnDemand));
        if on_demand.count() >= ON_DEMAND_MAX {
            return Err(refusals::limit_exceeded(format!(
                "The on-demand rotation limit of {ON_DEMAND_MAX} has been reached for {}.",
                key.arn()
            ))
            .into());
        }
        let mut key = KmsKey::clone(&key);
        let mut changes = Changes::none();
        key.rotate(
            RotationType::OnDemand,
            records,
            &given.means(),
            &mut changes,
        )?;
        changes.put(key.key(), &key)?;
        Ok(Decided::change(changes, Rotated { key_id: key.arn() }))
    }
}
