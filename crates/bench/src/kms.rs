//! KMS Decrypt and GenerateDataKey against the bare server: the same requests, answers of the same length.

use std::cell::RefCell;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::load::{self, Work};
use crate::process::{self, Server};
use crate::report::{Row, Side, median, note};
use crate::requests::{Requests, Service};
use crate::{Failed, Run};

const RATIO_MAX: f64 = 2.0;

/// Measures.
pub(crate) fn measure(run: &Run, round: Duration) -> Result<Vec<Row>, Failed> {
    let data = tempfile::tempdir_in(&run.folder)?;
    let server = process::start_strongroom(&run.strongroom, data.path())?;
    let threads = server.threads_named("strongroom")?;
    let context = json!({"purpose": "bench"});
    let key = one(&server, "CreateKey", &json!({}))?.1;
    let key = key["KeyMetadata"]["Arn"].clone();
    let generate = json!({"KeyId": key, "KeySpec": "AES_256", "EncryptionContext": context});
    let (generated_bytes, generated) = one(&server, "GenerateDataKey", &generate)?;
    let decrypt =
        json!({"CiphertextBlob": generated["CiphertextBlob"], "EncryptionContext": context});
    let (decrypted_bytes, decrypted) = one(&server, "Decrypt", &decrypt)?;
    if decrypted["Plaintext"] != generated["Plaintext"] {
        return Err("Decrypt gave another data key than GenerateDataKey".into());
    }
    let mut rows = Vec::new();
    for (operation, body, body_bytes) in [
        ("Decrypt", decrypt, decrypted_bytes),
        ("GenerateDataKey", generate, generated_bytes),
    ] {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bare", "--body-bytes", &body_bytes.to_string()]);
        let bare = Server::start(command.args(["--threads", &threads.to_string()]))?;
        let body = serde_json::to_vec(&body)?;
        let (mut ratios, mut ours, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
        // The first round is a warm-up.
        for number in 0..=run.pairs {
            let fixed = one_round(&bare, operation, &body, run.connections, round)?;
            let strongroom = one_round(&server, operation, &body, run.connections, round)?;
            if number > 0 {
                note(&format!(
                    "{operation}: {} against {}",
                    strongroom.shown(),
                    fixed.shown()
                ));
                ratios.push(strongroom.cpu_us / fixed.cpu_us);
                ours.push(strongroom.cpu_us);
                theirs.push(fixed.cpu_us);
            }
        }
        bare.stop()?;
        rows.push(Row::at_most(
            format!(
                "KMS {operation}: CPU time ({:.1} µs) against the bare server with as many threads ({:.1} µs)",
                median(ours.into_iter()),
                median(theirs.into_iter())
            ),
            median(ratios.into_iter()),
            "times",
            RATIO_MAX,
        ));
    }
    server.stop()?;
    Ok(rows)
}

/// One request, and its answer with its length.
fn one(server: &Server, operation: &str, body: &Value) -> Result<(usize, Value), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut client = Client::connect(server.address).await?;
        let body = serde_json::to_vec(body)?;
        let request = Requests::of(Service::Kms, server.address)?.make(operation, &body)?;
        let answer = client.exchange(&request).await?;
        answer.succeeded()?;
        Ok((answer.body.len(), serde_json::from_slice(answer.body)?))
    })
}

fn one_round(
    server: &Server,
    operation: &'static str,
    body: &[u8],
    connections: usize,
    time: Duration,
) -> Result<Side, Failed> {
    let work = Repeated {
        operation,
        body: body.to_vec(),
        requests: RefCell::new(Requests::of(Service::Kms, server.address)?),
        signed: RefCell::default(),
    };
    work.refresh()?;
    let before = server.cpu()?;
    let done = load::run(work, server.address, connections, time)?;
    Ok(Side::of(&done, server.cpu()?.saturating_sub(before)))
}

struct Repeated {
    operation: &'static str,
    body: Vec<u8>,
    requests: RefCell<Requests>,
    signed: RefCell<Rc<Vec<u8>>>,
}

impl Work for Repeated {
    fn next(&self, _: usize) -> Result<Rc<Vec<u8>>, Failed> {
        Ok(Rc::clone(&self.signed.borrow()))
    }

    fn check(&self, _: usize, answer: &Answer<'_>) -> Result<(), Failed> {
        answer.succeeded()
    }

    fn refresh(&self) -> Result<(), Failed> {
        let signed = self
            .requests
            .borrow_mut()
            .make(self.operation, &self.body)?;
        *self.signed.borrow_mut() = Rc::new(signed);
        Ok(())
    }
}
