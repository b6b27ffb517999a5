//! Who signed a request: from a signature to a caller. Access keys are unsealed once and kept, with
//! the signing keys derived from them, until their record changes; sessions' until others push them out.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use http::request::Parts;
use quick_cache::sync::Cache;
use strongroom_keys::{Keyring, SecretBytes};
use strongroom_services::accounts::{AccessKey, KeyOwner, KeyStatus};
use strongroom_services::caller::{AccountId, Caller, Principal, Region, RoleSigner, Signer};
use strongroom_services::iam::role::Role;
use strongroom_services::iam::unique_id;
use strongroom_services::iam::user::User;
use strongroom_services::last_use::{NOTED_EVERY_MILLISECONDS, Use};
use strongroom_services::records::{Key, Record, Records, Source};
use strongroom_services::refusal::Stop;
use strongroom_services::sts::session::{self, AssumedRole, Session, SessionOf};
use strongroom_services::time::Timestamp;
use strongroom_wire::sigv4::{self, AuthError, Scope, SigningKey};
use strongroom_wire::target::{Service, Target};

use crate::guesses::Guesses;

/// Access keys that are kept unsealed.
const CREDENTIALS_MAX: usize = 10_000;
/// Signing keys that are kept for one access key: one for each day, region and service.
const SIGNING_KEYS_MAX: usize = 16;

/// The access keys and sessions that were used lately.
pub struct Identities {
    credentials: Cache<String, Arc<Credential>>,
    sessions: Cache<String, Arc<OpenSession>>,
    guesses: Guesses,
}

struct Credential {
    /// The revision of the access key's record that this was made from.
    modified: u64,
    account: AccountId,
    owner: KeyOwner,
    secret: SecretBytes,
    signing_keys: SigningKeys,
}

/// A session whose token was opened.
struct OpenSession {
    /// The very token: another one with the same access key id is not taken for it.
    token: String,
    /// The keyring's, when it was opened.
    generation: u64,
    session: Arc<Session>,
    assumed: Option<Arc<AssumedRole>>,
    secret: SecretBytes,
    signing_keys: SigningKeys,
}

/// The signing keys that were derived from a secret access key.
#[derive(Default)]
struct SigningKeys(RwLock<Vec<Arc<Derived>>>);

struct Derived {
    key: SigningKey,
    /// When it was last noted that it had signed, in the domain's milliseconds.
    noted: AtomicI64,
}

/// Who signed a request.
pub struct Identified {
    /// Who.
    pub caller: Caller,
    /// By which access key.
    pub access_key_id: String,
    /// The use that is to be noted, if any.
    pub used: Option<Use>,
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
            sessions: Cache::new(CREDENTIALS_MAX),
            guesses: Guesses::new(slows_guesses),
        }
    }

    /// Who tried to sign and couldn't.
    pub fn guesses(&self) -> &Guesses {
        &self.guesses
    }

    /// Checks a request's signature and says whose it is. `now` is real time, in seconds since 1970, by which requests
    /// are dated; sessions end by the domain's.
    pub fn identify(
        &self,
        parts: &Parts,
        body: &[u8],
        target: &Target<'_>,
        (now, domain_now): (i64, Timestamp),
        records: &dyn Source,
        keyring: &Keyring,
    ) -> Result<Identified, Unidentified> {
        let signed = sigv4::read(parts)?;
        let region = || Region::parse(signed.region()).map_err(|_| AuthError::InvalidRegion);
        if let Some(token) = signed.session_token() {
            let open = self.session(signed.access_key_id(), token, keyring)?;
            target.check_scope(signed.scope())?;
            let key = open.signing_keys.of(&open.secret, signed.scope());
            signed.verify(body, &key.key, now)?;
            if domain_now >= open.session.expires {
                return Err(AuthError::ExpiredSession.into());
            }
            let caller = Caller {
                account: open.session.account.clone(),
                region: region()?,
                principal: open.principal(records)?,
                session: Some(Arc::clone(&open.session)),
            };
            let used = key.note(&caller, signed.access_key_id(), domain_now);
            return Ok(Identified {
                caller,
                access_key_id: signed.access_key_id().to_owned(),
                used,
            });
        }
        let credential = self.credential(signed.access_key_id(), records, keyring)?;
        target.check_scope(signed.scope())?;
        let key = credential
            .signing_keys
            .of(&credential.secret, signed.scope());
        signed.verify(body, &key.key, now)?;
        let caller = Caller {
            account: credential.account.clone(),
            region: region()?,
            principal: credential.principal(signed.access_key_id(), records)?,
            session: None,
        };
        let used = key.note(&caller, signed.access_key_id(), domain_now);
        Ok(Identified {
            caller,
            access_key_id: signed.access_key_id().to_owned(),
            used,
        })
    }

    /// Whose access key it is, signed or not; `None`: nobody's.
    pub fn account_of(
        &self,
        access_key_id: &str,
        records: &dyn Source,
        keyring: &Keyring,
    ) -> Option<AccountId> {
        let credential = self.credential(access_key_id, records, keyring).ok()?;
        Some(credential.account.clone())
    }

    /// Whether a request that has only its head yet names an access key that there is, or brings a session's token along,
    /// for Lambda. Nothing is proven by that: it keeps those out who know none.
    pub fn may_be_known(&self, parts: &Parts, records: &dyn Source, keyring: &Keyring) -> bool {
        let Ok(signed) = sigv4::read(parts) else {
            return false;
        };
        let id = signed.access_key_id();
        signed.service() == Service::Lambda.signing_name()
            && match signed.session_token() {
                Some(token) => self.session(id, token, keyring).is_ok(),
                None => self.credential(id, records, keyring).is_ok(),
            }
    }

    /// Opens a session's token, or finds it opened.
    fn session(
        &self,
        access_key_id: &str,
        token: &str,
        keyring: &Keyring,
    ) -> Result<Arc<OpenSession>, AuthError> {
        let generation = keyring.generation();
        if let Some(known) = self.sessions.get(access_key_id)
            && known.token == token
            && known.generation == generation
        {
            return Ok(known);
        }
        let (session, secret) = session::redeem(token, keyring)
            .filter(|(session, _)| session.access_key_id == access_key_id)
            .ok_or(AuthError::InvalidSessionToken)?;
        let assumed = match &session.of {
            SessionOf::Role(assumed) => Some(Arc::new(AssumedRole::clone(assumed))),
            SessionOf::Root | SessionOf::User { .. } => None,
        };
        let open = Arc::new(OpenSession {
            token: token.to_owned(),
            generation,
            session: Arc::new(session),
            assumed,
            secret,
            signing_keys: SigningKeys::default(),
        });
        self.sessions
            .insert(access_key_id.to_owned(), Arc::clone(&open));
        Ok(open)
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
            signing_keys: SigningKeys::default(),
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
        let user = find::<User>(&Key::iam_user(&self.account, name), records)?
            .filter(|user| user.access_key_ids.iter().any(|id| id == access_key_id))
            .ok_or(AuthError::UnknownAccessKey)?;
        Ok(Principal::User(Signer {
            user,
            access_key_id: access_key_id.to_owned(),
        }))
    }
}

