//! A rotation function as AWS's templates are, in a server of its own that speaks Lambda's Invoke, and the system whose
//! password it changes. From a seed it fails in every way.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};

use super::super::server::REGION;
use super::faults::{self, Fault, Instead, Point};
use crate::client::{Answer, Client};
use crate::random::Random;

/// That the server is to be killed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kill {
    /// So long from now.
    pub(super) after: Duration,
    /// The rotation must go on by itself once there is a server again: there will be more calls than these.
    pub(super) goes_on: Option<u64>,
}

/// The function's server and what it works on. Clones are the same one.
#[derive(Clone)]
pub(super) struct Function {
    shared: Arc<Mutex<Shared>>,
    /// Holds the port while nobody listens on it.
    port: Arc<TcpSocket>,
    is_up: watch::Sender<bool>,
    /// How often the secrets' server was started.
    starts: watch::Sender<u64>,
    kills: mpsc::UnboundedSender<Kill>,
}

struct Shared {
    random: Random,
    /// One of so many steps goes wrong.
    one_in: Option<usize>,
    /// Of the server that keeps the secret.
    server: String,
    /// The password that the system takes.
    taken: String,
    passwords: Vec<String>,
    calls: u64,
    faults: u64,
    /// Calls that do something still.
    active: usize,
    /// Calls that a server waits for, by their numbers.
    awaited: BTreeSet<u64>,
    story: Vec<String>,
}

/// What a step is told.
struct Event {
    /// Which call it is.
    call: u64,
    step: String,
    secret: String,
    token: String,
    rotation_token: String,
}

/// What a step has left to do when it has read all that it must.
enum Change {
    Nothing,
    /// Keep this password as the new one.
    Keep(String),
    /// Have the system take it.
    Take(String),
    /// Move AWSCURRENT from this version.
    Promote(String),
}

