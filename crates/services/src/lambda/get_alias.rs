//! GetAlias: which version an alias names.
//!
//! Source: AWS Lambda API Reference, GetAlias.

use super::alias::{self, ShownAlias};
use super::name::Wanted;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GetAlias {
    function: Wanted,
    name: String,
}

impl Operation for GetAlias {
    const NAME: &'static str = "GetAlias";
    type Output = ShownAlias;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetAlias {
            function: Wanted::read(members),
            name: members.required_text("Name", &alias::NAME),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.function.needs("lambda:GetAlias", caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<ShownAlias>, Stop> {
        let request = allowed.into_request();
        let function = request.function.find_latest(records, given)?;
        let place = alias::place(&function, &request.name)?;
        let shown = ShownAlias::of(&function, &function.aliases[place]);
        Ok(Decided::answer(shown))
    }
}
