//! The public keys of digest files. They are a record, beside the trails, so that whoever has the data can have old digests
//! validated: also what was restored from a backup, which signs with another key.

use serde::{Deserialize, Serialize};

use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;
use crate::time::Timestamp;

/// Those of all keys that digests were ever signed with, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestKeys {
    /// They themselves.
    pub keys: Vec<DigestKey>,
}

/// The public half of a key that digests were signed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestKey {
    /// What digests name it by.
    pub fingerprint: String,
    /// PKCS #1, DER, in Base64: as ListPublicKeys gives it.
    pub value: String,
    /// From when on it is used.
    pub from: Timestamp,
    /// Until when it was; absent while it is.
    pub until: Option<Timestamp>,
}

impl DigestKey {
    /// Whether it signed in a time. Digests say theirs in whole seconds, so these count alone.
    pub(super) fn is_of(&self, from: Timestamp, to: Timestamp) -> bool {
        self.from.seconds() <= to.seconds()
            && self
                .until
                .is_none_or(|until| until.seconds() >= from.seconds())
    }
}

/// All of them.
pub(super) fn all(records: &Records<'_>) -> Result<Vec<DigestKey>, Stop> {
    let kept = records.read::<DigestKeys>(Key::digest_keys())?;
    Ok(kept.map_or_else(Vec::new, |kept| kept.keys.clone()))
}

/// Notes the keys of who signs digests here. None that is known is forgotten; what isn't theirs has ended.
pub fn note(keys: &[DigestKey], records: &Records<'_>, now: Timestamp) -> Result<Changes, Stop> {
    let before = all(records)?;
    let mut after = before.clone();
    for known in &mut after {
        match keys.iter().find(|key| key.fingerprint == known.fingerprint) {
            Some(key) => *known = key.clone(),
            None => drop(known.until.get_or_insert(now)),
        }
    }
    let is_new = |key: &&DigestKey| {
        let mut known = before.iter();
        known.all(|known| known.fingerprint != key.fingerprint)
    };
    after.extend(keys.iter().filter(is_new).cloned());
    let mut changes = Changes::none();
    if after != before {
        changes.put(Key::digest_keys(), &DigestKeys { keys: after })?;
    }
    Ok(changes)
}
