//! Temporary credentials: the token that comes with them carries all that is known of the session, sealed, so that no
//! record is kept of it and no node has to ask another.
//!
//! A token is a byte, the format; the day of its making; and, sealed under that day's key, the secret access key and the
//! session. Sealed under the root key's keys: once a root key is renewed and the old one put away, what it sealed has
//! expired.
//!
//! Source: AWS IAM User Guide, Temporary security credentials in IAM.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use strongroom_keys::{Entropy, Keyring, Sealed, SecretBytes};

use crate::accounts;
use crate::caller::AccountId;
use crate::iam::identity_policy::IdentityPolicy;
use crate::iam::managed_policy::PolicyName;
use crate::iam::shapes::Tag;
use crate::refusal::Stop;
use crate::time::Timestamp;

/// The format of tokens, their first byte.
const FORMAT: u8 = 1;
/// Bytes of a secret access key.
const SECRET_BYTES: usize = 40;
/// Bytes of the day in a token.
const DAY_BYTES: usize = 4;
/// Characters of a token at most. Source: AWS STS API Reference, `MinimumSessionTokenSize`.
pub const TOKEN_BYTES_MAX: usize = 4096;
/// Base64 writes every three bytes as four characters.
const BASE64_BYTES: usize = 3;
const BASE64_CHARACTERS: usize = 4;
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// A session, of which its token tells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// `ASIA…`, the public half of its credentials.
    pub access_key_id: String,
    /// Whose credentials they are.
    pub account: AccountId,
    /// When it began: `aws:TokenIssueTime`.
    pub issued: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// Who in the account.
    pub of: SessionOf,
    /// When a code of a device was given for it, where one was.
    pub authenticated: Option<Timestamp>,
}

/// The instants of a session.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// When it begins.
    pub issued: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// When a code of a device was given for it, where one was.
    pub authenticated: Option<Timestamp>,
}

/// Who a session's credentials are for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum SessionOf {
    /// The account's root user, by GetSessionToken.
    Root,
    /// A user, by GetSessionToken.
    User {
        /// Its name when the session began.
        name: String,
        /// Its unique id, so that nobody else of that name inherits the session.
        id: String,
    },
    /// Someone who assumed a role.
    Role(Box<AssumedRole>),
}

/// What someone who assumed a role asked for, and what limits the session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AssumedRole {
    /// The role's name when the session began.
    pub role: String,
    /// The role's unique id, so that no other role of that name inherits the session.
    pub role_id: String,
    /// The session's name.
    pub session_name: String,
    /// The policy given with the session, where one was.
    pub policy: Option<IdentityPolicy>,
    /// The managed policies given with the session.
    pub managed: Vec<PolicyName>,
    /// The session's tags; they take the place of the role's of the same keys.
    pub tags: Vec<Tag>,
    /// The keys of those tags that go on to the next role of a chain.
    pub transitive_tag_keys: Vec<String>,
    /// `aws:SourceIdentity`, which no later session of a chain can change.
    pub source_identity: Option<String>,
    /// The provider whose token was given for the session: `aws:FederatedProvider`.
    pub federated_provider: Option<String>,
}

impl AssumedRole {
    /// Whether a policy was given with the session: then what it doesn't allow, the session may not.
    pub fn is_limited(&self) -> bool {
        self.policy.is_some() || !self.managed.is_empty()
    }

    /// `AROA…:session`: `aws:userid`.
    pub fn unique_id(&self) -> String {
        format!("{}:{}", self.role_id, self.session_name)
    }

    /// The session's ARN, in which the role's path isn't.
    pub fn arn(&self, partition: &str, account: &AccountId) -> String {
        format!(
            "arn:{partition}:sts::{account}:assumed-role/{}/{}",
            self.role, self.session_name
        )
    }

    /// The tags that go on to the next role of a chain.
    pub fn transitive_tags(&self) -> impl Iterator<Item = &Tag> {
        let goes_on = |tag: &&Tag| {
            let mut keys = self.transitive_tag_keys.iter();
            keys.any(|key| key.eq_ignore_ascii_case(&tag.key))
        };
        self.tags.iter().filter(goes_on)
    }
}

/// Temporary credentials, in the open: given once, to whoever asked.
#[derive(Debug)]
pub struct Issued {
    /// The session.
    pub session: Session,
    /// 40 characters.
    pub secret_access_key: SecretBytes,
    /// What each request of the session brings along.
    pub token: String,
}

