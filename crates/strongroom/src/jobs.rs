//! The operator's long jobs on keys: sealing everything anew under a new root key, and renewing the data
//! keys of all values. Both go on while the server serves, show how far they are, and go on after a
//! restart. What is done with each record is decided in `strongroom-services`.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use strongroom_keys::seal::{RenewProblem, SealFile, SealFileError};
use strongroom_services::job::Job;
use strongroom_services::kms::key::KmsKey;
use strongroom_services::kms::name::KeyName;
use strongroom_services::lambda::renewal as functions;
use strongroom_services::records::{Changes, Key, Records, Source};
use strongroom_services::refusal::Stop;
use strongroom_services::root_key;
use strongroom_services::secretsmanager::renewal::{self, Renewed};
use strongroom_services::secretsmanager::secret::Secret;
use strongroom_store::{CommitError, FaultKind};

use crate::audit::NotCommitted;
use crate::node::Node;

/// The job that seals everything anew under a new root key.
pub const REWRAP: &str = "rewrap";
/// The job that renews data keys.
pub const ROTATE_DATA_KEYS: &str = "rotate-data-keys";

/// What a restore into the running server is called here.
const RESTORE: &str = "restore";

/// Records that are looked at between two notes of the progress.
const BATCH: usize = 200;
/// Values that are renewed at once: commits share their wait for the disk.
const AT_ONCE: usize = 32;
/// Waits before a job that failed tries again.
const RETRY: Duration = Duration::from_secs(5);
/// Times that one record is tried while others change it.
const ATTEMPTS: usize = 100;

/// Why a job was not started.
#[derive(Debug, thiserror::Error)]
pub enum JobProblem {
    /// It runs already.
    #[error("a {0} runs already; for a job of keys `strongroom keys status` tells how far it is")]
    Running(&'static str),
    /// What is going on can't bear it.
    #[error("a {running} is going on, which a {asked} must wait for: try again when it is done")]
    InTheWay {
        /// What was asked for.
        asked: &'static str,
        /// What is going on.
        running: &'static str,
    },
    /// The root key can't be renewed.
    #[error(transparent)]
    Renew(#[from] RenewProblem),
    /// The seal file can't be read or written.
    #[error(transparent)]
    SealFile(#[from] SealFileError),
    /// There is no seal file: a server in a test.
    #[error("this server has no seal file")]
    NoSealFile,
    /// The named key isn't there.
    #[error(
        "there is no KMS key {0}: name it by its ARN, or by an alias' ARN, such as \
         arn:aws:kms:us-east-1:123456789012:alias/name"
    )]
    NoKey(String),
    /// The store failed.
    #[error("{0}")]
    Store(String),
}

/// The jobs of a node.
pub struct Jobs {
    seal_file: Option<PathBuf>,
    running: Mutex<Vec<&'static str>>,
    errors: Mutex<Vec<(&'static str, String)>>,
}

impl Jobs {
    /// None runs yet.
    pub fn new(seal_file: Option<PathBuf>) -> Self {
        Jobs {
            seal_file,
            running: Mutex::default(),
            errors: Mutex::default(),
        }
    }

    /// What keeps a job from going on; it tries again.
    pub fn last_error(&self, name: &str) -> Option<String> {
        let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        let found = errors.iter().find(|(job, _)| *job == name);
        found.map(|(_, error)| error.clone())
    }

    /// Whether it runs.
    pub fn is_running(&self, name: &str) -> bool {
        self.running().contains(&name)
    }

