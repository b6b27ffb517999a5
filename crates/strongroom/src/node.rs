//! A node: one store, its keys and its clock, put together; what the edge serves, the operator asks
//! and a development server resets.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::{Duration, Instant};

use http::request::Parts;
use serde_json::json;
use strongroom_keys::seal::Unsealed;
use strongroom_keys::{Entropy, Keyring, RootKeyId, SecretBytes, SystemEntropy};
use strongroom_services::access::explanation::Explanation;
use strongroom_services::access::who_can::{self, WhoCan};
use strongroom_services::access::{self, Problem, Question};
use strongroom_services::accounts::{
    self, AccessKey, Account, AccountProblem, FreshCredentials, KeyOwner, service_control,
};
use strongroom_services::caller::{AccountId, Caller, Principal, Region};
use strongroom_services::cloudtrail::buckets::Buckets;
use strongroom_services::cloudtrail::history::History;
use strongroom_services::cloudtrail::operator_event::operator_event;
use strongroom_services::kms::due::KmsDue;
use strongroom_services::kms::key::KmsKey;
use strongroom_services::kms::name::KeyName;
use strongroom_services::operation::Means;
use strongroom_services::origin::Origin;
use strongroom_services::records::{AnyRecord, Changes, Key, Record, Records, Seen};
use strongroom_services::refusal::{Refusal, Stop};
use strongroom_services::root_key;
use strongroom_services::rotation::plan::RotationDue;
use strongroom_services::secretsmanager::key_usage::{self, DependentSecret};
use strongroom_services::secretsmanager::purge::PurgeDue;
use strongroom_services::time::Timestamp;
use strongroom_store::embedded::{Embedded, Options};
use strongroom_store::{Commit, CommitError, Fault, Range, Store, Write};
use strongroom_wire::target::{self, Service};

use crate::audit::index::{self, Lookups};
use crate::audit::{
    AuditProblem, AuditSettings, FollowerSettings, Followers, Logged, NotCommitted, Recorder,
};
use crate::backup::schedule::{Schedule, ScheduledBackups};
use crate::backup::{self, About};
use crate::cache::CachedRecords;
use crate::clock::Clock;
use crate::denials::{Denials, DeniedRequest};
use crate::edge::control::DevServer;
use crate::edge::{Application, Received, Reply, fresh_id, new_request_id};
use crate::functions::api::Events;
use crate::functions::code_sweep::CodeSweep;
use crate::functions::resolution::{FunctionSettings, Functions};
use crate::functions::runtime::RuntimeSettings;
use crate::identity::Identities;
use crate::jobs::{self, Jobs};
use crate::memory::CacheSizes;
use crate::oidc::{IssuerSettings, Issuers};
use crate::operations::{Metrics, Outcome};
use crate::pipeline::{self, Asked, Failure, Pipeline, Queues};
use crate::rotation::RotationWorker;
use crate::throttle::Throttle;
use crate::uses::UseWorker;
use crate::workers::{self, DueWorker, StoreCheck, WorkerState};

/// Where a development server keeps how far its clock is ahead, so that a restart goes on from there.
const DEVELOPMENT_CLOCK: &[u8] = b"development-clock";
/// What outlives a reset of a development server: accounts and the access keys of their root users.
const KEPT_BY_RESET: [&[u8]; 2] = [b"account\0", b"access-key\0"];
/// Times that an operator's change is decided anew because others were faster.
const ATTEMPTS_MAX: usize = 200;
/// How long a function may take.
///
/// Source: AWS Lambda Developer Guide, Lambda quotas, Function timeout.
const FUNCTION_TIME_MAX: Duration = Duration::from_secs(900);
/// Keys that a reset removes in one commit.
const RESET_BATCH: usize = 100;

/// What a node is made of.
pub struct NodeOptions {
    /// The folder of the embedded store.
    pub data_dir: PathBuf,
    /// The root keys, opened.
    pub unsealed: Unsealed,
    /// Where the seal file is.
    pub seal_file: PathBuf,
    /// Whether this is a development server, whose clock can be moved and whose secrets can be reset.
    pub dev: bool,
    /// Most memory for what is kept of the data.
    pub caches: CacheSizes,
    /// How its audit log is kept; `None`: there is none, which only serves to measure what it costs.
    pub audit: Option<AuditSettings>,
}

