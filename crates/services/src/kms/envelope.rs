//! Envelope encryption for services that keep values: under which key, with whose permission, and
//! sealing and opening.
//!
//! A value is sealed under a data key of its own, the data key under the KMS key's material, both
//! bound to an encryption context. The key is used as the caller: its policy and its grants have
//! their say. Knows no secret: the service gives the context.
//!
//! Source: reference/access-control.md §10.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strongroom_keys::{EncryptionContext, KeySpec, OpenError, Sealed, SecretBytes};

use super::access::{self, Usage};
use super::algorithm;
use super::alias::{Alias, LAMBDA_ALIAS, SECRETS_MANAGER_ALIAS};
use super::encrypt::SYMMETRIC;
use super::key::{KeyManager, KeyState, KeyUsage, KmsKey, Origin};
use super::name::{Accepts, KeyName, Named};
use super::usable::{Unusable, UsableKey};
use super::{due, uuid};
use super::{policy, refusals};
use crate::caller::{AccountId, Caller, Region};
use crate::cloudtrail;
use crate::cloudtrail::told::{Parameters, Resource, ServiceCall};
use crate::gate::{self, Need};
use crate::operation::{Given, Means};
use crate::records::{Changes, Key, Records};
use crate::refusal::{Refusal, Stop};

/// A value under envelope encryption.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// The account of the KMS key that wraps the data key; its region is the value's.
    pub key_account: AccountId,
    /// The KMS key's id.
    pub key_id: String,
    /// The version of its material.
    pub key_version: u32,
    /// The data key, wrapped.
    pub data_key: Sealed,
    /// The value, sealed under the data key.
    pub value: Sealed,
}

/// The names and values that a value is bound to.
pub type Context<'a> = [(&'static str, &'a str)];

/// Why a key was not used for a service.
#[derive(Debug)]
pub enum KeyProblem {
    /// There is no such key.
    Missing,
    /// The caller may not use it.
    NotAllowed,
    /// It is the service's own key, of another account.
    ServiceKeyOfOther,
    /// Its state doesn't allow it.
    State(KeyState),
    /// It isn't a symmetric encryption key.
    NotSymmetric,
    /// Not the caller's doing, or not the key's.
    Stop(Stop),
}

impl From<Stop> for KeyProblem {
    fn from(stop: Stop) -> Self {
        KeyProblem::Stop(stop)
    }
}

/// Something that should be there, or should open, and doesn't: damage or tampering, never the
/// client's doing. Names the record, never a value.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// A key that the service itself keeps, or a version of a key's material, is gone.
    #[error(
        "KMS key {key_id} (version {version}) of account {account} in {region} is missing: \
         restore it from a backup"
    )]
    KeyMissing {
        /// The key.
        key_id: String,
        /// The version of its material; 0 for all of it.
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
        cause: OpenError,
    },
}

/// A service that keeps a key of its own for each account and region.
#[derive(Debug, PartialEq, Eq)]
pub struct KeyKeeper {
    /// The alias of its keys, with `alias/`.
    pub alias: &'static str,
    signing_name: &'static str,
    title: &'static str,
    description: &'static str,
}

/// AWS Secrets Manager.
pub const SECRETS_MANAGER: KeyKeeper = KeyKeeper {
    alias: SECRETS_MANAGER_ALIAS,
    signing_name: "secretsmanager",
    title: "AWS Secrets Manager",
    description: "Default key that protects my Secrets Manager data when no other key is defined",
};

/// AWS Lambda.
pub const LAMBDA: KeyKeeper = KeyKeeper {
    alias: LAMBDA_ALIAS,
    signing_name: "lambda",
    title: "AWS Lambda",
    description: "Default key that protects my Lambda functions when no other key is defined",
};

/// Every one of them.
pub const KEY_KEEPERS: &[KeyKeeper] = &[LAMBDA, SECRETS_MANAGER];

/// The key that a service keeps for an account and region; made, and added to `changes`, on first use.
pub fn service_key(
    of: &KeyKeeper,
    account: &AccountId,
    region: &Region,
    records: &Records<'_>,
    given: &Given<'_>,
    changes: &mut Changes,
) -> Result<Arc<KmsKey>, Stop> {
    let alias_key = Key::kms_alias(account, region, of.alias);
    if let Some(alias) = records.read::<Alias>(alias_key.clone())? {
        return records
            .read::<KmsKey>(Key::kms_key(account, region, &alias.key_id))?
            .ok_or_else(|| missing(account, region, &alias.key_id, 0));
    }
    if let Some(alias) = changes.pending::<Alias>(&alias_key)?
        && let Some(key) = changes.pending(&Key::kms_key(account, region, &alias.key_id))?
    {
        return Ok(key);
    }
    let policy = policy::of_service(of.signing_name, of.title, account, region)
        .map_err(|error| Stop::Unavailable(Box::new(error)))?;
    let mut key = KmsKey {
        account: account.clone(),
        region: region.clone(),
        key_id: uuid(given),
        created: given.now,
        manager: KeyManager::Aws,
        description: of.description.to_owned(),
        spec: KeySpec::SymmetricDefault,
        usage: KeyUsage::EncryptDecrypt,
        origin: Origin::AwsKms,
        state: KeyState::Enabled,
        policy,
        tags: Vec::new(),
        aliases: vec![of.alias.to_owned()],
        rotation: Some(due::yearly(given.now)),
        material: Vec::new(),
        awaited: Vec::new(),
        grants_count: 0,
    };
    key.renew(None, records, &given.means())?;
    due::schedule(&key, changes)?;
    changes.put(key.key(), &key)?;
    changes.put(
        alias_key,
        &Alias {
            name: of.alias.to_owned(),
            key_id: key.key_id.clone(),
            created: given.now,
            updated: given.now,
        },
    )?;
    Ok(Arc::new(key))
}

