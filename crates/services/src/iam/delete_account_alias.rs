//! DeleteAccountAlias: the end of the alias of the caller's account.
//!
//! Source: AWS IAM API Reference, DeleteAccountAlias.

use super::account_alias::{self, ALIAS, AccountAlias};
use super::refusals;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;

/// The request.
pub struct DeleteAccountAlias {
    alias: String,
}

impl Operation for DeleteAccountAlias {
    const NAME: &'static str = "DeleteAccountAlias";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        DeleteAccountAlias {
            alias: members.required_text("AccountAlias", &ALIAS),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(vec![account_alias::need("iam:DeleteAccountAlias", caller)])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let DeleteAccountAlias { alias } = allowed.into_request();
        let own = Key::alias_of_account(&given.caller.account);
        let found = records.read::<AccountAlias>(own.clone())?;
        if found.is_none_or(|found| found.alias != alias) {
            return Err(refusals::no_such_alias(&alias).into());
        }
        let mut changes = Changes::none();
        changes.delete(Key::account_alias(&alias));
        changes.delete(own);
        Ok(Decided::silent(changes))
    }
}
