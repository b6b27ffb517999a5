//! What depends on how many secrets there are: the same requests to a server with a thousand secrets and to one with
//! many, each with three versions.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use strongroom_keys::seal::{SealFile, SealSource, unseal};
use strongroom_keys::{Keyring, SecretBytes, SystemEntropy};
use strongroom_services::caller::{AccountId, Caller, Principal, Region};
use strongroom_services::operation::Given;
use strongroom_services::records::{Change, Changes, Decode, Found, Records, Source, Visit};
use strongroom_services::refusal::Stop;
use strongroom_services::rotation::configuration::{Rotation, RotationRules};
use strongroom_services::rotation::plan;
use strongroom_services::secretsmanager::secret::Secret;
use strongroom_services::secretsmanager::version::{self, Value as SecretValue};
use strongroom_services::time::Timestamp;
use strongroom_store::embedded::{Embedded, Options};
use strongroom_store::{Commit, Range, Store, Write};

use crate::client::{Answer, Client};
use crate::load::{self, Work};
use crate::process::{self, Server};
use crate::report::{Row, Side, median, note};
use crate::requests::{REGION, Requests, now, value};
use crate::{Failed, Run};

const FEW: u64 = 1_000;
const VERSIONS: usize = 3;
/// Secrets in one commit while the data is made.
const AT_ONCE: usize = 20;
const COMMITS_AT_ONCE: usize = 64;
/// Secrets that are read again and again, as most are in practice.
const HOT: u64 = 1_000;
const RATIO_MAX: f64 = 1.2;

/// Secrets whose first read on a day is measured.
const UNREAD: u64 = 50_000;

/// What happened to secrets before a measurement: the first read on a day is written down.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Before {
    NeverRead,
    ReadToday,
    /// They rotate each day, and of a hundred so many are due.
    Rotating {
        due_of_hundred: u64,
    },
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
enum Asked {
    /// One secret after the other, in the order of their numbers, from this one on.
    EachValue {
        from: u64,
    },
    AnyValue,
    HotValue,
    Description,
    PageByPrefix,
    FirstPage,
    NewValue,
}

