//! GenerateRandom: random bytes.
//!
//! Source: AWS KMS API Reference, GenerateRandom.

use serde::Serialize;

use super::{access, data_key, refusals, shapes};
use crate::caller::Caller;
use crate::disclosed::Disclosed;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::{Refusal, Stop};

const CUSTOM_KEY_STORE_ID: Text = Text::of(1..=64);

/// The request.
pub struct GenerateRandom {
    length: Option<usize>,
    elsewhere: bool,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Random {
    plaintext: Disclosed,
}

impl Operation for GenerateRandom {
    const NAME: &'static str = "GenerateRandom";
    const READ_ONLY: bool = true;
    type Output = Random;

    fn read(members: &mut Members<'_, '_>) -> Self {
        shapes::refuse_recipient(members);
        let length = members.integer("NumberOfBytes", 1..=1024);
        GenerateRandom {
            length: length.and_then(|length| usize::try_from(length).ok()),
            elsewhere: members
                .text("CustomKeyStoreId", &CUSTOM_KEY_STORE_ID)
                .is_some(),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(vec![access::need_on_account("kms:GenerateRandom", caller)])
    }

    fn decide(
        allowed: Authorized<Self>,
        _: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Random>, Stop> {
        let request = allowed.into_request();
        if request.elsewhere {
            return Err(refusals::unsupported(super::KEY_STORES_ABSENT).into());
        }
        let Some(length) = request.length else {
            return Err(Refusal::validation("NumberOfBytes must be specified.").into());
        };
        Ok(Decided::answer(Random {
            plaintext: Disclosed::Binary(data_key::random(length, given)),
        }))
    }
}