    /// Where the seal file is.
    pub fn seal_file(&self) -> Option<&PathBuf> {
        self.seal_file.as_ref()
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Vec<&'static str>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_error(&self, name: &'static str, error: Option<String>) {
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        errors.retain(|(job, _)| *job != name);
        errors.extend(error.map(|error| (name, error)));
    }
}

/// Goes on with what an earlier process of this server left unfinished.
pub fn resume(node: &Arc<Node>) {
    let is_unfinished = |name: &str| {
        let job = job_of(node, name).ok().flatten();
        job.is_some_and(|job| job.finished.is_none())
    };
    // The older root key may be given up already while the job's record doesn't say that it is done.
    if !node.keyring().retiring_ids().is_empty() || is_unfinished(REWRAP) {
        run(node, REWRAP);
    }
    if is_unfinished(ROTATE_DATA_KEYS) {
        run(node, ROTATE_DATA_KEYS);
    }
}

/// Takes a new root key into use, and starts to seal everything anew under it.
///
/// # Errors
/// [`JobProblem`]; then nothing has changed, but for [`JobProblem::Store`]: the job runs then, and its
/// progress could not be noted.
pub async fn start_rewrap(node: &Arc<Node>) -> Result<(), JobProblem> {
    let node = Arc::clone(node);
    to_its_end(async move {
        claim(node.jobs(), REWRAP)?;
        if let Err(problem) = renew_root_key(&node).await {
            release(node.jobs(), REWRAP);
            return Err(problem);
        }
        let job = Job::new(REWRAP, None, node.now());
        let noted = save(&node, &job).await;
        spawn(&node, REWRAP);
        noted.map_err(JobProblem::Store)
    })
    .await
}

/// Takes a new root key into use and seals everything anew under it, or goes on with that, where no
/// server runs. Returns how many records that were.
///
/// # Errors
/// [`JobProblem`]
pub async fn rewrap_now(node: &Arc<Node>) -> Result<u64, JobProblem> {
    if node.keyring().retiring_ids().is_empty() {
        renew_root_key(node).await?;
        let job = Job::new(REWRAP, None, node.now());
        save(node, &job).await.map_err(JobProblem::Store)?;
    }
    rewrap(node).await.map_err(JobProblem::Store)?;
    let job = job_of(node, REWRAP).map_err(JobProblem::Store)?;
    Ok(job.map_or(0, |job| job.done))
}

/// The new root key is on disk, sealed, before anything is sealed under it; the older one stands beside
/// it until nothing is.
async fn renew_root_key(node: &Arc<Node>) -> Result<(), JobProblem> {
    let path = node.jobs().seal_file().ok_or(JobProblem::NoSealFile)?;
    let (path, owned) = (path.clone(), Arc::clone(node));
    // Whoever else edits the file is waited for.
    let renewed = tokio::task::spawn_blocking(move || {
        SealFile::edit(&path, |file| {
            let (root, file) = owned.keyring().renew(file, owned.entropy())?;
            Ok::<_, JobProblem>((file, root))
        })
        .map(|root| owned.keyring().begin_rewrap(root))
    });
    renewed
        .await
        .unwrap_or_else(|error| Err(JobProblem::Store(error.to_string())))?;
    tracing::info!(root_key = %node.keyring().root_key_id(), "a new root key is in use");
    Ok(())
}

/// In a task of its own, so that an operator who goes away leaves nothing half started.
async fn to_its_end(
    start: impl Future<Output = Result<(), JobProblem>> + Send + 'static,
) -> Result<(), JobProblem> {
    tokio::spawn(start)
        .await
        .unwrap_or_else(|error| Err(JobProblem::Store(error.to_string())))
}

/// Starts to renew the data keys of all values, or of those under one KMS key.
///
/// # Errors
/// [`JobProblem`]
pub async fn start_rotation(node: &Arc<Node>, key: Option<String>) -> Result<(), JobProblem> {
    if let Some(key) = &key {
        let found = KeyName::by_arn(key, &Records::of(node.records()));
        if found
            .map_err(|stop| JobProblem::Store(text(stop)))?
            .is_none()
        {
            return Err(JobProblem::NoKey(key.clone()));
        }
    }
    let node = Arc::clone(node);
    to_its_end(async move {
        claim(node.jobs(), ROTATE_DATA_KEYS)?;
        let job = Job::new(ROTATE_DATA_KEYS, key, node.now());
        if let Err(error) = save(&node, &job).await {
            release(node.jobs(), ROTATE_DATA_KEYS);
            return Err(JobProblem::Store(error));
        }
        spawn(&node, ROTATE_DATA_KEYS);
        Ok(())
    })
    .await
}

/// How far a job is; `None` where it never ran.
///
/// # Errors
/// What keeps its record from being read.
pub fn job_of(node: &Node, name: &str) -> Result<Option<Job>, String> {
    let found = Records::of(node.records()).peek::<Job>(&Key::job(name));
    let found = found.map_err(text)?;
    Ok(found.map(|job| Job::clone(&job)))
}

fn run(node: &Arc<Node>, name: &'static str) {
    if claim(node.jobs(), name).is_ok() {
        tracing::info!(job = name, "going on with what was left unfinished");
        spawn(node, name);
    }
}

fn claim(jobs: &Jobs, name: &'static str) -> Result<(), JobProblem> {
    let mut running = jobs.running();
    if running.contains(&name) {
        return Err(JobProblem::Running(name));
    }
    // A restore seals what it puts back before it commits that: under the root key of its beginning.
    let other = match name {
        REWRAP => Some(RESTORE),
        RESTORE => Some(REWRAP),
        _ => None,
    };
    if let Some(other) = other.filter(|other| running.contains(other)) {
        return Err(JobProblem::InTheWay {
            asked: name,
            running: other,
        });
    }
    running.push(name);
    Ok(())
}

/// A restore into the running server that goes on: no new root key is taken into use until it is dropped.
pub(crate) struct Restoring<'a>(&'a Jobs);

impl Drop for Restoring<'_> {
    fn drop(&mut self) {
        release(self.0, RESTORE);
    }
}

