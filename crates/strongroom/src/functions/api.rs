//! What Lambda's Invoke answers once it is known that the caller may ask: runs the function, now or behind the answer, and
//! frames what it says.
//!
//! Source: AWS Lambda API Reference, Invoke.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use strongroom_keys::SecretBytes;
use strongroom_services::lambda::invoke::{self, Invocable, InvocationType};
use strongroom_services::refusal::{MessageMember, Refusal};

use super::{Answer, Invocation, NotInvoked};
use crate::edge::Reply;
use crate::node::Node;

/// Invocations that nobody waits for, at once.
const EVENTS_MAX: usize = 100;

/// Invocations that nobody waits for.
#[derive(Debug, Default)]
pub(crate) struct Events(AtomicUsize);

/// One of them; it counts for as long as it runs.
struct Event(Arc<Node>);

impl Event {
    fn begin(node: &Arc<Node>) -> Option<Self> {
        let running = &node.events().0;
        let begun = running.fetch_update(Ordering::AcqRel, Ordering::Acquire, |running| {
            (running < EVENTS_MAX).then_some(running + 1)
        });
        begun.ok().map(|_| Event(Arc::clone(node)))
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        self.0.events().0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Invokes a function for a caller who may. `body` is what it is given.
///
/// # Errors
/// What it is given is no JSON, or it didn't run.
pub(crate) async fn answer(
    node: &Arc<Node>,
    invocable: Invocable,
    body: &Bytes,
) -> Result<Reply, Refusal> {
    let payload = invoke::payload(body, invocable.kind)?;
    let invocation = Invocation {
        function: invocable.function,
        payload: SecretBytes::copy_of(payload),
    };
    match invocable.kind {
        InvocationType::DryRun => Ok(Reply::new(StatusCode::NO_CONTENT, "", Bytes::new())),
        InvocationType::Event => {
            let event = Event::begin(node).ok_or_else(|| {
                not_invoked(NotInvoked::Busy(
                    "too many functions run that nobody waits for: try again later".to_owned(),
                ))
            })?;
            tokio::spawn(run(event, invocation));
            Ok(Reply::new(StatusCode::ACCEPTED, "", Bytes::new()))
        }
        InvocationType::RequestResponse => {
            let outcome = node.functions().invoke(node, invocation).await;
            let answer = outcome.map_err(not_invoked)?;
            Ok(reply(&answer, invocable.log_tail))
        }
    }
}

/// Runs a function that nobody waits for. It isn't run again where it fails.
async fn run(event: Event, invocation: Invocation) {
    let function = invocation.function.to_string();
    let node = &event.0;
    match node.functions().invoke(node, invocation).await {
        Ok(Answer { error: None, .. }) => {}
        Ok(_) => tracing::warn!(function, "a function failed that nobody waits for"),
        Err(why) => tracing::warn!(function, %why, "a function that nobody waits for did not run"),
    }
}

fn reply(answer: &Answer, log_tail: bool) -> Reply {
    let body = Bytes::copy_from_slice(answer.payload.expose());
    let mut reply = Reply::new(StatusCode::OK, "application/json", body);
    let mut add = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            reply.headers.push((HeaderName::from_static(name), value));
        }
    };
    add("x-amz-executed-version", &answer.executed_version);
    if let Some(error) = answer.error {
        add("x-amz-function-error", error.name());
    }
    if log_tail {
        add("x-amz-log-result", &BASE64.encode(answer.log_tail.expose()));
    }
    reply
}

/// How Lambda says that a function didn't run.
fn not_invoked(why: NotInvoked) -> Refusal {
    let (code, member) = match &why {
        NotInvoked::Missing(_) => ("ResourceNotFoundException", MessageMember::Capital),
        NotInvoked::Denied(_) => ("AccessDeniedException", MessageMember::Capital),
        NotInvoked::Busy(_) => ("TooManyRequestsException", MessageMember::LowerCase),
        NotInvoked::Unfit(_) => ("InvalidRuntimeException", MessageMember::Capital),
        NotInvoked::Unreachable(_) => ("ResourceNotReadyException", MessageMember::LowerCase),
    };
    let message = match why {
        NotInvoked::Missing(function) => format!("Function not found: {function}"),
        other => other.to_string(),
    };
    Refusal {
        code,
        message: Some(message),
        member,
    }
}
