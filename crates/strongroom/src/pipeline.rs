//! The path of a request, top to bottom: target, signature, decision, commit, answer.
//!
//! Nothing here is a rule of AWS's: those are in `strongroom-services`, which says what an operation
//! decides, and `strongroom-wire`, which says how it is framed.

use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Weak;
use std::time::Instant;

use http::header::{HOST, REFERER, USER_AGENT};
use http::request::Parts;
use http::{HeaderName, StatusCode};
use strongroom_keys::{Entropy, Keyring};
use strongroom_services::caller::{AccountId, Caller, Region};
use strongroom_services::cloudtrail::buckets::Buckets;
use strongroom_services::cloudtrail::event::{self, Call, Tls, Who};
use strongroom_services::cloudtrail::history::History;
use strongroom_services::cloudtrail::lookup_events::LookupEvents;
use strongroom_services::cloudtrail::name;
use strongroom_services::cloudtrail::told::Told;
use strongroom_services::lambda::elsewhere::Elsewhere;
use strongroom_services::lambda::invoke::Invoke;
use strongroom_services::last_use::Use;
use strongroom_services::operation::{Entry, Given, Operation, Written};
use strongroom_services::origin::Origin;
use strongroom_services::records::{Change, Changes, Records, Seen};
use strongroom_services::refusal::{MessageMember, Refusal, Stop};
use strongroom_services::sts::assume_role_with_web_identity::presented;
use strongroom_services::sts::web_identity::{self, Distrust};
use strongroom_services::time::Timestamp;
use strongroom_services::{cloudtrail, iam, kms, lambda, secretsmanager, sts};
use strongroom_store::{Commit, CommitError, Condition, Fault, FaultKind, Revision, Store, Write};
use strongroom_wire::error_body::ErrorBody;
use strongroom_wire::request_id::RequestId;
use strongroom_wire::sigv4::{self, AuthError};
use strongroom_wire::target::{Service, Target};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Mutex;

use crate::audit::{Logged, NotCommitted, Recorder, entries};
use crate::cache::CachedRecords;
use crate::clock::Clock;
use crate::denials::Denials;
use crate::edge::{Received, Reply, fresh_id};
use crate::functions;
use crate::identity::{Identified, Identities, Unidentified};
use crate::node::Node;
use crate::oidc::{Issuers, Token};
use crate::rotation::{Progress, RotationWorker};
use crate::throttle::Throttle;
use crate::uses::UseWorker;

/// Times that a decision is made anew because someone else changed what it was based on.
const ATTEMPTS_MAX: usize = 200;
/// The region of a request that says none.
const NO_REGION: &str = "us-east-1";
/// The source of a call that names no service.
const NO_SERVICE: &str = "unknown";
/// Queues for decisions that lost a race, by the record that they lost it over.
const QUEUES: usize = 64;

/// What the path of a request needs.
pub struct Pipeline<'a> {
    /// The records.
    pub records: &'a CachedRecords,
    /// Where changes go.
    pub store: &'a dyn Store,
    /// The keys in memory.
    pub keyring: &'a Keyring,
    /// Where random bytes come from.
    pub entropy: &'a dyn Entropy,
    /// What time it is.
    pub clock: &'a Clock,
    /// Who may sign.
    pub identities: &'a Identities,
    /// Whose tokens are taken in place of a signature.
    pub issuers: &'a Issuers,
    /// Where those wait who lost a race.
    pub queues: &'a Queues,
    /// What writes down what was used.
    pub uses: &'a UseWorker,
    /// How often accounts may ask, where that is limited.
    pub throttle: Option<&'a Throttle>,
    /// The only partition whose regions are served; `None`: all are.
    pub partition: Option<&'a str>,
    /// Which functions are answered by servers outside.
    pub elsewhere: &'a Elsewhere,
    /// Which buckets trails may deliver to.
    pub buckets: &'a Buckets,
    /// What happened; absent where it isn't recorded.
    pub history: Option<&'a dyn History>,
    /// What carries rotations out.
    pub rotations: &'a RotationWorker,
    /// The node itself, for what goes on behind an answer.
    pub node: &'a Weak<Node>,
    /// Where it is kept why requests were denied.
    pub denials: &'a Denials,
    /// What records events.
    pub recorder: &'a Recorder,
}

