//! TagResource: adds tags to a key, and overwrites those whose key it has.
//!
//! Source: AWS KMS API Reference, TagResource.

use super::access::Usage;
use super::key::{KmsKey, Tag};
use super::name::{Accepts, KeyName};
use super::{access, shapes, state, tags};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct TagResource {
    key: KeyName,
    tags: Vec<Tag>,
}

impl Operation for TagResource {
    const NAME: &'static str = "TagResource";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        members.require("Tags");
        TagResource {
            key: shapes::key_name(Accepts::Keys, members),
            tags: tags::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let usage = Usage {
            more: tags::conditions(&self.tags),
            ..Usage::default()
        };
        access::need("kms:TagResource", &self.key, usage, caller, records).map(|need| vec![need])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let key = request.key.find(given.caller, records)?;
        state::unless_pending_deletion(&key)?;
        let mut key = KmsKey::clone(&key);
        tags::merge(&mut key.tags, request.tags)?;
        let mut changes = Changes::none();
        changes.put(key.key(), &key)?;
        Ok(Decided::silent(changes))
    }
}