/// The pieces that a node is put together from.
pub struct Assembly {
    /// Where its records rest.
    pub store: Arc<dyn Store>,
    /// Its keys.
    pub keyring: Keyring,
    /// Where its random bytes come from.
    pub entropy: Box<dyn Entropy>,
    /// Its clock.
    pub clock: Clock,
    /// Most memory for decoded records, in bytes.
    pub record_cache_bytes: u64,
    /// Whether it is a development server.
    pub dev: bool,
    /// Where the seal file is; a simulation has none.
    pub seal_file: Option<PathBuf>,
}

/// A running node.
pub struct Node {
    store: Arc<dyn Store>,
    records: CachedRecords,
    keyring: Keyring,
    entropy: Box<dyn Entropy>,
    clock: Arc<Clock>,
    identities: Identities,
    queues: Queues,
    purges: DueWorker<PurgeDue>,
    keys: DueWorker<KmsDue>,
    rotation_schedule: DueWorker<RotationDue>,
    rotations: RotationWorker,
    uses: UseWorker,
    jobs: Jobs,
    backups: OnceLock<Arc<ScheduledBackups>>,
    /// Where the store was too large to be verified when it was opened.
    unverified: OnceLock<Arc<Embedded>>,
    store_check: StoreCheck,
    throttle: OnceLock<Throttle>,
    partition: OnceLock<String>,
    issuers: OnceLock<Issuers>,
    functions: OnceLock<Functions>,
    buckets: OnceLock<Buckets>,
    events: Events,
    code_sweep: CodeSweep,
    /// Itself, for what goes on behind an answer.
    own: Weak<Node>,
    denials: Denials,
    recorder: OnceLock<Recorder>,
    lookups: OnceLock<Arc<Lookups>>,
    audit_tidying: Mutex<WorkerState>,
    followers: OnceLock<Followers>,
    metrics: Metrics,
    dev: bool,
}

