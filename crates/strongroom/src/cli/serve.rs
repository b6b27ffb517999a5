//! `strongroom serve`: production.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use strongroom_keys::hardening::{Hardening, Measure};
use strongroom_keys::seal::SealFile;

use super::dev::{FUNCTIONS_FOLDER_NAME, SEAL_FILE_NAME};
use super::running::{self, Plan};
use super::seal_sources::unseal;
use super::{Failed, logging, processors, runtime, say};
use crate::audit::{AuditSettings, FollowerSettings};
use crate::backup::age::{Lock, Recipient};
use crate::backup::schedule::Schedule;
use crate::config::{self, Config};
use crate::edge::tls::Certificates;
use crate::functions::runtime::Runtime;
use crate::node::{Node, NodeOptions};

/// Start a server for production
///
/// The data folder must have been made by `strongroom init`. SIGTERM lets requests finish, then ends the server; SIGHUP
/// reads the certificate again.
#[derive(Debug, Args)]
#[command(
    after_help = "Every key of the file is in docs/configuration.md, and can be set by an environment variable as well:
STRONGROOM_SERVER_LISTEN for `listen` under [server].

Examples:
  strongroom serve --config /etc/strongroom.toml
  STRONGROOM_LOG_LEVEL=debug strongroom serve --config strongroom.toml"
)]
pub(super) struct ServeArguments {
    /// The configuration, a TOML file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Accept a data folder that was put back from an older copy; once, and noted in the audit log
    #[arg(long)]
    restored: bool,
}

/// Runs until SIGTERM or SIGINT.
pub(super) fn run(arguments: &ServeArguments, hardening: Hardening) -> Result<(), Failed> {
    let config = read_config(&arguments.config)?;
    for (what, measure) in [
        ("core dumps are off", &hardening.no_core_dumps),
        (
            "other processes can't look into memory",
            &hardening.not_traceable,
        ),
        ("memory is kept out of swap", &hardening.memory_locked),
    ] {
        if let Measure::Missing(why) = measure {
            tracing::warn!(why, "not in force: {what}");
        }
    }
    let threads = if config.server.threads == 0 {
        processors()
    } else {
        config.server.threads
    };
    runtime(threads)?.block_on(serve(&config, arguments.restored, hardening))
}

/// Reads and checks a configuration, and starts the log as it says.
pub(super) fn read_config(path: &std::path::Path) -> Result<Config, Failed> {
    let (config, unknown_variables) = config::read(path, std::env::vars())?;
    config.check()?;
    logging::start(&config.log.level, config.log.format)?;
    for name in unknown_variables {
        tracing::warn!(
            name,
            "this environment variable sets no key of the configuration; see docs/configuration.md"
        );
    }
    Ok(config)
}

async fn serve(config: &Config, restored: bool, hardening: Hardening) -> Result<(), Failed> {
    let data_dir = config.data_dir()?.to_owned();
    let certificates = match config.tls_files()? {
        Some((certificate, key)) => Some(Arc::new(Certificates::read(certificate, key)?)),
        None => None,
    };
    let seal_path = data_dir.join(SEAL_FILE_NAME);
    if !seal_path.exists() {
        return Err(Failed::new(format!(
            "{} has no root key: make it with `strongroom init --config FILE`, or correct data.dir",
            data_dir.display()
        )));
    }
    let sealed = SealFile::read(&seal_path)?;
    let node = Node::open(NodeOptions {
        data_dir: data_dir.clone(),
        unsealed: unseal(&sealed, &config.seal)?,
        seal_file: seal_path,
        dev: false,
        caches: config.data.caches(),
        audit: Some(AuditSettings {
            restored,
            memory: config.audit.memory()?.map(Arc::new),
            ..config.audit.settings()?
        }),
    })
    .await?;
    let followers = FollowerSettings {
        feeds: config.audit.feeds()?,
        buckets: config.audit.buckets()?,
        deliveries: config.audit.deliveries()?,
        anchors: config.audit.anchors()?,
        memory: config.audit.memory()?,
        witness_token: config.audit.witness_token()?,
    };
    node.follow_audit(followers, &data_dir)
        .map_err(Failed::new)?;
    node.serve_partition(&config.server.partition);
    if config.limits.request_rate_percent > 0 {
        node.limit_rates(config.limits.request_rate_percent);
    }
    node.know_issuers(config.oidc.settings()?);
    node.answer_functions(config.functions.settings()?);
    if let Some(schedule) = schedule(config)? {
        node.schedule_backups(schedule);
    }
    let running = Arc::clone(&node);
    let plan = Plan {
        application: Arc::clone(&node),
        node,
        listen: config.server.listen,
        limits: config.limits()?,
        proxies: config.trusted_proxies()?,
        certificates,
        operations: config.operations.listen,
        admin_socket: config.admin_socket()?,
        data_dir: data_dir.clone(),
        hardening,
        temporary: None,
    };
    running::serve(plan, |ready| {
        let local = &config.functions.local;
        if local.run {
            let folder = data_dir.join(FUNCTIONS_FOLDER_NAME);
            let mut settings = running.runtime_settings(folder, ready.url.clone());
            local.apply(&mut settings);
            settings.hidden = config.secret_places(&data_dir);
            let runtime = Runtime::new(settings).map_err(Failed::new)?;
            running.functions().run_by(runtime);
        }
        say(&format!("ready {}", ready.url));
        Ok(())
    })
    .await
}

/// The configured schedule of backups.
fn schedule(config: &Config) -> Result<Option<Schedule>, Failed> {
    let backup = &config.backup;
    let Some(folder) = backup.folder.clone() else {
        return Ok(None);
    };
    if backup.recipients.is_empty() {
        return Err(Failed::new(
            "backup.folder is set, but backup.recipients is not: name who may open the backups (age-keygen makes a key)",
        ));
    }
    let recipients = backup.recipients.iter();
    let recipients = recipients
        .map(|text| Recipient::parse(text))
        .collect::<Result<_, _>>()?;
    let hours = backup.every_hours.max(1);
    Ok(Some(Schedule {
        folder,
        every: Duration::from_secs(hours * 60 * 60),
        keep: backup.keep.max(1),
        lock: Lock::Recipients(recipients),
    }))
}