/// Who asks for an operation, and how.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Under which id.
    pub request_id: RequestId,
    /// Which service.
    pub service: Service,
    /// Who.
    pub caller: &'a Caller,
    /// By which access key, where it is one's own or a session's.
    pub access_key_id: Option<&'a str>,
    /// Where from.
    pub origin: Origin<'a>,
    /// By which name of the server.
    pub host: Option<&'a str>,
    /// How the connection was encrypted, where it was.
    pub tls: Option<Tls<'a>>,
}

/// What became of an operation.
pub struct Executed {
    /// The response, or why there is none.
    pub result: Result<Vec<u8>, Failure>,
    /// What is to be said of it in its events.
    told: Told,
    /// Whether its events were committed with its changes.
    is_recorded: bool,
}

/// What became of a request.
struct Answered {
    result: Result<Reply, Failure>,
    told: Told,
    is_recorded: bool,
}

impl Answered {
    /// Refused before anything was read.
    fn refused(failure: Failure) -> Self {
        Answered {
            result: Err(failure),
            told: Told::default(),
            is_recorded: false,
        }
    }
}

/// Who a request says that it is from, where that isn't certain.
#[derive(Default)]
struct Claimed {
    access_key_id: Option<String>,
    /// Whose key that is, where there is such a key.
    account: Option<AccountId>,
    region: Option<Region>,
}

/// Why a request was not answered as it asked.
pub enum Failure {
    /// The signature is not right.
    Unauthenticated(AuthError),
    /// It asks for nothing that there is, or in no way that can be read.
    Unreadable(ErrorBody),
    /// The operation was refused.
    Refused(Refusal),
    /// A token isn't its provider's.
    Distrusted(Distrust),
    /// Something broke, before anything was changed or without need to change anything.
    Broken(String),
    /// The changes could not be stored.
    NotStored(Fault),
    /// Its events can't be recorded, so it doesn't happen, or isn't answered.
    NotAudited(strongroom_audit::Fault),
    /// Others changed the same record all the time.
    Contended,
}