/// The key that is named for values which are kept with a service. A name that isn't an ARN is one of the caller's
/// account, whoever named it: keys are used as the caller.
///
/// # Errors
/// [`KeyProblem::Missing`]; for keys of other accounts [`KeyProblem::NotAllowed`], which tells less.
pub fn named_key(
    named: &str,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<Arc<KmsKey>, KeyProblem> {
    let name = KeyName::parse(named.to_owned(), Accepts::KeysAndAliases);
    let here = &given.caller.account;
    match name.resolve(here, &given.caller.region, records)? {
        Named::Key(key) => Ok(key),
        Named::Absent { owner, .. } if owner == *here => Err(KeyProblem::Missing),
        Named::Absent { .. } => Err(KeyProblem::NotAllowed),
    }
}

/// The ARN of the key that a caller of a service names, where there is one.
pub fn named_key_arn(
    named: &str,
    caller: &Caller,
    records: &Records<'_>,
) -> Result<Option<String>, Stop> {
    let name = KeyName::parse(named.to_owned(), Accepts::KeysAndAliases);
    match name.resolve(&caller.account, &caller.region, records)? {
        Named::Key(key) => Ok(Some(key.arn())),
        Named::Absent { .. } => Ok(None),
    }
}

/// The key that an envelope was sealed under.
///
/// # Errors
/// [`KeyProblem::NotAllowed`] where it was deleted, as KMS doesn't tell which keys there are.
pub fn key_of(
    envelope: &Envelope,
    region: &Region,
    records: &Records<'_>,
) -> Result<Arc<KmsKey>, KeyProblem> {
    let key = Key::kms_key(&envelope.key_account, region, &envelope.key_id);
    records.read::<KmsKey>(key)?.ok_or(KeyProblem::NotAllowed)
}

/// What a caller must be allowed to do with a customer's key for a service to use it.
pub(crate) fn need_for<'a>(
    service: &'static str,
    action: &'a str,
    key: Arc<KmsKey>,
    context: &Context<'_>,
    records: &Records<'_>,
    caller: &'a Caller,
) -> Result<Need<'a>, Stop> {
    let encryption_context: BTreeMap<String, String> = context
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let usage = Usage {
        encryption_context: Cow::Owned(encryption_context),
        via: Some(service),
        more: algorithm::condition("kms:EncryptionAlgorithm", SYMMETRIC),
    };
    access::need_on_key(action, key, None, usage, caller, records)
}

/// Asks whether the caller may use a key through a service, and whether the key may be used.
/// `action` is such as `kms:Decrypt`. It is told as a call of KMS's that the service makes for the caller.
pub fn use_for(
    service: &'static str,
    action: &'static str,
    key: Arc<KmsKey>,
    context: &Context<'_>,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<UsableKey, KeyProblem> {
    let used = try_use(service, action, Arc::clone(&key), context, records, given);
    match used {
        Ok(usable) => {
            tell_use(service, action, key, context, None, records, given);
            Ok(usable)
        }
        Err((refused, problem)) => {
            if let Some(refused) = refused {
                tell_use(service, action, key, context, Some(refused), records, given);
            }
            Err(problem)
        }
    }
}

/// Tells that a service asks KMS for the caller, with what KMS refuses where it does.
///
/// Source: AWS Secrets Manager User Guide, Secret encryption and decryption; AWS KMS Developer Guide, Decrypt and
/// GenerateDataKey (CloudTrail log entries).
pub(crate) fn tell_use(
    service: &'static str,
    action: &'static str,
    key: Arc<KmsKey>,
    context: &Context<'_>,
    refused: Option<Refusal>,
    records: &Records<'_>,
    given: &Given<'_>,
) {
    let operation = action.strip_prefix("kms:").unwrap_or(action);
    let mut parameters = Parameters::new();
    // Who is refused another account's key isn't told which it is; the message would tell.
    let is_told = refused.is_none() || key.account == given.caller.account;
    if is_told {
        parameters.text("keyId", &key.arn());
    }
    match operation {
        "GenerateDataKey" => parameters.text("keySpec", "AES_256"),
        _ => parameters.text("encryptionAlgorithm", SYMMETRIC),
    }
    parameters.map("encryptionContext", context.iter().copied());
    let call = ServiceCall {
        invoked_by: cloudtrail::name::of_signing_name(service),
        parameters,
        resources: vec![Resource::Key(key)],
        error: refused.map(|refusal| (refusal.code, refusal.message.filter(|_| is_told))),
        ..ServiceCall::of(cloudtrail::name::KMS, operation, true)
    };
    records.tell(|told| told.calls.push(call));
}

