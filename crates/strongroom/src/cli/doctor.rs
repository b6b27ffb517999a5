//! `strongroom doctor`: looks at everything a server depends on and says what to do. It changes nothing.

use std::fmt;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use http::Method;
use rustix::process::{Resource, getrlimit};
use strongroom_keys::hardening::{Hardening, Measure};
use strongroom_keys::seal::{self, SealFile, SealSource};
use strongroom_services::rotation::graph::FindingKind;
use strongroom_services::time::rfc3339;
use strongroom_store::embedded::{Embedded, Options};
use strongroom_store::{FaultKind, Store as _};

use super::dev::{self, KEY_FILE_NAME, SEAL_FILE_NAME};
use super::rotation;
use super::running_server::asked;
use super::seal_sources::Sources;
use super::{Failed, say};
use crate::admin::{AskedRotations, SOCKET_NAME, Status};
use crate::audit::{self, FOLDER_NAME};
use crate::config::{self, Config};
use crate::edge::tls::{self, Certificates};

/// Look for what is wrong, and say what to do
///
/// Works beside a running server and without one; changes nothing. Exit status 0 where nothing failed, else 1.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strongroom doctor --config /etc/strongroom.toml
  strongroom doctor --data-dir ./data")]
pub(super) struct DoctorArguments {
    /// The server's configuration: checks all that it names
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "data_dir",
        required_unless_present = "data_dir"
    )]
    config: Option<PathBuf>,
    /// A data folder alone, such as that of `strongroom dev`
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, but not as well or as safely as it could.
    Warn,
    /// It does not work, or will not.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it is.
    pub verdict: Verdict,
    /// What it is.
    pub subject: &'static str,
    /// What was found, and what to do about it.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        };
        write!(formatter, "{verdict:<5} {:<14} {}", self.subject, self.text)
    }
}

