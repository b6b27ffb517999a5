//! Members that several operations share, with the model's constraints, and the credentials in their answers.
//!
//! Source: the service's model (botocore, sts 2011-06-15).

use serde::Serialize;
use strongroom_keys::SecretBytes;

use super::refusals;
use super::session::{Issued, TOKEN_BYTES_MAX};
use crate::caller::Principal;
use crate::disclosed::Disclosed;
use crate::iam::mfa_device::{CODE, MfaDevice, SERIAL_NUMBER};
use crate::input::{Members, Pattern, Text};
use crate::operation::Given;
use crate::records::{Changes, Records};
use crate::refusal::{Refusal, Stop};
use crate::time::{Timestamp, iso8601};

/// An ARN.
pub(super) const ARN: Text = Text::matching(
    20..=2048,
    &Pattern {
        shown: "[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u0085\\u00A0-\\uD7FF\\uE000-\\uFFFD\\u10000-\\u10FFFF]+",
        matches: |text| {
            let is_control = |each: char| each.is_control() && !"\t\n\r\u{85}".contains(each);
            !text.contains(is_control)
        },
    },
);
/// The name of a session.
pub(super) const SESSION_NAME: Text = Text::matching(2..=64, &NAME_PATTERN);
/// `SourceIdentity`
pub(super) const SOURCE_IDENTITY: Text = Text::matching(2..=256, &NAME_PATTERN);
/// `ExternalId`
pub(super) const EXTERNAL_ID: Text = Text::matching(
    2..=1224,
    &Pattern {
        shown: "[\\w+=,.@:\\/-]*",
        matches: |text| {
            text.bytes()
                .all(|byte| is_in_name(byte) || b":/".contains(&byte))
        },
    },
);
/// A session's policy, of whatever length: what all of them may have together is looked at later.
pub(super) const SESSION_POLICY: Text = Text::matching(1..=usize::MAX, &POLICY_PATTERN);
const NAME_PATTERN: Pattern = Pattern {
    shown: "[\\w+=,.@-]*",
    matches: |text| text.bytes().all(is_in_name),
};
const POLICY_PATTERN: Pattern = Pattern {
    shown: "[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+",
    matches: |text| {
        let is_allowed = |each: char| "\t\n\r".contains(each) || (' '..='\u{ff}').contains(&each);
        text.chars().all(is_allowed)
    },
};

fn is_in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte)
}

/// A code of a device, which a request brings along.
pub(super) struct SecondFactor {
    serial_number: String,
    code: String,
}

impl SecondFactor {
    /// Takes `SerialNumber` and `TokenCode`: both, or none.
    pub(super) fn take(members: &mut Members<'_, '_>) -> Option<Self> {
        let serial_number = members.text("SerialNumber", &SERIAL_NUMBER);
        let code = members.untold(|members| members.text("TokenCode", &CODE));
        match (serial_number, code) {
            (Some(serial_number), Some(code)) => Some(SecondFactor {
                serial_number,
                code,
            }),
            (None, None) => None,
            _ => {
                members.object(refusals::half_a_second_factor());
                None
            }
        }
    }

    /// Takes the code; the refusal where it isn't one of a device of the caller's. No code counts twice, and wrong ones
    /// are counted.
    pub(super) fn refused(
        &self,
        records: &Records<'_>,
        given: &Given<'_>,
        changes: &mut Changes,
    ) -> Result<Option<Refusal>, Stop> {
        let (serial_number, code) = (&self.serial_number, &self.code);
        let is_taken = match &given.caller.principal {
            Principal::User(signer) => {
                let user = &signer.user;
                MfaDevice::take_code(serial_number, code, user, records, given, changes)?
            }
            // Nobody else has a device.
            _ => false,
        };
        Ok((!is_taken).then(refusals::wrong_code))
    }
}

/// Takes how long a request wants its token to be at least.
pub(super) fn token_bytes_min(members: &mut Members<'_, '_>) -> usize {
    let most = i64::try_from(TOKEN_BYTES_MAX).unwrap_or(i64::MAX);
    let least = members.integer("MinimumSessionTokenSize", 0..=most);
    least
        .and_then(|least| usize::try_from(least).ok())
        .unwrap_or_default()
}

/// Temporary credentials in an answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Credentials {
    access_key_id: String,
    secret_access_key: Disclosed,
    session_token: Disclosed,
    #[serde(serialize_with = "iso8601::serialize")]
    expiration: Timestamp,
}

/// How long a token is, in bytes and in percent of what is allowed.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TokenSize {
    session_token_utilization: usize,
    session_token_size: usize,
}

impl TokenSize {
    pub(super) fn of(issued: &Issued) -> Self {
        let bytes = issued.token.len();
        TokenSize {
            session_token_utilization: (bytes * 100).div_ceil(TOKEN_BYTES_MAX),
            session_token_size: bytes,
        }
    }

    pub(super) fn percent(&self) -> usize {
        self.session_token_utilization
    }
}

impl Credentials {
    pub(super) fn of(issued: Issued) -> Self {
        Credentials {
            access_key_id: issued.session.access_key_id,
            secret_access_key: Disclosed::Text(issued.secret_access_key),
            session_token: Disclosed::Text(SecretBytes::new(issued.token.into_bytes())),
            expiration: issued.session.expires,
        }
    }
}
