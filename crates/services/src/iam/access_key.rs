//! A user's access keys: making and removing one, and what operations on them share.

use std::sync::Arc;

use super::refusals;
use super::user::{self, User};
use crate::accounts::{self, AccessKey, FreshCredentials, KeyOwner};
use crate::caller::Caller;
use crate::operation::Means;
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;
use crate::root_key;

/// Access keys of one user. Source: IAM and AWS STS quotas.
pub(crate) const ACCESS_KEYS_MAX: usize = 2;

/// The user that a request names, or the caller, which must have this access key.
///
/// # Refusals
/// `NoSuchEntity`; `ValidationError` where it is neither named nor the caller.
pub(super) fn user_with(
    access_key_id: &str,
    user_name: Option<&str>,
    records: &Records<'_>,
    caller: &Caller,
) -> Result<Arc<User>, Stop> {
    let user = user::named_or_caller(user_name, caller)?.find(records, caller)?;
    if user.access_key_ids.iter().any(|id| id == access_key_id) {
        Ok(user)
    } else {
        Err(refusals::no_such_access_key(access_key_id).into())
    }
}

/// Makes an access key for a user, who must have room for one.
pub(crate) fn make(
    user: &mut User,
    records: &Records<'_>,
    means: &Means<'_>,
    changes: &mut Changes,
) -> Result<FreshCredentials, Stop> {
    root_key::note(records)?;
    let made = accounts::fresh_credentials(&user.account, means.entropy);
    let id = &made.access_key_id;
    let owner = KeyOwner::User {
        name: user.name.clone(),
    };
    let key = AccessKey::of(&made, owner, means.now, means.keyring, means.entropy);
    let place = Key::access_key(id);
    // Nobody's key is ever replaced, however unlikely that is.
    if records.read::<AccessKey>(place.clone())?.is_some() {
        return Err(Stop::Unavailable("a new access key's id is taken".into()));
    }
    user.access_key_ids.push(id.clone());
    changes.put(place, &key)?;
    changes.put(user.key(), user)?;
    Ok(made)
}

/// Removes an access key of a user.
pub(crate) fn remove(user: &mut User, id: &str, changes: &mut Changes) -> Result<(), Stop> {
    user.access_key_ids.retain(|each| each != id);
    changes.delete(Key::access_key(id));
    changes.delete(Key::last_use(&user.account, id));
    changes.put(user.key(), user)
}
