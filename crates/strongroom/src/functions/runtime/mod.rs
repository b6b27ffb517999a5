//! Runs people's unmodified Lambda functions in processes of this machine.
//!
//! It may not know what a function is for, nor where its code and credentials come from.

mod answers;
mod api;
mod code;
mod environment;
pub mod host;
mod interpreter;
mod log;
mod peers;
mod process;
mod settings;

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex as SyncMutex, OnceLock, PoisonError};
use std::time::Duration;

use strongroom_keys::SecretBytes;
use strongroom_services::lambda::function_arn::FunctionArn;
use strongroom_services::time::Timestamp;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

pub use settings::{Isolation, RuntimeSettings};

use answers::Broken;
use code::{CodeFolder, CodeStore};
use interpreter::Interpreter;
use process::{Ended, Parts, Process};

use crate::functions::{Answer, FunctionError, NotInvoked, Outcome};

/// Everything about a function that decides how its process looks.
#[derive(Debug)]
pub struct Launch {
    /// The function, qualified by the version that runs.
    pub function: FunctionArn,
    /// Changes whenever the code or the configuration does: a process of another revision isn't used again.
    pub revision: String,
    /// The SHA-256 hash of the code, in base64, as `CodeSha256` has it.
    pub code_sha256: String,
    /// What runs the code.
    pub language: Language,
    /// The configuration's `Handler`, such as `app.handler`.
    pub handler: String,
    /// The configuration's environment variables.
    pub environment: Vec<(String, SecretBytes)>,
    /// Most memory of all its processes, in MiB.
    pub memory_mib: u32,
    /// How long an invocation may take.
    pub timeout: Duration,
}

/// What runs a function's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// The machine's Python: `python3.*`.
    Python,
    /// The machine's Node.js: `nodejs*`.
    Node,
    /// The executable `bootstrap` of the code itself: `provided*`.
    Provided,
}

/// Temporary credentials of a function's role.
#[derive(Debug)]
pub struct RoleCredentials {
    /// The access key's id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: SecretBytes,
    /// The session token.
    pub session_token: String,
    /// When they end: a process isn't used again shortly before.
    pub expires: Timestamp,
}

/// What a new process needs. It is asked for only when one is started.
pub trait Supplies: Send + Sync {
    /// The code, a ZIP archive.
    ///
    /// # Errors
    /// Why there is none, without a secret.
    fn code(&self) -> Result<Vec<u8>, String>;

    /// New credentials of the function's role, good for an hour or so.
    ///
    /// # Errors
    /// Why there are none, without a secret.
    fn credentials(&self) -> Result<RoleCredentials, String>;
}

/// Processes of functions, started when needed and kept for a while.
#[derive(Debug)]
pub struct Runtime {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: RuntimeSettings,
    code: Mutex<CodeStore>,
    /// An empty folder, over which each function's own tree of files is mounted.
    root: PathBuf,
    /// Our own files for functions that have no tree of their own.
    bootstrap: PathBuf,
    python: OnceLock<Result<Interpreter, String>>,
    node: OnceLock<Result<Interpreter, String>>,
    /// One for each process that there may be.
    places: Arc<Semaphore>,
    idle: SyncMutex<Idle>,
}

/// Processes that have nothing to do, the longest idle first.
#[derive(Debug, Default)]
struct Idle {
    processes: Vec<Waiting>,
    is_shut: bool,
}

#[derive(Debug)]
struct Waiting {
    function: FunctionArn,
    revision: String,
    process: Process,
    since: Instant,
}