/// Begins a restore.
///
/// # Errors
/// Another one goes on, or a new root key is being taken into use.
pub(crate) fn begin_restore(jobs: &Jobs) -> Result<Restoring<'_>, JobProblem> {
    claim(jobs, RESTORE)?;
    Ok(Restoring(jobs))
}

fn release(jobs: &Jobs, name: &'static str) {
    jobs.running().retain(|job| *job != name);
}

/// Runs a job to its end, whatever comes between.
fn spawn(node: &Arc<Node>, name: &'static str) {
    let weak = Arc::downgrade(node);
    tokio::spawn(async move {
        loop {
            let Some(node) = weak.upgrade() else { return };
            let outcome = match name {
                REWRAP => rewrap(&node).await,
                _ => rotate_data_keys(&node).await,
            };
            match outcome {
                Ok(()) => {
                    node.jobs().set_error(name, None);
                    release(node.jobs(), name);
                    tracing::info!(job = name, "done");
                    return;
                }
                Err(_) if is_closed(&node) => return,
                Err(error) => {
                    tracing::error!(job = name, %error, "the job can't go on; trying again");
                    node.jobs().set_error(name, Some(error));
                }
            }
            drop(node);
            tokio::time::sleep(RETRY).await;
        }
    });
}

fn is_closed(node: &Node) -> bool {
    let health = node.health().store;
    health.is_err_and(|fault| *fault.kind() == FaultKind::Closed)
}

async fn rewrap(node: &Arc<Node>) -> Result<(), String> {
    let id = node.keyring().root_key_id();
    change(node, |records| root_key::take_into_use(id, records))
        .await
        .map_err(|error| error.to_string())?;
    let mut job = job_of(node, REWRAP)?
        .filter(|job| job.finished.is_none())
        .unwrap_or_else(|| Job::new(REWRAP, None, node.now()));
    job.forget_problems();
    for prefix in root_key::places() {
        let mut after = Vec::new();
        loop {
            let places = keys_behind(node, &prefix, &after, BATCH)?;
            let Some(last) = places.last() else { break };
            after = last.as_bytes().to_vec();
            for place in &places {
                let rewrap = |records: &Records<'_>| {
                    root_key::rewrap(place, records, node.keyring(), node.entropy())
                };
                match change(node, rewrap).await {
                    Ok(true) => job.done += 1,
                    Ok(false) => {}
                    Err(NotChanged::Decision(problem)) => job.fail(problem),
                    Err(error) => return Err(error.to_string()),
                }
            }
            save(node, &job).await?;
            tokio::task::yield_now().await;
        }
    }
    if let Some(first) = job.problems.first() {
        return Err(format!(
            "{} records can't be sealed anew, so the older root key stays; restore them from a backup. The first: \
             {first}",
            job.failed
        ));
    }
    // Nothing is under the older root key any more.
    if let Some(path) = node.jobs().seal_file().cloned() {
        let settled = tokio::task::spawn_blocking(move || {
            let settle = |file: &SealFile| Ok::<_, SealFileError>((file.settled(), ()));
            SealFile::edit(&path, settle)
        });
        let settled = settled.await.map_err(|error| error.to_string())?;
        settled.map_err(|error| error.to_string())?;
    }
    node.keyring().finish_rewrap();
    job.finished = Some(node.now());
    save(node, &job).await
}