/// Looks, prints, and tells by the status whether anything failed.
pub(super) fn run(arguments: &DoctorArguments, hardening: &Hardening) -> Result<ExitCode, Failed> {
    let mut findings = match (&arguments.config, &arguments.data_dir) {
        (Some(config), _) => diagnose_config(config),
        (None, Some(folder)) => diagnose_folder(folder),
        // Refused by the arguments' definition.
        (None, None) => return Err(Failed::new("name --config FILE or --data-dir DIR")),
    };
    // A running server has told of its own memory.
    if !findings.iter().any(|finding| finding.subject == MEMORY) {
        findings.extend([
            memory("core dumps", &hardening.no_core_dumps),
            memory("tracing", &hardening.not_traceable),
            memory("swap", &hardening.memory_locked),
        ]);
    }
    for finding in &findings {
        say(&finding.to_string());
    }
    let count = |verdict| {
        findings
            .iter()
            .filter(|finding| finding.verdict == verdict)
            .count()
    };
    let (failures, warnings) = (count(Verdict::Fail), count(Verdict::Warn));
    say(&match (failures, warnings) {
        (0, 0) => "\nAll is well.".to_owned(),
        (0, warnings) => format!("\nIt works; {warnings} to look at."),
        (failures, warnings) => format!("\n{failures} to repair, {warnings} to look at."),
    });
    Ok(if failures == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Looks at a configuration and all that it names.
#[must_use]
pub fn diagnose_config(path: &Path) -> Vec<Finding> {
    let mut findings = Findings::default();
    let config = match config::read(path, std::env::vars()) {
        Err(error) => {
            findings.fail("configuration", error);
            return findings.0;
        }
        Ok((config, unknown)) => {
            for name in unknown {
                findings.warn(
                    "configuration",
                    format!(
                        "the environment variable {name} sets no key; see docs/configuration.md"
                    ),
                );
            }
            config
        }
    };
    match config.check() {
        Ok(()) => findings.ok("configuration", path.display()),
        Err(error) => findings.fail("configuration", error),
    }
    certificate(&config, &mut findings);
    listeners(&config, &mut findings);
    if let Err(error) = config.functions.settings() {
        findings.fail("functions", error);
    }
    audit(&config, &mut findings);
    if let (Ok(folder), Ok(socket)) = (config.data_dir(), config.admin_socket()) {
        let keys = Keys::Configured(&config);
        data(folder, &socket, &keys, &mut findings);
    }
    findings.0
}

/// Feeds, buckets and anchors, and whether this machine remembers its logs.
fn audit(config: &Config, findings: &mut Findings) {
    let audit = &config.audit;
    let problems = [
        audit.feeds().err(),
        audit.buckets().err(),
        audit.deliveries().err(),
        audit.anchors().err(),
        audit.witness_token().err(),
    ];
    for error in problems.into_iter().flatten() {
        findings.fail(AUDIT, error);
    }
    match audit.memory() {
        Err(error) => findings.fail(AUDIT, error),
        Ok(Some(_)) => {}
        Ok(None) if audit.memory.is_some() => {}
        Ok(None) => findings.warn(
            AUDIT,
            "there is no HOME in which this machine could remember the audit log, so an older copy of the data folder is \
             not noticed at a start: set audit.memory to a folder outside of it, or to \"off\"",
        ),
    }
}

/// Looks at a data folder alone.
#[must_use]
pub fn diagnose_folder(folder: &Path) -> Vec<Finding> {
    let mut findings = Findings::default();
    data(
        folder,
        &folder.join(SOCKET_NAME),
        &Keys::BesideData,
        &mut findings,
    );
    findings.0
}

/// Where to look for what opens the root key.
enum Keys<'a> {
    Configured(&'a Config),
    BesideData,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, subject: &'static str, text: impl fmt::Display) {
        self.add(Verdict::Ok, subject, text);
    }

    fn warn(&mut self, subject: &'static str, text: impl fmt::Display) {
        self.add(Verdict::Warn, subject, text);
    }

    fn fail(&mut self, subject: &'static str, text: impl fmt::Display) {
        self.add(Verdict::Fail, subject, text);
    }

    fn add(&mut self, verdict: Verdict, subject: &'static str, text: impl fmt::Display) {
        let text = text.to_string();
        self.0.push(Finding {
            verdict,
            subject,
            text,
        });
    }
}

fn data(folder: &Path, socket: &Path, keys: &Keys<'_>, findings: &mut Findings) {
    let name = folder.display();
    let metadata = match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => {
            return findings.fail(
                "data folder",
                format!("{name} is no folder: correct data.dir"),
            );
        }
        Err(error) => {
            let why = format!(
                "{name} can't be looked at ({error}): make it with `strongroom init`, or correct its path"
            );
            return findings.fail("data folder", why);
        }
    };
    let (mode, owner, user) = (
        metadata.mode() & 0o777,
        metadata.uid(),
        rustix::process::geteuid().as_raw(),
    );
    if owner != user && user != 0 {
        findings.fail(
            "data folder",
            format!(
                "user {owner} owns {name}, and this is user {user}: run as that user, or `chown -R`"
            ),
        );
    } else if mode & 0o077 != 0 {
        findings.warn(
            "data folder",
            format!(
                "{name} has mode {mode:04o}, so that others can look into it: `chmod 700 {name}`"
            ),
        );
    } else {
        findings.ok("data folder", format!("{name}, mode {mode:04o}"));
    }
    disk(folder, findings);
    clock(folder, findings);

    let status = asked::<Status>(socket, Method::GET, "/status", Vec::new());
    match &status {
        Ok(status) => {
            running(status, findings);
            rotations(socket, findings);
        }
        Err(Failed(why)) if is_refused_by_right(socket) => findings.warn("server", why),
        Err(_) => findings.ok("server", "none runs on this folder"),
    }
    let holder = if status.is_ok() {
        None
    } else {
        Some(store(folder, keys, findings))
    };
    seals(folder, keys, findings);
    if let Some(true) = holder {
        findings.warn(
            "server",
            format!(
                "a process holds {name} but doesn't answer on {}",
                socket.display()
            ),
        );
    }
}

/// Whether a socket is there that this user may not use.
fn is_refused_by_right(socket: &Path) -> bool {
    let connected = std::os::unix::net::UnixStream::connect(socket);
    connected.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
}

