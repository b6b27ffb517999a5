//! Who signed a request: from a signature to a caller. Access keys are unsealed once and kept, with
//! the signing keys derived from them, until their record changes.

use std::sync::{Arc, PoisonError, RwLock};

use http::request::Parts;
use quick_cache::sync::Cache;
use strongroom_keys::{Keyring, SecretBytes};
use strongroom_services::accounts::{AccessKey, KeyOwner, KeyStatus};
use strongroom_services::caller::{AccountId, Caller, Principal, Region, Signer};
use strongroom_services::iam::user::User;
use strongroom_services::records::{Key, Record, Source};
use strongroom_services::refusal::Stop;
use strongroom_wire::sigv4::{self, AuthError, Scope, SigningKey};
use strongroom_wire::target::Target;

use crate::guesses::Guesses;

/// Access keys that are kept unsealed.
const CREDENTIALS_MAX: usize = 10_000;
/// Signing keys that are kept for one access key: one for each day, region and service.
const SIGNING_KEYS_MAX: usize = 16;

/// The access keys that were used lately.
pub struct Identities {
    credentials: Cache<String, Arc<Credential>>,
    guesses: Guesses,
}

struct Credential {
    /// The revision of the access key's record that this was made from.
    modified: u64,
    account: AccountId,
    owner: KeyOwner,
    secret: SecretBytes,
    signing_keys: RwLock<Vec<Arc<SigningKey>>>,
}

/// Why nobody could be made out.
pub enum Unidentified {
    /// The client must act.
    Refused(AuthError),
    /// The operator must act.
    Unavailable(Stop),
}

impl From<AuthError> for Unidentified {
    fn from(error: AuthError) -> Self {
        Unidentified::Refused(error)
    }
}

impl Identities {
    /// None are known yet. Who guesses at credentials is slowed down where that is asked for.
    pub fn new(slows_guesses: bool) -> Self {
        Identities {
            credentials: Cache::new(CREDENTIALS_MAX),
            guesses: Guesses::new(slows_guesses),
        }
    }

    /// Who tried to sign and couldn't.
    pub fn guesses(&self) -> &Guesses {
        &self.guesses
    }

    /// Checks a request's signature and says whose it is. `now` is real time, in seconds since 1970.
    pub fn identify(
        &self,
        parts: &Parts,
        body: &[u8],
        target: &Target<'_>,
        now: i64,
        records: &dyn Source,
        keyring: &Keyring,
    ) -> Result<Caller, Unidentified> {
        let signed = sigv4::read(parts)?;
        let credential = self.credential(signed.access_key_id(), records, keyring)?;
        if signed.session_token().is_some() {
            // Access keys of users have no sessions.
            return Err(AuthError::InvalidSessionToken.into());
        }
        target.check_scope(signed.scope())?;
        let key = credential.signing_key(signed.scope());
        signed.verify(body, &key, now)?;
        let region = Region::parse(signed.region()).map_err(|_| AuthError::InvalidRegion)?;
        Ok(Caller {
            account: credential.account.clone(),
            region,
            principal: credential.principal(signed.access_key_id(), records)?,
        })
    }

    fn credential(
        &self,
        access_key_id: &str,
        records: &dyn Source,
        keyring: &Keyring,
    ) -> Result<Arc<Credential>, Unidentified> {
        let key = Key::access_key(access_key_id);
        let found = records
            .get(key.as_bytes(), AccessKey::decode_at)
            .map_err(Unidentified::Unavailable)?
            .ok_or(AuthError::UnknownAccessKey)?;
        if let Some(known) = self.credentials.get(access_key_id)
            && known.modified == found.modified
        {
            return Ok(known);
        }
        let access_key = AccessKey::unwrap(&found.record)
            .filter(|key| key.status == KeyStatus::Active)
            .ok_or(AuthError::UnknownAccessKey)?;
        let secret = keyring
            .open_credential(access_key.name(), &access_key.sealed_secret)
            .map_err(|cause| {
                let what = format!("the access key {access_key_id} can't be used: {cause}");
                Unidentified::Unavailable(Stop::Unavailable(what.into()))
            })?;
        let credential = Arc::new(Credential {
            modified: found.modified,
            account: access_key.account.clone(),
            owner: access_key.owner.clone(),
            secret,
            signing_keys: RwLock::default(),
        });
        self.credentials
            .insert(access_key_id.to_owned(), Arc::clone(&credential));
        Ok(credential)
    }
}

impl Credential {
    /// Whose it is. A key whose user is gone is nobody's.
    fn principal(
        &self,
        access_key_id: &str,
        records: &dyn Source,
    ) -> Result<Principal, Unidentified> {
        let KeyOwner::User { name } = &self.owner else {
            return Ok(Principal::Root);
        };
        let place = Key::iam_user(&self.account, name);
        let found = records
            .get(place.as_bytes(), User::decode_at)
            .map_err(Unidentified::Unavailable)?;
        let user = found.as_ref().and_then(|found| User::unwrap(&found.record));
        let has_it = |user: &&Arc<User>| user.access_key_ids.iter().any(|id| id == access_key_id);
        let user = user.filter(has_it).ok_or(AuthError::UnknownAccessKey)?;
        Ok(Principal::User(Signer {
            user: Arc::clone(user),
            access_key_id: access_key_id.to_owned(),
        }))
    }

    fn signing_key(&self, scope: &Scope<'_>) -> Arc<SigningKey> {
        let known = self
            .signing_keys
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = known.iter().find(|key| key.scope() == scope) {
            return Arc::clone(key);
        }
        drop(known);
        let key = Arc::new(SigningKey::derive(&self.secret, scope));
        let mut known = self
            .signing_keys
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if known.len() >= SIGNING_KEYS_MAX {
            // The oldest: yesterday's, or a region's that is hardly used.
            known.remove(0);
        }
        known.push(Arc::clone(&key));
        key
    }
}
