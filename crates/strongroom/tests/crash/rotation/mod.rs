//! Rotations of which everything may fail: the function at each of its steps, its server, the way there, and the server
//! of the secrets, killed at any moment. Whatever happens, the system takes the current password, or the pending one of
//! a rotation that goes on or was told to have failed; and once nothing fails any more, the rotation ends.

mod afterwards;
mod faults;
mod function;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep, sleep_until};

use self::afterwards::Expected;
use self::function::{Function, Kill, ask};
use super::server::{Folder, Server, block_on};
use crate::random::{Random, setting};

const SECRET: &str = "rotated";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:rotate";
const FIRST_PASSWORD: &str = "password-of-the-beginning";
/// Longer than any wait between two attempts.
const ATTEMPTS_APART: u64 = 601;
/// In which whatever is going on comes to rest, on a slow machine too.
const PATIENCE: Duration = Duration::from_secs(120);
/// How soon is looked again whether it has.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// `STRONGROOM_ROTATION_FAULTS` says how many rotations.
#[test]
fn whatever_fails_the_system_takes_the_secret_and_the_rotation_ends() {
    let runs = setting("STRONGROOM_ROTATION_FAULTS", 12);
    let first = setting("STRONGROOM_SEED", u64::from(std::process::id()));
    println!("STRONGROOM_SEED={first} decides what fails; the machine decides the rest");
    let mut sum = Figures::default();
    for seed in first..first + runs {
        let figures = block_on(Play::play(seed)).unwrap_or_else(|why| {
            panic!("{why}\n\nSTRONGROOM_SEED={seed} STRONGROOM_ROTATION_FAULTS=1 draws it again")
        });
        sum.add(&figures);
    }
    println!("{runs} runs: {sum:?}");
    assert!(sum.faults >= runs && sum.calls > sum.faults);
}

/// What happened.
#[derive(Debug, Default)]
struct Figures {
    /// Invocations of the function.
    calls: u64,
    /// Steps in which something went wrong.
    faults: u64,
    /// SIGKILLs to the server.
    kills: u64,
    /// Times that the function's server was down.
    outages: u64,
    /// Rotations that were given up, and told to have failed.
    given_up: u64,
    /// Rotations that were taken up again by a request.
    asked_again: u64,
    /// Tests of the function, beside the rotations.
    tests: u64,
}

impl Figures {
    fn add(&mut self, other: &Figures) {
        let Figures {
            calls,
            faults,
            kills,
            outages,
            given_up,
            asked_again,
            tests,
        } = other;
        self.calls += calls;
        self.faults += faults;
        self.kills += kills;
        self.outages += outages;
        self.given_up += given_up;
        self.asked_again += asked_again;
        self.tests += tests;
    }
}

/// One secret, its function and its server, and what is done to them.
struct Play {
    random: Random,
    folder: Folder,
    server: Option<Server>,
    function: Function,
    kills: UnboundedReceiver<Kill>,
    /// Seconds that the domain's clock is ahead by.
    ahead: u64,
    /// The version that is to be made.
    token: String,
    /// The rotation must go on by itself: the function is invoked more often than so many times, or it has ended.
    goes_on: Option<u64>,
    figures: Figures,
}

impl Play {
    /// # Errors
    /// What isn't as it must be, and what happened before.
    async fn play(seed: u64) -> Result<Figures, String> {
        let mut random = Random::new(seed);
        // Always, often, seldom.
        let one_in = *random.pick(&[1, 1, 2, 4]);
        let (function, kills) =
            Function::start(Random::new(random.number()), one_in, FIRST_PASSWORD);
        let mut play = Play {
            folder: Folder::new().with(&["--lambda-endpoint", &function.url()]),
            random,
            server: None,
            function,
            kills,
            ahead: 0,
            token: String::new(),
            goes_on: None,
            figures: Figures::default(),
        };
        match play.perform().await {
            Ok(()) => Ok(play.figures),
            Err(why) => {
                drop(play.server);
                let (story, log) = (play.function.story(), play.folder.log());
                Err(format!(
                    "{why}\n\nWhat happened:\n{story}\n\nThe server's log:\n{log}"
                ))
            }
        }
    }

    async fn perform(&mut self) -> Result<(), String> {
        self.serve()?;
        let begun = self.fresh_token();
        let body =
            json!({"Name": SECRET, "SecretString": FIRST_PASSWORD, "ClientRequestToken": begun});
        self.call("CreateSecret", &body).await?;
        let mut expected = Expected::default();
        if self.random.one_in(3) {
            self.test_function(&begun).await?;
            expected.tests = self.figures.tests;
        }
        self.token = self.fresh_token();
        let made = self.token.clone();
        self.rotate(&json!({})).await?;
        self.suffer(&begun).await?;
        self.recover(&begun).await?;
        expected.rotations.push(made.clone());

        // Nothing of it is in the way of the next.
        self.token = self.fresh_token();
        self.rotate(&json!({})).await?;
        self.move_clock(0).await?;
        if !self.is_rotated(&made).await? {
            return Err("the rotation after it didn't end".to_owned());
        }
        expected.rotations.push(self.token.clone());
        if let Some(server) = self.server.take() {
            server.kill();
        }
        let log = self.folder.log();
        if log.contains("panicked") || log.contains("a panic") {
            return Err("the server panicked".to_owned());
        }
        expected.killed = self.figures.kills > 0;
        expected.passwords = self.function.passwords();
        let told = afterwards::check(&self.folder, &log, &expected)?;
        self.figures.given_up = told.given_up;
        self.figures.calls = self.function.calls();
        self.figures.faults = self.function.faults();
        Ok(())
    }

