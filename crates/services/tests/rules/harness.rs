//! A service on a map: what the tables need to ask operations one after another.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use strongroom_keys::{Keyring, RootKey, SecretBytes, SeededEntropy};
use strongroom_services::access::explanation::Explanation;
use strongroom_services::access::who_can::{self, WhoCan};
use strongroom_services::access::{self, Question};
use strongroom_services::accounts::{self, AccountProblem};
use strongroom_services::caller::{AccountId, Caller, Principal, Region, RoleSigner, Signer};
use strongroom_services::cloudtrail::buckets::Buckets;
use strongroom_services::cloudtrail::event::{Call, Event, Who, service_calls};
use strongroom_services::cloudtrail::history::History;
use strongroom_services::cloudtrail::label_update::LabelUpdate;
use strongroom_services::cloudtrail::service_event::ServiceEvent;
use strongroom_services::cloudtrail::told::{ServiceCall, Told};
use strongroom_services::cloudtrail::{self, event::events, name};
use strongroom_services::due::{self, Due};
use strongroom_services::gate::{self, Need};
use strongroom_services::iam::role::Role;
use strongroom_services::iam::user::User;
use strongroom_services::lambda::elsewhere::Elsewhere;
use strongroom_services::last_use::Use;
use strongroom_services::operation::{Entry, Given, Means, Written};
use strongroom_services::origin::Origin;
use strongroom_services::rate;
use strongroom_services::records::{
    Change, Changes, Decode, Found, Key, Record, Records, Source, Visit,
};
use strongroom_services::refusal::{MessageMember, Refusal, Stop};
use strongroom_services::rotation::built_in;
use strongroom_services::rotation::function::Ran;
use strongroom_services::rotation::job::{
    self, Advance, Outcome, RotationJob, RotationStep, Turn, Work,
};
use strongroom_services::secretsmanager::OPERATIONS;
use strongroom_services::secretsmanager::purge::PurgeDue;
use strongroom_services::secretsmanager::secret::{Secret, ValueKind, Version};
use strongroom_services::staging::AWSPENDING;
use strongroom_services::sts::session::{self, AssumedRole, SessionOf};
use strongroom_services::time::Timestamp;
use strongroom_services::{iam, kms, lambda, secretsmanager, sts};

use crate::cloudtrail::lookups::WrittenDown;
use crate::cloudtrail::secrecy;

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const OTHER_ACCOUNT: &str = "210987654321";
pub(crate) const REGION: &str = "us-east-1";
/// 14 November 2023, 23:59:59.877 UTC: a day that soon ends, and no full second.
pub(crate) const BEGINNING: i64 = 1_700_006_399_877;
/// Who carries rotations out.
const WORKER: u64 = 1;
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Version ids, which are tokens: 32 characters at least.
pub(crate) const V1: &str = "version-1-----------------------";
pub(crate) const V2: &str = "version-2-----------------------";
pub(crate) const V3: &str = "version-3-----------------------";
pub(crate) const V4: &str = "version-4-----------------------";
pub(crate) const NEVER: &str = "no-version----------------------";

/// Codes.
pub(crate) const NOT_FOUND: &str = "ResourceNotFoundException";
pub(crate) const EXISTS: &str = "ResourceExistsException";
pub(crate) const REQUEST: &str = "InvalidRequestException";
pub(crate) const PARAMETER: &str = "InvalidParameterException";
pub(crate) const VALIDATION: &str = "ValidationException";
pub(crate) const LIMIT: &str = "LimitExceededException";
pub(crate) const DENIED: &str = "AccessDeniedException";
pub(crate) const MARKED: &str =
    "You can't perform this operation on the secret because it was marked for deletion.";
pub(crate) const MISSING: &str = "Secrets Manager can't find the specified secret.";

/// Secrets Manager in one process, asked by one caller after another.
pub(crate) struct Service {
    records: Memory,
    keyring: Keyring,
    entropy: SeededEntropy,
    caller: Caller,
    pub(crate) sender: Sender,
    /// Which functions servers outside answer for.
    pub(crate) elsewhere: Elsewhere,
    /// Which buckets trails may deliver to.
    pub(crate) buckets: Buckets,
    /// What happened, as it was written down; nothing is, where it is absent.
    pub(crate) history: Option<WrittenDown>,
    /// What the service told of itself.
    pub(crate) events: Vec<ServiceEvent>,
    /// The labels that came to other versions.
    pub(crate) label_updates: Vec<LabelUpdate>,
    /// What CloudTrail says of the last request.
    pub(crate) trail: Vec<Trailed>,
    /// Why the gate refused what it refused of the last request.
    pub(crate) explained: Vec<Explanation>,
    pub(crate) now: Timestamp,
}

