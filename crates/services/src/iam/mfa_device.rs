//! Virtual MFA devices: applications that show a new code every half minute. A user who gives a code to STS gets
//! credentials that say so, and policies can ask for it.
//!
//! Source: AWS IAM User Guide, AWS Multi-factor authentication in IAM, and Secure API access with MFA.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strongroom_keys::one_time_password::{Seed, step_at};
use strongroom_keys::{CredentialName, Entropy, Keyring, Sealed};

use super::entity::{Entity, Named, Tagged};
use super::refusals;
use super::shapes::{NAME_PATTERN, Tag};
use super::user::User;
use crate::caller::{AccountId, Caller};
use crate::input::{Members, Pattern, Text};
use crate::operation::Given;
use crate::records::{Changes, Key, Records};
use crate::refusal::{Refusal, Stop};
use crate::time::{Timestamp, iso8601};

/// Devices of one user. Source: IAM and AWS STS quotas.
pub(super) const DEVICES_MAX: usize = 8;
/// How many steps a device's clock may be off, either way.
const STEPS_OFF_MAX: i64 = 1;
/// The same when it is enabled or synchronized anew, by two codes in a row: an hour.
const STEPS_OFF_MAX_BY_TWO: i64 = 120;

/// How many wrong codes a device bears in [`WRONG_COUNTED_FOR`].
const WRONG_MAX: u32 = 5;
/// How long wrong codes are counted together.
const WRONG_COUNTED_FOR: Duration = Duration::from_secs(5 * 60);

pub(super) const DEVICE_NAME: Text = Text::matching(1..=128, &NAME_PATTERN);
pub(crate) const SERIAL_NUMBER: Text = Text::matching(
    9..=256,
    &Pattern {
        shown: "[\\w+=/:,.@-]+",
        matches: |text| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=/:,.@-".contains(&byte);
            text.bytes().all(allowed)
        },
    },
);
pub(crate) const CODE: Text = Text::matching(
    6..=6,
    &Pattern {
        shown: "[\\d]+",
        matches: |text| text.bytes().all(|byte| byte.is_ascii_digit()),
    },
);

/// A virtual MFA device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MfaDevice {
    /// Whose.
    pub account: AccountId,
    /// As it was written; devices differ by more than letter case.
    pub name: String,
    /// `/`, or `/…/`.
    pub path: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// What it shares with the server, sealed.
    pub sealed_seed: Sealed,
    /// Whose it is.
    pub enabled: Option<EnabledFor>,
}

/// The user that a device belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnabledFor {
    /// The user's name.
    pub user: String,
    /// Since when.
    pub since: Timestamp,
    /// The half minute of the last code that was taken, by the device's clock: no code counts twice.
    pub last_step: i64,
    /// How many half minutes the device's clock is ahead.
    pub steps_ahead: i64,
    /// Codes that were none, of late.
    pub wrong: WrongCodes,
}

/// How many codes were wrong since an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrongCodes {
    since: Timestamp,
    count: u32,
}

impl WrongCodes {
    /// None so far.
    pub(super) fn none(now: Timestamp) -> Self {
        WrongCodes {
            since: now,
            count: 0,
        }
    }
}

impl MfaDevice {
    /// Its ARN without partition and account: what is behind them.
    pub fn resource(path: &str, name: &str) -> String {
        format!("mfa{path}{name}")
    }

    /// Its place.
    pub fn key(&self) -> Key {
        Key::iam_mfa_device(&self.account, &self.name)
    }

    /// Seals a new device's seed.
    pub(super) fn seal(account: &AccountId, name: &str, seed: &Seed, given: &Given<'_>) -> Sealed {
        let bound = bound_to(name);
        let name = credential(account, &bound);
        given
            .keyring
            .seal_credential(name, seed.bytes(), given.entropy)
    }

    /// Its seed, sealed under the root key in use; `None`: it is already.
    ///
    /// # Errors
    /// [`Stop::Unavailable`] where it doesn't open.
    pub(crate) fn rewrapped(
        &self,
        keyring: &Keyring,
        entropy: &dyn Entropy,
    ) -> Result<Option<Self>, strongroom_keys::OpenError> {
        let bound = bound_to(&self.name);
        let name = credential(&self.account, &bound);
        let sealed = keyring.rewrap_credential(name, &self.sealed_seed, entropy)?;
        Ok(sealed.map(|sealed_seed| MfaDevice {
            sealed_seed,
            ..self.clone()
        }))
    }

    fn seed(&self, given: &Given<'_>) -> Result<Seed, Stop> {
        let bound = bound_to(&self.name);
        let name = credential(&self.account, &bound);
        let opened = given.keyring.open_credential(name, &self.sealed_seed);
        opened
            .map(Seed::from_bytes)
            .map_err(|cause| Stop::Unavailable(Box::new(cause)))
    }

