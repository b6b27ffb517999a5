//! Which resources keep values under a customer's key: an index, so that whoever deletes the key can
//! be told what would be lost. Knows no resource but by its ARN.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::key::KmsKey;
use crate::caller::{AccountId, Region};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;

/// A key of the region that is spoken of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyRef {
    /// Its account.
    pub account: AccountId,
    /// Its id.
    pub key_id: String,
}

impl KeyRef {
    /// The reference to a key.
    pub fn to(key: &KmsKey) -> Self {
        KeyRef {
            account: key.account.clone(),
            key_id: key.key_id.clone(),
        }
    }

    fn row(&self, region: &Region, arn: &str) -> Key {
        Key::kms_dependent(&self.account, region, &self.key_id, arn)
    }
}

/// Notes that a resource keeps values under a key.
pub fn note(key: &KeyRef, region: &Region, arn: &str, changes: &mut Changes) {
    changes.put_entry(key.row(region, arn));
}

/// Notes that a resource keeps no value under a key any more.
pub fn forget(key: &KeyRef, region: &Region, arn: &str, changes: &mut Changes) {
    changes.delete(key.row(region, arn));
}

/// Visits the ARN of each resource that keeps values under a key, in order and behind `after`, until
/// `visit` breaks.
pub fn each(
    key: &KmsKey,
    after: &str,
    records: &Records<'_>,
    mut visit: impl FnMut(&str) -> ControlFlow<()>,
) -> Result<(), Stop> {
    let prefix = KeyRef::to(key).row(&key.region, "");
    let skipped = prefix.as_bytes().len();
    let mut start = KeyRef::to(key).row(&key.region, after).into_bytes();
    if !after.is_empty() {
        start.push(0);
    }
    records.scan_keys(&start, &prefix.end(), false, |row| {
        match visit(&String::from_utf8_lossy(&row[skipped..])) {
            ControlFlow::Continue(()) => ControlFlow::Continue(()),
            ControlFlow::Break(()) => ControlFlow::Break(Ok(())),
        }
    })
}

/// How many resources keep values under a key; counted up to `most`.
pub fn count(key: &KmsKey, records: &Records<'_>, most: usize) -> Result<usize, Stop> {
    let mut counted = 0;
    each(key, "", records, |_| {
        counted += 1;
        if counted < most {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    Ok(counted)
}
