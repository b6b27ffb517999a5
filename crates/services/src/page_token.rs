//! Pagination tokens: opaque to clients, sealed, bound to the request that they continue, and valid
//! for a day.
//!
//! Source: reference/api.md §6.12.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use strongroom_keys::Sealed;

use crate::operation::Given;
use crate::time::Timestamp;

/// How long a token may be used.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Serialize, Deserialize)]
struct Content<Position> {
    account: String,
    region: String,
    expires: Timestamp,
    position: Position,
}

/// A token for the next page of `request` (the operation with everything that shapes its listing).
/// `None` where a position can't be written, which no position of ours is.
pub fn issue<Position: Serialize>(
    request: &str,
    position: Position,
    given: &Given<'_>,
) -> Option<String> {
    let content = Content {
        account: given.caller.account.to_string(),
        region: given.caller.region.to_string(),
        expires: given.now.after(LIFETIME),
        position,
    };
    let plain = postcard::to_allocvec(&content).ok()?;
    let sealed = given.keyring.seal_token(request, &plain, given.entropy);
    Some(BASE64.encode(sealed.as_bytes()))
}

/// The position in a token that was issued for the same request of the same account and region.
/// `None` where it is anything else: made up, another request's, or expired.
pub fn redeem<Position: DeserializeOwned>(
    request: &str,
    token: &str,
    given: &Given<'_>,
) -> Option<Position> {
    let sealed = Sealed::from_bytes(BASE64.decode(token).ok()?);
    let plain = given.keyring.open_token(request, &sealed).ok()?;
    let content: Content<Position> = postcard::from_bytes(plain.expose()).ok()?;
    let valid = content.account == given.caller.account.as_str()
        && content.region == given.caller.region.as_str()
        && given.now < content.expires;
    valid.then_some(content.position)
}
