//! The policies of functions, statement by statement: how one is added, found and taken out.
//!
//! Source: AWS Lambda Developer Guide, Viewing resource-based IAM policies in Lambda; AWS Lambda API Reference,
//! AddPermission.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::function::{Function, LATEST, QualifiedPolicy};
use super::function_arn::FunctionArn;
use super::refusals;
use crate::caller::AccountId;
use crate::iam::bound_policy::ResourcePolicy;
use crate::kms::uuid;
use crate::operation::Given;
use crate::records::Records;
use crate::refusal::{Refusal, Stop};

/// Characters of a policy.
///
/// Source: AWS Lambda Developer Guide, Lambda quotas, Function resource-based policy.
const POLICY_CHARACTERS_MAX: usize = 20_480;

/// A statement as AWS writes it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Statement<'a> {
    pub(super) sid: &'a str,
    pub(super) effect: &'static str,
    pub(super) principal: ShownPrincipal,
    pub(super) action: &'a str,
    pub(super) resource: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) condition: BTreeMap<&'static str, BTreeMap<&'static str, &'a str>>,
}

/// Whom a statement names.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum ShownPrincipal {
    /// `*`
    Everyone(&'static str),
    /// One of a kind.
    One(BTreeMap<&'static str, String>),
}

/// What of a statement it is known by.
#[derive(Deserialize)]
struct Known {
    #[serde(rename = "Sid")]
    sid: Option<String>,
}

#[derive(Deserialize)]
struct Statements {
    #[serde(rename = "Statement")]
    statements: Vec<Box<RawValue>>,
}

/// The statements of the policy of what a qualifier names, each as it is written, with those whom they name by their
/// present names.
pub(super) fn statements(
    function: &Function,
    qualifier: Option<&str>,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<Vec<Box<RawValue>>, Stop> {
    let Some(policy) = function.policy(qualifier) else {
        return Ok(Vec::new());
    };
    let owner = &function.arn.account;
    let text = policy.policy.shown(owner, given.caller, records)?;
    let read: Statements =
        serde_json::from_str(&text).map_err(|error| Stop::Unavailable(Box::new(error)))?;
    Ok(read.statements)
}

/// Whether a statement has this id.
pub(super) fn is_called(statement: &RawValue, sid: &str) -> bool {
    let known = serde_json::from_str::<Known>(statement.get());
    known.is_ok_and(|known| known.sid.as_deref() == Some(sid))
}

/// A policy of these statements.
pub(super) fn text(statements: &[Box<RawValue>]) -> String {
    let statements: Vec<&str> = statements.iter().map(|each| each.get()).collect();
    format!(
        r#"{{"Version":"2012-10-17","Id":"default","Statement":[{}]}}"#,
        statements.join(",")
    )
}

/// Puts these statements in the place of those that what a qualifier names had.
///
/// # Refusals
/// `PolicyLengthExceededException`
pub(super) fn put(
    function: &mut Function,
    qualifier: Option<&str>,
    statements: &[Box<RawValue>],
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<(), Stop> {
    if statements.is_empty() {
        function.forget_policy(qualifier);
        return Ok(());
    }
    let text = text(statements);
    if text.chars().count() > POLICY_CHARACTERS_MAX {
        return Err(refusals::policy_too_long(POLICY_CHARACTERS_MAX).into());
    }
    let policy = ResourcePolicy::parse(text).map_err(|_| invalid_principal())?;
    let earlier = function.policy(qualifier).map(|earlier| &earlier.policy);
    // Someone whom an earlier statement names may be gone by now.
    let (policy, _) = policy.bound_after(earlier, &function.arn.account, records)?;
    function.put_policy(QualifiedPolicy {
        qualifier: qualifier.map(str::to_owned),
        policy,
        revision_id: uuid(given),
    });
    Ok(())
}

/// # Refusals
/// `InvalidParameterValueException`: a new statement names someone whom it can't, or who isn't there.
pub(super) fn check_principal(
    function: &Function,
    statement: &RawValue,
    records: &Records<'_>,
) -> Result<(), Stop> {
    let alone = text(&[statement.to_owned()]);
    let policy = ResourcePolicy::parse(alone).map_err(|_| invalid_principal())?;
    match policy.bound(&function.arn.account, records)? {
        (_, None) => Ok(()),
        (_, Some(_)) => Err(invalid_principal().into()),
    }
}

fn invalid_principal() -> Refusal {
    refusals::parameter(
        "The provided principal was invalid. Please check the principal and try again.",
    )
}

/// Whom a request's `Principal` means: a service, an account, a user or role, or everyone.
pub(super) fn principal(text: &str, function: &FunctionArn) -> ShownPrincipal {
    let one = |kind, name: String| ShownPrincipal::One(BTreeMap::from([(kind, name)]));
    if text == "*" {
        return ShownPrincipal::Everyone("*");
    }
    if AccountId::parse(text).is_ok() {
        let partition = function.region.partition();
        return one("AWS", format!("arn:{partition}:iam::{text}:root"));
    }
    match text.starts_with("arn:") || !text.contains('.') {
        true => one("AWS", text.to_owned()),
        false => one("Service", text.to_owned()),
    }
}

/// Which policy of a function a request is about: of itself, or of a version or alias that there is.
///
/// # Refusals
/// `InvalidParameterValueException` for `$LATEST`; `ResourceNotFoundException`.
pub(super) fn qualifier<'a>(
    function: &Function,
    qualifier: Option<&'a str>,
) -> Result<Option<&'a str>, Refusal> {
    match qualifier {
        None => Ok(None),
        Some(LATEST) => Err(refusals::parameter(
            "We currently do not support adding policies for $LATEST.",
        )),
        Some(named) if function.qualified(Some(named)).is_some() => Ok(Some(named)),
        Some(named) => Err(refusals::function_not_found(
            &function.arn.qualified(Some(named)),
        )),
    }
}

/// # Refusals
/// `PreconditionFailedException`: the request is based on another revision of the policy than the present one, or of the
/// function or alias where there is no policy yet.
pub(super) fn check_revision(
    function: &Function,
    qualifier: Option<&str>,
    asked: Option<&str>,
) -> Result<(), Refusal> {
    let present = match (function.policy(qualifier), qualifier) {
        (Some(policy), _) => policy.revision_id.as_str(),
        (None, Some(named)) => match (function.alias(named), function.version(named)) {
            (Some(alias), _) => &alias.revision_id,
            (None, Some(version)) => &version.revision_id,
            (None, None) => return Ok(()),
        },
        (None, None) => &function.latest.revision_id,
    };
    super::shapes::check_revision(asked, present)
}
