//! UntagResource: removes tags of a key.
//!
//! Source: AWS KMS API Reference, UntagResource.

use strongroom_policy::Context;

use super::access::Usage;
use super::key::KmsKey;
use super::name::{Accepts, KeyName};
use super::tags::TAG_KEY;
use super::{access, shapes, state, tags};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct UntagResource {
    key: KeyName,
    tag_keys: Vec<String>,
}

impl Operation for UntagResource {
    const NAME: &'static str = "UntagResource";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        members.require("TagKeys");
        UntagResource {
            key: shapes::key_name(Accepts::Keys, members),
            tag_keys: members
                .texts("TagKeys", 0..=usize::MAX, &TAG_KEY)
                .unwrap_or_default(),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut more = Context::new();
        more.insert_all("aws:TagKeys", self.tag_keys.iter().cloned());
        let usage = Usage {
            more,
            ..Usage::default()
        };
        access::need("kms:UntagResource", &self.key, usage, caller, records).map(|need| vec![need])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let key = request.key.find(given.caller, records)?;
        state::unless_pending_deletion(&key)?;
        for tag_key in &request.tag_keys {
            tags::refuse_system_tag(tag_key)?;
        }
        let mut key = KmsKey::clone(&key);
        key.tags
            .retain(|tag| !request.tag_keys.contains(&tag.tag_key));
        let mut changes = Changes::none();
        changes.put(key.key(), &key)?;
        Ok(Decided::silent(changes))
    }
}
