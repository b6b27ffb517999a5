//! Putting back some of a backup into records that are in use: which of its records belong to an account or a
//! secret, and what changes. Knows no backup format: whoever reads one hands the records over.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use strongroom_keys::{Entropy, Keyring};

use crate::accounts::AccessKey;
use crate::caller::AccountId;
use crate::iam::mfa_device::MfaDevice;
use crate::kms::dependents::{self, KeyRef};
use crate::kms::key::{KeyState, KmsKey};
use crate::records::{Changes, Key, Record, Records, Unreadable};
use crate::refusal::Stop;
use crate::root_key;
use crate::rotation::{job, plan};
use crate::secretsmanager::purge::{self, PurgeDue};
use crate::secretsmanager::secret::{Lifecycle, Secret, ValueKind};
use crate::secretsmanager::version::SealedValue;

/// What a record of a backup is to an account.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// Nothing.
    Other,
    /// A secret: put back last, when all that it needs is there.
    Secret,
    /// A row of an index that follows from its secret.
    Row,
    /// Anything else of it.
    Own,
}

/// What a record is to an account.
///
/// # Errors
/// Where it can't be read.
pub fn part_of_account(account: &AccountId, key: &[u8], value: &[u8]) -> Result<Part, Unreadable> {
    let mut parts = key.split(|byte| *byte == 0);
    let kind = parts.next().unwrap_or_default();
    let first = parts.next().unwrap_or_default();
    let own = account.as_str().as_bytes();
    let is_own = match kind {
        b"access-key" => read::<AccessKey>(key, value)?.account == *account,
        // Their instants, which come first, may hold any byte.
        b"kms-due" | b"rotation-due" | b"rotation-step" => {
            key.split(|byte| *byte == 0).any(|part| part == own)
        }
        // Behind the region and whoever may retire the grant.
        b"kms-retirable" => parts.nth(1) == Some(own),
        // An alias that another account may have by now.
        b"account-alias" | b"alias-of-account" => false,
        _ => first == own,
    };
    Ok(match kind {
        _ if !is_own => Part::Other,
        b"secret" => Part::Secret,
        b"created" | b"purge-due" | b"kms-dependent" | b"rotation-due" => Part::Row,
        // A rotation that was under way then isn't any more; the version that it left pending is taken up by the next.
        b"rotation-step" | b"rotation-job" => Part::Row,
        _ => Part::Own,
    })
}

/// Reads a record of a backup.
///
/// # Errors
/// Where it isn't of that kind, or damaged.
pub fn read<T: Record + Clone>(key: &[u8], value: &[u8]) -> Result<T, Unreadable> {
    let record = T::decode_at(key, value)?;
    T::unwrap(&record)
        .map(|record| T::clone(record))
        .ok_or(Unreadable::Fields { kind: T::KIND })
}