impl Pipeline<'_> {
    /// Answers a request. `operation` in the outcome is one that exists, for metrics.
    ///
    /// Every request comes to the one exit, where its events are recorded unless they were committed with its changes.
    pub async fn answer(&self, received: &Received) -> (Option<&'static str>, Reply) {
        let request_id = &received.request_id;
        let target = match Target::read(&received.parts, &received.body) {
            Ok(target) => target,
            Err(error) => {
                let message = error.to_string();
                let why = Some((&*error.code(), Some(message.as_str())));
                let address = address_of(received);
                let claimed = self.claimed(&received.parts);
                let service = error.service();
                let call = claimed.call((service, "", false), received, &address, self.clock.now());
                let events = self.events(call, why, &Told::default());
                let reply = match self.record(events).await {
                    Ok(()) => error.render(request_id).into(),
                    Err(failure) => {
                        failure.reply(service.unwrap_or(Service::SecretsManager), request_id)
                    }
                };
                return (None, reply);
            }
        };
        let service = target.service();
        let entry = find(service, target.operation());
        let identified = match entry.is_some_and(|entry| entry.unsigned) {
            true => self
                .identify_bearer(&target, received)
                .await
                .map(|caller| (caller, None)),
            false => {
                let identified = self.identify(&target, received);
                identified.map(|(caller, access_key_id)| (caller, Some(access_key_id)))
            }
        };
        let address = address_of(received);
        let known;
        let (answered, asked_by) = match identified {
            Err(failure) => {
                self.hold_back(&failure, received).await;
                (Answered::refused(failure), None)
            }
            Ok(identity) => {
                known = identity;
                let (caller, access_key_id) = &known;
                let key = access_key_id.as_deref();
                let asked = asked(caller, key, &target, received, &address);
                // Identities have no region: in another partition their ARNs would be others, and a policy that denies
                // something by its ARN would no longer speak of it.
                let answered = match self.is_served(caller) {
                    true => self.carry_out(&target, entry, received, asked).await,
                    false => Answered::refused(Failure::Unauthenticated(AuthError::InvalidRegion)),
                };
                (answered, Some(asked))
            }
        };
        let mut result = answered
            .result
            .map_err(|failure| failure.error_body(service, request_id));
        if !answered.is_recorded && self.recorder.is_on() {
            let error = result.as_ref().err();
            let error = error.map(|body| (&*body.code, body.message.as_deref()));
            let claimed;
            let call = match &asked_by {
                Some(asked) => asked.call(target.operation(), entry, self.clock.now()),
                None => {
                    claimed = self.claimed(&received.parts);
                    let read_only = entry.is_some_and(|entry| entry.read_only);
                    let what = (Some(service), target.operation(), read_only);
                    claimed.call(what, received, &address, self.clock.now())
                }
            };
            let events = self.events(call, error, &answered.told);
            // What isn't needed any more isn't kept while it waits for the disk.
            drop(answered.told);
            if let Err(failure) = self.record(events).await {
                result = Err(failure.error_body(service, request_id));
            }
        }
        let reply =
            result.unwrap_or_else(|error| error.render(service.protocol(), request_id).into());
        (entry.map(|entry| entry.name), reply)
    }

    /// Who a request says that it is from.
    fn claimed(&self, parts: &Parts) -> Claimed {
        let Ok(signed) = sigv4::read(parts) else {
            return Claimed::default();
        };
        let access_key_id = signed.access_key_id();
        let identities = self.identities;
        Claimed {
            account: identities.account_of(access_key_id, self.records, self.keyring),
            access_key_id: Some(access_key_id.to_owned()),
            region: Region::parse(signed.region()).ok(),
        }
    }

    /// A call's events.
    fn events(
        &self,
        call: Call<'_>,
        error: Option<(&str, Option<&str>)>,
        told: &Told,
    ) -> Vec<Logged> {
        if !self.recorder.is_on() {
            return Vec::new();
        }
        let call = Call { error, ..call };
        entries(event::events(&call, told, &mut fresh_id))
    }

    /// Records events; returns once they are durable.
    async fn record(&self, events: Vec<Logged>) -> Result<(), Failure> {
        let recorded = self.recorder.record(events).await;
        recorded.map_err(Failure::NotAudited)
    }

    fn is_served(&self, caller: &Caller) -> bool {
        self.partition
            .is_none_or(|partition| caller.region.partition() == partition)
    }

    /// Lets the answer to another guess at credentials wait.
    async fn hold_back(&self, failure: &Failure, received: &Received) {
        let is_guess = match failure {
            Failure::Unauthenticated(error) => error.is_guess(),
            Failure::Distrusted(distrust) => *distrust == Distrust::Forged,
            _ => false,
        };
        if is_guess && let Some(peer) = received.peer {
            let delay = self.identities.guesses().note(peer.ip(), Instant::now());
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
        }
    }

    async fn carry_out(
        &self,
        target: &Target<'_>,
        entry: Option<&Entry>,
        received: &Received,
        asked: Asked<'_>,
    ) -> Answered {
        let Some(entry) = entry else {
            return Answered::refused(match absent(target.service(), target.operation()) {
                Some(refusal) => Failure::Refused(refusal),
                None => Failure::Unreadable(target.unknown_operation()),
            });
        };
        let request = match target.request(&received.body) {
            Ok(request) => request,
            Err(error) => return Answered::refused(Failure::Unreadable(error)),
        };
        if !self.admits(asked.caller, target, entry, &request) {
            let told = (entry.tell)(&request);
            let refused = Answered::refused(Failure::Refused(match target.service() {
                Service::Kms => kms::throttled(),
                Service::Lambda => lambda::throttled(),
                _ => Refusal::throttled(),
            }));
            return Answered { told, ..refused };
        }
        // Whoever looks up what happened finds what they did a moment ago, whose events may be on their way.
        if entry.name == LookupEvents::NAME
            && let Err(fault) = self.recorder.settle().await
        {
            return Answered::refused(Failure::NotAudited(fault));
        }
        let Executed {
            result,
            told,
            mut is_recorded,
        } = self.execute(entry, &request, asked).await;
        let is_invocation = target.service() == Service::Lambda && entry.name == Invoke::NAME;
        let result = match result {
            Err(failure) => Err(failure),
            Ok(response) if is_invocation => {
                // A function has effects: that it was asked for is recorded before.
                let call = asked.call(entry.name, Some(entry), self.clock.now());
                let events = self.events(call, None, &told);
                match self.record(events).await {
                    Err(failure) => Err(failure),
                    Ok(()) => {
                        is_recorded = true;
                        self.invoke(&response, received).await
                    }
                }
            }
            Ok(response) => target
                .answer(response, &received.request_id)
                .map(Reply::from)
                .map_err(|cause| Failure::Broken(cause.to_string())),
        };
        Answered {
            result,
            told,
            is_recorded,
        }
    }

    /// Has a function run for a caller who may ask for that.
    async fn invoke(&self, decided: &[u8], received: &Received) -> Result<Reply, Failure> {
        let broken = |cause: String| Failure::Broken(cause);
        let invocable = serde_json::from_slice(decided);
        let invocable = invocable.map_err(|error| broken(error.to_string()))?;
        let node = self.node.upgrade();
        let node = node.ok_or_else(|| broken("the server is ending".to_owned()))?;
        let answered = functions::api::answer(&node, invocable, &received.body).await;
        answered.map_err(Failure::Refused)
    }

    /// Carries out an operation for a caller who is known to be who they say. What is changed is committed with its
    /// events.
    pub async fn execute(&self, entry: &Entry, body: &[u8], asked: Asked<'_>) -> Executed {
        let mut queue = None;
        let unrecorded = |result, told| Executed {
            result,
            told,
            is_recorded: false,
        };
        for _ in 0..ATTEMPTS_MAX {
            let (decided, told, seen) = self.decide(entry, body, asked);
            let Written {
                body: answer,
                mut changes,
                refusal,
                additional_event_data,
            } = match decided {
                Ok(written) => written,
                Err(Stop::Refused(refusal)) => {
                    return unrecorded(Err(Failure::Refused(refusal)), told);
                }
                Err(Stop::Unavailable(_)) if self.any_changed(&seen) => continue,
                Err(Stop::Unavailable(cause)) => {
                    return unrecorded(Err(Failure::Broken(cause.to_string())), told);
                }
            };
            let uses = std::mem::take(&mut changes.uses);
            if let Err(failure) = self.write_ahead(std::mem::take(&mut changes.ahead)).await {
                return unrecorded(Err(failure), told);
            }
            let answer = refusal.map_or(Ok(answer), |refusal| Err(Failure::Refused(refusal)));
            if changes.writes.is_empty() {
                self.note(uses).await;
                return unrecorded(answer, told);
            }
            let events = self.events_of(
                entry,
                &asked,
                &answer,
                additional_event_data.as_ref(),
                &told,
            );
            let begins_step = RotationWorker::has_work_in(&changes);
            let progress = Progress::in_changes(&changes);
            let committed = self
                .recorder
                .commit_changes(self.store, seen, changes, events, self.clock.now())
                .await;
            match committed {
                Ok(()) => {
                    if begins_step {
                        self.rotations.wake();
                    }
                    self.rotations.followed().note(progress);
                    self.note(uses).await;
                    if let Some(data) = additional_event_data {
                        let account = &asked.caller.account;
                        tracing::warn!(operation = entry.name, %account, %data);
                    }
                    return Executed {
                        result: answer,
                        told,
                        is_recorded: true,
                    };
                }
                Err(NotCommitted::Store(CommitError::Conflict { key })) => {
                    // One loser at a time tries again, so that many writers of one record don't
                    // make each other lose for ever. The earlier place is given up first.
                    drop(queue.take());
                    queue = Some(self.queues.of(&key).lock().await);
                }
                Err(error) => return unrecorded(Err(error.into()), told),
            }
        }
        unrecorded(Err(Failure::Contended), Told::default())
    }

    /// The same, recorded in any case.
    pub async fn execute_recorded(
        &self,
        entry: &Entry,
        body: &[u8],
        asked: Asked<'_>,
    ) -> Result<Vec<u8>, Failure> {
        let executed = self.execute(entry, body, asked).await;
        if !executed.is_recorded {
            let events = self.events_of(entry, &asked, &executed.result, None, &executed.told);
            self.record(events).await?;
        }
        executed.result
    }

    /// The events that go with an operation's changes.
    fn events_of(
        &self,
        entry: &Entry,
        asked: &Asked<'_>,
        answer: &Result<Vec<u8>, Failure>,
        additional_event_data: Option<&serde_json::Value>,
        told: &Told,
    ) -> Vec<Logged> {
        let error = match answer {
            Err(Failure::Refused(refusal)) => Some((refusal.code, refusal.message.as_deref())),
            _ => None,
        };
        let call = Call {
            additional_event_data,
            ..asked.call(entry.name, Some(entry), self.clock.now())
        };
        self.events(call, error, told)
    }

    /// Writes what is too large for one commit, as much as fits into each.
    async fn write_ahead(&self, ahead: Vec<Change>) -> Result<(), Failure> {
        let mut writes: Vec<Write> = Vec::new();
        let mut commits = Vec::new();
        for write in ahead.into_iter().map(write) {
            writes.push(write);
            let whole = Commit {
                conditions: Vec::new(),
                writes: std::mem::take(&mut writes),
            };
            writes = match whole.check() {
                Ok(()) => whole.writes,
                Err(_) => {
                    let mut earlier = whole.writes;
                    let last = earlier.pop();
                    commits.push(earlier);
                    last.into_iter().collect()
                }
            };
        }
        commits.push(writes);
        for writes in commits.into_iter().filter(|writes| !writes.is_empty()) {
            let commit = Commit {
                conditions: Vec::new(),
                writes,
            };
            match self.store.commit(commit).await {
                Ok(_) => {}
                Err(CommitError::Fault(fault)) => return Err(Failure::NotStored(fault)),
                Err(error) => return Err(Failure::Broken(error.to_string())),
            }
        }
        Ok(())
    }

    /// Notes what was used. Where too much is noted already, this request writes some down first; where that fails, an
    /// access date may get lost, and no answer fails for it.
    async fn note(&self, uses: Vec<Use>) {
        for used in uses {
            if !self.records.note(used.clone()) {
                let now = self.clock.now();
                self.uses.run(self.records, self.store, now).await;
                self.records.note(used);
            }
        }
    }

    fn decide(
        &self,
        entry: &Entry,
        body: &[u8],
        asked: Asked<'_>,
    ) -> (Result<Written, Stop>, Told, Vec<Seen>) {
        let records = Records::of(self.records);
        let given = Given {
            caller: asked.caller,
            origin: asked.origin,
            now: self.clock.now(),
            entropy: self.entropy,
            keyring: self.keyring,
            elsewhere: self.elsewhere,
            buckets: self.buckets,
            history: self.history,
        };
        let run = || (entry.run)(body, &records, &given);
        let decided = if entry.walks && may_block() {
            tokio::task::block_in_place(run)
        } else {
            run()
        };
        let denied = records.take_refused();
        if !denied.is_empty() {
            self.denials.keep(asked.request_id, given.now, denied);
        }
        (decided, records.take_told(), records.into_seen())
    }

    fn admits(&self, caller: &Caller, target: &Target<'_>, entry: &Entry, request: &[u8]) -> bool {
        let service = target.service();
        self.throttle.is_none_or(|throttle| {
            throttle.admits(caller, service, entry.name, request, self.records)
        })
    }

    /// Who signed, and by which access key.
    fn identify(
        &self,
        target: &Target<'_>,
        received: &Received,
    ) -> Result<(Caller, String), Failure> {
        let identified = self
            .identities
            .identify(
                &received.parts,
                &received.body,
                target,
                (self.clock.real_seconds(), self.clock.now()),
                self.records,
                self.keyring,
            )
            .map_err(|unidentified| match unidentified {
                Unidentified::Refused(error) => Failure::Unauthenticated(error),
                Unidentified::Unavailable(Stop::Unavailable(cause)) => {
                    Failure::Broken(cause.to_string())
                }
                Unidentified::Unavailable(Stop::Refused(refusal)) => Failure::Refused(refusal),
            });
        let Identified {
            caller,
            access_key_id,
            used,
        } = identified?;
        if let Some(used) = used {
            // Where there is no room, the next use of it is as good to know.
            self.records.note(used);
        }
        Ok((caller, access_key_id))
    }

    /// Who bears the token of a request that nobody signed.
    async fn identify_bearer(
        &self,
        target: &Target<'_>,
        received: &Received,
    ) -> Result<Caller, Failure> {
        let stopped = |stop| match stop {
            Stop::Refused(refusal) => Failure::Refused(refusal),
            Stop::Unavailable(cause) => Failure::Broken(cause.to_string()),
        };
        let request = target.request(&received.body);
        let request = request.map_err(Failure::Unreadable)?;
        let presented = presented(&request).map_err(Failure::Refused)?;
        let token = Token::read(presented.token.expose())
            .ok_or(Failure::Distrusted(Distrust::NotAToken))?;
        // What it says is looked at first: nobody's keys are fetched for a token that wouldn't be taken anyway.
        let now = self.clock.real_seconds();
        let (caller, issuer) = {
            let records = Records::of(self.records);
            web_identity::accept(token.claims(), &presented.role, now, &records)
        }
        .map_err(stopped)?;
        let signed = self.issuers.check(&issuer, &token, Instant::now()).await;
        signed.map_err(Failure::Distrusted)?;
        Ok(caller)
    }

    /// Whether a decision may have failed only because records changed between its reads.
    fn any_changed(&self, seen: &[Seen]) -> bool {
        let Ok(snapshot) = self.store.snapshot() else {
            return false;
        };
        seen.iter()
            .any(|seen| match snapshot.get(seen.key.as_bytes()) {
                Ok(entry) => entry.map_or(0, |entry| entry.modified.0) != seen.modified,
                Err(_) => false,
            })
    }
}

