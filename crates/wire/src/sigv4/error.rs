//! Why a request isn't accepted as signed, in AWS's codes and words.

use std::fmt;

use http::StatusCode;

use super::{EXPIRES_SECONDS_MAX, SKEW_SECONDS};
use crate::error_body::{ErrorBody, MessageMember, Protocol};

/// Why a request isn't accepted as signed.
///
/// Each maps to AWS's code, status and text by [`AuthError::error_body`]. The `Display` text is the awsJson one.
/// `UnknownAccessKey`, `InvalidSessionToken` and `ExpiredSession` are never found here: they are for the caller, who
/// knows the keys.
///
/// Source: "Common Errors" of each service and "Troubleshooting signature errors" in the IAM user guide; what those
/// leave open is marked below.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", self.message(Protocol::AwsJson))]
pub enum AuthError {
    /// There is neither an `Authorization` header nor a signature in the query.
    MissingAuthenticationToken,
    /// The `Authorization` header lacks something, or there is no date.
    IncompleteHeader {
        /// What is missing, in AWS's order; not empty.
        missing: Vec<HeaderPart>,
        /// The SHA-256 of the header in base64: AWS prints this rather than the header, which may hold a password.
        authorization_hash: String,
    },
    /// A part of the `Authorization` header is not of the form `key=value`.
    NotKeyValue {
        /// As in `IncompleteHeader`.
        authorization_hash: String,
    },
    /// A signature in the query lacks these parameters; not empty.
    IncompleteQuery {
        /// The parameters' names.
        missing: Vec<&'static str>,
    },
    /// One of the authentication parameters is given twice. (The text is ours.)
    RepeatedParameter {
        /// The parameter.
        name: &'static str,
    },
    /// There are two `Authorization` headers, or one and a signature in the query. (The text is S3's.)
    TwoMechanisms,
    /// Another algorithm than `AWS4-HMAC-SHA256`. (From experience.)
    UnsupportedAlgorithm {
        /// What was asked for.
        algorithm: String,
    },
    /// The credential hasn't five elements, or an empty one.
    MalformedCredential {
        /// What was sent.
        credential: String,
    },
    /// The list of signed headers isn't one of lower-case names in ascending order. (The text is ours.)
    MalformedSignedHeaders,
    /// The date isn't one.
    MalformedDate {
        /// What was sent.
        date: String,
    },
    /// `X-Amz-Expires` isn't a number from 1 to 604800. (The text is modelled on S3's.)
    InvalidExpires,
    /// The credential's last element isn't `aws4_request`.
    WrongTerminator {
        /// What it is.
        terminator: String,
    },
    /// The credential's region can't be a region's name.
    InvalidRegion,
    /// The credential's service can't be a service's name.
    InvalidService,
    /// The credential is for another service than the one that was called.
    WrongService {
        /// The signing name of the one that was called.
        expected: &'static str,
    },
    /// The credential's day isn't the date's.
    WrongDay {
        /// The credential's.
        credential: String,
        /// The date, `yyyymmddThhmmssZ`.
        date: String,
    },
    /// The host isn't signed.
    UnsignedHost,
    /// Another header that must be signed isn't.
    UnsignedHeader {
        /// The header's name as AWS writes it.
        name: String,
    },
    /// The date is too old. All instants: `yyyymmddThhmmssZ`.
    Expired {
        /// When the request was signed.
        signed: String,
        /// The oldest date that would do.
        earliest: String,
        /// The server's time.
        now: String,
        /// How long a signature is good for.
        window_seconds: i64,
    },
    /// The date is too far ahead. All instants: `yyyymmddThhmmssZ`.
    NotYetCurrent {
        /// When the request was signed.
        signed: String,
        /// The newest date that would do.
        latest: String,
        /// The server's time.
        now: String,
    },
    /// Another key was used, or what was signed isn't what arrived. It is not told which.
    SignatureMismatch,
    /// No such access key, or an inactive one. For the caller.
    UnknownAccessKey,
    /// The session token is missing, not ours or another key's. For the caller.
    InvalidSessionToken,
    /// The session is over. For the caller.
    ExpiredSession,
}