async fn rotate_data_keys(node: &Arc<Node>) -> Result<(), String> {
    let Some(mut job) = job_of(node, ROTATE_DATA_KEYS)?.filter(|job| job.finished.is_none()) else {
        return Ok(());
    };
    let only = match &job.argument {
        None => None,
        Some(key) => {
            let found = KeyName::by_arn(key, &Records::of(node.records())).map_err(text)?;
            match found {
                Some(key) => Some(key),
                None => {
                    job.fail(format!("KMS key {key} is gone"));
                    job.finished = Some(node.now());
                    return save(node, &job).await;
                }
            }
        }
    };
    // In the order of their keys, which the job's cursor follows.
    let [pieces, variables] = functions::places();
    for prefix in [pieces, variables, Key::all_secrets()] {
        if job.cursor >= prefix.end() {
            continue;
        }
        loop {
            let after = match job.cursor.starts_with(prefix.as_bytes()) {
                true => &job.cursor[..],
                false => &[],
            };
            let places = keys_behind(node, &prefix, after, BATCH)?;
            let Some(last) = places.last() else { break };
            let mut sealed = Vec::new();
            for place in &places {
                if prefix != Key::all_secrets() {
                    sealed.push((place.clone(), None));
                    continue;
                }
                let secret = Records::of(node.records()).peek::<Secret>(place);
                match secret {
                    Ok(Some(secret)) => {
                        let ids = secret.versions.iter().map(|version| version.id.clone());
                        sealed.extend(ids.map(|id| (place.clone(), Some(id))));
                    }
                    Ok(None) => {}
                    Err(stop) => job.fail(text(stop)),
                }
            }
            for some in sealed.chunks(AT_ONCE) {
                let outcomes = together(node, some, only.as_ref()).await;
                for outcome in outcomes {
                    match outcome? {
                        Outcome::Renewed => job.done += 1,
                        Outcome::Nothing => {}
                        Outcome::Failed(problem) => job.fail(problem),
                    }
                }
            }
            job.cursor = last.as_bytes().to_vec();
            save(node, &job).await?;
        }
    }
    job.finished = Some(node.now());
    save(node, &job).await
}

enum Outcome {
    Renewed,
    Nothing,
    Failed(String),
}

async fn together(
    node: &Arc<Node>,
    sealed: &[(Key, Option<String>)],
    only: Option<&Arc<KmsKey>>,
) -> Vec<Result<Outcome, String>> {
    let mut tasks = tokio::task::JoinSet::new();
    for (place, id) in sealed {
        let (node, place, id, only) = (
            Arc::clone(node),
            place.clone(),
            id.clone(),
            only.map(Arc::clone),
        );
        tasks.spawn(async move { renew(&node, &place, id.as_deref(), only.as_deref()).await });
    }
    tasks.join_all().await
}

