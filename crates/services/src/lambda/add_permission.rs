//! AddPermission: lets a service, another account or someone of it use a function, or a version or alias of it.
//!
//! Source: AWS Lambda API Reference, AddPermission.

use std::collections::BTreeMap;

use serde::Serialize;
use strongroom_policy::Context;

use super::function::{self, Function};
use super::name::Wanted;
use super::permission::{self, Statement};
use super::refusals;
use super::shapes::REVISION_ID;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Pattern, Text};
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

pub(super) const STATEMENT_ID: Text = Text::matching(
    1..=100,
    &Pattern {
        shown: "([a-zA-Z0-9-_]+)",
        matches: |text| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        },
    },
);
const ACTION: Text = Text::matching(
    0..=10_000,
    &Pattern {
        shown: "(lambda:[*]|lambda:[a-zA-Z]+|[*])",
        matches: |text| {
            let name = text.strip_prefix("lambda:").unwrap_or_default();
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic());
            matches!(text, "*" | "lambda:*") || is_name
        },
    },
);
const PRINCIPAL: Text = Text::matching(
    0..=2048,
    &Pattern {
        shown: "[^\\s]+",
        matches: |text| !text.is_empty() && !text.contains(char::is_whitespace),
    },
);
const SOURCE_ARN: Text = Text::matching(
    0..=10_000,
    &Pattern {
        shown: "arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1})?:\
                (\\d{12})?:(.*)",
        matches: |text| text.starts_with("arn:aws") && text.split(':').count() >= 6,
    },
);
const SOURCE_ACCOUNT: Text = Text::matching(
    0..=12,
    &Pattern {
        shown: "\\d{12}",
        matches: |text| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()),
    },
);
const TOKEN: Text = Text::of(0..=256);
const ANY: Text = Text::of(0..=usize::MAX);

/// The request.
pub struct AddPermission {
    function: Wanted,
    statement_id: String,
    action: String,
    principal: String,
    source_arn: Option<String>,
    source_account: Option<String>,
    event_source_token: Option<String>,
    revision_id: Option<String>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AddedPermission {
    statement: String,
}

impl Operation for AddPermission {
    const NAME: &'static str = "AddPermission";
    type Output = AddedPermission;

    fn read(members: &mut Members<'_, '_>) -> Self {
        for (member, why) in [
            ("FunctionUrlAuthType", "functions have no URLs."),
            ("PrincipalOrgID", "there are no organizations."),
        ] {
            if members.text(member, &ANY).is_some() {
                members.object(refusals::unsupported(member, why));
            }
        }
        if members.flag("InvokedViaFunctionUrl") == Some(true) {
            let why = "functions have no URLs.";
            members.object(refusals::unsupported("InvokedViaFunctionUrl", why));
        }
        AddPermission {
            function: Wanted::read(members),
            statement_id: members.required_text("StatementId", &STATEMENT_ID),
            action: members.required_text("Action", &ACTION),
            principal: members.required_text("Principal", &PRINCIPAL),
            source_arn: members.text("SourceArn", &SOURCE_ARN),
            source_account: members.text("SourceAccount", &SOURCE_ACCOUNT),
            event_source_token: members.text("EventSourceToken", &TOKEN),
            revision_id: members.text("RevisionId", &REVISION_ID),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut context = Context::new();
        context.insert("lambda:Principal", self.principal.as_str());
        let action = "lambda:AddPermission";
        let need = self.function.need(action, context, caller, records)?;
        Ok(vec![need])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<AddedPermission>, Stop> {
        let request = allowed.into_request();
        let function = request.function.find(records, given)?;
        let mut function = Function::clone(&function);
        let qualifier = permission::qualifier(&function, request.function.qualifier())?;
        permission::check_revision(&function, qualifier, request.revision_id.as_deref())?;
        let sid = &request.statement_id;
        let mut statements = permission::statements(&function, qualifier, records, given)?;
        if statements
            .iter()
            .any(|each| permission::is_called(each, sid))
        {
            return Err(refusals::conflict(format!(
                "The statement id ({sid}) provided already exists. Please provide a new statement id, or remove the \
                 existing statement."
            ))
            .into());
        }
        let mut condition: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
        for (operator, key, value) in [
            ("StringEquals", "AWS:SourceAccount", &request.source_account),
            ("ArnLike", "AWS:SourceArn", &request.source_arn),
            (
                "StringEquals",
                "lambda:EventSourceToken",
                &request.event_source_token,
            ),
        ] {
            if let Some(value) = value {
                condition.entry(operator).or_default().insert(key, value);
            }
        }
        let statement = Statement {
            sid,
            effect: "Allow",
            principal: permission::principal(&request.principal, &function.arn),
            action: &request.action,
            resource: function.arn.qualified(qualifier).to_string(),
            condition,
        };
        let broken = |error: serde_json::Error| Stop::Unavailable(Box::new(error));
        let statement = serde_json::value::to_raw_value(&statement).map_err(broken)?;
        permission::check_principal(&function, &statement, records)?;
        let shown = statement.get().to_owned();
        statements.push(statement);
        permission::put(&mut function, qualifier, &statements, records, given)?;
        let mut changes = Changes::none();
        function::put(&function, &mut changes)?;
        Ok(Decided::change(
            changes,
            AddedPermission { statement: shown },
        ))
    }
}