/// What KMS says to the service where it refuses, and what that means to the service.
type NotUsed = (Option<Refusal>, KeyProblem);

fn try_use(
    service: &'static str,
    action: &'static str,
    key: Arc<KmsKey>,
    context: &Context<'_>,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<UsableKey, NotUsed> {
    let operation = action.strip_prefix("kms:").unwrap_or(action);
    // The service's own key lets in everyone of its account through the service, and nobody else:
    // its policy needn't be asked.
    if key.manager == KeyManager::Aws {
        if key.account != given.caller.account {
            let refusal = refusals::unknown_ciphertext_key();
            return Err((Some(refusal), KeyProblem::ServiceKeyOfOther));
        }
    } else {
        let key = Arc::clone(&key);
        let need = need_for(service, action, key, context, records, given.caller)
            .map_err(|stop| (None, KeyProblem::Stop(stop)))?;
        gate::permit(&need, records, given).map_err(|stop| match stop {
            Stop::Refused(refusal) => (Some(refusal), KeyProblem::NotAllowed),
            unavailable => (None, KeyProblem::Stop(unavailable)),
        })?;
    }
    if key.spec != KeySpec::SymmetricDefault {
        let refusal = Unusable::Usage.refusal(&key, operation);
        return Err((Some(refusal), KeyProblem::NotSymmetric));
    }
    UsableKey::check(Arc::clone(&key), KeyUsage::EncryptDecrypt).map_err(|unusable| {
        let problem = match unusable {
            Unusable::State(state) => KeyProblem::State(state),
            Unusable::Usage => KeyProblem::NotSymmetric,
        };
        (Some(unusable.refusal(&key, operation)), problem)
    })
}

/// Seals a value under a key, with a data key of its own.
pub fn seal(
    key: &UsableKey,
    context: &Context<'_>,
    value: &SecretBytes,
    given: &Given<'_>,
) -> Result<Envelope, Stop> {
    seal_with(key, context, value, &given.means())
}

/// As [`seal`], on nobody's behalf.
pub(crate) fn seal_with(
    key: &UsableKey,
    context: &Context<'_>,
    value: &SecretBytes,
    means: &Means<'_>,
) -> Result<Envelope, Stop> {
    let material = key.current();
    let context = EncryptionContext::of(context.iter().copied());
    let (data_key, wrapped) = means
        .keyring
        .generate_data_key(&material.name, &material.wrapped, &context, means.entropy)
        .map_err(|cause| does_not_open("a data key", &key.key().key_id, cause))?;
    Ok(Envelope {
        key_account: key.key().account.clone(),
        key_id: key.key().key_id.clone(),
        key_version: material.name.version,
        data_key: wrapped,
        value: data_key.seal(&context, value, means.entropy),
    })
}

/// Opens a value. `what` names its record for whoever must repair it.
pub fn open(
    key: &UsableKey,
    envelope: &Envelope,
    context: &Context<'_>,
    what: impl Fn() -> String,
    given: &Given<'_>,
) -> Result<SecretBytes, Stop> {
    open_with(key, envelope, context, what, &given.means())
}

/// As [`open`], on nobody's behalf.
pub(crate) fn open_with(
    key: &UsableKey,
    envelope: &Envelope,
    context: &Context<'_>,
    what: impl Fn() -> String,
    means: &Means<'_>,
) -> Result<SecretBytes, Stop> {
    open_under(key.key(), envelope, context, what, means)
}

/// As [`open`], whatever the key's state; for whoever checks whether values open, and gives none out.
pub(crate) fn open_under(
    key: &KmsKey,
    envelope: &Envelope,
    context: &Context<'_>,
    what: impl Fn() -> String,
    means: &Means<'_>,
) -> Result<SecretBytes, Stop> {
    let Some(material) = key.version(envelope.key_version) else {
        return Err(missing(
            &key.account,
            &key.region,
            &key.key_id,
            envelope.key_version,
        ));
    };
    let context = EncryptionContext::of(context.iter().copied());
    means
        .keyring
        .open_data_key(
            &material.name,
            &material.wrapped,
            &context,
            &envelope.data_key,
        )
        .and_then(|data_key| data_key.open(&context, &envelope.value))
        .map_err(|cause| does_not_open(&what(), &envelope.key_id, cause))
}

fn missing(account: &AccountId, region: &Region, key_id: &str, version: u32) -> Stop {
    Stop::Unavailable(Box::new(Broken::KeyMissing {
        key_id: key_id.to_owned(),
        version,
        account: account.clone(),
        region: region.clone(),
    }))
}

fn does_not_open(what: &str, key_id: &str, cause: OpenError) -> Stop {
    Stop::Unavailable(Box::new(Broken::DoesNotOpen {
        what: what.to_owned(),
        key_id: key_id.to_owned(),
        cause,
    }))
}
