//! Whether Secrets Manager may invoke a function for a secret: what the function's own policy says of it.
//!
//! Source: AWS Secrets Manager User Guide, Lambda rotation function execution role permissions ("Policy for Lambda
//! function resource"); reference/rotation.md §2.4.

use strongroom_policy::{Caller, Context, Request, Verdict, evaluate};

use super::function::{self, Function, LATEST};
use super::function_arn::FunctionArn;
use crate::caller::AccountId;
use crate::records::Records;
use crate::refusal::Stop;

/// The service that rotates secrets.
const SECRETS_MANAGER: &str = "secretsmanager.amazonaws.com";

/// Whether a function may be invoked for a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationPermission {
    /// The policy of the function, or of the version or alias that is named, allows it.
    AllowedByPolicy,
    /// It doesn't.
    Denied,
    /// There is no such function, version or alias.
    NoSuchFunction,
}

/// Whether Secrets Manager may invoke a function to rotate a secret of an account.
///
/// The policy is that of what the ARN names: a permission for the function itself doesn't count for an alias.
///
/// # Errors
/// The function's record can't be read.
pub fn rotation_permission(
    function: &FunctionArn,
    secret_arn: &str,
    secret_account: &AccountId,
    records: &Records<'_>,
) -> Result<RotationPermission, Stop> {
    let Some(found) = records.read::<Function>(function::key_of(function))? else {
        return Ok(RotationPermission::NoSuchFunction);
    };
    let qualifier = function.qualifier.as_deref();
    if found.qualified(qualifier).is_none() {
        return Ok(RotationPermission::NoSuchFunction);
    }
    let Some(policy) = found.policy(qualifier) else {
        return Ok(RotationPermission::Denied);
    };
    let caller = Caller::Service {
        name: SECRETS_MANAGER.to_owned(),
    };
    let mut context = Context::new();
    context.insert("aws:SourceAccount", secret_account.as_str());
    context.insert("aws:SourceArn", secret_arn);
    context.insert("aws:PrincipalIsAWSService", "true");
    context.insert("aws:PrincipalServiceName", SECRETS_MANAGER);
    context.insert("aws:ResourceAccount", function.account.as_str());
    context.insert("aws:RequestedRegion", function.region.as_str());
    let arn = resource(function);
    let request = Request::new(&caller, "lambda:InvokeFunction", &arn, &context);
    Ok(match evaluate(&[policy.policy.document()], &request) {
        Verdict::Allow { .. } => RotationPermission::AllowedByPolicy,
        Verdict::ExplicitDeny { .. } | Verdict::Silent => RotationPermission::Denied,
    })
}

/// The ARN that policies are asked about. `$LATEST` is the function itself, as no permission can be given for it.
pub(crate) fn resource(function: &FunctionArn) -> String {
    match function.qualifier.as_deref() {
        Some(LATEST) => function.unqualified().to_string(),
        _ => function.to_string(),
    }
}
