//! One of many writers: makes, changes and deletes secrets of its own, and knows what must be there afterwards.
//!
//! What it knows is the reference model's; the last call, which got no answer, may have been carried out or not.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use strongroom_services::secretsmanager::secret::{Lifecycle, Secret};

use super::server::{ACCOUNT, REGION};
use crate::client::Client;
use crate::invariants;
use crate::model::reference::{self, Asked, Kept, Model};
use crate::random::Random;

const NAMES: usize = 2;

pub(crate) struct Writer {
    number: usize,
    random: Random,
    made: usize,
    model: Model,
    /// The call that was under way when the server died.
    unanswered: Option<(&'static str, Value)>,
    /// What this round wrote to the secrets of all.
    pub(crate) shared: Vec<Shared>,
    pub(crate) answered: u64,
}

/// A version of a secret that all write to.
pub(crate) struct Shared {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) value: String,
    pub(crate) acknowledged: bool,
}

impl Writer {
    pub(crate) fn new(number: usize, seed: u64) -> Self {
        Writer {
            number,
            random: Random::new(seed),
            made: 0,
            model: Model::default(),
            unanswered: None,
            shared: Vec::new(),
            answered: 0,
        }
    }

    /// Writes until the server is gone. `shared` are the secrets that all write to.
    pub(crate) async fn write(&mut self, address: &str, shared: &[String]) {
        let Ok(mut client) = Client::connect(address, REGION).await else {
            return;
        };
        loop {
            let alive = match self.random.one_in(4) {
                true => self.write_shared(&mut client, shared).await,
                false => self.write_own(&mut client).await,
            };
            if !alive {
                return;
            }
        }
    }

    async fn write_shared(&mut self, client: &mut Client, names: &[String]) -> bool {
        let version = self.fresh_token();
        let written = Shared {
            name: self.random.pick(names).clone(),
            value: format!("value of {version}"),
            version,
            acknowledged: false,
        };
        let labels = [
            json!(null),
            json!(["AWSPENDING"]),
            json!(["AWSCURRENT", "x"]),
        ];
        let body = json!({
            "SecretId": written.name,
            "ClientRequestToken": written.version,
            "SecretString": written.value,
            "VersionStages": self.random.pick(&labels),
        });
        self.shared.push(written);
        match client.call("PutSecretValue", &body).await {
            Err(_) => false,
            Ok(answer) => {
                match answer.result() {
                    Ok(_) => self.shared.last_mut().unwrap().acknowledged = true,
                    // A secret takes no more than a hundred young versions.
                    Err("LimitExceededException") => drop(self.shared.pop()),
                    Err(_) => panic!("{body}: {answer:?}"),
                }
                self.answered += 1;
                true
            }
        }
    }

    async fn write_own(&mut self, client: &mut Client) -> bool {
        let (operation, body) = self.draw();
        let answer = match client.call(operation, &body).await {
            Ok(answer) => answer,
            Err(_) => {
                self.unanswered = Some((operation, body));
                return false;
            }
        };
        let new_arn = answer.body["ARN"].as_str().unwrap_or_default();
        let expected = self.model.answer(&asked(operation, &body, new_arn));
        assert_eq!(
            answer.result().map(|_| ()),
            expected.as_ref().map(|_| ()).map_err(|code| *code),
            "{operation} {body}: {answer:?}"
        );
        self.answered += 1;
        true
    }

    fn draw(&mut self) -> (&'static str, Value) {
        let name = format!("writer-{}/{}", self.number, self.random.below(NAMES));
        let place = (ACCOUNT.to_owned(), REGION.to_owned(), name.clone());
        let token = self.fresh_token();
        let value = format!("value of {token}");
        let Some(secret) = self.model.secrets.get(&place) else {
            let body = json!({"Name": name, "ClientRequestToken": token, "SecretString": value});
            return ("CreateSecret", body);
        };
        let full = secret.versions.len() >= 90;
        let holder = |label: &str| secret.labels.get(label).cloned();
        let (current, previous) = (holder("AWSCURRENT"), holder("AWSPREVIOUS"));
        if secret.deleted.is_some() {
            return ("RestoreSecret", json!({ "SecretId": name }));
        }
        match self.random.below(16) {
            _ if full => (
                "DeleteSecret",
                json!({"SecretId": name, "ForceDeleteWithoutRecovery": true}),
            ),
            0 => (
                "DeleteSecret",
                json!({"SecretId": name, "ForceDeleteWithoutRecovery": true}),
            ),
            1 => ("DeleteSecret", json!({ "SecretId": name })),
            2..6 if previous.is_some() => (
                "UpdateSecretVersionStage",
                json!({
                    "SecretId": name,
                    "VersionStage": "AWSCURRENT",
                    "RemoveFromVersionId": current,
                    "MoveToVersionId": previous,
                }),
            ),
            6 => (
                "UpdateSecretVersionStage",
                json!({"SecretId": name, "VersionStage": "custom", "MoveToVersionId": current}),
            ),
            number => {
                let labels = (number == 7).then_some(["AWSPENDING"]);
                let body = json!({
                    "SecretId": name,
                    "ClientRequestToken": token,
                    "SecretString": value,
                    "VersionStages": labels,
                });
                ("PutSecretValue", body)
            }
        }
    }

