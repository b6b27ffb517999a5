//! Digest files: which log files were delivered in an hour, with their hashes, signed, each chained to the one before.
//!
//! Source: AWS CloudTrail User Guide, "CloudTrail digest file structure" and "Custom implementations of CloudTrail log
//! file integrity validation".

use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use strongroom_keys::SecretBytes;
use strongroom_services::cloudtrail::digest_keys::DigestKey;
use strongroom_services::cloudtrail::trail::Trail;
use strongroom_services::time::{Timestamp, rfc3339};

use super::buckets::Object;
use super::{gzip, hex, layout};
use crate::audit::state_file::{self, Keep};

const HASH: &str = "SHA-256";
const SIGNATURE: &str = "SHA256withRSA";
const FORMAT: u32 = 1;
/// Bytes of a fingerprint, as many as AWS's have.
const FINGERPRINT_BYTES: usize = 16;

/// A log file that was delivered.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogFile {
    pub(super) s3_bucket: String,
    pub(super) s3_object: String,
    /// Of what is compressed in it.
    pub(super) hash_value: String,
    pub(super) hash_algorithm: String,
    pub(super) newest_event_time: String,
    pub(super) oldest_event_time: String,
}

impl LogFile {
    /// One with this content. Its events are sorted by nothing, so both times are looked for.
    pub(super) fn of<'a>(
        bucket: &str,
        object: &str,
        content: &[u8],
        times: impl Iterator<Item = &'a str> + Clone,
    ) -> Self {
        // Times of one form are ordered as texts are.
        LogFile {
            s3_bucket: bucket.to_owned(),
            s3_object: object.to_owned(),
            hash_value: hex(digest(&SHA256, content).as_ref()),
            hash_algorithm: HASH.to_owned(),
            newest_event_time: times.clone().max().unwrap_or_default().to_owned(),
            oldest_event_time: times.min().unwrap_or_default().to_owned(),
        }
    }
}

/// How far the digests of a trail's region are.
#[derive(Clone, Debug, PartialEq, Default, Deserialize, Serialize)]
pub(super) struct Chain {
    /// When the next digest's hour began, in milliseconds.
    pub(super) began: i64,
    /// What was delivered since.
    pub(super) files: Vec<LogFile>,
    /// The digest before.
    pub(super) previous: Option<Previous>,
}

/// The digest before.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Previous {
    bucket: String,
    object: String,
    hash: String,
    signature: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Digest<'a> {
    aws_account_id: &'a str,
    digest_start_time: &'a str,
    digest_end_time: &'a str,
    digest_s3_bucket: &'a str,
    digest_s3_object: &'a str,
    digest_public_key_fingerprint: &'a str,
    digest_signature_algorithm: &'a str,
    newest_event_time: Option<&'a str>,
    oldest_event_time: Option<&'a str>,
    previous_digest_s3_bucket: Option<&'a str>,
    previous_digest_s3_object: Option<&'a str>,
    previous_digest_hash_value: Option<&'a str>,
    previous_digest_hash_algorithm: Option<&'a str>,
    previous_digest_signature: Option<&'a str>,
    log_files: &'a [LogFile],
}

/// The digest of what was delivered until now, and how its chain goes on behind it.
pub(super) fn digest_of(
    trail: &Trail,
    region: &str,
    chain: &Chain,
    key: &SigningKey,
    now: Timestamp,
) -> Result<(Object, Chain), String> {
    let object = layout::digest_key(trail, region, now);
    let [start, end] = [Timestamp::from_milliseconds(chain.began), now].map(rfc3339);
    let times = |pick: fn(&LogFile) -> &str| chain.files.iter().map(pick);
    let previous = chain.previous.as_ref();
    let written = serde_json::to_vec(&Digest {
        aws_account_id: trail.arn.account.as_str(),
        digest_start_time: &start,
        digest_end_time: &end,
        digest_s3_bucket: &trail.bucket,
        digest_s3_object: &object,
        digest_public_key_fingerprint: &key.fingerprint,
        digest_signature_algorithm: SIGNATURE,
        newest_event_time: times(|file| &file.newest_event_time).max(),
        oldest_event_time: times(|file| &file.oldest_event_time).min(),
        previous_digest_s3_bucket: previous.map(|digest| digest.bucket.as_str()),
        previous_digest_s3_object: previous.map(|digest| digest.object.as_str()),
        previous_digest_hash_value: previous.map(|digest| digest.hash.as_str()),
        previous_digest_hash_algorithm: previous.map(|_| HASH),
        previous_digest_signature: previous.map(|digest| digest.signature.as_str()),
        log_files: &chain.files,
    });
    let written = written.map_err(|error| error.to_string())?;
    let hash = hex(digest(&SHA256, &written).as_ref());
    let before = previous.map_or("null", |digest| digest.signature.as_str());
    let bucket = &trail.bucket;
    let signature = key.sign(format!("{end}\n{bucket}/{object}\n{hash}\n{before}").as_bytes())?;
    let next = Chain {
        began: now.seconds() * 1000,
        files: Vec::new(),
        previous: Some(Previous {
            bucket: bucket.clone(),
            object: object.clone(),
            hash,
            signature: signature.clone(),
        }),
    };
    let object = Object {
        key: object,
        gzip: gzip(&written)?,
        metadata: vec![
            ("signature", signature),
            ("signature-algorithm", SIGNATURE.to_owned()),
        ],
    };
    Ok((object, next))
}

