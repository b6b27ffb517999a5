//! `strongroom dev`: a whole server for development and tests, in place of a mock.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use strongroom_audit::Durability;
use strongroom_keys::hardening::Hardening;
use strongroom_keys::seal::{self, SealFile, SealSource, Unsealed};
use strongroom_keys::{SecretBytes, SystemEntropy};
use strongroom_services::accounts::FreshCredentials;
use strongroom_services::caller::{AccountId, Region};

use super::running::{self, Plan, Ready};
use super::seed::Seed;
use super::{Failed, logging, processors, runtime, say};
use crate::audit::anchors::memory::Memory;
use crate::audit::delivery::{Buckets, Intervals};
use crate::audit::{AuditSettings, FollowerSettings};
use crate::config::LogFormat;
use crate::credentials::Credentials;
use crate::edge::control::WithControl;
use crate::edge::tls::{Certificates, Generated};
use crate::edge::{Limits, TrustedProxies};
use crate::functions::outside::{Address, CredentialSource, Endpoint};
use crate::functions::resolution::FunctionSettings;
use crate::functions::runtime::{Isolation, Runtime, RuntimeSettings};
use crate::functions::webhook::Webhooks;
use crate::memory::CacheSizes;
use crate::node::{Node, NodeOptions};
use crate::oidc::{IssuerSettings, KeySource};

/// Start a server for development and tests: no configuration, ready at once
///
/// Encryption, signatures and access rules are as in production. Beside that, and in dev alone, unsigned:
/// POST /_strongroom/reset removes everything but the accounts; GET and POST /_strongroom/clock tell and advance the
/// clock of recovery windows.
///
/// Prints `export` lines for your shell, then a line that starts with `ready`. Logs go to standard error.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DevArguments {
    /// Address and port of the API; port 0 chooses a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:4599")]
    listen: SocketAddr,
    /// Folder that keeps the data, to go on with it later; without it a temporary one that is removed at exit
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Region that clients are told to use; the server answers in any
    #[arg(long, value_name = "REGION", default_value = "us-east-1", value_parser = region)]
    region: Region,
    /// Account whose root credentials clients are told to use
    #[arg(long, value_name = "ID", default_value = "123456789012", value_parser = account_id)]
    account_id: AccountId,
    /// File to write the export lines to as well (mode 0600), to be read by `. FILE` in another shell
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// Serve HTTPS, with a certificate made for localhost; clients are told to trust it by AWS_CA_BUNDLE
    #[arg(long)]
    tls: bool,
    /// TOML or JSON file with accounts and secrets to begin with (see docs/operations.md)
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,
    /// Keys of an identity provider that can't be asked itself: a JSON Web Key Set, in a file or at a URL
    #[arg(long, value_name = "ISSUER=FILE|URL", value_parser = KeySource::parse)]
    oidc_keys: Vec<(String, KeySource)>,
    /// PEM file with certificate authorities that identity providers are trusted by, beside the system's
    #[arg(long, value_name = "FILE")]
    oidc_ca_file: Option<PathBuf>,
    /// Server that speaks Lambda's Invoke: every function ARN that nothing else answers for is invoked there, signed with the
    /// account's root credentials
    #[arg(long, value_name = "URL", value_parser = Address::parse)]
    lambda_endpoint: Option<Address>,
    /// PEM file with certificate authorities that an https:// --lambda-endpoint is trusted by, in place of the system's
    #[arg(long, value_name = "FILE", requires = "lambda_endpoint")]
    lambda_ca_file: Option<PathBuf>,
    /// Python that runs functions of this server, in place of python3 of the PATH
    #[arg(long, value_name = "FILE")]
    function_python: Option<PathBuf>,
    /// Folder with libraries that functions in Python find, such as boto3
    #[arg(long, value_name = "DIR")]
    function_python_path: Vec<PathBuf>,
    /// What keeps functions of this server from the rest of the machine: full, or none where the system allows no more
    #[arg(long, value_name = "full|none", default_value = "full", value_parser = isolation)]
    function_isolation: Isolation,
    /// Address and port for /healthz, /readyz and /metrics
    #[arg(long, value_name = "ADDRESS:PORT", alias = "ops-listen")]
    operations_listen: Option<SocketAddr>,
    /// What an answer waits for until its event is in the audit log: fsync, write (a power cut may take the last events),
    /// or none, which keeps no audit log and only serves to measure; fsync where data is kept, else write
    #[arg(long, value_name = "fsync|write|none", default_value = "auto", hide_default_value = true, value_parser = Recording::parse)]
    audit: Recording,
    /// Accept a data folder that was put back from an older copy; once, and noted in the audit log
    #[arg(long, requires = "data_dir")]
    restored: bool,
    /// What is logged: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: String,
}

