//! Anchors: the log's newest signed head, kept where whoever can change the log can't: a file, a web server, another
//! Strongroom as a witness, and this machine's own memory of the log. A log that was cut off or put back from an older
//! copy is found by comparing it with any of them.
//!
//! Heads are read from the log's own file, so nothing here is ever ahead of what is durable.

pub mod memory;
pub mod witness;

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode};
use strongroom_audit::{Head, LogId, PublicKey};
use tokio::sync::watch;

use self::memory::Memory;
use super::PublicKeys;
use super::background::Background;
use super::feeds::{Post, Undelivered, jittered};
use crate::clock::Clock;
use crate::workers::WorkerState;

/// The file with the newest heads, in the log's folder.
const HEAD_FILE: &str = "head";
/// How long an anchor is waited for; at the end, when somebody waits for the server to be gone, less.
const PATIENCE: Duration = Duration::from_secs(30);
const PATIENCE_AT_THE_END: Duration = Duration::from_secs(3);
/// How often the machine's memory is brought up to date while the log grows.
const MEMORY_INTERVAL: Duration = Duration::from_secs(1);
/// How soon it is tried again after a failure, where the next time isn't sooner.
const RETRY: Duration = Duration::from_secs(20);
/// Characters that are told of what a witness says.
const SAYS_CHARACTERS_MAX: usize = 500;

/// An anchor.
#[derive(Debug)]
pub struct Anchor {
    /// Where heads go.
    pub target: AnchorTarget,
    /// From one to the next, while the log grows.
    pub every: Duration,
}

/// Where heads go.
#[derive(Debug)]
pub enum AnchorTarget {
    /// A file that is only ever appended to, a head a line.
    File(PathBuf),
    /// A web server that is told each head.
    Url(Post),
    /// Another Strongroom, which refuses a head that goes back.
    Witness(Post),
}

/// The newest head in a log's folder; `None` where there is none.
///
/// # Errors
/// Its file can't be read.
pub fn newest_head(log_folder: &Path) -> Result<Option<Head>, String> {
    let path = log_folder.join(HEAD_FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{} can't be read ({error})", path.display())),
    };
    let heads = text.lines().filter_map(Head::decode);
    Ok(heads.max_by_key(|head| head.sequence))
}

/// Tells who signs a log, in the line that a witness is sent behind a head.
pub type KeysOf = Arc<dyn Fn(LogId) -> Result<String, String> + Send + Sync>;

/// Anchors at work.
#[derive(Debug)]
pub struct Anchors {
    running: Vec<Arc<Running>>,
    memory: Option<Arc<Memory>>,
    log_folder: PathBuf,
    background: Mutex<Option<Background>>,
}

impl Anchors {
    /// Keeps the newest head of the log in a folder with all of these, from now on. `durable` follows the log, `keys`
    /// says who signs it.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(
        anchors: Vec<Anchor>,
        memory: Option<Memory>,
        (log_folder, keys): (&Path, &KeysOf),
        durable: &watch::Receiver<u64>,
    ) -> Result<Self, String> {
        let running: Vec<Arc<Running>> = anchors
            .into_iter()
            .map(|anchor| {
                let name = format!("anchor {}", anchor.target.place());
                Arc::new(Running {
                    state: Mutex::new(WorkerState {
                        name: name.into(),
                        last_run: None,
                        done: 0,
                        last_error: None,
                    }),
                    kept: Mutex::new(None),
                    keys: Keys {
                        of: Arc::clone(keys),
                        last: Mutex::default(),
                    },
                    anchor,
                })
            })
            .collect();
        let memory = memory.map(Arc::new);
        let background = Background::start("audit-anchors", |ended| {
            let mut work: Vec<super::background::Work> = Vec::new();
            for each in &running {
                let (each, folder) = (Arc::clone(each), log_folder.to_owned());
                let (durable, mut ended) = (durable.clone(), ended.clone());
                work.push(Box::pin(async move {
                    tokio::select! {
                        () = each.keep_up(&folder, durable) => {}
                        _ = ended.changed() => {}
                    }
                }));
            }
            if let Some(memory) = &memory {
                let (memory, folder) = (Arc::clone(memory), log_folder.to_owned());
                let (durable, mut ended) = (durable.clone(), ended.clone());
                work.push(Box::pin(async move {
                    tokio::select! {
                        () = remember(&memory, &folder, durable) => {}
                        _ = ended.changed() => {}
                    }
                }));
            }
            work
        })?;
        Ok(Anchors {
            running,
            memory,
            log_folder: log_folder.to_owned(),
            background: Mutex::new(Some(background)),
        })
    }

    /// How each is doing.
    pub fn states(&self) -> Vec<WorkerState> {
        let states = self.running.iter().map(|running| running.lock().clone());
        states.collect()
    }

    /// Keeps the last head of a log that was closed, and ends. Waits a few seconds at most.
    pub async fn finish(&self) {
        let background = self
            .background
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(background);
        if let Some(memory) = &self.memory {
            memory.refresh(&self.log_folder);
        }
        let last: Vec<_> = self
            .running
            .iter()
            .map(|running| {
                let (running, folder) = (Arc::clone(running), self.log_folder.clone());
                tokio::spawn(async move {
                    running.keep_newest(&folder, PATIENCE_AT_THE_END).await;
                })
            })
            .collect();
        for last in last {
            // A broken one has told so.
            let _ = last.await;
        }
    }
}