    /// The half minute of the second of two codes in a row, and how many the device's clock is ahead by it.
    ///
    /// # Refusals
    /// `InvalidAuthenticationCode`
    pub(super) fn synchronized(
        &self,
        codes: &[String; 2],
        given: &Given<'_>,
    ) -> Result<(i64, i64), Stop> {
        let seed = self.seed(given)?;
        let now = step_at(given.now.seconds());
        let steps = now - STEPS_OFF_MAX_BY_TWO..=now + STEPS_OFF_MAX_BY_TWO;
        let first = seed.step_of(&codes[0], steps);
        let second = first.and_then(|first| seed.step_of(&codes[1], first + 1..=first + 1));
        let step = second.ok_or_else(refusals::invalid_authentication_code)?;
        Ok((step, step - now))
    }

    /// Takes a code of a user's device, once; whether it is one. What it changes must be committed before anything is
    /// said of the code.
    ///
    /// It isn't where the device isn't the user's, or shows another code, or the code was taken before; nor is any where
    /// too many were wrong of late: with six digits, whoever has stolen an access key could try them all.
    pub(crate) fn take_code(
        serial_number: &str,
        code: &str,
        user: &User,
        records: &Records<'_>,
        given: &Given<'_>,
        changes: &mut Changes,
    ) -> Result<bool, Stop> {
        let Some(device) = Self::read(serial_number, given.caller, records)? else {
            return Ok(false);
        };
        let mut device = Arc::unwrap_or_clone(device);
        let seed = device.seed(given)?;
        let Some(enabled) = device.enabled.as_mut().filter(|it| it.user == user.name) else {
            return Ok(false);
        };
        if given.now.is_past(enabled.wrong.since, WRONG_COUNTED_FOR) {
            enabled.wrong = WrongCodes::none(given.now);
        }
        if enabled.wrong.count >= WRONG_MAX {
            return Ok(false);
        }
        let now = step_at(given.now.seconds()) + enabled.steps_ahead;
        let step = seed.step_of(code, now - STEPS_OFF_MAX..=now + STEPS_OFF_MAX);
        let step = step.filter(|step| *step > enabled.last_step);
        match step {
            Some(step) => enabled.last_step = step,
            None => enabled.wrong.count += 1,
        }
        changes.put(device.key(), &device)?;
        Ok(step.is_some())
    }
}

/// A request that a user's device be followed from two codes in a row on.
pub(super) struct Synchronizing {
    pub(super) user: Named<User>,
    pub(super) device: Named<MfaDevice>,
    pub(super) codes: [String; 2],
}

impl Synchronizing {
    /// Takes the members of a request.
    pub(super) fn take(members: &mut Members<'_, '_>) -> Self {
        Synchronizing {
            user: Named::take(members),
            device: Named::take(members),
            codes: [
                members.untold(|it| it.required_text("AuthenticationCode1", &CODE)),
                members.untold(|it| it.required_text("AuthenticationCode2", &CODE)),
            ],
        }
    }
}

/// A user's device, as answers show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UsersDevice {
    user_name: String,
    serial_number: String,
    #[serde(serialize_with = "iso8601::serialize")]
    enable_date: Timestamp,
}

impl UsersDevice {
    /// Of a device that belongs to somebody.
    pub(super) fn of(device: &MfaDevice, caller: &Caller) -> Option<Self> {
        let enabled = device.enabled.as_ref()?;
        Some(UsersDevice {
            user_name: enabled.user.clone(),
            serial_number: device.arn(caller),
            enable_date: enabled.since,
        })
    }
}

/// Beside the names of access keys, which have no colon.
fn bound_to(name: &str) -> String {
    format!("mfa:{name}")
}

fn credential<'a>(account: &'a AccountId, bound: &'a str) -> CredentialName<'a> {
    CredentialName {
        account: account.as_str(),
        access_key_id: bound,
    }
}

impl Entity for MfaDevice {
    const NOUN: &'static str = "VirtualMFADevice";
    const MEMBER: &'static str = "SerialNumber";
    const NAME: Text = SERIAL_NUMBER;

    fn read(
        serial_number: &str,
        caller: &Caller,
        records: &Records<'_>,
    ) -> Result<Option<Arc<Self>>, Stop> {
        let name = serial_number.rsplit('/').next().unwrap_or_default();
        let found = records.read::<MfaDevice>(Key::iam_mfa_device(&caller.account, name))?;
        Ok(found.filter(|device| device.arn(caller) == serial_number))
    }

    fn missing(serial_number: &str) -> Refusal {
        refusals::no_such_device(serial_number)
    }

    fn arn_of_missing(serial_number: &str, caller: &Caller) -> String {
        match serial_number.starts_with("arn:") {
            true => serial_number.to_owned(),
            false => caller.iam_arn(&caller.account, &Self::resource("/", serial_number)),
        }
    }

    fn account(&self) -> &AccountId {
        &self.account
    }

    fn key(&self) -> Key {
        MfaDevice::key(self)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn id(&self) -> &str {
        &self.name
    }

    fn arn(&self, caller: &Caller) -> String {
        caller.iam_arn(&self.account, &Self::resource(&self.path, &self.name))
    }

    fn tags(&self) -> &[Tag] {
        &self.tags
    }
}

impl Tagged for MfaDevice {
    const TAGS_QUOTA: &'static str = "TagsPerMFADevice";

    fn tags_mut(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }
}
