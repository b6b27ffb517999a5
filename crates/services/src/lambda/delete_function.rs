//! DeleteFunction: a function with all that belongs to it, or one version of it.
//!
//! Source: AWS Lambda API Reference, DeleteFunction.

use super::function::{self, Function, LATEST};
use super::name::Wanted;
use super::refusals;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct DeleteFunction {
    function: Wanted,
}

impl Operation for DeleteFunction {
    const NAME: &'static str = "DeleteFunction";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        DeleteFunction {
            function: Wanted::read(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "lambda:DeleteFunction";
        self.function.needs(action, caller, records)
    }

    /// Its code goes later, with what sweeps up all code that nothing refers to.
    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request().function;
        let function = request.find(records, given)?;
        let mut changes = Changes::none();
        let Some(qualifier) = request.qualifier() else {
            changes.delete(function.key());
            return Ok(Decided::silent(changes));
        };
        if qualifier == LATEST {
            let message = "$LATEST version cannot be deleted without deleting the function.";
            return Err(refusals::parameter(message).into());
        }
        if function.alias(qualifier).is_some() {
            let message =
                "An alias is deleted by DeleteAlias: a qualifier must be a version's number here.";
            return Err(refusals::parameter(message).into());
        }
        if function.version(qualifier).is_none() {
            // A version that isn't there is as good as deleted.
            return Ok(Decided::silent(changes));
        }
        let aliases = function.aliases.iter();
        let names: Vec<&str> = aliases
            .filter(|alias| alias.version == qualifier)
            .map(|alias| alias.name.as_str())
            .collect();
        if !names.is_empty() {
            return Err(refusals::conflict(format!(
                "Unable to delete version because the following aliases reference it: [{}]",
                names.join(", ")
            ))
            .into());
        }
        let mut function = Function::clone(&function);
        function
            .published
            .retain(|version| version.number.to_string() != qualifier);
        function.forget_policy(Some(qualifier));
        function::put(&function, &mut changes)?;
        Ok(Decided::silent(changes))
    }
}