impl<'a> Asked<'a> {
    /// The call, as its events tell of it.
    fn call<'c>(&'c self, operation: &'c str, entry: Option<&Entry>, now: Timestamp) -> Call<'c> {
        Call {
            source: source(Some(self.service)),
            operation,
            read_only: entry.is_some_and(|entry| entry.read_only),
            who: Who::Caller(self.caller),
            access_key_id: self.access_key_id,
            origin: self.origin,
            host: self.host,
            tls: self.tls,
            request_id: &self.request_id,
            now,
            error: None,
            additional_event_data: None,
        }
    }
}

impl Claimed {
    /// A call of whom nobody could make sure.
    fn call<'c>(
        &'c self,
        (service, operation, read_only): (Option<Service>, &'c str, bool),
        received: &'c Received,
        address: &'c Option<IpAddr>,
        now: Timestamp,
    ) -> Call<'c> {
        Call {
            source: source(service),
            operation,
            read_only,
            who: Who::Unknown {
                account: self.account.as_ref(),
                region: self.region.as_ref().map_or(NO_REGION, Region::as_str),
            },
            access_key_id: self.access_key_id.as_deref(),
            origin: origin(received, address),
            host: host(received),
            tls: tls(received),
            request_id: &received.request_id,
            now,
            error: None,
            additional_event_data: None,
        }
    }
}

