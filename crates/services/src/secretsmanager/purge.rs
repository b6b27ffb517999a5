//! The end of a secret: what must be removed with it, and which deletions have fallen due.
//!
//! Source: reference/api.md §6.9.

use serde::{Deserialize, Serialize};

use super::place::SecretPlace;
use super::secret::{Lifecycle, Secret, ValueKind};
use crate::cloudtrail::service_event::ServiceEvent;
use crate::due::Due;
use crate::kms::dependents;
use crate::operation::Means;
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;
use crate::rotation::job;
use crate::time::Timestamp;

/// Removes a secret with everything of it.
pub fn all_of(secret: &Secret, records: &Records<'_>, changes: &mut Changes) -> Result<(), Stop> {
    changes.tell_all(ServiceEvent::of_versions("EndSecretVersionDelete", secret));
    for version in secret
        .versions
        .iter()
        .filter(|version| version.kind != ValueKind::Awaited)
    {
        changes.delete(secret.version_key(&version.id));
    }
    if let Lifecycle::Deleting { at } = secret.lifecycle {
        changes.delete(due_key(secret, at));
    }
    for key in secret.customer_keys() {
        dependents::forget(&key, &secret.region, &secret.arn(), changes);
    }
    changes.delete(secret.created_key());
    changes.delete(secret.key());
    job::forget(secret, records, changes)
}

/// The key of the row that says when a secret's recovery window ends.
pub fn due_key(secret: &Secret, at: Timestamp) -> Key {
    Key::purge_due(at, &secret.account, &secret.region, &secret.name)
}

/// The row that says whose recovery window ends at its key's instant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PurgeDue(SecretPlace);

impl PurgeDue {
    /// The row of a secret's deletion.
    pub(crate) fn of(secret: &Secret) -> Self {
        PurgeDue(SecretPlace::of(secret))
    }

    /// Whether a key of the index is this row's.
    pub(crate) fn is_at(&self, key: &[u8]) -> bool {
        self.0.is_at(key)
    }
}

impl Due for PurgeDue {
    const WORK: &'static str = "purge";

    fn index(at: Timestamp) -> Key {
        Key::purges_due(at)
    }

    /// Carries the deletion out. Where the secret was restored, or is gone already, only the row is
    /// removed.
    fn carry_out(
        &self,
        row: Key,
        records: &Records<'_>,
        means: &Means<'_>,
    ) -> Result<Changes, Stop> {
        let mut changes = Changes::none();
        if let Some(secret) = records.read::<Secret>(self.0.secret())?
            && secret.is_gone(means.now)
        {
            all_of(&secret, records, &mut changes)?;
        }
        changes.delete(row);
        Ok(changes)
    }
}
