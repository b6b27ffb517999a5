//! Invoke: whether a caller may have a function run, and which version of it does. Running it is for whoever has processes.
//!
//! Source: AWS Lambda API Reference, Invoke.

use serde::{Deserialize, Serialize};

use super::function::{Function, key_of};
use super::function_arn::FunctionArn;
use super::name::Wanted;
use super::refusals;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::{Refusal, Stop};

const INVOCATION_TYPE: Text = Text::one_of(&["Event", "RequestResponse", "DryRun"]);
const LOG_TYPE: Text = Text::one_of(&["None", "Tail"]);
const ANY: Text = Text::of(0..=usize::MAX);

/// The request, without what the function is given.
pub struct Invoke {
    function: Wanted,
    kind: InvocationType,
    log_tail: bool,
}

/// Whether an invocation is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InvocationType {
    /// It is.
    RequestResponse,
    /// It isn't.
    Event,
    /// Nothing runs: it is only asked whether it could.
    DryRun,
}

/// A function that may be invoked.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invocable {
    /// The function, with the qualifier that was asked for.
    pub function: FunctionArn,
    /// Whether it is waited for.
    pub kind: InvocationType,
    /// Whether the end of its log is asked for.
    pub log_tail: bool,
}

impl Operation for Invoke {
    const NAME: &'static str = "Invoke";
    type Output = Invocable;

    /// What is answered is the function's, and nothing of it is told.
    fn tell(_: &Invocable) -> Option<Vec<u8>> {
        None
    }

    fn read(members: &mut Members<'_, '_>) -> Self {
        for (member, why) in [
            ("ClientContext", "functions get no context of a client."),
            ("DurableExecutionName", "functions run once."),
            ("TenantId", "functions have no tenants."),
        ] {
            if members.text(member, &ANY).is_some() {
                members.object(refusals::unsupported(member, why));
            }
        }
        let kind = members.text("InvocationType", &INVOCATION_TYPE);
        let log_type = members.text("LogType", &LOG_TYPE);
        Invoke {
            function: Wanted::read(members),
            kind: match kind.as_deref() {
                Some("Event") => InvocationType::Event,
                Some("DryRun") => InvocationType::DryRun,
                _ => InvocationType::RequestResponse,
            },
            log_tail: log_type.is_some_and(|kind| kind == "Tail"),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "lambda:InvokeFunction";
        self.function.needs(action, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Invocable>, Stop> {
        let request = allowed.into_request();
        let function = request.function.arn(given.caller);
        // What servers outside answer for need not be here.
        let is_elsewhere = function.region == given.caller.region
            && (given.elsewhere.names(&function)
                || given.elsewhere.answers(&function)
                    && records.read::<Function>(key_of(&function))?.is_none());
        if !is_elsewhere {
            let found = request.function.find(records, given)?;
            request.function.version(&found, given)?;
        }
        Ok(Decided::answer(Invocable {
            function,
            kind: request.kind,
            log_tail: request.log_tail,
        }))
    }
}

/// Most bytes of what a function is given where nobody waits for it.
///
/// Source: AWS Lambda Developer Guide, Lambda quotas, Invocation payload.
const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// What a function is given is JSON; nothing is an empty object.
///
/// # Refusals
/// `InvalidRequestContentException`, `RequestTooLargeException`
pub fn payload(body: &[u8], kind: InvocationType) -> Result<&[u8], Refusal> {
    if kind == InvocationType::Event && body.len() > EVENT_BYTES_MAX {
        return Err(Refusal::framework(
            "RequestTooLargeException",
            format!(
                "{} byte payload is too large for the Event invocation type (limit {EVENT_BYTES_MAX} bytes)",
                body.len()
            ),
        ));
    }
    if body.is_empty() {
        return Ok(b"{}");
    }
    match serde_json::from_slice::<serde::de::IgnoredAny>(body) {
        Ok(_) => Ok(body),
        Err(_) => Err(Refusal::framework(
            "InvalidRequestContentException",
            "Could not parse request body into json: it is no JSON document.",
        )),
    }
}
