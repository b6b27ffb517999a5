//! How a request names a trail, what its caller must be allowed to do, and finding the trail.
//!
//! Source: AWS CloudTrail API Reference, GetTrail, UpdateTrail (`Name`); Service Authorization Reference, Actions defined
//! by AWS CloudTrail.

use std::borrow::Cow;
use std::sync::Arc;

use strongroom_policy::Context;

use super::refusals;
use super::trail::{self, Trail, TrailArn};
use crate::caller::Caller;
use crate::gate::{Guard, Need};
use crate::input::{Members, Text};
use crate::operation::Given;
use crate::records::Records;
use crate::refusal::{Refusal, Stop};
use crate::time::Timestamp;

const NAME_CHARACTERS: std::ops::RangeInclusive<usize> = 3..=128;
/// The years 1970 to 9999: the range of possible values.
const POSSIBLE_SECONDS: std::ops::Range<i64> = 0..253_402_300_800;
const ANYTHING: Text = Text::of(0..=usize::MAX);

/// A trail as a request names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// By its name: one whose home is the caller's region.
    Name(String),
    /// By its ARN: also one of another region that is shown in the caller's.
    Arn(TrailArn),
}

impl Named {
    /// Takes it out of a request.
    pub(super) fn take(member: &str, members: &mut Members<'_, '_>) -> Self {
        let text = members.required_text(member, &ANYTHING);
        Self::parse(text).unwrap_or_else(|(text, refusal)| {
            members.object(refusal);
            Named::Name(text)
        })
    }

    /// Reads it.
    pub(super) fn parse(text: String) -> Result<Self, (String, Refusal)> {
        if !text.starts_with("arn:") {
            return match check_name(&text) {
                Ok(()) => Ok(Named::Name(text)),
                Err(refusal) => Err((text, refusal)),
            };
        }
        match TrailArn::parse(&text) {
            Some(arn) if check_name(&arn.name).is_ok() => Ok(Named::Arn(arn)),
            _ => {
                let refusal = refusals::not_a_trail(&text);
                Err((text, refusal))
            }
        }
    }

    /// The ARN of what the caller means.
    pub(super) fn arn(&self, caller: &Caller) -> TrailArn {
        match self {
            Named::Arn(arn) => arn.clone(),
            Named::Name(name) => TrailArn {
                account: caller.account.clone(),
                region: caller.region.clone(),
                name: name.clone(),
            },
        }
    }

    /// What the caller must be allowed to do with it. `asked` are the condition keys of the request.
    pub(super) fn need<'a>(
        &self,
        action: &'static str,
        mut asked: Context,
        caller: &Caller,
        records: &Records<'_>,
    ) -> Result<Need<'a>, Stop> {
        let arn = self.arn(caller);
        // What another account's trail is like, if it is there at all, is none of the caller's business.
        if arn.account == caller.account
            && let Some(trail) = trail::find(&arn, records)?
        {
            trail.add_condition_keys(&mut asked);
        }
        Ok(need_on(action, &arn, asked))
    }

    /// The trail, for showing it.
    ///
    /// # Refusals
    /// `TrailNotFoundException`; also for one that isn't shown in the caller's region.
    pub(super) fn find(
        &self,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Arc<Trail>, Stop> {
        let arn = self.arn(given.caller);
        let found = trail::find(&arn, records)?;
        let here = &given.caller.region;
        let found = found.filter(|trail| trail.is_in(here));
        let account = &given.caller.account;
        found.ok_or_else(|| refusals::trail_not_found(&arn.to_string(), account).into())
    }

    /// The trail, for changing it.
    ///
    /// # Refusals
    /// `TrailNotFoundException`; `InvalidHomeRegionException`.
    pub(super) fn find_at_home(
        &self,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Arc<Trail>, Stop> {
        let trail = self.find(records, given)?;
        let here = &given.caller.region;
        match trail.arn.region == *here {
            true => Ok(trail),
            false => Err(refusals::not_at_home(&trail.arn, here).into()),
        }
    }
}

/// What must be allowed to be done with a trail.
pub(super) fn need_on<'a>(action: &'static str, arn: &TrailArn, context: Context) -> Need<'a> {
    Need {
        action,
        owner: Cow::Owned(arn.account.clone()),
        shown: Some(Cow::Owned(arn.to_string())),
        guard: Guard::ToBeMade(context),
    }
}

/// What a caller must be allowed to do that is about no trail in particular.
pub(super) fn need_on_none<'a>(action: &'static str, caller: &'a Caller) -> Need<'a> {
    Need {
        action,
        owner: Cow::Borrowed(&caller.account),
        shown: None,
        guard: Guard::Account,
    }
}

/// Whether an instant is one that can be asked about.
pub(super) fn is_possible(at: &Timestamp) -> bool {
    POSSIBLE_SECONDS.contains(&at.seconds())
}

/// What the name of a trail may be.
///
/// # Refusals
/// `InvalidTrailNameException`
///
/// Source: AWS CloudTrail API Reference, CreateTrail (`Name`).
pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    let length = name.chars().count();
    let refuse = |message: String| Err(refusals::invalid_trail_name(message));
    let is_ending = |each: Option<u8>| each.is_some_and(|each| each.is_ascii_alphanumeric());
    let is_mark = |each: &u8| b"._-".contains(each);
    let bytes = name.as_bytes();
    if name.trim().is_empty() {
        return refuse("Trail name cannot be blank!".to_owned());
    }
    if length < *NAME_CHARACTERS.start() {
        return refuse(format!(
            "Trail name too short. Minimum allowed length: 3 characters. Specified name length: {length} characters."
        ));
    }
    if length > *NAME_CHARACTERS.end() {
        return refuse(format!(
            "Trail name too long. Maximum allowed length: 128 characters. Specified name length: {length} characters."
        ));
    }
    if !bytes
        .iter()
        .all(|each| each.is_ascii_alphanumeric() || is_mark(each))
    {
        return refuse(
            "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), hyphens (-), \
             and underscores (_)."
                .to_owned(),
        );
    }
    if !is_ending(bytes.first().copied()) {
        return refuse("Trail name must start with a letter or number.".to_owned());
    }
    if !is_ending(bytes.last().copied()) {
        return refuse("Trail name must end with a letter or number.".to_owned());
    }
    if bytes.windows(2).any(|pair| pair.iter().all(is_mark)) {
        return refuse(
            "Trail name cannot have adjacent periods, underscores or dashes.".to_owned(),
        );
    }
    let parts: Vec<&str> = name.split('.').collect();
    let is_number = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.len() == 4 && parts.iter().all(is_number) {
        return refuse("Trail name must not be formatted as an IP address.".to_owned());
    }
    Ok(())
}
