//! Deliveries of trails: layout, content, digests, and what happens when a bucket doesn't take them.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use strongroom::audit::delivery::{
    Bucket, Buckets, Deliveries, DigestKeys, Intervals, Later, S3Bucket, Sealing, Trails,
};
use strongroom::audit::source::Source;
use strongroom_keys::SecretBytes;
use strongroom_services::cloudtrail::digest_keys::DigestKey;
use strongroom_services::cloudtrail::event_selector::EventSelector;
use strongroom_services::cloudtrail::trail::{Delivers, Outcome, Trail, TrailArn};
use strongroom_services::time::Timestamp;

use super::memory_log::{MemoryLog, numbers};
use super::until;
use crate::functions::scripted::{Scripted, answer, ok};

const ACCOUNT: &str = "123456789012";
/// 2026-01-31T23:30:00Z
const NOON: i64 = 1_769_902_200_000;
const HOUR: i64 = 60 * 60 * 1000;

const OFTEN: Intervals = Intervals {
    logs: Duration::from_millis(2),
    digests: Intervals::DIGESTS,
};

/// Trails in memory.
struct Fake {
    trails: Mutex<Vec<Arc<Trail>>>,
    notes: Mutex<Vec<(Delivers, Outcome)>>,
    known: Mutex<Vec<DigestKey>>,
    now: AtomicI64,
}

impl Fake {
    fn new(trail: Trail) -> Arc<Self> {
        Arc::new(Fake {
            trails: Mutex::new(vec![Arc::new(trail)]),
            notes: Mutex::default(),
            known: Mutex::default(),
            now: AtomicI64::new(NOON),
        })
    }

    fn change(&self, change: impl FnOnce(&mut Trail)) {
        let mut trails = self.trails.lock().unwrap();
        let mut trail = Trail::clone(&trails[0]);
        change(&mut trail);
        trails[0] = Arc::new(trail);
    }

    fn notes(&self) -> Vec<(Delivers, Outcome)> {
        self.notes.lock().unwrap().clone()
    }
}

impl Trails for Fake {
    fn all(&self) -> Result<Vec<Arc<Trail>>, String> {
        Ok(self.trails.lock().unwrap().clone())
    }

    fn note<'a>(
        &'a self,
        _: &'a TrailArn,
        delivers: Delivers,
        outcome: Outcome,
    ) -> Later<'a, Result<(), String>> {
        self.notes.lock().unwrap().push((delivers, outcome));
        Box::pin(async { Ok(()) })
    }

    fn know<'a>(&'a self, keys: &'a [DigestKey]) -> Later<'a, Result<(), String>> {
        *self.known.lock().unwrap() = keys.to_vec();
        Box::pin(async { Ok(()) })
    }

    fn now(&self) -> Result<Timestamp, String> {
        let now = self.now.load(Ordering::Relaxed);
        Ok(Timestamp::from_milliseconds(now))
    }
}

/// Sealing that a test can look through.
struct Turned(u8);

impl Sealing for Turned {
    fn seal(&self, secret: &[u8]) -> Result<Vec<u8>, String> {
        let turned = secret.iter().map(|byte| byte ^ 0x5a);
        Ok(std::iter::once(self.0).chain(turned).collect())
    }

    fn open(&self, sealed: &[u8]) -> Result<Option<SecretBytes>, String> {
        let Some((key, turned)) = sealed.split_first() else {
            return Ok(None);
        };
        let secret = turned.iter().map(|byte| byte ^ 0x5a).collect();
        Ok((*key == self.0).then(|| SecretBytes::new(secret)))
    }
}

fn trail() -> Trail {
    Trail {
        arn: TrailArn::parse(&format!(
            "arn:aws:cloudtrail:eu-central-1:{ACCOUNT}:trail/main"
        ))
        .unwrap(),
        bucket: "logs".to_owned(),
        prefix: None,
        multi_region: true,
        global_services: true,
        validation: false,
        recursive_logging: true,
        selectors: vec![EventSelector::everything()],
        tags: Vec::new(),
        logging_since: Some(Timestamp::from_milliseconds(NOON)),
        started: Some(Timestamp::from_milliseconds(NOON)),
        stopped: None,
        created: Timestamp::from_milliseconds(NOON),
    }
}

