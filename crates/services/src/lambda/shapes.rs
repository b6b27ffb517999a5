//! Shapes of Lambda that several operations share: what requests set of a function, and a version as answers show it.

use serde::Serialize;

use super::environment::{self, ShownEnvironment, Variables};
use super::execution_role;
use super::function::{Configuration, Function};
use super::refusals;
use crate::input::{Members, Pattern, Text};
use crate::operation::Given;
use crate::paging::PageRequest;
use crate::records::Records;
use crate::refusal::{Refusal, Stop};
use crate::time::Timestamp;

pub(super) const DESCRIPTION: Text = Text::of(0..=256);
pub(super) const REVISION_ID: Text = Text::of(0..=usize::MAX);
const HANDLER: Text = Text::matching(
    0..=128,
    &Pattern {
        shown: "[^\\s]+",
        matches: |text| !text.is_empty() && !text.contains(char::is_whitespace),
    },
);
const MODE: Text = Text::one_of(&["Active", "PassThrough"]);
const ARCHITECTURE: Text = Text::one_of(&["x86_64", "arm64"]);
const LOG_FORMAT: Text = Text::one_of(&["JSON", "Text"]);
const ANY: Text = Text::of(0..=usize::MAX);

/// Seconds that an invocation may last where nothing is said, and at most.
const TIMEOUT_SECONDS_USUAL: u32 = 3;
const TIMEOUT_SECONDS_MAX: i64 = 900;
const MEMORY_MIB_USUAL: u32 = 128;
const MEMORY_MIB_MAX: i64 = 10_240;
const STORAGE_MIB_USUAL: u32 = 512;
const STORAGE_MIB_MAX: i64 = 10_240;

/// What a request says of how a function runs.
pub(super) struct Settings {
    pub(super) description: Option<String>,
    pub(super) runtime: Option<String>,
    pub(super) handler: Option<String>,
    pub(super) role: Option<String>,
    timeout_seconds: Option<u32>,
    memory_mib: Option<u32>,
    storage_mib: Option<u32>,
    pub(super) environment: Option<Variables>,
}

/// How a function runs that was made without saying so.
pub(super) struct Usual {
    pub(super) timeout_seconds: u32,
    pub(super) memory_mib: u32,
    pub(super) storage_mib: u32,
}

impl Settings {
    /// Takes them out of a request. What AWS has besides is refused, unless nothing changes by leaving it out.
    pub(super) fn read(members: &mut Members<'_, '_>) -> Self {
        refuse_unsupported(members);
        let runtime = members.text("Runtime", &ANY);
        if let Some(runtime) = runtime.as_deref().filter(|runtime| !is_runtime(runtime)) {
            members.object(unknown_runtime(runtime));
        }
        let mut number = |name, allowed| {
            let number = members.integer(name, allowed)?;
            u32::try_from(number).ok()
        };
        let timeout_seconds = number("Timeout", 1..=TIMEOUT_SECONDS_MAX);
        let memory_mib = number("MemorySize", 128..=MEMORY_MIB_MAX);
        let storage_mib = members.structure("EphemeralStorage", |storage| {
            storage.require("Size");
            storage.integer("Size", 512..=STORAGE_MIB_MAX)
        });
        Settings {
            description: members.text("Description", &DESCRIPTION),
            runtime,
            handler: members.text("Handler", &HANDLER),
            role: execution_role::take(members),
            timeout_seconds,
            memory_mib,
            storage_mib: storage_mib
                .flatten()
                .and_then(|size| u32::try_from(size).ok()),
            environment: environment::take(members),
        }
    }

    /// The numbers of a new function.
    pub(super) fn usual(&self) -> Usual {
        Usual {
            timeout_seconds: self.timeout_seconds.unwrap_or(TIMEOUT_SECONDS_USUAL),
            memory_mib: self.memory_mib.unwrap_or(MEMORY_MIB_USUAL),
            storage_mib: self.storage_mib.unwrap_or(STORAGE_MIB_USUAL),
        }
    }

    /// Changes what they say, but for role and variables.
    pub(super) fn apply(&self, configuration: &mut Configuration) {
        let Configuration {
            description,
            runtime,
            handler,
            timeout_seconds,
            memory_mib,
            storage_mib,
            ..
        } = configuration;
        let texts = [
            (description, &self.description),
            (runtime, &self.runtime),
            (handler, &self.handler),
        ];
        for (text, set) in texts {
            text.clone_from(set.as_ref().unwrap_or(&text.clone()));
        }
        let numbers = [
            (timeout_seconds, self.timeout_seconds),
            (memory_mib, self.memory_mib),
            (storage_mib, self.storage_mib),
        ];
        for (number, set) in numbers {
            *number = set.unwrap_or(*number);
        }
    }
}

