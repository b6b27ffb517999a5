//! ListPublicKeys: the public keys by which the digest files of a time can be validated. They are the same in every region,
//! and for every account.
//!
//! Source: AWS CloudTrail API Reference, ListPublicKeys.

use serde::Serialize;

use super::digest_keys::{self, DigestKey};
use super::{named, refusals};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;
use crate::time::{Timestamp, epoch_seconds};

const ANYTHING: Text = Text::of(0..=usize::MAX);

/// The request.
pub struct ListPublicKeys {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedKeys {
    public_key_list: Vec<ListedKey>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedKey {
    value: String,
    #[serde(serialize_with = "epoch_seconds::serialize")]
    validity_start_time: Timestamp,
    /// Absent while the key is in use.
    #[serde(
        serialize_with = "epoch_seconds::optional::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    validity_end_time: Option<Timestamp>,
    fingerprint: String,
}

impl Operation for ListPublicKeys {
    const NAME: &'static str = "ListPublicKeys";
    type Output = ListedKeys;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let start = members.instant("StartTime");
        let end = members.instant("EndTime");
        if ![start, end].iter().flatten().all(named::is_possible) {
            members.object(refusals::invalid_time_range());
        }
        // All are answered at once, so no token was ever given out.
        if members.text("NextToken", &ANYTHING).is_some() {
            members.object(refusals::invalid_token());
        }
        ListPublicKeys { start, end }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(vec![named::need_on_none(
            "cloudtrail:ListPublicKeys",
            caller,
        )])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<ListedKeys>, Stop> {
        let request = allowed.into_request();
        let [start, end] = [request.start, request.end].map(|at| at.unwrap_or(given.now));
        if start > end {
            return Err(refusals::invalid_time_range().into());
        }
        let keys = digest_keys::all(records)?.into_iter();
        let keys = keys.filter(|key| key.is_of(start, end)).map(ListedKey::of);
        Ok(Decided::answer(ListedKeys {
            public_key_list: keys.collect(),
        }))
    }
}

impl ListedKey {
    fn of(key: DigestKey) -> Self {
        let whole = |at: Timestamp| Timestamp::from_milliseconds(at.seconds() * 1000);
        ListedKey {
            value: key.value,
            validity_start_time: whole(key.from),
            validity_end_time: key.until.map(whole),
            fingerprint: key.fingerprint,
        }
    }
}
