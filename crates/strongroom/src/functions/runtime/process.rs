//! One process of a function: started, given one invocation after the other, ended.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use strongroom_keys::SecretBytes;
use strongroom_services::time::{Timestamp, rfc3339};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::net::unix::pipe;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::answers::{Broken, Measured, report_line};
use super::api::{Ends, RuntimeApi, Said, Work};
use super::code::CodeFolder;
use super::environment::{Surroundings, variables};
use super::host::{self, Order, Report};
use super::interpreter::{Interpreter, SYSTEM};
use super::log::Log;
use super::settings::{Isolation, RuntimeSettings};
use super::{Language, Launch, RoleCredentials, peers};
use crate::functions::{Answer, FunctionError, NotInvoked};

/// How long a function may take to start, before its time begins.
///
/// Source: AWS Lambda Developer Guide, Understanding the Lambda execution environment lifecycle, Init phase.
const START_TIME: Duration = Duration::from_secs(10);
/// How often the memory of a busy process is looked at.
const BUSY_ROUND: Duration = Duration::from_millis(20);
/// And of one that has nothing to do.
const IDLE_ROUND: Duration = Duration::from_millis(250);
/// How long a process may take to be gone once it is told to.
const ENDING_TIME: Duration = Duration::from_secs(5);
/// What a host tells at most.
const REPORT_BYTES_MAX: u64 = 4_096;
/// Variables that a function is started with at most, in bytes: the kernel takes no more than this with ease.
const ORDER_BYTES_MAX: usize = 1024 * 1024;

/// A function's process, with all that belongs to it. Dropped, it is ended behind the scenes.
#[derive(Debug)]
pub(super) struct Process {
    host: Child,
    /// Closed, it is the host's sign to end everything. It closes as well when this server is killed.
    lifeline: Option<ChildStdin>,
    report: JoinHandle<String>,
    log: Arc<Log>,
    ends: Ends,
    memory: Arc<Memory>,
    tasks: Vec<JoinHandle<()>>,
    start: Option<Duration>,
    /// When its credentials end.
    pub(super) expires: Timestamp,
    /// Keeps the code's folder.
    _code: CodeFolder,
    _place: OwnedSemaphorePermit,
}

/// What is known of a process's memory.
#[derive(Debug, Default)]
pub(super) struct Memory {
    most_bytes: AtomicU64,
    is_busy: AtomicBool,
    woken: Notify,
    is_over: AtomicBool,
    over: Notify,
}

/// What a new process is made from.
pub(super) struct Parts<'a> {
    pub(super) launch: &'a Launch,
    pub(super) settings: &'a RuntimeSettings,
    pub(super) credentials: &'a RoleCredentials,
    pub(super) interpreter: Option<&'a Interpreter>,
    pub(super) code: CodeFolder,
    pub(super) place: OwnedSemaphorePermit,
    /// Where the function's tree of files is mounted, and where our own files are where none is.
    pub(super) root: &'a Path,
    pub(super) bootstrap: &'a Path,
}

/// How an invocation ended.
pub(super) enum Ended {
    /// The function has answered or failed by itself, and can be asked again.
    Answered(Answer),
    /// It has answered, but is of no more use.
    Spent(Answer),
    /// It couldn't be started as it is set up.
    NotInvoked(NotInvoked),
}

