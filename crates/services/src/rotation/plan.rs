//! Planning a secret's next rotation: which window, which moment of it, and the row that makes it come about.
//!
//! Source: reference/rotation.md §4, §5.

use serde::{Deserialize, Serialize};

use super::configuration::Next;
use super::job::{self, RotationJob};
use super::schedule::Window;
use crate::due::Due;
use crate::operation::Means;
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;
use crate::secretsmanager::place::SecretPlace;
use crate::secretsmanager::secret::{Lifecycle, Secret};
use crate::time::Timestamp;

/// The row that says whose rotation is to begin at its key's instant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RotationDue(SecretPlace);

/// Plans the next rotation of a secret: in the first window after `base`, which is its last rotation, a change of its
/// current value, or when the rules were set. None where it doesn't rotate by itself, and for as long as it is to be
/// deleted.
pub fn plan(secret: &mut Secret, base: Timestamp, changes: &mut Changes) -> Result<(), Stop> {
    let window = secret
        .rotation
        .as_ref()
        .filter(|rotation| rotation.enabled && secret.lifecycle == Lifecycle::Active)
        .and_then(|rotation| rotation.schedule()?.window_after(base));
    let next = window.map(|window| Next {
        window,
        at: window.moment(share(secret, window)),
        until: window.until,
    });
    put_next(secret, next, changes)
}

/// Plans the next attempt after a rotation that failed. What is shown stays the window that was missed.
pub(super) fn plan_retry(
    secret: &mut Secret,
    now: Timestamp,
    changes: &mut Changes,
) -> Result<(), Stop> {
    let Some(rotation) = secret.rotation.as_ref() else {
        return Ok(());
    };
    let Some(missed) = rotation.next.map(|next| next.window) else {
        return Ok(());
    };
    let retry = rotation
        .schedule()
        .and_then(|schedule| schedule.retry_window_after(now));
    let next = retry.map(|retry| Next {
        window: missed,
        at: retry.moment(share(secret, retry)),
        until: retry.until,
    });
    put_next(secret, next, changes)
}

/// A rotation by request doesn't take the place of the window that lies ahead of it; one that was missed is over.
pub(super) fn plan_anew_if_missed(
    secret: &mut Secret,
    now: Timestamp,
    changes: &mut Changes,
) -> Result<(), Stop> {
    let missed = secret
        .rotation
        .as_ref()
        .and_then(|rotation| rotation.next)
        .is_some_and(|next| next.at <= now);
    match missed {
        true => plan_retry(secret, now, changes),
        false => Ok(()),
    }
}

/// A moment that came while the function was only tried out is now.
pub(super) fn make_up_for(
    secret: &mut Secret,
    now: Timestamp,
    changes: &mut Changes,
) -> Result<(), Stop> {
    let next = secret.rotation.as_ref().and_then(|rotation| rotation.next);
    match next {
        Some(next) if next.at <= now => {
            let next = Next { at: now, ..next };
            put_next(secret, Some(next), changes)
        }
        _ => Ok(()),
    }
}

/// Takes the plan away.
pub fn forget(secret: &mut Secret, changes: &mut Changes) -> Result<(), Stop> {
    put_next(secret, None, changes)
}

/// A change of the current value counts as a rotation for the schedule.
///
/// Source: reference/versions-and-staging.md §5.
pub fn current_changed(
    secret: &mut Secret,
    now: Timestamp,
    changes: &mut Changes,
) -> Result<(), Stop> {
    match secret.rotation {
        Some(_) => plan(secret, now, changes),
        None => Ok(()),
    }
}

/// Keeps the row in step with the record.
fn put_next(secret: &mut Secret, next: Option<Next>, changes: &mut Changes) -> Result<(), Stop> {
    remove_row(secret, changes);
    if let Some(rotation) = &mut secret.rotation {
        rotation.next = next;
    }
    put_row(secret, changes)
}

/// Removes the row of a secret's next rotation.
pub(crate) fn remove_row(secret: &Secret, changes: &mut Changes) {
    if let Some(next) = secret.rotation.as_ref().and_then(|rotation| rotation.next) {
        changes.delete(row_key(secret, next.at));
    }
}

/// Writes the row of a secret's next rotation.
pub(crate) fn put_row(secret: &Secret, changes: &mut Changes) -> Result<(), Stop> {
    let Some(next) = secret.rotation.as_ref().and_then(|rotation| rotation.next) else {
        return Ok(());
    };
    let row = RotationDue(SecretPlace::of(secret));
    changes.put(row_key(secret, next.at), &row)
}

fn row_key(secret: &Secret, at: Timestamp) -> Key {
    Key::rotation_due(at, &secret.account, &secret.region, &secret.name)
}

/// How far into a window a secret rotates. It is its own for each window, so many secrets with one schedule are spread
/// over it, and reckoned rather than drawn, so a plan made anew is the same.
fn share(secret: &Secret, window: Window) -> u32 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let parts: [&[u8]; 4] = [
        secret.account.as_str().as_bytes(),
        secret.name.as_bytes(),
        secret.suffix.as_bytes(),
        &window.from.milliseconds().to_be_bytes(),
    ];
    let bytes = parts.into_iter().flatten();
    let hash = bytes.fold(OFFSET, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(PRIME)
    });
    // The upper half of the last product is the better mixed one.
    u32::try_from((hash ^ (hash >> 29)).wrapping_mul(PRIME) >> 32).unwrap_or_default()
}

impl RotationDue {
    /// Whether a key of the index is this row's.
    pub(crate) fn is_at(&self, key: &[u8]) -> bool {
        self.0.is_at(key)
    }
}

impl Due for RotationDue {
    const WORK: &'static str = "rotation-schedule";

    fn index(at: Timestamp) -> Key {
        Key::rotations_due(at)
    }

    /// Begins the rotation. Where one runs already, or the plan has changed, only the row is removed.
    fn carry_out(
        &self,
        row: Key,
        records: &Records<'_>,
        means: &Means<'_>,
    ) -> Result<Changes, Stop> {
        let mut changes = Changes::none();
        let due = records.read::<Secret>(self.0.secret())?.filter(|secret| {
            let rotation = secret.rotation.as_ref();
            let next = rotation.and_then(|rotation| rotation.next);
            secret.lifecycle == Lifecycle::Active
                && next.is_some_and(|next| next.at <= means.now && row_key(secret, next.at) == row)
        });
        changes.delete(row);
        if let Some(found) = due
            && records
                .read::<RotationJob>(self.0.rotation_job())?
                .is_none()
        {
            let mut secret = Secret::clone(&found);
            job::begin_scheduled(&mut secret, means, &mut changes)?;
            changes.put(secret.key(), &secret)?;
        }
        Ok(changes)
    }
}
