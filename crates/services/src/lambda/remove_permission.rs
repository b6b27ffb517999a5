//! RemovePermission: takes a statement out of a policy of a function.
//!
//! Source: AWS Lambda API Reference, RemovePermission.

use super::function::{self, Function};
use super::name::Wanted;
use super::shapes::REVISION_ID;
use super::{permission, refusals};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Pattern, Text};
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

const STATEMENT_ID: Text = Text::matching(
    1..=100,
    &Pattern {
        shown: "([a-zA-Z0-9-_.]+)",
        matches: |text| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        },
    },
);

/// The request.
pub struct RemovePermission {
    function: Wanted,
    statement_id: String,
    revision_id: Option<String>,
}

impl Operation for RemovePermission {
    const NAME: &'static str = "RemovePermission";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        RemovePermission {
            function: Wanted::read(members),
            statement_id: members.required_text("StatementId", &STATEMENT_ID),
            revision_id: members.text("RevisionId", &REVISION_ID),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "lambda:RemovePermission";
        self.function.needs(action, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let function = request.function.find(records, given)?;
        let mut function = Function::clone(&function);
        let qualifier = permission::qualifier(&function, request.function.qualifier())?;
        let mut statements = permission::statements(&function, qualifier, records, given)?;
        if statements.is_empty() {
            let message = "No policy is associated with the given resource.";
            return Err(refusals::not_found(message).into());
        }
        permission::check_revision(&function, qualifier, request.revision_id.as_deref())?;
        let sid = &request.statement_id;
        let before = statements.len();
        statements.retain(|each| !permission::is_called(each, sid));
        if statements.len() == before {
            let message = format!("Statement {sid} is not found in resource policy.");
            return Err(refusals::not_found(message).into());
        }
        permission::put(&mut function, qualifier, &statements, records, given)?;
        let mut changes = Changes::none();
        function::put(&function, &mut changes)?;
        Ok(Decided::silent(changes))
    }
}
