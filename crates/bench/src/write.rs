//! PutSecretValue against the store alone: as many writers, on the same disk, each write durable.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use serde::Deserialize;

use crate::client::{Answer, Client};
use crate::load::{self, Work};
use crate::process::{self, Server};
use crate::report::{Side, WriteResult, median, note};
use crate::requests::{Requests, value};
use crate::{Failed, Run};

/// Secrets of one writer in one round. Each gets few versions, as most secrets have: a secret's record grows with
/// them, and the store alone writes short ones. (AWS keeps about 100 versions of a day, so one secret would not do.)
const SECRETS_EACH: usize = 64;

/// Measures pairs of rounds, the store alone and Strongroom in turn.
pub(crate) fn measure(run: &Run, round: Duration) -> Result<WriteResult, Failed> {
    let data = tempfile::tempdir_in(&run.folder)?;
    let server = process::start_strongroom(&run.strongroom, data.path())?;
    let mut pairs = Vec::with_capacity(run.pairs);
    // The first pair is a warm-up.
    for number in 0..=run.pairs {
        make_secrets(server.address, run.writers, number)?;
        let alone = store_alone(&run.folder, run.writers, round)?;
        let strongroom = one_round(&server, run.writers, number, round)?;
        if number > 0 {
            note(&format!(
                "write {number}/{}: {} against {}",
                run.pairs,
                strongroom.shown(),
                alone.shown()
            ));
            pairs.push((strongroom, alone));
        }
    }
    server.stop()?;
    Ok(WriteResult {
        writers: run.writers,
        value_bytes: value(0).len(),
        rate_ratio: median(pairs.iter().map(|(a, b)| a.per_second / b.per_second)),
        cpu_ratio: median(pairs.iter().map(|(a, b)| a.cpu_us / b.cpu_us)),
        strongroom: Side::median_of(pairs.iter().map(|(strongroom, _)| strongroom)),
        store: Side::median_of(pairs.iter().map(|(_, store)| store)),
        pairs,
    })
}

fn store_alone(folder: &Path, writers: usize, round: Duration) -> Result<Side, Failed> {
    #[derive(Deserialize)]
    struct Measured {
        commits_per_second: f64,
        cpu_us_per_commit: f64,
    }
    let output = Command::new(std::env::current_exe()?)
        .arg("store")
        .arg("--folder")
        .arg(folder)
        .args(["--writers", &writers.to_string()])
        .args(["--seconds", &round.as_secs_f64().to_string()])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let measured: Measured = serde_json::from_slice(&output.stdout)?;
    Ok(Side {
        per_second: measured.commits_per_second,
        cpu_us: measured.cpu_us_per_commit,
        p50_us: None,
        p99_us: None,
    })
}

fn one_round(
    server: &Server,
    writers: usize,
    round: usize,
    time: Duration,
) -> Result<Side, Failed> {
    let work = Puts {
        requests: RefCell::new(Requests::to(server.address)?),
        round,
        done: RefCell::new(vec![0; writers]),
        value: value(round),
    };
    let before = server.cpu()?;
    let done = load::run(work, server.address, writers, time)?;
    Ok(Side::of(&done, server.cpu()?.saturating_sub(before)))
}

fn name(round: usize, writer: usize, secret: usize) -> String {
    format!("bench/write/{round:02}/{writer:03}/{secret:03}")
}

fn make_secrets(server: SocketAddr, writers: usize, round: usize) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let making: Vec<_> = (0..writers)
            .map(|writer| {
                tokio::task::spawn_local(async move {
                    let mut client = Client::connect(server).await?;
                    let mut requests = Requests::to(server)?;
                    for secret in 0..SECRETS_EACH {
                        let body = serde_json::to_vec(&serde_json::json!({
                            "Name": name(round, writer, secret),
                            "ClientRequestToken": format!("{secret:032}"),
                            "SecretString": value(secret),
                        }))?;
                        let request = requests.make("CreateSecret", &body)?;
                        client.exchange(&request).await?.succeeded()?;
                    }
                    Ok::<(), Failed>(())
                })
            })
            .collect();
        for one in making {
            one.await??;
        }
        Ok(())
    })
}

struct Puts {
    requests: RefCell<Requests>,
    round: usize,
    /// How many each writer has sent.
    done: RefCell<Vec<usize>>,
    value: String,
}

impl Work for Puts {
    fn next(&self, writer: usize) -> Result<Rc<Vec<u8>>, Failed> {
        let number = self.done.borrow()[writer];
        self.done.borrow_mut()[writer] += 1;
        let body = serde_json::to_vec(&serde_json::json!({
            "SecretId": name(self.round, writer, number % SECRETS_EACH),
            "ClientRequestToken": format!("put-{writer:06}-{number:021}"),
            "SecretString": self.value,
        }))?;
        let request = self.requests.borrow_mut().make("PutSecretValue", &body)?;
        Ok(Rc::new(request))
    }

    fn check(&self, _: usize, answer: &Answer<'_>) -> Result<(), Failed> {
        answer.succeeded()
    }

    fn refresh(&self) -> Result<(), Failed> {
        Ok(())
    }
}