    fn fresh_token(&mut self) -> String {
        self.made += 1;
        format!("token-of-writer-{:02}-number-{:08}", self.number, self.made)
    }

    /// Compares what is in the store with what was acknowledged, and goes on from there.
    ///
    /// # Errors
    /// How they differ.
    pub(crate) fn compare(&mut self, secrets: &BTreeMap<String, &Secret>) -> Result<(), String> {
        let before = self.differs(&self.model, secrets);
        let Some((operation, body)) = self.unanswered.take() else {
            return before.map_or(Ok(()), Err);
        };
        let name = body["Name"].as_str().unwrap_or_default();
        let new_arn = secrets.get(name).map(|secret| secret.arn());
        let new_arn = new_arn.unwrap_or_default();
        let mut after = self.model.clone();
        let _ = after.answer(&asked(operation, &body, &new_arn));
        match (before, self.differs(&after, secrets)) {
            (_, None) => self.model = after,
            (None, _) => {}
            (Some(before), Some(after)) => {
                return Err(format!(
                    "{operation} {body} got no answer\nnot done: {before}\ndone: {after}"
                ));
            }
        }
        Ok(())
    }

    fn differs(&self, model: &Model, secrets: &BTreeMap<String, &Secret>) -> Option<String> {
        let own = format!("writer-{}/", self.number);
        let mut stored: Vec<_> = secrets.range(own.clone()..format!("{own}~")).collect();
        for ((_, _, name), expected) in &model.secrets {
            let Some(at) = stored.iter().position(|(stored, _)| *stored == name) else {
                return Some(format!("{name} is lost"));
            };
            if let Some(how) = difference(stored.swap_remove(at).1, expected) {
                return Some(format!("{name}: {how}"));
            }
        }
        stored
            .first()
            .map(|(name, _)| format!("{name} should not be there"))
    }

    /// Every value that must be readable: name, version, value. Restores what is scheduled for deletion first.
    pub(crate) async fn read_all(&mut self, client: &mut Client) {
        for ((_, _, name), secret) in &mut self.model.secrets {
            if secret.deleted.take().is_some() {
                let body = json!({ "SecretId": name });
                let answer = client.call("RestoreSecret", &body).await.unwrap();
                assert_eq!(answer.status, 200, "{answer:?}");
            }
            for version in &secret.versions {
                let Kept::Text(value) = &version.value else {
                    continue;
                };
                read(client, name, &version.id, value).await;
            }
        }
    }
}

pub(crate) async fn read(client: &mut Client, name: &str, version: &str, value: &str) {
    let body = json!({"SecretId": name, "VersionId": version});
    let answer = client.call("GetSecretValue", &body).await.unwrap();
    assert_eq!(
        answer.body["SecretString"],
        json!(value),
        "{body}: {answer:?}"
    );
}

/// How a stored secret differs in its ARN, state, versions and labels; the clock is a real one.
fn difference(secret: &Secret, expected: &reference::Secret) -> Option<String> {
    let stored = (
        secret.arn(),
        secret.lifecycle != Lifecycle::Active,
        secret.versions.iter().map(|it| &it.id).collect::<Vec<_>>(),
        invariants::labels(secret),
    );
    let expected = (
        expected.arn.clone(),
        expected.deleted.is_some(),
        expected
            .versions
            .iter()
            .map(|it| &it.id)
            .collect::<Vec<_>>(),
        expected.labels.clone(),
    );
    (stored != expected).then(|| format!("{stored:?} is stored, {expected:?} is expected"))
}

fn asked<'a>(operation: &'a str, body: &'a Value, new_arn: &'a str) -> Asked<'a> {
    Asked {
        account: ACCOUNT,
        region: REGION,
        operation,
        body,
        now: 0,
        new_arn,
    }
}
