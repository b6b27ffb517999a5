//! Deployment packages at rest: in sealed pieces that are written ahead of the commit which refers to them, opened for
//! whoever runs a function, and removed once nothing refers to them.
//!
//! A package is known by its hash and by the KMS key that it is sealed under, so whoever uploads the same writes the
//! same: it may replace pieces that another one wrote, and any of them open.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strongroom_keys::{SecretBytes, sha256};

use super::function::{Code, Function};
use crate::caller::{AccountId, Region};
use crate::kms::envelope::{self, Envelope};
use crate::kms::key::{KeyUsage, KmsKey};
use crate::kms::usable::{Unusable, UsableKey};
use crate::operation::{Given, Means};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;
use crate::time::Timestamp;

/// Bytes of a piece: two of them and what is around them fit into a commit.
const PIECE_BYTES: usize = 512 * 1024;
/// How long what nothing refers to is left alone: whoever uploaded it may be about to. Requests last no minute.
const SWEPT_FROM_AGE: Duration = Duration::from_secs(60 * 60);

/// A piece of a package.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CodePiece {
    /// Sealed under Lambda's key of the account and region.
    pub envelope: Envelope,
}

/// That a package was uploaded. It is written before the pieces, so that those of an upload which came to nothing are found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CodeUpload {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub region: Region,
    /// What.
    pub code: Code,
    /// When it was last uploaded.
    pub at: Timestamp,
}

impl CodeUpload {
    /// Its place.
    pub fn key(&self) -> Key {
        Key::lambda_upload(&self.account, &self.region, &self.code)
    }
}

/// Keeps a package, sealed under Lambda's key, which is made if there is none.
pub(super) fn keep(
    package: &SecretBytes,
    records: &Records<'_>,
    given: &Given<'_>,
    changes: &mut Changes,
) -> Result<Code, Stop> {
    let (account, region) = (&given.caller.account, &given.caller.region);
    let key = usable_key(account, region, records, given, changes)?;
    let code = Code {
        sha256: sha256(package.expose()),
        size_bytes: package.expose().len() as u64,
        key_id: key.key().key_id.clone(),
    };
    let upload = CodeUpload {
        account: account.clone(),
        region: region.clone(),
        code: code.clone(),
        at: given.now,
    };
    changes.put_ahead(upload.key(), &upload)?;
    for (number, piece) in (0..).zip(package.expose().chunks(PIECE_BYTES)) {
        let piece = SecretBytes::copy_of(piece);
        let (hash, number_text) = (code.sha256_hex(), number.to_string());
        let envelope = envelope::seal(&key, &context(&hash, &number_text), &piece, given)?;
        let place = Key::lambda_piece(account, region, &code, number);
        changes.put_ahead(place, &CodePiece { envelope })?;
    }
    Ok(code)
}

/// Lambda's key of an account and region, which everyone in the account may use through Lambda.
pub(super) fn usable_key(
    account: &AccountId,
    region: &Region,
    records: &Records<'_>,
    given: &Given<'_>,
    changes: &mut Changes,
) -> Result<UsableKey, Stop> {
    let key = envelope::service_key(&envelope::LAMBDA, account, region, records, given, changes)?;
    UsableKey::check(key, KeyUsage::EncryptDecrypt).map_err(|unusable| match unusable {
        Unusable::State(_) | Unusable::Usage => {
            Stop::Unavailable("Lambda's KMS key of the account can't be used".into())
        }
    })
}

/// What a piece is bound to.
pub(super) fn context<'a>(hash: &'a str, number: &'a str) -> [(&'static str, &'a str); 2] {
    [
        ("aws:lambda:CodeSha256", hash),
        ("aws:lambda:Piece", number),
    ]
}

/// The package of a function's code, whole.
///
/// # Errors
/// Pieces are missing, or damaged.
pub fn open(
    function: &Function,
    code: &Code,
    records: &Records<'_>,
    means: &Means<'_>,
) -> Result<SecretBytes, Stop> {
    let (account, region) = (&function.arn.account, &function.arn.region);
    let damaged = |what: &str| {
        let arn = &function.arn;
        let text =
            format!("the code of {arn} {what}: upload it again, or restore it from a backup");
        Stop::Unavailable(text.into())
    };
    let key = records.peek::<KmsKey>(&Key::kms_key(account, region, &code.key_id))?;
    let key = key.ok_or_else(|| damaged("is sealed under a KMS key that is gone"))?;
    let prefix = Key::lambda_pieces(account, region, code);
    let mut pieces: Vec<Arc<CodePiece>> = Vec::new();
    records.scan::<CodePiece>(prefix.as_bytes(), &prefix.end(), false, |piece| {
        pieces.push(piece);
        ControlFlow::Continue(())
    })?;
    let hash = code.sha256_hex();
    let mut package = Vec::with_capacity(usize::try_from(code.size_bytes).unwrap_or_default());
    for (number, piece) in pieces.iter().enumerate() {
        let number = number.to_string();
        let what = || format!("piece {number} of the code of {}", function.arn);
        let context = context(&hash, &number);
        let opened = envelope::open_under(&key, &piece.envelope, &context, what, means)?;
        package.extend_from_slice(opened.expose());
    }
    if sha256(&package) != code.sha256 {
        return Err(damaged("is damaged, or a part of it is missing"));
    }
    Ok(SecretBytes::new(package))
}

/// What is to be removed of an upload: all of it, once nothing has referred to it for a while; no change otherwise. The
/// upload's record is read, so that the commit fails where someone uploads the same again.
///
/// # Errors
/// The records can't be read.
pub fn sweep(place: &Key, records: &Records<'_>, now: Timestamp) -> Result<Changes, Stop> {
    let mut changes = Changes::none();
    let Some(upload) = records.read::<CodeUpload>(place.clone())? else {
        return Ok(changes);
    };
    let (account, region) = (&upload.account, &upload.region);
    if !now.is_past(upload.at, SWEPT_FROM_AGE) || is_referred_to(&upload, records)? {
        return Ok(changes);
    }
    let prefix = Key::lambda_pieces(account, region, &upload.code);
    records.scan_keys(prefix.as_bytes(), &prefix.end(), false, |key| {
        changes.delete(Key::from_bytes(key.to_vec()));
        ControlFlow::Continue(())
    })?;
    changes.delete(upload.key());
    Ok(changes)
}

fn is_referred_to(upload: &CodeUpload, records: &Records<'_>) -> Result<bool, Stop> {
    let all = Key::lambda_functions(&upload.account, &upload.region);
    let mut is_referred_to = false;
    records.scan::<Function>(all.as_bytes(), &all.end(), false, |function| {
        let mut configurations = function.configurations();
        is_referred_to = configurations.any(|each| each.code == upload.code);
        match is_referred_to {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })?;
    Ok(is_referred_to)
}