async fn renew(
    node: &Node,
    place: &Key,
    version_id: Option<&str>,
    only: Option<&KmsKey>,
) -> Result<Outcome, String> {
    for _ in 0..ATTEMPTS {
        let records = Records::of(node.records());
        let renewed = match version_id {
            None => functions::renew(place, only, &records, &node.means()),
            Some(version_id) => match records.read::<Secret>(place.clone()) {
                Ok(Some(secret)) => {
                    renewal::renew(&secret, version_id, only, &records, &node.means())
                }
                Ok(None) => return Ok(Outcome::Nothing),
                Err(stop) => Err(stop),
            },
        };
        let changes = match renewed {
            Ok(Renewed::Nothing) => return Ok(Outcome::Nothing),
            Ok(Renewed::KeyUnusable(why)) => return Ok(Outcome::Failed(why)),
            Ok(Renewed::Changes(changes)) => changes,
            Err(stop) => return Ok(Outcome::Failed(text(stop))),
        };
        match node.commit(records.into_seen(), changes).await {
            Ok(()) => return Ok(Outcome::Renewed),
            Err(NotCommitted::Store(CommitError::Conflict { .. })) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(Outcome::Failed(format!(
        "{}{} was changed all the time",
        version_id.map_or_else(String::new, |id| format!("version {id} of ")),
        String::from_utf8_lossy(place.as_bytes()).replace('\0', " ")
    )))
}

/// The first keys with a prefix that lie behind one.
fn keys_behind(node: &Node, prefix: &Key, after: &[u8], most: usize) -> Result<Vec<Key>, String> {
    let mut start = after.to_vec();
    if start.is_empty() {
        start = prefix.as_bytes().to_vec();
    } else {
        start.push(0);
    }
    let mut found = Vec::new();
    let visit = &mut |key: &[u8], _: &[u8]| {
        found.push(Key::from_bytes(key.to_vec()));
        if found.len() < most {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(Ok(()))
        }
    };
    let scanned = node.records().scan(&start, &prefix.end(), false, visit);
    scanned.map_err(text)?;
    Ok(found)
}

async fn save(node: &Node, job: &Job) -> Result<(), String> {
    let mut changes = Changes::none();
    let written = changes.put(Key::job(&job.name), job);
    written.map_err(text)?;
    let committed = node.commit(Vec::new(), changes).await;
    committed.map_err(|error| error.to_string())
}

/// Why a record stayed as it was.
#[derive(Debug, thiserror::Error)]
enum NotChanged {
    /// This record can't be changed so; others may.
    #[error("{0}")]
    Decision(String),
    /// The store takes no change.
    #[error("{0}")]
    Store(String),
}

/// Commits what is decided, deciding anew where others were faster; whether there was anything.
async fn change(
    node: &Node,
    decide: impl Fn(&Records<'_>) -> Result<Changes, Stop>,
) -> Result<bool, NotChanged> {
    for _ in 0..ATTEMPTS {
        let records = Records::of(node.records());
        let changes = decide(&records).map_err(|stop| NotChanged::Decision(text(stop)))?;
        if changes.writes.is_empty() {
            return Ok(false);
        }
        match node.commit(records.into_seen(), changes).await {
            Ok(()) => return Ok(true),
            Err(NotCommitted::Store(CommitError::Conflict { .. })) => {}
            Err(error) => return Err(NotChanged::Store(error.to_string())),
        }
    }
    let why = "a record was changed all the time".to_owned();
    Err(NotChanged::Store(why))
}

fn text(stop: Stop) -> String {
    match stop {
        Stop::Unavailable(cause) => cause.to_string(),
        Stop::Refused(refusal) => refusal.message.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restore_and_a_new_root_key_wait_for_each_other() {
        let jobs = Jobs::new(None);
        let restoring = begin_restore(&jobs).ok();
        assert!(restoring.is_some());
        assert!(matches!(
            claim(&jobs, REWRAP),
            Err(JobProblem::InTheWay { .. })
        ));
        assert!(begin_restore(&jobs).is_err(), "one at a time");
        assert!(claim(&jobs, ROTATE_DATA_KEYS).is_ok());
        drop(restoring);
        assert!(claim(&jobs, REWRAP).is_ok());
        assert!(matches!(
            begin_restore(&jobs),
            Err(JobProblem::InTheWay { .. })
        ));
        release(&jobs, REWRAP);
        assert!(begin_restore(&jobs).is_ok());
    }
}
