//! AWS Signature Version 4, both ways: checking what a client signed, and signing as one.
//!
//! Checking has two halves, since the access key's secret must be looked up in between: [`read`] takes a request
//! apart without any cryptography, [`Signed::verify`] checks its signature over the body as it arrived.
//!
//! ```
//! use strongroom_keys::SecretBytes;
//! use strongroom_wire::sigv4::{self, Signer, SigningKey};
//!
//! let secret = || SecretBytes::copy_of(b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
//! let now = 1_767_225_600;
//! let body = b"{}";
//! let (mut parts, ()) = http::Request::post("https://127.0.0.1:4599/").body(()).unwrap().into_parts();
//! let mut signer = Signer::new("AKIDEXAMPLE", secret(), None, "us-east-1", "secretsmanager").unwrap();
//! signer.sign(&mut parts, body, now).unwrap();
//!
//! let signed = sigv4::read(&parts).unwrap();
//! assert_eq!(signed.access_key_id(), "AKIDEXAMPLE");
//! let key = SigningKey::derive(&secret(), signed.scope());
//! assert_eq!(signed.verify(body, &key, now + 299), Ok(()));
//! assert!(signed.verify(b"[]", &key, now).is_err());
//! ```
//!
//! Strongroom serves no S3, so none of S3's exceptions hold: the body is always signed, and the path is always
//! normalised and encoded twice.
//!
//! Sources: "Create a signed AWS API request" and "Authenticating Requests: Using Query Parameters" in AWS's
//! documentation; what those leave open is as botocore does it, against which it is tested.

mod authorization;
mod canonical;
mod credential;
mod digest;
mod error;
mod key;
mod pieces;
mod query;
mod scope;
mod sign;
mod stamp;

use std::borrow::Cow;
use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderName};
use http::request::Parts;

pub use error::{AuthError, HeaderPart};
pub use key::SigningKey;
pub use scope::{Day, Scope, ScopeError};
pub use sign::{SignError, Signer};

use canonical::Canonical;
use digest::sha256;
use pieces::pieces;
pub(crate) use query::{decode, next_byte, pairs};
use stamp::Stamp;

/// How far a request's date may lie from the server's time, either way.
///
/// Source: the window that AWS's error texts print.
pub const SKEW_SECONDS: i64 = 5 * 60;

/// How long a signature in a query may be good for, at most: seven days.
///
/// Source: "Authenticating Requests: Using Query Parameters".
pub const EXPIRES_SECONDS_MAX: i64 = 604_800;

/// Takes the signature of a request apart; says nothing yet about whether it is right.
///
/// Both forms are read: the `Authorization` header, and the query of a presigned URL. What must be signed is checked
/// here: `host` (or `:authority`), the date, and `content-type` and each `x-amz-*` header where present.
///
/// A presigned URL without `X-Amz-Expires` is good for as long as a header is, [`SKEW_SECONDS`]: Go's presigner for
/// STS leaves it out.
///
/// # Errors
/// [`AuthError`]: a missing, ambiguous or malformed signature, date or credential, or a header that must be signed
/// and isn't. Never `WrongService`, `Expired`, `NotYetCurrent` or `SignatureMismatch`.
pub fn read(parts: &Parts) -> Result<Signed<'_>, AuthError> {
    let mut headers = parts.headers.get_all(AUTHORIZATION).iter();
    let in_query = match parts.uri.query() {
        None | Some("") => None,
        Some(query) => query::read(query)?,
    };
    let signed = match (headers.next(), headers.next(), in_query) {
        (Some(header), None, None) => authorization::read(parts, header.as_bytes())?,
        (None, None, Some(in_query)) => in_query.into_signed(parts)?,
        (None, None, None) => return Err(AuthError::MissingAuthenticationToken),
        _ => return Err(AuthError::TwoMechanisms),
    };
    signed.check_signed_headers()?;
    Ok(signed)
}

/// A request's signature, taken apart and not yet verified. Only [`read`] makes one.
pub struct Signed<'r> {
    /// The request itself, so that no other one can be verified with what was read from this one.
    parts: &'r Parts,
    access_key_id: Cow<'r, str>,
    scope: Scope<'r>,
    signed_headers: Cow<'r, str>,
    /// As sent; only the right 64 digits equal what we compute.
    signature: Cow<'r, str>,
    session_token: Option<Cow<'r, str>>,
    stamp: Stamp,
    form: Form,
}

/// Where the signature stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Header { date_in: DateHeader },
    Query { expires_seconds: Option<i64> },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum DateHeader {
    XAmzDate,
    Date,
}