impl Asked {
    const ALL: [(Asked, &'static str, bool); 6] = [
        (Asked::AnyValue, "GetSecretValue of any secret", true),
        (Asked::HotValue, "GetSecretValue of 1,000 secrets", true),
        (Asked::PageByPrefix, "ListSecrets: 100 by name prefix", true),
        (Asked::FirstPage, "ListSecrets: the first 100", false),
        (Asked::Description, "DescribeSecret of any secret", false),
        (Asked::NewValue, "PutSecretValue to any secret", false),
    ];
}

/// Measures.
pub(crate) fn measure(run: &Run, round: Duration) -> Result<Vec<Row>, Failed> {
    let many = run.secrets;
    let (small_data, large_data) = (
        tempfile::tempdir_in(&run.folder)?,
        tempfile::tempdir_in(&run.folder)?,
    );
    seed(run, small_data.path(), FEW, Before::ReadToday)?;
    seed(run, large_data.path(), many, Before::ReadToday)?;
    let folder_mib = folder_bytes(large_data.path())? as f64 / f64::from(1 << 20);
    let mut rows = Vec::new();

    // As after a power cut, except that the files are in the page cache.
    process::start_strongroom(&run.strongroom, large_data.path())?.kill()?;
    let mut starts = Vec::new();
    for _ in 0..5 {
        let server = process::start_strongroom(&run.strongroom, large_data.path())?;
        starts.push(server.ready_after.as_secs_f64() * 1e3);
        server.kill()?;
    }
    let ready = median(starts.into_iter());
    rows.push(Row::at_most(
        format!("from the start of the process to `ready`, {many} secrets, killed before"),
        ready,
        "ms",
        1_000.0,
    ));

    let small = process::start_strongroom(&run.strongroom, small_data.path())?;
    let large = process::start_strongroom(&run.strongroom, large_data.path())?;
    std::thread::sleep(Duration::from_secs(1));
    let mebibytes = |server: &Server| -> Result<f64, Failed> {
        Ok(server.resident_bytes()? as f64 / f64::from(1 << 20))
    };
    rows.push(Row::stated(
        format!("memory after the start, {many} secrets"),
        mebibytes(&large)?,
        "MiB",
    ));
    let first = each_once(&large, many, run.connections, round)?;
    rows.push(Row::stated(
        format!("GetSecretValue of each of {many} secrets for the first time since the start"),
        first,
        "µs CPU",
    ));
    for (asked, what, has_target) in Asked::ALL {
        let mut ratios = Vec::new();
        let (mut of_small, mut of_large) = (Vec::new(), Vec::new());
        // The first round is a warm-up.
        for number in 0..=run.pairs {
            let few = one_round(&small, asked, FEW, run.connections, round)?;
            let most = one_round(&large, asked, many, run.connections, round)?;
            if number > 0 {
                note(&format!(
                    "{what}: {} with {many}, {} with {FEW}",
                    most.shown(),
                    few.shown()
                ));
                ratios.push(most.cpu_us / few.cpu_us);
                of_small.push(few.cpu_us);
                of_large.push(most.cpu_us);
            }
        }
        let shown = format!(
            "{what}: CPU time with {many} secrets ({:.1} µs) against {FEW} ({:.1} µs)",
            median(of_large.into_iter()),
            median(of_small.into_iter())
        );
        let ratio = median(ratios.into_iter());
        rows.push(match has_target {
            true => Row::at_most(shown, ratio, "times", RATIO_MAX),
            false => Row::stated(shown, ratio, "times"),
        });
    }
    rows.push(Row::stated(
        format!("memory after all of this, {many} secrets"),
        mebibytes(&large)?,
        "MiB",
    ));
    rows.push(Row::stated(
        format!("the data folder, {many} secrets with {VERSIONS} versions"),
        folder_mib,
        "MiB",
    ));
    small.stop()?;
    large.stop()?;
    let unread_data = tempfile::tempdir_in(&run.folder)?;
    let unread = many.min(UNREAD);
    seed(run, unread_data.path(), unread, Before::NeverRead)?;
    let server = process::start_strongroom(&run.strongroom, unread_data.path())?;
    let first = each_once(&server, unread, run.connections, round)?;
    rows.push(Row::stated(
        format!("GetSecretValue of each of {unread} secrets for the first time on a day, which is written down"),
        first,
        "µs CPU",
    ));
    server.stop()?;
    Ok(rows)
}

/// Reads every secret once; what a read costs, in microseconds of CPU time.
fn each_once(
    server: &Server,
    secrets: u64,
    connections: usize,
    round: Duration,
) -> Result<f64, Failed> {
    let (mut from, mut cpu_us) = (0, 0.0);
    while from < secrets {
        let (asked, before) = (Asked::EachValue { from }, server.cpu()?);
        let done = load::run(
            work(server, asked, secrets)?,
            server.address,
            connections,
            round,
        )?;
        cpu_us += server.cpu()?.saturating_sub(before).as_secs_f64() * 1e6;
        from += done.requests;
    }
    Ok(cpu_us / from as f64)
}

fn work(server: &Server, asked: Asked, secrets: u64) -> Result<Mixed, Failed> {
    let from = match asked {
        Asked::EachValue { from } => from,
        _ => 0,
    };
    Ok(Mixed {
        asked,
        secrets,
        requests: RefCell::new(Requests::to(server.address)?),
        random: RefCell::new(now().unsigned_abs()),
        next: Cell::new(from),
    })
}

fn one_round(
    server: &Server,
    asked: Asked,
    secrets: u64,
    connections: usize,
    time: Duration,
) -> Result<Side, Failed> {
    let before = server.cpu()?;
    let done = load::run(
        work(server, asked, secrets)?,
        server.address,
        connections,
        time,
    )?;
    Ok(Side::of(&done, server.cpu()?.saturating_sub(before)))
}

struct Mixed {
    asked: Asked,
    secrets: u64,
    requests: RefCell<Requests>,
    random: RefCell<u64>,
    next: Cell<u64>,
}

impl Mixed {
    fn number(&self, below: u64) -> u64 {
        let mut state = self.random.borrow_mut();
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) % below
    }

