//! The token that ties material on its way here to the key and the wrapping it was made for. It
//! carries the wrapping key pair, sealed, so that nothing need be kept for requests that never come.

use strongroom_keys::{Sealed, SecretBytes};

use super::key::{KmsKey, Origin};
use super::refusals;
use crate::operation::Given;
use crate::refusal::Refusal;
use crate::time::Timestamp;

const PURPOSE: &str = "kms import";

/// What a token says.
pub(super) struct ImportToken {
    /// The key that the material is for.
    pub(super) key_arn: String,
    /// How it is wrapped, by AWS's name.
    pub(super) algorithm: String,
    /// Until when.
    pub(super) expires: Timestamp,
    /// The wrapping key pair.
    pub(super) pair: SecretBytes,
}

impl ImportToken {
    /// ARN, algorithm and instant as a line each, then the pair.
    pub(super) fn seal(&self, given: &Given<'_>) -> Vec<u8> {
        let head = format!(
            "{}\n{}\n{}\n",
            self.key_arn,
            self.algorithm,
            self.expires.milliseconds()
        );
        let mut content = Vec::with_capacity(head.len() + self.pair.len());
        content.extend_from_slice(head.as_bytes());
        content.extend_from_slice(self.pair.expose());
        let content = SecretBytes::new(content);
        let sealed = given
            .keyring
            .seal_token(PURPOSE, content.expose(), given.entropy);
        sealed.as_bytes().to_vec()
    }

    /// # Refusals
    /// `InvalidImportTokenException`, `ExpiredImportTokenException`.
    pub(super) fn open(bytes: Vec<u8>, key: &KmsKey, given: &Given<'_>) -> Result<Self, Refusal> {
        let token = given
            .keyring
            .open_token(PURPOSE, &Sealed::from_bytes(bytes))
            .ok()
            .and_then(|content| Self::read(&content))
            .filter(|token| token.key_arn == key.arn())
            .ok_or_else(refusals::invalid_import_token)?;
        if token.expires <= given.now {
            return Err(refusals::expired_import_token());
        }
        Ok(token)
    }

    fn read(content: &SecretBytes) -> Option<Self> {
        let mut parts = content.expose().splitn(4, |byte| *byte == b'\n');
        let mut line = || std::str::from_utf8(parts.next()?).ok().map(str::to_owned);
        let (key_arn, algorithm, expires) = (line()?, line()?, line()?);
        Some(ImportToken {
            key_arn,
            algorithm,
            expires: Timestamp::from_milliseconds(expires.parse().ok()?),
            pair: SecretBytes::copy_of(parts.next()?),
        })
    }
}

/// Only keys that were made for it take material.
pub(super) fn refuse_unless_imported(key: &KmsKey) -> Result<(), Refusal> {
    match key.origin {
        Origin::External => Ok(()),
        Origin::AwsKms => Err(refusals::wrong_origin(key)),
    }
}