/// The name of a service in events.
fn source(service: Option<Service>) -> &'static str {
    match service {
        Some(Service::CloudTrail) => name::CLOUDTRAIL,
        Some(Service::Iam) => name::IAM,
        Some(Service::Kms) => name::KMS,
        Some(Service::Lambda) => name::LAMBDA,
        Some(Service::SecretsManager) => name::SECRETS_MANAGER,
        Some(Service::Sts) => name::STS,
        None => NO_SERVICE,
    }
}

fn asked<'a>(
    caller: &'a Caller,
    access_key_id: Option<&'a str>,
    target: &Target<'_>,
    received: &'a Received,
    address: &'a Option<IpAddr>,
) -> Asked<'a> {
    Asked {
        request_id: received.request_id,
        service: target.service(),
        caller,
        access_key_id,
        origin: origin(received, address),
        host: host(received),
        tls: tls(received),
    }
}

fn tls(received: &Received) -> Option<Tls<'static>> {
    received.tls.map(|tls| Tls {
        version: tls.version,
        cipher_suite: tls.cipher_suite,
    })
}

/// The name of the server that the client gave: in HTTP/2 it is in the target.
fn host(received: &Received) -> Option<&str> {
    let authority = || Some(received.parts.uri.authority()?.as_str());
    header(&received.parts, HOST).or_else(authority)
}

