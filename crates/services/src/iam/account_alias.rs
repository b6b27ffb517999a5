//! The alias of an account: another name for it, which no other account of the deployment has.
//!
//! Source: AWS IAM User Guide, Use an alias for your AWS account ID.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::caller::{AccountId, Caller};
use crate::gate::{Guard, Need};
use crate::input::{Pattern, Text};
use crate::records::Key;

pub(super) const ALIAS: Text = Text::matching(
    3..=63,
    &Pattern {
        shown: "^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$",
        matches: |text| {
            let in_alias =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            text.bytes().all(in_alias)
                && !text.starts_with('-')
                && !text.ends_with('-')
                && !text.contains("--")
        },
    },
);

/// Which account an alias is for. It rests twice: by the alias, and by the account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountAlias {
    /// The alias.
    pub alias: String,
    /// The account.
    pub account: AccountId,
}

impl AccountAlias {
    /// Whether a key is one of its places.
    pub(crate) fn is_at(&self, key: &[u8]) -> bool {
        let places = [
            Key::account_alias(&self.alias),
            Key::alias_of_account(&self.account),
        ];
        places.iter().any(|place| place.as_bytes() == key)
    }
}

/// The need of an operation on the account's alias, which is no resource of its own.
pub(super) fn need<'a>(action: &'static str, caller: &'a Caller) -> Need<'a> {
    Need {
        action,
        owner: Cow::Borrowed(&caller.account),
        shown: None,
        guard: Guard::Account,
    }
}