/// Where requests come from.
#[derive(Default)]
pub(crate) struct Sender {
    pub(crate) address: Option<String>,
    pub(crate) secure: bool,
    pub(crate) user_agent: Option<String>,
}

#[derive(Default)]
struct Memory {
    revision: u64,
    entries: BTreeMap<Vec<u8>, (Vec<u8>, u64)>,
}

impl Service {
    pub(crate) fn new() -> Self {
        let entropy = SeededEntropy::new(1);
        Service {
            records: Memory::default(),
            keyring: Keyring::new(RootKey::generate(&entropy)),
            entropy,
            caller: caller(ACCOUNT, REGION),
            sender: Sender::default(),
            elsewhere: Elsewhere::nowhere(),
            buckets: Buckets::none(),
            history: None,
            events: Vec::new(),
            label_updates: Vec::new(),
            trail: Vec::new(),
            explained: Vec::new(),
            now: Timestamp::from_milliseconds(BEGINNING),
        }
    }

    /// With the secret `s`, whose version V1 has the value `one`.
    pub(crate) fn with_secret() -> Self {
        let mut service = Service::new();
        service.ok(
            "CreateSecret",
            json!({"Name": "s", "ClientRequestToken": V1, "SecretString": "one"}),
        );
        service
    }

    /// With the secret `s`, of which V2 is current and V1 previous.
    pub(crate) fn with_two_versions() -> Self {
        let mut service = Service::with_secret();
        service.put(V2, "two", json!(null));
        service
    }

    /// From now on, the root user of this account asks in this region.
    pub(crate) fn be(&mut self, account: &str, region: &str) {
        self.caller = caller(account, region);
    }

    /// From now on, this user of the account asks with this access key, in the first region.
    pub(crate) fn be_user(&mut self, account: &str, name: &str, access_key_id: &str) {
        self.caller = caller(account, REGION);
        let records = Records::of(&self.records);
        let place = Key::iam_user(&self.caller.account, name);
        let user = records.read::<User>(place).unwrap().unwrap();
        drop(records);
        let access_key_id = access_key_id.to_owned();
        self.caller.principal = Principal::User(Signer {
            user,
            access_key_id,
        });
    }

    /// From now on, whoever has these temporary credentials, which an answer gave out.
    pub(crate) fn be_session(&mut self, credentials: &Value) {
        let token = credentials["SessionToken"].as_str().unwrap();
        let (session, secret) = session::redeem(token, &self.keyring).unwrap();
        let text = |member: &str| credentials[member].as_str().unwrap().to_owned();
        assert_eq!(session.access_key_id, text("AccessKeyId"));
        assert_eq!(secret.expose(), text("SecretAccessKey").as_bytes());
        self.caller = caller(session.account.as_str(), REGION);
        let records = Records::of(&self.records);
        let account = &session.account;
        self.caller.principal = match &session.of {
            SessionOf::Root => Principal::Root,
            SessionOf::User { name, .. } => Principal::User(Signer {
                user: (records.read::<User>(Key::iam_user(account, name)).unwrap()).unwrap(),
                access_key_id: session.access_key_id.clone(),
            }),
            SessionOf::Role(assumed) => Principal::Role(RoleSigner {
                role: (records
                    .read::<Role>(Key::iam_role(account, &assumed.role))
                    .unwrap())
                .unwrap(),
                assumed: Arc::new(AssumedRole::clone(assumed)),
            }),
        };
        drop(records);
        self.caller.session = Some(Arc::new(session));
    }

    /// Writes a record, whatever would have to be asked for it.
    pub(crate) fn write<T: Record>(&mut self, key: Key, record: &T) {
        let mut changes = Changes::none();
        changes.put(key, record).unwrap();
        self.records.apply(changes);
    }

    /// Reads a record.
    pub(crate) fn read<T: Record>(&self, key: Key) -> Option<Arc<T>> {
        Records::of(&self.records).read::<T>(key).unwrap()
    }

