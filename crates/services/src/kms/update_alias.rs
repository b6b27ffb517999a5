//! UpdateAlias: an alias for another key of the same kind.
//!
//! Source: AWS KMS API Reference, UpdateAlias.

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
pub struct UpdateAlias {
    name: String,
    target: KeyName,
}

impl Operation for UpdateAlias {
    const NAME: &'static str = "UpdateAlias";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        let target = members.required_text("TargetKeyId", &KEY_ID);
        UpdateAlias {
            name: members.required_text("AliasName", &ALIAS_NAME),
            target: KeyName::parse(target, Accepts::Keys),
        }
    }

    /// On the alias, on the key that it names and on the one that it is to name.
    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut needs = access::needs("kms:UpdateAlias", &self.target, caller, records)?;
        needs.push(alias::need("kms:UpdateAlias", &self.name, caller));
        needs.extend(alias::need_on_its_key(
            "kms:UpdateAlias",
            &self.name,
            caller,
            records,
        )?);
        Ok(needs)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let UpdateAlias { name, target } = allowed.into_request();
        let caller = given.caller;
        alias::check_name(&name)?;
        let (place, alias) = alias::find(&name, records, given)?;
        let new = target.find(caller, records)?;
        alias::refuse_foreign_key(&new, caller)?;
        state::unless_pending_deletion(&new)?;
        let old_place = Key::kms_key(&caller.account, &caller.region, &alias.key_id);
        let old = records.read::<KmsKey>(old_place)?;
        let mut changes = Changes::none();
        let mut new = KmsKey::clone(&new);
        if let Some(old) = old.filter(|old| old.key_id != new.key_id) {
            // So that a program that was given the alias finds a key that it can use.
            if old.usage != new.usage || alias::kind_of(&old) != alias::kind_of(&new) {
                return Err(refusals::not_of_a_kind(&old, &new).into());
            }
            let mut old = KmsKey::clone(&old);
            old.aliases.retain(|each| *each != name);
            changes.put(old.key(), &old)?;
            alias::attach(&name, &mut new)?;
            changes.put(new.key(), &new)?;
        }
        let mut alias = Alias::clone(&alias);
        alias.key_id = new.key_id;
        alias.updated = given.now;
        changes.put(place, &alias)?;
        Ok(Decided::silent(changes))
    }
}
