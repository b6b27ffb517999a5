//! Whether a head that came is believed: who signed it, whether that is whom the log had sign before, and whether it goes
//! on from what is known. Nothing here reads or writes.

use serde::{Deserialize, Serialize};
use strongroom_audit::{Head, PublicKey};

use crate::audit::PublicKeys;

/// What a server says: the newest head of its log, a line, and who signs that log, another.
pub(super) struct Message {
    pub(super) head: Head,
    keys: PublicKeys,
}

/// What is known of a log.
pub(super) struct Known {
    pub(super) head: Head,
    /// Who signs it; `None` where only its head was kept, as earlier versions did.
    pub(super) key: Option<PublicKey>,
}

/// Why a key is believed to be a log's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trust {
    /// It signed the first head that came.
    FirstUse,
    /// The log's key before says so.
    VouchedFor,
    /// An operator of the witness says so.
    Accepted,
}

/// What is wrong with a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wrong {
    /// None of the log's keys signed it.
    Signature,
    /// A key signed it that the known one doesn't vouch for.
    Key,
    /// It doesn't come after the one that is known.
    GoesBack,
}

/// Why a head isn't believed.
pub(super) struct Refusal {
    pub(super) wrong: Wrong,
    pub(super) told: String,
    /// Who signed, where somebody did.
    pub(super) signer: Option<PublicKey>,
}

impl Message {
    /// `None`: these bytes are something else.
    pub(super) fn decode(body: &[u8]) -> Option<Self> {
        let text = str::from_utf8(body).ok()?.trim_end();
        let (head, keys) = match text.split_once('\n') {
            Some((head, keys)) => (head, serde_json::from_str(keys).ok()?),
            None => (text, PublicKeys::default()),
        };
        Some(Message {
            head: Head::decode(head)?,
            keys,
        })
    }

    /// Who signed it and, where the key is a new one, why it is believed.
    pub(super) fn judge(
        &self,
        known: Option<&Known>,
    ) -> Result<(PublicKey, Option<Trust>), Refusal> {
        let head = &self.head;
        let trusted = known.and_then(|known| known.key);
        let sent = self.keys.public_keys.iter();
        let sent = sent.filter_map(|key| PublicKey::from_base64(key));
        let signer = trusted.into_iter().chain(sent);
        let Some(signer) = signer.into_iter().find(|key| head.is_signed_by(*key)) else {
            return Err(Refusal {
                wrong: Wrong::Signature,
                told: format!(
                    "the head of record {} isn't signed by a key of its log: key {} should have, and the signature is wrong \
                     or the key didn't come along",
                    head.sequence, head.key_id
                ),
                signer: None,
            });
        };
        let trust = match trusted {
            None => Some(Trust::FirstUse),
            Some(trusted) if trusted == signer => None,
            Some(trusted) if self.vouches(trusted, signer) => Some(Trust::VouchedFor),
            Some(trusted) => {
                return Err(Refusal {
                    wrong: Wrong::Key,
                    told: format!(
                        "the head of record {} is signed by key {}, and the log's key is {}, which doesn't vouch for it",
                        head.sequence,
                        signer.id(),
                        trusted.id()
                    ),
                    signer: Some(signer),
                });
            }
        };
        match known.map(|known| &known.head) {
            Some(kept) if goes_back(kept, head) => Err(Refusal {
                wrong: Wrong::GoesBack,
                told: format!(
                    "record {} with hash {} was witnessed already, and record {} with hash {} doesn't come after it",
                    kept.sequence, kept.hash, head.sequence, head.hash
                ),
                signer: Some(signer),
            }),
            _ => Ok((signer, trust)),
        }
    }

    /// Whether a key is followed by another, each by the word of the one before.
    fn vouches(&self, trusted: PublicKey, signer: PublicKey) -> bool {
        let mut last = trusted;
        for note in &self.keys.new_keys {
            match note.keys(self.head.log) {
                Some((old, new)) if old == last => last = new,
                _ => {}
            }
        }
        last == signer
    }
}

/// Whether a log that had one head can't have the other later.
fn goes_back(kept: &Head, head: &Head) -> bool {
    head.sequence < kept.sequence || head.sequence == kept.sequence && head.hash != kept.hash
}
