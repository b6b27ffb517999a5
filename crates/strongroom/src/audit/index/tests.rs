//! The index against a look through the whole log: whatever is asked, both find the same, whatever became of the files.

use std::fs;
use std::sync::{Arc, Mutex};

use proptest::prelude::{Strategy, any};
use strongroom_audit::OwnedRecord;
use strongroom_services::caller::{AccountId, Region};
use strongroom_services::cloudtrail::history::Attribute;
use tempfile::TempDir;

use super::*;

const ACCOUNTS: [&str; 2] = ["111122223333", "444455556666"];
const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];
const NAMES: [&str; 3] = ["GetSecretValue", "CreateSecret", "Decrypt"];
const USERS: [&str; 3] = ["ann", "bob", "eve"];

/// A log in memory, in segments of so many records.
#[derive(Clone)]
struct Remembered {
    records: Arc<Mutex<Vec<OwnedRecord>>>,
    first: u64,
    segment_records: u64,
}

impl Remembered {
    fn new(segment_records: u64) -> Self {
        Remembered {
            records: Arc::default(),
            first: 1,
            segment_records,
        }
    }

    fn push(&self, kind: Kind, payload: String) {
        let mut records = self.records.lock().unwrap();
        let sequence = records.len() as u64 + 1;
        records.push(OwnedRecord {
            sequence,
            milliseconds: 1_000 * sequence.cast_signed(),
            kind,
            payload: payload.into_bytes(),
        });
    }

    /// A look through everything.
    fn find(&self, query: &Query<'_>) -> (Vec<u64>, bool) {
        let records = self.records.lock().unwrap();
        let hides = |record: &&OwnedRecord| {
            record.kind == Kind::Note && record.payload.ends_with(b"reset\"}")
        };
        let hidden = records.iter().rev().find(hides);
        let hidden = hidden.map_or(0, |record| record.sequence);
        let mut wanted = records.iter().rev().filter(|record| {
            record.kind == Kind::Event
                && record.sequence > hidden
                && record.sequence >= self.first
                && query.before.is_none_or(|before| record.sequence < before)
                && Recorded::read(&record.payload).is_some_and(|event| query.wants(&event))
        });
        let found = wanted
            .by_ref()
            .take(query.most)
            .map(|record| record.sequence);
        (found.collect(), wanted.next().is_some())
    }
}

impl Source for Remembered {
    fn segments(&self) -> Vec<Segment> {
        let records = self.records.lock().unwrap();
        let chunks = records.chunks(self.segment_records as usize).zip(1..);
        let count = records.len() as u64 / self.segment_records + 1;
        let segment = |(chunk, number): (&[OwnedRecord], u64)| Segment {
            number,
            first_sequence: chunk[0].sequence,
            last_sequence: chunk.last().map(|record| record.sequence),
            closed: number < count,
            first_milliseconds: chunk[0].milliseconds,
            last_milliseconds: chunk[chunk.len() - 1].milliseconds,
        };
        let all = chunks.map(segment);
        all.filter(|segment| segment.first_sequence >= self.first)
            .collect()
    }

    fn read(
        &self,
        from: u64,
        visit: &mut dyn FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> Result<(), Fault> {
        let records = self.records.lock().unwrap();
        for record in records.iter().filter(|record| record.sequence >= from) {
            let lent = Record {
                sequence: record.sequence,
                milliseconds: record.milliseconds,
                kind: record.kind,
                payload: &record.payload,
            };
            if visit(lent).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// What happens, of which all that matters can be told apart.
#[derive(Clone, Debug)]
enum Happens {
    Event(u8, u32),
    Data,
    Native,
    Reset,
    OtherNote,
    Nonsense,
}

fn event(number: u64, choice: u8, later: u32, management: bool) -> String {
    let choice = usize::from(choice);
    let account = ACCOUNTS[choice % 2];
    let region = REGIONS[choice / 2 % 2];
    let name = NAMES[choice / 4 % 3];
    let user = USERS[choice / 12 % 3];
    // Mostly in order, as what happens at once is written down.
    let second =
        jiff::Timestamp::from_second((number * 10 + u64::from(later % 30)).cast_signed()).unwrap();
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"IAMUser","userName":"{user}","accessKeyId":"AKIA{user}"}},"eventTime":"{second}","eventSource":"s.amazonaws.com","eventName":"{name}","awsRegion":"{region}","requestID":"r","eventID":"id-{number}","readOnly":{},"resources":[{{"accountId":"{account}","type":"AWS::SecretsManager::Secret","ARN":"arn:aws:secretsmanager:{region}:{account}:secret:s{}-AbCdEf"}}],"managementEvent":{management},"recipientAccountId":"{account}"}}"#,
        choice % 5 == 0,
        choice % 7,
    )
}