    /// Puts bytes in the place of a record, as an earlier version of the program wrote them.
    pub(crate) fn overwrite(&mut self, key: &[u8], bytes: Vec<u8>) {
        let change = Change::Put(Key::from_bytes(key.to_vec()), bytes);
        self.records.apply(Changes {
            writes: vec![change],
            ..Changes::none()
        });
    }

    /// Lets something read records that is no operation.
    pub(crate) fn with_records<T>(&self, read: impl FnOnce(&Records<'_>) -> T) -> T {
        read(&Records::of(&self.records))
    }

    /// Commits changes that are no operation's.
    pub(crate) fn commit(&mut self, changes: Changes) {
        self.records.apply(changes);
    }

    /// The same with what work on nobody's behalf is given.
    pub(crate) fn with_means<T>(&self, read: impl FnOnce(&Records<'_>, &Means<'_>) -> T) -> T {
        read(&Records::of(&self.records), &self.means())
    }

    /// Removes a record.
    pub(crate) fn remove(&mut self, key: Key) {
        let mut changes = Changes::none();
        changes.delete(key);
        self.records.apply(changes);
    }

    /// Puts needs to the gate for the caller; says what it refuses first.
    pub(crate) fn lacking<'a>(
        &'a self,
        needs: impl FnOnce(&'a Caller, &Records<'_>) -> Result<Vec<Need<'a>>, Stop>,
    ) -> Option<String> {
        let records = Records::of(&self.records);
        let given = Given {
            caller: &self.caller,
            origin: self.sender.origin(),
            now: self.now,
            entropy: &self.entropy,
            keyring: &self.keyring,
            elsewhere: &self.elsewhere,
            buckets: &self.buckets,
            history: self.history.as_ref().map(|told| told as &dyn History),
        };
        for need in needs(&self.caller, &records).unwrap() {
            match gate::permit(&need, &records, &given) {
                Ok(()) => {}
                Err(Stop::Refused(refusal)) => return refusal.message,
                Err(Stop::Unavailable(cause)) => panic!("the gate broke: {cause}"),
            }
        }
        None
    }

    /// Who asks.
    pub(crate) fn caller(&self) -> Caller {
        self.caller.clone()
    }

    /// From now on, someone who asked before.
    pub(crate) fn be_caller(&mut self, caller: Caller) {
        self.caller = caller;
    }