impl Process {
    /// Starts a process. Whether its function can begin shows in its first invocation.
    pub(super) async fn start(parts: Parts<'_>) -> Result<Self, String> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.map_err(|error| format!("a Runtime API can't listen: {error}"))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let order = order(&parts, &address.to_string())?;
        let (log_reader, log_writer) = std::io::pipe().map_err(|error| error.to_string())?;
        let log = pipe::Receiver::from_owned_fd(log_reader.into());
        let log = Arc::new(Log::new(log.map_err(|error| error.to_string())?));
        let mut host = Command::new(&parts.settings.host_program)
            .arg(host::ARGUMENT)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(log_writer)
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("a function's host can't be started: {error}"))?;
        let (Some(mut lifeline), Some(report), Some(id)) =
            (host.stdin.take(), host.stderr.take(), host.id())
        else {
            return Err("a function's host can't be started: it has no pipes".to_owned());
        };
        // If it has ended already, its report says why.
        let _ = lifeline.write_all(&host::framed(&order)).await;
        let levels = match parts.settings.isolation {
            // Its first process is ours.
            Isolation::Full => 1,
            Isolation::None => 0,
        };
        let (api, ends) = RuntimeApi::new();
        let memory = Arc::new(Memory::default());
        let limit = u64::from(parts.launch.memory_mib) * 1024 * 1024;
        let reader = Arc::clone(&log);
        let tasks = vec![
            tokio::spawn(api.serve(listener, id, levels)),
            tokio::spawn(async move { reader.read_to_end().await }),
            tokio::spawn(Arc::clone(&memory).watch(id, levels, limit)),
        ];
        let report = tokio::spawn(async move {
            let mut text = Vec::new();
            let _ = report.take(REPORT_BYTES_MAX).read_to_end(&mut text).await;
            String::from_utf8_lossy(&text).into_owned()
        });
        Ok(Process {
            host,
            lifeline: Some(lifeline),
            report,
            log,
            ends,
            memory,
            tasks,
            start: None,
            expires: parts.credentials.expires,
            _code: parts.code,
            _place: parts.place,
        })
    }

    /// Gives it an invocation. `is_new` if it is the first one.
    pub(super) async fn invoke(
        &mut self,
        launch: &Launch,
        settings: &RuntimeSettings,
        request_id: &str,
        payload: &SecretBytes,
        is_new: bool,
    ) -> Ended {
        let version = launch.function.qualifier.as_deref().unwrap_or("$LATEST");
        self.memory.set_busy(true);
        self.log.clear();
        let began = Instant::now();
        let mut failure = None;
        if is_new {
            // The log begins before what the start writes, as Lambda's does after a start within an invocation.
            self.log.write(&format!(
                "START RequestId: {request_id} Version: {version}\n"
            ));
            failure = self.wait_until_ready(launch.timeout).await.err();
            self.start = Some(began.elapsed());
        } else {
            self.start = None;
            self.log.write(&format!(
                "START RequestId: {request_id} Version: {version}\n"
            ));
        }
        let asked = Instant::now();
        let said = match failure {
            Some(failure) => Err(failure),
            None => {
                let now = real_now(settings);
                let limit = i64::try_from(launch.timeout.as_millis()).unwrap_or(i64::MAX);
                let work = Work {
                    request_id: request_id.to_owned(),
                    function: launch.function.to_string(),
                    deadline_milliseconds: now.milliseconds().saturating_add(limit),
                    payload: Bytes::copy_from_slice(payload.expose()),
                };
                self.work(work, launch.timeout).await
            }
        };
        let measured = Measured {
            duration: asked.elapsed(),
            start: self.start,
            memory_mib: launch.memory_mib,
            memory_used_bytes: self.memory.most_bytes.load(Relaxed),
        };
        let (payload, error, status, is_spent) = match said {
            Ok(Said::Answer(payload)) => (payload, None, String::new(), false),
            Ok(Said::Error(payload)) => (
                payload,
                Some(FunctionError::Unhandled),
                String::new(),
                false,
            ),
            Ok(Said::InitError(payload)) | Err(Stopped::InitError(payload)) => {
                let status = "\tStatus: error\tError Type: Runtime.Unknown".to_owned();
                (payload, Some(FunctionError::Unhandled), status, true)
            }
            Ok(Said::Ready | Said::TooLarge) => {
                self.broken(&Broken::AnswerTooLarge, request_id, settings, false)
            }
            Err(Stopped::Broken(broken)) => {
                self.end().await;
                self.broken(&broken, request_id, settings, true)
            }
            Err(Stopped::Unfit(why)) => {
                self.end().await;
                return Ended::NotInvoked(NotInvoked::Unfit(why));
            }
        };
        if is_spent {
            self.end().await;
        }
        self.log.catch_up();
        self.log.write(&format!("END RequestId: {request_id}\n"));
        self.log.write(&report_line(request_id, &measured, &status));
        self.memory.set_busy(false);
        let answer = Answer {
            payload,
            error,
            log_tail: self.log.tail(),
            executed_version: version.to_owned(),
        };
        if is_spent {
            Ended::Spent(answer)
        } else {
            Ended::Answered(answer)
        }
    }

    /// What is known of its memory.
    pub(super) fn memory(&self) -> Arc<Memory> {
        Arc::clone(&self.memory)
    }

    /// Whether it can still be asked.
    pub(super) fn is_usable(&mut self, now: Timestamp, needed: Duration) -> bool {
        let lasts = !now.after(needed).is_past(self.expires, Duration::ZERO);
        lasts && !self.memory.is_over.load(Relaxed) && matches!(self.host.try_wait(), Ok(None))
    }

    /// Ends it with all that it has started, and waits until that is gone.
    pub(super) async fn end(&mut self) {
        drop(self.lifeline.take());
        if timeout(ENDING_TIME, self.host.wait()).await.is_err() {
            // Its first process dies with it, and all others with that.
            let _ = self.host.start_kill();
            let _ = timeout(ENDING_TIME, self.host.wait()).await;
        }
    }

    async fn wait_until_ready(&mut self, limit: Duration) -> Result<(), Stopped> {
        let deadline = Instant::now() + START_TIME.max(limit);
        match self.hear(deadline, limit).await? {
            Said::Ready => Ok(()),
            Said::InitError(error) => Err(Stopped::InitError(error)),
            // An answer to nothing is refused by the API.
            _ => Ok(()),
        }
    }

    async fn work(&mut self, work: Work, limit: Duration) -> Result<Said, Stopped> {
        let deadline = Instant::now() + limit;
        if self.ends.work.send(work).await.is_err() {
            return Err(self.ended().await);
        }
        loop {
            match self.hear(deadline, limit).await? {
                // What it asked before it was given this.
                Said::Ready => {}
                said => return Ok(said),
            }
        }
    }

    /// Waits for what it says next, its end, its limits.
    async fn hear(&mut self, deadline: Instant, limit: Duration) -> Result<Said, Stopped> {
        tokio::select! {
            biased;
            () = self.memory.over() => Err(Stopped::Broken(Broken::OutOfMemory)),
            said = self.ends.said.recv() => match said {
                Some(said) => Ok(said),
                None => Err(Stopped::Broken(Broken::Ended(None))),
            },
            _ = self.host.wait() => Err(self.ended().await),
            () = sleep_until(deadline) => Err(Stopped::Broken(Broken::TimedOut(limit))),
        }
    }

    /// Why it has ended.
    async fn ended(&mut self) -> Stopped {
        // It may have said why at the last moment.
        if let Ok(Said::InitError(error)) = self.ends.said.try_recv() {
            return Stopped::InitError(error);
        }
        let told = timeout(ENDING_TIME, &mut self.report).await;
        let told = told.ok().and_then(Result::ok).unwrap_or_default();
        match Report::read(&told) {
            Some(Report::Unfit(why)) => Stopped::Unfit(why),
            report => Stopped::Broken(Broken::Ended(report)),
        }
    }

    fn broken(
        &self,
        broken: &Broken,
        request_id: &str,
        settings: &RuntimeSettings,
        is_spent: bool,
    ) -> (SecretBytes, Option<FunctionError>, String, bool) {
        let payload = broken.payload(request_id, real_now(settings));
        self.log.catch_up();
        if is_spent {
            // Lambda writes it to the log as well.
            if let Ok(text) = serde_json::from_slice::<serde_json::Value>(&payload) {
                let message = text["errorMessage"].as_str().unwrap_or_default();
                self.log.write(&format!("{message}\n\n"));
            }
        }
        let error = Some(FunctionError::Unhandled);
        (SecretBytes::new(payload), error, broken.status(), is_spent)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The lifeline closes by itself; nobody listens from here on.
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Why an invocation has no answer of the function's.
enum Stopped {
    Broken(Broken),
    InitError(SecretBytes),
    Unfit(String),
}

impl Memory {
    /// Looks at the processes of a function for as long as they are there.
    async fn watch(self: Arc<Self>, host: u32, levels: usize, limit: u64) {
        loop {
            let looked = tokio::task::spawn_blocking(move || {
                peers::memory_bytes(&peers::descendants(host, levels))
            });
            let bytes = looked.await.unwrap_or(0);
            self.most_bytes.fetch_max(bytes, Relaxed);
            if bytes > limit {
                self.is_over.store(true, Relaxed);
                self.over.notify_waiters();
            }
            if self.is_busy.load(Relaxed) {
                sleep(BUSY_ROUND).await;
            } else {
                let _ = timeout(IDLE_ROUND, self.woken.notified()).await;
            }
        }
    }

    /// Waits until the processes take more than they may.
    pub(super) async fn over(&self) {
        let notified = self.over.notified();
        if !self.is_over.load(Relaxed) {
            notified.await;
        }
    }

    fn set_busy(&self, is_busy: bool) {
        self.is_busy.store(is_busy, Relaxed);
        if is_busy {
            self.woken.notify_one();
        }
    }
}

/// The time of day, also where the domain's clock is ahead.
fn real_now(settings: &RuntimeSettings) -> Timestamp {
    let clock = &settings.clock;
    Timestamp::from_milliseconds(clock.now().milliseconds() - clock.ahead_milliseconds())
}

/// What the host is to do, as it is sent.
fn order(parts: &Parts<'_>, runtime_api: &str) -> Result<Vec<u8>, String> {
    let (settings, launch) = (parts.settings, parts.launch);
    let is_apart = settings.isolation == Isolation::Full;
    let (code, runtime) = if is_apart {
        (Path::new(host::CODE), Path::new(host::RUNTIME))
    } else {
        (parts.code.as_path(), parts.bootstrap)
    };
    let mut runtime_files = bootstrap_files();
    let mut ca_bundle = None;
    if let Some(bundle) = &settings.ca_bundle {
        let content = std::fs::read_to_string(bundle)
            .map_err(|error| format!("{} can't be read: {error}", bundle.display()))?;
        if is_apart {
            runtime_files.push((CA_BUNDLE.to_owned(), content));
            ca_bundle = Some(runtime.join(CA_BUNDLE).display().to_string());
        } else {
            ca_bundle = Some(bundle.display().to_string());
        }
    }
    let interpreter = parts.interpreter;
    let programs = interpreter.and_then(|interpreter| interpreter.program.parent());
    let today: String = rfc3339(real_now(settings)).chars().take(10).collect();
    let version = launch.function.qualifier.as_deref().unwrap_or("$LATEST");
    let log_stream = format!(
        "{}/[{version}]{}",
        today.replace('-', "/"),
        crate::edge::new_request_id().to_string().replace('-', "")
    );
    let around = Surroundings {
        credentials: parts.credentials,
        runtime_api,
        log_stream: &log_stream,
        code,
        runtime,
        programs,
        ca_bundle: ca_bundle.as_deref(),
    };
    let mut environment = variables(launch, settings, &around);
    let kind = interpreter.map_or("provided", |interpreter| interpreter.name.as_str());
    environment.push(("AWS_EXECUTION_ENV".to_owned(), format!("AWS_Lambda_{kind}")));
    let mut readable: Vec<_> = SYSTEM.iter().map(Into::into).collect();
    readable.extend(
        interpreter
            .iter()
            .flat_map(|interpreter| interpreter.readable.iter().cloned()),
    );
    let order = Order {
        isolation: settings.isolation,
        program: program(launch, interpreter, code, runtime),
        environment,
        code: parts.code.as_path().to_owned(),
        root: parts.root.to_owned(),
        readable,
        hidden: settings.hidden.clone(),
        runtime_files,
        tmp_bytes: settings.tmp_bytes,
        memory_bytes: u64::from(launch.memory_mib) * 1024 * 1024,
    };
    let order = serde_json::to_vec(&order).map_err(|error| error.to_string())?;
    if order.len() > ORDER_BYTES_MAX {
        return Err("the function's environment variables are too large".to_owned());
    }
    Ok(order)
}

fn program(
    launch: &Launch,
    interpreter: Option<&Interpreter>,
    code: &Path,
    runtime: &Path,
) -> Vec<String> {
    let inside = |folder: &Path, file: &str| folder.join(file).display().to_string();
    let interpreter_path = interpreter.map_or(String::new(), |interpreter| {
        interpreter.program.display().to_string()
    });
    match launch.language {
        Language::Provided => vec![inside(code, "bootstrap")],
        Language::Python
            if interpreter.is_some_and(|interpreter| interpreter.has_runtime_client) =>
        {
            ["-m", "awslambdaric", launch.handler.as_str()].iter().fold(
                vec![interpreter_path],
                |mut parts, part| {
                    parts.push((*part).to_owned());
                    parts
                },
            )
        }
        Language::Python => vec![interpreter_path, inside(runtime, PYTHON_BOOTSTRAP)],
        Language::Node => vec![
            interpreter_path,
            format!("--max-old-space-size={}", old_space_mib(launch.memory_mib)),
            inside(runtime, NODE_BOOTSTRAP),
        ],
    }
}

/// How much of a function's memory is for what lives long, as Lambda has it: nine tenths.
fn old_space_mib(memory_mib: u32) -> u32 {
    memory_mib - memory_mib / 10
}

/// Our own files that a function's process is started with.
pub(super) fn bootstrap_files() -> Vec<(String, String)> {
    [
        (PYTHON_BOOTSTRAP, include_str!("bootstrap/bootstrap.py")),
        (NODE_BOOTSTRAP, include_str!("bootstrap/bootstrap.mjs")),
    ]
    .map(|(name, content)| (name.to_owned(), content.to_owned()))
    .into()
}

const PYTHON_BOOTSTRAP: &str = "bootstrap.py";
const NODE_BOOTSTRAP: &str = "bootstrap.mjs";
const CA_BUNDLE: &str = "ca.pem";