fn happen(log: &Remembered, happens: &[Happens]) {
    for each in happens {
        let number = log.records.lock().unwrap().len() as u64;
        match each {
            Happens::Event(choice, later) => {
                log.push(Kind::Event, event(number, *choice, *later, true))
            }
            Happens::Data => log.push(Kind::Event, event(number, 0, 0, false)),
            Happens::Native => log.push(
                Kind::Event,
                r#"{"version":"0","detail-type":"x"}"#.to_owned(),
            ),
            Happens::Reset => log.push(Kind::Note, r#"{"note":"reset"}"#.to_owned()),
            Happens::OtherNote => log.push(Kind::Note, r#"{"note":"other"}"#.to_owned()),
            Happens::Nonsense => log.push(Kind::Event, "{\"eventVersion\"".to_owned()),
        }
    }
}

fn happening() -> impl Strategy<Value = Happens> {
    (0..100_u8, any::<u8>(), any::<u32>()).prop_map(|(kind, choice, later)| match kind {
        0..=88 => Happens::Event(choice, later),
        89..=92 => Happens::Data,
        93..=95 => Happens::Native,
        96 => Happens::Reset,
        97 => Happens::OtherNote,
        _ => Happens::Nonsense,
    })
}

/// The attributes and values that are asked for; some of them nothing has.
fn attributes() -> Vec<Option<(Attribute, String)>> {
    let mut all = vec![None];
    let mut add = |attribute, values: &[&str]| {
        all.extend(
            values
                .iter()
                .map(|value| Some((attribute, (*value).to_owned()))),
        );
    };
    add(Attribute::EventName, &NAMES);
    add(Attribute::EventName, &["DeleteSecret", "ann"]);
    add(Attribute::Username, &USERS);
    add(Attribute::ReadOnly, &["true", "false"]);
    add(
        Attribute::EventSource,
        &["s.amazonaws.com", "t.amazonaws.com"],
    );
    add(Attribute::AccessKeyId, &["AKIAann", "AKIAnone"]);
    add(
        Attribute::ResourceType,
        &["AWS::SecretsManager::Secret", "AWS::KMS::Key"],
    );
    add(Attribute::ResourceName, &["s0", "s6", "s9"]);
    add(Attribute::EventId, &["id-3", "id-40", "id-100000"]);
    all
}

/// Asks for everything that can be asked for, page by page.
fn same_answers(log: &Remembered, lookups: &Lookups, most: usize, (from, to): (i64, i64)) {
    for account in ACCOUNTS {
        for region in REGIONS {
            for attribute in &attributes() {
                let account = AccountId::parse(account).unwrap();
                let region = Region::parse(region).unwrap();
                let mut query = Query {
                    account: &account,
                    region: &region,
                    attribute: attribute
                        .as_ref()
                        .map(|(key, value)| (*key, value.as_str())),
                    from_seconds: from,
                    to_seconds: to,
                    before: None,
                    most,
                };
                loop {
                    let found = lookups.look_up(&query).unwrap();
                    let sequences: Vec<u64> = found.events.iter().map(|(at, _)| *at).collect();
                    assert_eq!((sequences, found.is_more), log.find(&query), "{query:?}");
                    let Some((last, _)) = found.events.last().filter(|_| found.is_more) else {
                        break;
                    };
                    query.before = Some(*last);
                }
            }
        }
    }
}

fn open(log: &Remembered, folder: &TempDir) -> Arc<Lookups> {
    Lookups::new(log.clone(), folder.path().to_owned())
}

fn files(folder: &TempDir) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.path()).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_asked_the_index_finds_what_the_log_has(
        happens in proptest::collection::vec(happening(), 0..400),
        segment_records in 1..150_u64,
        most in 1..60_usize,
        times in (0..4_500_i64, 0..4_500_i64),
        stops in 1..5_usize,
    ) {
        let (log, folder) = (Remembered::new(segment_records), TempDir::new().unwrap());
        let lookups = open(&log, &folder);
        for piece in happens.chunks(happens.len() / stops + 1) {
            happen(&log, piece);
            same_answers(&log, &lookups, most, (i64::MIN, i64::MAX));
        }
        same_answers(&log, &lookups, most, (times.0.min(times.1), times.0.max(times.1)));
        // Started again, with what it left, and with nothing.
        drop(lookups);
        same_answers(&log, &open(&log, &folder), 50, (times.0, i64::MAX));
        let fresh = TempDir::new().unwrap();
        same_answers(&log, &open(&log, &fresh), 50, (times.0, i64::MAX));
    }
}

