//! The digest of a closed segment: what its key vouches for, as one line of JSON.

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use crate::hash::hash_of;
use crate::keys::{Purpose, SIGNATURE_BYTES};
use crate::{Hash, KeyId, LogId, PublicKey, SigningKey};

/// What is signed of a closed segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digest {
    pub(crate) log: LogId,
    pub(crate) segment: u64,
    pub(crate) first_sequence: u64,
    pub(crate) last_sequence: u64,
    /// What its first record is chained to.
    pub(crate) previous_hash: Hash,
    /// The hash of its last record.
    pub(crate) last_hash: Hash,
    pub(crate) records: u64,
    pub(crate) first_milliseconds: i64,
    pub(crate) last_milliseconds: i64,
    /// The compressed file: its name, length and SHA-256.
    pub(crate) file: String,
    pub(crate) file_bytes: u64,
    pub(crate) file_sha256: Hash,
    /// The SHA-256 of the digest before; zeros, where there is none.
    pub(crate) previous_digest: Hash,
    pub(crate) key_id: KeyId,
    pub(crate) signature: [u8; SIGNATURE_BYTES],
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Line {
    log_id: String,
    segment: u64,
    first_sequence: u64,
    last_sequence: u64,
    previous_hash: String,
    last_hash: String,
    records: u64,
    first_milliseconds: i64,
    last_milliseconds: i64,
    file: String,
    file_bytes: u64,
    file_sha256: String,
    previous_digest: String,
    key_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    signature: String,
}

impl Digest {
    /// The same, signed by this key.
    pub(crate) fn signed(mut self, key: &SigningKey) -> Self {
        self.key_id = key.public().id();
        self.signature = key.sign(Purpose::Digest, &self.message());
        self
    }

    /// The file's bytes: one line of JSON.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.line(BASE64.encode(&self.signature));
        bytes.push(b'\n');
        bytes
    }

    /// Reads what [`Self::encode`] wrote, and nothing that only means the same. It isn't verified.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let line: Line = serde_json::from_slice(bytes).ok()?;
        let signature = BASE64.decode(line.signature.as_bytes()).ok()?;
        let digest = Self {
            log: LogId::parse(&line.log_id)?,
            segment: line.segment,
            first_sequence: line.first_sequence,
            last_sequence: line.last_sequence,
            previous_hash: Hash::parse(&line.previous_hash)?,
            last_hash: Hash::parse(&line.last_hash)?,
            records: line.records,
            first_milliseconds: line.first_milliseconds,
            last_milliseconds: line.last_milliseconds,
            file: line.file,
            file_bytes: line.file_bytes,
            file_sha256: Hash::parse(&line.file_sha256)?,
            previous_digest: Hash::parse(&line.previous_digest)?,
            key_id: KeyId::parse(&line.key_id)?,
            signature: signature.try_into().ok()?,
        };
        (digest.encode() == bytes).then_some(digest)
    }

    /// What the next digest says of this one.
    pub(crate) fn hash(&self) -> Hash {
        hash_of(&self.encode())
    }

    pub(crate) fn is_signed_by(&self, key: PublicKey) -> bool {
        key.id() == self.key_id && key.verifies(Purpose::Digest, &self.message(), &self.signature)
    }

    /// What is signed: the line without its signature.
    fn message(&self) -> Vec<u8> {
        self.line(String::new())
    }

    fn line(&self, signature: String) -> Vec<u8> {
        let line = Line {
            log_id: self.log.to_string(),
            segment: self.segment,
            first_sequence: self.first_sequence,
            last_sequence: self.last_sequence,
            previous_hash: self.previous_hash.to_string(),
            last_hash: self.last_hash.to_string(),
            records: self.records,
            first_milliseconds: self.first_milliseconds,
            last_milliseconds: self.last_milliseconds,
            file: self.file.clone(),
            file_bytes: self.file_bytes,
            file_sha256: self.file_sha256.to_string(),
            previous_digest: self.previous_digest.to_string(),
            key_id: self.key_id.to_string(),
            signature,
        };
        crate::segment::json(&line)
    }
}