fn origin<'a>(received: &'a Received, address: &'a Option<IpAddr>) -> Origin<'a> {
    Origin {
        address: address
            .as_ref()
            .map(|address| address as &(dyn Display + Sync)),
        secure: received.secure,
        user_agent: header(&received.parts, USER_AGENT),
        referer: header(&received.parts, REFERER),
    }
}

fn address_of(received: &Received) -> Option<IpAddr> {
    received.peer.map(|peer| peer.ip().to_canonical())
}

fn header(parts: &Parts, name: HeaderName) -> Option<&str> {
    parts.headers.get(name)?.to_str().ok()
}

/// Turns a decision's changes into a commit that holds only while what it read is unchanged.
pub fn commit(seen: Vec<Seen>, changes: Changes) -> Commit {
    let conditions = seen
        .into_iter()
        .map(|seen| Condition {
            key: seen.key.into_bytes(),
            modified: Revision(seen.modified),
        })
        .collect();
    let writes = changes.writes.into_iter().map(write).collect();
    Commit { conditions, writes }
}

fn write(change: Change) -> Write {
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

/// The names of all operations of all services.
pub fn operation_names() -> impl Iterator<Item = &'static str> {
    Service::ALL
        .iter()
        .flat_map(|service| operations(*service))
        .map(|entry| entry.name)
}