    fn body(&self) -> (&'static str, Value) {
        let any = name(self.number(self.secrets));
        match self.asked {
            Asked::EachValue { .. } => {
                let number = self.next.replace(self.next.get() + 1);
                let each = name(number % self.secrets);
                ("GetSecretValue", json!({ "SecretId": each }))
            }
            Asked::AnyValue => ("GetSecretValue", json!({ "SecretId": any })),
            Asked::HotValue => {
                let hot = name(self.number(HOT));
                ("GetSecretValue", json!({ "SecretId": hot }))
            }
            Asked::Description => ("DescribeSecret", json!({ "SecretId": any })),
            Asked::PageByPrefix => {
                let prefix = &any[..any.len() - 2];
                let filters = json!([{"Key": "name", "Values": [prefix]}]);
                (
                    "ListSecrets",
                    json!({"Filters": filters, "MaxResults": 100}),
                )
            }
            Asked::FirstPage => ("ListSecrets", json!({"MaxResults": 100})),
            Asked::NewValue => {
                let token = format!(
                    "{:032x}",
                    self.number(u64::MAX) as u128 * self.number(u64::MAX) as u128
                );
                let secret = value(usize::try_from(self.number(1_000)).unwrap_or_default());
                (
                    "PutSecretValue",
                    json!({"SecretId": any, "ClientRequestToken": token, "SecretString": secret}),
                )
            }
        }
    }
}

impl Work for Mixed {
    fn next(&self, _: usize) -> Result<Rc<Vec<u8>>, Failed> {
        let (operation, body) = self.body();
        let body = serde_json::to_vec(&body)?;
        Ok(Rc::new(self.requests.borrow_mut().make(operation, &body)?))
    }

    fn check(&self, _: usize, answer: &Answer<'_>) -> Result<(), Failed> {
        // A secret that took a hundred versions in this run takes no more; nothing else may fail.
        if answer.status == 400 && memchr::memmem::find(answer.body, b"LimitExceeded").is_some() {
            return Ok(());
        }
        answer.succeeded()
    }

    fn refresh(&self) -> Result<(), Failed> {
        Ok(())
    }
}

fn name(number: u64) -> String {
    format!("bench/scale/{number:07}")
}

/// Makes a data folder with so many secrets: the account and the service's key by the server itself, the secrets by
/// the domain's own rules, committed in batches.
pub(crate) fn seed(run: &Run, folder: &Path, secrets: u64, before: Before) -> Result<(), Failed> {
    let begin = Instant::now();
    let server = process::start_strongroom(&run.strongroom, folder)?;
    first_secret(server.address)?;
    server.stop()?;
    let sealed = SealFile::read(&folder.join("seal.json"))?;
    let root = unseal(&sealed, &[SealSource::KeyFile(folder.join("root.key"))])?.root;
    let keyring = Keyring::new(root);
    let store = std::sync::Arc::new(Embedded::open(&Options {
        cache_bytes: 256 << 20,
        ..Options::new(folder)
    })?);
    let caller = Caller {
        account: AccountId::parse("123456789012")?,
        region: Region::parse(REGION)?,
        principal: Principal::Root,
        session: None,
    };
    let source = Snapshots(&store);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()?;
    let mut commits = tokio::task::JoinSet::new();
    let mut writes = Vec::new();
    for number in 0..secrets {
        let given = Given {
            origin: strongroom_services::origin::Origin::INSIDE,
            caller: &caller,
            now: Timestamp::from_milliseconds(now() * 1_000 - i64::try_from(secrets - number)?),
            entropy: &SystemEntropy,
            elsewhere: &strongroom_services::lambda::elsewhere::Elsewhere::nowhere(),
            buckets: &strongroom_services::cloudtrail::buckets::Buckets::none(),
            history: None,
            keyring: &keyring,
        };
        let changes = one_secret(number, before, &source, &given)?;
        writes.extend(changes.writes.into_iter().map(written));
        if writes.len() >= AT_ONCE * (VERSIONS + 2) || number + 1 == secrets {
            let commit = Commit {
                conditions: Vec::new(),
                writes: std::mem::take(&mut writes),
            };
            let store = std::sync::Arc::clone(&store);
            commits.spawn_on(
                async move { store.commit(commit).await.map(|_| ()) },
                runtime.handle(),
            );
            if commits.len() >= COMMITS_AT_ONCE
                && let Some(done) = runtime.block_on(commits.join_next())
            {
                done??;
            }
        }
    }
    while let Some(done) = runtime.block_on(commits.join_next()) {
        done??;
    }
    store.close();
    note(&format!(
        "{secrets} secrets were made in {:.0} s",
        begin.elapsed().as_secs_f64()
    ));
    Ok(())
}

