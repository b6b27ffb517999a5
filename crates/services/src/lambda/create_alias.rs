//! CreateAlias: another name of a version.
//!
//! Source: AWS Lambda API Reference, CreateAlias.

use super::alias::{self, ALIASES_MAX, ShownAlias};
use super::function::Alias;
use super::name::Wanted;
use super::shapes::DESCRIPTION;
use super::{function, refusals};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::kms::uuid;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::{Refusal, Stop};

/// The request.
pub struct CreateAlias {
    function: Wanted,
    name: String,
    version: String,
    description: Option<String>,
}

impl Operation for CreateAlias {
    const NAME: &'static str = "CreateAlias";
    type Output = ShownAlias;

    fn read(members: &mut Members<'_, '_>) -> Self {
        alias::refuse_routing(members);
        CreateAlias {
            function: Wanted::read(members),
            name: members.required_text("Name", &alias::NAME),
            version: members.required_text("FunctionVersion", &alias::VERSION),
            description: members.text("Description", &DESCRIPTION),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "lambda:CreateAlias";
        self.function.needs(action, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<ShownAlias>, Stop> {
        let request = allowed.into_request();
        let mut function = request.function.find_latest(records, given)?;
        if function.alias(&request.name).is_some() {
            let arn = function.arn.qualified(Some(&request.name));
            return Err(refusals::conflict(format!("Alias already exists: {arn}")).into());
        }
        alias::check_version(&function, &request.version)?;
        if function.aliases.len() >= ALIASES_MAX {
            return Err(Refusal::framework(
                "AliasLimitExceededException",
                format!("A function can have at most {ALIASES_MAX} aliases."),
            )
            .into());
        }
        let alias = Alias {
            name: request.name,
            version: request.version,
            description: request.description.unwrap_or_default(),
            revision_id: uuid(given),
        };
        let shown = ShownAlias::of(&function, &alias);
        function.aliases.push(alias);
        function
            .aliases
            .sort_by(|one, other| one.name.cmp(&other.name));
        let mut changes = Changes::none();
        function::put(&function, &mut changes)?;
        Ok(Decided::change(changes, shown))
    }
}
