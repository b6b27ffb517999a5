//! What a witness refused: kept until an operator has dealt with it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use strongroom_audit::PublicKey;
use strongroom_keys::sha256;

use super::judging::{Message, Refusal, Wrong};
use crate::audit::state_file::{self, Keep};

/// How many are kept, the newest ones: whoever has the token could make up any number. All are in the audit log.
const FINDINGS_MAX: usize = 100;
const FORMAT: u32 = 1;

/// A head that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Finding {
    /// Names it: made of the head and of who signed it.
    pub id: String,
    /// When it came first, in RFC 3339.
    pub since: String,
    /// The log that it was said to be of.
    pub log_id: String,
    /// What is wrong with it.
    pub wrong: Wrong,
    /// The same in words.
    pub what: String,
    /// Its line.
    pub head: String,
    /// Who signed it, in base64, where somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct File {
    format: u32,
    findings: Vec<Finding>,
}

/// All that weren't dealt with yet, oldest first, in memory and in a file.
pub(super) struct Findings {
    path: PathBuf,
    kept: Vec<Finding>,
}

impl Finding {
    pub(super) fn of(message: &Message, refusal: Refusal, since: String) -> Self {
        let head = message.head.encode();
        let public_key = refusal.signer.map(PublicKey::to_base64);
        let signer = public_key.as_deref().unwrap_or_default();
        let hash = sha256(format!("{head}\n{signer}").as_bytes());
        Finding {
            id: hash[..8].iter().map(|byte| format!("{byte:02x}")).collect(),
            since,
            log_id: message.head.log.to_string(),
            wrong: refusal.wrong,
            what: refusal.told,
            head,
            public_key,
        }
    }
}

impl Findings {
    /// Those that a file has. One that can't be read is begun anew: the audit log has all of them, too.
    pub(super) fn read(path: PathBuf) -> Self {
        let kept = match state_file::read::<File>(&path) {
            Ok(Some(file)) if file.format == FORMAT => file.findings,
            Ok(None) => Vec::new(),
            Ok(Some(File { format, .. })) => {
                tracing::error!(format, "{} is of a newer version", path.display());
                Vec::new()
            }
            Err(why) => {
                tracing::error!(why, "what the witness refused is in the audit log alone");
                Vec::new()
            }
        };
        Findings { path, kept }
    }

    pub(super) fn all(&self) -> &[Finding] {
        &self.kept
    }

    pub(super) fn find(&self, id: &str) -> Option<&Finding> {
        self.kept.iter().find(|finding| finding.id == id)
    }

    pub(super) fn add(&mut self, finding: Finding) -> Result<(), String> {
        if self.kept.len() >= FINDINGS_MAX {
            self.kept.remove(0);
        }
        self.kept.push(finding);
        self.write()
    }

    pub(super) fn remove(&mut self, id: &str) -> Result<(), String> {
        self.kept.retain(|finding| finding.id != id);
        self.write()
    }

    fn write(&self) -> Result<(), String> {
        let file = File {
            format: FORMAT,
            findings: self.kept.clone(),
        };
        state_file::write(&self.path, &file, Keep::Durably)
    }
}
