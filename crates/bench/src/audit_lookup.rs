//! How quickly events are found among ten million: LookupEvents, from the request to the answer's bytes, over a log of that
//! many in this process, by each attribute and for values that many events, few and none have; and what the index takes.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use strongroom::audit::index::Lookups;
use strongroom_audit::{Durability, Log, Options, SigningKey};
use strongroom_keys::{Keyring, RootKey, SystemEntropy};
use strongroom_services::caller::{AccountId, Caller, Principal, Region};
use strongroom_services::cloudtrail::buckets::Buckets;
use strongroom_services::cloudtrail::lookup_events::LookupEvents;
use strongroom_services::lambda::elsewhere::Elsewhere;
use strongroom_services::operation::{Entry, Given};
use strongroom_services::origin::Origin;
use strongroom_services::records::{Decode, Found, Records, Source, Visit};
use strongroom_services::refusal::Stop;
use strongroom_services::time::{Timestamp, rfc3339};

use crate::report::{Row, median, note};
use crate::{Failed, Run};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "us-east-1";
/// The events are from this many days.
const DAYS: u64 = 30;
const NOW_SECONDS: u64 = 1_767_225_600;
/// How many each of them there are; each but the first few is as frequent as the others.
const USERS: u64 = 1_000;
const SECRETS: u64 = 10_000;
/// Appended at once.
const BATCH: u64 = 1_000;
/// The most that a look-up may take.
const MILLISECONDS_MAX: f64 = 200.0;
/// Times that each is asked.
const ROUNDS: usize = 5;

