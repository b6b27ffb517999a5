//! Whether a secret's function may be invoked: by whoever sets the rotation up, and by the service.
//!
//! Source: AWS Secrets Manager User Guide, Permissions for rotation; reference/rotation.md §2.4.

use strongroom_policy::Context;

use super::built_in::{self, Failure, Parameter};
use crate::caller::Caller;
use crate::gate::Need;
use crate::lambda;
use crate::lambda::function_arn::FunctionArn;
use crate::lambda::invoke_permission::{RotationPermission, rotation_permission};
use crate::operation::Means;
use crate::records::Records;
use crate::refusal::Stop;
use crate::secretsmanager::refusals;
use crate::secretsmanager::secret::Secret;

/// What whoever sets a rotation up must be allowed with its function, which opens itself to other accounts by its policy.
pub(crate) fn need<'a>(
    function: &FunctionArn,
    caller: &Caller,
    records: &Records<'_>,
) -> Result<Need<'a>, Stop> {
    let action = "lambda:InvokeFunction";
    lambda::need(action, function, Context::new(), caller, records)
}

/// Refuses a function that the service may not invoke for a secret, or that can't do what it is told.
///
/// # Refusals
/// `AccessDeniedException`, `InvalidParameterException`
pub(crate) fn check(
    function: &FunctionArn,
    secret: &Secret,
    parameters: &[Parameter],
    records: &Records<'_>,
    means: &Means<'_>,
) -> Result<(), Stop> {
    if let Some(built_in) = built_in::of(function, parameters, secret)? {
        return built_in
            .check(secret, records, means)
            .map_err(|failure| match failure {
                Failure::Failed(text) => refusals::invalid_parameter(format!(
                    "The built-in function {} can't rotate this secret: {text}.",
                    function.name
                ))
                .into(),
                Failure::Unavailable(cause) => Stop::Unavailable(cause),
            });
    }
    match denied(function, secret, records, means)? {
        None => Ok(()),
        Some(_) => Err(refusals::function_not_invocable(&function.to_string()).into()),
    }
}

/// Why the service may not invoke a function for a secret; `None`: it may. What runs outside says so itself.
pub(super) fn denied(
    function: &FunctionArn,
    secret: &Secret,
    records: &Records<'_>,
    means: &Means<'_>,
) -> Result<Option<String>, Stop> {
    if function.is_built_in() || means.elsewhere.names(function) {
        return Ok(None);
    }
    let arn = secret.arn();
    Ok(
        match rotation_permission(function, &arn, &secret.account, records)? {
            RotationPermission::AllowedByPolicy => None,
            RotationPermission::NoSuchFunction if means.elsewhere.answers(function) => None,
            RotationPermission::NoSuchFunction => Some(format!("there is no function {function}")),
            RotationPermission::Denied => Some(format!(
                "the policy of {function} doesn't let secretsmanager.amazonaws.com invoke it for this secret"
            )),
        },
    )
}
