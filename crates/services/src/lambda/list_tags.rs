//! ListTags: a function's tags.
//!
//! Source: AWS Lambda API Reference, ListTags.

use serde::Serialize;
use strongroom_policy::Context;

use super::tagged::Resource;
use super::tags::Tags;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct ListTags {
    resource: Resource,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedTags {
    tags: Tags,
}

impl Operation for ListTags {
    const NAME: &'static str = "ListTags";
    type Output = ListedTags;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListTags {
            resource: Resource::read(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "lambda:ListTags";
        self.resource.needs(action, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<ListedTags>, Stop> {
        let function = allowed.into_request().resource.find(records, given)?;
        let tags = function.tags.clone();
        Ok(Decided::answer(ListedTags { tags }))
    }
}
