//! The credential of a signature: whose key, and for which scope.

use super::error::AuthError;
use super::key::TERMINATOR;
use super::pieces::pieces;
use super::scope::{Scope, ScopeError};
use super::stamp::Stamp;

/// Splits `<access key id>/<yyyymmdd>/<region>/<service>/aws4_request`; its day must be the stamp's.
pub(super) fn read<'a>(
    credential: &'a str,
    stamp: &Stamp,
) -> Result<(&'a str, Scope<'a>), AuthError> {
    let malformed = || AuthError::MalformedCredential {
        credential: credential.to_owned(),
    };
    let mut elements = pieces(credential, b'/');
    let mut next = || {
        elements
            .next()
            .filter(|element| !element.is_empty())
            .ok_or_else(malformed)
    };
    let (access_key_id, day, region, service, terminator) =
        (next()?, next()?, next()?, next()?, next()?);
    if elements.next().is_some() || !is_key_id(access_key_id) {
        return Err(malformed());
    }
    if terminator != TERMINATOR {
        return Err(AuthError::WrongTerminator {
            terminator: terminator.to_owned(),
        });
    }
    if day != stamp.day().as_str() {
        return Err(AuthError::WrongDay {
            credential: day.to_owned(),
            date: stamp.to_string(),
        });
    }
    let scope = Scope::new(stamp.day(), region, service).map_err(|error| match error {
        ScopeError::Region => AuthError::InvalidRegion,
        ScopeError::Service => AuthError::InvalidService,
    })?;
    Ok((access_key_id, scope))
}

/// Whether an access key could have this id. AWS's have 16 to 128 letters and digits; short ones and punctuation are
/// common with stand-ins for AWS.
fn is_key_id(text: &str) -> bool {
    text.len() <= KEY_ID_LENGTH_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Source: IAM's `accessKeyIdType`.
const KEY_ID_LENGTH_MAX: usize = 128;
