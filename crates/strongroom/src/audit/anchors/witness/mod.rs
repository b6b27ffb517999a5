//! The other side of an anchor: this server as a witness of other logs. It keeps the newest head of each, in its own audit
//! log as well, believes only whom the log has sign, and refuses a head that goes back.

mod findings;
mod judging;

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strongroom_audit::{Head, LogId, PublicKey};
use strongroom_keys::SecretBytes;
use strongroom_services::time::rfc3339;

use self::findings::Findings;
use self::judging::{Known, Message};
use crate::audit::state_file::{self, Keep};
use crate::clock::Clock;
use crate::workers::WorkerState;

pub use self::findings::Finding;
pub use self::judging::{Trust, Wrong};

/// Bytes of what a server says: a head has five hundred, a key and the word for it three hundred.
pub const MESSAGE_BYTES_MAX: usize = 64 << 10;
/// How many logs are witnessed: whoever has the token could make up any number.
const LOGS_MAX: usize = 1000;
/// The files that logs and findings are in.
const FOLDER: &str = "witness";
const FINDINGS_FILE: &str = "witness-findings.json";

/// Writes a note into this server's own log, and comes back once it is durable.
pub type Note =
    Box<dyn Fn(String) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// A witness.
pub struct Witness {
    folder: PathBuf,
    token: SecretBytes,
    note: Note,
    /// One at a time, since what was kept is read and replaced.
    turn: tokio::sync::Mutex<()>,
    findings: Mutex<Findings>,
    state: Mutex<WorkerState>,
}

/// What is known of a log, as it is kept and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Witnessed {
    /// The newest head, its line.
    pub head: String,
    /// Who signs the log, in base64.
    pub public_key: String,
    /// Why that is believed.
    pub trust: Trust,
    /// Since when, in RFC 3339.
    pub trusted_since: String,
}

/// What an operator may do about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The head and its key are what is known of the log from now on.
    Accept,
    /// Nothing but to forget the finding.
    Dismiss,
}

impl Witness {
    /// A witness for whoever has a token. It keeps heads in a folder, `audit-state` of the data.
    #[must_use]
    pub fn new(state_folder: &Path, token: SecretBytes, note: Note) -> Self {
        Witness {
            folder: state_folder.join(FOLDER),
            token,
            note,
            turn: tokio::sync::Mutex::default(),
            findings: Mutex::new(Findings::read(state_folder.join(FINDINGS_FILE))),
            state: Mutex::new(WorkerState::new("witness")),
        }
    }

    /// Takes in what a server says of its log: a status, and a line about it.
    pub async fn take(&self, authorization: Option<&[u8]>, body: &[u8]) -> (StatusCode, String) {
        let token = authorization.and_then(|value| value.strip_prefix(b"Bearer "));
        if !token.is_some_and(|token| self.token.matches(&SecretBytes::copy_of(token))) {
            return (
                StatusCode::UNAUTHORIZED,
                "a head is taken from whoever has the token of audit.witness_token_file".to_owned(),
            );
        }
        let message = Some(body).filter(|body| body.len() <= MESSAGE_BYTES_MAX);
        let Some(message) = message.and_then(Message::decode) else {
            return (
                StatusCode::BAD_REQUEST,
                "this is no head of an audit log".to_owned(),
            );
        };
        let _turn = self.turn.lock().await;
        match self.judge(&message).await {
            Ok(answer) => answer,
            Err(why) => (StatusCode::INTERNAL_SERVER_ERROR, why),
        }
    }

    async fn judge(&self, message: &Message) -> Result<(StatusCode, String), String> {
        let head = &message.head;
        let kept = self.kept(head.log)?;
        let known = kept.as_ref().map(|(known, _)| known);
        if known.is_some_and(|known| known.head == *head && known.key.is_some()) {
            return Ok((StatusCode::OK, "known".to_owned()));
        }
        let now = || rfc3339(Clock::default().now());
        let (signer, trust) = match message.judge(known) {
            Ok(believed) => believed,
            Err(refusal) => {
                let kept = known.map(|known| known.head.encode());
                let finding = Finding::of(message, refusal, now());
                return self.refuse(finding, kept).await;
            }
        };
        if known.is_none() && self.count() >= LOGS_MAX {
            return Ok((
                StatusCode::INSUFFICIENT_STORAGE,
                format!("{LOGS_MAX} logs are witnessed already, and no more"),
            ));
        }
        let witnessed = match (trust, kept.and_then(|(_, witnessed)| witnessed)) {
            (None, Some(witnessed)) => Witnessed {
                head: head.encode(),
                ..witnessed
            },
            (trust, _) => Witnessed {
                head: head.encode(),
                public_key: signer.to_base64(),
                trust: trust.unwrap_or(Trust::FirstUse),
                trusted_since: now(),
            },
        };
        let mut note = json!({"witness": "kept", "head": witnessed.head});
        if let Some(trust) = trust {
            note["publicKey"] = Value::from(signer.to_base64());
            note["trust"] = json!(trust);
            tracing::info!(log = %head.log, key = %signer.id(), ?trust, "a witnessed log's key is believed from now on");
        }
        (self.note)(note.to_string()).await?;
        self.keep(head.log, &witnessed)?;
        let mut state = lock(&self.state);
        state.done += 1;
        state.last_run = Some(Clock::default().now());
        Ok((StatusCode::OK, "kept".to_owned()))
    }

