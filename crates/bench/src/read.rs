//! GetSecretValue against the bare server: the same requests, answers of the same length.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use crate::client::{Answer, Client};
use crate::load::{self, Work};
use crate::process::{self, Server};
use crate::report::{ReadResult, ReadRound, Side, median, note};
use crate::requests::{Credentials, Requests, Service, value};
use crate::{Failed, Run, bare};

/// Secrets that are read in turn.
const SECRETS: usize = 100;

/// Measures in turn the bare server, Strongroom, and the bare server with as many threads as Strongroom has.
pub(crate) fn measure(run: &Run, round: Duration) -> Result<ReadResult, Failed> {
    let data = tempfile::tempdir_in(&run.folder)?;
    let server = process::start_strongroom(&run.strongroom, data.path())?;
    let exchanges = prepare(server.address)?;
    let body_bytes = exchanges[0].body.len();
    let bare_server = start_bare(body_bytes, None)?;
    let threads = server.threads_named("strongroom")?;
    let alike_server = start_bare(body_bytes, Some(threads))?;
    let fixed = fixed(&exchanges, body_bytes);

    let mut rounds = Vec::with_capacity(run.pairs);
    // The first round is a warm-up.
    for number in 0..=run.pairs {
        let bare = one_round(&bare_server, &fixed, run.connections, round)?;
        let strongroom = one_round(&server, &exchanges, run.connections, round)?;
        let alike = one_round(&alike_server, &fixed, run.connections, round)?;
        if number > 0 {
            note(&format!(
                "read {number}/{}: {} against {}; with {threads} thread(s) {}",
                run.pairs,
                strongroom.shown(),
                bare.shown(),
                alike.shown()
            ));
            rounds.push(ReadRound {
                strongroom,
                bare,
                alike,
            });
        }
    }
    for server in [server, bare_server, alike_server] {
        server.stop()?;
    }
    let ratio = |of: fn(&ReadRound) -> f64| median(rounds.iter().map(of));
    Ok(ReadResult {
        connections: run.connections,
        value_bytes: value(0).len(),
        body_bytes,
        threads,
        cpu_ratio: ratio(|round| round.strongroom.cpu_us / round.bare.cpu_us),
        rate_ratio: ratio(|round| round.strongroom.per_second / round.bare.per_second),
        alike_cpu_ratio: ratio(|round| round.strongroom.cpu_us / round.alike.cpu_us),
        alike_rate_ratio: ratio(|round| round.strongroom.per_second / round.alike.per_second),
        strongroom: Side::median_of(rounds.iter().map(|round| &round.strongroom)),
        bare: Side::median_of(rounds.iter().map(|round| &round.bare)),
        alike: Side::median_of(rounds.iter().map(|round| &round.alike)),
        rounds,
    })
}

/// What the bare server is asked, and answers.
pub(crate) fn fixed(exchanges: &[Exchange], body_bytes: usize) -> Vec<Exchange> {
    let fixed = Exchange {
        request: exchanges[0].request.clone(),
        body: bare::body(body_bytes),
    };
    vec![fixed; SECRETS]
}

pub(crate) fn start_bare(body_bytes: usize, threads: Option<usize>) -> Result<Server, Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bare", "--body-bytes", &body_bytes.to_string()]);
    if let Some(threads) = threads {
        command.args(["--threads", &threads.to_string()]);
    }
    Server::start(&mut command)
}

/// Loads a server that `strongroom dev` has been started as with so many reads, for the memory that they leave behind.
pub(crate) fn read_some(server: &Server, connections: usize, requests: u64) -> Result<(), Failed> {
    let exchanges = prepare(server.address)?;
    let mut done = 0;
    while done < requests {
        let work = Reads::by(&Credentials::root(), server.address, &exchanges)?;
        done += load::run(
            work,
            server.address,
            connections,
            Duration::from_millis(200),
        )?
        .requests;
    }
    Ok(())
}

pub(crate) fn one_round(
    server: &Server,
    exchanges: &[Exchange],
    connections: usize,
    time: Duration,
) -> Result<Side, Failed> {
    one_round_by(&Credentials::root(), server, exchanges, connections, time)
}