    pub(crate) fn means(&self) -> Means<'_> {
        Means {
            now: self.now,
            entropy: &self.entropy,
            keyring: &self.keyring,
            elsewhere: &self.elsewhere,
            buckets: &self.buckets,
            history: self.history.as_ref().map(|told| told as &dyn History),
        }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }

    /// # Errors
    /// The refusal.
    pub(crate) fn ask(&mut self, operation: &str, body: &Value) -> Result<Value, Refusal> {
        self.ask_of(OPERATIONS, operation, body)
    }

    /// The same of whichever service has these operations.
    ///
    /// # Errors
    /// The refusal.
    pub(crate) fn ask_of(
        &mut self,
        entries: &[Entry],
        operation: &str,
        body: &Value,
    ) -> Result<Value, Refusal> {
        let entry = entries.iter().find(|entry| entry.name == operation);
        let records = Records::of(&self.records);
        let given = Given {
            caller: &self.caller,
            origin: self.sender.origin(),
            now: self.now,
            entropy: &self.entropy,
            keyring: &self.keyring,
            elsewhere: &self.elsewhere,
            buckets: &self.buckets,
            history: self.history.as_ref().map(|told| told as &dyn History),
        };
        let entry = entry.expect("an operation's name");
        let ran = (entry.run)(body.to_string().as_bytes(), &records, &given);
        self.explained = records.take_refused();
        self.trail = trail(
            source_of(entries),
            entry,
            &given,
            &ran,
            &records.take_told(),
        );
        let told = self.trail.iter().map(|event| event.json.clone());
        let told: Vec<String> = told.collect();
        if let Some(history) = &mut self.history {
            history.events.extend(told);
        }
        let answer = ran.as_ref().ok().map(|written| &written.body[..]);
        secrecy::check(body, answer, &self.trail);
        match ran {
            Ok(written) => {
                drop(records);
                let uses = written.changes.uses.clone();
                self.apply(written.changes);
                self.write_down(&uses);
                if let Some(refusal) = written.refusal {
                    return Err(refusal);
                }
                let body = if written.body.is_empty() {
                    b"null"
                } else {
                    &written.body[..]
                };
                Ok(serde_json::from_slice(body).unwrap())
            }
            Err(Stop::Refused(refusal)) => Err(refusal),
            Err(Stop::Unavailable(cause)) => panic!("{operation} broke: {cause}"),
        }
    }

    /// Changes a record past all rules, as damage does.
    pub(crate) fn alter<T: Record + Clone>(&mut self, key: &Key, change: impl FnOnce(&mut T)) {
        let records = Records::of(&self.records);
        let mut record = T::clone(&records.read(key.clone()).unwrap().unwrap());
        drop(records);
        change(&mut record);
        let mut changes = Changes::none();
        changes.put(key.clone(), &record).unwrap();
        self.records.apply(changes);
    }

    /// The number of the rate that a request counts for.
    pub(crate) fn rate_of(&self, service: &str, operation: &str, body: &Value) -> Option<usize> {
        let body = body.to_string();
        let found = rate::of(
            service,
            operation,
            body.as_bytes(),
            &self.caller,
            &self.records,
        );
        found.map(|(number, _)| number)
    }

    /// Writes down what was noted, as happens a little later.
    pub(crate) fn write_down(&mut self, uses: &[Use]) {
        for used in uses {
            let mut changes = Changes::none();
            used.write_down(&Records::of(&self.records), &mut changes)
                .unwrap();
            self.records.apply(changes);
        }
    }

    /// Everything that is stored, for comparing it.
    pub(crate) fn stored(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let entries = self.records.entries.iter();
        let pairs = entries.map(|(key, (value, _))| (key.clone(), value.clone()));
        pairs.collect()
    }

    /// The records that a commit of the operation depends on, and how many it writes; nothing is written.
    pub(crate) fn depends_on(
        &self,
        entries: &[Entry],
        operation: &str,
        body: &Value,
    ) -> (Vec<Key>, usize) {
        let entry = entries.iter().find(|entry| entry.name == operation);
        let records = Records::of(&self.records);
        let given = Given {
            caller: &self.caller,
            origin: self.sender.origin(),
            now: self.now,
            entropy: &self.entropy,
            keyring: &self.keyring,
            elsewhere: &self.elsewhere,
            buckets: &self.buckets,
            history: self.history.as_ref().map(|told| told as &dyn History),
        };
        let run = entry.expect("an operation's name").run;
        let written = run(body.to_string().as_bytes(), &records, &given).unwrap();
        let seen = records.into_seen().into_iter().map(|seen| seen.key);
        (seen.collect(), written.changes.writes.len())
    }

    /// The same for the making of an account.
    pub(crate) fn new_account_depends_on(&self, account: &str) -> Vec<Key> {
        let account = AccountId::parse(account).unwrap();
        let credentials = accounts::fresh_credentials(&account, &self.entropy);
        let records = Records::of(&self.records);
        let (keyring, entropy) = (&self.keyring, &self.entropy);
        accounts::create(&credentials, &records, self.now, keyring, entropy).unwrap();
        let seen = records.into_seen().into_iter().map(|seen| seen.key);
        seen.collect()
    }

    pub(crate) fn ok(&mut self, operation: &str, body: Value) -> Value {
        self.ask(operation, &body)
            .unwrap_or_else(|refusal| panic!("{operation} {body}: {refusal:?}"))
    }

    /// The code and the text of a refusal. A refused request changes nothing, which is checked.
    pub(crate) fn refused(&mut self, operation: &str, body: Value) -> (&'static str, String) {
        let before = self.records.entries.clone();
        let refusal = match self.ask(operation, &body) {
            Ok(answer) => panic!("{operation} {body}: {answer}"),
            Err(refusal) => refusal,
        };
        assert!(
            self.records.entries == before,
            "{operation} {body} changed something"
        );
        let framework = refusal.code == VALIDATION;
        assert_eq!(
            refusal.member == MessageMember::LowerCase,
            framework,
            "{}",
            refusal.code
        );
        (refusal.code, refusal.message.unwrap_or_default())
    }

    pub(crate) fn code(&mut self, operation: &str, body: Value) -> &'static str {
        self.refused(operation, body).0
    }

    pub(crate) fn put(&mut self, version: &str, value: &str, labels: Value) -> Value {
        self.ok(
            "PutSecretValue",
            json!({"SecretId": "s", "ClientRequestToken": version, "SecretString": value, "VersionStages": labels}),
        )
    }

    pub(crate) fn describe(&mut self) -> Value {
        self.ok("DescribeSecret", json!({"SecretId": "s"}))
    }

    pub(crate) fn arn(&mut self) -> String {
        self.describe()["ARN"].as_str().unwrap().to_owned()
    }

    /// Who has which labels, as `version: LABEL LABEL`, in the order of versions; the number stands for the version.
    pub(crate) fn labels(&mut self) -> String {
        let described = self.describe();
        let empty = serde_json::Map::new();
        let stages = described["VersionIdsToStages"]
            .as_object()
            .unwrap_or(&empty);
        let one = |(id, labels): (&String, &Value)| {
            let labels: Vec<&str> = labels
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it.as_str().unwrap())
                .collect();
            format!("{}: {}", &id[8..9], labels.join(" "))
        };
        stages.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// Carries out every deletion that is due.
    pub(crate) fn purge(&mut self) {
        self.carry_out_due::<PurgeDue>();
    }

    /// Carries out all that is due of a kind.
    pub(crate) fn carry_out_due<T: Due>(&mut self) {
        let (start, end) = due::range::<T>(self.now);
        let due: Vec<(Vec<u8>, Vec<u8>)> = self
            .records
            .entries
            .range(start..end)
            .map(|(key, (value, _))| (key.clone(), value.clone()))
            .collect();
        for (key, value) in due {
            let row = T::decode(&value).unwrap();
            let records = Records::of(&self.records);
            let row = Arc::clone(T::unwrap(&row).unwrap());
            let changes = row
                .carry_out(Key::from_bytes(key), &records, &self.means())
                .unwrap();
            drop(records);
            self.apply(changes);
        }
    }

    fn apply(&mut self, changes: Changes) {
        self.events.extend(changes.events.iter().cloned());
        self.label_updates
            .extend(changes.label_updates.iter().cloned());
        self.records.apply(changes);
    }

    /// The step of `s`'s rotation that is due; `None`: none is.
    pub(crate) fn take_step(&mut self) -> Option<Box<Work>> {
        let start = Key::rotation_steps().into_bytes();
        let end = Key::rotation_steps_due(self.now).end();
        let due = self.records.entries.range(start..end).next();
        let (key, (value, _)) = due?;
        let (key, row) = (Key::from_bytes(key.clone()), RotationStep::decode(value));
        let row = Arc::clone(RotationStep::unwrap(&row.unwrap()).unwrap());
        let turn = self.decide(|records, means| job::take(&row, &key, records, means, WORKER));
        self.turned(turn)
    }

    /// Hands in what became of a step; the next step, where there is one.
    pub(crate) fn settle_step(&mut self, work: &Work, ran: Ran, log: &str) -> Option<Box<Work>> {
        let outcome = Outcome {
            ran,
            log: SecretBytes::copy_of(log.as_bytes()),
            took: Duration::from_millis(7),
        };
        let turn =
            self.decide(|records, means| job::settle(work, &outcome, records, means, WORKER));
        self.turned(turn)
    }

    /// Carries a step of a built-in function out, of which nothing is to be asked elsewhere.
    pub(crate) fn carry_out_step(
        &mut self,
        work: &Work,
        answer: Option<job::Answer>,
    ) -> Result<Option<Box<Work>>, built_in::Call> {
        let advance = self
            .decide(|records, means| job::carry_out(work, answer.as_ref(), records, means, WORKER));
        match advance {
            Advance::Call(call) => Err(call),
            Advance::Turn(turn) => Ok(self.turned(turn)),
        }
    }

    /// The rotation of `s` that is under way.
    pub(crate) fn rotation_job(&self) -> Option<Arc<RotationJob>> {
        let region = &self.caller.region;
        self.read(Key::rotation_job(&self.caller.account, region, "s"))
    }

    /// Decides for a rotation. What the service tells of it becomes the trail.
    fn decide<T>(&mut self, rule: impl FnOnce(&Records<'_>, &Means<'_>) -> Result<T, Stop>) -> T {
        let records = Records::of(&self.records);
        let decided = rule(&records, &self.means()).unwrap();
        let calls = records.take_told().calls;
        drop(records);
        self.trail = self.told_by_service(&calls);
        decided
    }

    /// The events of calls that the service makes by itself for the account.
    pub(crate) fn told_by_service(&self, calls: &[ServiceCall]) -> Vec<Trailed> {
        let call = Call::of_service(&self.caller.account, &self.caller.region, self.now);
        let mut count = 0_u8;
        let mut fresh = || {
            count += 1;
            [count; 16]
        };
        let events = service_calls(&call, calls, &mut fresh);
        events.into_iter().map(Trailed::of).collect()
    }

    fn turned(&mut self, turn: Turn) -> Option<Box<Work>> {
        let (changes, work) = match turn {
            Turn::Rest(changes) => (changes, None),
            Turn::Run(changes, work) => (changes, Some(work)),
        };
        self.apply(changes);
        work
    }

    /// What a rotation does first: a version of `s` that awaits its value, labelled AWSPENDING.
    pub(crate) fn await_value(&mut self, version: &str) {
        let region = &self.caller.region;
        let key = Key::secret(&self.caller.account, region, "s");
        let records = Records::of(&self.records);
        let secret = records.read::<Secret>(key.clone()).unwrap().unwrap();
        drop(records);
        let mut secret = Arc::unwrap_or_clone(secret);
        secret.versions.push(Version {
            id: version.to_owned(),
            created: self.now,
            accessed: None,
            kms_key_id: None,
            customer_key: None,
            kind: ValueKind::Awaited,
        });
        let pending = [AWSPENDING.to_owned()];
        secret.labels.attach_all(&pending, version).unwrap();
        let mut changes = Changes::none();
        changes.put(key, &secret).unwrap();
        self.records.apply(changes);
    }

    /// Why someone may do something, as an operator asks.
    ///
    /// # Errors
    /// The question is about nothing, or nobody.
    pub(crate) fn explain(
        &self,
        principal: &str,
        action: &str,
        resource: &str,
        supposed: &[(&str, &str)],
    ) -> Result<Vec<Explanation>, String> {
        let supposed = supposed.iter();
        let supposed = supposed.map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()]));
        let question = Question {
            action: action.to_owned(),
            resource: resource.to_owned(),
            account: None,
            region: Some(self.caller.region.clone()),
            supposed: supposed.collect(),
        };
        let records = Records::of(&self.records);
        access::explain(principal, &question, &records, &self.means())
            .map_err(|problem| problem.to_string())
    }

    /// Who may do something, as an operator asks.
    pub(crate) fn who_can(&self, action: &str, resource: &str, account: &str) -> WhoCan {
        let question = Question {
            action: action.to_owned(),
            resource: resource.to_owned(),
            account: Some(AccountId::parse(account).unwrap()),
            region: Some(Region::parse(REGION).unwrap()),
            supposed: Vec::new(),
        };
        let records = Records::of(&self.records);
        who_can::who_can(&question, &records, &self.means()).unwrap()
    }

    /// Makes changes as an operator does.
    ///
    /// # Errors
    /// What keeps them from being made.
    pub(crate) fn change<T>(
        &mut self,
        decide: impl FnOnce(&Records<'_>) -> Result<(Changes, T), AccountProblem>,
    ) -> Result<T, AccountProblem> {
        let records = Records::of(&self.records);
        let (changes, told) = decide(&records)?;
        drop(records);
        self.records.apply(changes);
        Ok(told)
    }

    /// Makes an account.
    pub(crate) fn make_account(&mut self, account: &str) {
        let account = AccountId::parse(account).unwrap();
        let credentials = accounts::fresh_credentials(&account, &self.entropy);
        let records = Records::of(&self.records);
        let (keyring, entropy) = (&self.keyring, &self.entropy);
        let changes = accounts::create(&credentials, &records, self.now, keyring, entropy);
        drop(records);
        self.records.apply(changes.unwrap());
    }

    /// How many records of a kind there are.
    pub(crate) fn count(&self, kind: &str) -> usize {
        let kind = format!("{kind}\0");
        let keys = self.records.entries.keys();
        keys.filter(|key| key.starts_with(kind.as_bytes())).count()
    }
}

