//! Segments: their files' names, how a raw one begins, and what the log's own records say.

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use crate::hash::{HASH_BYTES, Hash};
use crate::keys::Purpose;
use crate::record::{Parsed, Stored, parse};
use crate::{LogId, PublicKey, SigningKey};

/// The format that this program writes, and the newest that it reads.
pub(crate) const FORMAT: u8 = 1;

/// How a raw segment begins, before its format and the hash that its first record is chained to.
const MAGIC: [u8; 7] = *b"SRAUDIT";

/// Bytes before the first record.
pub(crate) const PREAMBLE_BYTES: usize = MAGIC.len() + 1 + HASH_BYTES;

/// The name of the file with the newest signed head.
pub(crate) const HEAD: &str = "head";

/// What a file in the folder is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    Head,
    /// A segment as it is written.
    Raw(u64),
    /// A closed segment, compressed.
    Compressed(u64),
    /// What was signed of a closed segment.
    Digest(u64),
}

impl Name {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == HEAD {
            return Some(Self::Head);
        }
        let (stem, ending) = text.strip_prefix("segment-")?.split_once('.')?;
        let number = stem.parse().ok()?;
        let name = match ending {
            "raw" => Self::Raw(number),
            "zst" => Self::Compressed(number),
            "digest" => Self::Digest(number),
            _ => return None,
        };
        // One name a file.
        (number > 0 && name.to_string() == text).then_some(name)
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Head => f.write_str(HEAD),
            Self::Raw(number) => write!(f, "segment-{number:08}.raw"),
            Self::Compressed(number) => write!(f, "segment-{number:08}.zst"),
            Self::Digest(number) => write!(f, "segment-{number:08}.digest"),
        }
    }
}

/// How a raw segment begins whose first record is chained to this hash.
pub(crate) fn preamble(previous: Hash) -> [u8; PREAMBLE_BYTES] {
    let mut bytes = [0; PREAMBLE_BYTES];
    bytes[..MAGIC.len()].copy_from_slice(&MAGIC);
    bytes[MAGIC.len()] = FORMAT;
    bytes[MAGIC.len() + 1..].copy_from_slice(&previous.0);
    bytes
}

/// What the beginning of a raw segment says.
pub(crate) enum Preamble {
    /// The hash that its first record is chained to.
    Sound(Hash),
    /// Its format is newer.
    Newer(u8),
    /// It isn't all there.
    Partial,
    /// It is none.
    Nonsense,
}

pub(crate) fn read_preamble(bytes: &[u8]) -> Preamble {
    let magic = bytes.len().min(MAGIC.len());
    if bytes[..magic] != MAGIC[..magic] {
        return Preamble::Nonsense;
    }
    match bytes.get(MAGIC.len()) {
        Some(&format) if format > FORMAT => Preamble::Newer(format),
        Some(&format) if format < FORMAT => Preamble::Nonsense,
        _ if bytes.len() < PREAMBLE_BYTES => Preamble::Partial,
        _ => Preamble::Sound(Hash::read(&bytes[MAGIC.len() + 1..])),
    }
}

/// How the records of a raw segment end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With a whole record.
    Whole,
    /// With the beginning of a record that was being written: the mark of a crash.
    Torn,
    /// With something that nobody wrote.
    Damaged,
}

/// Visits each record that is chained to the one before, from `offset` on in `bytes`, where the hash of the record
/// before lies right before it. Returns where the sound part ends, and how.
pub(crate) fn walk<'a>(
    bytes: &'a [u8],
    mut offset: usize,
    mut expected: Option<u64>,
    visit: &mut dyn FnMut(usize, &Stored<'a>),
) -> (usize, End) {
    loop {
        let rest = &bytes[offset..];
        if rest.is_empty() {
            return (offset, End::Whole);
        }
        match parse(rest) {
            Parsed::Whole(stored) => {
                let previous = Hash::read(&bytes[offset - HASH_BYTES..]);
                let in_order = expected.is_none_or(|expected| stored.record.sequence == expected);
                if !in_order || !stored.follows(previous) {
                    return (offset, End::Damaged);
                }
                visit(offset, &stored);
                expected = Some(stored.record.sequence + 1);
                offset += stored.len();
            }
            Parsed::Partial { sequence } => {
                return (offset, end_of_partial(rest, sequence, expected));
            }
            Parsed::Nonsense => {
                // What a power cut leaves where the length lasts and the content doesn't.
                let blank = rest.iter().all(|byte| *byte == 0);
                return (offset, if blank { End::Torn } else { End::Damaged });
            }
        }
    }
}