impl Function {
    /// Starts its server, which is up.
    pub(super) fn start(
        random: Random,
        one_in: usize,
        password: &str,
    ) -> (Self, mpsc::UnboundedReceiver<Kill>) {
        let port = TcpSocket::new_v4().unwrap();
        port.set_reuseport(true).unwrap();
        port.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let (kills, received) = mpsc::unbounded_channel();
        let function = Function {
            shared: Arc::new(Mutex::new(Shared {
                random,
                one_in: Some(one_in),
                server: String::new(),
                taken: password.to_owned(),
                passwords: vec![password.to_owned()],
                calls: 0,
                faults: 0,
                active: 0,
                awaited: BTreeSet::new(),
                story: Vec::new(),
            })),
            port: Arc::new(port),
            is_up: watch::Sender::new(true),
            starts: watch::Sender::new(0),
            kills,
        };
        tokio::spawn(function.clone().listen());
        (function, received)
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.port.local_addr().unwrap())
    }

    /// The secrets' server was started, and is there.
    pub(super) fn started(&self, server: &str) {
        server.clone_into(&mut self.lock().server);
        self.starts.send_modify(|starts| *starts += 1);
    }

    pub(super) fn set_up(&self, is_up: bool) {
        self.tell(format!(
            "its server is {}",
            if is_up { "up" } else { "down" }
        ));
        self.is_up.send_replace(is_up);
    }

    pub(super) fn is_up(&self) -> bool {
        *self.is_up.borrow()
    }

    /// From now on nothing goes wrong.
    pub(super) fn mend(&self) {
        self.lock().one_in = None;
        self.set_up(true);
    }

    pub(super) fn is_mended(&self) -> bool {
        self.lock().one_in.is_none()
    }

    pub(super) fn taken(&self) -> String {
        self.lock().taken.clone()
    }

    pub(super) fn passwords(&self) -> Vec<String> {
        self.lock().passwords.clone()
    }

    /// How often it was invoked.
    pub(super) fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// The last of its calls that a server waits for.
    pub(super) fn awaited(&self) -> Option<u64> {
        self.lock().awaited.last().copied()
    }

    /// How many steps went wrong.
    pub(super) fn faults(&self) -> u64 {
        self.lock().faults
    }

    /// Whether it does nothing, not even for a server that is gone.
    pub(super) fn is_idle(&self) -> bool {
        self.lock().active == 0
    }

    pub(super) fn tell(&self, what: String) {
        self.lock().story.push(what);
    }

    pub(super) fn story(&self) -> String {
        self.lock().story.join("\n")
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap()
    }

    async fn listen(self) {
        let mut is_up = self.is_up.subscribe();
        loop {
            is_up.wait_for(|is_up| *is_up).await.unwrap();
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_reuseport(true).unwrap();
            socket.bind(self.port.local_addr().unwrap()).unwrap();
            let listener = socket.listen(16).unwrap();
            loop {
                tokio::select! {
                    _ = is_up.wait_for(|is_up| !*is_up) => break,
                    accepted = listener.accept() => {
                        let (stream, _) = accepted.unwrap();
                        tokio::spawn(self.clone().serve(stream));
                    }
                }
            }
        }
    }

    async fn serve(self, mut stream: TcpStream) {
        let Some(mut event) = read_event(&mut stream).await else {
            return;
        };
        let (fault, moment) = {
            let mut shared = self.lock();
            shared.calls += 1;
            shared.active += 1;
            event.call = shared.calls;
            shared.awaited.insert(event.call);
            let one_in = shared.one_in;
            let mut fault = match one_in.is_some_and(|one_in| shared.random.one_in(one_in)) {
                true => Fault::drawn(&mut shared.random),
                false => Fault::None,
            };
            if let ("testSecret", Fault::Answers(_, Instead::Success)) = (&*event.step, fault) {
                // The protocol has nothing against a function that doesn't try what it says it tried.
                fault = Fault::None;
            }
            shared.faults += u64::from(!matches!(fault, Fault::None));
            let told = format!("{} of {}: {fault:?}", event.step, event.token);
            shared.story.push(told);
            (fault, faults::moment(&mut shared.random))
        };
        if let Some(bytes) = self.carry_out(&event, fault, moment, &mut stream).await {
            self.lock().awaited.remove(&event.call);
            // Whoever asked may be gone.
            let _ = stream.write_all(&bytes).await;
            if let Fault::KilledAfterwards = fault {
                // A step that it raised in waits for the next attempt.
                self.kill(moment, event.call, bytes == faults::success());
            }
            let _ = stream.shutdown().await;
        }
        self.lock().active -= 1;
    }

    /// A call may have outlived its server: what another was asked since has gone on.
    fn kill(&self, after: Duration, call: u64, goes_on: bool) {
        let goes_on = goes_on.then_some(call);
        let _ = self.kills.send(Kill { after, goes_on });
    }

    /// Does a step up to where it goes wrong; what is answered.
    async fn carry_out(
        &self,
        event: &Event,
        fault: Fault,
        moment: Duration,
        stream: &mut TcpStream,
    ) -> Option<Vec<u8>> {
        let mut password = String::new();
        let mut change = Change::Nothing;
        for point in [Point::Before, Point::HalfWay, Point::After] {
            let done = match point {
                Point::Before => Ok(()),
                Point::HalfWay => self
                    .look(event, &mut password)
                    .await
                    .map(|found| change = found),
                Point::After => {
                    if let Fault::KilledInRequest = fault {
                        self.kill(moment, event.call, true);
                    }
                    self.change(event, &change).await
                }
            };
            if let Err(why) = done {
                self.tell(format!("{} raises: {why}", event.step));
                if let (Fault::KilledInRequest, Point::After) = (fault, point) {
                    until_closed(stream).await;
                }
                return Some(faults::raised(&why, &password));
            }
            match fault {
                Fault::Answers(at, instead) if at == point => {
                    return Some(instead.bytes(&password));
                }
                Fault::Killed { at, outlived } if at == point => {
                    let mut starts = self.starts.subscribe();
                    let now = *starts.borrow_and_update();
                    self.kill(moment, event.call, true);
                    until_closed(stream).await;
                    self.lock().awaited.remove(&event.call);
                    if !outlived {
                        return None;
                    }
                    starts.wait_for(|starts| *starts > now).await.unwrap();
                }
                _ => {}
            }
        }
        Some(faults::success())
    }

    /// Whether it makes a version current that has no value yet, which must be refused. Where one that outlived its
    /// server could give it a value meanwhile, it mustn't try.
    fn is_rash(&self) -> bool {
        let mut shared = self.lock();
        shared.one_in.is_some() && shared.active == 1 && shared.random.one_in(4)
    }

    /// Reads all that a step must know. `password` is what it has in hand.
    async fn look(&self, event: &Event, password: &mut String) -> Result<Change, String> {
        let described = self
            .ask("DescribeSecret", json!({"SecretId": event.secret}))
            .await?;
        if described["RotationEnabled"] != json!(true) {
            return Err("the secret is not enabled for rotation".to_owned());
        }
        let stages = &described["VersionIdsToStages"];
        let has = |version: &str, stage: &str| {
            stages[version]
                .as_array()
                .is_some_and(|stages| stages.contains(&json!(stage)))
        };
        let holder = |stage: &str| {
            let versions = stages.as_object().into_iter().flatten();
            let mut versions = versions.map(|(version, _)| version);
            let found = versions.find(|version| has(version, stage));
            found.cloned().unwrap_or_default()
        };
        if has(&event.token, "AWSCURRENT") {
            return Ok(Change::Nothing);
        }
        if !has(&event.token, "AWSPENDING") {
            return Err("the version is not set as AWSPENDING for rotation".to_owned());
        }
        let pending = self.value(event, Some(&event.token), "AWSPENDING").await;
        if event.step == "createSecret" {
            return match pending {
                Ok(_) => Ok(Change::Nothing),
                Err(why) if why.contains("ResourceNotFoundException") => {
                    if self.is_rash() {
                        let current = holder("AWSCURRENT");
                        let refused = self.change(event, &Change::Promote(current)).await;
                        self.tell(format!(
                            "it makes a version without a value current: {refused:?}"
                        ));
                    }
                    let mut shared = self.lock();
                    let fresh = format!("password-{:016x}", shared.random.number());
                    shared.passwords.push(fresh.clone());
                    Ok(Change::Keep(fresh))
                }
                Err(why) => Err(why),
            };
        }
        let pending = pending?;
        password.clone_from(&pending);
        let is_taken = self.taken() == pending;
        match event.step.as_str() {
            "setSecret" if is_taken => Ok(Change::Nothing),
            "setSecret" => {
                let mut known = vec![self.value(event, None, "AWSCURRENT").await?];
                known.extend(self.value(event, None, "AWSPREVIOUS").await);
                match known.contains(&self.taken()) {
                    true => Ok(Change::Take(pending)),
                    false => Err("no password of the secret is taken by the system".to_owned()),
                }
            }
            "testSecret" if is_taken => Ok(Change::Nothing),
            "testSecret" => Err("the system doesn't take the pending password".to_owned()),
            "finishSecret" => Ok(Change::Promote(holder("AWSCURRENT"))),
            other => Err(format!("{other} is no step")),
        }
    }

    /// Does what a step is there for.
    async fn change(&self, event: &Event, change: &Change) -> Result<(), String> {
        match change {
            Change::Nothing => Ok(()),
            Change::Keep(password) => {
                let body = json!({
                    "SecretId": event.secret, "ClientRequestToken": event.token, "SecretString": password,
                    "VersionStages": ["AWSPENDING"], "RotationToken": event.rotation_token,
                });
                self.ask("PutSecretValue", body).await.map(drop)
            }
            Change::Take(password) => {
                self.lock().taken.clone_from(password);
                Ok(())
            }
            Change::Promote(current) => {
                let body = json!({
                    "SecretId": event.secret, "VersionStage": "AWSCURRENT",
                    "MoveToVersionId": event.token, "RemoveFromVersionId": current,
                });
                self.ask("UpdateSecretVersionStage", body).await.map(drop)
            }
        }
    }

    async fn value(
        &self,
        event: &Event,
        version: Option<&str>,
        stage: &str,
    ) -> Result<String, String> {
        let mut body = json!({"SecretId": event.secret, "VersionStage": stage});
        if let Some(version) = version {
            body["VersionId"] = json!(version);
        }
        let answer = self.ask("GetSecretValue", body).await?;
        Ok(answer["SecretString"].as_str().unwrap().to_owned())
    }

    async fn ask(&self, operation: &str, body: Value) -> Result<Value, String> {
        let server = self.lock().server.clone();
        let answer = ask(&server, operation, &body).await;
        let answer = answer.map_err(|error| error.to_string())?;
        match answer.status {
            200 => Ok(answer.body),
            _ => Err(format!("{operation}: {}", answer.body)),
        }
    }
}

/// Asks over a connection of its own.
pub(super) async fn ask(server: &str, operation: &str, body: &Value) -> std::io::Result<Answer> {
    let mut client = Client::connect(server, REGION).await?;
    client.call(operation, body).await
}

async fn until_closed(stream: &mut TcpStream) {
    let mut sink = [0; 64];
    while stream.read(&mut sink).await.is_ok_and(|count| count > 0) {}
}

async fn read_event(stream: &mut TcpStream) -> Option<Event> {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some(end) = text.find("\r\n\r\n") {
            let length = text.split("content-length: ").nth(1)?.lines().next()?;
            let body = &request[end + 4..];
            if body.len() >= length.parse::<usize>().unwrap() {
                let event: Value = serde_json::from_slice(body).unwrap();
                let part = |name: &str| event[name].as_str().unwrap().to_owned();
                return Some(Event {
                    call: 0,
                    step: part("Step"),
                    secret: part("SecretId"),
                    token: part("ClientRequestToken"),
                    rotation_token: part("RotationToken"),
                });
            }
        }
        let count = stream.read(&mut piece).await.ok()?;
        if count == 0 {
            return None;
        }
        request.extend_from_slice(&piece[..count]);
    }
}
