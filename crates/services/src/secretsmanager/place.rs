//! Where a secret is, without what it is: what the rows of indexes by time say of theirs.

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use crate::caller::{AccountId, Region};
use crate::records::{Key, ends_with};

/// A secret's account, region and name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SecretPlace {
    /// The account that owns it.
    pub account: AccountId,
    /// Its region.
    pub region: Region,
    /// Its name.
    pub name: String,
}

impl SecretPlace {
    /// A secret's.
    pub(crate) fn of(secret: &Secret) -> Self {
        SecretPlace {
            account: secret.account.clone(),
            region: secret.region.clone(),
            name: secret.name.clone(),
        }
    }

    /// The key of the secret's record.
    pub(crate) fn secret(&self) -> Key {
        Key::secret(&self.account, &self.region, &self.name)
    }

    /// The key of the record of its rotation that is under way.
    pub fn rotation_job(&self) -> Key {
        Key::rotation_job(&self.account, &self.region, &self.name)
    }

    /// Whether a key of an index ends with it.
    pub(crate) fn is_at(&self, key: &[u8]) -> bool {
        let parts = [self.account.as_str(), self.region.as_str(), &self.name];
        ends_with(key, &parts)
    }
}
