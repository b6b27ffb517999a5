//! UpdateFunctionCode: another deployment package for `$LATEST`.
//!
//! Source: AWS Lambda API Reference, UpdateFunctionCode.

use strongroom_keys::SecretBytes;

use super::create_function::{missing_code, take_package};
use super::function::LATEST;
use super::name::Wanted;
use super::shapes::{self, REVISION_ID, ShownConfiguration};
use super::{code, function, package, refusals, version};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::kms::uuid;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct UpdateFunctionCode {
    function: Wanted,
    package: Option<SecretBytes>,
    architecture: Option<String>,
    publish: bool,
    dry_run: bool,
    revision_id: Option<String>,
}

impl Operation for UpdateFunctionCode {
    const NAME: &'static str = "UpdateFunctionCode";
    // Unpacks what may be large.
    const WALKS: bool = true;
    type Output = ShownConfiguration;

    fn read(members: &mut Members<'_, '_>) -> Self {
        if members
            .text("PublishTo", &Text::of(0..=usize::MAX))
            .is_some()
        {
            members.object(refusals::unsupported("PublishTo", "versions are numbered."));
        }
        UpdateFunctionCode {
            function: Wanted::read(members),
            package: take_package(members),
            architecture: shapes::architecture(members),
            publish: members.flag("Publish").unwrap_or_default(),
            dry_run: members.flag("DryRun").unwrap_or_default(),
            revision_id: members.text("RevisionId", &REVISION_ID),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "lambda:UpdateFunctionCode";
        self.function.needs(action, caller, records)
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
        let package = request.package.ok_or_else(missing_code)?;
        package::check(&package)?;
        let mut changes = Changes::none();
        let code = code::keep(&package, records, given, &mut changes)?;
        let architecture = request.architecture;
        let latest = &mut function.latest;
        if latest.code != code || architecture.is_some() {
            latest.code = code;
            latest.modified = given.now;
            latest.revision_id = uuid(given);
            latest.architecture = architecture.unwrap_or_else(|| latest.architecture.clone());
        }
        if request.dry_run {
            let latest = (LATEST, &function.latest);
            let shown = ShownConfiguration::of(&function, latest, None, records, given)?;
            return Ok(Decided::answer(shown));
        }
        let version = match request.publish {
            true => version::publish(&mut function, None, given)?,
            false => LATEST.to_owned(),
        };
        function::put(&function, &mut changes)?;
        let qualifier = request.publish.then_some(version.as_str());
        let shown = (version.as_str(), version::shown(&function, &version));
        let shown = ShownConfiguration::of(&function, shown, qualifier, records, given)?;
        Ok(Decided::change(changes, shown))
    }
}
