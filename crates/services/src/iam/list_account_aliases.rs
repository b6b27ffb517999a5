//! ListAccountAliases: the alias of the caller's account, if it has one.
//!
//! Source: AWS IAM API Reference, ListAccountAliases.

use super::account_alias::{self, AccountAlias};
use super::listing::{self, Listed};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::{Key, Records};
use crate::refusal::Stop;

/// The request.
pub struct ListAccountAliases {
    page: PageRequest,
}

impl Operation for ListAccountAliases {
    const NAME: &'static str = "ListAccountAliases";
    type Output = Listed<String>;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListAccountAliases {
            page: listing::take(members),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(vec![account_alias::need("iam:ListAccountAliases", caller)])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Listed<String>>, Stop> {
        let ListAccountAliases { page } = allowed.into_request();
        let own = Key::alias_of_account(&given.caller.account);
        let found = records.read::<AccountAlias>(own)?;
        let all = found
            .iter()
            .map(|found| (found.alias.clone(), found.alias.clone()));
        let page = page.of_sorted("ListAccountAliases", given, all)?;
        Ok(Decided::answer(Listed::of("AccountAliases", page)))
    }
}