fn running(status: &Status, findings: &mut Findings) {
    let Status {
        process_id,
        version,
        url,
        up_seconds,
        ..
    } = status;
    let text = format!("process {process_id} serves {url} for {up_seconds} s");
    if version == env!("CARGO_PKG_VERSION") {
        findings.ok("server", text);
    } else {
        findings.warn(
            "server",
            format!(
                "{text}, version {version}; this program is {}",
                env!("CARGO_PKG_VERSION")
            ),
        );
    }
    match status.store.as_str() {
        "ok" => findings.ok("store", "takes commits"),
        why => findings.fail("store", why),
    }
    match status.audit.as_str() {
        "ok" => findings.ok(AUDIT, "events are recorded"),
        why => findings.fail(AUDIT, why),
    }
    for job in &status.jobs {
        let verdict = if job.state == "ok" {
            Verdict::Ok
        } else {
            Verdict::Fail
        };
        findings.add(verdict, "job", format!("{}: {}", job.name, job.state));
    }
    for measure in &status.hardening {
        let verdict = if measure.state == "ok" {
            Verdict::Ok
        } else {
            Verdict::Warn
        };
        findings.add(
            verdict,
            MEMORY,
            format!("{}: {}", measure.name, measure.state),
        );
    }
}

/// What the server says of rotations that fail, versions that were left pending, and secrets that depend on each other.
fn rotations(socket: &Path, findings: &mut Findings) {
    let asked = || AskedRotations {
        failing: true,
        ..AskedRotations::default()
    };
    let told = rotation::listed(socket, asked())
        .and_then(|secrets| Ok((secrets, rotation::graph(socket, &asked())?)));
    let (secrets, graph) = match told {
        Ok(told) => told,
        Err(Failed(why)) => {
            return findings.warn(
                ROTATION,
                format!("how secrets rotate can't be told ({why})"),
            );
        }
    };
    let mut found = Vec::new();
    for secret in &secrets {
        let arn = &secret.arn;
        if let Some(failing) = &secret.failing {
            let remedy = failing.remedy.as_deref();
            let remedy = remedy.map(|remedy| format!(": {remedy}"));
            let text = format!(
                "{arn} fails since {} ({}){}; `strongroom rotation show` has the steps",
                rfc3339(failing.since),
                failing.error,
                remedy.unwrap_or_default()
            );
            found.push((Verdict::Fail, text));
        }
        if let Some(pending) = &secret.pending {
            let text = format!(
                "{arn} has a version left pending, {}: `strongroom rotation repair` explains it",
                pending.version_id
            );
            found.push((Verdict::Warn, text));
        }
    }
    let of_graph = graph.findings.iter().map(|finding| match finding.kind {
        FindingKind::WindowsMeet => (Verdict::Warn, finding.to_string()),
        FindingKind::Loop | FindingKind::MissingMaster | FindingKind::OtherRegion => {
            (Verdict::Fail, finding.to_string())
        }
    });
    found.extend(of_graph);
    if found.is_empty() {
        return findings.ok(ROTATION, "no secret's rotation fails");
    }
    let more = found.len().saturating_sub(ROTATIONS_NAMED);
    for (verdict, text) in found.into_iter().take(ROTATIONS_NAMED) {
        findings.add(verdict, ROTATION, rotation::printable(&text));
    }
    if more > 0 {
        let text = format!("{more} more: `strongroom rotation list --failing` has all");
        findings.warn(ROTATION, text);
    }
}

/// Reads all of the store, where no server does, and compares the audit log with it. Tells whether another process holds it.
fn store(folder: &Path, keys: &Keys<'_>, findings: &mut Findings) -> bool {
    if !folder.join(STORE_FILE_NAME).exists() {
        findings.warn(
            "store",
            "there is none yet: `strongroom init` or `strongroom dev` makes it",
        );
        return false;
    }
    let store = match Embedded::open_unverified(&Options::new(folder)) {
        Ok(store) => store,
        Err(fault) => {
            findings.fail("store", &fault);
            return matches!(fault.kind(), FaultKind::Locked { .. });
        }
    };
    let verification = store.verify();
    log(&store, folder, keys, findings);
    store.close();
    if verification.faults.is_empty() {
        let text = format!(
            "{} records, all whole; revision {}",
            verification.records, verification.revision.0
        );
        findings.ok("store", text);
    }
    for fault in verification.faults {
        findings.fail("store", fault);
    }
    false
}

