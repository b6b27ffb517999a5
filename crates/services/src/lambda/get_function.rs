//! GetFunction: a version of a function, with its tags. Its code is not given out.
//!
//! Source: AWS Lambda API Reference, GetFunction.

use serde::Serialize;

use super::name::Wanted;
use super::shapes::ShownConfiguration;
use super::tags::Tags;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GetFunction {
    function: Wanted,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FoundFunction {
    configuration: ShownConfiguration,
    code: CodeLocation,
    #[serde(skip_serializing_if = "Tags::is_empty")]
    tags: Tags,
}

/// Where the code is. AWS gives a link from which it is downloaded, which nothing here could answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CodeLocation {
    repository_type: &'static str,
}

impl Operation for GetFunction {
    const NAME: &'static str = "GetFunction";
    type Output = FoundFunction;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetFunction {
            function: Wanted::read(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.function.needs("lambda:GetFunction", caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<FoundFunction>, Stop> {
        let request = allowed.into_request().function;
        let function = request.find(records, given)?;
        let version = request.version(&function, given)?;
        let qualifier = request.qualifier();
        Ok(Decided::answer(FoundFunction {
            configuration: ShownConfiguration::of(&function, version, qualifier, records, given)?,
            code: CodeLocation {
                repository_type: "Strongroom",
            },
            tags: function.tags.clone(),
        }))
    }
}