impl Sender {
    fn origin(&self) -> Origin<'_> {
        Origin {
            address: self
                .address
                .as_ref()
                .map(|address| address as &(dyn Display + Sync)),
            secure: self.secure,
            user_agent: self.user_agent.as_deref(),
            referer: None,
        }
    }
}

/// An event of CloudTrail's.
#[derive(Debug)]
pub(crate) struct Trailed {
    /// The account whose trail tells of it.
    pub(crate) account: String,
    /// What it says.
    pub(crate) said: Value,
    /// The same as it is written.
    pub(crate) json: String,
}

impl Trailed {
    fn of(event: Event<'_>) -> Self {
        let json = String::from_utf8(event.json).unwrap();
        let said: Value = serde_json::from_str(&json).unwrap();
        // A member that is there twice would be there once in what was read.
        assert_eq!(said.to_string().len(), json.len(), "{json}");
        assert_eq!(said["eventID"], event.id.as_str());
        assert_eq!(said["awsRegion"], event.region);
        let account = event.account.map_or("", AccountId::as_str).to_owned();
        Trailed {
            account,
            said,
            json,
        }
    }
}

/// What CloudTrail says of a call.
fn trail(
    source: &str,
    entry: &Entry,
    given: &Given<'_>,
    ran: &Result<Written, Stop>,
    told: &Told,
) -> Vec<Trailed> {
    let refusal = match ran {
        Err(Stop::Refused(refusal)) => Some(refusal),
        Err(Stop::Unavailable(_)) => None,
        Ok(written) => written.refusal.as_ref(),
    };
    let data = ran
        .as_ref()
        .ok()
        .and_then(|written| written.additional_event_data.as_ref());
    let call = Call {
        source,
        operation: entry.name,
        read_only: entry.read_only,
        who: Who::Caller(given.caller),
        access_key_id: Some("AKIAEXAMPLE"),
        origin: given.origin,
        host: None,
        tls: None,
        request_id: &"a-request",
        now: given.now,
        error: refusal.map(|refusal| (refusal.code, refusal.message.as_deref())),
        additional_event_data: data,
    };
    let mut count = 0_u8;
    let mut fresh = || {
        count += 1;
        [count; 16]
    };
    let events = events(&call, told, &mut fresh);
    events.into_iter().map(Trailed::of).collect()
}