/// What an `Authorization` header can lack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeaderPart {
    /// `Credential=`.
    Credential,
    /// `Signature=`.
    Signature,
    /// `SignedHeaders=`.
    SignedHeaders,
    /// The date: a header of its own.
    Date,
}

impl AuthError {
    /// Whether credentials were tried that aren't right, as someone would who guesses them.
    pub fn is_guess(&self) -> bool {
        matches!(
            self,
            AuthError::SignatureMismatch
                | AuthError::UnknownAccessKey
                | AuthError::InvalidSessionToken
        )
    }

    /// The answer in a protocol's codes, statuses and words.
    #[must_use]
    pub fn error_body(&self, protocol: Protocol) -> ErrorBody {
        let (json_code, query_code, query_status) = self.codes();
        let (code, status) = match protocol {
            Protocol::AwsJson | Protocol::RestJson => (json_code, StatusCode::BAD_REQUEST),
            Protocol::Query { .. } => (query_code, query_status),
        };
        ErrorBody {
            status,
            code: code.into(),
            message: Some(self.message(protocol)),
            message_member: MessageMember::LowerCase,
        }
    }

    /// The awsJson code, whose status is always 400, and the query code with its status.
    fn codes(&self) -> (&'static str, &'static str, StatusCode) {
        use AuthError as E;
        match self {
            E::MissingAuthenticationToken => (
                "MissingAuthenticationTokenException",
                "MissingAuthenticationToken",
                StatusCode::FORBIDDEN,
            ),
            E::IncompleteHeader { .. }
            | E::NotKeyValue { .. }
            | E::IncompleteQuery { .. }
            | E::RepeatedParameter { .. }
            | E::TwoMechanisms
            | E::UnsupportedAlgorithm { .. }
            | E::MalformedCredential { .. }
            | E::MalformedSignedHeaders
            | E::MalformedDate { .. }
            | E::InvalidExpires => (
                "IncompleteSignatureException",
                "IncompleteSignature",
                StatusCode::BAD_REQUEST,
            ),
            E::WrongTerminator { .. }
            | E::InvalidRegion
            | E::InvalidService
            | E::WrongService { .. }
            | E::WrongDay { .. }
            | E::UnsignedHost
            | E::UnsignedHeader { .. }
            | E::Expired { .. }
            | E::NotYetCurrent { .. }
            | E::SignatureMismatch => (
                "InvalidSignatureException",
                "SignatureDoesNotMatch",
                StatusCode::FORBIDDEN,
            ),
            E::UnknownAccessKey | E::InvalidSessionToken => (
                "UnrecognizedClientException",
                "InvalidClientTokenId",
                StatusCode::FORBIDDEN,
            ),
            E::ExpiredSession => (
                "ExpiredTokenException",
                "ExpiredToken",
                StatusCode::FORBIDDEN,
            ),
        }
    }

    fn message(&self, protocol: Protocol) -> String {
        let text = self.text(protocol);
        // Some of the texts repeat what a stranger sent; it must not break the lines of a log.
        if text.contains(char::is_control) {
            text.replace(char::is_control, "\u{fffd}")
        } else {
            text
        }
    }