/// Whether code of such a runtime is run here.
fn is_runtime(runtime: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let python = runtime.strip_prefix("python3.").is_some_and(is_number);
    let node = runtime.strip_prefix("nodejs");
    let node = node
        .and_then(|rest| rest.strip_suffix(".x"))
        .is_some_and(is_number);
    python || node || matches!(runtime, "provided.al2" | "provided.al2023")
}

fn unknown_runtime(runtime: &str) -> Refusal {
    let shown: String = runtime.chars().take(64).collect();
    refusals::parameter(format!(
        "Value {shown} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [python3.*, \
         nodejs*.x, provided.al2, provided.al2023] or be a valid ARN"
    ))
}

/// Refuses what would mean something else here than it says.
fn refuse_unsupported(members: &mut Members<'_, '_>) {
    let mut refuse = Vec::new();
    for (member, why) in [
        (
            "KMSKeyArn",
            "environment variables are encrypted with the key alias/aws/lambda.",
        ),
        ("CodeSigningConfigArn", "it checks no signatures of code."),
        ("ImageConfig", "functions are ZIP archives."),
        (
            "CapacityProviderConfig",
            "functions run on the server itself.",
        ),
        ("TenancyConfig", "functions run on the server itself."),
        ("DurableConfig", "functions run at most 900 seconds."),
        ("AcceleratorConfig", "functions run on the server itself."),
        ("RuntimeConfig", "the server's own runtimes are used."),
        ("PublishTo", "versions are numbered."),
    ] {
        let is_set = match member {
            "KMSKeyArn" => members
                .text(member, &ANY)
                .is_some_and(|text| !text.is_empty()),
            _ => members.is_there(member),
        };
        if is_set {
            refuse.push((member, why));
        }
    }
    let layers = members.texts("Layers", 0..=usize::MAX, &ANY);
    if layers.is_some_and(|layers| !layers.is_empty()) {
        refuse.push(("Layers", "put the files into the function's own archive."));
    }
    let files = members.structures("FileSystemConfigs", 0..=usize::MAX, |_| ());
    if files.is_some_and(|files| !files.is_empty()) {
        refuse.push((
            "FileSystemConfigs",
            "functions have their own folder alone.",
        ));
    }
    let network = members.structure("VpcConfig", |vpc| {
        let subnets = vpc.texts("SubnetIds", 0..=usize::MAX, &ANY);
        let groups = vpc.texts("SecurityGroupIds", 0..=usize::MAX, &ANY);
        [subnets, groups]
            .into_iter()
            .flatten()
            .any(|ids| !ids.is_empty())
    });
    if network == Some(true) {
        refuse.push(("VpcConfig", "functions use the server's own network."));
    }
    let letters = members.structure("DeadLetterConfig", |config| config.text("TargetArn", &ANY));
    if letters.flatten().is_some_and(|target| !target.is_empty()) {
        refuse.push(("DeadLetterConfig", "what fails is in the server's log."));
    }
    let tracing = members.structure("TracingConfig", |config| config.text("Mode", &MODE));
    if tracing.flatten().is_some_and(|mode| mode == "Active") {
        refuse.push(("TracingConfig", "there is no X-Ray here."));
    }
    let snapshots = members.structure("SnapStart", |config| config.text("ApplyOn", &ANY));
    if snapshots.flatten().is_some_and(|on| on != "None") {
        refuse.push(("SnapStart", "functions start anew."));
    }
    let logging = members.structure("LoggingConfig", |config| {
        let format = config.text("LogFormat", &LOG_FORMAT);
        format.is_some_and(|format| format == "JSON") || config.is_there("LogGroup")
    });
    if logging == Some(true) {
        refuse.push((
            "LoggingConfig",
            "functions log as text, to the server's own log.",
        ));
    }
    if let Some((member, why)) = refuse.into_iter().next() {
        members.object(refusals::unsupported(member, why));
    }
}

/// Takes `Marker` and `MaxItems` out of a request.
///
/// Source: AWS Lambda API Reference, ListFunctions ("returns a maximum of 50 items in each response").
pub(super) fn page(members: &mut Members<'_, '_>) -> PageRequest {
    let most = members.integer("MaxItems", 1..=10_000);
    let most = most.and_then(|most| usize::try_from(most).ok());
    PageRequest {
        most: most.map_or(PAGE_ITEMS_MAX, |most| most.min(PAGE_ITEMS_MAX)),
        marker: members.text("Marker", &ANY),
        invalid_marker: refusals::invalid_marker,
    }
}

