//! GetSessionToken: temporary credentials of a user or of root. Nobody needs permission for it.
//!
//! Source: AWS STS API Reference, GetSessionToken.

use std::time::Duration;

use serde::Serialize;

use super::refusals;
use super::session::{self, SessionOf, Times};
use super::shapes::{self, Credentials, SecondFactor, TokenSize};
use crate::caller::{Caller, Principal};
use crate::cloudtrail::elements;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

const SECONDS_DEFAULT: u32 = 43_200;
/// What root's last at most, and where nothing else is asked for: a longer time is cut short to it.
///
/// Source: GetSessionToken, `DurationSeconds`.
const ROOT_SECONDS_MAX: u32 = 3600;

/// The request.
pub struct GetSessionToken {
    second_factor: Option<SecondFactor>,
    seconds: Option<u32>,
    token_bytes_min: usize,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SessionToken {
    credentials: Credentials,
    #[serde(flatten)]
    size: TokenSize,
}

impl Operation for GetSessionToken {
    const NAME: &'static str = "GetSessionToken";
    const READ_ONLY: bool = true;
    type Output = SessionToken;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let second_factor = SecondFactor::take(members);
        let seconds = members.integer("DurationSeconds", 900..=129_600);
        GetSessionToken {
            second_factor,
            seconds: seconds.and_then(|seconds| u32::try_from(seconds).ok()),
            token_bytes_min: shapes::token_bytes_min(members),
        }
    }

    /// None, and a policy that denies it is of no effect.
    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        match caller.session {
            Some(_) => Err(refusals::session_asks(Self::NAME).into()),
            None => Ok(Vec::new()),
        }
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<SessionToken>, Stop> {
        let request = allowed.into_request();
        let (of, seconds) = match &given.caller.principal {
            Principal::Root => {
                let seconds = request.seconds.unwrap_or(ROOT_SECONDS_MAX);
                (SessionOf::Root, seconds.min(ROOT_SECONDS_MAX))
            }
            Principal::User(signer) => {
                let of = SessionOf::User {
                    name: signer.user.name.clone(),
                    id: signer.user.id.clone(),
                };
                (of, request.seconds.unwrap_or(SECONDS_DEFAULT))
            }
            // They come with a session, or unsigned.
            Principal::Role(_) | Principal::WebIdentity(_) => {
                return Err(refusals::session_asks(Self::NAME).into());
            }
        };
        let mut changes = Changes::none();
        if let Some(second_factor) = &request.second_factor
            && let Some(refusal) = second_factor.refused(records, given, &mut changes)?
        {
            return Ok(Decided::refuse(changes, refusal));
        }
        let issued = session::issue(
            given.caller.account.clone(),
            of,
            Times {
                issued: given.now,
                expires: given.now.after(Duration::from_secs(u64::from(seconds))),
                authenticated: request.second_factor.map(|_| given.now),
            },
            request.token_bytes_min,
            given.keyring,
            given.entropy,
        )?;
        let size = TokenSize::of(&issued);
        let output = SessionToken {
            credentials: Credentials::of(issued),
            size,
        };
        Ok(Decided::change(changes, output))
    }

    /// Whose credentials were given out is told, although nothing was changed.
    ///
    /// Source: AWS IAM User Guide, Logging IAM and AWS STS API calls with AWS CloudTrail.
    fn tell(output: &Self::Output) -> Option<Vec<u8>> {
        elements::of(output)
    }
}