/// Whether a start would accept the audit log beside this store.
fn log(store: &Embedded, folder: &Path, keys: &Keys<'_>, findings: &mut Findings) {
    let memory = match keys {
        // What is wrong with it is told where the configuration is looked at.
        Keys::Configured(config) => config.audit.memory().ok().flatten(),
        Keys::BesideData => dev::memory(),
    };
    let checked = match store.snapshot() {
        Ok(snapshot) => audit::check(&*snapshot, &folder.join(FOLDER_NAME), memory.as_ref()),
        Err(fault) => Err(fault.into()),
    };
    match checked {
        Ok(true) => findings.ok(AUDIT, "the log is the one that the store knows"),
        Ok(false) => findings.ok(AUDIT, "there is no log yet: the first start begins it"),
        Err(problem) => findings.fail(AUDIT, problem),
    }
}

fn seals(folder: &Path, keys: &Keys<'_>, findings: &mut Findings) {
    let path = folder.join(SEAL_FILE_NAME);
    let sealed = match SealFile::read(&path) {
        Ok(sealed) => sealed,
        Err(error) if folder.join(STORE_FILE_NAME).exists() => return findings.fail("seal", error),
        Err(_) => {
            return findings.warn(
                "seal",
                "there is none yet: `strongroom init` or `strongroom dev` makes it",
            );
        }
    };
    let (sources, is_asked) = match keys {
        Keys::Configured(Config { seal, .. }) => {
            let is_asked = seal.passphrase_prompt || seal.pkcs11_pin_prompt || seal.shares_prompt;
            (Sources::unattended(seal), is_asked)
        }
        Keys::BesideData => {
            let beside = Some(folder.join(KEY_FILE_NAME)).filter(|path| path.exists());
            let sources = Sources {
                usable: beside.map(SealSource::KeyFile).into_iter().collect(),
                unusable: Vec::new(),
            };
            (sources, true)
        }
    };
    let kinds = sealed.kinds().join(", ");
    let mut problems = sources.unusable;
    let mut opens = Vec::new();
    // Each by itself: that one opens says nothing of the others.
    for source in &sources.usable {
        match seal::unseal(&sealed, std::slice::from_ref(source)) {
            Ok(_) => opens.push(source),
            Err(error) => problems.extend(error.attempts.iter().map(ToString::to_string)),
        }
    }
    let beside = opens.iter().find_map(|source| match source {
        SealSource::KeyFile(key) if is_within(key, folder) => Some(key.display()),
        _ => None,
    });
    if let Some(key) = beside {
        let why = format!(
            "opens, but {key} lies beside the data: whoever gets a copy of the folder can read it. Enough for development only"
        );
        findings.warn("seal", why);
    } else if !opens.is_empty() {
        let with: Vec<String> = opens.iter().map(ToString::to_string).collect();
        let text = format!("opens with {}; sealed with: {kinds}", with.join(", "));
        findings.ok("seal", text);
    } else if is_asked {
        let text = format!("sealed with: {kinds}; not tried, since that takes someone's key");
        findings.ok("seal", text);
    }
    for problem in problems {
        if opens.is_empty() && !is_asked {
            findings.fail("seal", problem);
        } else {
            findings.warn("seal", format!("{problem}; mend it before it is needed"));
        }
    }
}

fn is_within(path: &Path, folder: &Path) -> bool {
    let whole = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    whole(path).starts_with(whole(folder))
}

fn disk(folder: &Path, findings: &mut Findings) {
    let Ok(disk) = rustix::fs::statvfs(folder) else {
        return findings.warn("disk", "its free space can't be told");
    };
    let free_bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
    let free = format!("{} MiB free", free_bytes >> 20);
    if disk.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
        findings.fail(
            "disk",
            "it is mounted read-only: reads go on, nothing can be stored",
        );
    } else if free_bytes < FREE_BYTES_LEAST {
        findings.fail(
            "disk",
            format!("{free}: free some, before nothing can be stored any more"),
        );
    } else if free_bytes < FREE_BYTES_COMFORTABLE {
        findings.warn("disk", format!("{free}: it will be full soon"));
    } else {
        findings.ok("disk", free);
    }
}

