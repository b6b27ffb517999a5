//! A secret's versions: sealing and opening their values, adding one, and pruning old ones.
//!
//! Source: reference/versions-and-staging.md §5, §8, §10; reference/api.md §5.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strongroom_keys::SecretBytes;

use super::secret::{Secret, ValueKind, Version};
use super::secret_id::SecretId;
use super::{SERVICE, refusals};
use crate::kms::alias::{SECRETS_MANAGER_ALIAS, alias_arn};
use crate::kms::dependents::{self, KeyRef};
use crate::kms::envelope::{self, Envelope, KeyProblem};
use crate::kms::key::{KeyManager, KmsKey};
use crate::kms::usable::UsableKey;
use crate::operation::Given;
use crate::records::{Changes, Records};
use crate::refusal::Stop;
use crate::rotation::plan;
use crate::staging::{AWSCURRENT, AWSPENDING, AWSPREVIOUS};

/// Versions of a secret; above it, old ones without labels are removed.
/// Source: reference/api.md §4 ("~100").
pub const VERSIONS_MAX: usize = 100;

/// A version younger than this is never removed. Source: reference/versions-and-staging.md §8.
const PRUNED_FROM_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// A longer text is no secret's ARN.
const MASTER_ARN_BYTES_MAX: usize = 2048;

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
    let arn = secret.arn();
    let context = context(&arn, token);
    let key = key_of(secret, records, given, changes)?;
    let key = usable("kms:GenerateDataKey", key, &context, records, given)
        .map_err(|problem| unsealable(problem, secret.kms_key_id.as_deref()))?;
    let keys_before = secret.customer_keys();
    let current_before = secret.labels.holder(AWSCURRENT).map(str::to_owned);
    // A rotation of a secret without a value makes the first one current in its last step.
    let fills_pending = secret
        .version(token)
        .is_some_and(|version| version.kind == ValueKind::Awaited);
    secret.versions.retain(|version| version.id != token);
    secret.versions.push(Version {
        id: token.to_owned(),
        created: given.now,
        accessed: None,
        kms_key_id: secret.kms_key_id.clone(),
        customer_key: customer_key(key.key()),
        kind: value.kind(),
    });
    let current = [AWSCURRENT.to_owned()];
    secret
        .labels
        .attach_all(labels.unwrap_or(&current), token)
        // Attaching can fail in one way only.
        .map_err(|_| refusals::too_many_labels())?;
    if secret.labels.holder(AWSCURRENT).is_none() && !fills_pending {
        secret.labels.promote(token);
    }
    // Only now: a version that just lost its last label may be the one to go.
    prune(secret, given, changes)?;
    note_keys(&keys_before, secret, changes);
    note_master(secret, token, value);
    if secret.labels.holder(AWSCURRENT) != current_before.as_deref() {
        plan::current_changed(secret, given.now, changes)?;
    }
    let envelope = envelope::seal(&key, &context, value.bytes(), given)?;
    changes.put(secret.version_key(token), &SealedValue { envelope })
}

/// Removes a version that has no label, with its value.
pub(crate) fn remove_unlabelled(secret: &mut Secret, version_id: &str, changes: &mut Changes) {
    if secret.labels.any_on(version_id) {
        return;
    }
    let keys_before = secret.customer_keys();
    secret.versions.retain(|version| version.id != version_id);
    secret.masters.remove(version_id);
    changes.delete(secret.version_key(version_id));
    note_keys(&keys_before, secret, changes);
}

/// Keeps in mind which secret a value names as its master: rotations depend on it.
fn note_master(secret: &mut Secret, version_id: &str, value: &Value) {
    #[derive(Deserialize)]
    struct Named {
        masterarn: Option<String>,
    }
    let named: Option<Named> = match value {
        Value::Text(text) => serde_json::from_slice(text.expose()).ok(),
        Value::Binary(_) => None,
    };
    match named.and_then(|named| named.masterarn) {
        // Anything else may be what nobody is to see.
        Some(arn)
            if arn.len() <= MASTER_ARN_BYTES_MAX
                && SecretId::parse(arn.clone()).is_ok_and(|id| id.is_arn()) =>
        {
            secret.masters.insert(version_id.to_owned(), arn);
        }
        _ => {
            secret.masters.remove(version_id);
        }
    }
}