    fn fresh_token(&mut self) -> String {
        format!("version-{:016x}-of-the-secret", self.random.number())
    }

    /// Starts the server, where none runs.
    fn serve(&mut self) -> Result<String, String> {
        if self.server.is_none() {
            let server = self.folder.start()?;
            self.function.tell("the server starts".to_owned());
            self.function.started(&server.address);
            self.server = Some(server);
        }
        Ok(self.server.as_ref().unwrap().address.clone())
    }

    /// Kills the server. The rotation must go on by itself if a call is cut off, or as `goes_on` says.
    fn kill(&mut self, goes_on: Option<u64>) {
        let cut_off = self.function.awaited();
        if let Some(server) = self.server.take() {
            server.kill();
            self.figures.kills += 1;
            self.function.tell("the server is killed".to_owned());
        }
        // Those were for the same server.
        while self.kills.try_recv().is_ok() {}
        self.goes_on = cut_off.or(goes_on);
    }

    /// Asks the server, which nobody kills.
    async fn call(&mut self, operation: &str, body: &Value) -> Result<Value, String> {
        let address = self.serve()?;
        let answer = ask(&address, operation, body).await;
        let answer = answer.map_err(|error| format!("{operation}: {error}"))?;
        match answer.status {
            200 => Ok(answer.body),
            _ => Err(format!("{operation}: {}", answer.body)),
        }
    }

    async fn describe(&mut self) -> Result<Value, String> {
        self.call("DescribeSecret", &json!({"SecretId": SECRET}))
            .await
    }

    /// The value of the version with a label, and its id.
    async fn value(&mut self, stage: &str) -> Result<(String, String), String> {
        let body = json!({"SecretId": SECRET, "VersionStage": stage});
        let answer = self.call("GetSecretValue", &body).await?;
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        Ok((text("SecretString"), text("VersionId")))
    }

    /// Asks for the rotation to the version of the token; the server may be killed meanwhile, and is asked again.
    async fn rotate(&mut self, with: &Value) -> Result<(), String> {
        let mut body = json!({
            "SecretId": SECRET, "ClientRequestToken": self.token, "RotationLambdaARN": FUNCTION,
            "RotationRules": {"AutomaticallyAfterDays": 1000},
        });
        for (name, value) in with.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        let fails = !self.function.is_mended();
        if fails && self.random.one_in(3) {
            let address = self.serve()?;
            let after = faults::moment(&mut self.random);
            tokio::select! {
                _ = ask(&address, "RotateSecret", &body) => {}
                () = sleep(after) => {}
            }
            self.function.tell("during RotateSecret:".to_owned());
            self.kill(None);
        }
        self.call("RotateSecret", &body).await?;
        if fails && self.random.one_in(6) {
            self.function.tell("after RotateSecret:".to_owned());
            self.kill(None);
        }
        Ok(())
    }

    /// Has the function tried, which may fail. Nothing is left of that.
    async fn test_function(&mut self, begun: &str) -> Result<(), String> {
        self.figures.tests += 1;
        self.token = self.fresh_token();
        self.rotate(&json!({"RotateImmediately": false})).await?;
        // Often enough for all the time that a busy function is waited for.
        for _ in 0..12 {
            self.move_clock(120).await?;
            if !self.is_under_way().await? {
                break;
            }
        }
        let stages = self.describe().await?["VersionIdsToStages"].clone();
        let (value, _) = self.value("AWSCURRENT").await?;
        match stages == json!({begun: ["AWSCURRENT"]}) && value == FIRST_PASSWORD {
            true => Ok(()),
            false => Err(format!("a test of the function left {stages}")),
        }
    }

    /// Lets time pass while everything fails.
    async fn suffer(&mut self, begun: &str) -> Result<(), String> {
        for _ in 0..=self.random.below(16) {
            match self.function.is_up() {
                true if self.random.one_in(6) => {
                    self.figures.outages += 1;
                    self.function.set_up(false);
                }
                false if self.random.one_in(2) => self.function.set_up(true),
                _ => {}
            }
            let seconds = *self.random.pick(&[0, 1, 5, 30, 120, ATTEMPTS_APART]);
            self.move_clock(seconds).await?;
            if self.is_rotated(begun).await? {
                break;
            }
            self.is_half_way(begun).await?;
            if self.random.one_in(5) {
                self.kill(None);
            }
        }
        Ok(())
    }