fn event(number: usize, region: &str, account: &str, time: &str) -> String {
    format!(
        "{{\"eventSource\":\"secretsmanager.amazonaws.com\",\"eventName\":\"PutSecretValue\",\"awsRegion\":\"{region}\",\
         \"recipientAccountId\":\"{account}\",\"eventTime\":\"{time}\",\"readOnly\":false,\"managementEvent\":true,\
         \"number\":{number}}}"
    )
}

fn here(number: usize) -> String {
    event(number, "eu-central-1", ACCOUNT, "2026-01-31T23:30:05Z")
}

fn start(trails: &Arc<Fake>, log: &Arc<MemoryLog>, buckets: Buckets, folder: &Path) -> Deliveries {
    let source: Arc<dyn Source> = log.clone();
    let keys = DigestKeys::in_folder(folder, Box::new(Turned(1)));
    Deliveries::start(trails.clone(), source, buckets, keys, folder, OFTEN).unwrap()
}

/// All files in a folder, by their paths within.
fn files(folder: &Path) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            let is_temporary = path.to_string_lossy().contains(".strongroom-");
            match path.is_dir() {
                true => folders.push(path),
                false if is_temporary => {}
                false => {
                    let name = path.strip_prefix(folder).unwrap().to_string_lossy();
                    found.insert(name.into_owned(), path.clone());
                }
            }
        }
    }
    found
}

fn inflated(bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    let mut decoder = flate2::read::GzDecoder::new(bytes);
    decoder.read_to_end(&mut content).unwrap();
    content
}

fn delivered(folder: &Path) -> Vec<usize> {
    let mut found: Vec<usize> = files(folder)
        .iter()
        .filter(|(name, _)| name.contains("/CloudTrail/"))
        .flat_map(|(_, path)| {
            let content = inflated(&std::fs::read(path).unwrap());
            numbers(str::from_utf8(&content).unwrap())
        })
        .collect();
    found.sort_unstable();
    found
}

#[test]
fn a_trails_events_lie_in_cloudtrails_layout() {
    let folder = tempfile::tempdir().unwrap();
    let buckets = folder.path().join("buckets");
    let log = Arc::new(MemoryLog::new("log"));
    for json in [
        event(1, "eu-central-1", ACCOUNT, "2026-01-31T23:29:59Z"),
        event(2, "eu-central-1", ACCOUNT, "2026-01-31T23:30:00Z"),
        event(3, "us-east-1", ACCOUNT, "2026-01-31T23:30:01Z"),
        event(4, "eu-central-1", "210987654321", "2026-01-31T23:30:01Z"),
        "{\"detail-type\":\"Secret Label Updated\",\"number\":5}".to_owned(),
        event(6, "eu-central-1", ACCOUNT, "2026-01-31T23:30:02Z"),
    ] {
        log.append(json);
    }
    let trails = Fake::new(Trail {
        prefix: Some("a/year=2026".to_owned()),
        ..trail()
    });
    let _deliveries = start(
        &trails,
        &log,
        Buckets::any_in(buckets.clone()),
        folder.path(),
    );
    until("two files are there", || trails.notes().len() == 2);
    let found = files(&buckets);
    let names: Vec<(&str, &str)> = found
        .keys()
        .map(|name| name.rsplit_once('_').unwrap())
        .collect();
    let expected = ["eu-central-1", "us-east-1"].map(|region| {
        format!(
            "logs/a/year=2026/AWSLogs/{ACCOUNT}/CloudTrail/{region}/2026/01/31/{ACCOUNT}_CloudTrail_{region}_20260131T2330Z"
        )
    });
    for ((name, unique), expected) in names.iter().zip(&expected) {
        assert_eq!(name, expected);
        assert_eq!(unique.len(), 16 + ".json.gz".len());
        assert!(unique.ends_with(".json.gz"));
    }
    let content: Vec<Value> = found
        .values()
        .map(|path| serde_json::from_slice(&inflated(&std::fs::read(path).unwrap())).unwrap())
        .collect();
    let parsed = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    assert_eq!(
        content[0],
        serde_json::json!({"Records": [
            parsed(event(2, "eu-central-1", ACCOUNT, "2026-01-31T23:30:00Z")),
            parsed(event(6, "eu-central-1", ACCOUNT, "2026-01-31T23:30:02Z")),
        ]})
    );
    assert_eq!(content[1]["Records"].as_array().unwrap().len(), 1);
    assert_eq!(trails.notes()[0], (Delivers::Logs, Outcome::Delivered));
}