impl Runtime {
    /// A runtime without processes. What an earlier one left in its folder is removed.
    ///
    /// # Errors
    /// What is missing on this machine, and what to do.
    pub fn new(settings: RuntimeSettings) -> Result<Self, String> {
        if settings.isolation == Isolation::None {
            tracing::warn!(
                "functions are kept from nothing: they may read whatever this server may. This is for development only"
            );
        }
        code::make_private(&settings.folder)?;
        let root = settings.folder.join("root");
        code::make_private(&root)?;
        let bootstrap = settings.folder.join("bootstrap");
        code::make_private(&bootstrap)?;
        for (name, content) in process::bootstrap_files() {
            fs::write(bootstrap.join(name), content)
                .map_err(|error| format!("{}: {error}", bootstrap.display()))?;
        }
        let code = CodeStore::new(settings.folder.join("code"))?;
        let shared = Shared {
            code: Mutex::new(code),
            root,
            bootstrap,
            python: OnceLock::new(),
            node: OnceLock::new(),
            places: Arc::new(Semaphore::new(settings.processes_max)),
            idle: SyncMutex::new(Idle::default()),
            settings,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Gives a function something to do and waits for what it answers.
    ///
    /// If the future is dropped, the process is ended.
    ///
    /// # Errors
    /// [`NotInvoked::Busy`], [`NotInvoked::Unfit`]
    pub async fn invoke(
        &self,
        launch: &Launch,
        supplies: &dyn Supplies,
        payload: &SecretBytes,
    ) -> Outcome {
        let shared = &self.shared;
        let request_id = crate::edge::new_request_id().to_string();
        let (mut process, is_new) = match shared.take_idle(launch).await? {
            Some(process) => (process, false),
            None => match shared.start(launch, supplies, &request_id).await? {
                Started::Process(process) => (*process, true),
                Started::Answer(answer) => return Ok(answer),
            },
        };
        let settings = &shared.settings;
        let invoked = process.invoke(launch, settings, &request_id, payload, is_new);
        match invoked.await {
            Ended::Answered(answer) => {
                shared.keep(launch, process).await;
                Ok(answer)
            }
            Ended::Spent(answer) => Ok(answer),
            Ended::NotInvoked(why) => Err(why),
        }
    }

    /// Ends all processes, and starts no more.
    pub async fn shut_down(&self) {
        self.shared.places.close();
        let processes = {
            let mut idle = self.shared.idle();
            idle.is_shut = true;
            std::mem::take(&mut idle.processes)
        };
        for mut waiting in processes {
            waiting.process.end().await;
        }
    }
}

enum Started {
    Process(Box<Process>),
    /// It couldn't begin, in a way that is the function's own fault.
    Answer(Answer),
}

impl Shared {
    /// A process of this launch that has nothing to do. Those of other revisions of the function are ended.
    async fn take_idle(&self, launch: &Launch) -> Result<Option<Process>, NotInvoked> {
        let now = self.settings.clock.now();
        let needed = launch.timeout + CREDENTIALS_MARGIN;
        let (mut found, mut spent) = (None, Vec::new());
        {
            let mut idle = self.idle();
            if idle.is_shut {
                return Err(shutting_down());
            }
            // The one that was used last has been idle for the shortest time.
            for mut waiting in std::mem::take(&mut idle.processes).into_iter().rev() {
                if waiting.function != launch.function {
                    idle.processes.push(waiting);
                } else if waiting.revision != launch.revision
                    || !waiting.process.is_usable(now, needed)
                {
                    spent.push(waiting.process);
                } else if found.is_none() {
                    found = Some(waiting.process);
                } else {
                    idle.processes.push(waiting);
                }
            }
            idle.processes.reverse();
        }
        for mut process in spent {
            process.end().await;
        }
        Ok(found)
    }

    async fn start(
        &self,
        launch: &Launch,
        supplies: &dyn Supplies,
        request_id: &str,
    ) -> Result<Started, NotInvoked> {
        let place = self.place().await?;
        let interpreter = self
            .interpreter(launch.language)
            .map_err(NotInvoked::Unfit)?;
        let code = self
            .code(launch, supplies)
            .await
            .map_err(NotInvoked::Unfit)?;
        if launch.language == Language::Provided && !has_bootstrap(&code) {
            let now = self.settings.clock.now();
            return Ok(Started::Answer(Answer {
                payload: SecretBytes::new(Broken::NoBootstrap.payload(request_id, now)),
                error: Some(FunctionError::Unhandled),
                log_tail: SecretBytes::new(Vec::new()),
                executed_version: version(launch).to_owned(),
            }));
        }
        let credentials = waiting(|| supplies.credentials()).map_err(NotInvoked::Unfit)?;
        let parts = Parts {
            launch,
            settings: &self.settings,
            credentials: &credentials,
            interpreter,
            code,
            place,
            root: &self.root,
            bootstrap: &self.bootstrap,
        };
        let process = Process::start(parts).await.map_err(NotInvoked::Unfit)?;
        Ok(Started::Process(Box::new(process)))
    }

    /// Room for one more process; where there is none, that of the one that has been idle for longest.
    async fn place(&self) -> Result<OwnedSemaphorePermit, NotInvoked> {
        for _ in 0..=self.settings.processes_max {
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                return Ok(place);
            }
            if self.places.is_closed() {
                return Err(shutting_down());
            }
            let oldest = {
                let mut idle = self.idle();
                (!idle.processes.is_empty()).then(|| idle.processes.remove(0))
            };
            let Some(mut oldest) = oldest else {
                break;
            };
            oldest.process.end().await;
        }
        Err(NotInvoked::Busy(format!(
            "all {} processes for functions are at work: try again, or raise functions.local.processes",
            self.settings.processes_max
        )))
    }

    fn interpreter(&self, language: Language) -> Result<Option<&Interpreter>, String> {
        let found = match language {
            Language::Provided => return Ok(None),
            Language::Python => {
                let find = || waiting(|| interpreter::python(&self.settings));
                self.python.get_or_init(find)
            }
            Language::Node => {
                let find = || waiting(|| interpreter::node(&self.settings));
                self.node.get_or_init(find)
            }
        };
        found.as_ref().map(Some).map_err(Clone::clone)
    }

    async fn code(&self, launch: &Launch, supplies: &dyn Supplies) -> Result<CodeFolder, String> {
        let mut store = self.code.lock().await;
        if let Some(folder) = store.find(&launch.code_sha256) {
            return Ok(folder);
        }
        waiting(|| store.add(&launch.code_sha256, &supplies.code()?))
    }

    /// Puts a process aside until it is needed again, or has been idle for too long.
    async fn keep(self: &Arc<Self>, launch: &Launch, mut process: Process) {
        let since = Instant::now();
        let memory = process.memory();
        let kept = {
            let mut idle = self.idle();
            if idle.is_shut || self.settings.idle.is_zero() {
                Some(process)
            } else {
                idle.processes.push(Waiting {
                    function: launch.function.clone(),
                    revision: launch.revision.clone(),
                    process,
                    since,
                });
                None
            }
        };
        if let Some(last) = kept {
            process = last;
            process.end().await;
            return;
        }
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            // Whatever runs on in the background is still held to its limit.
            let _ = timeout(shared.settings.idle, memory.over()).await;
            shared.end_spent().await;
        });
    }

    /// Ends the processes that have been idle for too long, or are of no more use.
    async fn end_spent(&self) {
        let now = self.settings.clock.now();
        let longest = self.settings.idle;
        let spent: Vec<Waiting> = {
            let mut idle = self.idle();
            let is_spent = |waiting: &mut Waiting| {
                waiting.since.elapsed() >= longest
                    || !waiting.process.is_usable(now, Duration::ZERO)
            };
            idle.processes.extract_if(.., is_spent).collect()
        };
        for mut waiting in spent {
            waiting.process.end().await;
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn version(launch: &Launch) -> &str {
    launch.function.qualifier.as_deref().unwrap_or("$LATEST")
}

fn has_bootstrap(code: &CodeFolder) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let found = fs::metadata(code.join("bootstrap"));
    found.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

fn shutting_down() -> NotInvoked {
    NotInvoked::Busy("the server is shutting down".to_owned())
}

/// Does what takes a while without keeping other tasks from their thread.
fn waiting<R>(what: impl FnOnce() -> R) -> R {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(what),
        _ => what(),
    }
}

/// A process isn't used any more if its credentials might end within its time and this.
const CREDENTIALS_MARGIN: Duration = Duration::from_secs(60);
