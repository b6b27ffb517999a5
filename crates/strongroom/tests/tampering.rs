//! Records that somebody with the disk in his hands exchanged or changed, with every checksum of the store right
//! again: a clean error that names the record, never another's value.
//!
//! In one process, on the simulated store, through the same path as every request.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "all of it is tests; clippy only sees that of functions marked as such"
)]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Weak};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use strongroom::audit::Recorder;
use strongroom::cache::CachedRecords;
use strongroom::clock::Clock;
use strongroom::denials::Denials;
use strongroom::identity::Identities;
use strongroom::oidc::Issuers;
use strongroom::pipeline::{self, Asked, Failure, Pipeline, Queues};
use strongroom::rotation::RotationWorker;
use strongroom::uses::UseWorker;
use strongroom_keys::{Keyring, RootKey, Sealed, SeededEntropy};
use strongroom_services::accounts::{self, AccessKey, FreshCredentials};
use strongroom_services::caller::{AccountId, Caller, Principal, Region};
use strongroom_services::kms::key::KmsKey;
use strongroom_services::lambda::elsewhere::Elsewhere;
use strongroom_services::origin::Origin;
use strongroom_services::records::{Record, Records};
use strongroom_services::secretsmanager::secret::Secret;
use strongroom_services::secretsmanager::version::SealedValue;
use strongroom_services::time::Timestamp;
use strongroom_store::simulated::{Simulated, now};
use strongroom_store::{Commit, Range, Store, Write};
use strongroom_wire::request_id::RequestId;
use strongroom_wire::target::Service;

const ACCOUNTS: [&str; 2] = ["123456789012", "210987654321"];
const REGIONS: [&str; 2] = ["us-east-1", "eu-central-1"];
const SECRETS: [&str; 2] = ["first", "second"];
/// Questions about one account and region.
const QUESTIONS_EACH: usize = 6;
/// What every value starts with, so that none can be overlooked.
const MARK: &str = "marked-value-7d1f";
/// The same instant for all, so that no date tells two records apart.
const BEGINNING: i64 = 1_700_006_399_877;

/// Records by their keys.
type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// A server without its sockets.
struct World {
    store: Arc<Simulated>,
    keyring: Keyring,
    entropy: SeededEntropy,
    clock: Clock,
}

/// A question, and the one right answer.
struct Question {
    account: &'static str,
    region: &'static str,
    service: Service,
    operation: &'static str,
    body: Value,
    /// The member of the answer that is a value.
    member: &'static str,
    value: String,
    /// What an error must name: one of these.
    names: Vec<String>,
}

/// What the client is told, and what the operator is.
#[derive(Debug)]
struct Told {
    code: String,
    message: String,
    cause: Option<String>,
}

impl World {
    fn new() -> Self {
        let entropy = SeededEntropy::new(7);
        World {
            store: Arc::new(Simulated::new(7)),
            keyring: Keyring::new(RootKey::generate(&entropy)),
            entropy,
            clock: Clock::standing_at(Timestamp::from_milliseconds(BEGINNING)),
        }
    }

    /// Asks with nothing in memory.
    fn ask(
        &self,
        account: &str,
        region: &str,
        service: Service,
        operation: &str,
        body: &Value,
    ) -> Result<Value, Told> {
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        let records = CachedRecords::new(store, 1 << 20);
        let path = Pipeline {
            records: &records,
            store: &*self.store,
            keyring: &self.keyring,
            entropy: &self.entropy,
            clock: &self.clock,
            identities: &Identities::new(false),
            uses: &UseWorker::new(),
            issuers: &Issuers::default(),
            queues: &Queues::new(),
            throttle: None,
            partition: None,
            elsewhere: &Elsewhere::nowhere(),
            buckets: &strongroom_services::cloudtrail::buckets::Buckets::none(),
            history: None,
            rotations: &RotationWorker::new(&self.entropy),
            node: &Weak::new(),
            denials: &Denials::default(),
            recorder: &Recorder::none(),
        };
        let caller = Caller {
            account: AccountId::parse(account).unwrap(),
            region: Region::parse(region).unwrap(),
            principal: Principal::Root,
            session: None,
        };
        let entry = pipeline::find(service, operation).expect("an operation's name");
        let asked = Asked {
            request_id: RequestId::from_bytes([0; 16]),
            service,
            caller: &caller,
            access_key_id: None,
            origin: Origin::INSIDE,
            host: None,
            tls: None,
        };
        match now(path.execute(entry, body.to_string().as_bytes(), asked)).result {
            Ok(answer) if answer.is_empty() => Ok(Value::Null),
            Ok(answer) => Ok(serde_json::from_slice(&answer).unwrap()),
            Err(failure) => Err(Told::of(failure, service)),
        }
    }

