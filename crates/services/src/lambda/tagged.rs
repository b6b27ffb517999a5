//! What TagResource, UntagResource and ListTags share: which resource they are about.
//!
//! Source: AWS Lambda API Reference, TagResource ("Resource").

use std::sync::Arc;

use super::function::Function;
use super::function_arn::FunctionArn;
use super::{name, refusals};
use crate::caller::Caller;
use crate::gate::Need;
use crate::input::{Members, Pattern, Text};
use crate::operation::Given;
use crate::records::Records;
use crate::refusal::Stop;
use strongroom_policy::Context;

const RESOURCE: Text = Text::matching(
    1..=10_000,
    &Pattern {
        shown: "arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:\
                (function:[a-zA-Z0-9-_]+(:(\\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|code-signing-config:\
                csc-[a-z0-9]{17}|event-source-mapping:[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12})",
        matches: |text| FunctionArn::parse(text).is_ok(),
    },
);

/// A function whose tags are asked about.
pub(super) struct Resource(Option<FunctionArn>);

impl Resource {
    /// Takes `Resource` out of a request.
    pub(super) fn read(members: &mut Members<'_, '_>) -> Self {
        let arn = members.required_text("Resource", &RESOURCE);
        let arn = FunctionArn::parse(&arn).ok();
        if arn.as_ref().is_some_and(|arn| arn.qualifier.is_some()) {
            members.object(refusals::parameter(
                "Tags on function aliases and versions are not supported. Please specify either a function ARN.",
            ));
        }
        Resource(arn)
    }

    /// What the caller must be allowed to do.
    pub(super) fn needs<'a>(
        &self,
        action: &'static str,
        context: Context,
        caller: &Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        match &self.0 {
            Some(arn) => Ok(vec![name::need(action, arn, context, caller, records)?]),
            None => Err(refusals::not_found("The resource you requested does not exist.").into()),
        }
    }

    /// The function.
    ///
    /// # Refusals
    /// `ResourceNotFoundException`
    pub(super) fn find(
        &self,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Arc<Function>, Stop> {
        match &self.0 {
            Some(arn) => name::find(arn, records, given),
            None => Err(refusals::not_found("The resource you requested does not exist.").into()),
        }
    }
}
