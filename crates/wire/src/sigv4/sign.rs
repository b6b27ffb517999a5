//! The client's side: signing requests, in the header or in the query.

use std::fmt;
use std::time::Duration;

use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, Uri};
use strongroom_keys::SecretBytes;

use super::EXPIRES_SECONDS_MAX;
use super::canonical::{Canonical, encoded};
use super::digest::sha256;
use super::key::{ALGORITHM, SigningKey, TERMINATOR};
use super::query::{
    X_AMZ_ALGORITHM, X_AMZ_CREDENTIAL, X_AMZ_DATE, X_AMZ_EXPIRES, X_AMZ_SECURITY_TOKEN,
    X_AMZ_SIGNATURE, X_AMZ_SIGNED_HEADERS,
};
use super::scope::{Day, Scope, ScopeError};
use super::stamp::Stamp;

/// Signs requests to one service in one region with one access key.
///
/// It keeps the signing key of the last day it signed for.
pub struct Signer {
    access_key_id: String,
    secret_access_key: SecretBytes,
    session_token: Option<String>,
    key: SigningKey,
}

impl Signer {
    /// Makes a signer; the session token is that of temporary credentials.
    ///
    /// # Errors
    /// [`ScopeError`], if region or service can't be names of such.
    pub fn new(
        access_key_id: impl Into<String>,
        secret_access_key: SecretBytes,
        session_token: Option<String>,
        region: &str,
        service: &str,
    ) -> Result<Self, ScopeError> {
        let scope = Scope::new(Day::at(0), region, service)?;
        let key = SigningKey::derive(&secret_access_key, &scope);
        Ok(Self {
            access_key_id: access_key_id.into(),
            secret_access_key,
            session_token,
            key,
        })
    }

    /// Signs by the `Authorization` header.
    ///
    /// Sets `X-Amz-Date`, `X-Amz-Security-Token` (or removes it), `Host` where there is none, and `Authorization`. All
    /// headers are signed but those that a client or a proxy may change on the way. `now`: seconds since 1970.
    ///
    /// # Errors
    /// `NoHost`, `UnsendableCredentials`.
    pub fn sign(&mut self, parts: &mut Parts, body: &[u8], now: i64) -> Result<(), SignError> {
        let stamp = self.prepare(parts, now)?;
        parts
            .headers
            .insert("x-amz-date", header_value(stamp.as_str())?);
        if let Some(token) = &self.session_token {
            let mut token = header_value(token)?;
            token.set_sensitive(true);
            parts.headers.insert("x-amz-security-token", token);
        }
        let signed_headers = signed_headers(parts);
        let signature = self.signature(parts, &signed_headers, body, &stamp)?;
        let credential = self.credential();
        let mut authorization = header_value(&format!(
            "{ALGORITHM} Credential={credential}, SignedHeaders={signed_headers}, Signature={signature}"
        ))?;
        authorization.set_sensitive(true);
        parts.headers.insert(AUTHORIZATION, authorization);
        Ok(())
    }

    /// Signs by the query: the URL can be handed to someone else, and is good from `now` for `expires`, whole seconds
    /// from 1 to 604800.
    ///
    /// The headers in `parts` are signed as well, so whoever uses the URL must send them; `Host` is set where there is
    /// none.
    ///
    /// # Errors
    /// `NoHost`, `InvalidExpires`, or `UnsendableUri` if the URL gets too long.
    pub fn presign(
        &mut self,
        parts: &mut Parts,
        body: &[u8],
        now: i64,
        expires: Duration,
    ) -> Result<(), SignError> {
        let expires_seconds = i64::try_from(expires.as_secs())
            .ok()
            .filter(|seconds| (1..=EXPIRES_SECONDS_MAX).contains(seconds))
            .ok_or(SignError::InvalidExpires)?;
        let stamp = self.prepare(parts, now)?;
        let signed_headers = signed_headers(parts);
        let mut query = parts.uri.query().unwrap_or_default().to_owned();
        append(&mut query, X_AMZ_ALGORITHM, ALGORITHM);
        append(&mut query, X_AMZ_CREDENTIAL, &self.credential());
        append(&mut query, X_AMZ_DATE, stamp.as_str());
        append(&mut query, X_AMZ_EXPIRES, &expires_seconds.to_string());
        append(&mut query, X_AMZ_SIGNED_HEADERS, &signed_headers);
        if let Some(token) = &self.session_token {
            append(&mut query, X_AMZ_SECURITY_TOKEN, token);
        }
        set_query(&mut parts.uri, &query)?;
        let signature = self.signature(parts, &signed_headers, body, &stamp)?;
        append(&mut query, X_AMZ_SIGNATURE, &signature);
        set_query(&mut parts.uri, &query)
    }

