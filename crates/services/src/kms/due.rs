//! What falls due with keys: their deletion, the renewal of their material, the expiry of imported
//! material. A row in an index by time for each, so that the cost follows what is due.
//!
//! Source: AWS KMS Developer Guide, Rotate AWS KMS keys, Deleting AWS KMS keys, Importing key material.

use std::ops::ControlFlow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::alias::Alias;
use super::grant::Grant;
use super::key::{AutomaticRotation, BackingMaterial, KeyState, KmsKey, RotationType};
use super::rotation::PERIOD_DAYS_USUAL;
use crate::caller::{AccountId, Region};
use crate::cloudtrail::service_event::ServiceEvent;
use crate::due::Due;
use crate::operation::Means;
use crate::records::{Changes, Key, Records, ends_with};
use crate::refusal::Stop;
use crate::time::Timestamp;

/// Grants that are removed with a key in one commit; the rest follow in further ones.
const GRANTS_AT_ONCE: usize = 30;

/// The row that names the key with which something is due at its key's instant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KmsDue {
    account: AccountId,
    region: Region,
    key_id: String,
}

/// The plan of a key whose material is renewed each year.
pub(super) fn yearly(now: Timestamp) -> AutomaticRotation {
    every(PERIOD_DAYS_USUAL, now)
}

/// The plan of a key whose material is renewed after so many days.
pub(super) fn every(period_days: u32, now: Timestamp) -> AutomaticRotation {
    AutomaticRotation {
        period_days,
        next: now.after(days(period_days)),
    }
}

fn days(count: u32) -> Duration {
    Duration::from_secs(u64::from(count) * 24 * 60 * 60)
}

/// Writes a row for everything that will be due with a key. Rows of earlier plans stay: when their
/// time comes, nothing is due.
pub(super) fn schedule(key: &KmsKey, changes: &mut Changes) -> Result<(), Stop> {
    let row = KmsDue {
        account: key.account.clone(),
        region: key.region.clone(),
        key_id: key.key_id.clone(),
    };
    let deletion = match key.state {
        KeyState::PendingDeletion { at } => Some(at),
        _ => None,
    };
    let rotation = key.rotation.map(|rotation| rotation.next);
    let expiries = key.material.iter().filter_map(|material| material.expires);
    for at in deletion.into_iter().chain(rotation).chain(expiries) {
        let place = Key::kms_due(at, &key.account, &key.region, &key.key_id);
        changes.put(place, &row)?;
    }
    Ok(())
}

impl KmsDue {
    /// Whether a key of the index is this row's.
    pub(crate) fn is_at(&self, key: &[u8]) -> bool {
        let parts = [self.account.as_str(), self.region.as_str(), &self.key_id];
        ends_with(key, &parts)
    }
}

impl Due for KmsDue {
    const WORK: &'static str = "keys";

    fn index(at: Timestamp) -> Key {
        Key::kms_dues(at)
    }

    fn carry_out(
        &self,
        row: Key,
        records: &Records<'_>,
        means: &Means<'_>,
    ) -> Result<Changes, Stop> {
        let mut changes = Changes::none();
        let place = Key::kms_key(&self.account, &self.region, &self.key_id);
        let Some(found) = records.read::<KmsKey>(place)? else {
            changes.delete(row);
            return Ok(changes);
        };
        if let KeyState::PendingDeletion { at } = found.state
            && at <= means.now
        {
            if delete(&found, records, &mut changes)? {
                changes.delete(row);
            }
            return Ok(changes);
        }
        let mut key = KmsKey::clone(&found);
        let rotated = rotate(&mut key, records, means, &mut changes)?;
        if rotated | expire(&mut key, means.now, &mut changes) {
            schedule(&key, &mut changes)?;
            changes.put(key.key(), &key)?;
        }
        changes.delete(row);
        Ok(changes)
    }
}

/// Removes a key with its aliases and grants; whether all of it fits into these changes.
fn delete(key: &KmsKey, records: &Records<'_>, changes: &mut Changes) -> Result<bool, Stop> {
    let prefix = Key::kms_grants(&key.account, &key.region, &key.key_id);
    let mut grants = Vec::new();
    records.scan::<Grant>(prefix.as_bytes(), &prefix.end(), false, |grant| {
        grants.push(grant);
        if grants.len() < GRANTS_AT_ONCE {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    for grant in &grants {
        grant.remove(key, changes);
    }
    if grants.len() == GRANTS_AT_ONCE {
        return Ok(false);
    }
    let mut aliases = key.aliases.iter();
    for alias in aliases.by_ref().take(GRANTS_AT_ONCE) {
        let place = Key::kms_alias(&key.account, &key.region, alias);
        if let Some(record) = records.read::<Alias>(place.clone())?
            && record.key_id == key.key_id
        {
            changes.delete(place);
        }
    }
    let rest: Vec<String> = aliases.cloned().collect();
    if rest.is_empty() {
        changes.tell(ServiceEvent::of_key("DeleteKey", key, Vec::new()));
        changes.delete(key.key());
        return Ok(true);
    }
    let mut fewer = key.clone();
    fewer.aliases = rest;
    changes.put(fewer.key(), &fewer)?;
    Ok(false)
}

/// Renews a key's material if that is due. A key that isn't in use has it renewed as soon as it is enabled, once,
/// however long that took.
///
/// Source: AWS KMS API Reference, GetKeyRotationStatus, "Disabled".
pub(super) fn rotate(
    key: &mut KmsKey,
    records: &Records<'_>,
    means: &Means<'_>,
    changes: &mut Changes,
) -> Result<bool, Stop> {
    let Some(plan) = key.rotation.filter(|plan| plan.next <= means.now) else {
        return Ok(false);
    };
    if key.state != KeyState::Enabled {
        return Ok(false);
    }
    key.rotate(RotationType::Automatic, records, means, changes)?;
    key.rotation = Some(every(plan.period_days, means.now));
    Ok(true)
}

/// Imported material whose time is over is gone; without its newest, the key awaits it again.
fn expire(key: &mut KmsKey, now: Timestamp, changes: &mut Changes) -> bool {
    let expired = |material: &BackingMaterial| material.expires.is_some_and(|at| at <= now);
    if !key.material.iter().any(expired) {
        return false;
    }
    changes.tell(ServiceEvent::of_key(
        "DeleteExpiredKeyMaterial",
        key,
        Vec::new(),
    ));
    key.lose_material();
    true
}
