//! Prints what it costs to open a data key and with it a value of 1 KiB, in nanoseconds.
//!
//! `cargo run --release -p strongroom-keys --example open_speed`
#![allow(clippy::print_stdout, reason = "printing is its purpose")]

use std::hint::black_box;
use std::time::Instant;

use strongroom_keys::{
    EncryptionContext, KeyVersionName, Keyring, OpenError, RootKey, SecretBytes, SystemEntropy,
};

const ROUNDS: u32 = 21;
const OPENED_PER_ROUND: u32 = 20_000;

fn main() -> Result<(), OpenError> {
    let keyring = Keyring::new(RootKey::generate(&SystemEntropy));
    let name = KeyVersionName {
        account: "123456789012".into(),
        region: "us-east-1".into(),
        key_id: "1234abcd-12ab-34cd-56ef-1234567890ab".into(),
        version: 1,
    };
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:MyDatabaseSecret-a1b2c3";
    let context = || {
        EncryptionContext::of([
            ("SecretARN", arn),
            ("SecretVersionId", "EXAMPLE1-90ab-cdef-fedc-ba987EXAMPLE"),
        ])
    };
    let material = keyring.new_material(&name, &SystemEntropy);
    let (data_key, sealed_data_key) =
        keyring.generate_data_key(&name, &material, &context(), &SystemEntropy)?;
    let value = SecretBytes::new(vec![b'x'; 1024]);
    let sealed = data_key.seal(&context(), &value, &SystemEntropy);

    let mut nanoseconds = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..OPENED_PER_ROUND {
            let context = context();
            let data_key = keyring.open_data_key(&name, &material, &context, &sealed_data_key)?;
            black_box(data_key.open(&context, black_box(&sealed))?);
        }
        nanoseconds.push(start.elapsed().as_nanos() / u128::from(OPENED_PER_ROUND));
    }
    nanoseconds.sort_unstable();
    let (least, median) = (nanoseconds[0], nanoseconds[nanoseconds.len() / 2]);
    println!("open_data_key and open of 1 KiB: median {median} ns, least {least} ns");
    Ok(())
}
