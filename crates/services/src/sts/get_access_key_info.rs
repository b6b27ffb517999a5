//! GetAccessKeyInfo: which account an access key belongs to.
//!
//! Source: AWS STS API Reference, GetAccessKeyInfo.

use std::borrow::Cow;

use serde::Serialize;

use crate::accounts::AccessKey;
use crate::caller::Caller;
use crate::gate::{Authorized, Guard, Need};
use crate::input::{Members, Pattern, Text};
use crate::operation::{Decided, Given, Operation};
use crate::records::{Key, Records};
use crate::refusal::{Refusal, Stop};

/// `AccessKeyId`, of IAM as well.
pub(crate) const ACCESS_KEY_ID: Text = Text::matching(
    16..=128,
    &Pattern {
        shown: "[\\w]+",
        matches: |text| {
            text.chars()
                .all(|each| each.is_alphanumeric() || each == '_')
        },
    },
);

/// The request.
pub struct GetAccessKeyInfo {
    access_key_id: String,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccessKeyInfo {
    account: String,
}

impl Operation for GetAccessKeyInfo {
    const NAME: &'static str = "GetAccessKeyInfo";
    type Output = AccessKeyInfo;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetAccessKeyInfo {
            access_key_id: members.required_text("AccessKeyId", &ACCESS_KEY_ID),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(vec![Need {
            action: "sts:GetAccessKeyInfo",
            owner: Cow::Borrowed(&caller.account),
            shown: None,
            guard: Guard::Account,
        }])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        _: &Given<'_>,
    ) -> Result<Decided<AccessKeyInfo>, Stop> {
        let GetAccessKeyInfo { access_key_id } = allowed.into_request();
        let key = records.read::<AccessKey>(Key::access_key(&access_key_id))?;
        let Some(key) = key else {
            // AWS reads the account out of the id, so whether the key exists says nothing; ours are looked up.
            return Err(
                Refusal::validation("The access key ID does not belong to any account.").into(),
            );
        };
        Ok(Decided::answer(AccessKeyInfo {
            account: key.account.to_string(),
        }))
    }
}
