//! The rotation functions that are built in. A secret uses one by an ARN of its own account and region,
//! `arn:aws:lambda:<region>:<account>:function:strongroom-<name>`.
//!
//! A function is a pure rule: what it makes and changes is returned, what must be asked of another system is a [`Call`]
//! that the shell carries out. It acts as the service, for the secret's account: what whoever configures it must be
//! allowed besides, [`BuiltIn::needs`] says. Its parameters come from there alone. Whoever may only write the value or
//! tag the secret must not redirect a rotation.

mod iam_access_key;
mod json_object;
mod other_secret;
mod parameters;
mod random_value;
mod ssh_key_pair;
mod tls_certificate;
mod webhook;

use std::error::Error;

use strongroom_keys::SecretBytes;

pub use parameters::{Parameter, Parameters};

use super::step::Step;
use crate::caller::Caller;
use crate::gate::Need;
use crate::lambda::function_arn::{BUILT_IN_PREFIX, FunctionArn};
use crate::operation::Means;
use crate::records::{Changes, Records};
use crate::refusal::{Refusal, Stop};
use crate::secretsmanager::refusals::invalid_parameter;
use crate::secretsmanager::secret::Secret;
use crate::secretsmanager::shapes::VALUE_BYTES_MAX;
use crate::secretsmanager::version::Value;

/// A built-in function with its parameters, for one decision: it may keep what it looked up.
pub trait BuiltIn: Send {
    /// What whoever configures it for a secret must be allowed besides RotateSecret and invoking it.
    fn needs<'a>(
        &'a self,
        _secret: &Secret,
        _caller: &'a Caller,
        _records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        Ok(Vec::new())
    }

    /// Whether it could do its work for a secret as it is configured; asked of whoever configures it, who is allowed
    /// what it [`needs`](Self::needs).
    ///
    /// # Errors
    /// [`Failure`]
    fn check(
        &self,
        _secret: &Secret,
        _records: &Records<'_>,
        _means: &Means<'_>,
    ) -> Result<(), Failure> {
        Ok(())
    }

    /// The new value. What else it changes is committed together with that value, so neither is there without the
    /// other.
    ///
    /// # Errors
    /// [`Failure`]
    fn create(
        &self,
        rotation: &Rotation<'_>,
        records: &Records<'_>,
        means: &Means<'_>,
        changes: &mut Changes,
    ) -> Result<Created, Failure>;

    /// The new value out of what a [`Created::Asked`] call answered.
    ///
    /// # Errors
    /// [`Failure`]
    fn created(&self, _rotation: &Rotation<'_>, _answer: &SecretBytes) -> Result<Value, Failure> {
        Err(Failure::Failed(
            "the function asks nobody for a value".to_owned(),
        ))
    }

    /// What the set and the test step come to. It may be asked again for a step that was already carried out.
    ///
    /// # Errors
    /// [`Failure`]
    fn step(
        &self,
        _step: Step,
        _rotation: &Rotation<'_>,
        _pending: &Value,
        _records: &Records<'_>,
        _means: &Means<'_>,
    ) -> Result<Option<Call>, Failure> {
        Ok(None)
    }

    /// What else changes when the new value becomes current, in the same commit: what is taken back of those before.
    /// `rotation` is as it was before that.
    ///
    /// # Errors
    /// [`Failure`]
    fn finish(
        &self,
        _rotation: &Rotation<'_>,
        _pending: &Value,
        _records: &Records<'_>,
        _means: &Means<'_>,
        _changes: &mut Changes,
    ) -> Result<(), Failure> {
        Ok(())
    }
}

/// A rotation under way, as a function sees it.
pub struct Rotation<'a> {
    /// Of which secret, as it is now.
    pub secret: &'a Secret,
    /// The version that the new value is for.
    pub version_id: &'a str,
    /// The value of AWSCURRENT; `None` where the secret has none.
    pub current: Option<&'a Value>,
}

/// What the create step comes to.
pub enum Created {
    /// The new value.
    Value(Value),
    /// Another system makes it: [`BuiltIn::created`] takes its answer.
    Asked(Call),
}

