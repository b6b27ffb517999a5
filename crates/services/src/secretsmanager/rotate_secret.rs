//! RotateSecret: says how a secret is rotated, and begins a rotation, or a test of its function.
//!
//! Source: reference/api.md §6.13, reference/rotation.md §2.

use std::cell::OnceCell;

use serde::Serialize;
use strongroom_policy::Context;

use super::access;
use super::refusals;
use super::secret::{Secret, ValueKind};
use super::secret_id::SecretId;
use super::shapes::{
    self, CLIENT_REQUEST_TOKEN, METADATA_KEY, METADATA_VALUE, ROLE_ARN, ROTATION_DURATION,
    ROTATION_LAMBDA_ARN, SCHEDULE_EXPRESSION,
};
use super::version;
use crate::caller::Caller;
use crate::gate::{Authorized, ConditionKeys, Need};
use crate::input::Members;
use crate::lambda::function_arn::FunctionArn;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::{Refusal, Stop};
use crate::rotation::built_in::{self, BuiltIn, Parameter};
use crate::rotation::configuration::{Rotation, RotationRules};
use crate::rotation::invoking;
use crate::rotation::job::{self, Kind, Trigger};
use crate::rotation::{graph, opened, plan};
use crate::staging::{AWSCURRENT, AWSPENDING};

/// Days of `AutomaticallyAfterDays`. Source: the service's model.
const DAYS: std::ops::RangeInclusive<i64> = 1..=1000;