impl Signed<'_> {
    /// The access key that is said to have signed; not empty.
    #[must_use]
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// What the signing key must have been derived for.
    #[must_use]
    pub fn scope(&self) -> &Scope<'_> {
        &self.scope
    }

    /// The scope's day.
    #[must_use]
    pub fn day(&self) -> Day {
        self.scope.day()
    }

    /// The scope's region.
    #[must_use]
    pub fn region(&self) -> &str {
        self.scope.region()
    }

    /// The scope's service.
    #[must_use]
    pub fn service(&self) -> &str {
        self.scope.service()
    }

    /// The session token of temporary credentials, from the place that belongs to the form of the signature. It is
    /// part of what is signed.
    #[must_use]
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    /// Whether the signature stands in the query.
    #[must_use]
    pub fn is_presigned(&self) -> bool {
        matches!(self.form, Form::Query { .. })
    }

    /// Checks date and signature. `body` is what arrived, before any decoding; `now` the server's real time in seconds
    /// since 1970. Signatures are compared in constant time.
    ///
    /// # Errors
    /// `Expired` or `NotYetCurrent` for the date, else `SignatureMismatch`, and nothing tells what of the request was
    /// wrong.
    pub fn verify(&self, body: &[u8], key: &SigningKey, now: i64) -> Result<(), AuthError> {
        self.check_date(now)?;
        if *key.scope() != self.scope {
            return Err(AuthError::SignatureMismatch);
        }
        let payload_hash = sha256(body);
        let claimed_hashes = self.parts.headers.get_all(&X_AMZ_CONTENT_SHA256);
        if claimed_hashes
            .iter()
            .any(|claimed| claimed.as_bytes() != payload_hash)
        {
            return Err(AuthError::SignatureMismatch);
        }
        let canonical = Canonical {
            parts: self.parts,
            signed_headers: &self.signed_headers,
            payload_hash: &payload_hash,
        };
        let hash = canonical.hash().ok_or(AuthError::SignatureMismatch)?;
        let expected = key.sign(&self.stamp, &hash);
        verify_slices_are_equal(&expected, self.signature.as_bytes())
            .map_err(|_| AuthError::SignatureMismatch)
    }

    fn check_date(&self, now: i64) -> Result<(), AuthError> {
        let signed = self.stamp.epoch_seconds();
        let window_seconds = match self.form {
            Form::Query {
                expires_seconds: Some(expires_seconds),
            } => expires_seconds,
            Form::Query {
                expires_seconds: None,
            }
            | Form::Header { .. } => SKEW_SECONDS,
        };
        let earliest = now.saturating_sub(window_seconds);
        let latest = now.saturating_add(SKEW_SECONDS);
        if signed < earliest {
            Err(AuthError::Expired {
                signed: self.stamp.to_string(),
                earliest: Stamp::at(earliest).to_string(),
                now: Stamp::at(now).to_string(),
                window_seconds,
            })
        } else if signed > latest {
            Err(AuthError::NotYetCurrent {
                signed: self.stamp.to_string(),
                latest: Stamp::at(latest).to_string(),
                now: Stamp::at(now).to_string(),
            })
        } else {
            Ok(())
        }
    }

    fn check_signed_headers(&self) -> Result<(), AuthError> {
        let mut signed = Vec::with_capacity(USUAL_SIGNED_HEADERS);
        signed.extend(pieces(&self.signed_headers, b';'));
        let is_lower_case = |name: &&str| !name.bytes().any(|byte| byte.is_ascii_uppercase());
        let is_sorted = signed.is_sorted_by(|previous, next| previous < next);
        if !is_sorted || signed.first() == Some(&"") || !signed.iter().all(is_lower_case) {
            return Err(AuthError::MalformedSignedHeaders);
        }
        // The list is searched once for each header, and both are as long as a stranger likes: hence by halving.
        let is_signed = |name: &str| signed.binary_search(&name).is_ok();
        if !is_signed("host") && !is_signed(":authority") {
            return Err(AuthError::UnsignedHost);
        }
        if self.form
            == (Form::Header {
                date_in: DateHeader::Date,
            })
            && !is_signed(DATE.as_str())
        {
            return Err(AuthError::UnsignedHeader {
                name: "Date".to_owned(),
            });
        }
        for name in self.parts.headers.keys() {
            let must_be_signed = name.as_str().starts_with("x-amz-") || name == CONTENT_TYPE;
            if must_be_signed && !is_signed(name.as_str()) {
                return Err(AuthError::UnsignedHeader {
                    name: name.as_str().to_owned(),
                });
            }
        }
        Ok(())
    }
}

static X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
static X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
static X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Room for what the SDKs sign.
const USUAL_SIGNED_HEADERS: usize = 8;

impl fmt::Debug for Signed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Signed")
            .field("access_key_id", &self.access_key_id)
            .field("scope", &self.scope)
            .field("date", &self.stamp)
            .finish_non_exhaustive()
    }
}