/// An operation of a service by its name.
pub fn find(service: Service, operation: &str) -> Option<&'static Entry> {
    operations(service)
        .iter()
        .find(|entry| entry.name == operation)
}

fn operations(service: Service) -> &'static [Entry] {
    match service {
        Service::CloudTrail => cloudtrail::OPERATIONS,
        Service::Iam => iam::OPERATIONS,
        Service::Kms => kms::OPERATIONS,
        Service::Lambda => lambda::OPERATIONS,
        Service::SecretsManager => secretsmanager::OPERATIONS,
        Service::Sts => sts::OPERATIONS,
    }
}

/// How an operation is refused that AWS has and this deployment has not.
fn absent(service: Service, operation: &str) -> Option<Refusal> {
    match service {
        Service::CloudTrail => cloudtrail::absent(operation),
        Service::Iam => iam::absent(operation),
        Service::Kms => kms::absent(operation),
        // Each of its operations has a path, and others than those that are here have none.
        Service::Lambda => None,
        Service::SecretsManager => secretsmanager::absent(operation),
        Service::Sts => sts::absent(operation),
    }
}

/// Only a runtime of several threads can move other work away from one that blocks.
fn may_block() -> bool {
    Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
}

impl From<NotCommitted> for Failure {
    fn from(error: NotCommitted) -> Self {
        match error {
            NotCommitted::Store(CommitError::Fault(fault)) => Failure::NotStored(fault),
            NotCommitted::Store(error) => Failure::Broken(error.to_string()),
            NotCommitted::NotAudited(fault) => Failure::NotAudited(fault),
        }
    }
}