/// Why a node doesn't open.
#[derive(Debug, thiserror::Error)]
pub enum NotOpened {
    /// Its store doesn't.
    #[error(transparent)]
    Store(#[from] Fault),
    /// The root key isn't that of the data.
    #[error(transparent)]
    RootKey(#[from] RootKeyProblem),
    /// Its audit log doesn't, or doesn't belong to the store.
    #[error(transparent)]
    Audit(#[from] AuditProblem),
}

/// The root key and the data don't belong together.
#[derive(Debug, thiserror::Error)]
pub enum RootKeyProblem {
    /// The seal file is an older copy.
    #[error(
        "the data was last sealed under root key {in_use}, but the seal file holds {here}: put the seal file back that \
         belongs to this data (its newest copy), or restore a whole backup"
    )]
    Older {
        /// What the data says.
        in_use: RootKeyId,
        /// What the seal file holds.
        here: RootKeyId,
    },
    /// The record that says can't be read.
    #[error("the record of the root key in use can't be read ({0}): run `strongroom doctor`")]
    Unreadable(String),
}

/// Why an operator's request failed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The request can't be carried out.
    #[error(transparent)]
    Account(#[from] AccountProblem),
    /// The store failed, or the audit log.
    #[error(transparent)]
    Store(#[from] NotCommitted),
}

/// A KMS key, and a page of the secrets that depend on it.
pub type Dependents = (Arc<KmsKey>, Vec<DependentSecret>);

/// How a node is.
#[derive(Debug)]
pub struct Health {
    /// What keeps the store from taking commits.
    pub store: Result<(), Fault>,
    /// What keeps events from being recorded.
    pub audit: Result<(), strongroom_audit::Fault>,
    /// Each background job.
    pub workers: Vec<WorkerState>,
}

impl Node {
    /// Opens the store and the audit log in a folder and starts to serve from them. Background jobs start with
    /// [`Node::start_workers`].
    ///
    /// # Errors
    /// What keeps it from being opened, with what to do about it.
    pub async fn open(options: NodeOptions) -> Result<Arc<Self>, NotOpened> {
        let store = Embedded::open(&Options {
            cache_bytes: options.caches.store_cache_bytes,
            ..Options::new(options.data_dir.clone())
        })?;
        let store = Arc::new(store);
        let node = Self::assemble(Assembly {
            store: Arc::clone(&store) as Arc<dyn Store>,
            keyring: Keyring::with_retiring(options.unsealed.root, options.unsealed.retiring),
            entropy: Box::new(SystemEntropy),
            clock: Clock::default(),
            record_cache_bytes: options.caches.record_cache_bytes,
            dev: options.dev,
            seal_file: Some(options.seal_file),
        })?;
        if !store.is_verified_at_open() {
            node.unverified.get_or_init(|| store);
        }
        node.check_root_key()?;
        if let Some(settings) = options.audit {
            let clock = Arc::clone(&node.clock);
            let index = options.data_dir.join(index::FOLDER_NAME);
            let recorder = Recorder::open(
                options.data_dir,
                &settings,
                &*node.store,
                (&node.keyring, &*node.entropy),
                Arc::new(move || clock.now().milliseconds()),
            )
            .await?;
            if let Some(log) = recorder.log() {
                let lookups = Lookups::new(log.reader(), index);
                if let Err(error) = lookups.follow() {
                    tracing::warn!(%error, "the audit log is only indexed when something is looked up");
                }
                node.lookups.get_or_init(|| lookups);
            }
            let is_first = node.recorder.set(recorder).is_ok();
            assert!(is_first, "nothing was recorded before");
        }
        Ok(node)
    }

    /// Starts what follows the audit log of a folder; the first settings count.
    ///
    /// # Errors
    /// What keeps one from starting.
    pub fn follow_audit(&self, settings: FollowerSettings, data_dir: &Path) -> Result<(), String> {
        let Some(log) = self.recorder().log() else {
            return Ok(());
        };
        let own = Weak::clone(&self.own);
        let note = Box::new(
            move |note: String| -> Pin<Box<dyn Future<Output = _> + Send>> {
                let own = Weak::clone(&own);
                Box::pin(async move {
                    let node = own.upgrade().ok_or("the server is ending")?;
                    let noted = node.recorder().note(note).await;
                    noted.map_err(|fault| fault.to_string())
                })
            },
        );
        self.buckets.get_or_init(|| settings.buckets.known());
        let followers = Followers::start(settings, log, data_dir, (&self.own, note))?;
        self.followers.get_or_init(|| followers);
        Ok(())
    }

    /// What follows the audit log.
    pub fn followers(&self) -> Option<&Followers> {
        self.followers.get()
    }

    /// What records events; nothing does in a simulation.
    pub(crate) fn recorder(&self) -> &Recorder {
        self.recorder.get_or_init(Recorder::none)
    }

    /// Refuses a seal file that isn't the newest of this data: an older copy of it, put back, would let
    /// new values be sealed under a root key that nobody keeps any more.
    ///
    /// # Errors
    /// What to do about it.
    fn check_root_key(&self) -> Result<(), RootKeyProblem> {
        let in_use = root_key::in_use(&Records::of(&self.records));
        let in_use = in_use.map_err(|stop| RootKeyProblem::Unreadable(format!("{stop:?}")))?;
        let here = self.keyring.root_key_id();
        let mut known = self.keyring.retiring_ids();
        known.push(here);
        match in_use {
            Some(in_use) if !known.contains(&in_use) => Err(RootKeyProblem::Older { in_use, here }),
            _ => Ok(()),
        }
    }

    /// What a backup made now says of itself.
    ///
    /// # Errors
    /// The seal file can't be read.
    pub(crate) fn backup_about(&self) -> Result<About, String> {
        let path = self
            .jobs
            .seal_file()
            .ok_or("this server has no seal file")?;
        let seal_file = std::fs::read_to_string(path)
            .map_err(|error| format!("the seal file {} can't be read ({error})", path.display()))?;
        Ok(About {
            now_milliseconds: self.now().milliseconds(),
            root_key_id: self.keyring.root_key_id(),
            seal_file,
        })
    }

    /// The keys in memory.
    pub(crate) fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Where random bytes come from.
    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// The records.
    pub(crate) fn records(&self) -> &CachedRecords {
        &self.records
    }

    /// Where changes go.
    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// What carries rotations out.
    pub(crate) fn rotations(&self) -> &RotationWorker {
        &self.rotations
    }

    /// The operator's long jobs.
    pub(crate) fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// A node on any store, with any clock; for simulations too.
    ///
    /// # Errors
    /// What keeps the store from being read.
    pub fn assemble(parts: Assembly) -> Result<Arc<Self>, Fault> {
        if parts.dev
            && let Some(entry) = parts.store.snapshot()?.get(DEVELOPMENT_CLOCK)?
        {
            let ahead = entry.value.try_into().map(i64::from_be_bytes);
            parts
                .clock
                .set_ahead_milliseconds(ahead.unwrap_or_default());
        }
        let rotations = RotationWorker::new(&*parts.entropy);
        Ok(Arc::new_cyclic(|own| Node {
            records: CachedRecords::new(Arc::clone(&parts.store), parts.record_cache_bytes),
            store: parts.store,
            keyring: parts.keyring,
            entropy: parts.entropy,
            clock: Arc::new(parts.clock),
            identities: Identities::new(!parts.dev),
            queues: Queues::new(),
            purges: DueWorker::new(),
            keys: DueWorker::new(),
            rotation_schedule: DueWorker::new(),
            rotations,
            uses: UseWorker::new(),
            jobs: Jobs::new(parts.seal_file),
            backups: OnceLock::new(),
            unverified: OnceLock::new(),
            store_check: StoreCheck::new(),
            throttle: OnceLock::new(),
            partition: OnceLock::new(),
            issuers: OnceLock::new(),
            functions: OnceLock::new(),
            buckets: OnceLock::new(),
            events: Events::default(),
            code_sweep: CodeSweep::new(),
            own: own.clone(),
            denials: Denials::default(),
            recorder: OnceLock::new(),
            followers: OnceLock::new(),
            lookups: OnceLock::new(),
            audit_tidying: Mutex::new(WorkerState::new("audit-log")),
            metrics: Metrics::new(pipeline::operation_names()),
            dev: parts.dev,
        }))
    }

    /// Starts the background jobs. They end when the node is dropped.
    pub fn start_workers(self: &Arc<Self>) {
        crate::workers::start(self);
        crate::rotation::start(self);
        jobs::resume(self);
        let node = Arc::downgrade(self);
        // A thread that nobody waits for: it holds up neither requests nor the end of the process.
        let started = std::thread::Builder::new()
            .name("read-through".into())
            .spawn(move || {
                if let Some(node) = node.upgrade() {
                    node.read_through();
                }
            });
        if let Err(error) = started {
            tracing::warn!(%error, "the store is not verified: no thread can be started");
        }
    }

    /// Reads what a start doesn't wait for.
    fn read_through(&self) {
        if let Err(stop) = self.records.count_secrets() {
            tracing::warn!(?stop, "the secrets could not be counted");
        }
        if let Some(store) = self.unverified.get() {
            self.store_check.run(store, self.now());
        }
    }

    /// Makes backups by a schedule from now on; the first schedule counts.
    pub fn schedule_backups(self: &Arc<Self>, schedule: Schedule) {
        let backups = self
            .backups
            .get_or_init(|| Arc::new(ScheduledBackups::new(schedule)));
        backup::schedule::start(self, backups);
    }

    /// Holds accounts to so many percent of AWS's request rates from now on; the first limit counts.
    pub fn limit_rates(&self, percent: u32) {
        self.throttle.get_or_init(|| Throttle::new(percent));
    }

    /// Serves the regions of one partition alone from now on; the first setting counts.
    pub fn serve_partition(&self, partition: &str) {
        self.partition.get_or_init(|| partition.to_owned());
    }

    /// What holds for identity providers from now on; the first settings count.
    pub fn know_issuers(&self, settings: IssuerSettings) {
        self.issuers.get_or_init(|| Issuers::new(settings));
    }

    /// Which servers outside run functions from now on; the first settings count.
    pub fn answer_functions(&self, settings: FunctionSettings) {
        self.functions.get_or_init(|| Functions::new(settings));
    }

    /// What a runtime of functions goes by that reach this server at a URL, and keeps its files in a folder.
    pub fn runtime_settings(&self, folder: PathBuf, endpoint: String) -> RuntimeSettings {
        RuntimeSettings::new(folder, endpoint, Arc::clone(&self.clock))
    }

    /// Invocations that nobody waits for.
    pub(crate) fn events(&self) -> &Events {
        &self.events
    }

    /// Whoever runs functions.
    pub fn functions(&self) -> &Functions {
        let nowhere = || Functions::new(FunctionSettings::default());
        self.functions.get_or_init(nowhere)
    }

    /// Seconds since 1970, by which signatures are made and checked.
    pub(crate) fn real_seconds(&self) -> i64 {
        self.clock.real_seconds()
    }

    /// The domain's present instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How the node is.
    pub fn health(&self) -> Health {
        Health {
            store: self.store.health(),
            audit: self.recorder().health(),
            workers: [
                self.purges.state(),
                self.keys.state(),
                self.rotation_schedule.state(),
                self.rotations.state(),
                self.code_sweep.state(),
                self.uses.state(),
                workers::state(&self.audit_tidying),
            ]
            .into_iter()
            .chain(self.unverified.get().map(|_| self.store_check.state()))
            .chain(self.backups.get().map(|backups| backups.state()))
            .chain(self.followers().into_iter().flat_map(Followers::states))
            .collect(),
        }
    }

    /// The newest durable record of the audit log; 0 without one.
    pub fn audit_sequence(&self) -> u64 {
        let log = self.recorder().log();
        log.map_or(0, |log| *log.durable().borrow())
    }

    /// Requests by operation and outcome.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Requests that were signed with a wrong or unknown access key.
    pub fn wrong_signatures(&self) -> u64 {
        self.identities.guesses().total()
    }

    /// How many record look-ups were answered from memory, and how many were not.
    pub fn cache_hits_and_misses(&self) -> (u64, u64) {
        self.records.hits_and_misses()
    }

    /// Makes an account, with fresh credentials for its root user.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn create_account(&self, id: &AccountId) -> Result<FreshCredentials, AdminError> {
        let credentials = accounts::fresh_credentials(id, &*self.entropy);
        self.change(|records| {
            accounts::create(
                &credentials,
                records,
                self.now(),
                &self.keyring,
                &*self.entropy,
            )
        })
        .await?;
        Ok(credentials)
    }

    /// Gives an account's root user these credentials in place of any earlier ones; makes the account
    /// where there is none. For development servers.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn set_root_credentials(
        &self,
        id: &AccountId,
        access_key_id: &str,
        secret_access_key: SecretBytes,
    ) -> Result<(), AdminError> {
        let credentials = FreshCredentials {
            account: id.clone(),
            access_key_id: access_key_id.to_owned(),
            secret_access_key,
        };
        self.change(|records| {
            accounts::set_root_credentials(
                &credentials,
                records,
                self.now(),
                &self.keyring,
                &*self.entropy,
            )
        })
        .await
    }

