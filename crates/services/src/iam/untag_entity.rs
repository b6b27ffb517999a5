//! The rule of UntagUser, UntagRole and UntagPolicy: tags off an entity.
//!
//! Source: AWS IAM API Reference, UntagUser.

use std::sync::Arc;

use strongroom_policy::Context;

use super::entity::{Entity, Named, OnKind, Tagged};
use super::shapes;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct UntagEntity<O: OnKind> {
    entity: Named<O::Kind>,
    tag_keys: Vec<String>,
}

impl<O: OnKind<Kind: Tagged>> Operation for UntagEntity<O> {
    const NAME: &'static str = O::NAME;
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        UntagEntity {
            entity: Named::take(members),
            tag_keys: shapes::tag_keys(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut context = Context::new();
        context.insert_all("aws:TagKeys", self.tag_keys.iter().cloned());
        self.entity.need(O::ACTION, context, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let UntagEntity { entity, tag_keys } = allowed.into_request();
        let mut entity = Arc::unwrap_or_clone(entity.find(records, given.caller)?);
        let named = |key: &str| tag_keys.iter().any(|each| each.eq_ignore_ascii_case(key));
        entity.tags_mut().retain(|tag| !named(&tag.key));
        let mut changes = Changes::none();
        changes.put(entity.key(), &entity)?;
        Ok(Decided::silent(changes))
    }
}