    fn ok(&self, at: (&str, &str), service: Service, operation: &str, body: &Value) -> Value {
        let asked = self.ask(at.0, at.1, service, operation, body);
        asked.unwrap_or_else(|told| panic!("{operation} {body}: {told:?}"))
    }

    /// All records.
    fn rows(&self) -> Rows {
        let mut rows = Rows::new();
        self.store
            .snapshot()
            .unwrap()
            .range(&Range::all(), &mut |entry| {
                rows.insert(entry.key.to_vec(), entry.value.to_vec());
                ControlFlow::Continue(())
            })
            .unwrap();
        rows
    }

    fn put(&self, rows: &Rows) {
        let put = |(key, value): (&Vec<u8>, &Vec<u8>)| Write::Put {
            key: key.clone(),
            value: value.clone(),
        };
        let commit = Commit {
            conditions: Vec::new(),
            writes: rows.iter().map(put).collect(),
        };
        now(self.store.commit(commit)).unwrap();
    }
}

impl Told {
    fn of(failure: Failure, service: Service) -> Self {
        let cause = match &failure {
            Failure::Broken(cause) => Some(cause.clone()),
            _ => None,
        };
        let reply = failure.reply(service, &RequestId::from_bytes([0; 16]));
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        Told {
            code: text("__type").unwrap(),
            message: text("Message").or(text("message")).unwrap_or_default(),
            cause,
        }
    }
}

/// In each account and region two secrets, each with two versions, one under its service's key and one under a
/// customer's, and a ciphertext of the customer's key; and how to read them all.
fn filled() -> (World, Vec<Question>) {
    let world = World::new();
    let mut questions = Vec::new();
    for (account, region) in everywhere() {
        let at = (account, region);
        let key = world.ok(at, Service::Kms, "CreateKey", &json!({}));
        let key_id = key["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned();
        let plaintext = BASE64.encode(format!("{MARK} {account} {region}"));
        let body =
            json!({"KeyId": key_id, "Plaintext": plaintext, "EncryptionContext": {"a": "b"}});
        let sealed = world.ok(at, Service::Kms, "Encrypt", &body);
        questions.push(Question {
            account,
            region,
            service: Service::Kms,
            operation: "Decrypt",
            body: json!({"CiphertextBlob": sealed["CiphertextBlob"], "EncryptionContext": {"a": "b"}}),
            member: "Plaintext",
            value: plaintext,
            names: vec![key_id.clone()],
        });
        let body = json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"});
        let pair = world.ok(at, Service::Kms, "CreateKey", &body);
        let body = json!({"KeyId": pair["KeyMetadata"]["KeyId"]});
        let public = world.ok(at, Service::Kms, "GetPublicKey", &body)["PublicKey"].clone();
        questions.push(Question {
            account,
            region,
            service: Service::Kms,
            operation: "GetPublicKey",
            names: vec![body["KeyId"].as_str().unwrap().to_owned()],
            body,
            member: "PublicKey",
            value: public.as_str().unwrap().to_owned(),
        });
        for name in SECRETS {
            for version in ["one", "two"] {
                // The same tokens everywhere: only what a value is bound to tells two versions apart.
                let token = version.repeat(12);
                let value = format!("{MARK} {account} {region} {name} {version}");
                let (operation, id) = match version {
                    "one" => ("CreateSecret", "Name"),
                    _ => ("PutSecretValue", "SecretId"),
                };
                let mut body =
                    json!({id: name, "ClientRequestToken": token, "SecretString": value});
                if version == "one" && name == SECRETS[1] {
                    body["KmsKeyId"] = json!(key_id);
                }
                let made = world.ok(at, Service::SecretsManager, operation, &body);
                let arn = made["ARN"].as_str().unwrap().to_owned();
                questions.push(Question {
                    account,
                    region,
                    service: Service::SecretsManager,
                    operation: "GetSecretValue",
                    body: json!({"SecretId": name, "VersionId": token}),
                    member: "SecretString",
                    value,
                    names: vec![arn, format!("\\x00{name}")],
                });
            }
        }
    }
    (world, questions)
}

fn everywhere() -> impl Iterator<Item = (&'static str, &'static str)> {
    ACCOUNTS
        .iter()
        .flat_map(|account| REGIONS.iter().map(|region| (*account, *region)))
}

/// Asks everything: each answer is the right one, or a fault that names its record and tells the client nothing.
/// Returns how many faults there were.
///
/// # Errors
/// What was answered instead.
fn ask_all<'q>(
    world: &World,
    questions: impl IntoIterator<Item = &'q Question>,
    key_names: &[String],
) -> Result<usize, String> {
    let mut faults = 0;
    for question in questions {
        let (account, region) = (question.account, question.region);
        let (operation, body) = (question.operation, &question.body);
        let asked = world.ask(account, region, question.service, operation, body);
        let told = match asked {
            Ok(answer) if answer[question.member] == json!(question.value) => continue,
            Ok(answer) => return Err(format!("{} came as {answer}", question.value)),
            Err(told) => told,
        };
        faults += 1;
        let code = match question.service {
            Service::CloudTrail => "InternalFailure",
            Service::Kms => "KMSInternalException",
            Service::Lambda => "ServiceException",
            Service::SecretsManager => "InternalServiceError",
            Service::Iam | Service::Sts => "ServiceFailure",
        };
        let Some(cause) = &told.cause else {
            return Err(format!("{operation} {body} was no fault: {told:?}"));
        };
        if told.code != code || cause.contains(MARK) || told.message.contains(MARK) {
            return Err(format!("{operation} {body}: {told:?}"));
        }
        let named = question.names.iter().chain(key_names);
        if !named.clone().any(|name| cause.contains(name.as_str())) {
            let names: Vec<_> = named.collect();
            return Err(format!(
                "{operation} {body} names none of {names:?}: {cause}"
            ));
        }
    }
    Ok(faults)
}

