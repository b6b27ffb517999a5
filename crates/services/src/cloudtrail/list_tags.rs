//! ListTags: the tags of some trails of the caller's region.
//!
//! Source: AWS CloudTrail API Reference, ListTags.

use serde::Serialize;
use strongroom_policy::Context;

use super::named::Named;
use super::trail::{Tag, TrailArn};
use super::{refusals, tagged};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// Source: AWS CloudTrail API Reference, ListTags, `ResourceIdList`.
const TRAILS_MAX: usize = 20;
const ANYTHING: Text = Text::of(0..=usize::MAX);

/// The request.
pub struct ListTags {
    trails: Vec<TrailArn>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedTags {
    resource_tag_list: Vec<TagsOfOne>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TagsOfOne {
    resource_id: String,
    tags_list: Vec<ShownTag>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ShownTag {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

impl Operation for ListTags {
    const NAME: &'static str = "ListTags";
    type Output = ListedTags;

    fn read(members: &mut Members<'_, '_>) -> Self {
        members.require("ResourceIdList");
        let texts = members.texts("ResourceIdList", 0..=TRAILS_MAX, &ANYTHING);
        let mut trails = Vec::new();
        for text in texts.unwrap_or_default() {
            match tagged::arn(&text) {
                Ok(arn) => trails.push(arn),
                Err(refusal) => members.refuse(refusal),
            }
        }
        // All tags come at once, so none was ever given out.
        if members.text("NextToken", &ANYTHING).is_some() {
            members.object(refusals::invalid_token());
        }
        ListTags { trails }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let need = |arn: &TrailArn| {
            let named = Named::Arn(arn.clone());
            named.need("cloudtrail:ListTags", Context::new(), caller, records)
        };
        self.trails.iter().map(need).collect()
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<ListedTags>, Stop> {
        let request = allowed.into_request();
        let mut resource_tag_list = Vec::with_capacity(request.trails.len());
        for arn in &request.trails {
            let trail = tagged::find(arn, records, given)?;
            let shown = |tag: &Tag| ShownTag {
                key: tag.key.clone(),
                value: tag.value.clone(),
            };
            resource_tag_list.push(TagsOfOne {
                resource_id: arn.to_string(),
                tags_list: trail.tags.iter().map(shown).collect(),
            });
        }
        Ok(Decided::answer(ListedTags { resource_tag_list }))
    }
}
