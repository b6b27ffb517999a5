//! PublishVersion: what `$LATEST` is now, under a number.
//!
//! Source: AWS Lambda API Reference, PublishVersion.

use super::name::Wanted;
use super::shapes::{self, DESCRIPTION, REVISION_ID, ShownConfiguration};
use super::{function, refusals, version};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct PublishVersion {
    function: Wanted,
    code_sha256: Option<String>,
    description: Option<String>,
    revision_id: Option<String>,
}

impl Operation for PublishVersion {
    const NAME: &'static str = "PublishVersion";
    type Output = ShownConfiguration;

    fn read(members: &mut Members<'_, '_>) -> Self {
        if members
            .text("PublishTo", &Text::of(0..=usize::MAX))
            .is_some()
        {
            members.object(refusals::unsupported("PublishTo", "versions are numbered."));
        }
        PublishVersion {
            function: Wanted::read(members),
            code_sha256: members.text("CodeSha256", &Text::of(0..=usize::MAX)),
            description: members.text("Description", &DESCRIPTION),
            revision_id: members.text("RevisionId", &REVISION_ID),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "lambda:PublishVersion";
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
        let present = function.latest.code.sha256_base64();
        if request.code_sha256.is_some_and(|asked| asked != present) {
            return Err(refusals::parameter(format!(
                "CodeSHA256 is different from current CodeSHA256 in $LATEST. Please try again with the CodeSHA256 in \
                 $LATEST: {present}."
            ))
            .into());
        }
        let version = version::publish(&mut function, request.description, given)?;
        let mut changes = Changes::none();
        function::put(&function, &mut changes)?;
        let shown = (version.as_str(), version::shown(&function, &version));
        let shown = ShownConfiguration::of(&function, shown, Some(&version), records, given)?;
        Ok(Decided::change(changes, shown))
    }
}
