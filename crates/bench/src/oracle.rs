//! Whether the time of a refusal tells what is there: another account asks for a resource that is closed to it and for
//! one that is missing, in turn, over one connection. If nothing tells them apart, the closed one takes longer in half of
//! the pairs.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::Client;
use crate::process::{self, Server};
use crate::report::{Row, median, note};
use crate::requests::{Credentials, Requests, Service};
use crate::{Failed, Run};

/// Pairs of each row for each round that is asked for.
const PAIRS: usize = 3_000;
/// Pairs after which requests are signed anew: far less than five minutes.
const PAIRS_SIGNED: usize = 1_000;
/// How far from half of the pairs is still noise, in percent: more than four standard deviations of 21,000 pairs.
const OFF_MAX: f64 = 2.0;
/// The account that asks.
const ASKING: &str = "444455556666";

/// Something that is asked for: a member that names it, there and missing.
struct Asked {
    what: &'static str,
    service: Service,
    operation: &'static str,
    there: Value,
    missing: Value,
}

/// Measures.
pub(crate) fn measure(run: &Run) -> Result<Vec<Row>, Failed> {
    let data = tempfile::tempdir_in(&run.folder)?;
    let server = process::start_strongroom(&run.strongroom, data.path())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let credentials = create_account(&run.strongroom, data.path())?;
    let mut rows = Vec::new();
    for asked in runtime.block_on(prepare(&server))? {
        let pairs = PAIRS * run.pairs;
        let measured = runtime.block_on(pairs_of(&server, &credentials, &asked, pairs))?;
        let (there, missing): (Vec<f64>, Vec<f64>) = measured.into_iter().unzip();
        let longer = there
            .iter()
            .zip(&missing)
            .filter(|(there, missing)| there > missing);
        let longer = 100.0 * longer.count() as f64 / pairs as f64;
        let (of_there, of_missing) = (median(there.into_iter()), median(missing.into_iter()));
        note(&format!(
            "{}: {of_there:.2} µs and {of_missing:.2} µs",
            asked.what
        ));
        rows.push(Row::at_most(
            format!(
                "{}: off from half of {pairs} pairs in which the one that is there took longer ({longer:.2} %; medians \
                 {of_there:.1} µs there, {of_missing:.1} µs missing)",
                asked.what
            ),
            (longer - 50.0).abs(),
            "percent points",
            OFF_MAX,
        ));
    }
    server.stop()?;
    Ok(rows)
}

/// Makes the account that asks; the credentials of its root.
fn create_account(program: &Path, data: &Path) -> Result<Credentials, Failed> {
    let mut command = Command::new(program);
    command.args(["admin", "--data-dir"]).arg(data);
    let made = command
        .args(["account", "create", ASKING, "--json"])
        .output()?;
    if !made.status.success() {
        return Err(String::from_utf8_lossy(&made.stderr).into());
    }
    let made: Value = serde_json::from_slice(&made.stdout)?;
    let text = |member: &str| made[member].as_str().unwrap_or_default().to_owned();
    Ok(Credentials {
        access_key_id: text("AccessKeyId"),
        secret_access_key: text("SecretAccessKey"),
        session_token: None,
    })
}

/// Makes a secret and a key in the first account. Beside them, one that is missing against another that is: that shows
/// the noise.
async fn prepare(server: &Server) -> Result<Vec<Asked>, Failed> {
    let mut client = Client::connect(server.address).await?;
    let mut ask = async |service, operation: &str, body: Value| -> Result<Value, Failed> {
        let body = serde_json::to_vec(&body)?;
        let request = Requests::of(service, server.address)?.make(operation, &body)?;
        let answer = client.exchange(&request).await?;
        answer.succeeded()?;
        Ok(serde_json::from_slice(answer.body)?)
    };
    let body = json!({"Name": "there", "ClientRequestToken": "0".repeat(32), "SecretString": "v"});
    let secret = ask(Service::SecretsManager, "CreateSecret", body).await?;
    let key = ask(Service::Kms, "CreateKey", json!({})).await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (secret, key) = (text(&secret["ARN"]), text(&key["KeyMetadata"]["Arn"]));
    let no_secret = secret.replace(":there-", ":never-");
    let another = secret.replace(":there-", ":nobody");
    let no_key = format!(
        "{}{}",
        &key[..key.len() - 36],
        "0".repeat(8) + "-0000-4000-8000-000000000000"
    );
    let of_secret = |what, operation, there: &str, missing: &str| Asked {
        what,
        service: Service::SecretsManager,
        operation,
        there: json!({ "SecretId": there }),
        missing: json!({ "SecretId": missing }),
    };
    let of_key = |what, operation, more: &Value| {
        let named = |name: &str| {
            let mut body = more.clone();
            body["KeyId"] = json!(name);
            body
        };
        Asked {
            what,
            service: Service::Kms,
            operation,
            there: named(&key),
            missing: named(&no_key),
        }
    };
    Ok(vec![
        of_secret(
            "two secrets that are both missing, GetSecretValue",
            "GetSecretValue",
            &another,
            &no_secret,
        ),
        of_secret("GetSecretValue", "GetSecretValue", &secret, &no_secret),
        of_secret("DescribeSecret", "DescribeSecret", &secret, &no_secret),
        of_secret("DeleteSecret", "DeleteSecret", &secret, &no_secret),
        of_key("DescribeKey", "DescribeKey", &json!({})),
        of_key("Encrypt", "Encrypt", &json!({"Plaintext": "eA=="})),
        of_key("ScheduleKeyDeletion", "ScheduleKeyDeletion", &json!({})),
    ])
}

/// How long each took, in microseconds, there and missing. Which comes first changes as a coin would fall.
async fn pairs_of(
    server: &Server,
    credentials: &Credentials,
    asked: &Asked,
    pairs: usize,
) -> Result<Vec<(f64, f64)>, Failed> {
    let mut client = Client::connect(server.address).await?;
    let mut requests = Requests::by(credentials, asked.service, server.address)?;
    let mut sign = |body: &Value| requests.make(asked.operation, &serde_json::to_vec(body)?);
    let mut signed = (sign(&asked.there)?, sign(&asked.missing)?);
    let mut measured = Vec::with_capacity(pairs);
    let mut state = 1_u64;
    for pair in 0..pairs {
        if pair % PAIRS_SIGNED == 0 {
            signed = (sign(&asked.there)?, sign(&asked.missing)?);
        }
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let there_first = state >> 63 == 0;
        let (first, second) = if there_first {
            (&signed.0, &signed.1)
        } else {
            (&signed.1, &signed.0)
        };
        let one = timed(&mut client, first).await?;
        let other = timed(&mut client, second).await?;
        measured.push(if there_first {
            (one, other)
        } else {
            (other, one)
        });
    }
    Ok(measured)
}

async fn timed(client: &mut Client, request: &[u8]) -> Result<f64, Failed> {
    let began = Instant::now();
    let answer = client.exchange(request).await?;
    let took: Duration = began.elapsed();
    if answer.status != 400 || memchr::memmem::find(answer.body, b"AccessDenied").is_none() {
        return Err(format!("{}: it was not refused", answer.status).into());
    }
    Ok(took.as_secs_f64() * 1e6)
}