    /// Refuses a head; notes it once, however often it comes.
    async fn refuse(
        &self,
        finding: Finding,
        kept: Option<String>,
    ) -> Result<(StatusCode, String), String> {
        let (status, remedy) = match finding.wrong {
            Wrong::Signature => (StatusCode::FORBIDDEN, String::new()),
            Wrong::Key => (
                StatusCode::FORBIDDEN,
                format!(
                    ". If the log's key was changed on purpose, say so on the witness: `strongroom audit witness --accept {}`",
                    finding.id
                ),
            ),
            Wrong::GoesBack => (
                StatusCode::CONFLICT,
                format!(
                    ". If it was put back on purpose, say so on the witness: `strongroom audit witness --accept {}`",
                    finding.id
                ),
            ),
        };
        let told = format!("{}{remedy}", finding.what);
        if lock(&self.findings).find(&finding.id).is_none() {
            tracing::error!(log = %finding.log_id, finding = %finding.id, what = %finding.what, "a witnessed log's head is refused");
            let note = json!({
                "witness": "refused", "finding": finding.id, "wrong": finding.wrong, "head": finding.head,
                "publicKey": finding.public_key, "kept": kept,
            });
            (self.note)(note.to_string()).await?;
            lock(&self.findings).add(finding)?;
        }
        Ok((status, told))
    }

    /// Does what an operator says about a finding.
    ///
    /// # Errors
    /// There is no such finding, or nothing to accept in it; or it can't be noted or kept.
    pub async fn settle(&self, id: &str, remedy: Remedy) -> Result<(), String> {
        let _turn = self.turn.lock().await;
        let found = lock(&self.findings).find(id).cloned();
        let finding = found.ok_or_else(|| {
            format!("there is no finding {id}: `strongroom audit witness` lists those there are")
        })?;
        let head = Head::decode(&finding.head);
        let accepted = match (remedy, head, &finding.public_key) {
            (Remedy::Dismiss, ..) => None,
            (Remedy::Accept, Some(head), Some(public_key)) => Some((head, public_key.clone())),
            (Remedy::Accept, ..) => {
                return Err(format!(
                    "finding {id} can't be accepted, as no key of the log signed the head: dismiss it once you know who sent \
                     it"
                ));
            }
        };
        let word = match remedy {
            Remedy::Accept => "accepted",
            Remedy::Dismiss => "dismissed",
        };
        let note = json!({
            "witness": word, "finding": id, "head": finding.head, "publicKey": finding.public_key,
        });
        (self.note)(note.to_string()).await?;
        if let Some((head, public_key)) = accepted {
            let witnessed = Witnessed {
                head: finding.head,
                public_key,
                trust: Trust::Accepted,
                trusted_since: rfc3339(Clock::default().now()),
            };
            self.keep(head.log, &witnessed)?;
        }
        lock(&self.findings).remove(id)
    }

    /// What was refused and isn't dealt with yet, oldest first.
    pub fn findings(&self) -> Vec<Finding> {
        lock(&self.findings).all().to_vec()
    }

    /// What is known of each log, in the order of their ids.
    ///
    /// # Errors
    /// Something can't be read.
    pub fn witnessed(&self) -> Result<Vec<Witnessed>, String> {
        let names = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .collect(),
            Err(_) => Vec::new(),
        };
        let logs = names
            .iter()
            .filter_map(|name| LogId::parse(name.strip_suffix(".json")?));
        let mut logs: Vec<LogId> = logs.collect();
        logs.sort_unstable();
        let mut all = Vec::new();
        for log in logs {
            all.extend(self.kept(log)?.and_then(|(_, witnessed)| witnessed));
        }
        Ok(all)
    }

    /// How it is doing: a finding is trouble until an operator has dealt with it.
    pub fn state(&self) -> WorkerState {
        let findings = self.findings();
        let last_error = findings.last().map(|newest| {
            format!(
                "{} heads of other logs were refused, the newest of log {}: {}. See `strongroom audit witness`",
                findings.len(),
                newest.log_id,
                newest.what
            )
        });
        WorkerState {
            last_error,
            ..lock(&self.state).clone()
        }
    }

    /// Gives the newest head of a log back.
    #[must_use]
    pub fn give(&self, log: &str) -> (StatusCode, String) {
        let Some(log) = LogId::parse(log) else {
            return (
                StatusCode::BAD_REQUEST,
                "this is no id of an audit log".to_owned(),
            );
        };
        match self.kept(log) {
            Ok(Some((known, _))) => (StatusCode::OK, known.head.encode()),
            Ok(None) => (
                StatusCode::NOT_FOUND,
                "this log was never witnessed".to_owned(),
            ),
            Err(why) => (StatusCode::INTERNAL_SERVER_ERROR, why),
        }
    }

    fn kept(&self, log: LogId) -> Result<Option<(Known, Option<Witnessed>)>, String> {
        let path = self.file_of(log);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{} can't be read ({error})", path.display())),
        };
        understood(&text)
            .filter(|(known, _)| known.head.log == log)
            .map(Some)
            .ok_or_else(|| format!("{} is damaged", path.display()))
    }

    fn keep(&self, log: LogId, witnessed: &Witnessed) -> Result<(), String> {
        state_file::write(&self.file_of(log), witnessed, Keep::Durably)
    }

    fn count(&self) -> usize {
        std::fs::read_dir(&self.folder).map_or(0, Iterator::count)
    }

    fn file_of(&self, log: LogId) -> PathBuf {
        self.folder.join(format!("{log}.json"))
    }
}

/// What a log's file says. Earlier versions kept the head's line alone.
fn understood(text: &str) -> Option<(Known, Option<Witnessed>)> {
    if let Some(head) = Head::decode(text) {
        return Some((Known { head, key: None }, None));
    }
    let witnessed: Witnessed = serde_json::from_str(text).ok()?;
    let known = Known {
        head: Head::decode(&witnessed.head)?,
        key: Some(PublicKey::from_base64(&witnessed.public_key)?),
    };
    Some((known, Some(witnessed)))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Witness({})", self.folder.display())
    }
}