    fn text(&self, protocol: Protocol) -> String {
        use AuthError as E;
        match self {
            E::MissingAuthenticationToken => match protocol {
                Protocol::AwsJson | Protocol::RestJson => "Missing Authentication Token".to_owned(),
                Protocol::Query { .. } => "Request is missing Authentication Token".to_owned(),
            },
            E::IncompleteHeader {
                missing,
                authorization_hash,
            } => {
                let missing: String = missing.iter().map(|part| format!("{part} ")).collect();
                format!(
                    "{missing}(Hashed with SHA-256 and encoded with Base64) \
                     Authorization={authorization_hash}"
                )
            }
            E::NotKeyValue { authorization_hash } => format!(
                "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with \
                 SHA-256 and encoded with Base64): '{authorization_hash}'."
            ),
            E::IncompleteQuery { missing } => {
                let missing: String = missing
                    .iter()
                    .map(|name| format!("AWS query-string parameters must include '{name}'. "))
                    .collect();
                format!("{missing}Re-examine the query-string parameters.")
            }
            E::RepeatedParameter { name } => {
                format!("The authentication parameter '{name}' must be given only once.")
            }
            E::TwoMechanisms => "Only one auth mechanism allowed; only the X-Amz-Algorithm query \
                                 parameter, Signature query string parameter or the Authorization \
                                 header should be specified"
                .to_owned(),
            E::UnsupportedAlgorithm { algorithm } => {
                format!("Unsupported AWS 'algorithm': '{algorithm}'.")
            }
            E::MalformedCredential { credential } => format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                 keyid/date/region/service/term, got '{credential}'"
            ),
            E::MalformedSignedHeaders => "'SignedHeaders' must be lower-case header names in \
                                          ascending order, separated by semicolons."
                .to_owned(),
            E::MalformedDate { date } => format!(
                "Date must be in ISO-8601 'basic format'. Got '{date}'. See \
                 http://en.wikipedia.org/wiki/ISO_8601"
            ),
            E::InvalidExpires => format!(
                "X-Amz-Expires must be a number of seconds from 1 to {EXPIRES_SECONDS_MAX}."
            ),
            E::WrongTerminator { terminator } => format!(
                "Credential should be scoped with a valid terminator: 'aws4_request', not \
                 '{terminator}'."
            ),
            E::InvalidRegion => "Credential should be scoped to a valid region.".to_owned(),
            E::InvalidService => "Credential should be scoped to correct service.".to_owned(),
            E::WrongService { expected } => {
                format!("Credential should be scoped to correct service: '{expected}'.")
            }
            E::WrongDay { credential, date } => {
                let day = date.get(..8).unwrap_or(date);
                format!(
                    "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of \
                     date from HTTP: '{credential}' != '{day}', from '{date}'."
                )
            }
            E::UnsignedHost => {
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
                    .to_owned()
            }
            E::UnsignedHeader { name } => {
                format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.")
            }
            E::Expired {
                signed,
                earliest,
                now,
                window_seconds,
            } => format!(
                "Signature expired: {signed} is now earlier than {earliest} ({now} - {})",
                Window(*window_seconds)
            ),
            E::NotYetCurrent {
                signed,
                latest,
                now,
            } => format!(
                "Signature not yet current: {signed} is still later than {latest} ({now} + {})",
                Window(SKEW_SECONDS)
            ),
            E::SignatureMismatch => "The request signature we calculated does not match the \
                                     signature you provided. Check your AWS Secret Access Key and \
                                     signing method. Consult the service documentation for details."
                .to_owned(),
            E::UnknownAccessKey | E::InvalidSessionToken => {
                "The security token included in the request is invalid.".to_owned()
            }
            E::ExpiredSession => "The security token included in the request is expired".to_owned(),
        }
    }
}

impl fmt::Display for HeaderPart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            HeaderPart::Credential => "Authorization header requires 'Credential' parameter.",
            HeaderPart::Signature => "Authorization header requires 'Signature' parameter.",
            HeaderPart::SignedHeaders => "Authorization header requires 'SignedHeaders' parameter.",
            HeaderPart::Date => {
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
            }
        })
    }
}

/// Seconds as AWS prints them: in minutes, since its own windows are whole ones.
struct Window(i64);

impl fmt::Display for Window {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 % 60 == 0 {
            write!(formatter, "{} min.", self.0 / 60)
        } else {
            write!(formatter, "{} sec.", self.0)
        }
    }
}