/// Puts changed rows in place, asks everything, and puts the right ones back. At least one answer must be a fault.
fn tamper(world: &World, questions: &[Question], whole: &Rows, changed: &Rows, how: &str) {
    world.put(changed);
    // Whom the records are about; nothing else can depend on them.
    let concerned = |question: &&Question| {
        let place = format!("\0{}\0{}\0", question.account, question.region);
        let mut keys = changed.keys().map(|key| String::from_utf8_lossy(key));
        keys.any(|key| key.contains(&place))
    };
    let questions: Vec<&Question> = questions.iter().filter(concerned).collect();
    let key_names: Vec<String> = changed
        .keys()
        .filter(|key| key.starts_with(b"kms-key"))
        .map(|key| key_id_of(key))
        .collect();
    match ask_all(world, questions, &key_names) {
        Ok(0) => panic!("{how}: nobody noticed"),
        Ok(_) => {}
        Err(wrong) => panic!("{how}: {wrong}"),
    }
    let back = changed.keys().map(|key| (key.clone(), whole[key].clone()));
    world.put(&back.collect());
}

/// The rows of a kind, decoded.
fn of_kind<T: Record + Clone>(rows: &Rows, kind: &str) -> Vec<(Vec<u8>, T)> {
    let kind = format!("{kind}\0");
    let decode = |bytes: &[u8]| T::unwrap(&T::decode(bytes).unwrap()).map(|it| T::clone(it));
    rows.iter()
        .filter(|(key, _)| key.starts_with(kind.as_bytes()))
        .map(|(key, bytes)| (key.clone(), decode(bytes).unwrap()))
        .collect()
}