/// Seals what must not lie open on the disk, and opens it again.
pub trait Sealing: Send + Sync {
    /// Seals it.
    ///
    /// # Errors
    /// That can't be done now.
    fn seal(&self, secret: &[u8]) -> Result<Vec<u8>, String>;

    /// Opens it; `None` where that can't be done any more, as after its root key was retired.
    ///
    /// # Errors
    /// That can't be done now.
    fn open(&self, sealed: &[u8]) -> Result<Option<SecretBytes>, String>;
}

/// The key pairs that digests are signed with: one at a time, made when it is needed first. The public halves of all stay,
/// here and in the store, so that old digests can be checked.
pub struct DigestKeys {
    path: PathBuf,
    sealing: Box<dyn Sealing>,
}

/// The key that digests are signed with now.
pub(super) struct SigningKey {
    pair: KeyPair,
    fingerprint: String,
}

#[derive(Default, Deserialize, Serialize)]
struct Kept {
    format: u32,
    keys: Vec<DigestKey>,
    /// The newest one's private half, sealed, in Base64.
    sealed: String,
}

impl DigestKeys {
    /// Keeps them in a folder, `audit-state` of the data.
    #[must_use]
    pub fn in_folder(state_folder: &Path, sealing: Box<dyn Sealing>) -> Self {
        DigestKeys {
            path: state_folder.join("digest-keys.json"),
            sealing,
        }
    }

    /// The public halves of all, oldest first.
    ///
    /// # Errors
    /// Their file can't be read.
    pub fn public(&self) -> Result<Vec<DigestKey>, String> {
        let kept = state_file::read::<Kept>(&self.path)?;
        Ok(kept.unwrap_or_default().keys)
    }

    /// The key to sign with now.
    pub(super) fn current(&self, now: Timestamp) -> Result<SigningKey, String> {
        let mut kept = state_file::read::<Kept>(&self.path)?.unwrap_or_default();
        let sealed = BASE64.decode(&kept.sealed).unwrap_or_default();
        let opened = self.sealing.open(&sealed)?;
        let opened = opened.and_then(|secret| KeyPair::from_pkcs8(secret.expose()).ok());
        let pair = match opened {
            Some(pair) => pair,
            None => {
                let pair =
                    KeyPair::generate(KeySize::Rsa2048).map_err(|_| "no key pair can be made")?;
                if let Some(last) = kept.keys.last_mut() {
                    tracing::warn!(
                        "the key of digest files can't be opened any more: another signs from now on"
                    );
                    last.until.get_or_insert(now);
                }
                let public = pair.public_key().as_ref();
                kept.keys.push(DigestKey {
                    fingerprint: fingerprint(public),
                    value: BASE64.encode(public),
                    from: now,
                    until: None,
                });
                pair
            }
        };
        // Sealed anew each time, so that it outlives the root key that it was sealed under.
        let secret = pair.as_der().map_err(|_| "the key pair can't be kept")?;
        kept.sealed = BASE64.encode(self.sealing.seal(secret.as_ref())?);
        kept.format = FORMAT;
        state_file::write(&self.path, &kept, Keep::Durably)?;
        Ok(SigningKey {
            fingerprint: fingerprint(pair.public_key().as_ref()),
            pair,
        })
    }
}

fn fingerprint(public: &[u8]) -> String {
    hex(&digest(&SHA256, public).as_ref()[..FINGERPRINT_BYTES])
}

impl SigningKey {
    fn sign(&self, message: &[u8]) -> Result<String, String> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let signed = self.pair.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            message,
            &mut signature,
        );
        signed.map_err(|_| "the digest can't be signed")?;
        Ok(hex(&signature))
    }
}

impl std::fmt::Debug for DigestKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "DigestKeys({})", self.path.display())
    }
}