/// Measures.
pub(crate) fn measure(run: &Run) -> Result<Vec<Row>, Failed> {
    let events = run.audit_events;
    let folder = tempfile::tempdir_in(&run.folder)?;
    let log_folder = folder.path().join("audit");
    let index_folder = folder.path().join("audit-index");
    let mut rows = Vec::new();
    let (log, bytes) = make(&log_folder, events)?;
    let each = |bytes: u64| bytes as f64 / events as f64;
    rows.push(Row::stated("an event".to_owned(), each(bytes), "bytes"));
    let lookups = Lookups::new(log.reader(), index_folder.clone());
    let began = Instant::now();
    lookups.refresh()?;
    let took = began.elapsed();
    note(&format!(
        "audit-lookup: indexed in {:.1} s",
        took.as_secs_f64()
    ));
    let what = format!("the index of {events} events made from nothing");
    rows.push(Row::stated(what, took.as_secs_f64(), "s"));
    rows.push(Row::stated(
        "an event in the log's files".to_owned(),
        each(size(&log_folder)?),
        "bytes",
    ));
    rows.push(Row::stated(
        "an event in the index' files".to_owned(),
        each(size(&index_folder)?),
        "bytes",
    ));
    drop(lookups);
    let lookups = Lookups::new(log.reader(), index_folder);
    let began = Instant::now();
    lookups.refresh()?;
    let what = format!("the index of {events} events taken up again");
    rows.push(Row::stated(what, began.elapsed().as_secs_f64(), "s"));
    let asking = Asking::new(lookups)?;
    let (first, middle) = (events.saturating_sub(1), events / 2);
    for (key, value, which) in [
        ("EventId", id(first), "the newest"),
        ("EventId", id(middle), "one in the middle"),
        ("EventId", id(0), "the oldest"),
        ("EventId", id(events), "none"),
        ("EventName", "GetSecretValue".to_owned(), "most"),
        ("EventName", "DeleteSecret".to_owned(), "few"),
        ("EventName", "RotateSecret".to_owned(), "none"),
        ("ReadOnly", "false".to_owned(), "some"),
        ("Username", user(7), "a thousandth"),
        ("Username", "nobody".to_owned(), "none"),
        ("AccessKeyId", access_key(7), "a thousandth"),
        ("ResourceName", secret(99), "a ten-thousandth"),
        ("ResourceName", "nothing".to_owned(), "none"),
        (
            "ResourceType",
            "AWS::SecretsManager::Secret".to_owned(),
            "all",
        ),
        (
            "EventSource",
            "secretsmanager.amazonaws.com".to_owned(),
            "all",
        ),
        ("EventSource", "iam.amazonaws.com".to_owned(), "none"),
    ] {
        let request = json!({"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}]});
        rows.push(asking.row(&format!("LookupEvents by {key} of {which}"), &request)?);
    }
    let middle = NOW_SECONDS - DAYS / 2 * 86_400;
    let times = json!({"StartTime": middle, "EndTime": middle + 600});
    rows.push(asking.row("LookupEvents of ten minutes in the middle", &times)?);
    rows.push(asking.pages(
        &json!({"LookupAttributes": [{"AttributeKey": "Username", "AttributeValue": user(7)}]}),
    )?);
    log.close();
    Ok(rows)
}

/// A log with so many events, and how many bytes of them.
fn make(folder: &Path, events: u64) -> Result<(Log, u64), Failed> {
    let options = Options {
        durability: Durability::Write,
        ..Options::new(folder)
    };
    let key = SigningKey::from_seed(&[7; 32]).ok_or("a seed that makes no key")?;
    let now = (NOW_SECONDS * 1000).cast_signed();
    let log = Log::open(&options, key, [1; 16], Arc::new(move || now))?.log;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut bytes = 0;
    for first in (0..events).step_by(BATCH as usize) {
        let batch = first..events.min(first + BATCH);
        let payloads: Vec<Vec<u8>> = batch.map(|number| event(number, events)).collect();
        bytes += payloads
            .iter()
            .map(|payload| payload.len() as u64)
            .sum::<u64>();
        runtime.block_on(log.append(&payloads))?;
        if first % 1_000_000 == 0 {
            note(&format!("audit-lookup: {first} events written"));
        }
    }
    wait_for_closing(&log)?;
    Ok((log, bytes))
}

/// Waits until all segments but the last one are compressed, so that what they take can be counted.
fn wait_for_closing(log: &Log) -> Result<(), Failed> {
    let deadline = Instant::now() + Duration::from_secs(900);
    loop {
        let segments = log.reader().segments();
        let open = segments.iter().filter(|segment| !segment.closed).count();
        if open <= 1 {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!("{open} segments are not closed after 15 minutes").into());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// An even spread that repeats only after very many.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn id(number: u64) -> String {
    let (high, low) = (mixed(number), mixed(!number));
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

fn user(number: u64) -> String {
    format!("user-{}", number % USERS)
}

fn access_key(number: u64) -> String {
    format!("AKIA{:016X}", mixed(number % USERS))
}

fn secret(number: u64) -> String {
    format!("team-{}/database-{}", number % 100, number % SECRETS)
}

/// An event as GetSecretValue leaves it, mostly.
fn event(number: u64, events: u64) -> Vec<u8> {
    let chance = mixed(number);
    let (name, read_only) = match chance % 1_000 {
        0..=899 => ("GetSecretValue", true),
        900..=989 => ("DescribeSecret", true),
        990..=998 => ("PutSecretValue", false),
        _ => ("DeleteSecret", false),
    };
    let span = DAYS * 86_400;
    let second = NOW_SECONDS - span
        + u64::try_from(u128::from(number) * u128::from(span) / u128::from(events))
            .unwrap_or_default();
    let time = rfc3339(Timestamp::from_milliseconds((second * 1000).cast_signed()));
    let user = user(chance >> 20);
    let (key, secret) = (access_key(chance >> 20), secret(chance >> 32));
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"IAMUser","principalId":"AIDA{:016X}","arn":"arn:aws:iam::{ACCOUNT}:user/{user}","accountId":"{ACCOUNT}","accessKeyId":"{key}","userName":"{user}"}},"eventTime":"{time}","eventSource":"secretsmanager.amazonaws.com","eventName":"{name}","awsRegion":"{REGION}","sourceIPAddress":"10.{}.{}.{}","userAgent":"Boto3/1.43.14 md/Botocore#1.43.14 ua/2.1 os/linux#6.12 md/arch#x86_64 lang/python#3.13 cfg/retry-mode#standard","requestParameters":{{"secretId":"{secret}"}},"responseElements":null,"requestID":"{}","eventID":"{}","readOnly":{read_only},"resources":[{{"accountId":"{ACCOUNT}","type":"AWS::SecretsManager::Secret","ARN":"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{secret}-AbCdEf"}}],"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"{ACCOUNT}","eventCategory":"Management"}}"#,
        mixed(chance >> 20),
        chance & 0xff,
        (chance >> 8) & 0xff,
        (chance >> 16) & 0xff,
        id(number ^ (1 << 60)),
        id(number),
    )
    .into_bytes()
}

fn size(folder: &Path) -> Result<u64, Failed> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

/// Who asks, and all that is needed for an answer.
struct Asking {
    lookups: Arc<Lookups>,
    keyring: Keyring,
    caller: Caller,
}

impl Asking {
    fn new(lookups: Arc<Lookups>) -> Result<Self, Failed> {
        Ok(Asking {
            lookups,
            keyring: Keyring::new(RootKey::generate(&SystemEntropy)),
            caller: Caller {
                account: AccountId::parse(ACCOUNT)?,
                region: Region::parse(REGION)?,
                principal: Principal::Root,
                session: None,
            },
        })
    }

    fn ask(&self, request: &Value) -> Result<Value, Failed> {
        let entry = Entry::of::<LookupEvents>();
        let records = Records::of(&Nothing);
        let elsewhere = Elsewhere::nowhere();
        let given = Given {
            caller: &self.caller,
            origin: Origin::INSIDE,
            now: Timestamp::from_milliseconds((NOW_SECONDS * 1000).cast_signed()),
            entropy: &SystemEntropy,
            keyring: &self.keyring,
            elsewhere: &elsewhere,
            buckets: &Buckets::none(),
            history: Some(&*self.lookups),
        };
        match (entry.run)(request.to_string().as_bytes(), &records, &given) {
            Ok(written) => Ok(serde_json::from_slice(&written.body)?),
            Err(stop) => Err(format!("{stop:?}").into()),
        }
    }

    /// The middle of some times; the first one counts as well.
    fn row(&self, what: &str, request: &Value) -> Result<Row, Failed> {
        let mut times = Vec::new();
        let mut found = 0;
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let answer = self.ask(request)?;
            times.push(began.elapsed().as_secs_f64() * 1e3);
            found = answer["Events"].as_array().map_or(0, Vec::len);
        }
        let first = times.first().copied().unwrap_or_default();
        let figure = median(times.into_iter());
        note(&format!(
            "{what}: {figure:.2} ms (first {first:.2}), {found} events"
        ));
        let what = format!("{what}, {found} found (first time {first:.1} ms)");
        Ok(Row::at_most(what, figure, "ms", MILLISECONDS_MAX))
    }

    /// The slowest of twenty pages, one behind the other.
    fn pages(&self, request: &Value) -> Result<Row, Failed> {
        let mut request = request.clone();
        let mut slowest: f64 = 0.0;
        let mut pages = 0;
        while pages < 20 {
            let began = Instant::now();
            let answer = self.ask(&request)?;
            slowest = slowest.max(began.elapsed().as_secs_f64() * 1e3);
            pages += 1;
            let Some(token) = answer["NextToken"].as_str() else {
                break;
            };
            request["NextToken"] = json!(token);
        }
        let what = format!("the slowest of {pages} pages by Username");
        note(&format!("{what}: {slowest:.2} ms"));
        Ok(Row::at_most(what, slowest, "ms", MILLISECONDS_MAX))
    }
}

/// No records: root needs none.
struct Nothing;

impl Source for Nothing {
    fn get(&self, _: &[u8], _: Decode) -> Result<Option<Found>, Stop> {
        Ok(None)
    }

    fn scan(&self, _: &[u8], _: &[u8], _: bool, _: &mut Visit<'_>) -> Result<(), Stop> {
        Ok(())
    }

    fn secrets_count(&self, _: &AccountId, _: &Region) -> Result<u64, Stop> {
        Ok(0)
    }
}
