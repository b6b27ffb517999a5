//! The other side of an anchor: this server as a witness of other logs. It keeps the newest head of each, in its own audit
//! log as well, and refuses one that goes back.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use http::StatusCode;
use strongroom_audit::{Head, LogId};
use strongroom_keys::SecretBytes;
use tokio::sync::Mutex;

use crate::audit::state_file::{self, Keep};

/// Bytes of a head's line; it has a quarter of it.
pub const HEAD_BYTES_MAX: usize = 2048;
/// How many logs are witnessed: whoever has the token could make up any number.
const LOGS_MAX: usize = 1000;

/// Writes a note into this server's own log, and comes back once it is durable.
pub type Note =
    Box<dyn Fn(String) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// A witness.
pub struct Witness {
    folder: PathBuf,
    token: SecretBytes,
    note: Note,
    /// One at a time, since what was kept is read and replaced. Holds what was refused last, which is noted once however
    /// often it comes.
    refused: Mutex<HashMap<LogId, Head>>,
}

impl Witness {
    /// A witness for whoever has a token. It keeps heads in a folder, `audit-state` of the data.
    #[must_use]
    pub fn new(state_folder: &Path, token: SecretBytes, note: Note) -> Self {
        Witness {
            folder: state_folder.join("witness"),
            token,
            note,
            refused: Mutex::default(),
        }
    }

    /// Takes a head in: a status, and a line about it.
    pub async fn take(&self, authorization: Option<&[u8]>, body: &[u8]) -> (StatusCode, String) {
        let token = authorization.and_then(|value| value.strip_prefix(b"Bearer "));
        if !token.is_some_and(|token| self.token.matches(&SecretBytes::copy_of(token))) {
            return (
                StatusCode::UNAUTHORIZED,
                "a head is taken from whoever has the token of audit.witness_token_file".to_owned(),
            );
        }
        let text = str::from_utf8(body)
            .ok()
            .filter(|_| body.len() <= HEAD_BYTES_MAX);
        let Some(head) = text.and_then(Head::decode) else {
            return (
                StatusCode::BAD_REQUEST,
                "this is no head of an audit log".to_owned(),
            );
        };
        let mut refused = self.refused.lock().await;
        let broken = |why: String| (StatusCode::INTERNAL_SERVER_ERROR, why);
        let kept = match self.kept(head.log) {
            Ok(kept) => kept,
            Err(why) => return broken(why),
        };
        match kept {
            Some(kept) if kept == head => return (StatusCode::OK, "known".to_owned()),
            Some(kept) if goes_back(&kept, &head) => {
                let told = format!(
                    "record {} with hash {} was witnessed already, and record {} with hash {} doesn't come after it",
                    kept.sequence, kept.hash, head.sequence, head.hash
                );
                if refused.get(&head.log) == Some(&head) {
                    return (StatusCode::CONFLICT, told);
                }
                tracing::error!(log = %head.log, told, "a witnessed log goes back");
                let note = serde_json::json!({"witness": "refused", "head": head.encode(), "kept": kept.encode()});
                return match (self.note)(note.to_string()).await {
                    Ok(()) => {
                        refused.insert(head.log, head);
                        (StatusCode::CONFLICT, told)
                    }
                    Err(why) => broken(why),
                };
            }
            Some(_) => {}
            None if self.count() >= LOGS_MAX => {
                return (
                    StatusCode::INSUFFICIENT_STORAGE,
                    format!("{LOGS_MAX} logs are witnessed already, and no more"),
                );
            }
            None => {}
        }
        let note = serde_json::json!({"witness": "kept", "head": head.encode()});
        if let Err(why) = (self.note)(note.to_string()).await {
            return broken(why);
        }
        let line = format!("{}\n", head.encode());
        match state_file::put(&self.file_of(head.log), line.as_bytes(), Keep::Durably) {
            Ok(()) => (StatusCode::OK, "kept".to_owned()),
            Err(why) => broken(why),
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
            Ok(Some(head)) => (StatusCode::OK, head.encode()),
            Ok(None) => (
                StatusCode::NOT_FOUND,
                "this log was never witnessed".to_owned(),
            ),
            Err(why) => (StatusCode::INTERNAL_SERVER_ERROR, why),
        }
    }

    fn kept(&self, log: LogId) -> Result<Option<Head>, String> {
        let path = self.file_of(log);
        match std::fs::read_to_string(&path) {
            Ok(text) => match Head::decode(&text).filter(|head| head.log == log) {
                Some(head) => Ok(Some(head)),
                None => Err(format!("{} is damaged", path.display())),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{} can't be read ({error})", path.display())),
        }
    }

    fn count(&self) -> usize {
        std::fs::read_dir(&self.folder).map_or(0, Iterator::count)
    }

    fn file_of(&self, log: LogId) -> PathBuf {
        self.folder.join(format!("{log}.json"))
    }
}

/// Whether a log that had one head can't have the other later.
fn goes_back(kept: &Head, head: &Head) -> bool {
    head.sequence < kept.sequence || head.sequence == kept.sequence && head.hash != kept.hash
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Witness({})", self.folder.display())
    }
}