/// Which service has these operations.
fn source_of(entries: &[Entry]) -> &'static str {
    let services = [
        (secretsmanager::OPERATIONS, name::SECRETS_MANAGER),
        (kms::OPERATIONS, name::KMS),
        (iam::OPERATIONS, name::IAM),
        (sts::OPERATIONS, name::STS),
        (lambda::OPERATIONS, name::LAMBDA),
        (cloudtrail::OPERATIONS, name::CLOUDTRAIL),
    ];
    let found = services
        .iter()
        .find(|(all, _)| all[0].name == entries[0].name);
    found.expect("a service's table").1
}

impl Memory {
    fn apply(&mut self, changes: Changes) {
        self.revision += 1;
        for change in changes.ahead.into_iter().chain(changes.writes) {
            match change {
                Change::Put(key, value) => drop(
                    self.entries
                        .insert(key.into_bytes(), (value, self.revision)),
                ),
                Change::Delete(key) => drop(self.entries.remove(key.as_bytes())),
            }
        }
    }
}

impl Source for Memory {
    fn get(&self, key: &[u8], decode: Decode) -> Result<Option<Found>, Stop> {
        Ok(self.entries.get(key).map(|(value, modified)| Found {
            record: decode(key, value).unwrap(),
            modified: *modified,
        }))
    }

