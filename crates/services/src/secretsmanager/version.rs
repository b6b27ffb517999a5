//! A secret's versions: sealing and opening their values, adding one, and pruning old ones.
//!
//! Source: reference/versions-and-staging.md §5, §8, §10; reference/api.md §5.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use strongroom_keys::{EncryptionContext, SecretBytes};

use super::refusals;
use super::secret::{Secret, ValueKind, Version};
use crate::kms::{self, Envelope, KmsKey};
use crate::operation::Given;
use crate::records::{Changes, Records};
use crate::refusal::Stop;
use crate::staging::{AWSCURRENT, AWSPENDING, AWSPREVIOUS};

/// Versions of a secret; above it, old ones without labels are removed.
/// Source: reference/api.md §4 ("~100").
pub const VERSIONS_MAX: usize = 100;

/// A version younger than this is never removed. Source: reference/versions-and-staging.md §8.
const PRUNED_FROM_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// A value in the open, with its kind: a text and the same bytes as binary are different values.
pub enum Value {
    /// A `SecretString`.
    Text(SecretBytes),
    /// A `SecretBinary`.
    Binary(SecretBytes),
}

/// The record of a version's value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SealedValue {
    /// The value, sealed under the secret's KMS key.
    pub envelope: Envelope,
}

impl Value {
    /// The bytes.
    pub fn bytes(&self) -> &SecretBytes {
        match self {
            Value::Text(bytes) | Value::Binary(bytes) => bytes,
        }
    }

    fn kind(&self) -> ValueKind {
        match self {
            Value::Text(_) => ValueKind::Text,
            Value::Binary(_) => ValueKind::Binary,
        }
    }
}

/// What a request's token means for a secret that may have a version of that id.
pub enum TokenUse {
    /// No version has it, or one that still awaits its value.
    Free,
    /// A version has it, with this same value: the request was carried out before.
    Repeated,
}