/// A log of several segments, with its index.
fn several() -> (Remembered, TempDir, Arc<Lookups>) {
    let (log, folder) = (Remembered::new(100), TempDir::new().unwrap());
    let happens: Vec<Happens> = (0..450_u32)
        .map(|number| Happens::Event((number * 7 % 251) as u8, number))
        .collect();
    happen(&log, &happens);
    let lookups = open(&log, &folder);
    lookups.refresh().unwrap();
    assert_eq!(files(&folder).len(), 4);
    (log, folder, lookups)
}

#[test]
fn no_damaged_byte_of_an_index_hides_an_event() {
    let (log, folder, _) = several();
    let [_, second, ..] = &files(&folder)[..] else {
        panic!()
    };
    let whole = fs::read(second).unwrap();
    for at in (0..whole.len())
        .step_by(997)
        .chain(whole.len() - 3..whole.len())
    {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x41;
        // Before it is opened, and while it is in use.
        fs::write(second, &damaged).unwrap();
        same_answers(&log, &open(&log, &folder), 50, (0, i64::MAX));
        let in_use = open(&log, &folder);
        in_use.refresh().unwrap();
        fs::write(second, &damaged).unwrap();
        same_answers(&log, &in_use, 50, (0, i64::MAX));
    }
}

#[test]
fn a_missing_cut_or_foreign_index_is_made_anew() {
    let (log, folder, lookups) = several();
    let [first, second, third, _] = &files(&folder)[..] else {
        panic!()
    };
    fs::remove_file(first).unwrap();
    let whole = fs::read(second).unwrap();
    fs::write(second, &whole[..whole.len() / 2]).unwrap();
    fs::copy(second, third).unwrap();
    same_answers(&log, &lookups, 50, (0, i64::MAX));
    fs::write(second, &whole).unwrap();
    fs::copy(second, third).unwrap();
    same_answers(&log, &open(&log, &folder), 50, (0, i64::MAX));
    fs::write(first, b"").unwrap();
    same_answers(&log, &open(&log, &folder), 50, (0, i64::MAX));
}

#[test]
fn the_index_of_a_segment_that_is_no_longer_kept_goes_with_it() {
    let (log, folder, lookups) = several();
    let later = Remembered {
        first: 201,
        ..log.clone()
    };
    drop(lookups);
    let lookups = open(&log, &folder);
    lookups.refresh().unwrap();
    let pruned = Lookups {
        source: Box::new(later.clone()),
        folder: folder.path().to_owned(),
        indexed: Mutex::new(std::mem::take(&mut *lookups.lock())),
    };
    same_answers(&later, &pruned, 50, (0, i64::MAX));
    assert_eq!(files(&folder).len(), 2);
}

#[test]
fn what_came_meanwhile_is_taken_in_by_itself() {
    let (log, folder, _) = several();
    let lookups = open(&log, &folder);
    lookups.follow().unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while lookups.backlog().0 > 0 {
        assert!(std::time::Instant::now() < deadline, "nothing is taken in");
        std::thread::sleep(Duration::from_millis(10));
    }
}
