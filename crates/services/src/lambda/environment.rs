//! A function's environment variables: what they may be, and sealing and opening them. They often hold secrets.
//!
//! Source: AWS Lambda Developer Guide, Working with Lambda environment variables.

use std::collections::BTreeMap;

use serde::Serialize;
use strongroom_keys::SecretBytes;

use super::code::usable_key;
use super::function::{Configuration, Function};
use super::function_arn::FunctionArn;
use super::refusals;
use crate::disclosed::Disclosed;
use crate::input::Members;
use crate::kms::envelope::{self, Envelope};
use crate::kms::key::KmsKey;
use crate::operation::{Given, Means};
use crate::records::{Changes, Key, Records};
use crate::refusal::{Refusal, Stop};

/// Bytes of all variables together.
const BYTES_MAX: usize = 4096;

/// Names that the runtime sets itself.
///
/// Source: AWS Lambda Developer Guide, Defined runtime environment variables ("Reserved environment variables").
const RESERVED: &[&str] = &[
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
];

/// Variables by name.
pub(super) type Variables = BTreeMap<String, String>;

/// Takes `Environment` out of a request; `None`: it isn't there.
pub(super) fn take(members: &mut Members<'_, '_>) -> Option<Variables> {
    // Events don't tell it at all. Source: AWS Lambda Developer Guide, Logging AWS Lambda API calls using AWS CloudTrail.
    let variables = members.untold(|members| {
        members.structure("Environment", |environment| environment.map("Variables"))
    });
    let variables = variables?.unwrap_or_default();
    if let Err(refusal) = check(&variables) {
        members.object(refusal);
    }
    Some(variables)
}

/// # Refusals
/// `InvalidParameterValueException`, which never shows a value.
fn check(variables: &Variables) -> Result<(), Refusal> {
    let is_reserved = |name: &&String| RESERVED.contains(&name.as_str());
    let reserved: Vec<&str> = (variables.keys().filter(is_reserved))
        .map(String::as_str)
        .collect();
    if !reserved.is_empty() {
        return Err(refusals::parameter(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have \
             provided contains reserved keys that are currently not supported for modification. Reserved keys used in \
             this request: {}",
            reserved.join(", ")
        )));
    }
    for (name, value) in variables {
        let mut bytes = name.bytes();
        let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic());
        let rest = bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !(first && rest && name.len() >= 2) {
            return Err(Refusal::validation(
                "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys \
                 must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]",
            ));
        }
        if value.contains('\0') {
            return Err(refusals::parameter(format!(
                "The environment variable {name} holds a NUL character, which none can."
            )));
        }
    }
    let bytes: usize = variables
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if bytes > BYTES_MAX {
        return Err(refusals::parameter(
            "Lambda was unable to configure your environment variables because the environment variables you have \
             provided exceeded the 4KB limit.",
        ));
    }
    Ok(())
}

/// Seals a function's variables under Lambda's key; `None` where there are none.
pub(super) fn seal(
    arn: &FunctionArn,
    variables: &Variables,
    records: &Records<'_>,
    given: &Given<'_>,
    changes: &mut Changes,
) -> Result<Option<Envelope>, Stop> {
    if variables.is_empty() {
        return Ok(None);
    }
    let json = serde_json::to_vec(variables).map_err(|error| Stop::Unavailable(Box::new(error)))?;
    let key = usable_key(&arn.account, &arn.region, records, given, changes)?;
    let arn = arn.unqualified().to_string();
    envelope::tell_use(
        "lambda",
        "kms:GenerateDataKey",
        key.shared(),
        &context(&arn),
        None,
        records,
        given,
    );
    let json = SecretBytes::new(json);
    envelope::seal(&key, &context(&arn), &json, given).map(Some)
}

/// A function's variables.
///
/// # Errors
/// They are damaged, or their key is gone.
pub fn open(
    function: &Function,
    configuration: &Configuration,
    records: &Records<'_>,
    means: &Means<'_>,
) -> Result<Vec<(String, SecretBytes)>, Stop> {
    let Some(envelope) = &configuration.environment else {
        return Ok(Vec::new());
    };
    let (account, region) = (&function.arn.account, &function.arn.region);
    let arn = function.arn.to_string();
    let key = records.peek::<KmsKey>(&Key::kms_key(account, region, &envelope.key_id))?;
    let key = key.ok_or_else(|| {
        let text = format!(
            "the environment variables of {arn} are sealed under a KMS key that is gone: set them again, or restore \
             the key from a backup"
        );
        Stop::Unavailable(text.into())
    })?;
    let what = || format!("the environment variables of {arn}");
    let json = envelope::open_under(&key, envelope, &context(&arn), what, means)?;
    let variables: Variables = serde_json::from_slice(json.expose())
        .map_err(|error| Stop::Unavailable(Box::new(error)))?;
    let secret = |(name, value): (String, String)| (name, SecretBytes::new(value.into_bytes()));
    Ok(variables.into_iter().map(secret).collect())
}

/// Source: AWS Lambda Developer Guide, Securing environment variables ("encryption context").
pub(super) fn context(arn: &str) -> [(&'static str, &str); 1] {
    [("aws:lambda:FunctionArn", arn)]
}

/// `Environment`, as answers show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownEnvironment {
    #[serde(skip_serializing_if = "Option::is_none")]
    variables: Option<BTreeMap<String, Disclosed>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<EnvironmentError>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EnvironmentError {
    error_code: &'static str,
    message: &'static str,
}

impl ShownEnvironment {
    /// Variables that are known.
    pub(super) fn of(variables: Variables) -> Option<Self> {
        let secret = |value: String| SecretBytes::new(value.into_bytes());
        let disclosed = |(name, value)| (name, Disclosed::Text(secret(value)));
        let variables: BTreeMap<String, Disclosed> = variables.into_iter().map(disclosed).collect();
        (!variables.is_empty()).then_some(ShownEnvironment {
            variables: Some(variables),
            error: None,
        })
    }
}

/// What is shown of a version's variables. Lambda's key is for its own account, so another one isn't shown them.
pub(super) fn shown(
    function: &Function,
    configuration: &Configuration,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<Option<ShownEnvironment>, Stop> {
    if configuration.environment.is_none() {
        return Ok(None);
    }
    if given.caller.account != function.arn.account {
        let error = EnvironmentError {
            error_code: "AccessDeniedException",
            message: "Lambda was unable to decrypt your environment variables because the KMS access was denied. \
                      Please check your KMS permissions.",
        };
        return Ok(Some(ShownEnvironment {
            variables: None,
            error: Some(error),
        }));
    }
    let variables = open(function, configuration, records, &given.means())?;
    if let Some(envelope) = &configuration.environment
        && let Ok(key) = envelope::key_of(envelope, &function.arn.region, records)
    {
        let arn = function.arn.to_string();
        envelope::tell_use(
            "lambda",
            "kms:Decrypt",
            key,
            &context(&arn),
            None,
            records,
            given,
        );
    }
    let disclosed = |(name, value)| (name, Disclosed::Text(value));
    Ok(Some(ShownEnvironment {
        variables: Some(variables.into_iter().map(disclosed).collect()),
        error: None,
    }))
}