/// Compares a request with the version that has its token.
///
/// # Refusals
/// `ResourceExistsException` where that version has another value.
pub fn token_use(
    secret: &Secret,
    token: &str,
    value: &Value,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<TokenUse, Stop> {
    let Some(version) = secret.version(token) else {
        return Ok(TokenUse::Free);
    };
    if version.kind == ValueKind::Awaited {
        return Ok(TokenUse::Free);
    }
    let same = version.kind == value.kind()
        && open(secret, &secret.arn(), version, records, given)?.matches(value.bytes());
    if same {
        Ok(TokenUse::Repeated)
    } else {
        Err(refusals::token_in_use(token, &secret.arn()).into())
    }
}

/// Adds a version with a value, or fills one that awaits it, and gives it its labels: those that are
/// named, or AWSCURRENT. A first version is always current.
///
/// # Refusals
/// `LimitExceededException`: too many labels, or versions of which none can be removed yet.
pub fn add(
    secret: &mut Secret,
    token: &str,
    value: &Value,
    labels: Option<&[String]>,
    records: &Records<'_>,
    given: &Given<'_>,
    changes: &mut Changes,
) -> Result<(), Stop> {
    let key = key_of(secret, records, given, changes)?;
    secret.versions.retain(|version| version.id != token);
    secret.versions.push(Version {
        id: token.to_owned(),
        created: given.now,
        accessed: None,
        kms_key_id: secret.kms_key_id.clone(),
        kind: value.kind(),
    });
    let current = [AWSCURRENT.to_owned()];
    secret
        .labels
        .attach_all(labels.unwrap_or(&current), token)
        // Attaching can fail in one way only.
        .map_err(|_| refusals::too_many_labels())?;
    if secret.labels.holder(AWSCURRENT).is_none() {
        secret.labels.promote(token);
    }
    // Only now: a version that just lost its last label may be the one to go.
    prune(secret, given, changes)?;
    let envelope = kms::seal(&key, &context(&secret.arn(), token), value.bytes(), given)?;
    changes.put(secret.version_key(token), &SealedValue { envelope })
}

/// Opens a version's value. `arn` is the secret's.
pub fn open(
    secret: &Secret,
    arn: &str,
    version: &Version,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<SecretBytes, Stop> {
    let record = |what: &str| {
        Stop::Unavailable(format!("{what} of secret {arn} version {}", version.id).into())
    };
    let Some(sealed) = records.read::<SealedValue>(secret.version_key(&version.id))? else {
        return Err(record("the store has lost the value"));
    };
    kms::open(
        &secret.account,
        &secret.region,
        &sealed.envelope,
        &context(arn, &version.id),
        || format!("secret {arn} version {}", version.id),
        records,
        given,
    )
}

/// Seals again, under the secret's present key, those versions that AWS re-encrypts when a secret's
/// key changes: the ones with a label of the service's.
pub fn reseal(
    secret: &mut Secret,
    records: &Records<'_>,
    given: &Given<'_>,
    changes: &mut Changes,
) -> Result<(), Stop> {
    let key = key_of(secret, records, given, changes)?;
    let service_labels = [AWSCURRENT, AWSPENDING, AWSPREVIOUS];
    let labelled: Vec<String> = service_labels
        .iter()
        .filter_map(|label| secret.labels.holder(label))
        .map(str::to_owned)
        .collect();
    for version_id in labelled {
        let Some(version) = secret.version(&version_id) else {
            continue;
        };
        if version.kind == ValueKind::Awaited || version.kms_key_id == secret.kms_key_id {
            continue;
        }
        let arn = secret.arn();
        let value = open(secret, &arn, version, records, given)?;
        let envelope = kms::seal(&key, &context(&arn, &version_id), &value, given)?;
        changes.put(secret.version_key(&version_id), &SealedValue { envelope })?;
        let new_key = secret.kms_key_id.clone();
        for version in secret
            .versions
            .iter_mut()
            .filter(|version| version.id == version_id)
        {
            version.kms_key_id.clone_from(&new_key);
        }
    }
    Ok(())
}

/// The key that new values of a secret are sealed under.
fn key_of(
    secret: &Secret,
    records: &Records<'_>,
    given: &Given<'_>,
    changes: &mut Changes,
) -> Result<std::sync::Arc<KmsKey>, Stop> {
    match &secret.kms_key_id {
        None => kms::service_key(&secret.account, &secret.region, records, given, changes),
        Some(named) => kms::named_key(&secret.account, &secret.region, named, records)?
            .ok_or_else(|| refusals::kms_key_not_found(named).into()),
    }
}

/// The `KmsKeyId` to keep for a key that a request names: `None` for the service's own.
///
/// # Refusals
/// `ResourceNotFoundException` where there is no such key.
pub(super) fn chosen_key(
    named: &str,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<Option<String>, Stop> {
    let service_alias = format!("alias/{}", kms::SERVICE_KEY_ALIAS);
    if named.is_empty() || named == service_alias || named.ends_with(&format!(":{service_alias}")) {
        return Ok(None);
    }
    match kms::named_key(&given.caller.account, &given.caller.region, named, records)? {
        Some(_) => Ok(Some(named.to_owned())),
        None => Err(refusals::kms_key_not_found(named).into()),
    }
}

/// Removes the oldest versions without labels until no more are left than a secret may have, sparing young ones.
///
/// # Refusals
/// `LimitExceededException` where too many are left.
fn prune(secret: &mut Secret, given: &Given<'_>, changes: &mut Changes) -> Result<(), Stop> {
    while secret.versions.len() > VERSIONS_MAX {
        let prunable = secret.versions.iter().position(|version| {
            !secret.labels.any_on(&version.id)
                && given.now.is_past(version.created, PRUNED_FROM_AGE)
        });
        let Some(position) = prunable else {
            return Err(refusals::too_many_versions().into());
        };
        let pruned = secret.versions.remove(position);
        changes.delete(secret.version_key(&pruned.id));
    }
    Ok(())
}

/// What a value is bound to. Source: reference/versions-and-staging.md §10.
fn context(arn: &str, version_id: &str) -> EncryptionContext {
    EncryptionContext::of([("SecretARN", arn), ("SecretVersionId", version_id)])
}
