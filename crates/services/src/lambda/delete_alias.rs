//! DeleteAlias: the version that it named stays.
//!
//! Source: AWS Lambda API Reference, DeleteAlias.

use super::name::Wanted;
use super::{alias, function};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct DeleteAlias {
    function: Wanted,
    name: String,
}

impl Operation for DeleteAlias {
    const NAME: &'static str = "DeleteAlias";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        DeleteAlias {
            function: Wanted::read(members),
            name: members.required_text("Name", &alias::NAME),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "lambda:DeleteAlias";
        self.function.needs(action, caller, records)
    }

    /// One that isn't there is as good as deleted.
    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let mut function = request.function.find_latest(records, given)?;
        let mut changes = Changes::none();
        if let Ok(place) = alias::place(&function, &request.name) {
            function.aliases.remove(place);
            function.forget_policy(Some(&request.name));
            function::put(&function, &mut changes)?;
        }
        Ok(Decided::silent(changes))
    }
}
