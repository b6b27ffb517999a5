//! UpdateFunctionConfiguration: another way of running `$LATEST`.
//!
//! Source: AWS Lambda API Reference, UpdateFunctionConfiguration.

use super::environment::ShownEnvironment;
use super::function::LATEST;
use super::name::Wanted;
use super::shapes::{self, REVISION_ID, Settings, ShownConfiguration};
use super::{environment, execution_role, function, refusals};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::kms::uuid;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct UpdateFunctionConfiguration {
    function: Wanted,
    settings: Settings,
    revision_id: Option<String>,
}

impl Operation for UpdateFunctionConfiguration {
    const NAME: &'static str = "UpdateFunctionConfiguration";
    type Output = ShownConfiguration;

    fn read(members: &mut Members<'_, '_>) -> Self {
        UpdateFunctionConfiguration {
            function: Wanted::read(members),
            settings: Settings::read(members),
            revision_id: members.text("RevisionId", &REVISION_ID),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "lambda:UpdateFunctionConfiguration";
        let mut needs = self.function.needs(action, caller, records)?;
        let role = self.settings.role.as_deref();
        needs.extend(role.and_then(execution_role::need_to_pass));
        Ok(needs)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<ShownConfiguration>, Stop> {
        let request = allowed.into_request();
        let mut function = request.function.find_latest(records, given)?;
        let asked = request.revision_id.as_deref();
        shapes::check_revision(asked, &function.latest.revision_id)?;
        refusals::unless_own(&function, given)?;
        let settings = request.settings;
        settings.apply(&mut function.latest);
        if let Some(role) = settings.role {
            execution_role::check(&role, &function.arn, records)?;
            function.latest.role = role;
        }
        let mut changes = Changes::none();
        let shown = match settings.environment {
            None => environment::shown(&function, &function.latest, records, given)?,
            Some(variables) => {
                function.latest.environment =
                    environment::seal(&function.arn, &variables, records, given, &mut changes)?;
                ShownEnvironment::of(variables)
            }
        };
        function.latest.modified = given.now;
        function.latest.revision_id = uuid(given);
        function::put(&function, &mut changes)?;
        let latest = (LATEST, &function.latest);
        let shown = ShownConfiguration::with(shown, &function, latest, None);
        Ok(Decided::change(changes, shown))
    }
}