#[test]
fn a_restart_goes_on_and_a_stop_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let buckets = folder.path().join("buckets");
    let log = Arc::new(MemoryLog::new("log"));
    let trails = Fake::new(trail());
    let begin = || {
        start(
            &trails,
            &log,
            Buckets::any_in(buckets.clone()),
            folder.path(),
        )
    };
    (1..=3).for_each(|number| log.append(here(number)));
    let deliveries = begin();
    until("the first are delivered", || {
        delivered(&buckets) == [1, 2, 3]
    });
    drop(deliveries);
    log.append(here(4));
    let deliveries = begin();
    until("the next is", || delivered(&buckets) == [1, 2, 3, 4]);
    drop(deliveries);

    // Stopped: what came before that is delivered still.
    log.append(here(5));
    log.append(event(6, "eu-central-1", ACCOUNT, "2026-01-31T23:31:00Z"));
    trails.change(|trail| {
        trail.logging_since = None;
        trail.stopped = Some(Timestamp::from_milliseconds(NOON + 10_000));
    });
    trails.now.store(NOON + 200_000, Ordering::Relaxed);
    let deliveries = begin();
    until("the last is", || delivered(&buckets) == [1, 2, 3, 4, 5]);
    let state = folder
        .path()
        .join(format!("trails/{ACCOUNT}_eu-central-1_main.json"));
    let kept = || std::fs::read_to_string(&state).unwrap_or_default();
    until("that is kept", || kept().contains("\"is_over\":true"));

    // Started again: what came in between is nobody's.
    log.append(event(7, "eu-central-1", ACCOUNT, "2026-01-31T23:35:00Z"));
    log.append(event(8, "eu-central-1", ACCOUNT, "2026-01-31T23:36:00Z"));
    trails.change(|trail| {
        let since = Timestamp::from_milliseconds(NOON + 6 * 60_000);
        (trail.logging_since, trail.started) = (Some(since), Some(since));
    });
    until("the new one is", || delivered(&buckets).contains(&8));
    assert_eq!(delivered(&buckets), [1, 2, 3, 4, 5, 8]);

    // Deleted: nothing is kept of it.
    trails.trails.lock().unwrap().clear();
    until("it is forgotten", || !state.exists());
    assert_eq!(deliveries.state().last_error, None);
}

#[test]
fn a_bucket_that_doesnt_take_it_is_told_of_and_gets_it_later() {
    let folder = tempfile::tempdir().unwrap();
    let refused = "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>";
    let server = Scripted::start(vec![
        answer("403 Forbidden", "", refused),
        answer("503 Service Unavailable", "", "busy"),
        ok("", ""),
    ]);
    let log = Arc::new(MemoryLog::new("log"));
    log.append(here(1));
    let trails = Fake::new(Trail {
        prefix: Some("x=1".to_owned()),
        ..trail()
    });
    let bucket = s3(&server, folder.path());
    let _deliveries = start(&trails, &log, bucket, folder.path());
    until("it is delivered", || {
        trails
            .notes()
            .last()
            .is_some_and(|note| note.1 == Outcome::Delivered)
    });
    let told: Vec<String> = trails
        .notes()
        .into_iter()
        .filter_map(|(_, outcome)| match outcome {
            Outcome::Failed(why) => Some(why),
            Outcome::Delivered => None,
        })
        .collect();
    let url = server.url();
    assert_eq!(
        told,
        [
            format!("AccessDenied: {url} answers 403 for bucket logs"),
            format!("{url} answers 503: check the endpoint of bucket logs"),
        ]
    );
    let requests = server.received_bytes();
    for request in &requests {
        check_signature(request);
    }
    let (head, body) = split(&requests[2]);
    assert!(
        head.starts_with(&format!(
            "PUT /logs/x%3D1/AWSLogs/{ACCOUNT}/CloudTrail/eu-central-1/2026/01/31/"
        )),
        "{head}"
    );
    assert!(head.contains("content-encoding: gzip\r\n"), "{head}");
    assert_eq!(numbers(str::from_utf8(&inflated(body)).unwrap()), [1]);
}

