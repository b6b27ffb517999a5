//! UntagResource: removes tags from a secret; keys that it doesn't have are ignored.
//!
//! Source: reference/api.md §6.17.

use strongroom_policy::Context;

use super::access;
use super::secret_id::SecretId;
use super::shapes::{self, TAG_KEY};
use crate::caller::Caller;
use crate::gate::{Authorized, ConditionKeys, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct UntagResource {
    secret_id: SecretId,
    keys: Vec<String>,
}

impl UntagResource {
    const ACTION: &'static str = "secretsmanager:UntagResource";
}

impl ConditionKeys for UntagResource {
    fn add_condition_keys(&self, context: &mut Context) {
        context.insert_all("aws:TagKeys", self.keys.iter().map(String::as_str));
    }
}

impl Operation for UntagResource {
    const NAME: &'static str = "UntagResource";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        let secret_id = shapes::secret_id(members);
        members.require("TagKeys");
        let keys = members
            .texts("TagKeys", 0..=usize::MAX, &TAG_KEY)
            .unwrap_or_default();
        UntagResource { secret_id, keys }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::need_on(Self::ACTION, &self.secret_id, self, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let mut secret = (*request.secret_id.find_active(records, given)?).clone();
        for key in &request.keys {
            shapes::refuse_system_tag(key)?;
        }
        secret.tags.retain(|tag| !request.keys.contains(&tag.key));
        access::still_permit(
            Self::ACTION,
            &request.secret_id,
            &secret,
            &request,
            records,
            given,
        )?;
        secret.changed = given.now;
        let mut changes = Changes::none();
        changes.put(secret.key(), &secret)?;
        Ok(Decided::silent(changes))
    }
}