    /// Takes off what an earlier signing left, and brings the key up to the day.
    fn prepare(&mut self, parts: &mut Parts, now: i64) -> Result<Stamp, SignError> {
        for name in ["authorization", "x-amz-date", "x-amz-security-token"] {
            parts.headers.remove(name);
        }
        if !parts.headers.contains_key(HOST) {
            let authority = parts.uri.authority().ok_or(SignError::NoHost)?;
            let host = HeaderValue::from_str(authority.as_str()).map_err(|_| SignError::NoHost)?;
            parts.headers.insert(HOST, host);
        }
        let stamp = Stamp::at(now);
        let scope = self.key.scope();
        if scope.day() != stamp.day() {
            let scope = scope.clone().on(stamp.day());
            self.key = SigningKey::derive(&self.secret_access_key, &scope);
        }
        Ok(stamp)
    }

    fn signature(
        &self,
        parts: &Parts,
        signed_headers: &str,
        body: &[u8],
        stamp: &Stamp,
    ) -> Result<String, SignError> {
        let payload_hash = sha256(body);
        let canonical = Canonical {
            parts,
            signed_headers,
            payload_hash: &payload_hash,
        };
        let hash = canonical.hash().ok_or(SignError::NoHost)?;
        let signature = self.key.sign(stamp, &hash);
        Ok(signature.map(char::from).iter().collect())
    }

    fn credential(&self) -> String {
        let scope = self.key.scope();
        let (day, region, service) = (scope.day(), scope.region(), scope.service());
        format!(
            "{}/{day}/{region}/{service}/{TERMINATOR}",
            self.access_key_id
        )
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Signer")
            .field("access_key_id", &self.access_key_id)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// Why a request can't be signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SignError {
    /// There is no host to sign.
    #[error("the request names no host: give it an absolute URI or a Host header")]
    NoHost,
    /// The credentials hold what no header can.
    #[error(
        "access key id or session token hold characters that no header can: check that they were copied whole"
    )]
    UnsendableCredentials,
    /// A presigned URL's time.
    #[error("a presigned URL is good for 1 to 604800 seconds: choose a time within")]
    InvalidExpires,
    /// The URL with the signature isn't one.
    #[error("the presigned URL is longer than 65534 bytes: shorten the query or the session token")]
    UnsendableUri,
}

fn signed_headers(parts: &Parts) -> String {
    let mut names: Vec<&str> = parts
        .headers
        .keys()
        .map(http::HeaderName::as_str)
        .filter(|name| !UNSIGNED.contains(name))
        .collect();
    names.sort_unstable();
    names.join(";")
}

fn header_value(text: &str) -> Result<HeaderValue, SignError> {
    HeaderValue::from_str(text).map_err(|_| SignError::UnsendableCredentials)
}

fn append(query: &mut String, name: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    query.push_str(name);
    query.push('=');
    query.extend(encoded(value).into_iter().map(char::from));
}

fn set_query(uri: &mut Uri, query: &str) -> Result<(), SignError> {
    let path_and_query = PathAndQuery::try_from(format!("{}?{query}", uri.path()));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.map_err(|_| SignError::UnsendableUri)?);
    *uri = Uri::from_parts(parts).map_err(|_| SignError::UnsendableUri)?;
    Ok(())
}

/// What the SDKs leave unsigned, since the connection sets or changes it.
const UNSIGNED: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amzn-trace-id",
];
