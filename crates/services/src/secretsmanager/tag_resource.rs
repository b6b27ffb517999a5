//! TagResource: adds tags to a secret, and overwrites those whose key it has.
//!
//! Source: reference/api.md §6.16.

use super::access;
use super::secret::Tag;
use super::secret_id::SecretId;
use super::shapes;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct TagResource {
    secret_id: SecretId,
    tags: Vec<Tag>,
}

impl TagResource {
    const ACTION: &'static str = "secretsmanager:TagResource";
}

impl Operation for TagResource {
    const NAME: &'static str = "TagResource";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        let secret_id = shapes::secret_id(members);
        members.require("Tags");
        TagResource {
            secret_id,
            tags: shapes::tags(members).unwrap_or_default(),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::need_on(Self::ACTION, &self.secret_id, &self.tags, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let mut secret = (*request.secret_id.find_active(records, given)?).clone();
        shapes::merge_tags(&mut secret.tags, request.tags.clone())?;
        access::still_permit(
            Self::ACTION,
            &request.secret_id,
            &secret,
            &request.tags,
            records,
            given,
        )?;
        secret.changed = given.now;
        let mut changes = Changes::none();
        changes.put(secret.key(), &secret)?;
        Ok(Decided::silent(changes))
    }
}