const EXAMPLES: &str =
    "Fixed credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY before the start.

Examples:
  strongroom dev --env-file strongroom.env           then in another terminal: . ./strongroom.env
  strongroom dev --listen 127.0.0.1:0 --seed seed.toml
  strongroom dev --data-dir ./data --region eu-central-1
  curl -X POST http://127.0.0.1:4599/_strongroom/reset
  curl -X POST http://127.0.0.1:4599/_strongroom/clock -d '{\"advance_seconds\": 2592000}'";

/// Runs until SIGTERM or SIGINT.
pub(super) fn run(arguments: DevArguments, hardening: Hardening) -> Result<(), Failed> {
    logging::start(&arguments.log_level, LogFormat::Plain)?;
    // Its clients run on this machine and need the other half. Threads that share connections also wake each other,
    // which costs a request more than all of its cryptography; and each takes memory.
    let runtime = runtime((processors() / 2).clamp(1, 4))?;
    runtime.block_on(serve(arguments, hardening))
}

async fn serve(arguments: DevArguments, hardening: Hardening) -> Result<(), Failed> {
    let seed = arguments.seed.as_deref().map(Seed::read).transpose()?;
    let (data_dir, temporary) = match arguments.data_dir {
        Some(folder) => {
            make_folder(&folder)?;
            (folder, None)
        }
        None => {
            let folder = tempfile::Builder::new()
                .prefix("strongroom-dev-")
                .permissions(Permissions::from_mode(0o700))
                .tempdir()
                .map_err(|error| {
                    Failed::new(format!(
                        "no temporary folder can be made ({error}): set TMPDIR, or give --data-dir"
                    ))
                })?;
            (folder.path().to_owned(), Some(folder))
        }
    };
    let node = Node::open(NodeOptions {
        unsealed: root_key(&data_dir)?,
        seal_file: data_dir.join(SEAL_FILE_NAME),
        data_dir: data_dir.clone(),
        dev: true,
        caches: CacheSizes::of_this_machine(),
        audit: arguments
            .audit
            .settings(temporary.is_some(), arguments.restored),
    })
    .await?;
    let followers = FollowerSettings {
        feeds: Vec::new(),
        buckets: Buckets::any_in(data_dir.join(BUCKETS_FOLDER_NAME)),
        deliveries: Intervals {
            logs: DELIVERY_INTERVAL,
            digests: Intervals::DIGESTS,
        },
        anchors: Vec::new(),
        memory: temporary.is_none().then(memory).flatten(),
        witness_token: None,
    };
    node.follow_audit(followers, &data_dir)
        .map_err(Failed::new)?;
    let issuers = IssuerSettings {
        ca_file: arguments.oidc_ca_file,
        key_sources: arguments.oidc_keys,
        local: Vec::new(),
        all_local: true,
    };
    issuers.check().map_err(Failed::new)?;
    node.know_issuers(issuers);
    let credentials = credentials(&node, &arguments.account_id).await?;
    let mut functions = FunctionSettings {
        webhooks: Webhooks::all(arguments.lambda_ca_file.clone()),
        ..FunctionSettings::default()
    };
    if let Some(address) = arguments.lambda_endpoint {
        let asked_as = CredentialSource::Given(for_others(&credentials));
        let ca_file = arguments.lambda_ca_file.as_deref();
        let endpoint = Endpoint::new(address, asked_as, ca_file).map_err(Failed::new)?;
        functions.everything_else = Some(endpoint);
    }
    node.answer_functions(functions);
    if let Some(seed) = seed {
        seed.apply(&node, &arguments.account_id, &arguments.region)
            .await?;
    }
    let generated = match arguments.tls {
        true => Some(Generated::in_folder(
            &data_dir.join("tls"),
            arguments.listen.ip(),
        )?),
        false => None,
    };
    let certificates = match &generated {
        Some(generated) => Some(Arc::new(Certificates::read(
            &generated.certificate,
            &generated.key,
        )?)),
        None => None,
    };
    let running = Arc::clone(&node);
    let functions_folder = data_dir.join(FUNCTIONS_FOLDER_NAME);
    let hidden = vec![data_dir.clone()];
    let (python, python_path) = (arguments.function_python, arguments.function_python_path);
    let isolation = arguments.function_isolation;
    let plan = Plan {
        application: Arc::new(WithControl::new(Arc::clone(&node))),
        node,
        listen: arguments.listen,
        limits: Limits::default(),
        proxies: TrustedProxies::default(),
        certificates,
        operations: arguments.operations_listen,
        admin_socket: data_dir.join(crate::admin::SOCKET_NAME),
        data_dir,
        hardening,
        temporary,
    };
    running::serve(plan, |ready| {
        let authority = generated
            .as_ref()
            .map(|generated| generated.authority.as_path());
        let usual = running.runtime_settings(functions_folder, ready.url.clone());
        let runtime = Runtime::new(RuntimeSettings {
            ca_bundle: authority.map(Path::to_owned),
            python,
            python_path,
            hidden,
            isolation,
            ..usual
        });
        running.functions().run_by(runtime.map_err(Failed::new)?);
        tell(
            ready,
            &credentials,
            &arguments.region,
            authority,
            arguments.env_file.as_deref(),
        )
    })
    .await
}

