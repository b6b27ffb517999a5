//! Functions that people keep in this server: from an ARN to the version that runs, its code, variables and credentials,
//! and to the runtime that runs it.

use std::sync::Arc;
use std::time::Duration;

use strongroom_keys::SecretBytes;
use strongroom_services::lambda::function::{Configuration, Function, key_of};
use strongroom_services::lambda::function_arn::FunctionArn;
use strongroom_services::lambda::{code, environment, execution_role};
use strongroom_services::records::Records;
use strongroom_services::refusal::Stop;

use super::runtime::{Language, Launch, RoleCredentials, Runtime, Supplies};
use super::{Answer, Invocation, NotInvoked, Outcome};
use crate::node::Node;

/// A version of a function of this server, about to run.
struct Chosen<'a> {
    node: &'a Node,
    function: Arc<Function>,
    configuration: Configuration,
    /// Qualified by the version.
    arn: FunctionArn,
}

/// Invokes a function of this server and waits for what it answers; `None`: there is none of this name.
///
/// # Errors
/// [`NotInvoked`]
pub(super) async fn invoke(
    node: &Node,
    runtime: Option<&Runtime>,
    invocation: &Invocation,
) -> Option<Outcome> {
    let found = match find(node, &invocation.function) {
        Ok(found) => found?,
        Err(stop) => return Some(Err(unfit(&stop, "can't be read"))),
    };
    Some(run(node, found, runtime, invocation).await)
}

/// Whether there is a function of this name.
fn find(node: &Node, arn: &FunctionArn) -> Result<Option<Arc<Function>>, Stop> {
    Records::of(node.records()).peek::<Function>(&key_of(arn))
}

async fn run(
    node: &Node,
    function: Arc<Function>,
    runtime: Option<&Runtime>,
    invocation: &Invocation,
) -> Outcome {
    let asked = &invocation.function;
    let qualified = function.qualified(asked.qualifier.as_deref());
    let Some((version, configuration)) = qualified else {
        return Err(NotInvoked::Missing(asked.to_string()));
    };
    let Some(runtime) = runtime else {
        return Err(NotInvoked::Unfit(format!(
            "{asked} can't run: this server runs no functions; see docs/functions.md"
        )));
    };
    let executed_version = version.to_owned();
    let chosen = Chosen {
        arn: function.arn.qualified(Some(version)),
        configuration: configuration.clone(),
        function: Arc::clone(&function),
        node,
    };
    let launch = chosen.launch()?;
    let answer = runtime
        .invoke(&launch, &chosen, &invocation.payload)
        .await?;
    Ok(Answer {
        executed_version,
        ..answer
    })
}

impl Chosen<'_> {
    fn launch(&self) -> Result<Launch, NotInvoked> {
        let configuration = &self.configuration;
        let language = language(&configuration.runtime).ok_or_else(|| {
            let runtime = &configuration.runtime;
            NotInvoked::Unfit(format!("{} needs {runtime}, which isn't here", self.arn))
        })?;
        Ok(Launch {
            function: self.arn.clone(),
            revision: configuration.revision_id.clone(),
            code_sha256: configuration.code.sha256_base64(),
            language,
            handler: configuration.handler.clone(),
            environment: self
                .environment()
                .map_err(|stop| unfit(&stop, "can't be opened"))?,
            memory_mib: configuration.memory_mib,
            timeout: Duration::from_secs(u64::from(configuration.timeout_seconds)),
        })
    }

    fn environment(&self) -> Result<Vec<(String, SecretBytes)>, Stop> {
        let records = Records::of(self.node.records());
        let means = self.node.means();
        environment::open(&self.function, &self.configuration, &records, &means)
    }
}

impl Supplies for Chosen<'_> {
    fn code(&self) -> Result<Vec<u8>, String> {
        let records = Records::of(self.node.records());
        let code = &self.configuration.code;
        let package = code::open(&self.function, code, &records, &self.node.means());
        Ok(package.map_err(|stop| text(&stop))?.expose().to_vec())
    }

    fn credentials(&self) -> Result<RoleCredentials, String> {
        let records = Records::of(self.node.records());
        let role = &self.configuration.role;
        let arn = &self.function.arn;
        let issued = execution_role::begin_session(role, arn, &records, &self.node.means());
        let issued = issued.map_err(|stop| text(&stop))?;
        Ok(RoleCredentials {
            access_key_id: issued.session.access_key_id.clone(),
            secret_access_key: issued.secret_access_key,
            session_token: issued.token,
            expires: issued.session.expires,
        })
    }
}

/// What runs the code of a runtime.
fn language(runtime: &str) -> Option<Language> {
    let named = [
        ("python", Language::Python),
        ("nodejs", Language::Node),
        ("provided", Language::Provided),
    ];
    let found = named.iter().find(|(name, _)| runtime.starts_with(name));
    found.map(|(_, language)| *language)
}

/// A function whose record or secrets can't be used: the operator must act, and whoever asked is told no more than that.
fn unfit(stop: &Stop, what: &str) -> NotInvoked {
    tracing::error!(cause = text(stop), "a function was not invoked: it {what}");
    NotInvoked::Unfit(format!(
        "the function {what}: the server's log has the cause"
    ))
}

fn text(stop: &Stop) -> String {
    match stop {
        Stop::Unavailable(cause) => cause.to_string(),
        Stop::Refused(refusal) => refusal.message.clone().unwrap_or_default(),
    }
}