/// The last part of a record's key.
fn key_id_of(key: &[u8]) -> String {
    let last = key.rsplit(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(last).into_owned()
}

fn shown(key: &[u8]) -> String {
    key.escape_ascii().to_string()
}

/// Each pair of different records, exchanged by `exchange`.
fn exchange_each_pair<T: Record + Clone>(
    kind: &str,
    what: &str,
    mut exchange: impl FnMut(&mut T, &mut T),
) {
    let (world, questions) = filled();
    let whole = world.rows();
    assert_eq!(ask_all(&world, &questions, &[]), Ok(0));
    let records = of_kind::<T>(&whole, kind);
    assert!(records.len() >= 4, "{} of {kind}", records.len());
    for (number, (key, record)) in records.iter().enumerate() {
        for (other_key, other) in &records[number + 1..] {
            let (mut one, mut two) = (record.clone(), other.clone());
            exchange(&mut one, &mut two);
            let changed = Rows::from([
                (key.clone(), one.encode().unwrap()),
                (other_key.clone(), two.encode().unwrap()),
            ]);
            let how = format!("{what} of {} and {}", shown(key), shown(other_key));
            tamper(&world, &questions, &whole, &changed, &how);
        }
    }
    assert_eq!(ask_all(&world, &questions, &[]), Ok(0));
}

#[test]
fn whole_secrets_that_change_places_are_noticed() {
    exchange_each_pair::<Secret>("secret", "secrets", std::mem::swap);
}

#[test]
fn whole_values_that_change_places_are_noticed() {
    exchange_each_pair::<SealedValue>("version", "values", std::mem::swap);
}

#[test]
fn ciphertexts_that_change_places_are_noticed() {
    exchange_each_pair::<SealedValue>("version", "ciphertexts", |one, two| {
        std::mem::swap(&mut one.envelope.value, &mut two.envelope.value);
    });
}

#[test]
fn wrapped_data_keys_that_change_places_are_noticed() {
    exchange_each_pair::<SealedValue>("version", "data keys", |one, two| {
        std::mem::swap(&mut one.envelope.data_key, &mut two.envelope.data_key);
    });
}

/// A ciphertext with its data key, for which the record keeps naming its own KMS key.
#[test]
fn envelopes_that_change_places_are_noticed() {
    exchange_each_pair::<SealedValue>("version", "envelopes", |one, two| {
        std::mem::swap(&mut one.envelope.value, &mut two.envelope.value);
        std::mem::swap(&mut one.envelope.data_key, &mut two.envelope.data_key);
    });
}

#[test]
fn whole_kms_keys_that_change_places_are_noticed() {
    exchange_each_pair::<KmsKey>("kms-key", "keys", std::mem::swap);
}

#[test]
fn wrapped_material_that_changes_places_is_noticed() {
    exchange_each_pair::<KmsKey>("kms-key", "wrapped material", |one, two| {
        std::mem::swap(&mut one.material[0].wrapped, &mut two.material[0].wrapped);
    });
}

#[test]
fn material_with_its_name_that_changes_places_is_noticed() {
    exchange_each_pair::<KmsKey>("kms-key", "material", |one, two| {
        std::mem::swap(&mut one.material, &mut two.material);
    });
}

/// The record with each bit of one of its sealed parts flipped, one after another, and cut shorter by each length.
fn spoiled(sealed: &Sealed) -> Vec<(String, Sealed)> {
    let whole = sealed.as_bytes();
    let mut made = Vec::new();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.to_vec();
            bytes[at] ^= 1 << bit;
            made.push((format!("bit {bit} of byte {at}"), Sealed::from_bytes(bytes)));
        }
        let cut = whole[..at].to_vec();
        made.push((format!("cut to {at} bytes"), Sealed::from_bytes(cut)));
    }
    let longer = [whole, &[0]].concat();
    made.push(("a byte more".to_owned(), Sealed::from_bytes(longer)));
    made
}

/// Spoils one part of the first record of a kind in every way, and asks what depends on it.
fn spoil<T: Record + Clone>(kind: &str, part: impl Fn(&mut T) -> &mut Sealed) {
    let (world, mut questions) = filled();
    let whole = world.rows();
    let (key, record) = of_kind::<T>(&whole, kind).swap_remove(0);
    let sealed = part(&mut record.clone()).clone();
    let mut dependent: Vec<Question> = Vec::new();
    for (number, (how, spoiled)) in spoiled(&sealed).into_iter().enumerate() {
        let mut changed = record.clone();
        *part(&mut changed) = spoiled;
        let changed = Rows::from([(key.clone(), changed.encode().unwrap())]);
        let how = format!("{how} of {}", shown(&key));
        if number == 0 {
            // Whoever depends on this part depends on each bit of it.
            tamper(&world, &questions, &whole, &changed, &how);
            world.put(&changed);
            let key_id = [key_id_of(&key)];
            dependent = std::mem::take(&mut questions)
                .into_iter()
                .filter(|question| ask_all(&world, [question], &key_id) == Ok(1))
                .collect();
        }
        tamper(&world, &dependent, &whole, &changed, &how);
    }
    assert_eq!(ask_all(&world, &dependent, &[]), Ok(0));
}