    fn scan(
        &self,
        start: &[u8],
        end: &[u8],
        reverse: bool,
        visit: &mut Visit<'_>,
    ) -> Result<(), Stop> {
        if start >= end {
            return Ok(());
        }
        let range = (Bound::Included(start), Bound::Excluded(end));
        let mut found: Vec<_> = self.entries.range::<[u8], _>(range).collect();
        if reverse {
            found.reverse();
        }
        for (key, (value, _)) in found {
            if let ControlFlow::Break(result) = visit(key, value) {
                return result;
            }
        }
        Ok(())
    }

    fn secrets_count(&self, account: &AccountId, region: &Region) -> Result<u64, Stop> {
        let prefix = Key::secrets(account, region);
        let keys = self.entries.keys();
        Ok(keys
            .filter(|key| key.starts_with(prefix.as_bytes()))
            .count() as u64)
    }
}

pub(crate) fn caller(account: &str, region: &str) -> Caller {
    Caller {
        account: AccountId::parse(account).unwrap(),
        region: Region::parse(region).unwrap(),
        principal: Principal::Root,
        session: None,
    }
}

/// A response's members, in alphabetical order.
pub(crate) fn members(answer: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = answer
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names
}

/// How an instant stands in a response.
pub(crate) fn seconds(instant: Timestamp) -> Value {
    json!(instant.milliseconds() as f64 / 1000.0)
}
