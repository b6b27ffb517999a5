//! A signed token (JWS in its compact form) as far as it can be read before its signature is checked.
//!
//! Written here and not taken from a crate: what one would bring beside the signature, which is aws-lc's, is a split at two
//! dots. Its own checks of claims would have to be switched off, since AWS's rules and words for them differ.
//!
//! Source: JSON Web Signature (RFC 7515); JSON Web Token Best Current Practices (RFC 8725).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64_URL;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A token that nobody vouches for yet.
pub struct Token<'t> {
    header: Header,
    claims: Map<String, Value>,
    signed: &'t [u8],
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that whoever reads the token must understand; none are understood here.
    crit: Option<Value>,
}

impl<'t> Token<'t> {
    /// Reads a token. `None`: it isn't one, or one that says it must not be taken for one.
    pub fn read(text: &'t [u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header: Header = serde_json::from_slice(&BASE64_URL.decode(header).ok()?).ok()?;
        if header.crit.is_some() {
            return None;
        }
        Some(Token {
            header,
            claims: serde_json::from_slice(&BASE64_URL.decode(claims).ok()?).ok()?,
            signed: signed.as_bytes(),
            signature: BASE64_URL.decode(signature).ok()?,
        })
    }

    /// What it says; true only once its signature is found good.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// How it claims to be signed. Only keys say what is a signature of theirs.
    pub(super) fn algorithm(&self) -> &str {
        &self.header.alg
    }

    /// Which key it claims to be signed by.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// What is signed, and the signature.
    pub(super) fn signed(&self) -> (&[u8], &[u8]) {
        (self.signed, &self.signature)
    }
}