#[test]
fn any_spoiled_bit_of_a_value_is_noticed() {
    spoil::<SealedValue>("version", |record| &mut record.envelope.value);
}

#[test]
fn any_spoiled_bit_of_a_data_key_is_noticed() {
    spoil::<SealedValue>("version", |record| &mut record.envelope.data_key);
}

#[test]
fn any_spoiled_bit_of_wrapped_material_is_noticed() {
    spoil::<KmsKey>("kms-key", |record| &mut record.material[0].wrapped);
}

/// Any bit of any record at all: the right answer or an error, never another's value, never a panic. What isn't sealed
/// (names, labels, dates) can be changed by whoever has the disk; values can't.
#[test]
fn any_flipped_bit_of_any_record_gives_no_other_value() {
    let (world, questions) = filled();
    let whole = world.rows();
    let (account, region) = (ACCOUNTS[0], REGIONS[0]);
    let ours = format!("\0{account}\0{region}\0");
    let mut refused = 0;
    for (number, (key, bytes)) in whole.iter().enumerate() {
        if !String::from_utf8_lossy(key).contains(&ours) {
            continue;
        }
        // Every fourth byte, others in each record; the bit goes round.
        for at in (number % 4..bytes.len()).step_by(4) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at / 4 % 8);
            world.put(&Rows::from([(key.clone(), changed)]));
            for question in &questions[..QUESTIONS_EACH] {
                let (service, body) = (question.service, &question.body);
                match world.ask(account, region, service, question.operation, body) {
                    Ok(answer) => assert_eq!(
                        answer[question.member],
                        json!(question.value),
                        "byte {at} of {}",
                        shown(key)
                    ),
                    Err(told) => {
                        assert!(!format!("{told:?}").contains(MARK), "{told:?}");
                        refused += 1;
                    }
                }
            }
        }
        world.put(&Rows::from([(key.clone(), bytes.clone())]));
    }
    assert!(refused > 0);
    assert_eq!(ask_all(&world, &questions, &[]), Ok(0));
}

#[test]
fn access_keys_that_change_places_are_noticed() {
    let world = World::new();
    let mut changes = Vec::new();
    let credentials: Vec<FreshCredentials> = ACCOUNTS
        .iter()
        .map(|id| {
            let account = AccountId::parse(id).unwrap();
            accounts::fresh_credentials(&account, &world.entropy)
        })
        .collect();
    for one in &credentials {
        let store = Arc::clone(&world.store) as Arc<dyn Store>;
        let records = CachedRecords::new(store, 1 << 20);
        let records = Records::of(&records);
        let now = Timestamp::from_milliseconds(BEGINNING);
        let made = accounts::create(one, &records, now, &world.keyring, &world.entropy).unwrap();
        changes.push(pipeline::commit(records.into_seen(), made));
    }
    for commit in changes {
        now(world.store.commit(commit)).unwrap();
    }
    let whole = world.rows();
    let sealed = of_kind::<AccessKey>(&whole, "access-key");
    let [(one_key, one), (two_key, two)] = &sealed[..] else {
        panic!("two access keys");
    };
    let opens = |access_key: &AccessKey| {
        world
            .keyring
            .open_credential(access_key.name(), &access_key.sealed_secret)
            .is_ok()
    };
    assert!(opens(one) && opens(two));
    let moved = AccessKey {
        sealed_secret: two.sealed_secret.clone(),
        ..one.clone()
    };
    assert!(!opens(&moved));
    let given_away = AccessKey {
        account: two.account.clone(),
        ..one.clone()
    };
    assert!(!opens(&given_away));
    assert!(AccessKey::decode_at(one_key, &whole[one_key]).is_ok());
    assert!(AccessKey::decode_at(one_key, &whole[two_key]).is_err());
    for (how, spoiled) in spoiled(&one.sealed_secret) {
        let changed = AccessKey {
            sealed_secret: spoiled,
            ..one.clone()
        };
        assert!(!opens(&changed), "{how}");
    }
}
