//! GetFunctionConfiguration: how a version of a function runs.
//!
//! Source: AWS Lambda API Reference, GetFunctionConfiguration.

use super::name::Wanted;
use super::shapes::ShownConfiguration;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GetFunctionConfiguration {
    function: Wanted,
}

impl Operation for GetFunctionConfiguration {
    const NAME: &'static str = "GetFunctionConfiguration";
    type Output = ShownConfiguration;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetFunctionConfiguration {
            function: Wanted::read(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "lambda:GetFunctionConfiguration";
        self.function.needs(action, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<ShownConfiguration>, Stop> {
        let request = allowed.into_request().function;
        let function = request.find(records, given)?;
        let version = request.version(&function, given)?;
        let qualifier = request.qualifier();
        let shown = ShownConfiguration::of(&function, version, qualifier, records, given)?;
        Ok(Decided::answer(shown))
    }
}
