//! ListResourceTags: the tags of a key.
//!
//! Source: AWS KMS API Reference, ListResourceTags.

use serde::Serialize;

use super::key::Tag;
use super::listing;
use super::name::{Accepts, KeyName};
use super::{access, shapes};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct ListResourceTags {
    key: KeyName,
    page: PageRequest,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tags {
    tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

impl Operation for ListResourceTags {
    const NAME: &'static str = "ListResourceTags";
    type Output = Tags;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListResourceTags {
            key: shapes::key_name(Accepts::Keys, members),
            page: listing::take(50, 50, members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::needs("kms:ListResourceTags", &self.key, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Tags>, Stop> {
        let request = allowed.into_request();
        let key = request.key.find(given.caller, records)?;
        let list = format!("ListResourceTags {}", key.key_id);
        let start = request.page.start(&list, given)?;
        let page = request.page.fill(&list, given, |push| {
            let mut tags: Vec<&Tag> = key.tags.iter().collect();
            tags.sort_by(|one, other| one.tag_key.cmp(&other.tag_key));
            let behind = tags
                .into_iter()
                .filter(|tag| start.as_ref().is_none_or(|start| tag.tag_key > *start));
            for tag in behind {
                if push(tag.tag_key.clone(), tag.clone()).is_break() {
                    break;
                }
            }
            Ok(())
        })?;
        Ok(Decided::answer(Tags {
            truncated: page.marker.is_some(),
            tags: page.items,
            next_marker: page.marker,
        }))
    }
}
