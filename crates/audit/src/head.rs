//! The signed head: how far the log went, as one line of JSON that its key vouches for.
//!
//! It lies in the file `head`, in the store, and with whoever anchors it.

use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};

use crate::keys::{Purpose, SIGNATURE_BYTES};
use crate::{Hash, KeyId, LogId, PublicKey, SigningKey};

/// How far a log went at a time, signed by its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which log.
    pub log: LogId,
    /// Its newest record that was durable.
    pub sequence: u64,
    /// That record's hash, which stands for everything before it too.
    pub hash: Hash,
    /// When it was signed, in milliseconds since 1970, by the log's clock.
    pub milliseconds: i64,
    /// The store's revision, as far as the log knew it.
    pub store_revision: u64,
    /// Who signed.
    pub key_id: KeyId,
    /// Over all of the above.
    pub signature: [u8; SIGNATURE_BYTES],
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Line {
    log_id: String,
    sequence: u64,
    hash: String,
    milliseconds: i64,
    store_revision: u64,
    key_id: String,
    signature: String,
}

impl Head {
    pub(crate) fn signed(
        log: LogId,
        sequence: u64,
        hash: Hash,
        milliseconds: i64,
        store_revision: u64,
        key: &SigningKey,
    ) -> Self {
        let mut head = Self {
            log,
            sequence,
            hash,
            milliseconds,
            store_revision,
            key_id: key.public().id(),
            signature: [0; SIGNATURE_BYTES],
        };
        head.signature = key.sign(Purpose::Head, &head.message());
        head
    }

    /// One line of JSON, without a line end. The same head has always the same line.
    pub fn encode(&self) -> String {
        let line = Line {
            log_id: self.log.to_string(),
            sequence: self.sequence,
            hash: self.hash.to_string(),
            milliseconds: self.milliseconds,
            store_revision: self.store_revision,
            key_id: self.key_id.to_string(),
            signature: BASE64.encode(&self.signature),
        };
        // A map of texts and numbers always has a JSON form.
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// Reads what [`Self::encode`] wrote, with nothing but white space around it. It isn't verified.
    pub fn decode(text: &str) -> Option<Self> {
        let line: Line = serde_json::from_str(text).ok()?;
        let head = Self {
            log: LogId::parse(&line.log_id)?,
            sequence: line.sequence,
            hash: Hash::parse(&line.hash)?,
            milliseconds: line.milliseconds,
            store_revision: line.store_revision,
            key_id: KeyId::parse(&line.key_id)?,
            signature: BASE64
                .decode(line.signature.as_bytes())
                .ok()?
                .try_into()
                .ok()?,
        };
        // Nothing that means the same but is written otherwise.
        (head.encode() == text.trim()).then_some(head)
    }

    /// Whether this key signed it.
    pub fn is_signed_by(&self, key: PublicKey) -> bool {
        key.id() == self.key_id && key.verifies(Purpose::Head, &self.message(), &self.signature)
    }

    /// What is signed.
    fn message(&self) -> Vec<u8> {
        [
            &self.log.0[..],
            &self.sequence.to_le_bytes(),
            &self.hash.0,
            &self.milliseconds.to_le_bytes(),
            &self.store_revision.to_le_bytes(),
            &self.key_id.0,
        ]
        .concat()
    }
}

impl LogId {
    /// Reads what `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self(
            HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()?,
        ))
    }
}

impl std::fmt::Display for LogId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}