const PAGE_ITEMS_MAX: usize = 50;

/// Takes `Architectures` out of a request.
pub(super) fn architecture(members: &mut Members<'_, '_>) -> Option<String> {
    let architectures = members.texts("Architectures", 1..=1, &ARCHITECTURE)?;
    architectures.into_iter().next()
}

/// # Refusals
/// `PreconditionFailedException`: the request is based on another revision than the present one.
pub(super) fn check_revision(asked: Option<&str>, present: &str) -> Result<(), Refusal> {
    match asked {
        Some(asked) if asked != present => Err(refusals::revision()),
        _ => Ok(()),
    }
}

/// An instant as Lambda writes it: `2026-01-31T23:59:59.000+0000`.
pub(super) fn lambda_time(at: Timestamp) -> String {
    let seconds = crate::time::rfc3339(at);
    let milliseconds = at.milliseconds().rem_euclid(1000);
    format!("{}.{milliseconds:03}+0000", seconds.trim_end_matches('Z'))
}

/// A version of a function, as answers show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownConfiguration {
    function_name: String,
    function_arn: String,
    runtime: String,
    role: String,
    handler: String,
    code_size: u64,
    description: String,
    timeout: u32,
    memory_size: u32,
    last_modified: String,
    code_sha256: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<ShownEnvironment>,
    tracing_config: TracingConfig,
    revision_id: String,
    state: &'static str,
    last_update_status: &'static str,
    package_type: &'static str,
    architectures: [String; 1],
    ephemeral_storage: EphemeralStorage,
    snap_start: SnapStart,
    logging_config: LoggingConfig,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TracingConfig {
    mode: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EphemeralStorage {
    size: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SnapStart {
    apply_on: &'static str,
    optimization_status: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LoggingConfig {
    log_format: &'static str,
    log_group: String,
}

impl ShownConfiguration {
    /// A version, by its number or `$LATEST`. `qualifier` is what the request named of the function: it is in the ARN.
    pub(super) fn of(
        function: &Function,
        (version, configuration): (&str, &Configuration),
        qualifier: Option<&str>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Self, Stop> {
        let environment = environment::shown(function, configuration, records, given)?;
        Ok(Self::with(
            environment,
            function,
            (version, configuration),
            qualifier,
        ))
    }

    /// The same with variables that are known already.
    pub(super) fn with(
        environment: Option<ShownEnvironment>,
        function: &Function,
        (version, configuration): (&str, &Configuration),
        qualifier: Option<&str>,
    ) -> Self {
        let arn = function.arn.qualified(qualifier);
        ShownConfiguration {
            function_name: function.arn.name.clone(),
            function_arn: arn.to_string(),
            runtime: configuration.runtime.clone(),
            role: configuration.role.clone(),
            handler: configuration.handler.clone(),
            code_size: configuration.code.size_bytes,
            description: configuration.description.clone(),
            timeout: configuration.timeout_seconds,
            memory_size: configuration.memory_mib,
            last_modified: lambda_time(configuration.modified),
            code_sha256: configuration.code.sha256_base64(),
            version: version.to_owned(),
            environment,
            tracing_config: TracingConfig {
                mode: "PassThrough",
            },
            revision_id: configuration.revision_id.clone(),
            state: "Active",
            last_update_status: "Successful",
            package_type: "Zip",
            architectures: [configuration.architecture.clone()],
            ephemeral_storage: EphemeralStorage {
                size: configuration.storage_mib,
            },
            snap_start: SnapStart {
                apply_on: "None",
                optimization_status: "Off",
            },
            logging_config: LoggingConfig {
                log_format: "Text",
                log_group: format!("/aws/lambda/{}", function.arn.name),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_runtimes_of_this_server_are_taken() {
        for (runtime, expected) in [
            ("python3.12", true),
            ("python3.9", true),
            ("nodejs22.x", true),
            ("provided.al2", true),
            ("provided.al2023", true),
            ("provided", false),
            ("python2.7", false),
            ("python3.", false),
            ("nodejs", false),
            ("nodejs4.3", false),
            ("java21", false),
            ("", false),
        ] {
            assert_eq!(is_runtime(runtime), expected, "{runtime}");
        }
    }

    #[test]
    fn lambda_writes_instants_with_milliseconds_and_no_colon_in_the_zone() {
        let at = Timestamp::from_milliseconds(1_700_006_399_077);
        assert_eq!(lambda_time(at), "2023-11-14T23:59:59.077+0000");
    }
}
