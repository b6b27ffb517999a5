//! CreateAlias: another name for a key.
//!
//! Source: AWS KMS API Reference, CreateAlias; reference/kms-iam-sts.md §A4.

use super::alias::{self, Alias};
use super::key::KmsKey;
use super::name::{Accepts, KeyName};
use super::shapes::{ALIAS_NAME, KEY_ID};
use super::{access, refusals, state};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;

/// The request.
pub struct CreateAlias {
    name: String,
    target: KeyName,
}

impl Operation for CreateAlias {
    const NAME: &'static str = "CreateAlias";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        let target = members.required_text("TargetKeyId", &KEY_ID);
        CreateAlias {
            name: members.required_text("AliasName", &ALIAS_NAME),
            target: KeyName::parse(target, Accepts::Keys),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut needs = access::needs("kms:CreateAlias", &self.target, caller, records)?;
        needs.push(alias::need("kms:CreateAlias", &self.name, caller));
        Ok(needs)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let CreateAlias { name, target } = allowed.into_request();
        let caller = given.caller;
        alias::check_name(&name)?;
        let key = target.find(caller, records)?;
        alias::refuse_foreign_key(&key, caller)?;
        let place = Key::kms_alias(&caller.account, &caller.region, &name);
        if records.read::<Alias>(place.clone())?.is_some() {
            let arn = alias::alias_arn(&caller.account, &caller.region, &name);
            return Err(refusals::alias_exists(&arn).into());
        }
        state::unless_pending_deletion(&key)?;
        let mut key = KmsKey::clone(&key);
        alias::attach(&name, &mut key)?;
        let mut changes = Changes::none();
        changes.put(
            place,
            &Alias {
                name,
                key_id: key.key_id.clone(),
                created: given.now,
                updated: given.now,
            },
        )?;
        changes.put(key.key(), &key)?;
        Ok(Decided::silent(changes))
    }
}
