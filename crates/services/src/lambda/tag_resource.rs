//! TagResource: adds tags to a function, in the place of those of the same keys.
//!
//! Source: AWS Lambda API Reference, TagResource.

use super::function::{self, Function};
use super::tagged::Resource;
use super::tags::{self, Tags};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct TagResource {
    resource: Resource,
    tags: Tags,
}

impl Operation for TagResource {
    const NAME: &'static str = "TagResource";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        members.require("Tags");
        TagResource {
            resource: Resource::read(members),
            tags: tags::take(members).unwrap_or_default(),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let context = tags::condition_keys(&self.tags);
        let action = "lambda:TagResource";
        self.resource.needs(action, context, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let function = request.resource.find(records, given)?;
        let mut function = Function::clone(&function);
        function.tags.extend(request.tags);
        tags::refuse_too_many(&function.tags)?;
        let mut changes = Changes::none();
        function::put(&function, &mut changes)?;
        Ok(Decided::silent(changes))
    }
}
