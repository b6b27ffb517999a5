//! A function's environment: Lambda's documented variables, the function's own, and where this server is.
//!
//! Source: AWS Lambda Developer Guide, Working with Lambda environment variables.

use std::path::Path;

use super::settings::RuntimeSettings;
use super::{Language, Launch, RoleCredentials};

/// What a process is told besides its launch.
pub(super) struct Surroundings<'a> {
    pub(super) credentials: &'a RoleCredentials,
    /// `127.0.0.1:PORT`
    pub(super) runtime_api: &'a str,
    pub(super) log_stream: &'a str,
    /// Where the code and our own files are, as the function sees them.
    pub(super) code: &'a Path,
    pub(super) runtime: &'a Path,
    /// The folder of the interpreter, first in `PATH`.
    pub(super) programs: Option<&'a Path>,
    /// The CA bundle, as the function sees it.
    pub(super) ca_bundle: Option<&'a str>,
}

/// The whole environment of a new process. A value is left out that isn't UTF-8, which none of ours isn't.
pub(super) fn variables(
    launch: &Launch,
    settings: &RuntimeSettings,
    around: &Surroundings<'_>,
) -> Vec<(String, String)> {
    let mut all = Variables(Vec::new());
    let code = around.code.to_string_lossy();
    let runtime = around.runtime.to_string_lossy();
    // A function may have its own of these.
    all.set("LANG", "en_US.UTF-8");
    all.set("TZ", ":UTC");
    let programs = around
        .programs
        .map_or(String::new(), |folder| format!("{}:", folder.display()));
    all.set(
        "PATH",
        &format!("{programs}/usr/local/bin:/usr/bin:/bin:/opt/bin"),
    );
    all.set("LD_LIBRARY_PATH", &format!("{code}:{code}/lib:/opt/lib"));
    all.set("AWS_ENDPOINT_URL", &settings.endpoint);
    all.set("SECRETS_MANAGER_ENDPOINT", &settings.endpoint);
    if let Some(bundle) = around.ca_bundle {
        all.set("AWS_CA_BUNDLE", bundle);
        all.set("NODE_EXTRA_CA_CERTS", bundle);
    }
    if launch.language == Language::Node {
        all.set("NODE_PATH", &format!("{code}/node_modules"));
    }
    for (name, value) in &launch.environment {
        if let Ok(value) = std::str::from_utf8(value.expose()) {
            all.set(name, value);
        }
    }
    // What it needs to find its libraries comes after what it says itself.
    if launch.language == Language::Python {
        let own = all.get("PYTHONPATH").map(str::to_owned);
        let folders = settings
            .python_path
            .iter()
            .map(|folder| folder.display().to_string());
        let path: Vec<String> = own.into_iter().chain(folders).collect();
        if !path.is_empty() {
            all.set("PYTHONPATH", &path.join(":"));
        }
        all.set("PYTHONNOUSERSITE", "1");
        all.set("PYTHONDONTWRITEBYTECODE", "1");
        all.set("PYTHONUNBUFFERED", "1");
    }
    // These are Lambda's alone.
    let version = launch.function.qualifier.as_deref().unwrap_or("$LATEST");
    let credentials = around.credentials;
    let secret = String::from_utf8_lossy(credentials.secret_access_key.expose());
    let region = launch.function.region.to_string();
    for (name, value) in [
        ("_HANDLER", launch.handler.as_str()),
        ("_X_AMZN_TRACE_ID", ""),
        ("AWS_ACCESS_KEY_ID", &credentials.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &secret),
        ("AWS_SESSION_TOKEN", &credentials.session_token),
        ("AWS_REGION", &region),
        ("AWS_DEFAULT_REGION", &region),
        ("AWS_LAMBDA_FUNCTION_NAME", &launch.function.name),
        ("AWS_LAMBDA_FUNCTION_VERSION", version),
        (
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            &launch.memory_mib.to_string(),
        ),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        (
            "AWS_LAMBDA_LOG_GROUP_NAME",
            &format!("/aws/lambda/{}", launch.function.name),
        ),
        ("AWS_LAMBDA_LOG_STREAM_NAME", around.log_stream),
        ("AWS_LAMBDA_RUNTIME_API", around.runtime_api),
        ("LAMBDA_TASK_ROOT", &code),
        ("LAMBDA_RUNTIME_DIR", &runtime),
    ] {
        all.set(name, value);
    }
    all.0
}

struct Variables(Vec<(String, String)>);

impl Variables {
    fn set(&mut self, name: &str, value: &str) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value.to_owned()));
    }

    fn get(&self, name: &str) -> Option<&str> {
        let mut all = self.0.iter();
        all.find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}
