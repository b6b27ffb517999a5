//! KMS keys and envelope encryption: which key protects a value, and sealing and opening under it.
//!
//! Each account and region has one service-owned key, `aws/secretsmanager`, made on first use. A value
//! is sealed under a data key of its own; the data key under the KMS key's backing material; both are
//! bound to an encryption context. Knows no secret: callers give the context.
//!
//! Source: reference/access-control.md §10, reference/kms-iam-sts.md.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strongroom_keys::{EncryptionContext, KeyVersionName, Sealed, SecretBytes};

use crate::caller::{AccountId, Region};
use crate::operation::Given;
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;
use crate::time::Timestamp;

/// The alias of the service-owned key, without `alias/`.
pub const SERVICE_KEY_ALIAS: &str = "aws/secretsmanager";

/// A KMS key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KmsKey {
    /// The account that owns it.
    pub account: AccountId,
    /// Its region; keys of different regions share no material.
    pub region: Region,
    /// Its id, a UUID.
    pub key_id: String,
    /// When it was made.
    pub created: Timestamp,
    /// The versions of its backing material, oldest first; the last one encrypts.
    pub material: Vec<BackingMaterial>,
}

/// One version of a key's backing material.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BackingMaterial {
    /// Whose version it is; versions count from 1. Whole, so that it need not be put together for
    /// each value that is opened.
    pub name: KeyVersionName,
    /// The material, wrapped under the root key.
    pub wrapped: Sealed,
    /// When it was made.
    pub created: Timestamp,
}

/// A KMS alias: another name of a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Alias {
    /// The key that it names.
    pub key_id: String,
}

/// A value under envelope encryption.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// The KMS key that wraps the data key.
    pub key_id: String,
    /// The version of its backing material.
    pub key_version: u32,
    /// The data key, wrapped.
    pub data_key: Sealed,
    /// The value, sealed under the data key.
    pub value: Sealed,
}

/// Something that should be there, or should open, and doesn't: damage or tampering, never the
/// client's doing. Names the record, never a value.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// A key that an envelope names is gone.
    #[error(
        "KMS key {key_id} (version {version}) of account {account} in {region} is missing: \
         restore it from a backup"
    )]
    KeyMissing {
        /// The key.
        key_id: String,
        /// The version of its material.
        version: u32,
        /// The account.
        account: AccountId,
        /// The region.
        region: Region,
    },
    /// An envelope doesn't open.
    #[error(
        "the value of {what} does not open under KMS key {key_id}: {cause}; it was damaged or \
         moved, restore it from a backup"
    )]
    DoesNotOpen {
        /// Whose value.
        what: String,
        /// The key.
        key_id: String,
        /// What the keyring says.
        cause: strongroom_keys::OpenError,
    },
}

impl KmsKey {
    fn name_of(&self, version: u32) -> KeyVersionName {
        KeyVersionName {
            account: self.account.as_str().to_owned(),
            region: self.region.as_str().to_owned(),
            key_id: self.key_id.clone(),
            version,
        }
    }

    /// The key's ARN.
    pub fn arn(&self) -> String {
        format!(
            "arn:{}:kms:{}:{}:key/{}",
            self.region.partition(),
            self.region,
            self.account,
            self.key_id
        )
    }
}

/// The service-owned key of an account and region; made, and added to `changes`, on first use.
pub fn service_key(
    account: &AccountId,
    region: &Region,
    records: &Records<'_>,
    given: &Given<'_>,
    changes: &mut Changes,
) -> Result<Arc<KmsKey>, Stop> {
    let alias_key = Key::kms_alias(account, region, SERVICE_KEY_ALIAS);
    if let Some(alias) = records.read::<Alias>(alias_key.clone())? {
        return existing(account, region, &alias.key_id, records);
    }
    if let Some(alias) = changes.pending::<Alias>(&alias_key)?
        && let Some(key) = changes.pending(&Key::kms_key(account, region, &alias.key_id))?
    {
        return Ok(key);
    }
    let mut key = KmsKey {
        account: account.clone(),
        region: region.clone(),
        key_id: uuid(given),
        created: given.now,
        material: Vec::new(),
    };
    let name = key.name_of(1);
    key.material.push(BackingMaterial {
        wrapped: given.keyring.new_material(&name, given.entropy),
        name,
        created: given.now,
    });
    changes.put(Key::kms_key(account, region, &key.key_id), &key)?;
    changes.put(
        alias_key,
        &Alias {
            key_id: key.key_id.clone(),
        },
    )?;
    Ok(Arc::new(key))
}

