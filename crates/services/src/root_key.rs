//! Which root key the records are sealed under, and sealing them anew under another one.
//!
//! What is sealed under the root key itself: the material of KMS keys, the secret halves of access keys,
//! the seeds of MFA devices and of audit logs' signing keys. A decision that seals such a thing reads [`RootKeyInUse`] first, so its commit holds only while
//! no other root key was taken into use: then, once a new one is, nothing is sealed under the older one
//! any more, and one pass over the records finds all there is.

use serde::{Deserialize, Serialize};
use strongroom_keys::{Entropy, Keyring, OpenError, RootKeyId};

use crate::accounts::AccessKey;
use crate::audit_seed::AuditSeed;
use crate::iam::mfa_device::MfaDevice;
use crate::kms::key::KmsKey;
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;

/// The root key that was last taken into use.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RootKeyInUse {
    /// Its id.
    pub id: RootKeyId,
}

/// Makes a decision that seals something under the root key conditional on which one is in use.
pub(crate) fn note(records: &Records<'_>) -> Result<(), Stop> {
    records.read::<RootKeyInUse>(Key::root_key())?;
    Ok(())
}

/// The root key that the records say is in use; `None` before it was first noted.
pub fn in_use(records: &Records<'_>) -> Result<Option<RootKeyId>, Stop> {
    let found = records.read::<RootKeyInUse>(Key::root_key())?;
    Ok(found.map(|found| found.id))
}

/// Takes a root key into use.
pub fn take_into_use(id: RootKeyId, records: &Records<'_>) -> Result<Changes, Stop> {
    let mut changes = Changes::none();
    if in_use(records)? != Some(id) {
        changes.put(Key::root_key(), &RootKeyInUse { id })?;
    }
    Ok(changes)
}

/// Something under the root key that no root key here opens.
#[derive(Debug, thiserror::Error)]
#[error("{what} doesn't open: {cause}")]
pub struct NotOpened {
    /// What it is.
    pub what: String,
    /// What the keyring says.
    pub cause: OpenError,
}

/// The records that hold something sealed under the root key.
pub fn places() -> [Key; 4] {
    [
        Key::all_kms_keys(),
        Key::all_access_keys(),
        Key::all_mfa_devices(),
        Key::all_audit_seeds(),
    ]
}

/// Seals anew what a retiring root key sealed in one record; no change where there is nothing.
///
/// # Errors
/// [`Stop::Unavailable`] with [`NotOpened`] in it, or where the record can't be read.
pub fn rewrap(
    place: &Key,
    records: &Records<'_>,
    keyring: &Keyring,
    entropy: &dyn Entropy,
) -> Result<Changes, Stop> {
    let mut changes = Changes::none();
    if place.starts_with(&Key::all_kms_keys()) {
        if let Some(key) = records.read::<KmsKey>(place.clone())?
            && let Some(rewrapped) = rewrap_key(&key, keyring, entropy)?
        {
            changes.put(place.clone(), &rewrapped)?;
        }
    } else if place.starts_with(&Key::all_mfa_devices()) {
        if let Some(device) = records.read::<MfaDevice>(place.clone())?
            && let Some(rewrapped) = rewrap_mfa_device(&device, keyring, entropy)?
        {
            changes.put(place.clone(), &rewrapped)?;
        }
    } else if place.starts_with(&Key::all_audit_seeds()) {
        if let Some(seed) = records.read::<AuditSeed>(place.clone())?
            && let Some(rewrapped) = seed
                .rewrapped(keyring, entropy)
                .map_err(|cause| not_opened(format!("the key of audit log {}", seed.log), cause))?
        {
            changes.put(place.clone(), &rewrapped)?;
        }
    } else if let Some(key) = records.read::<AccessKey>(place.clone())?
        && let Some(rewrapped) = rewrap_access_key(&key, keyring, entropy)?
    {
        changes.put(place.clone(), &rewrapped)?;
    }
    Ok(changes)
}

pub(crate) fn rewrap_key(
    key: &KmsKey,
    keyring: &Keyring,
    entropy: &dyn Entropy,
) -> Result<Option<KmsKey>, Stop> {
    let mut rewrapped = key.clone();
    let mut any = false;
    for material in &mut rewrapped.material {
        let (name, wrapped) = (&material.name, &material.wrapped);
        let anew = keyring
            .rewrap_material(name, key.spec, wrapped, entropy)
            .map_err(|cause| {
                not_opened(format!("version {} of {}", name.version, key.arn()), cause)
            })?;
        if let Some(anew) = anew {
            material.wrapped = anew;
            any = true;
        }
    }
    Ok(any.then_some(rewrapped))
}

pub(crate) fn rewrap_access_key(
    key: &AccessKey,
    keyring: &Keyring,
    entropy: &dyn Entropy,
) -> Result<Option<AccessKey>, Stop> {
    let id = &key.access_key_id;
    let sealed = keyring
        .rewrap_credential(key.name(), &key.sealed_secret, entropy)
        .map_err(|cause| not_opened(format!("access key {id}"), cause))?;
    Ok(sealed.map(|sealed_secret| AccessKey {
        sealed_secret,
        ..key.clone()
    }))
}

pub(crate) fn rewrap_mfa_device(
    device: &MfaDevice,
    keyring: &Keyring,
    entropy: &dyn Entropy,
) -> Result<Option<MfaDevice>, Stop> {
    let name = &device.name;
    device
        .rewrapped(keyring, entropy)
        .map_err(|cause| not_opened(format!("MFA device {name}"), cause))
}

fn not_opened(what: String, cause: OpenError) -> Stop {
    Stop::Unavailable(Box::new(NotOpened { what, cause }))
}