fn first_secret(server: SocketAddr) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut client = Client::connect(server).await?;
        let body = serde_json::to_vec(&json!({
            "Name": "first", "ClientRequestToken": format!("{:032}", 0), "SecretString": "x",
        }))?;
        let request = Requests::to(server)?.make("CreateSecret", &body)?;
        client.exchange(&request).await?.succeeded()
    })
}

fn one_secret(
    number: u64,
    before: Before,
    source: &Snapshots<'_>,
    given: &Given<'_>,
) -> Result<Changes, Failed> {
    let records = Records::of(source);
    let told = |stop: Stop| format!("a secret can't be made: {stop:?}");
    let mut changes = Changes::none();
    let mut secret = Secret::new(name(number), given);
    for version in 0..VERSIONS {
        let text = value(usize::try_from(number)? + version);
        let value = SecretValue::Text(SecretBytes::new(text.into_bytes()));
        let token = format!("{version:02}-{number:029}");
        version::add(
            &mut secret,
            &token,
            &value,
            None,
            &records,
            given,
            &mut changes,
        )
        .map_err(told)?;
    }
    if let Before::ReadToday = before {
        secret.accessed = Some(given.now.day_start());
        if let Some(current) = secret.versions.last_mut() {
            current.accessed = secret.accessed;
        }
    }
    if let Before::Rotating { due_of_hundred } = before {
        const DAY_MILLISECONDS: i64 = 24 * 60 * 60 * 1000;
        let is_due = number % 100 < due_of_hundred;
        // Of the others, the windows are still to come.
        let base = match is_due {
            true => given.now.milliseconds() - 3 * DAY_MILLISECONDS,
            false => given.now.milliseconds() + DAY_MILLISECONDS,
        };
        secret.rotation = Some(Rotation {
            enabled: true,
            function: Some(format!(
                "arn:aws:lambda:{REGION}:{}:function:strongroom-random-value",
                given.caller.account
            )),
            rules: Some(RotationRules {
                automatically_after_days: Some(1),
                schedule_expression: None,
                duration: None,
            }),
            ..Rotation::new()
        });
        let base = Timestamp::from_milliseconds(base);
        plan::plan(&mut secret, base, &mut changes).map_err(told)?;
    }
    changes.put(secret.key(), &secret).map_err(told)?;
    changes.put_entry(secret.created_key());
    Ok(changes)
}

fn written(change: Change) -> Write {
    match change {
        Change::Put(key, value) => Write::Put {
            key: key.into_bytes(),
            value,
        },
        Change::Delete(key) => Write::Delete {
            key: key.into_bytes(),
        },
    }
}

/// The store's newest records.
struct Snapshots<'a>(&'a Embedded);

impl Source for Snapshots<'_> {
    fn get(&self, key: &[u8], decode: Decode) -> Result<Option<Found>, Stop> {
        let unavailable = |error: strongroom_store::Fault| Stop::Unavailable(Box::new(error));
        let snapshot = self.0.snapshot().map_err(unavailable)?;
        let Some(entry) = snapshot.get(key).map_err(unavailable)? else {
            return Ok(None);
        };
        let record =
            decode(key, &entry.value).map_err(|error| Stop::Unavailable(Box::new(error)))?;
        Ok(Some(Found {
            record,
            modified: entry.modified.0,
        }))
    }

    fn scan(
        &self,
        start: &[u8],
        end: &[u8],
        reverse: bool,
        visit: &mut Visit<'_>,
    ) -> Result<(), Stop> {
        let unavailable = |error: strongroom_store::Fault| Stop::Unavailable(Box::new(error));
        let range = Range {
            start: start.to_vec(),
            end: Some(end.to_vec()),
            reverse,
        };
        let snapshot = self.0.snapshot().map_err(unavailable)?;
        let mut outcome = Ok(());
        snapshot
            .range(&range, &mut |entry| match visit(entry.key, entry.value) {
                ControlFlow::Continue(()) => ControlFlow::Continue(()),
                ControlFlow::Break(result) => {
                    outcome = result;
                    ControlFlow::Break(())
                }
            })
            .map_err(unavailable)?;
        outcome
    }

    fn secrets_count(&self, _: &AccountId, _: &Region) -> Result<u64, Stop> {
        Ok(0)
    }
}

fn folder_bytes(folder: &Path) -> Result<u64, Failed> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}