/// Something that the shell does for a function. All of it may happen twice.
#[derive(Debug)]
pub enum Call {
    /// An event posted to a web server.
    Post(Post),
}

/// An event for a web server.
#[derive(Debug)]
pub struct Post {
    /// Where to.
    pub url: String,
    /// JSON, which may hold values.
    pub event: SecretBytes,
    /// What it is signed with.
    pub signing_key: Option<SecretBytes>,
}

/// Why a step failed.
#[derive(Debug)]
pub enum Failure {
    /// Whoever looks after the rotation must do something; says what, and never holds a value.
    Failed(String),
    /// The operator must.
    Unavailable(Box<dyn Error + Send + Sync>),
}

impl Failure {
    fn because(text: impl Into<String>) -> Self {
        Failure::Failed(text.into())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Failed(refusal.message.unwrap_or_else(|| refusal.code.to_owned()))
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Refused(refusal) => refusal.into(),
            Stop::Unavailable(cause) => Failure::Unavailable(cause),
        }
    }
}

/// A built-in function's row.
struct Row {
    /// Behind `strongroom-`.
    name: &'static str,
    /// Reads its parameters; what it makes of those that are wrong is dropped.
    configure: fn(&mut Parameters<'_>, &Secret) -> Box<dyn BuiltIn>,
}

/// Every built-in function.
const ROWS: &[Row] = &[
    Row {
        name: "iam-access-key",
        configure: iam_access_key::configure,
    },
    Row {
        name: "random-value",
        configure: random_value::configure,
    },
    Row {
        name: "ssh-key-pair",
        configure: ssh_key_pair::configure,
    },
    Row {
        name: "tls-certificate",
        configure: tls_certificate::configure,
    },
    Row {
        name: "webhook",
        configure: webhook::configure,
    },
];

/// The built-in function that an ARN names, with the parameters that a secret gives it. `None`: it names one of an
/// account's own.
///
/// # Refusals
/// `InvalidParameterException`: there is no such built-in function, or it isn't the secret's own account's and region's;
/// a parameter is missing, unknown or malformed.
pub fn of(
    function: &FunctionArn,
    parameters: &[Parameter],
    secret: &Secret,
) -> Result<Option<Box<dyn BuiltIn>>, Refusal> {
    let Some(name) = function.name.strip_prefix(BUILT_IN_PREFIX) else {
        return Ok(None);
    };
    let Some(row) = ROWS.iter().find(|row| row.name == name) else {
        return Err(invalid_parameter(format!(
            "There is no built-in function {}. There are: {}.",
            function.name,
            names().collect::<Vec<String>>().join(", ")
        )));
    };
    let own = FunctionArn::of(&secret.region, &secret.account, &function.name, None);
    if *function != own {
        return Err(invalid_parameter(format!(
            "A secret uses the built-in functions of its own account and Region, which have no versions: give \
             RotationLambdaARN {own}."
        )));
    }
    let mut read = Parameters::of(parameters);
    let configured = (row.configure)(&mut read, secret);
    match read.problem() {
        None => Ok(Some(configured)),
        Some(problem) => Err(invalid_parameter(format!(
            "The built-in function {} can't be used with this ExternalSecretRotationMetadata: {problem}.",
            function.name
        ))),
    }
}

/// The names of the built-in functions.
pub fn names() -> impl Iterator<Item = String> {
    ROWS.iter()
        .map(|row| format!("{BUILT_IN_PREFIX}{}", row.name))
}

/// A value that a function made, unless no secret could have it.
///
/// # Errors
/// [`Failure::Failed`]
pub fn fitting(value: Value) -> Result<Value, Failure> {
    match value.bytes().len() {
        1..=VALUE_BYTES_MAX => Ok(value),
        0 => Err(Failure::because("the new value is empty")),
        length => Err(Failure::because(format!(
            "the new value has {length} bytes, and a secret's has at most {VALUE_BYTES_MAX}"
        ))),
    }
}