    /// All accounts, by id.
    ///
    /// # Errors
    /// [`AdminError`].
    pub fn accounts(&self) -> Result<Vec<Arc<Account>>, AdminError> {
        let mut found = Vec::new();
        let prefix = KEPT_BY_RESET[0];
        let end = Range::prefix(prefix).end.unwrap_or_default();
        Records::of(&self.records)
            .scan::<Account>(prefix, &end, false, |account| {
                found.push(account);
                ControlFlow::Continue(())
            })
            .map_err(AccountProblem::from)?;
        Ok(found)
    }

    /// Puts a service control policy of an account in. Whether it is the first, with which full access was attached.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn put_service_control(
        &self,
        id: &AccountId,
        name: &str,
        text: &str,
    ) -> Result<bool, AdminError> {
        let first = AtomicBool::new(false);
        self.change(|records| {
            let (changes, is_first) = service_control::put(id, name, text, records)?;
            first.store(is_first, Ordering::Relaxed);
            Ok(changes)
        })
        .await?;
        Ok(first.into_inner())
    }

    /// Takes a service control policy of an account out.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn delete_service_control(
        &self,
        id: &AccountId,
        name: &str,
    ) -> Result<(), AdminError> {
        self.change(|records| service_control::delete(id, name, records))
            .await
    }

    /// The names of an account's service control policies.
    ///
    /// # Errors
    /// [`AdminError`].
    pub fn service_control(&self, id: &AccountId) -> Result<Vec<String>, AdminError> {
        let account = service_control::account(id, &Records::of(&self.records))?;
        let names = account
            .service_control
            .iter()
            .map(|(name, _)| name.to_owned());
        Ok(names.collect())
    }

    /// The text of a service control policy of an account.
    ///
    /// # Errors
    /// [`AdminError`].
    pub fn service_control_text(&self, id: &AccountId, name: &str) -> Result<String, AdminError> {
        Ok(service_control::text(
            id,
            name,
            &Records::of(&self.records),
        )?)
    }

    /// The secret half of a root user's access key; for a development server that goes on with the
    /// credentials it had.
    ///
    /// # Errors
    /// [`AdminError`]; `None` where the account has no access key.
    pub fn root_credentials(&self, id: &AccountId) -> Result<Option<FreshCredentials>, AdminError> {
        let records = Records::of(&self.records);
        let read = || -> Result<Option<FreshCredentials>, Stop> {
            let Some(account) = records.read::<Account>(Key::account(id))? else {
                return Ok(None);
            };
            let Some(access_key_id) = account.root_access_key_ids.first() else {
                return Ok(None);
            };
            let Some(key) = records.read::<AccessKey>(Key::access_key(access_key_id))? else {
                return Ok(None);
            };
            let secret_access_key = self
                .keyring
                .open_credential(key.name(), &key.sealed_secret)
                .map_err(|error| Stop::Unavailable(Box::new(error)))?;
            let access_key_id = access_key_id.clone();
            Ok(Some(FreshCredentials {
                account: id.clone(),
                access_key_id,
                secret_access_key,
            }))
        };
        Ok(read().map_err(AccountProblem::from)?)
    }

    /// The KMS key of an ARN (or an alias' ARN), and a page of the secrets that depend on it: those behind
    /// the one named `after`.
    ///
    /// # Errors
    /// [`AdminError`]; `None` where there is no such key.
    pub fn key_usage(
        &self,
        arn: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Option<Dependents>, AdminError> {
        let records = Records::of(&self.records);
        let read = || -> Result<_, Stop> {
            let Some(key) = KeyName::by_arn(arn, &records)? else {
                return Ok(None);
            };
            let secrets = key_usage::of_key(&key, after.unwrap_or_default(), most, &records)?;
            Ok(Some((key, secrets)))
        };
        Ok(read().map_err(AccountProblem::from)?)
    }

    /// Why someone may do something, or may not.
    ///
    /// # Errors
    /// The question is about nothing, or nobody.
    pub fn explain(
        &self,
        principal: &str,
        question: &Question,
    ) -> Result<Vec<Explanation>, Problem> {
        let records = Records::of(&self.records);
        access::explain(principal, question, &records, &self.means())
    }

    /// Who may do something.
    ///
    /// # Errors
    /// The question is about nothing.
    pub fn who_can(&self, question: &Question) -> Result<WhoCan, Problem> {
        who_can::who_can(question, &Records::of(&self.records), &self.means())
    }

    /// Why a request was denied; `None`: none of that id was since the start, or it was too long ago.
    pub fn denied(&self, request_id: &str) -> Option<DeniedRequest> {
        self.denials.find(request_id)
    }

    /// Carries out an operation of Secrets Manager as an account's root user, without a signature;
    /// for whoever is inside the process already, such as the seeding of a development server.
    pub async fn run_as_root(
        &self,
        account: &AccountId,
        region: &Region,
        operation: &str,
        body: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let caller = Caller {
            account: account.clone(),
            region: region.clone(),
            principal: Principal::Root,
            session: None,
        };
        match pipeline::find(Service::SecretsManager, operation) {
            Some(entry) => {
                let asked = Asked {
                    request_id: new_request_id(),
                    service: Service::SecretsManager,
                    caller: &caller,
                    access_key_id: None,
                    origin: Origin::INSIDE,
                    host: None,
                    tls: None,
                };
                self.pipeline().execute_recorded(entry, body, asked).await
            }
            None => Err(Failure::Refused(Refusal::unknown_operation())),
        }
    }

    /// Does everything that is due: removes secrets whose recovery window is over and keys whose
    /// waiting period is, renews keys' material.
    pub async fn carry_out_due(&self) {
        let means = self.means();
        self.purges.run(self, &means).await;
        self.keys.run(self, &means).await;
        self.rotation_schedule.run(self, &means).await;
        self.rotations.wake();
    }

    /// Removes code of functions that nothing refers to any more.
    pub async fn sweep_code(&self) {
        let (records, store) = (&self.records, &*self.store);
        self.code_sweep.run(records, store, self.now()).await;
    }

    /// Writes down when what was used lately was used.
    pub async fn write_uses(&self) {
        self.uses.run(&self.records, &*self.store, self.now()).await;
    }

    /// Ties the store to the end of the audit log, and removes what was kept until the log had it.
    pub async fn tidy_audit(&self) {
        let tidied = self.recorder().tidy(&*self.store).await;
        let done = *tidied.as_ref().unwrap_or(&0);
        let result = tidied.map(|_| ()).map_err(|error| error.to_string());
        workers::note_run(&self.audit_tidying, done, self.now(), &*self.store, result);
    }

    /// Records what an operator asks for; returns once that is durable.
    ///
    /// # Errors
    /// It can't be.
    pub async fn record_operator(&self, asked: &str) -> Result<(), strongroom_audit::Fault> {
        if !self.recorder().is_on() {
            return Ok(());
        }
        let event = operator_event(asked, self.now(), &mut fresh_id);
        self.recorder().record(vec![event.into()]).await
    }

    /// Has another key sign the audit log. The public halves so far, the newest last.
    ///
    /// # Errors
    /// What keeps it from that.
    pub async fn rotate_audit_key(&self) -> Result<Vec<String>, AuditProblem> {
        let keys = (&self.keyring, &*self.entropy);
        self.recorder().rotate_key(&*self.store, keys).await
    }

    /// Stops taking commits and events, once those that are queued are done.
    pub fn close(&self) {
        self.recorder().close();
        self.store.close();
    }

    /// What decisions on nobody's behalf are given.
    pub(crate) fn means(&self) -> Means<'_> {
        Means {
            now: self.now(),
            entropy: &*self.entropy,
            keyring: &self.keyring,
            elsewhere: self.functions().elsewhere(),
            buckets: self.buckets(),
            history: self.history(),
        }
    }

    fn history(&self) -> Option<&dyn History> {
        self.lookups.get().map(|lookups| &**lookups as &dyn History)
    }

    fn buckets(&self) -> &Buckets {
        const NONE: &Buckets = &Buckets::none();
        self.buckets.get().unwrap_or(NONE)
    }

    /// Commits changes with the events that they bring along.
    pub(crate) async fn commit(
        &self,
        seen: Vec<Seen>,
        changes: Changes,
    ) -> Result<(), NotCommitted> {
        self.commit_telling(seen, changes, Vec::new()).await
    }

    /// The same with further events.
    pub(crate) async fn commit_telling(
        &self,
        seen: Vec<Seen>,
        changes: Changes,
        events: Vec<Logged>,
    ) -> Result<(), NotCommitted> {
        self.recorder()
            .commit_changes(&*self.store, seen, changes, events, self.now())
            .await
    }

    fn pipeline(&self) -> Pipeline<'_> {
        Pipeline {
            records: &self.records,
            store: &*self.store,
            keyring: &self.keyring,
            entropy: &*self.entropy,
            clock: &self.clock,
            identities: &self.identities,
            queues: &self.queues,
            uses: &self.uses,
            throttle: self.throttle.get(),
            partition: self.partition.get().map(String::as_str),
            issuers: self.issuers.get_or_init(Issuers::default),
            elsewhere: self.functions().elsewhere(),
            buckets: self.buckets(),
            history: self.history(),
            rotations: &self.rotations,
            node: &self.own,
            denials: &self.denials,
            recorder: self.recorder(),
        }
    }

    /// Commits what `decide` wants changed, deciding anew where others were faster.
    async fn change(
        &self,
        decide: impl Fn(&Records<'_>) -> Result<Changes, AccountProblem>,
    ) -> Result<(), AdminError> {
        let mut attempt = 0;
        loop {
            let records = Records::of(&self.records);
            let changes = decide(&records)?;
            let committed = self.commit(records.into_seen(), changes).await;
            match committed {
                Ok(()) => return Ok(()),
                Err(NotCommitted::Store(CommitError::Conflict { .. }))
                    if attempt < ATTEMPTS_MAX =>
                {
                    attempt += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The next keys that a reset has to remove.
    fn reset_batch(&self) -> Result<Vec<Write>, Fault> {
        let mut batch = Vec::new();
        self.store.snapshot()?.range(&Range::all(), &mut |entry| {
            if !outlives_reset(entry.key, entry.value) {
                batch.push(Write::Delete {
                    key: entry.key.to_vec(),
                });
            }
            if batch.len() < RESET_BATCH {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        Ok(batch)
    }
}

impl Application for Node {
    /// More is read only from who names an access key for it; whether the signature is right is known at the end.
    fn body_bytes_max(&self, parts: &Parts, usual: usize) -> usize {
        let larger = target::large_body_bytes_max(parts).unwrap_or_default();
        if larger <= usual
            || !self
                .identities
                .may_be_known(parts, &self.records, &self.keyring)
        {
            return usual;
        }
        larger
    }

    /// Whoever invokes a function waits for it, and functions may take longer than anything else.
    fn time_to_answer(&self, received: &Received, usual: Duration) -> Duration {
        match target::awaits_a_function(&received.parts) {
            true => usual + FUNCTION_TIME_MAX,
            false => usual,
        }
    }

    async fn answer(&self, received: &Received) -> Reply {
        let began = Instant::now();
        let (operation, reply) = self.pipeline().answer(received).await;
        self.metrics
            .request(operation, Outcome::of(reply.status), began.elapsed());
        reply
    }
}

impl DevServer for Node {
    async fn reset(&self) -> Result<(), String> {
        if !self.dev {
            return Err("only a development server can be reset".to_owned());
        }
        self.records.notes().clear();
        // Look-ups begin behind it; what was before stays in the log.
        let remark = json!({ "note": "reset" }).to_string();
        let hidden = self.recorder().note(remark).await;
        hidden.map_err(|fault| fault.to_string())?;
        loop {
            let writes = self.reset_batch().map_err(|fault| fault.to_string())?;
            if writes.is_empty() {
                break;
            }
            let commit = Commit {
                conditions: Vec::new(),
                writes,
            };
            self.store
                .commit(commit)
                .await
                .map_err(|error| error.to_string())?;
        }
        for account in self.accounts().map_err(|error| error.to_string())? {
            self.change(|records| service_control::clear(&account.id, records))
                .await
                .map_err(|error| error.to_string())?;
        }
        self.clock.set_ahead_milliseconds(0);
        Ok(())
    }

    fn clock_milliseconds(&self) -> i64 {
        self.now().milliseconds()
    }

    async fn advance_clock(&self, seconds: u64) -> Result<(), String> {
        if !self.dev {
            return Err("only a development server's clock can be moved".to_owned());
        }
        self.clock.advance(Duration::from_secs(seconds));
        let value = self.clock.ahead_milliseconds().to_be_bytes().to_vec();
        let write = Write::Put {
            key: DEVELOPMENT_CLOCK.to_vec(),
            value,
        };
        let commit = Commit {
            conditions: Vec::new(),
            writes: vec![write],
        };
        self.store
            .commit(commit)
            .await
            .map_err(|error| error.to_string())?;
        self.carry_out_due().await;
        self.rotations.settled(self).await?;
        let errors = self.health().workers.into_iter();
        errors
            .filter_map(|worker| worker.last_error)
            .next()
            .map_or(Ok(()), Err)
    }
}

/// Users go, so their access keys go with them.
fn outlives_reset(key: &[u8], value: &[u8]) -> bool {
    let of_root =
        |key: AnyRecord| AccessKey::unwrap(&key).is_none_or(|key| key.owner == KeyOwner::Root);
    if key.starts_with(Key::all_of_audit().as_bytes()) {
        return true;
    }
    KEPT_BY_RESET.iter().any(|kept| key.starts_with(kept))
        && (!key.starts_with(KEPT_BY_RESET[1]) || AccessKey::decode(value).is_ok_and(of_root))
}
