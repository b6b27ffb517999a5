//! CreateAccountAlias: an alias for the caller's account, in the place of the one that it has.
//!
//! Source: AWS IAM API Reference, CreateAccountAlias; IAM User Guide, Use an alias for your AWS account ID.

use super::account_alias::{self, ALIAS, AccountAlias};
use super::refusals;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;

/// The request.
pub struct CreateAccountAlias {
    alias: String,
}

impl Operation for CreateAccountAlias {
    const NAME: &'static str = "CreateAccountAlias";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        CreateAccountAlias {
            alias: members.required_text("AccountAlias", &ALIAS),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(vec![account_alias::need("iam:CreateAccountAlias", caller)])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let CreateAccountAlias { alias } = allowed.into_request();
        let account = &given.caller.account;
        let place = Key::account_alias(&alias);
        if let Some(taken) = records.read::<AccountAlias>(place.clone())?
            && taken.account != *account
        {
            return Err(refusals::alias_exists(&alias).into());
        }
        let own = Key::alias_of_account(account);
        let mut changes = Changes::none();
        if let Some(earlier) = records.read::<AccountAlias>(own.clone())? {
            changes.delete(Key::account_alias(&earlier.alias));
        }
        let record = AccountAlias {
            alias,
            account: account.clone(),
        };
        changes.put(place, &record)?;
        changes.put(own, &record)?;
        Ok(Decided::silent(changes))
    }
}
