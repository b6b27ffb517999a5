//! What operations on a user's access keys share.

use std::sync::Arc;

use super::refusals;
use super::user::{self, User};
use crate::caller::Caller;
use crate::records::Records;
use crate::refusal::Stop;

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