/// The key that a request names by id, ARN, alias name or alias ARN; `None` where there is none that
/// the account may use in the region.
pub fn named_key(
    account: &AccountId,
    region: &Region,
    named: &str,
    records: &Records<'_>,
) -> Result<Option<Arc<KmsKey>>, Stop> {
    let prefix = format!("arn:{}:kms:{region}:{account}:", region.partition());
    let local = match named.strip_prefix(&prefix) {
        Some(resource) => resource.strip_prefix("key/").unwrap_or(resource),
        None => named,
    };
    let key_id = match local.strip_prefix("alias/") {
        Some(alias) => match records.read::<Alias>(Key::kms_alias(account, region, alias))? {
            Some(alias) => alias.key_id.clone(),
            None => return Ok(None),
        },
        None => local.to_owned(),
    };
    records.read::<KmsKey>(Key::kms_key(account, region, &key_id))
}

/// Seals a value under a key, with a data key of its own.
pub fn seal(
    key: &KmsKey,
    context: &EncryptionContext,
    value: &SecretBytes,
    given: &Given<'_>,
) -> Result<Envelope, Stop> {
    let Some(material) = key.material.last() else {
        return Err(missing(&key.account, &key.region, &key.key_id, 0));
    };
    let (data_key, wrapped) = given
        .keyring
        .generate_data_key(&material.name, &material.wrapped, context, given.entropy)
        .map_err(|cause| does_not_open("a data key", &key.key_id, cause))?;
    Ok(Envelope {
        key_id: key.key_id.clone(),
        key_version: material.name.version,
        data_key: wrapped,
        value: data_key.seal(context, value, given.entropy),
    })
}

/// Opens a value. `what` names its record for whoever must repair it.
pub fn open(
    account: &AccountId,
    region: &Region,
    envelope: &Envelope,
    context: &EncryptionContext,
    what: impl Fn() -> String,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<SecretBytes, Stop> {
    let key = existing(account, region, &envelope.key_id, records)?;
    let Some(material) = key
        .material
        .iter()
        .find(|material| material.name.version == envelope.key_version)
    else {
        return Err(missing(
            account,
            region,
            &envelope.key_id,
            envelope.key_version,
        ));
    };
    given
        .keyring
        .open_data_key(
            &material.name,
            &material.wrapped,
            context,
            &envelope.data_key,
        )
        .and_then(|data_key| data_key.open(context, &envelope.value))
        .map_err(|cause| does_not_open(&what(), &envelope.key_id, cause))
}

fn existing(
    account: &AccountId,
    region: &Region,
    key_id: &str,
    records: &Records<'_>,
) -> Result<Arc<KmsKey>, Stop> {
    records
        .read::<KmsKey>(Key::kms_key(account, region, key_id))?
        .ok_or_else(|| missing(account, region, key_id, 0))
}

fn missing(account: &AccountId, region: &Region, key_id: &str, version: u32) -> Stop {
    Stop::Unavailable(Box::new(Broken::KeyMissing {
        key_id: key_id.to_owned(),
        version,
        account: account.clone(),
        region: region.clone(),
    }))
}

fn does_not_open(what: &str, key_id: &str, cause: strongroom_keys::OpenError) -> Stop {
    Stop::Unavailable(Box::new(Broken::DoesNotOpen {
        what: what.to_owned(),
        key_id: key_id.to_owned(),
        cause,
    }))
}

/// A random UUID (version 4).
fn uuid(given: &Given<'_>) -> String {
    let mut random = [0; 16];
    given.entropy.fill(&mut random);
    random[6] = (random[6] & 0x0f) | 0x40;
    random[8] = (random[8] & 0x3f) | 0x80;
    let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}
