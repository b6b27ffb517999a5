//! The query form of a signature: presigned URLs.

use std::borrow::Cow;

use http::request::Parts;

use super::error::AuthError;
use super::key::ALGORITHM;
use super::stamp::Stamp;
use super::{EXPIRES_SECONDS_MAX, Form, Signed, credential};

pub(super) const X_AMZ_ALGORITHM: &str = "X-Amz-Algorithm";
pub(super) const X_AMZ_CREDENTIAL: &str = "X-Amz-Credential";
pub(super) const X_AMZ_DATE: &str = "X-Amz-Date";
pub(super) const X_AMZ_EXPIRES: &str = "X-Amz-Expires";
pub(super) const X_AMZ_SECURITY_TOKEN: &str = "X-Amz-Security-Token";
pub(super) const X_AMZ_SIGNATURE: &str = "X-Amz-Signature";
pub(super) const X_AMZ_SIGNED_HEADERS: &str = "X-Amz-SignedHeaders";

/// The authentication parameters of a query, or none if it has not one of them.
pub(super) fn read(query: &str) -> Result<Option<Parameters<'_>>, AuthError> {
    let mut parameters = Parameters::default();
    let mut found = false;
    for (name, value) in pairs(query) {
        let name = decode(name);
        let (name, place) = match &*name {
            X_AMZ_ALGORITHM => (X_AMZ_ALGORITHM, &mut parameters.algorithm),
            X_AMZ_CREDENTIAL => (X_AMZ_CREDENTIAL, &mut parameters.credential),
            X_AMZ_DATE => (X_AMZ_DATE, &mut parameters.date),
            X_AMZ_EXPIRES => (X_AMZ_EXPIRES, &mut parameters.expires),
            X_AMZ_SECURITY_TOKEN => (X_AMZ_SECURITY_TOKEN, &mut parameters.security_token),
            X_AMZ_SIGNATURE => (X_AMZ_SIGNATURE, &mut parameters.signature),
            X_AMZ_SIGNED_HEADERS => (X_AMZ_SIGNED_HEADERS, &mut parameters.signed_headers),
            _ => continue,
        };
        if place.is_some() {
            return Err(AuthError::RepeatedParameter { name });
        }
        *place = Some(decode(value));
        found = true;
    }
    Ok(found.then_some(parameters))
}

/// The parameters' values, decoded.
#[derive(Default)]
pub(super) struct Parameters<'r> {
    algorithm: Option<Cow<'r, str>>,
    credential: Option<Cow<'r, str>>,
    date: Option<Cow<'r, str>>,
    expires: Option<Cow<'r, str>>,
    security_token: Option<Cow<'r, str>>,
    signature: Option<Cow<'r, str>>,
    signed_headers: Option<Cow<'r, str>>,
}

impl<'r> Parameters<'r> {
    pub(super) fn into_signed(self, parts: &'r Parts) -> Result<Signed<'r>, AuthError> {
        let mut missing = Vec::new();
        let mut required = |name: &'static str, value: Option<Cow<'r, str>>| {
            let value = value.unwrap_or_default();
            if value.is_empty() {
                missing.push(name);
            }
            value
        };
        let algorithm = required(X_AMZ_ALGORITHM, self.algorithm);
        let credential = required(X_AMZ_CREDENTIAL, self.credential);
        let signature = required(X_AMZ_SIGNATURE, self.signature);
        let signed_headers = required(X_AMZ_SIGNED_HEADERS, self.signed_headers);
        let date = required(X_AMZ_DATE, self.date);
        if !missing.is_empty() {
            return Err(AuthError::IncompleteQuery { missing });
        }
        if algorithm != ALGORITHM {
            return Err(AuthError::UnsupportedAlgorithm {
                algorithm: algorithm.into_owned(),
            });
        }
        let stamp = Stamp::basic(date.as_bytes()).ok_or_else(|| AuthError::MalformedDate {
            date: date.into_owned(),
        })?;
        let (access_key_id, scope) = credential::read(&credential, &stamp)?;
        Ok(Signed {
            parts,
            access_key_id: Cow::Owned(access_key_id.to_owned()),
            scope: scope.into_owned(),
            signed_headers,
            signature,
            session_token: self.security_token,
            stamp,
            form: Form::Query {
                expires_seconds: self.expires.as_deref().map(expires_seconds).transpose()?,
            },
        })
    }
}

fn expires_seconds(text: &str) -> Result<i64, AuthError> {
    Some(text)
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|seconds| (1..=EXPIRES_SECONDS_MAX).contains(seconds))
        .ok_or(AuthError::InvalidExpires)
}

/// The names and values of a query as they were sent; what stands between two `&` without a character is nothing.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Undoes percent-encoding. A percent sign that encodes nothing is itself; a plus sign is one.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = next_byte(rest) {
        decoded.push(byte.value);
        rest = tail;
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

/// One byte of a query.
#[derive(Clone, Copy)]
pub(crate) struct Byte {
    pub(crate) value: u8,
    pub(crate) was_encoded: bool,
}

/// Takes the first byte off, be it encoded or not.
pub(crate) fn next_byte(text: &[u8]) -> Option<(Byte, &[u8])> {
    if let [b'%', high, low, tail @ ..] = text
        && let (Some(high), Some(low)) = (nibble(*high), nibble(*low))
    {
        return Some((
            Byte {
                value: high << 4 | low,
                was_encoded: true,
            },
            tail,
        ));
    }
    let (value, tail) = text.split_first()?;
    Some((
        Byte {
            value: *value,
            was_encoded: false,
        },
        tail,
    ))
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
