//! The rules of Signature Version 4, shown from outside: published and botocore's signatures are accepted, whatever
//! is altered is refused, every refusal has AWS's words, and no input makes it panic.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at what it doesn't expect"
)]

mod alterations;
mod any_input;
mod mutations;
mod published;
mod random;
mod reference;
mod refusals;
mod round_trip;
mod vectors;

use http::Request;
use http::request::Parts;
use strongroom_keys::SecretBytes;
use strongroom_wire::sigv4::{self, AuthError, Scope, Signer, SigningKey};

/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600;
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// Reads and verifies, with a key derived for what the request claims, as the pipeline does.
fn check(parts: &Parts, body: &[u8], secret: &str, now: i64) -> Result<(), AuthError> {
    let signed = sigv4::read(parts)?;
    let key = SigningKey::derive(&SecretBytes::copy_of(secret.as_bytes()), signed.scope());
    signed.verify(body, &key, now)
}

/// A request to an address of its own, from a method, a target (path and query), and headers.
fn request(method: &str, path_and_query: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(path_and_query);
    for (name, value) in headers {
        request = request.header(*name, value.as_bytes());
    }
    request.body(()).unwrap().into_parts().0
}

/// What boto3 sends for a call, still unsigned.
fn usual_request() -> Parts {
    request(
        "POST",
        "/",
        &[
            ("host", "localhost:4599"),
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", "secretsmanager.GetSecretValue"),
            ("user-agent", "Boto3/1.43.11"),
        ],
    )
}

fn signer() -> Signer {
    let secret = SecretBytes::copy_of(SECRET.as_bytes());
    Signer::new("AKIDEXAMPLE", secret, None, "us-east-1", "secretsmanager").unwrap()
}

/// A key for a scope, as a cache would hold it.
fn key_for(scope: &Scope<'_>) -> SigningKey {
    SigningKey::derive(&SecretBytes::copy_of(SECRET.as_bytes()), scope)
}
