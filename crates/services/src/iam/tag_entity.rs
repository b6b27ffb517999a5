//! The rule of TagUser, TagRole and TagPolicy: tags on an entity.
//!
//! Source: AWS IAM API Reference, TagUser.

use std::sync::Arc;

use super::entity::{Entity, Named, OnKind, Tagged};
use super::shapes::{self, Tag};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct TagEntity<O: OnKind> {
    entity: Named<O::Kind>,
    tags: Vec<Tag>,
}

impl<O: OnKind<Kind: Tagged>> Operation for TagEntity<O> {
    const NAME: &'static str = O::NAME;
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        members.require("Tags");
        TagEntity {
            entity: Named::take(members),
            tags: shapes::tags(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let context = shapes::request_tags(&self.tags);
        self.entity.need(O::ACTION, context, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let TagEntity { entity, tags } = allowed.into_request();
        let mut entity = Arc::unwrap_or_clone(entity.find(records, given.caller)?);
        shapes::merge_tags(entity.tags_mut(), tags, O::Kind::TAGS_QUOTA)?;
        let mut changes = Changes::none();
        changes.put(entity.key(), &entity)?;
        Ok(Decided::silent(changes))
    }
}