/// A record that isn't all there must at least begin as the next one would.
fn end_of_partial(rest: &[u8], sequence: Option<u64>, expected: Option<u64>) -> End {
    let blank = rest.iter().all(|byte| *byte == 0);
    let begins = match (sequence, expected) {
        (_, None) => true,
        (Some(sequence), Some(expected)) => sequence == expected,
        (None, Some(expected)) => {
            let known = rest.len().min(8);
            expected.to_le_bytes()[..known] == rest[..known]
        }
    };
    if blank || begins {
        End::Torn
    } else {
        End::Damaged
    }
}

/// The first record of each segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Header {
    pub(crate) format: u8,
    pub(crate) log_id: String,
    pub(crate) segment: u64,
    /// Who signs from here on.
    pub(crate) public_key: String,
}

/// What was cut off after a crash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct RepairNote {
    pub(crate) segment: u64,
    pub(crate) cut_bytes: u64,
    pub(crate) sha256: String,
}

/// What was found damaged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct DamageNote {
    pub(crate) what: String,
}

/// Which key signs a log from a record on, and the word of the one before for it. It proves itself, wherever it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct NewKeyNote {
    pub(crate) public_key: String,
    /// Who signed before.
    pub(crate) previous_public_key: String,
    /// By that one, over the log's id and the new key.
    pub(crate) signature: String,
}

impl NewKeyNote {
    pub(crate) fn signed(log: LogId, new: PublicKey, old: &SigningKey) -> Self {
        Self {
            public_key: new.to_base64(),
            previous_public_key: old.public().to_base64(),
            signature: BASE64.encode(&old.sign(Purpose::NextKey, &next_key_message(log, new))),
        }
    }

    /// The key before and the new one; nothing, where the one before didn't sign.
    pub fn keys(&self, log: LogId) -> Option<(PublicKey, PublicKey)> {
        let old = PublicKey::from_base64(&self.previous_public_key)?;
        let new = PublicKey::from_base64(&self.public_key)?;
        let signature = BASE64.decode(self.signature.as_bytes()).ok()?;
        let signed = old.verifies(Purpose::NextKey, &next_key_message(log, new), &signature);
        signed.then_some((old, new))
    }
}

fn next_key_message(log: LogId, new: PublicKey) -> Vec<u8> {
    [&log.0[..], &new.bytes].concat()
}

/// From where on the log is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct PrunedNote {
    /// The first segment that is kept, and its first record.
    pub(crate) first_segment: u64,
    pub(crate) first_sequence: u64,
    /// The hash of the last record that was removed.
    pub(crate) previous_hash: String,
    /// The hash of the last digest that was removed.
    pub(crate) previous_digest: String,
}

/// The JSON of one of the above.
pub(crate) fn json(note: &impl Serialize) -> Vec<u8> {
    // Structs of texts and numbers always have a JSON form.
    serde_json::to_vec(note).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_name() {
        for name in [
            Name::Head,
            Name::Raw(1),
            Name::Compressed(12_345_678),
            Name::Digest(123_456_789),
        ] {
            assert_eq!(Name::parse(&name.to_string()), Some(name));
        }
        for other in [
            "segment-1.raw",
            "segment-00000000.raw",
            "segment-+0000001.raw",
            "segment-00000001.RAW",
            "segment-00000001.raw.new",
            "Head",
            "head ",
        ] {
            assert_eq!(Name::parse(other), None, "{other}");
        }
    }
}