#[test]
fn a_prefix_that_leads_elsewhere_and_a_bucket_that_isnt_there_are_refused() {
    for (prefix, bucket, part) in [
        ("../../elsewhere", "logs", "InvalidPrefix"),
        ("a b", "logs", "InvalidPrefix"),
        ("a", "other", "NoSuchBucket"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let log = Arc::new(MemoryLog::new("log"));
        log.append(here(1));
        let trails = Fake::new(Trail {
            prefix: Some(prefix.to_owned()),
            bucket: bucket.to_owned(),
            ..trail()
        });
        let own = Bucket::Folder(folder.path().join("a/b/c"));
        let buckets = Buckets::named(BTreeMap::from([("logs".to_owned(), own)]));
        let deliveries = start(&trails, &log, buckets, folder.path());
        until("it is told", || !trails.notes().is_empty());
        let Outcome::Failed(why) = &trails.notes()[0].1 else {
            panic!("{prefix} was delivered");
        };
        assert!(why.contains(part), "{why}");
        until("the job says so", || {
            deliveries.state().last_error.is_some()
        });
        assert!(!folder.path().join("a").exists());
    }
}

#[test]
fn digests_are_signed_chained_and_name_each_file() {
    let folder = tempfile::tempdir().unwrap();
    let buckets = folder.path().join("buckets");
    let log = Arc::new(MemoryLog::new("log"));
    let trails = Fake::new(Trail {
        validation: true,
        ..trail()
    });
    let digests = || -> Vec<PathBuf> {
        let found = files(&buckets).into_iter();
        let digests = found
            .filter(|(name, _)| name.contains("/CloudTrail-Digest/") && name.ends_with(".json.gz"));
        digests.map(|(_, path)| path).collect()
    };
    for hour in 0..3 {
        let deliveries = start(
            &trails,
            &log,
            Buckets::any_in(buckets.clone()),
            folder.path(),
        );
        // The second hour is empty.
        if hour != 1 {
            log.append(here(hour + 1));
            until("it is delivered", || {
                delivered(&buckets).contains(&(hour + 1))
            });
        }
        until("the chain has begun", || {
            let state = folder
                .path()
                .join(format!("trails/{ACCOUNT}_eu-central-1_main.json"));
            std::fs::read_to_string(state).is_ok_and(|text| text.contains("eu-central-1"))
        });
        until("its key can be asked for", || {
            trails.known.lock().unwrap().len() == 1
        });
        trails.now.fetch_add(HOUR, Ordering::Relaxed);
        until("its digest is there", || digests().len() == hour + 1);
        drop(deliveries);
    }
    let keys = DigestKeys::in_folder(folder.path(), Box::new(Turned(1)))
        .public()
        .unwrap();
    assert_eq!(keys.len(), 1);
    let public = BASE64.decode(&keys[0].value).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public);
    let mut before: Option<(Value, String, String)> = None;
    let mut named = Vec::new();
    for path in digests() {
        let content = inflated(&std::fs::read(&path).unwrap());
        let hash = hex(digest(&SHA256, &content).as_ref());
        let digest_file: Value = serde_json::from_slice(&content).unwrap();
        let metadata = std::fs::read(format!("{}.metadata.json", path.display())).unwrap();
        let metadata: Value = serde_json::from_slice(&metadata).unwrap();
        assert_eq!(metadata["signature-algorithm"], "SHA256withRSA");
        let text = |member: &str| digest_file[member].as_str().unwrap().to_owned();
        let object = text("digestS3Object");
        assert!(path.ends_with(format!("logs/{object}")));
        assert_eq!(text("digestPublicKeyFingerprint"), keys[0].fingerprint);
        let previous = match &before {
            None => {
                assert_eq!(digest_file["previousDigestS3Object"], Value::Null);
                "null".to_owned()
            }
            Some((earlier, hash, signature)) => {
                assert_eq!(
                    digest_file["previousDigestS3Object"],
                    earlier["digestS3Object"]
                );
                assert_eq!(digest_file["digestStartTime"], earlier["digestEndTime"]);
                assert_eq!(text("previousDigestHashValue"), *hash);
                assert_eq!(text("previousDigestSignature"), *signature);
                signature.clone()
            }
        };
        let signed = format!(
            "{}\nlogs/{object}\n{hash}\n{previous}",
            text("digestEndTime")
        );
        let signature = metadata["signature"].as_str().unwrap().to_owned();
        public
            .verify(signed.as_bytes(), &unhex(&signature))
            .unwrap();
        for file in digest_file["logFiles"].as_array().unwrap() {
            let object = file["s3Object"].as_str().unwrap();
            let content = inflated(&std::fs::read(buckets.join("logs").join(object)).unwrap());
            assert_eq!(file["hashValue"], hex(digest(&SHA256, &content).as_ref()));
            assert_eq!(file["newestEventTime"], "2026-01-31T23:30:05Z");
            named.extend(numbers(str::from_utf8(&content).unwrap()));
        }
        before = Some((digest_file, hash, signature));
    }
    assert_eq!(named, [1, 3]);
}