/// One round of reads by whoever has these credentials.
pub(crate) fn one_round_by(
    credentials: &Credentials,
    server: &Server,
    exchanges: &[Exchange],
    connections: usize,
    time: Duration,
) -> Result<Side, Failed> {
    let work = Reads::by(credentials, server.address, exchanges)?;
    let before = server.cpu()?;
    let done = load::run(work, server.address, connections, time)?;
    Ok(Side::of(&done, server.cpu()?.saturating_sub(before)))
}

/// A request's body, and the body that answers it.
#[derive(Clone)]
pub(crate) struct Exchange {
    request: Vec<u8>,
    body: Vec<u8>,
}

/// Makes the secrets, and reads each once: its value must be the one that was stored.
pub(crate) fn prepare(server: SocketAddr) -> Result<Vec<Exchange>, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut client = Client::connect(server).await?;
        let mut requests = Requests::to(server)?;
        let mut exchanges = Vec::with_capacity(SECRETS);
        for number in 0..SECRETS {
            let name = format!("bench/read/{number:04}");
            let create = serde_json::to_vec(&serde_json::json!({
                "Name": name,
                "ClientRequestToken": format!("{number:032}"),
                "SecretString": value(number),
            }))?;
            let request = requests.make("CreateSecret", &create)?;
            client.exchange(&request).await?.succeeded()?;
            let request = serde_json::to_vec(&serde_json::json!({ "SecretId": name }))?;
            let read = requests.make("GetSecretValue", &request)?;
            let answer = client.exchange(&read).await?;
            answer.succeeded()?;
            let json: serde_json::Value = serde_json::from_slice(answer.body)?;
            if json["SecretString"] != value(number) {
                return Err(format!("{name} has another value than was stored").into());
            }
            let body = answer.body.to_vec();
            exchanges.push(Exchange { request, body });
        }
        Ok(exchanges)
    })
}

impl Exchange {
    /// How long the answer's body is.
    pub(crate) fn answer_bytes(&self) -> usize {
        self.body.len()
    }
}

struct Reads {
    requests: RefCell<Requests>,
    exchanges: Vec<Exchange>,
    signed: RefCell<Vec<Rc<Vec<u8>>>>,
    /// Which exchange each request was, by connection.
    current: RefCell<Vec<usize>>,
    next: Cell<usize>,
}

impl Reads {
    fn by(
        credentials: &Credentials,
        server: SocketAddr,
        exchanges: &[Exchange],
    ) -> Result<Self, Failed> {
        let requests = Requests::by(credentials, Service::SecretsManager, server)?;
        let reads = Reads {
            requests: RefCell::new(requests),
            exchanges: exchanges.to_vec(),
            signed: RefCell::default(),
            current: RefCell::default(),
            next: Cell::new(0),
        };
        reads.refresh()?;
        Ok(reads)
    }
}

impl Work for Reads {
    fn next(&self, connection: usize) -> Result<Rc<Vec<u8>>, Failed> {
        let chosen = self.next.get();
        self.next.set((chosen + 1) % self.exchanges.len());
        let mut current = self.current.borrow_mut();
        if current.len() <= connection {
            current.resize(connection + 1, 0);
        }
        current[connection] = chosen;
        Ok(Rc::clone(&self.signed.borrow()[chosen]))
    }

    /// The body is compared byte by byte with the one whose value was found right.
    fn check(&self, connection: usize, answer: &Answer<'_>) -> Result<(), Failed> {
        answer.succeeded()?;
        let expected = &self.exchanges[self.current.borrow()[connection]].body;
        if answer.body == expected.as_slice() {
            Ok(())
        } else {
            Err("an answer has another value than was stored".into())
        }
    }

    fn refresh(&self) -> Result<(), Failed> {
        let mut requests = self.requests.borrow_mut();
        let signed: Result<Vec<_>, Failed> = self
            .exchanges
            .iter()
            .map(|exchange| {
                requests
                    .make("GetSecretValue", &exchange.request)
                    .map(Rc::new)
            })
            .collect();
        *self.signed.borrow_mut() = signed?;
        Ok(())
    }
}
