//! The rule of ListUserTags, ListRoleTags and ListPolicyTags: the tags of an entity.
//!
//! Source: AWS IAM API Reference, ListUserTags.

use strongroom_policy::Context;

use super::entity::{Entity, Named, OnKind, Tagged};
use super::listing::{self, Listed};
use super::shapes::Tag;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct ListEntityTags<O: OnKind> {
    entity: Named<O::Kind>,
    page: PageRequest,
}

impl<O: OnKind<Kind: Tagged>> Operation for ListEntityTags<O> {
    const NAME: &'static str = O::NAME;
    type Output = Listed<Tag>;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListEntityTags {
            entity: Named::take(members),
            page: listing::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.entity.need(O::ACTION, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Listed<Tag>>, Stop> {
        let ListEntityTags { entity, page } = allowed.into_request();
        let entity = entity.find(records, given.caller)?;
        let mut tags = entity.tags().to_vec();
        tags.sort_by(|one, other| one.key.cmp(&other.key));
        let list = format!("{} {}", O::NAME, entity.id());
        let sorted = tags.into_iter().map(|tag| (tag.key.clone(), tag));
        let page = page.of_sorted(&list, given, sorted)?;
        Ok(Decided::answer(Listed::of("Tags", page)))
    }
}