/// Keeps the machine's memory right while the log grows.
async fn remember(memory: &Memory, folder: &Path, mut durable: watch::Receiver<u64>) {
    loop {
        let newest = *durable.borrow_and_update();
        // The file with heads is a little behind.
        if memory.refresh(folder) >= newest && durable.changed().await.is_err() {
            return;
        }
        tokio::time::sleep(MEMORY_INTERVAL).await;
    }
}

/// Who signs the log.
struct Keys {
    of: KeysOf,
    /// As it was last, for when the server ends and can't be asked any more.
    last: Mutex<Option<String>>,
}

impl Keys {
    /// The line about them, where they signed this head.
    fn of(&self, head: &Head) -> Result<String, String> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let line = match (self.of)(head.log) {
            Ok(line) => last.insert(line).clone(),
            Err(why) => last.clone().ok_or(why)?,
        };
        drop(last);
        let keys: PublicKeys = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        let mut newest = keys.public_keys.iter().rev();
        // A witness believes a new key by the word of the one before, which is in the store a moment after the first head.
        newest
            .any(|key| PublicKey::from_base64(key).is_some_and(|key| key.id() == head.key_id))
            .then_some(line)
            .ok_or_else(|| format!("the store doesn't have key {} of the log", head.key_id))
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Keys")
    }
}

/// An anchor at work.
#[derive(Debug)]
struct Running {
    anchor: Anchor,
    keys: Keys,
    state: Mutex<WorkerState>,
    /// The head that it has.
    kept: Mutex<Option<Head>>,
}

impl Running {
    async fn keep_up(&self, folder: &Path, mut durable: watch::Receiver<u64>) {
        loop {
            let newest = *durable.borrow_and_update();
            let every = self.anchor.every;
            if !self.keep_newest(folder, PATIENCE).await {
                tokio::time::sleep(jittered(every.min(RETRY))).await;
                continue;
            }
            let kept = self.kept().as_ref().map_or(0, |head| head.sequence);
            // The file with heads is a little behind.
            if kept >= newest && durable.changed().await.is_err() {
                return;
            }
            tokio::time::sleep(every).await;
        }
    }

    /// Whether the anchor has the newest head now.
    async fn keep_newest(&self, folder: &Path, within: Duration) -> bool {
        let kept = match newest_head(folder) {
            Ok(None) => return true,
            Ok(Some(head)) if Some(&head) == self.kept().as_ref() => return true,
            Ok(Some(head)) => {
                let keeping = self.anchor.target.keep(&head, &self.keys, within);
                match tokio::time::timeout(within, keeping).await {
                    Ok(result) => result.map(|()| head),
                    Err(_) => Err(format!("no answer within {} seconds", within.as_secs())),
                }
            }
            Err(why) => Err(why),
        };
        let mut state = self.lock();
        match kept {
            Ok(head) => {
                state.done += 1;
                state.last_run = Some(Clock::default().now());
                state.last_error = None;
                drop(state);
                *self.kept() = Some(head);
                true
            }
            Err(why) => {
                if state.last_error.as_ref() != Some(&why) {
                    tracing::error!(anchor = %state.name, why, "the audit log's head is not anchored");
                }
                state.last_error = Some(why);
                false
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, WorkerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Option<Head>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AnchorTarget {
    /// Where it is, without what may be secret.
    fn place(&self) -> String {
        match self {
            AnchorTarget::File(path) => path.display().to_string(),
            AnchorTarget::Url(post) => post.url().to_owned(),
            AnchorTarget::Witness(post) => format!("witness {}", post.url()),
        }
    }

    async fn keep(&self, head: &Head, keys: &Keys, within: Duration) -> Result<(), String> {
        let line = format!("{}\n", head.encode());
        match self {
            AnchorTarget::File(path) => {
                let to = path.clone();
                let writing = tokio::task::spawn_blocking(move || append(&to, line.as_bytes()));
                let written = writing
                    .await
                    .unwrap_or_else(|error| Err(io::Error::other(error)));
                written.map_err(|error| {
                    let path = path.display();
                    format!("{path} can't be written ({error}): check its folder, its owner and the space")
                })
            }
            AnchorTarget::Url(post) => {
                let sent = post
                    .send("application/json", line.into_bytes(), &[], within)
                    .await;
                match sent {
                    Ok(_) => Ok(()),
                    Err(Undelivered::Failed(why) | Undelivered::TooLarge(why)) => Err(why),
                }
            }
            AnchorTarget::Witness(post) => {
                let line = format!("{line}{}\n", keys.of(head)?);
                let answer = post
                    .ask(
                        Method::POST,
                        "application/json",
                        line.into_bytes(),
                        &[],
                        within,
                    )
                    .await?;
                if answer.status.is_success() {
                    return Ok(());
                }
                let says = String::from_utf8_lossy(answer.body.expose());
                let plain = says
                    .chars()
                    .map(|char| if char.is_control() { ' ' } else { char });
                let says: String = plain.take(SAYS_CHARACTERS_MAX).collect();
                Err(match answer.status {
                    StatusCode::FORBIDDEN => format!(
                        "{} doesn't believe who signed this log's head: {}",
                        post.url(),
                        says.trim()
                    ),
                    StatusCode::CONFLICT => format!(
                        "{} refuses this log's head: {}. Either its end was lost, or it was put back from an older \
                         copy, or two servers run on copies of it",
                        post.url(),
                        says.trim().trim_end_matches('.')
                    ),
                    status => format!(
                        "{} answers {}: {}",
                        post.url(),
                        status.as_u16(),
                        says.trim()
                    ),
                })
            }
        }
    }
}

fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o640)
        .open(path)?;
    file.write_all(line)?;
    file.sync_data()
}