/// Opens a version's value. `arn` is the secret's.
pub fn open(
    secret: &Secret,
    arn: &str,
    version: &Version,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<SecretBytes, Stop> {
    let sealed = sealed_value(secret, arn, version, records)?;
    open_sealed(secret, arn, version, &sealed, records, given)?.map_err(unopenable)
}

/// The record of a version's value.
fn sealed_value(
    secret: &Secret,
    arn: &str,
    version: &Version,
    records: &Records<'_>,
) -> Result<Arc<SealedValue>, Stop> {
    records
        .read::<SealedValue>(secret.version_key(&version.id))?
        .ok_or_else(|| {
            let id = &version.id;
            Stop::Unavailable(
                format!("the store has lost the value of secret {arn} version {id}").into(),
            )
        })
}

fn open_sealed(
    secret: &Secret,
    arn: &str,
    version: &Version,
    sealed: &SealedValue,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<Result<SecretBytes, KeyProblem>, Stop> {
    let version_id = version.id.as_str();
    let context = context(arn, version_id);
    let envelope = &sealed.envelope;
    let key = envelope::key_of(envelope, &secret.region, records);
    // A moved envelope must not look as if the caller were not allowed to open it.
    let as_noted = match (&version.customer_key, &key) {
        (Some(noted), _) => {
            noted.account == envelope.key_account && noted.key_id == envelope.key_id
        }
        (None, Ok(key)) => key.manager == KeyManager::Aws && key.account == secret.account,
        (None, Err(KeyProblem::Stop(_))) => true,
        (None, Err(_)) => false,
    };
    if !as_noted {
        let key_id = &envelope.key_id;
        return Err(Stop::Unavailable(
            format!(
                "the value of secret {arn} version {version_id} is under KMS key {key_id}, which is \
                 gone or isn't the one that the secret says; it was damaged or moved, restore it \
                 from a backup"
            )
            .into(),
        ));
    }
    let key = key.and_then(|key| usable("kms:Decrypt", key, &context, records, given));
    let key = match key {
        Ok(key) => key,
        Err(problem) => return Ok(Err(problem)),
    };
    let what = || format!("secret {arn} version {version_id}");
    envelope::open(&key, envelope, &context, what, given).map(Ok)
}

/// Seals again, under the secret's present key, those versions that AWS re-encrypts when a secret's
/// key changes: the ones with a label of the service's. Versions whose key the caller may not use
/// stay under it.
///
/// Source: AWS Secrets Manager API Reference, UpdateSecret, `KmsKeyId`.
///
/// # Refusals
/// `DecryptionFailure`, `EncryptionFailure`: a key's state doesn't allow it.
pub fn reseal(
    secret: &mut Secret,
    records: &Records<'_>,
    given: &Given<'_>,
    changes: &mut Changes,
) -> Result<(), Stop> {
    let key = key_of(secret, records, given, changes)?;
    let arn = secret.arn();
    let new_name = secret.kms_key_id.clone();
    let new_key = customer_key(&key);
    let keys_before = secret.customer_keys();
    let service_labels = [AWSCURRENT, AWSPENDING, AWSPREVIOUS];
    let labelled: BTreeSet<String> = service_labels
        .iter()
        .filter_map(|label| secret.labels.holder(label))
        .map(str::to_owned)
        .collect();
    for version_id in labelled {
        let Some(version) = secret.version(&version_id) else {
            continue;
        };
        if version.kind == ValueKind::Awaited {
            continue;
        }
        if version.customer_key != new_key {
            let sealed = sealed_value(secret, &arn, version, records)?;
            let value = match open_sealed(secret, &arn, version, &sealed, records, given)? {
                Err(KeyProblem::NotAllowed) => continue,
                opened => opened.map_err(unopenable)?,
            };
            let context = context(&arn, &version_id);
            let key = usable("kms:Encrypt", Arc::clone(&key), &context, records, given)
                .map_err(|problem| unsealable(problem, new_name.as_deref()))?;
            let envelope = envelope::seal(&key, &context, &value, given)?;
            changes.put(secret.version_key(&version_id), &SealedValue { envelope })?;
        }
        for version in secret
            .versions
            .iter_mut()
            .filter(|version| version.id == version_id)
        {
            version.kms_key_id.clone_from(&new_name);
            version.customer_key.clone_from(&new_key);
        }
    }
    note_keys(&keys_before, secret, changes);
    Ok(())
}

/// Keeps the index of what depends on customers' keys right.
fn note_keys(before: &BTreeSet<KeyRef>, secret: &Secret, changes: &mut Changes) {
    let after = secret.customer_keys();
    if *before == after {
        return;
    }
    let arn = secret.arn();
    for key in after.difference(before) {
        dependents::note(key, &secret.region, &arn, changes);
    }
    for key in before.difference(&after) {
        dependents::forget(key, &secret.region, &arn, changes);
    }
}

fn customer_key(key: &KmsKey) -> Option<KeyRef> {
    match key.manager {
        KeyManager::Aws => None,
        KeyManager::Customer => Some(KeyRef::to(key)),
    }
}

/// The key that new values of a secret are sealed under.
fn key_of(
    secret: &Secret,
    records: &Records<'_>,
    given: &Given<'_>,
    changes: &mut Changes,
) -> Result<Arc<KmsKey>, Stop> {
    match &secret.kms_key_id {
        None => {
            let (account, region) = (&secret.account, &secret.region);
            envelope::service_key(
                &envelope::SECRETS_MANAGER,
                account,
                region,
                records,
                given,
                changes,
            )
        }
        Some(named) => envelope::named_key(named, records, given)
            .map_err(|problem| unsealable(problem, Some(named))),
    }
}

/// The `KmsKeyId` to keep for a key that a request names: `None` for the service's own. The caller
/// must be able to use it, which is asked as AWS asks: for a version that doesn't exist.
///
/// Source: AWS Secrets Manager User Guide, Secret encryption and decryption.
///
/// # Refusals
/// `ResourceNotFoundException` where there is no such key, `AccessDeniedException` where the caller
/// may not use it, `InvalidParameterException` where it isn't symmetric, `EncryptionFailure`.
pub(super) fn chosen_key(
    named: &str,
    secret: &Secret,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<Option<String>, Stop> {
    let own = alias_arn(&secret.account, &secret.region, SECRETS_MANAGER_ALIAS);
    let is_own = given.caller.account == secret.account;
    if named.is_empty() || named == SECRETS_MANAGER_ALIAS || named == own {
        return match is_own {
            true => Ok(None),
            false => Err(refusals::service_key_of_other_account().into()),
        };
    }
    let refused = |problem| unsealable(problem, Some(named));
    let key = envelope::named_key(named, records, given).map_err(refused)?;
    let arn = secret.arn();
    let context = context(&arn, "RequestToValidateKeyAccess");
    for action in ["kms:GenerateDataKey", "kms:Decrypt"] {
        usable(action, Arc::clone(&key), &context, records, given).map_err(refused)?;
    }
    Ok(match key.manager {
        KeyManager::Aws if key.account != secret.account => {
            return Err(refusals::service_key_of_other_account().into());
        }
        KeyManager::Aws => None,
        // To the secret's owner, the name would be another key's, or none's.
        KeyManager::Customer if !is_own => Some(key.arn()),
        KeyManager::Customer => Some(named.to_owned()),
    })
}

fn usable(
    action: &'static str,
    key: Arc<KmsKey>,
    context: &envelope::Context<'_>,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<UsableKey, KeyProblem> {
    envelope::use_for(SERVICE, action, key, context, records, given)
}

/// How a read is refused for its key. Source: reference/access-control.md §10.
fn unopenable(problem: KeyProblem) -> Stop {
    match problem {
        KeyProblem::Stop(stop) => stop,
        KeyProblem::Missing | KeyProblem::NotAllowed => refusals::kms_access_denied().into(),
        KeyProblem::ServiceKeyOfOther => refusals::service_key_of_other_account().into(),
        KeyProblem::State(_) | KeyProblem::NotSymmetric => refusals::decryption_failure().into(),
    }
}

/// How a write is refused for its key. Source: reference/access-control.md §10.
fn unsealable(problem: KeyProblem, named: Option<&str>) -> Stop {
    match problem {
        KeyProblem::Stop(stop) => stop,
        KeyProblem::Missing => refusals::kms_key_not_found(named.unwrap_or_default()).into(),
        KeyProblem::NotAllowed => refusals::kms_access_denied().into(),
        KeyProblem::ServiceKeyOfOther => refusals::service_key_of_other_account().into(),
        KeyProblem::State(_) => refusals::encryption_failure().into(),
        KeyProblem::NotSymmetric => refusals::asymmetric_key().into(),
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
        secret.masters.remove(&pruned.id);
    }
    Ok(())
}

/// What a value is bound to. Source: reference/versions-and-staging.md §10.
pub(crate) fn context<'a>(arn: &'a str, version_id: &'a str) -> [(&'static str, &'a str); 2] {
    [("SecretARN", arn), ("SecretVersionId", version_id)]
}
