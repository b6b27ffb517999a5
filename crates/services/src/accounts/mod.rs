//! Accounts of a deployment and the access keys of their root users: the operator's side of
//! identity. Knows no request and no signature.

pub mod service_control;

use serde::{Deserialize, Serialize};
use strongroom_keys::{CredentialName, Entropy, Keyring, Sealed, SecretBytes};

use crate::caller::AccountId;
use crate::iam::identity_policy::InlinePolicies;
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;
use crate::root_key;
use crate::time::Timestamp;

/// An account of the deployment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// When it was made.
    pub created: Timestamp,
    /// The access keys of its root user.
    pub root_access_key_ids: Vec<String>,
    /// What bounds everyone in the account, root as well. Where there is any, one of them has to allow.
    ///
    /// Source: AWS Organizations User Guide, Service control policies.
    pub service_control: InlinePolicies,
}

/// An account as format 1 has it: nothing bounds it.
#[derive(Deserialize)]
struct FirstAccount {
    id: AccountId,
    created: Timestamp,
    root_access_key_ids: Vec<String>,
}

impl Account {
    /// Reads the fields of an earlier format.
    pub(crate) fn earlier(format: u8, fields: &[u8]) -> Option<Self> {
        let first: FirstAccount = postcard::from_bytes(fields).ok().filter(|_| format == 1)?;
        Some(Account {
            id: first.id,
            created: first.created,
            root_access_key_ids: first.root_access_key_ids,
            service_control: InlinePolicies::default(),
        })
    }
}

/// An access key. Its secret half is sealed under the root key, not hashed: checking a signature
/// needs the secret itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessKey {
    /// The public half.
    pub access_key_id: String,
    /// Whose it is.
    pub account: AccountId,
    /// When it was made.
    pub created: Timestamp,
    /// The secret half, sealed.
    pub sealed_secret: Sealed,
    /// Who in the account.
    pub owner: KeyOwner,
    /// Whether it may be used.
    pub status: KeyStatus,
}

/// Who an access key belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyOwner {
    /// The account's root user.
    Root,
    /// An IAM user.
    User {
        /// Its name.
        name: String,
    },
}

/// Whether an access key may be used.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyStatus {
    /// It may.
    Active,
    /// It may not, until it is made active again.
    Inactive,
}

/// An access key as format 1 has it: every one is a root user's, and active.
#[derive(Deserialize)]
struct FirstAccessKey {
    access_key_id: String,
    account: AccountId,
    created: Timestamp,
    sealed_secret: Sealed,
}

/// New credentials, in the open: shown once, to whoever made them.
#[derive(Debug)]
pub struct FreshCredentials {
    /// The account.
    pub account: AccountId,
    /// `AKIA`, or `ASIA` for temporary ones, and 16 more characters.
    pub access_key_id: String,
    /// 40 characters.
    pub secret_access_key: SecretBytes,
}

impl AccessKey {
    /// A new access key, sealed.
    pub fn of(
        credentials: &FreshCredentials,
        owner: KeyOwner,
        now: Timestamp,
        keyring: &Keyring,
        entropy: &dyn Entropy,
    ) -> Self {
        let secret = &credentials.secret_access_key;
        AccessKey {
            access_key_id: credentials.access_key_id.clone(),
            account: credentials.account.clone(),
            created: now,
            sealed_secret: keyring.seal_credential(credentials.name(), secret, entropy),
            owner,
            status: KeyStatus::Active,
        }
    }

    /// Reads the fields of an earlier format.
    pub(crate) fn earlier(format: u8, fields: &[u8]) -> Option<Self> {
        let FirstAccessKey {
            access_key_id,
            account,
            created,
            sealed_secret,
        } = postcard::from_bytes(fields).ok().filter(|_| format == 1)?;
        Some(AccessKey {
            access_key_id,
            account,
            created,
            sealed_secret,
            owner: KeyOwner::Root,
            status: KeyStatus::Active,
        })
    }

    /// What its secret half is bound to.
    pub fn name(&self) -> CredentialName<'_> {
        CredentialName {
            account: self.account.as_str(),
            access_key_id: &self.access_key_id,
        }
    }
}

impl FreshCredentials {
    fn name(&self) -> CredentialName<'_> {
        CredentialName {
            account: self.account.as_str(),
            access_key_id: &self.access_key_id,
        }
    }
}

/// Why an account was not made.
#[derive(Debug, thiserror::Error)]
pub enum AccountProblem {
    /// The account is there.
    #[error("account {0} already exists; `strongroom admin account list` shows all accounts")]
    AlreadyExists(AccountId),
    /// The account isn't there.
    #[error("there is no account {0}; `strongroom admin account list` shows all accounts")]
    Missing(AccountId),
    /// A service control policy can't be.
    #[error(transparent)]
    Policy(#[from] service_control::PolicyProblem),
    /// Fixed credentials carry an access key id that is no such id.
    #[error(
        "'{0}' can't be an access key id: it must be 4 to 128 letters, digits or underscores \
         (AWS_ACCESS_KEY_ID)"
    )]
    InvalidAccessKeyId(String),
    /// Fixed credentials carry a key that another account or a user has.
    #[error("the access key {0} already belongs to someone else; choose another one")]
    AccessKeyTaken(String),
    /// Fixed credentials carry no secret.
    #[error("the secret access key is empty (AWS_SECRET_ACCESS_KEY)")]
    EmptySecret,
    /// The store did not answer.
    #[error("the records could not be read: {0}")]
    Unavailable(Box<dyn std::error::Error + Send + Sync>),
}