/// What this machine remembers of audit logs.
pub(super) fn memory() -> Option<Memory> {
    Memory::of_user(|name| std::env::var_os(name))
}

/// How a development server keeps its audit log.
#[derive(Clone, Copy, Debug)]
enum Recording {
    Auto,
    As(Durability),
    Off,
}

impl Recording {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Recording::Auto),
            "fsync" => Ok(Recording::As(Durability::Fsync)),
            "write" => Ok(Recording::As(Durability::Write)),
            "none" => Ok(Recording::Off),
            _ => Err("it is fsync, write or none".to_owned()),
        }
    }

    /// What goes away with the server needn't survive a power cut.
    fn settings(self, is_temporary: bool, restored: bool) -> Option<AuditSettings> {
        let durability = match self {
            Recording::Off => return None,
            Recording::As(durability) => durability,
            Recording::Auto if is_temporary => Durability::Write,
            Recording::Auto => Durability::Fsync,
        };
        Some(AuditSettings {
            durability,
            restored,
            memory: (!is_temporary).then(memory).flatten().map(Arc::new),
            ..AuditSettings::default()
        })
    }
}

fn isolation(text: &str) -> Result<Isolation, String> {
    match text {
        "full" => Ok(Isolation::Full),
        "none" => Ok(Isolation::None),
        _ => Err("it is full or none".to_owned()),
    }
}

/// The key file beside the data: enough for development, and told by `strongroom doctor`.
fn root_key(data_dir: &Path) -> Result<Unsealed, Failed> {
    let seal_file = data_dir.join(SEAL_FILE_NAME);
    let sources = [SealSource::KeyFile(data_dir.join(KEY_FILE_NAME))];
    if seal_file.exists() {
        return Ok(seal::unseal(&SealFile::read(&seal_file)?, &sources)?);
    }
    let (root, sealed) = seal::create(&sources, &SystemEntropy)?;
    sealed.write_new(&seal_file)?;
    Ok(Unsealed {
        root,
        retiring: Vec::new(),
        failed: Vec::new(),
    })
}

/// The account's root credentials: the environment's, else the ones it has, else fresh ones.
async fn credentials(node: &Node, account: &AccountId) -> Result<FreshCredentials, Failed> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let existing = node.root_credentials(account)?;
    match (
        variable("AWS_ACCESS_KEY_ID"),
        variable("AWS_SECRET_ACCESS_KEY"),
    ) {
        (Some(access_key_id), Some(secret)) => {
            if variable("AWS_SESSION_TOKEN").is_some() {
                tracing::warn!(
                    "AWS_SESSION_TOKEN is set, and clients would send it with keys that have none: unset it in their shell"
                );
            }
            let secret = SecretBytes::new(secret.into_bytes());
            let is_same = existing.as_ref().is_some_and(|existing| {
                existing.access_key_id == access_key_id
                    && existing.secret_access_key.matches(&secret)
            });
            if !is_same {
                let secret = SecretBytes::copy_of(secret.expose());
                node.set_root_credentials(account, &access_key_id, secret)
                    .await?;
            }
            Ok(FreshCredentials {
                account: account.clone(),
                access_key_id,
                secret_access_key: secret,
            })
        }
        (id, secret) => {
            if id.is_some() || secret.is_some() {
                tracing::warn!(
                    "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set, so neither is used: set both for \
                     fixed credentials"
                );
            }
            match existing {
                Some(existing) => Ok(existing),
                None => Ok(node.create_account(account).await?),
            }
        }
    }
}