#[test]
fn a_digest_key_that_cant_be_opened_any_more_has_a_successor() {
    let folder = tempfile::tempdir().unwrap();
    let buckets = folder.path().join("buckets");
    let log = Arc::new(MemoryLog::new("log"));
    log.append(here(1));
    let trails = Fake::new(Trail {
        validation: true,
        ..trail()
    });
    let digest_count = || {
        files(&buckets)
            .keys()
            .filter(|it| it.contains("-Digest/"))
            .count()
            / 2
    };
    for (turn, seal) in [1, 1, 2].into_iter().enumerate() {
        let source: Arc<dyn Source> = log.clone();
        let keys = DigestKeys::in_folder(folder.path(), Box::new(Turned(seal)));
        let own = Buckets::any_in(buckets.clone());
        let deliveries = Deliveries::start(trails.clone(), source, own, keys, folder.path(), OFTEN);
        until("events are delivered", || delivered(&buckets) == [1]);
        until("the chain has begun", || {
            let state = folder
                .path()
                .join(format!("trails/{ACCOUNT}_eu-central-1_main.json"));
            std::fs::read_to_string(state).is_ok_and(|text| text.contains("\"chains\":{\"eu"))
        });
        trails.now.fetch_add(HOUR, Ordering::Relaxed);
        until("its digest is there", || digest_count() == turn + 1);
        drop(deliveries);
    }
    let keys = DigestKeys::in_folder(folder.path(), Box::new(Turned(2)))
        .public()
        .unwrap();
    assert_eq!(*trails.known.lock().unwrap(), keys);
    assert_eq!(keys.len(), 2);
    assert!(keys[0].until.is_some() && keys[1].until.is_none());
    let kept = std::fs::read_to_string(folder.path().join("digest-keys.json")).unwrap();
    assert!(!kept.contains("MIIE"), "a private key lies open: {kept}");
}

fn s3(server: &Scripted, folder: &Path) -> Buckets {
    let credentials = folder.join("credentials");
    std::fs::write(
        &credentials,
        "AWS_ACCESS_KEY_ID=AKIAEXAMPLE\nAWS_SECRET_ACCESS_KEY=s3cret\n",
    )
    .unwrap();
    let no_tls = || Err("no TLS".to_owned());
    let bucket = S3Bucket::new(&server.url(), "eu-west-3", Some(credentials), no_tls).unwrap();
    Buckets::named(BTreeMap::from([("logs".to_owned(), Bucket::S3(bucket))]))
}

fn split(request: &[u8]) -> (String, &[u8]) {
    let at = request
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(request[..at + 2].to_vec()).unwrap();
    (head, &request[at + 4..])
}

/// As a server that takes AWS's signatures does.
fn check_signature(request: &[u8]) {
    use strongroom_wire::sigv4::{self, SigningKey};
    let (head, body) = split(request);
    let mut lines = head.lines();
    let mut words = lines.next().unwrap().split(' ');
    let mut made = http::Request::builder()
        .method(words.next().unwrap())
        // S3 encodes a path once, and others once more than it was sent.
        .uri(words.next().unwrap().replace("%3D", "="));
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        made = made.header(name, value);
    }
    let (parts, ()) = made.body(()).unwrap().into_parts();
    assert_eq!(
        parts.headers["x-amz-content-sha256"].to_str().unwrap(),
        hex(digest(&SHA256, body).as_ref())
    );
    let date = parts.headers["x-amz-date"].to_str().unwrap();
    let now: jiff::Timestamp = format!(
        "{}-{}-{}T{}:{}:{}Z",
        &date[..4],
        &date[4..6],
        &date[6..8],
        &date[9..11],
        &date[11..13],
        &date[13..15]
    )
    .parse()
    .unwrap();
    let signed = sigv4::read(&parts).unwrap();
    assert_eq!(
        (signed.access_key_id(), signed.region(), signed.service()),
        ("AKIAEXAMPLE", "eu-west-3", "s3")
    );
    let secret = SecretBytes::copy_of(b"s3cret");
    let key = SigningKey::derive(&secret, signed.scope());
    signed.verify(body, &key, now.as_second()).unwrap();
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