impl From<Stop> for AccountProblem {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Unavailable(cause) => Self::Unavailable(cause),
            Stop::Refused(refusal) => Self::Unavailable(refusal.message.unwrap_or_default().into()),
        }
    }
}

/// Fresh credentials for an account's root user, or a user.
pub fn fresh_credentials(account: &AccountId, entropy: &dyn Entropy) -> FreshCredentials {
    fresh("AKIA", account, entropy)
}

/// Fresh credentials for a session.
pub(crate) fn fresh_temporary_credentials(
    account: &AccountId,
    entropy: &dyn Entropy,
) -> FreshCredentials {
    fresh("ASIA", account, entropy)
}

fn fresh(prefix: &str, account: &AccountId, entropy: &dyn Entropy) -> FreshCredentials {
    const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut random = [0; 16];
    entropy.fill(&mut random);
    let mut access_key_id = String::from(prefix);
    access_key_id.extend(
        random
            .iter()
            .map(|byte| char::from(BASE32[usize::from(byte % 32)])),
    );
    let mut secret = vec![0; 40];
    entropy.fill(&mut secret);
    for byte in &mut secret {
        *byte = BASE64[usize::from(*byte % 64)];
    }
    FreshCredentials {
        account: account.clone(),
        access_key_id,
        secret_access_key: SecretBytes::new(secret),
    }
}

/// Makes an account whose root user has the given credentials.
///
/// # Errors
/// [`AccountProblem::AlreadyExists`], or what is wrong with the credentials.
pub fn create(
    credentials: &FreshCredentials,
    records: &Records<'_>,
    now: Timestamp,
    keyring: &Keyring,
    entropy: &dyn Entropy,
) -> Result<Changes, AccountProblem> {
    if records
        .read::<Account>(Key::account(&credentials.account))?
        .is_some()
    {
        return Err(AccountProblem::AlreadyExists(credentials.account.clone()));
    }
    with_credentials(credentials, None, records, now, keyring, entropy)
}

/// Gives an account's root user the given credentials and takes its earlier ones away; makes the
/// account where it doesn't exist. For development servers, whose credentials are fixed by their
/// environment.
///
/// # Errors
/// What is wrong with the credentials.
pub fn set_root_credentials(
    credentials: &FreshCredentials,
    records: &Records<'_>,
    now: Timestamp,
    keyring: &Keyring,
    entropy: &dyn Entropy,
) -> Result<Changes, AccountProblem> {
    let earlier = records.read::<Account>(Key::account(&credentials.account))?;
    with_credentials(
        credentials,
        earlier.as_deref(),
        records,
        now,
        keyring,
        entropy,
    )
}

fn with_credentials(
    credentials: &FreshCredentials,
    earlier: Option<&Account>,
    records: &Records<'_>,
    now: Timestamp,
    keyring: &Keyring,
    entropy: &dyn Entropy,
) -> Result<Changes, AccountProblem> {
    root_key::note(records)?;
    let id = &credentials.access_key_id;
    let well_formed = (4..=128).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !well_formed {
        return Err(AccountProblem::InvalidAccessKeyId(id.clone()));
    }
    if credentials.secret_access_key.is_empty() {
        return Err(AccountProblem::EmptySecret);
    }
    if let Some(taken) = records.read::<AccessKey>(Key::access_key(id))?
        && (taken.account != credentials.account || taken.owner != KeyOwner::Root)
    {
        return Err(AccountProblem::AccessKeyTaken(id.clone()));
    }
    let mut changes = Changes::none();
    let old = earlier
        .iter()
        .flat_map(|account| &account.root_access_key_ids);
    for old in old.filter(|old| *old != id) {
        changes.delete(Key::access_key(old));
        changes.delete(Key::last_use(&credentials.account, old));
    }
    changes.put(
        Key::account(&credentials.account),
        &Account {
            id: credentials.account.clone(),
            created: now,
            root_access_key_ids: vec![id.clone()],
            service_control: earlier
                .map(|account| account.service_control.clone())
                .unwrap_or_default(),
        },
    )?;
    changes.put(
        Key::access_key(id),
        &AccessKey::of(credentials, KeyOwner::Root, now, keyring, entropy),
    )?;
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use strongroom_keys::{RootKey, SeededEntropy};

    use super::*;
    use crate::records::Record;

    #[test]
    fn an_access_key_of_the_first_format_is_roots_and_active() {
        let entropy = SeededEntropy::new(1);
        let keyring = Keyring::new(RootKey::generate(&entropy));
        let account = AccountId::parse("123456789012").unwrap();
        let made = fresh_credentials(&account, &entropy);
        let now = Timestamp::from_milliseconds(1);
        let key = AccessKey::of(&made, KeyOwner::Root, now, &keyring, &entropy);
        let first = (&key.access_key_id, &account, now, &key.sealed_secret);
        let bytes = postcard::to_extend(&first, vec![1]).unwrap();
        let place = Key::access_key(&key.access_key_id);
        let read = AccessKey::decode_at(place.as_bytes(), &bytes).unwrap();
        let read = AccessKey::unwrap(&read).unwrap();
        assert_eq!(
            (&read.owner, read.status),
            (&KeyOwner::Root, KeyStatus::Active)
        );
        let secret = keyring.open_credential(read.name(), &read.sealed_secret);
        assert!(made.secret_access_key.matches(&secret.unwrap()));
        for wrong in [vec![1], vec![3, 0], vec![]] {
            assert!(AccessKey::decode(&wrong).is_err(), "{wrong:?}");
        }
    }
}