/// The root credentials for a server elsewhere, which may be AWS itself: then those of the environment may be temporary.
fn for_others(root: &FreshCredentials) -> Credentials {
    let environments = Credentials::of_environment();
    let environments = environments.filter(|it| it.access_key_id == root.access_key_id);
    environments.unwrap_or_else(|| Credentials {
        access_key_id: root.access_key_id.clone(),
        secret_access_key: SecretBytes::copy_of(root.secret_access_key.expose()),
        session_token: None,
    })
}

/// Says what a client needs, then that the server is ready.
fn tell(
    ready: &Ready,
    credentials: &FreshCredentials,
    region: &Region,
    authority: Option<&Path>,
    env_file: Option<&Path>,
) -> Result<(), Failed> {
    let secret = String::from_utf8_lossy(credentials.secret_access_key.expose());
    let mut variables = vec![
        ("AWS_ENDPOINT_URL", ready.url.as_str()),
        ("AWS_ACCESS_KEY_ID", credentials.access_key_id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", &secret),
        ("AWS_DEFAULT_REGION", region.as_str()),
        ("AWS_REGION", region.as_str()),
    ];
    let authority = authority
        .map(|authority| fs::canonicalize(authority).unwrap_or_else(|_| authority.to_owned()));
    let authority = authority
        .as_ref()
        .map(|authority| authority.to_string_lossy());
    if let Some(authority) = &authority {
        // Node.js doesn't look at AWS's variable.
        variables.extend([
            ("AWS_CA_BUNDLE", authority.as_ref()),
            ("NODE_EXTRA_CA_CERTS", authority.as_ref()),
        ]);
    }
    let lines: Vec<String> = variables
        .iter()
        .map(|(name, value)| format!("export {name}={}", quoted(value)))
        .collect();
    let lines = lines.join("\n");
    if let Some(path) = env_file {
        write_private(path, &lines).map_err(|error| {
            Failed::new(format!(
                "the file {} can't be written ({error}): choose another --env-file",
                path.display()
            ))
        })?;
    }
    say(&lines);
    if let Some(address) = ready.operations {
        say(&format!(
            "operations http://{address} (/healthz, /readyz, /metrics)"
        ));
    }
    say(&format!("ready {}", ready.url));
    Ok(())
}

/// A value as a shell takes it literally.
fn quoted(value: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@%+=,".contains(&byte);
    if !value.is_empty() && value.bytes().all(is_plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    // One that was there keeps its mode otherwise.
    file.set_permissions(Permissions::from_mode(0o600))?;
    writeln!(file, "{text}")
}

fn make_folder(folder: &Path) -> Result<(), Failed> {
    if folder.is_dir() {
        return Ok(());
    }
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder);
    made.map_err(|error| {
        Failed::new(format!(
            "the folder {} can't be made ({error}): choose another --data-dir",
            folder.display()
        ))
    })
}

fn region(text: &str) -> Result<Region, String> {
    Region::parse(text).map_err(|error| error.to_string())
}

fn account_id(text: &str) -> Result<AccountId, String> {
    AccountId::parse(text).map_err(|error| error.to_string())
}

/// The sealed root key in every data folder.
/// The folder with a folder for each bucket that a trail delivers to.
const BUCKETS_FOLDER_NAME: &str = "buckets";
/// Sooner than in production: whoever tries a trail out waits for it.
const DELIVERY_INTERVAL: Duration = Duration::from_secs(5);
/// Where functions are unpacked, in the data folder.
pub(super) const FUNCTIONS_FOLDER_NAME: &str = "functions";
pub(super) const SEAL_FILE_NAME: &str = "seal.json";
/// What opens it in a development server's.
pub(super) const KEY_FILE_NAME: &str = "root.key";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_every_value_literally() {
        for value in [
            "plain/+==",
            "",
            "with space",
            "it's",
            "$HOME `id` \"x\"",
            "a\nb",
            "ünïcode",
        ] {
            let script = format!("printf %s {}", quoted(value));
            let printed = std::process::Command::new("sh")
                .args(["-c", &script])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(printed.stdout).unwrap(), value);
        }
    }
}
