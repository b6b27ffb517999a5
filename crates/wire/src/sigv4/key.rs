//! Signing keys: what is derived from a secret access key for one scope, and worth caching for the scope's day.

use std::fmt;

use aws_lc_rs::hmac;
use strongroom_keys::SecretBytes;

use super::digest::{Absorb, Buffered, Hex};
use super::scope::Scope;
use super::stamp::Stamp;

/// A key that signs for one scope. It can't be turned back into the secret access key.
///
/// aws-lc zeroes it when it is dropped.
#[derive(Clone)]
pub struct SigningKey {
    scope: Scope<'static>,
    key: hmac::Key,
}

impl SigningKey {
    /// Derives the key by the chain of HMACs: day, region, service, `aws4_request`.
    ///
    /// This costs as much as two verifications: cache the key by access key id and scope.
    ///
    /// Source: "Create a signed AWS API request", step 4.
    #[must_use]
    pub fn derive(secret_access_key: &SecretBytes, scope: &Scope<'_>) -> Self {
        let mut seed = Vec::with_capacity(PREFIX.len() + secret_access_key.len());
        seed.extend_from_slice(PREFIX);
        seed.extend_from_slice(secret_access_key.expose());
        let seed = SecretBytes::new(seed);
        let mut key = hmac::Key::new(hmac::HMAC_SHA256, seed.expose());
        for element in [
            scope.day().as_str(),
            scope.region(),
            scope.service(),
            TERMINATOR,
        ] {
            let tag = hmac::sign(&key, element.as_bytes());
            key = hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref());
        }
        Self {
            scope: scope.clone().into_owned(),
            key,
        }
    }

    /// What the key signs for.
    #[must_use]
    pub fn scope(&self) -> &Scope<'static> {
        &self.scope
    }

    /// Signs a canonical request, given by its hash: the HMAC of the "string to sign".
    pub(super) fn sign(&self, stamp: &Stamp, canonical_request_hash: &Hex) -> Hex {
        let mut string_to_sign = Buffered::new(&self.key);
        string_to_sign.absorb(ALGORITHM.as_bytes());
        string_to_sign.absorb(b"\n");
        string_to_sign.absorb(stamp.as_str().as_bytes());
        string_to_sign.absorb(b"\n");
        for element in [
            self.scope.day().as_str(),
            self.scope.region(),
            self.scope.service(),
        ] {
            string_to_sign.absorb(element.as_bytes());
            string_to_sign.absorb(b"/");
        }
        string_to_sign.absorb(TERMINATOR.as_bytes());
        string_to_sign.absorb(b"\n");
        string_to_sign.absorb(canonical_request_hash);
        string_to_sign.finish()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// The only algorithm.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The last element of every credential.
pub(super) const TERMINATOR: &str = "aws4_request";
const PREFIX: &[u8] = b"AWS4";