/// The request.
pub struct RotateSecret {
    secret_id: SecretId,
    token: Option<String>,
    function: Option<String>,
    rules: Option<RotationRules>,
    immediately: bool,
    metadata: Option<Vec<Parameter>>,
    role: Option<String>,
    built_in: OnceCell<Box<dyn BuiltIn>>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Rotating {
    #[serde(rename = "ARN")]
    arn: String,
    name: String,
    version_id: String,
}

impl ConditionKeys for RotateSecret {
    fn add_condition_keys(&self, context: &mut Context) {
        access::add_text(
            "secretsmanager:RotationLambdaARN",
            self.function.as_ref(),
            context,
        );
        access::add_text(
            "secretsmanager:ExternalSecretRotationRoleArn",
            self.role.as_ref(),
            context,
        );
        context.insert(
            "secretsmanager:ModifyRotationRules",
            self.rules.is_some().to_string(),
        );
        context.insert(
            "secretsmanager:RotateImmediately",
            self.immediately.to_string(),
        );
    }
}

impl Operation for RotateSecret {
    const NAME: &'static str = "RotateSecret";
    type Output = Rotating;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let request = RotateSecret {
            secret_id: shapes::secret_id(members),
            token: members.text("ClientRequestToken", &CLIENT_REQUEST_TOKEN),
            function: members
                .text("RotationLambdaARN", &ROTATION_LAMBDA_ARN)
                .filter(|arn| !arn.is_empty()),
            rules: members.structure("RotationRules", read_rules),
            immediately: members.flag("RotateImmediately").unwrap_or(true),
            metadata: read_metadata(members),
            role: members.text("ExternalSecretRotationRoleArn", &ROLE_ARN),
            built_in: OnceCell::new(),
        };
        if let Some(rules) = &request.rules
            && let Some(problem) = problem_of(rules)
        {
            members.object(problem);
        }
        if let Some(arn) = &request.function
            && let Err(problem) = FunctionArn::parse(arn)
        {
            members.object(refusals::invalid_parameter(problem.to_string()));
        }
        request
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut needs = access::need_on(
            "secretsmanager:RotateSecret",
            &self.secret_id,
            self,
            caller,
            records,
        )?;
        let found = self.secret_id.record(caller, records)?;
        let stored = found.as_deref().and_then(|secret| secret.rotation.as_ref());
        let stored_function = stored.and_then(|rotation| rotation.function.as_deref());
        let function = self.function.as_deref().or(stored_function);
        if let (Some(secret), Some(Ok(function))) = (&found, function.map(FunctionArn::parse)) {
            let stored_metadata = stored.map(|rotation| rotation.metadata.as_slice());
            let metadata = self.metadata.as_deref().or(stored_metadata);
            needs.push(invoking::need(&function, caller, records)?);
            // What a built-in function can't be told is refused later, to whoever may rotate the secret.
            let built_in = built_in::of(&function, metadata.unwrap_or_default(), secret);
            if let Ok(Some(built_in)) = built_in {
                let built_in = self.built_in.get_or_init(|| built_in);
                needs.extend(built_in.needs(secret, caller, records)?);
            }
        }
        Ok(needs)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Rotating>, Stop> {
        let request = allowed.into_request();
        let found = request.secret_id.find_active(records, given)?;
        let token = request.token.clone().ok_or_else(refusals::token_missing)?;
        let mut secret = Secret::clone(&found);
        let rotation = request.configured(&secret, records, given)?;
        let answer = |secret: &Secret| Rotating {
            arn: secret.arn(),
            name: secret.name.clone(),
            version_id: token.clone(),
        };
        let under_way = job::of_secret(&secret, records)?;
        if let Some(under_way) = &under_way {
            return match under_way.version_id == token {
                true => Ok(Decided::answer(answer(&secret))),
                false => Err(refusals::rotation_unfinished().into()),
            };
        }
        let mut changes = Changes::none();
        if let Some(pending) = job::unfinished(&secret).map(str::to_owned) {
            let is_retry = pending == token;
            if is_retry {
                secret.rotation = Some(rotation);
            }
            // Without a function, nothing can be attempted again.
            if secret.rotation.is_some() {
                secret.changed = given.now;
                let means = given.means();
                let (kind, trigger) = (Kind::Rotation, Trigger::Request);
                job::begin(&mut secret, &pending, kind, trigger, &means, &mut changes)?;
                plan::plan(&mut secret, given.now, &mut changes)?;
                changes.put(secret.key(), &secret)?;
            }
            return Ok(match is_retry {
                true => Decided::change(changes, answer(&secret)),
                false => Decided::refuse(changes, refusals::rotation_unfinished()),
            });
        }
        if let Some(version) = secret.version(&token)
            && version.kind != ValueKind::Awaited
        {
            // A repeated request whose rotation is over by now.
            return match secret.labels.holder(AWSCURRENT) == Some(&token) {
                true => Ok(Decided::answer(answer(&secret))),
                false => Err(refusals::token_in_use(&token, &secret.arn()).into()),
            };
        }
        secret.rotation = Some(rotation);
        secret.changed = given.now;
        let kind = match request.immediately {
            true => Kind::Rotation,
            false => {
                copy_current(&mut secret, &token, records, given, &mut changes)?;
                Kind::Test
            }
        };
        let means = given.means();
        job::begin(
            &mut secret,
            &token,
            kind,
            Trigger::Request,
            &means,
            &mut changes,
        )?;
        plan::plan(&mut secret, given.now, &mut changes)?;
        changes.put(secret.key(), &secret)?;
        Ok(Decided::change(changes, answer(&secret)))
    }
}

impl RotateSecret {
    /// How the secret is rotated from now on. What the request leaves out stays as it is.
    ///
    /// # Refusals
    /// `InvalidRequestException` without a function; `InvalidParameterException` without a schedule, for what a
    /// built-in function can't be told, or where the secret depends on itself through its master; `AccessDeniedException` where the function can't be invoked for the secret.
    fn configured(
        &self,
        secret: &Secret,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Rotation, Stop> {
        let mut rotation = secret.rotation.clone().unwrap_or_default();
        if let Some(function) = &self.function {
            rotation.function = Some(function.clone());
        }
        if let Some(rules) = &self.rules {
            rotation.rules = Some(rules.clone());
        }
        if let Some(metadata) = &self.metadata {
            rotation.metadata.clone_from(metadata);
        }
        if let Some(role) = &self.role {
            rotation.role = Some(role.clone());
        }
        let Some(function) = &rotation.function else {
            return Err(match secret.secret_type {
                Some(_) => refusals::invalid_request(PARTNERS_ABSENT).into(),
                None => refusals::no_rotation_function().into(),
            });
        };
        if rotation.rules.is_none() {
            return Err(refusals::no_schedule().into());
        }
        let function = FunctionArn::parse(function)
            .map_err(|problem| refusals::invalid_parameter(problem.to_string()))?;
        if function.region != secret.region {
            return Err(refusals::invalid_parameter(format!(
                "The rotation function must be in the secret's Region, {}.",
                secret.region
            ))
            .into());
        }
        let means = given.means();
        graph::check(secret, records)?;
        invoking::check(&function, secret, &rotation.metadata, records, &means)?;
        rotation.enabled = true;
        Ok(rotation)
    }
}

/// For a test, the pending version holds the current value: the function reads it. Nobody is shown it.
fn copy_current(
    secret: &mut Secret,
    token: &str,
    records: &Records<'_>,
    given: &Given<'_>,
    changes: &mut Changes,
) -> Result<(), Stop> {
    let current = secret.labels.holder(AWSCURRENT);
    let current = current.and_then(|id| secret.version(id)).cloned();
    let Some(current) = current else {
        return Ok(());
    };
    let means = given.means();
    let Some(value) = opened::open(secret, &current, records, &means)? else {
        return Ok(());
    };
    let caller = opened::service_caller(&secret.account, &secret.region);
    let given = means.given(&caller);
    let labels = [AWSPENDING.to_owned()];
    version::add(
        secret,
        token,
        &value,
        Some(&labels),
        records,
        &given,
        changes,
    )
}

fn read_rules(members: &mut Members<'_, '_>) -> RotationRules {
    RotationRules {
        automatically_after_days: members
            .integer("AutomaticallyAfterDays", DAYS)
            .and_then(|days| u32::try_from(days).ok()),
        schedule_expression: members.text("ScheduleExpression", &SCHEDULE_EXPRESSION),
        duration: members.text("Duration", &ROTATION_DURATION),
    }
}

fn read_metadata(members: &mut Members<'_, '_>) -> Option<Vec<Parameter>> {
    members.structures("ExternalSecretRotationMetadata", 0..=usize::MAX, |item| {
        Parameter {
            key: item.required_text("Key", &METADATA_KEY),
            value: item.required_text("Value", &METADATA_VALUE),
        }
    })
}

/// What is wrong with rules.
fn problem_of(rules: &RotationRules) -> Option<Refusal> {
    if rules.automatically_after_days.is_some() && rules.schedule_expression.is_some() {
        return Some(refusals::two_schedules());
    }
    match rules.schedule() {
        Ok(Some(_)) => None,
        Ok(None) => Some(refusals::no_schedule()),
        Err(problem) => Some(refusals::invalid_parameter(problem.to_string())),
    }
}

const PARTNERS_ABSENT: &str = "This version of Strongroom doesn't rotate secrets at partners by itself. The secret was \
     not changed; give it a function that does with RotationLambdaARN.";