impl OpenSession {
    /// Whose it is. A session whose user or role is gone is nobody's.
    fn principal(&self, records: &dyn Source) -> Result<Principal, Unidentified> {
        let account = &self.session.account;
        match (&self.session.of, &self.assumed) {
            (SessionOf::User { name, id }, _) => {
                let user = unique_id::find::<User>(account, id, Some(name), &Records::of(records))
                    .map_err(Unidentified::Unavailable)?
                    .ok_or(AuthError::InvalidSessionToken)?;
                Ok(Principal::User(Signer {
                    user,
                    access_key_id: self.session.access_key_id.clone(),
                }))
            }
            (SessionOf::Role(_), Some(assumed)) => {
                let role = find::<Role>(&Key::iam_role(account, &assumed.role), records)?
                    .filter(|role| role.id == assumed.role_id)
                    .ok_or(AuthError::InvalidSessionToken)?;
                Ok(Principal::Role(RoleSigner {
                    role,
                    assumed: Arc::clone(assumed),
                }))
            }
            _ => Ok(Principal::Root),
        }
    }
}

/// The record at a place, for saying who is there; what it may do is read anew by each decision.
fn find<T: Record>(place: &Key, records: &dyn Source) -> Result<Option<Arc<T>>, Unidentified> {
    let found = records
        .get(place.as_bytes(), T::decode_at)
        .map_err(Unidentified::Unavailable)?;
    Ok(found.and_then(|found| T::unwrap(&found.record).cloned()))
}

impl Derived {
    /// The use to be noted, where none was noted lately of this key at this service and in this region.
    fn note(&self, caller: &Caller, access_key_id: &str, now: Timestamp) -> Option<Use> {
        let noted = self.noted.load(Ordering::Relaxed);
        let milliseconds = now.milliseconds();
        if (noted..noted.saturating_add(NOTED_EVERY_MILLISECONDS)).contains(&milliseconds) {
            return None;
        }
        self.noted.store(milliseconds, Ordering::Relaxed);
        Use::of_signature(caller, access_key_id, self.key.scope().service(), now)
    }
}

impl SigningKeys {
    fn of(&self, secret: &SecretBytes, scope: &Scope<'_>) -> Arc<Derived> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = known.iter().find(|each| each.key.scope() == scope) {
            return Arc::clone(key);
        }
        drop(known);
        let key = Arc::new(Derived {
            key: SigningKey::derive(secret, scope),
            noted: AtomicI64::new(i64::MIN),
        });
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= SIGNING_KEYS_MAX {
            // The oldest: yesterday's, or a region's that is hardly used.
            known.remove(0);
        }
        known.push(Arc::clone(&key));
        key
    }
}

#[cfg(test)]
mod tests {
    use strongroom_keys::{RootKey, SeededEntropy};
    use strongroom_services::sts::session::{Times, issue};

    use super::*;

    #[test]
    fn a_session_ends_with_the_root_key_that_sealed_its_token_though_it_was_in_use() {
        let entropy = SeededEntropy::new(1);
        let keyring = Keyring::new(RootKey::generate(&entropy));
        let account = AccountId::parse("123456789012").unwrap();
        let times = Times {
            issued: Timestamp::from_milliseconds(0),
            expires: Timestamp::from_milliseconds(1),
            authenticated: None,
        };
        let made = issue(account, SessionOf::Root, times, 0, &keyring, &entropy).unwrap();
        let identities = Identities::new(false);
        let opens = |keyring: &Keyring| {
            let id = &made.session.access_key_id;
            identities.session(id, &made.token, keyring).is_ok()
        };
        assert!(opens(&keyring));
        keyring.begin_rewrap(RootKey::generate(&entropy));
        assert!(opens(&keyring), "while the older one is still there");
        keyring.finish_rewrap();
        assert!(!opens(&keyring));
    }
}