/// Begins a session. Its token has at least so many characters; what it tells may make it longer than
/// [`TOKEN_BYTES_MAX`], which is for whoever asked for it to refuse.
///
/// # Errors
/// None: a session is made of plain fields.
pub fn issue(
    account: AccountId,
    of: SessionOf,
    times: Times,
    token_bytes_min: usize,
    keyring: &Keyring,
    entropy: &dyn Entropy,
) -> Result<Issued, Stop> {
    let made = accounts::fresh_temporary_credentials(&account, entropy);
    let session = Session {
        access_key_id: made.access_key_id,
        account,
        issued: times.issued,
        expires: times.expires,
        of,
        authenticated: times.authenticated,
    };
    let fields =
        postcard::to_allocvec(&session).map_err(|error| Stop::Unavailable(Box::new(error)))?;
    let mut plain = Vec::with_capacity(SECRET_BYTES + fields.len());
    plain.extend(made.secret_access_key.expose());
    plain.extend(fields);
    let day = times.issued.seconds().div_euclid(DAY_SECONDS);
    let day = u32::try_from(day).unwrap_or_default();
    let sealed = |plain: &SecretBytes| {
        let sealed = keyring.seal_token(&purpose(day), plain.expose(), entropy);
        let mut token = vec![FORMAT];
        token.extend(day.to_be_bytes());
        token.extend(sealed.as_bytes());
        token
    };
    let bytes_min = token_bytes_min.div_ceil(BASE64_CHARACTERS) * BASE64_BYTES;
    let plain = SecretBytes::new(plain);
    let mut token = sealed(&plain);
    if token.len() < bytes_min {
        // Whoever reads the fields stops at the last of them.
        let mut longer = Vec::with_capacity(plain.len() + bytes_min - token.len());
        longer.extend(plain.expose());
        longer.resize(longer.capacity(), 0);
        token = sealed(&SecretBytes::new(longer));
    }
    Ok(Issued {
        session,
        secret_access_key: made.secret_access_key,
        token: BASE64.encode(token),
    })
}

/// Reads a token. `None`: this deployment gave out no such token, or not under a root key that it still has.
///
/// Whether the session has expired, and whether its user or role is still there, is for the caller to ask.
pub fn redeem(token: &str, keyring: &Keyring) -> Option<(Session, SecretBytes)> {
    let bytes = BASE64.decode(token).ok()?;
    let (format, rest) = bytes.split_first()?;
    let (day, sealed) = rest.split_first_chunk::<DAY_BYTES>()?;
    if *format != FORMAT {
        return None;
    }
    let sealed = Sealed::from_bytes(sealed.to_vec());
    let day = u32::from_be_bytes(*day);
    let plain = keyring.open_token(&purpose(day), &sealed).ok()?;
    let (secret, fields) = plain.expose().split_at_checked(SECRET_BYTES)?;
    let session = postcard::from_bytes(fields).ok()?;
    Some((session, SecretBytes::copy_of(secret)))
}

/// Tokens of each day have a key of their own.
fn purpose(day: u32) -> String {
    format!("session token of day {day}")
}

#[cfg(test)]
mod tests {
    use strongroom_keys::{RootKey, SeededEntropy};

    use super::*;

    fn issued(keyring: &Keyring) -> Issued {
        issued_of_size(keyring, 0)
    }

    fn issued_of_size(keyring: &Keyring, token_bytes_min: usize) -> Issued {
        let of = SessionOf::User {
            name: "alice".to_owned(),
            id: "AIDAEXAMPLE".to_owned(),
        };
        let account = AccountId::parse("123456789012").unwrap();
        let at = |seconds: i64| Timestamp::from_milliseconds(seconds * 1000);
        let entropy = SeededEntropy::new(7);
        let times = Times {
            issued: at(100_000),
            expires: at(103_600),
            authenticated: None,
        };
        issue(account, of, times, token_bytes_min, keyring, &entropy).unwrap()
    }

    #[test]
    fn a_token_is_made_as_long_as_asked_and_tells_the_same() {
        let keyring = Keyring::new(RootKey::generate(&SeededEntropy::new(1)));
        let shortest = issued(&keyring).token.len();
        for least in [0, 1, shortest, shortest + 1, 1000, 4094, TOKEN_BYTES_MAX] {
            let made = issued_of_size(&keyring, least);
            let length = made.token.len();
            assert!(length >= least && length < least.max(shortest) + 4);
            let (session, secret) = redeem(&made.token, &keyring).unwrap();
            assert!(secret.matches(&made.secret_access_key));
            assert_eq!(session.access_key_id, made.session.access_key_id);
        }
    }

    #[test]
    fn a_token_tells_of_its_session_to_whoever_has_the_root_key() {
        let keyring = Keyring::new(RootKey::generate(&SeededEntropy::new(1)));
        let made = issued(&keyring);
        let (session, secret) = redeem(&made.token, &keyring).unwrap();
        assert!(secret.matches(&made.secret_access_key));
        assert_eq!(session.access_key_id, made.session.access_key_id);
        assert!(session.access_key_id.starts_with("ASIA"));
        assert_eq!(session.expires, made.session.expires);
        let other = Keyring::new(RootKey::generate(&SeededEntropy::new(2)));
        assert!(redeem(&made.token, &other).is_none());
    }

    #[test]
    fn a_token_of_which_any_byte_is_changed_is_none() {
        let keyring = Keyring::new(RootKey::generate(&SeededEntropy::new(1)));
        let bytes = BASE64.decode(issued(&keyring).token).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(
                redeem(&BASE64.encode(&changed), &keyring).is_none(),
                "byte {at}"
            );
            assert!(redeem(&BASE64.encode(&bytes[..at]), &keyring).is_none());
        }
    }
}