impl Failure {
    /// What the client is told. What the operator is told goes to the log, under the request's id.
    pub fn reply(self, service: Service, request_id: &RequestId) -> Reply {
        self.error_body(service, request_id)
            .render(service.protocol(), request_id)
            .into()
    }

    fn error_body(self, service: Service, request_id: &RequestId) -> ErrorBody {
        let internal = |message: &str| internal(service, message);
        match self {
            Failure::Unauthenticated(error) => error.error_body(service.protocol()),
            Failure::Unreadable(error) => error,
            Failure::Refused(Refusal {
                code,
                message,
                member: MessageMember::Capital,
            }) => ErrorBody::modeled(code, message.unwrap_or_default()),
            Failure::Refused(Refusal {
                code,
                message,
                member: MessageMember::LowerCase,
            }) => ErrorBody::framework(code, message),
            Failure::Distrusted(distrust) => {
                Failure::Refused(distrust.into()).error_body(service, request_id)
            }
            Failure::Broken(cause) => {
                tracing::error!(%request_id, %cause, "a request failed");
                internal(
                    "An internal error occurred. Its cause is in the server's log under this request's id.",
                )
            }
            Failure::NotStored(fault) => {
                tracing::error!(%request_id, %fault, remedy = fault.remedy(), "a change was not stored");
                let why = match fault.kind() {
                    FaultKind::NoSpace => "the server's disk is full",
                    FaultKind::ReadOnly => "the server's disk can't be written",
                    _ => "the server's store failed",
                };
                internal(&if fault.is_before_writing() {
                    format!("The change was not made: {why}.")
                } else {
                    format!("The change may or may not have been made: {why}.")
                })
            }
            Failure::NotAudited(fault) => {
                // The worker tells it once; each request would fill what is left of the disk.
                tracing::debug!(%request_id, %fault, "a request can't be recorded");
                let why = match fault.kind() {
                    strongroom_audit::FaultKind::NoSpace => "the server's disk is full",
                    strongroom_audit::FaultKind::ReadOnly => "the server's disk can't be written",
                    _ => "the server's audit log failed",
                };
                internal(&format!(
                    "The request can't be recorded, so it isn't answered: {why}."
                ))
            }
            Failure::Contended => {
                tracing::warn!(%request_id, "gave up: the record changed all the time");
                internal(
                    "Too many requests change this resource at once. Nothing was changed; try again.",
                )
            }
        }
    }
}

/// Each service's own code for its faults.
fn internal(service: Service, message: &str) -> ErrorBody {
    let body = match service {
        Service::CloudTrail => ErrorBody::framework("InternalFailure", Some(message.to_owned())),
        Service::Iam => ErrorBody::framework("ServiceFailure", Some(message.to_owned())),
        Service::Sts => ErrorBody::framework("InternalFailure", Some(message.to_owned())),
        Service::Kms => ErrorBody::framework("KMSInternalException", Some(message.to_owned())),
        Service::Lambda => ErrorBody::modeled("ServiceException", message),
        Service::SecretsManager => ErrorBody::modeled("InternalServiceError", message),
    };
    body.with_status(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Where decisions wait that lost a race over a record.
pub struct Queues {
    queues: [Mutex<()>; QUEUES],
    hasher: RandomState,
}

impl Queues {
    /// Nobody waits.
    pub fn new() -> Self {
        Queues {
            queues: std::array::from_fn(|_| Mutex::new(())),
            hasher: RandomState::new(),
        }
    }

    fn of(&self, key: &[u8]) -> &Mutex<()> {
        let index = self.hasher.hash_one(key) % QUEUES as u64;
        &self.queues[usize::try_from(index).unwrap_or_default()]
    }
}

impl Default for Queues {
    fn default() -> Self {
        Self::new()
    }
}