    /// Nothing fails any more: the rotation ends by itself, or when it is asked for once.
    async fn recover(&mut self, begun: &str) -> Result<(), String> {
        self.function.mend();
        let mut asked = false;
        for _ in 0..8 {
            let calls = self.function.calls();
            self.move_clock(ATTEMPTS_APART).await?;
            if self.is_rotated(begun).await? {
                return Ok(());
            }
            self.is_half_way(begun).await?;
            if self.function.calls() > calls {
                continue;
            }
            if asked {
                return Err("the rotation was asked for again, and isn't carried out".to_owned());
            }
            asked = true;
            self.figures.asked_again += 1;
            self.function.tell("it is asked for again".to_owned());
            let body = json!({"SecretId": SECRET, "ClientRequestToken": self.fresh_token()});
            let refused = self.call("RotateSecret", &body).await;
            let told = |why: &String| {
                why.contains("InvalidRequestException") && why.contains("reattempted")
            };
            if !refused.as_ref().is_err_and(told) {
                return Err(format!(
                    "a rotation is unfinished, and another one: {refused:?}"
                ));
            }
        }
        Err("the rotation doesn't end".to_owned())
    }

    /// Whether the version of the token is current, which is as it must be then.
    async fn is_rotated(&mut self, before: &str) -> Result<bool, String> {
        let stages = self.describe().await?["VersionIdsToStages"].clone();
        let (value, version) = self.value("AWSCURRENT").await?;
        if version != self.token {
            return Ok(false);
        }
        let (_, previous) = self.value("AWSPREVIOUS").await?;
        let pending = stages
            .as_object()
            .into_iter()
            .flatten()
            .find(|(_, stages)| stages.to_string().contains("AWSPENDING"));
        if value != self.function.taken()
            || previous != before
            || pending.is_some_and(|(pending, _)| *pending != version)
        {
            return Err(format!(
                "{version} is current, but not as it must be: {stages}"
            ));
        }
        Ok(true)
    }

    /// Checks that nothing is lost before the version of the token is current: the system takes the current password,
    /// or after setSecret the pending one, which the rotation goes on with.
    async fn is_half_way(&mut self, begun: &str) -> Result<(), String> {
        let (value, version) = self.value("AWSCURRENT").await?;
        if version != begun || value != FIRST_PASSWORD {
            return Err(format!("{version} is current, which nobody made so"));
        }
        let taken = self.function.taken();
        if taken == value {
            return Ok(());
        }
        match self.value("AWSPENDING").await? {
            (pending, version) if pending == taken && version == self.token => Ok(()),
            _ => Err("the system takes neither the current nor the pending password".to_owned()),
        }
    }

    /// Whether the version of the token is only pending.
    async fn is_under_way(&mut self) -> Result<bool, String> {
        let stages = &self.describe().await?["VersionIdsToStages"][&self.token];
        let has = |stage: &str| stages.to_string().contains(stage);
        Ok(has("AWSPENDING") && !has("AWSCURRENT"))
    }

    /// Moves the domain's clock, and waits until nothing is due and nothing runs. The server is killed meanwhile when
    /// the function says so.
    async fn move_clock(&mut self, seconds: u64) -> Result<(), String> {
        self.ahead += seconds;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let address = self.serve()?;
            let kill = tokio::select! {
                biased;
                kill = self.kills.recv() => kill,
                moved = set_ahead(&address, self.ahead) => {
                    moved?;
                    None
                }
                () = sleep_until(deadline) => return Err("it doesn't come to rest".to_owned()),
            };
            if let Some(kill) = kill {
                sleep(kill.after).await;
                self.kill(kill.goes_on);
                continue;
            }
            if !self.kills.is_empty() {
                continue;
            }
            if self.function.is_idle() {
                return self.has_gone_on().await;
            }
            if Instant::now() > deadline {
                return Err("the function doesn't end".to_owned());
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Checks that a rotation of which a step ran when the server was killed has gone on, without any time passing.
    async fn has_gone_on(&mut self) -> Result<(), String> {
        let Some(calls) = self.goes_on.take() else {
            return Ok(());
        };
        let went_on = self.function.calls() > calls || !self.function.is_up();
        match went_on || !self.is_under_way().await? {
            true => Ok(()),
            false => Err("the rotation doesn't go on after a kill".to_owned()),
        }
    }
}

/// Has the domain's clock so many seconds ahead; work that became due is done when this returns.
async fn set_ahead(server: &str, ahead: u64) -> Result<(), String> {
    let now = control(server, "GET", "").await?["now"].as_f64().unwrap();
    let real = jiff::Timestamp::now().as_duration().as_secs_f64();
    let is_ahead = (now - real).round().max(0.0);
    // A killed server may have forgotten the last move.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few hours"
    )]
    let missing = ahead.saturating_sub(is_ahead as u64);
    let body = json!({"advance_seconds": missing}).to_string();
    control(server, "POST", &body).await.map(drop)
}

async fn control(server: &str, method: &str, body: &str) -> Result<Value, String> {
    let length = body.len();
    let request = format!(
        "{method} /_strongroom/clock HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let asked = async {
        let mut stream = TcpStream::connect(server).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = asked.await.map_err(|error| format!("the clock: {error}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    match head.starts_with("HTTP/1.1 200") {
        true => serde_json::from_str(body).map_err(|error| error.to_string()),
        false => Err(format!("the clock: {answer}")),
    }
}
