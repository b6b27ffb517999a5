//! DeleteAlias: a key loses one of its names.
//!
//! Source: AWS KMS API Reference, DeleteAlias.

use super::alias;
use super::key::KmsKey;
use super::shapes::ALIAS_NAME;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;

/// The request.
pub struct DeleteAlias {
    name: String,
}

impl Operation for DeleteAlias {
    const NAME: &'static str = "DeleteAlias";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        DeleteAlias {
            name: members.required_text("AliasName", &ALIAS_NAME),
        }
    }

    /// On the alias and on its key.
    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut needs = vec![alias::need("kms:DeleteAlias", &self.name, caller)];
        needs.extend(alias::need_on_its_key(
            "kms:DeleteAlias",
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
        let DeleteAlias { name } = allowed.into_request();
        let caller = given.caller;
        alias::check_name(&name)?;
        let (place, alias) = alias::find(&name, records, given)?;
        let mut changes = Changes::none();
        let key = Key::kms_key(&caller.account, &caller.region, &alias.key_id);
        if let Some(key) = records.read::<KmsKey>(key)? {
            let mut key = KmsKey::clone(&key);
            key.aliases.retain(|each| *each != name);
            changes.put(key.key(), &key)?;
        }
        changes.delete(place);
        Ok(Decided::silent(changes))
    }
}
