//! The header form of a signature: `Authorization` and the headers around it.

use std::borrow::Cow;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::DATE;
use http::request::Parts;

use super::error::{AuthError, HeaderPart};
use super::key::ALGORITHM;
use super::pieces::{in_two, pieces};
use super::stamp::Stamp;
use super::{DateHeader, Form, Signed, credential};
use super::{X_AMZ_DATE, X_AMZ_SECURITY_TOKEN};

/// Reads `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`, in any order; other parameters are ignored.
pub(super) fn read<'r>(parts: &'r Parts, header: &'r [u8]) -> Result<Signed<'r>, AuthError> {
    let parameters = Parameters::read(header)?;
    let date = date(parts)?;
    let (Some(credential), Some(signature), Some(signed_headers), Some((stamp, date_in))) = (
        parameters.credential,
        parameters.signature,
        parameters.signed_headers,
        date,
    ) else {
        let missing = [
            (HeaderPart::Credential, parameters.credential.is_none()),
            (HeaderPart::Signature, parameters.signature.is_none()),
            (
                HeaderPart::SignedHeaders,
                parameters.signed_headers.is_none(),
            ),
            (HeaderPart::Date, date.is_none()),
        ];
        return Err(AuthError::IncompleteHeader {
            missing: missing
                .into_iter()
                .filter_map(|(part, is_missing)| is_missing.then_some(part))
                .collect(),
            authorization_hash: hash(header),
        });
    };
    if parameters.algorithm != ALGORITHM {
        return Err(AuthError::UnsupportedAlgorithm {
            algorithm: parameters.algorithm.to_owned(),
        });
    }
    let (access_key_id, scope) = credential::read(credential, &stamp)?;
    let session_token = parts
        .headers
        .get(&X_AMZ_SECURITY_TOKEN)
        .map(|token| String::from_utf8_lossy(token.as_bytes()));
    Ok(Signed {
        parts,
        access_key_id: Cow::Borrowed(access_key_id),
        scope,
        signed_headers: Cow::Borrowed(signed_headers),
        signature: Cow::Borrowed(signature),
        session_token,
        stamp,
        form: Form::Header { date_in },
    })
}

/// What the header says; a parameter without a value counts as missing.
struct Parameters<'r> {
    algorithm: &'r str,
    credential: Option<&'r str>,
    signature: Option<&'r str>,
    signed_headers: Option<&'r str>,
}

impl<'r> Parameters<'r> {
    fn read(header: &'r [u8]) -> Result<Self, AuthError> {
        let not_key_value = || AuthError::NotKeyValue {
            authorization_hash: hash(header),
        };
        let text = std::str::from_utf8(header)
            .map_err(|_| not_key_value())?
            .trim();
        let (algorithm, list) = text.split_once([' ', '\t']).unwrap_or((text, ""));
        let mut parameters = Self {
            algorithm,
            credential: None,
            signature: None,
            signed_headers: None,
        };
        if list.is_empty() {
            return Ok(parameters);
        }
        for parameter in pieces(list, b',') {
            let (name, value) = in_two(parameter.trim(), b'=').ok_or_else(not_key_value)?;
            let (name, place) = match name {
                "Credential" => ("Credential", &mut parameters.credential),
                "Signature" => ("Signature", &mut parameters.signature),
                "SignedHeaders" => ("SignedHeaders", &mut parameters.signed_headers),
                _ => continue,
            };
            if place.is_some() {
                return Err(AuthError::RepeatedParameter { name });
            }
            *place = Some(value).filter(|value| !value.is_empty());
        }
        Ok(parameters)
    }
}

/// The date from `X-Amz-Date`, or from `Date` where there is no such header.
fn date(parts: &Parts) -> Result<Option<(Stamp, DateHeader)>, AuthError> {
    for (name, date_in) in [
        (&X_AMZ_DATE, DateHeader::XAmzDate),
        (&DATE, DateHeader::Date),
    ] {
        let mut values = parts.headers.get_all(name).iter();
        let Some(value) = values.next() else { continue };
        let stamp = match date_in {
            DateHeader::XAmzDate => Stamp::basic(value.as_bytes()),
            DateHeader::Date => value.to_str().ok().and_then(Stamp::of_date_header),
        };
        return match (stamp, values.next()) {
            (Some(stamp), None) => Ok(Some((stamp, date_in))),
            _ => Err(AuthError::MalformedDate {
                date: String::from_utf8_lossy(value.as_bytes()).into_owned(),
            }),
        };
    }
    Ok(None)
}

fn hash(header: &[u8]) -> String {
    STANDARD.encode(digest::digest(&digest::SHA256, header))
}
