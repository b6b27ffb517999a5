//! The role that a function runs as: who may pass it, whether Lambda may assume it, and its credentials for an invocation.
//!
//! Source: AWS Lambda Developer Guide, Defining Lambda function permissions with an execution role; IAM User Guide, Grant a
//! user permissions to pass a role to an AWS service.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use strongroom_policy::{Caller as PolicyCaller, Context, Request, Verdict, evaluate};

use super::function_arn::FunctionArn;
use super::refusals;
use crate::gate::{Guard, Need};
use crate::iam::principals;
use crate::iam::role::Role;
use crate::input::{Members, Pattern, Text};
use crate::operation::Means;
use crate::records::Records;
use crate::refusal::Stop;
use crate::sts::role_session::RoleArn;
use crate::sts::session::{self, AssumedRole, Issued, SessionOf, Times};

const LAMBDA: &str = "lambda.amazonaws.com";

/// How long credentials last that a function is given: longer than any invocation, and as long as any role's sessions may.
const SECONDS: u64 = 3600;

const ROLE: Text = Text::matching(
    0..=10_000,
    &Pattern {
        shown: "arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+",
        matches: |text| RoleArn::parse(text).is_some(),
    },
);

/// Takes `Role` out of a request.
pub(super) fn take(members: &mut Members<'_, '_>) -> Option<String> {
    members.text("Role", &ROLE)
}

/// What whoever gives a function a role must be allowed to do with that.
pub(super) fn need_to_pass(role: &str) -> Option<Need<'_>> {
    let arn = RoleArn::parse(role)?;
    let mut context = Context::new();
    context.insert("iam:PassedToService", LAMBDA);
    Some(Need {
        action: "iam:PassRole",
        owner: Cow::Owned(arn.account().clone()),
        shown: Some(Cow::Borrowed(role)),
        guard: Guard::ToBeMade(context),
    })
}

/// The role of an ARN, as what a function runs as.
///
/// # Refusals
/// - `AccessDeniedException`: it is another account's;
/// - `InvalidParameterValueException`: it isn't there, or its trust policy doesn't let Lambda in.
pub(super) fn check(role: &str, function: &FunctionArn, records: &Records<'_>) -> Result<(), Stop> {
    if RoleArn::parse(role).is_some_and(|arn| *arn.account() != function.account) {
        return Err(refusals::foreign_role().into());
    }
    match assumable(role, function, records)? {
        Some(_) => Ok(()),
        None => Err(refusals::role_not_assumable().into()),
    }
}

/// The role, where it is there and Lambda may assume it for the function.
fn assumable(
    role: &str,
    function: &FunctionArn,
    records: &Records<'_>,
) -> Result<Option<Arc<Role>>, Stop> {
    let is_of_partition = role.split(':').nth(1) == Some(function.region.partition());
    if !is_of_partition {
        return Ok(None);
    }
    let Some(found) = principals::role_of_arn(role, &function.account, records)? else {
        return Ok(None);
    };
    let caller = PolicyCaller::Service {
        name: LAMBDA.to_owned(),
    };
    let mut context = Context::new();
    context.insert("aws:SourceAccount", function.account.as_str());
    context.insert("aws:SourceArn", function.unqualified().to_string());
    context.insert("aws:PrincipalIsAWSService", "true");
    context.insert("aws:PrincipalServiceName", LAMBDA);
    context.insert("aws:ResourceAccount", function.account.as_str());
    let request = Request::new(&caller, "sts:AssumeRole", role, &context);
    let verdict = evaluate(&[found.trust.document()], &request);
    Ok(matches!(verdict, Verdict::Allow { .. }).then_some(found))
}

/// Why a function gets no credentials of its role.
#[derive(Debug, thiserror::Error)]
#[error("the role {0} is gone, or its trust policy doesn't let lambda.amazonaws.com assume it")]
pub struct NotAssumable(String);

/// Begins a session of a function's role; its name is the function's.
///
/// # Errors
/// [`NotAssumable`] in a [`Stop::Unavailable`]; the records can't be read.
pub fn begin_session(
    role: &str,
    function: &FunctionArn,
    records: &Records<'_>,
    means: &Means<'_>,
) -> Result<Issued, Stop> {
    let found = assumable(role, function, records)?;
    let found = found.ok_or_else(|| Stop::Unavailable(Box::new(NotAssumable(role.to_owned()))))?;
    let assumed = AssumedRole {
        role: found.name.clone(),
        role_id: found.id.clone(),
        session_name: function.name.clone(),
        policy: None,
        managed: Vec::new(),
        tags: Vec::new(),
        transitive_tag_keys: Vec::new(),
        source_identity: None,
        federated_provider: None,
    };
    session::issue(
        found.account.clone(),
        SessionOf::Role(Box::new(assumed)),
        Times {
            issued: means.now,
            expires: means.now.after(Duration::from_secs(SECONDS)),
            authenticated: None,
        },
        0,
        means.keyring,
        means.entropy,
    )
}
