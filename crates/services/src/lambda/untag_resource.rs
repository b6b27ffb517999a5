//! UntagResource: takes tags off a function. Those that it hasn't are as good as taken off.
//!
//! Source: AWS Lambda API Reference, UntagResource.

use strongroom_policy::Context;

use super::function::{self, Function};
use super::tagged::Resource;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct UntagResource {
    resource: Resource,
    keys: Vec<String>,
}

impl Operation for UntagResource {
    const NAME: &'static str = "UntagResource";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        members.require("TagKeys");
        let keys = members.texts("TagKeys", 0..=usize::MAX, &Text::of(0..=usize::MAX));
        UntagResource {
            resource: Resource::read(members),
            keys: keys.unwrap_or_default(),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut context = Context::new();
        context.insert_all("aws:TagKeys", self.keys.iter().cloned());
        let action = "lambda:UntagResource";
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
        function.tags.retain(|key, _| !request.keys.contains(key));
        let mut changes = Changes::none();
        function::put(&function, &mut changes)?;
        Ok(Decided::silent(changes))
    }
}
