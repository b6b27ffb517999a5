//! Prints how long it takes to read and verify a signature with a cached key, and to derive a key.
//!
//! `cargo run --release -p strongroom-wire --example verify_speed`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement for the console"
)]

use std::hint::black_box;
use std::time::Instant;

use http::Request;
use http::request::Parts;
use strongroom_keys::SecretBytes;
use strongroom_wire::sigv4::{self, Signer, SigningKey};

fn main() {
    let (parts, body) = usual_request();
    let key = SigningKey::derive(&secret(), sigv4::read(&parts).unwrap().scope());
    measure("read", || {
        black_box(sigv4::read(black_box(&parts)).unwrap());
    });
    measure("read and verify, key cached", || {
        let signed = sigv4::read(black_box(&parts)).unwrap();
        signed.verify(black_box(&body), &key, NOW).unwrap();
    });
    let signed = sigv4::read(&parts).unwrap();
    measure("derive the key", || {
        black_box(SigningKey::derive(&secret(), signed.scope()));
    });
}

/// What boto3 sends for GetSecretValue.
fn usual_request() -> (Parts, Vec<u8>) {
    let body = br#"{"SecretId": "MyDatabaseSecret"}"#.to_vec();
    let (mut parts, ()) = Request::post("/")
        .header("host", "127.0.0.1:4599")
        .header("accept-encoding", "identity")
        .header("x-amz-target", "secretsmanager.GetSecretValue")
        .header("content-type", "application/x-amz-json-1.1")
        .header(
            "user-agent",
            "Boto3/1.43.11 md/Botocore#1.43.11 ua/2.1 os/linux lang/python#3.11",
        )
        .header("content-length", body.len())
        .body(())
        .unwrap()
        .into_parts();
    let mut signer = Signer::new(
        "AKIAIOSFODNN7EXAMPLE",
        secret(),
        None,
        "us-east-1",
        "secretsmanager",
    )
    .unwrap();
    signer.sign(&mut parts, &body, NOW).unwrap();
    (parts, body)
}

fn secret() -> SecretBytes {
    SecretBytes::copy_of(b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
}

/// Prints the median of many rounds: a neighbour on the same core disturbs only some of them.
fn measure(name: &str, mut work: impl FnMut()) {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..CALLS_A_ROUND {
                work();
            }
            start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS_A_ROUND)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("{name}: {:.0} ns", rounds[rounds.len() / 2]);
}

const NOW: i64 = 1_767_225_600;
const ROUNDS: usize = 101;
const CALLS_A_ROUND: u32 = 2_000;
