//! When something was last used: the day on which a secret was read, the instant at which an access key or a role
//! signed. A decision only notes it ([`Use`]); it is written down a little later, together with others, so that no
//! answer waits for it. Meanwhile whoever reads the record is shown what was noted.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::accounts::AccessKey;
use crate::caller::{AccountId, Caller, Principal};
use crate::iam::role::Role;
use crate::records::{AnyRecord, Changes, Key, Record, Records};
use crate::refusal::Stop;
use crate::secretsmanager::secret::Secret;
use crate::time::Timestamp;

/// How long after a use was noted another one at the same service and in the same region is too soon to note.
pub const NOTED_EVERY_MILLISECONDS: i64 = 15 * 60 * 1000;

/// When an access key or a role last signed a request, and for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUse {
    /// Whose.
    pub account: AccountId,
    /// The access key's id, or the role's unique id.
    pub of: String,
    /// When.
    pub at: Timestamp,
    /// The service's signing name.
    pub service: String,
    /// The region of the request.
    pub region: String,
}

impl LastUse {
    /// Its place.
    pub fn key(&self) -> Key {
        Key::last_use(&self.account, &self.of)
    }
}

/// A use that is to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The record that says it.
    key: Key,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// A version of a secret was read on a day. The end of the secret's ARN tells it from another of its name.
    Read {
        suffix: String,
        version_id: String,
        day: Timestamp,
    },
    /// A request was signed.
    Signed { last_use: LastUse, by: Signatory },
}

/// What must still be there when a use is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Signatory {
    AccessKey,
    Role { name: String },
}

impl Use {
    /// A version of a secret is read.
    pub fn of_secret(secret: &Secret, version_id: &str, now: Timestamp) -> Self {
        Use {
            key: secret.key(),
            what: What::Read {
                suffix: secret.suffix.clone(),
                version_id: version_id.to_owned(),
                day: now.day_start(),
            },
        }
    }

    /// A request to a service is signed by a long-term access key, or by a role's credentials. Other temporary
    /// credentials are none that anyone asks about.
    pub fn of_signature(
        caller: &Caller,
        access_key_id: &str,
        service: &str,
        now: Timestamp,
    ) -> Option<Self> {
        let (of, by) = match (&caller.principal, &caller.session) {
            (Principal::Role(signer), _) => {
                let name = signer.role.name.clone();
                (signer.role.id.as_str(), Signatory::Role { name })
            }
            (_, None) => (access_key_id, Signatory::AccessKey),
            _ => return None,
        };
        let last_use = LastUse {
            account: caller.account.clone(),
            of: of.to_owned(),
            at: now,
            service: service.to_owned(),
            region: caller.region.as_str().to_owned(),
        };
        Some(Use {
            key: last_use.key(),
            what: What::Signed { last_use, by },
        })
    }

    /// The record that says it.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Whether it says all that an earlier note of the same record says.
    pub fn replaces(&self, earlier: &Use) -> bool {
        match (&self.what, &earlier.what) {
            (
                What::Read {
                    suffix, version_id, ..
                },
                What::Read {
                    suffix: other,
                    version_id: other_id,
                    ..
                },
            ) => suffix == other && version_id == other_id,
            (What::Signed { .. }, What::Signed { .. }) => true,
            _ => false,
        }
    }

    /// The record as it is to be shown, where that isn't as it is.
    pub fn shown(&self, record: Option<&AnyRecord>) -> Option<AnyRecord> {
        match &self.what {
            What::Read {
                suffix,
                version_id,
                day,
            } => {
                let secret = Secret::unwrap(record?)?;
                let version = secret.version(version_id);
                let is_known = secret.accessed >= Some(*day)
                    && version.is_none_or(|version| version.accessed >= Some(*day));
                if secret.suffix != *suffix || is_known {
                    return None;
                }
                let mut read = Secret::clone(secret);
                read.note_read(version_id, *day);
                Some(Secret::wrap(Arc::new(read)))
            }
            What::Signed { last_use, .. } => {
                let known = record.and_then(LastUse::unwrap);
                let is_newer = known.is_none_or(|known| known.at < last_use.at);
                is_newer.then(|| LastUse::wrap(Arc::new(last_use.clone())))
            }
        }
    }

    /// Adds what writes it down; nothing, where what was used is gone.
    ///
    /// # Errors
    /// [`Stop::Unavailable`] where a record can't be read.
    pub fn write_down(&self, records: &Records<'_>, changes: &mut Changes) -> Result<(), Stop> {
        match &self.what {
            What::Read {
                suffix,
                version_id,
                day,
            } => {
                let written = changes.pending::<Secret>(&self.key)?;
                let found = match written {
                    Some(secret) => Some(secret),
                    None => records.read::<Secret>(self.key.clone())?,
                };
                if let Some(secret) = found.filter(|secret| secret.suffix == *suffix) {
                    let mut secret = Arc::unwrap_or_clone(secret);
                    secret.note_read(version_id, *day);
                    changes.put(self.key.clone(), &secret)?;
                }
            }
            What::Signed { last_use, by } => {
                let is_there = match by {
                    Signatory::AccessKey => {
                        let key = records.read::<AccessKey>(Key::access_key(&last_use.of))?;
                        key.is_some_and(|key| key.account == last_use.account)
                    }
                    Signatory::Role { name } => {
                        let role = records.read::<Role>(Key::iam_role(&last_use.account, name))?;
                        role.is_some_and(|role| role.id == last_use.of)
                    }
                };
                let known = records.read::<LastUse>(self.key.clone())?;
                if is_there && known.is_none_or(|known| known.at <= last_use.at) {
                    changes.put(self.key.clone(), last_use)?;
                }
            }
        }
        Ok(())
    }
}

/// When an access key or a role was last used, as far as that was noted.
pub fn of(
    account: &AccountId,
    id: &str,
    records: &Records<'_>,
) -> Result<Option<Arc<LastUse>>, Stop> {
    records.peek::<LastUse>(&Key::last_use(account, id))
}
