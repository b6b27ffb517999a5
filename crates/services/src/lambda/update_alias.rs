//! UpdateAlias: another version for an alias, or another description.
//!
//! Source: AWS Lambda API Reference, UpdateAlias.

use super::alias::{self, ShownAlias};
use super::function;
use super::name::Wanted;
use super::shapes::{self, DESCRIPTION, REVISION_ID};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::kms::uuid;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct UpdateAlias {
    function: Wanted,
    name: String,
    version: Option<String>,
    description: Option<String>,
    revision_id: Option<String>,
}

impl Operation for UpdateAlias {
    const NAME: &'static str = "UpdateAlias";
    type Output = ShownAlias;

    fn read(members: &mut Members<'_, '_>) -> Self {
        alias::refuse_routing(members);
        UpdateAlias {
            function: Wanted::read(members),
            name: members.required_text("Name", &alias::NAME),
            version: members.text("FunctionVersion", &alias::VERSION),
            description: members.text("Description", &DESCRIPTION),
            revision_id: members.text("RevisionId", &REVISION_ID),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "lambda:UpdateAlias";
        self.function.needs(action, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<ShownAlias>, Stop> {
        let request = allowed.into_request();
        let mut function = request.function.find_latest(records, given)?;
        let place = alias::place(&function, &request.name)?;
        let present = &function.aliases[place].revision_id;
        shapes::check_revision(request.revision_id.as_deref(), present)?;
        if let Some(version) = &request.version {
            alias::check_version(&function, version)?;
        }
        let alias = &mut function.aliases[place];
        if let Some(version) = request.version {
            alias.version = version;
        }
        if let Some(description) = request.description {
            alias.description = description;
        }
        alias.revision_id = uuid(given);
        let shown = ShownAlias::of(&function, &function.aliases[place]);
        let mut changes = Changes::none();
        function::put(&function, &mut changes)?;
        Ok(Decided::change(changes, shown))
    }
}