/// Signatures are good for five minutes, so a wrong clock refuses every client.
fn clock(folder: &Path, findings: &mut Findings) {
    let now = jiff::Timestamp::now();
    let newest = fs::metadata(folder.join(STORE_FILE_NAME)).map_or(0, |metadata| metadata.mtime());
    if now.as_second() + CLOCK_SLACK_SECONDS < newest {
        findings.fail("clock", format!("it shows {now:.0}, which is before the last change of the data: set it, and keep it by NTP"));
    } else {
        findings.ok("clock", format!("{now:.0}"));
    }
}

fn certificate(config: &Config, findings: &mut Findings) {
    // What is wrong with the keys themselves was told already.
    let Ok(Some((certificate, key))) = config.tls_files() else {
        return;
    };
    if let Err(error) = Certificates::read(certificate, key) {
        return findings.fail("certificate", error);
    }
    if let Ok(metadata) = fs::metadata(key)
        && metadata.permissions().mode() & 0o007 != 0
    {
        findings.warn(
            "certificate",
            format!(
                "anyone on this machine can read {0}: `chmod 600 {0}`",
                key.display()
            ),
        );
    }
    let name = certificate.display();
    match tls::expiry(certificate) {
        Err(error) => findings.fail("certificate", error),
        Ok(expiry) => {
            let days = (expiry.as_second() - jiff::Timestamp::now().as_second()).div_euclid(86_400);
            if days < 0 {
                findings.fail(
                    "certificate",
                    format!(
                        "{name} expired on {expiry:.0}: renew it, then send SIGHUP to the server"
                    ),
                );
            } else if days < CERTIFICATE_DAYS_COMFORTABLE {
                findings.warn(
                    "certificate",
                    format!(
                        "{name} expires in {days} days: renew it, then send SIGHUP to the server"
                    ),
                );
            } else {
                findings.ok("certificate", format!("{name}, good for {days} days"));
            }
        }
    }
}

fn listeners(config: &Config, findings: &mut Findings) {
    if config.server.allow_plaintext
        && config.server.tls.certificate.is_none()
        && !config.server.listen.ip().is_loopback()
    {
        let why = format!(
            "{} is plain HTTP: see that only the proxy that does TLS reaches it",
            config.server.listen
        );
        findings.warn("listener", why);
    }
    if let Some(address) = config
        .operations
        .listen
        .filter(|address| !address.ip().is_loopback())
    {
        findings.warn("listener", format!("operations.listen {address} has no authentication: see that only monitoring reaches it"));
    }
    let files_most = getrlimit(Resource::Nofile).maximum;
    match files_most {
        Some(most) if most < config.limits.connections as u64 + 64 => findings.warn(
            "open files",
            format!(
                "at most {most}, fewer than limits.connections ({}) needs: set LimitNOFILE= in the unit file",
                config.limits.connections
            ),
        ),
        _ => findings.ok("open files", files_most.map_or("no limit".to_owned(), |most| format!("at most {most}"))),
    }
}

fn memory(name: &str, measure: &Measure) -> Finding {
    let (verdict, state) = match measure {
        Measure::InForce => (Verdict::Ok, "ok"),
        Measure::Missing(why) => (Verdict::Warn, why.as_str()),
    };
    Finding {
        verdict,
        subject: MEMORY,
        text: format!("{name}: {state}"),
    }
}

const MEMORY: &str = "memory";
const AUDIT: &str = "audit";
const ROTATION: &str = "rotation";
/// Secrets that are named; a list has all.
const ROTATIONS_NAMED: usize = 20;
const STORE_FILE_NAME: &str = "store.redb";
const FREE_BYTES_LEAST: u64 = 64 << 20;
const FREE_BYTES_COMFORTABLE: u64 = 1 << 30;
const CERTIFICATE_DAYS_COMFORTABLE: i64 = 21;
const CLOCK_SLACK_SECONDS: i64 = 300;