/// A record as it is put back: what is sealed under the backup's root key is sealed under the one in use.
/// `keyring` opens both.
///
/// # Errors
/// [`Stop::Unavailable`] where it doesn't open.
pub fn adopted(
    key: &[u8],
    value: &[u8],
    keyring: &Keyring,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, Stop> {
    let unreadable = |error: Unreadable| Stop::Unavailable(Box::new(error));
    if key.starts_with(Key::all_kms_keys().as_bytes()) {
        let found: KmsKey = read(key, value).map_err(unreadable)?;
        return match root_key::rewrap_key(&found, keyring, entropy)? {
            Some(rewrapped) => rewrapped.encode(),
            None => Ok(value.to_vec()),
        };
    }
    if key.starts_with(Key::all_access_keys().as_bytes()) {
        let found: AccessKey = read(key, value).map_err(unreadable)?;
        return match root_key::rewrap_access_key(&found, keyring, entropy)? {
            Some(rewrapped) => rewrapped.encode(),
            None => Ok(value.to_vec()),
        };
    }
    if key.starts_with(Key::all_mfa_devices().as_bytes()) {
        let found: MfaDevice = read(key, value).map_err(unreadable)?;
        return match root_key::rewrap_mfa_device(&found, keyring, entropy)? {
            Some(rewrapped) => rewrapped.encode(),
            None => Ok(value.to_vec()),
        };
    }
    Ok(value.to_vec())
}

/// Puts a secret back, in the place of the one of its name where there is one. Its values must be there already.
pub fn put_secret(restored: &Secret, records: &Records<'_>) -> Result<Changes, Stop> {
    let mut changes = Changes::none();
    if let Some(existing) = records.read::<Secret>(restored.key())? {
        let is_same = existing.suffix == restored.suffix;
        let valued = existing
            .versions
            .iter()
            .filter(|version| version.kind != ValueKind::Awaited);
        for version in valued {
            if !is_same || restored.version(&version.id).is_none() {
                changes.delete(existing.version_key(&version.id));
            }
        }
        for key in existing.customer_keys() {
            dependents::forget(&key, &existing.region, &existing.arn(), &mut changes);
        }
        if let Lifecycle::Deleting { at } = existing.lifecycle {
            changes.delete(purge::due_key(&existing, at));
        }
        changes.delete(existing.created_key());
        job::forget_plans(&existing, records, &mut changes)?;
    }
    for key in restored.customer_keys() {
        dependents::note(&key, &restored.region, &restored.arn(), &mut changes);
    }
    if let Lifecycle::Deleting { at } = restored.lifecycle {
        changes.put(purge::due_key(restored, at), &PurgeDue::of(restored))?;
    }
    plan::put_row(restored, &mut changes)?;
    changes.put_entry(restored.created_key());
    changes.put(restored.key(), restored)?;
    Ok(changes)
}

/// The keys of a secret's values.
pub fn values_of(secret: &Secret) -> BTreeSet<Vec<u8>> {
    let valued = secret
        .versions
        .iter()
        .filter(|version| version.kind != ValueKind::Awaited);
    valued
        .map(|version| secret.version_key(&version.id).into_bytes())
        .collect()
}

/// The KMS key that a value is under.
pub fn key_of(value: &SealedValue) -> KeyRef {
    KeyRef {
        account: value.envelope.key_account.clone(),
        key_id: value.envelope.key_id.clone(),
    }
}

/// Puts back what is missing of a KMS key: all of it, or versions of its material. It comes without aliases and
/// grants, and disabled where it was waiting to be deleted. No change where nothing is missing.
pub fn put_key(restored: &KmsKey, records: &Records<'_>) -> Result<Changes, Stop> {
    let mut changes = Changes::none();
    let key = match records.read::<KmsKey>(restored.key())? {
        None => KmsKey {
            aliases: Vec::new(),
            grants_count: 0,
            rotation: None,
            state: match restored.state {
                KeyState::PendingDeletion { .. } => KeyState::Disabled,
                state => state,
            },
            ..restored.clone()
        },
        Some(existing) => {
            let mut merged = KmsKey::clone(&existing);
            add_missing_material(&mut merged, restored)?;
            if merged.material.len() == existing.material.len() {
                return Ok(changes);
            }
            merged
        }
    };
    root_key::note(records)?;
    changes.put(key.key(), &key)?;
    Ok(changes)
}

/// Puts a KMS key back as it was, in the place of what is there, and keeps the versions of its material that it got
/// since: what was encrypted with them must open as well. Its grants must be there already.
///
/// # Errors
/// [`Stop::Unavailable`] where a version of its material is another one here, or a record can't be read.
pub fn overwrite_key(restored: &KmsKey, records: &Records<'_>) -> Result<Changes, Stop> {
    let mut key = restored.clone();
    if let Some(existing) = records.read::<KmsKey>(restored.key())? {
        add_missing_material(&mut key, &existing)?;
        if key.state == KeyState::PendingImport {
            key.state = existing.state;
        }
    }
    let grants = Key::kms_grants(&key.account, &key.region, &key.key_id);
    let mut count = 0;
    records.scan_keys(grants.as_bytes(), &grants.end(), false, |_| {
        count += 1;
        ControlFlow::Continue(())
    })?;
    key.grants_count = count;
    root_key::note(records)?;
    let mut changes = Changes::none();
    changes.put(key.key(), &key)?;
    Ok(changes)
}

/// Adds the versions of a key's material that only another state of it has.
fn add_missing_material(key: &mut KmsKey, other: &KmsKey) -> Result<(), Stop> {
    for material in &other.material {
        let version = material.name.version;
        match key.version(version) {
            None => key.material.push(material.clone()),
            Some(own) if own.material_id == material.material_id => {}
            Some(_) => {
                let arn = key.arn();
                return Err(Stop::Unavailable(
                    format!(
                        "version {version} of the material of KMS key {arn} is another one here than in the \
                         backup, so that one of the two would be lost; restore the backup into an empty folder"
                    )
                    .into(),
                ));
            }
        }
    }
    key.material.sort_by_key(|material| material.name.version);
    for awaited in &other.awaited {
        let known = key.awaited.iter().any(|own| own.version == awaited.version);
        if !known {
            key.awaited.push(awaited.clone());
        }
    }
    let material = &key.material;
    key.awaited.retain(|awaited| {
        !material
            .iter()
            .any(|material| material.name.version == awaited.version)
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_all_of_its_records_but_its_alias() {
        let account = AccountId::parse("123456789012").unwrap();
        let other = AccountId::parse("210987654321").unwrap();
        for (key, of_account, of_other) in [
            (Key::iam_user(&account, "u"), Part::Own, Part::Other),
            (Key::iam_group(&account, "AGPA"), Part::Own, Part::Other),
            (Key::iam_group_name(&account, "g"), Part::Own, Part::Other),
            (
                Key::iam_member(&account, "AGPA", "u"),
                Part::Own,
                Part::Other,
            ),
            (Key::account_alias("123456789012"), Part::Other, Part::Other),
            (Key::alias_of_account(&account), Part::Other, Part::Other),
        ] {
            for (account, expected) in [(&account, of_account), (&other, of_other)] {
                let part = part_of_account(account, key.as_bytes(), b"").unwrap();
                assert_eq!(part, expected, "{key:?} of {account}");
            }
        }
    }
}
