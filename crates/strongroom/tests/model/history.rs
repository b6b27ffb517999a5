//! Histories: what callers ask, when time passes and what goes wrong, all drawn from a seed.
//!
//! A step names versions and ARNs by what they are at that time (`@current`, `@arn:name`), so that a history still
//! means something after steps were taken out of it.

use serde_json::{Value, json};

use super::reference::Model;
use crate::random::Random;

/// In an expected response: some text that nobody can foresee.
pub(crate) const ANY: &str = "\u{1}any";

/// Who calls: account and region.
pub(crate) const CALLERS: [(&str, &str); 4] = [
    ("111111111111", "us-east-1"),
    ("222222222222", "us-east-1"),
    ("111111111111", "eu-west-1"),
    ("222222222222", "eu-west-1"),
];
/// One name ends like an ARN, one is the beginning of another one.
const NAMES: [&str; 4] = ["app", "app/database", "key-AbCdEf", "web.front+end@home"];
const LABELS: [&str; 5] = ["AWSCURRENT", "AWSPREVIOUS", "AWSPENDING", "blue", "green"];
const VALUES: [&str; 4] = ["one", "two", "{\"user\":\"u\"}", "\u{e9}\u{1f511}\"\\\n"];
const BLOBS: [&str; 2] = ["b25l", "AP8="];
const DESCRIPTIONS: [&str; 4] = ["", "the production database", "web front", "test"];
const TAGS: [(&str, &str); 5] = [
    ("stage", "production"),
    ("stage", "test"),
    ("team", "web"),
    ("team", ""),
    ("cost", "database"),
];
const MINUTE: i64 = 60 * 1000;
const DAY: i64 = 24 * 60 * MINUTE;

/// Policies, and what each of them is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    Good,
    Public,
    /// Nobody stores a value by PutSecretValue, its account's root neither.
    NoPuts,
    LocksOut,
    Malformed,
    NotJson,
}

const POLICIES: [(&str, Policy); 8] = [
    (
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"333333333333"},"Action":"secretsmanager:GetSecretValue","Resource":"*"}]}"#,
        Policy::Good,
    ),
    (
        r#"{ "Version": "2012-10-17", "Statement": { "Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::333333333333:user/u"}, "Action": "secretsmanager:*", "Resource": "*" } }"#,
        Policy::Good,
    ),
    (
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"secretsmanager:GetSecretValue","Resource":"*"}]}"#,
        Policy::Public,
    ),
    (
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"secretsmanager:PutSecretValue","Resource":"*"}]}"#,
        Policy::NoPuts,
    ),
    (
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"secretsmanager:PutResourcePolicy","Resource":"*"}]}"#,
        Policy::LocksOut,
    ),
    (
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Maybe"}]}"#,
        Policy::Malformed,
    ),
    (
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"CanonicalUser":"abc"},"Action":"secretsmanager:*","Resource":"*"}]}"#,
        Policy::Malformed,
    ),
    ("{\"Version\":", Policy::NotJson),
];

impl Policy {
    pub(crate) fn of(text: &str) -> Self {
        match POLICIES.iter().find(|(policy, _)| *policy == text) {
            Some((_, kind)) => *kind,
            None => panic!("no history has the policy {text}"),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Calls that are under way at the same time.
    Together(Batch),
    /// So many seconds pass, and the purge runs.
    Wait(u64),
    /// A restart so many milliseconds later; then the purge runs, with a mishap in its first commit.
    PurgeAgainst(i64, Mishap),
    /// A restart at the very end of the next recovery window; nothing is purged.
    WindowEnds,
    /// The process dies while nothing is under way.
    Crash,
}

#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) calls: Vec<Call>,
    /// Whether the purge runs at the same time.
    pub(crate) purge: bool,
    /// Decides whose turn it is.
    pub(crate) order: u64,
    /// Meets the first commit.
    pub(crate) mishap: Option<Mishap>,
    /// Ends the calls that are not done after so many turns.
    pub(crate) cut: Option<Cut>,
}

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) caller: usize,
    pub(crate) operation: &'static str,
    pub(crate) body: Value,
}

#[derive(Copy, Clone, Debug)]
pub(crate) enum Mishap {
    NoSpace,
    Io,
    Crash,
}

#[derive(Copy, Clone, Debug)]
pub(crate) struct Cut {
    pub(crate) turns: usize,
    /// The process dies; else only the callers go away.
    pub(crate) crash: bool,
}

/// A history of `length` steps. Each has a taste of its own: few or many callers and names, calm or with crashes.
pub(crate) fn draw(seed: u64, length: usize) -> Vec<Step> {
    let mut random = Random::new(seed);
    let mut drawing = Drawing {
        callers: 1 + random.below(CALLERS.len()),
        names: 1 + random.below(NAMES.len()),
        tokens: 2 + random.below(12),
        together: 1 + random.below(3),
        troubles: random.one_in(2),
        many_versions: random.one_in(60),
        fresh: 0,
        random,
    };
    let length = if drawing.many_versions {
        4 * length
    } else {
        length
    };
    let mut history = drawing.first_secrets();
    while history.len() < length {
        drawing.step(&mut history);
    }
    history
}

struct Drawing {
    random: Random,
    callers: usize,
    names: usize,
    tokens: usize,
    together: usize,
    troubles: bool,
    /// Versions are made until old ones must go.
    many_versions: bool,
    fresh: usize,
}

impl Drawing {
    /// Most names are there at first, so that the calls meet something.
    fn first_secrets(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        for caller in 0..self.callers {
            for name in &NAMES[..self.names] {
                let mut body = self.create();
                body["Name"] = json!(name);
                let call = Call {
                    caller,
                    operation: "CreateSecret",
                    body,
                };
                if !self.random.one_in(4) {
                    steps.push(Step::Together(Batch {
                        calls: vec![call],
                        purge: false,
                        order: 0,
                        mishap: None,
                        cut: None,
                    }));
                }
            }
        }
        steps
    }

    fn step(&mut self, history: &mut Vec<Step>) {
        let step = match self.random.below(40) {
            0..3 => Step::Wait(self.pause_ms().unsigned_abs() / 1000),
            3 if self.troubles => Step::Crash,
            4 => {
                history.push(Step::WindowEnds);
                Step::Together(self.batch_beside_purge())
            }
            5 if self.troubles => Step::PurgeAgainst(self.pause_ms(), self.mishap()),
            _ => Step::Together(self.batch()),
        };
        history.push(step);
    }

    /// Someone wants the names that the purge sets free.
    fn batch_beside_purge(&mut self) -> Batch {
        let mut batch = self.batch();
        for call in &mut batch.calls {
            if !self.random.one_in(3) {
                call.operation = "CreateSecret";
                call.body = self.create();
            }
        }
        batch.purge = self.random.one_in(2);
        batch
    }

    fn pause_ms(&mut self) -> i64 {
        let range = if self.many_versions {
            [MINUTE, 6 * 60 * MINUTE, 20 * 60 * MINUTE]
        } else {
            [DAY, 12 * DAY, 40 * DAY]
        };
        1 + (self.random.number() % (*self.random.pick(&range)).unsigned_abs()) as i64
    }

    fn mishap(&mut self) -> Mishap {
        *self
            .random
            .pick(&[Mishap::NoSpace, Mishap::Io, Mishap::Crash])
    }

    fn batch(&mut self) -> Batch {
        let count = 1 + self.random.below(self.together);
        Batch {
            calls: (0..count).map(|_| self.call()).collect(),
            purge: self.random.one_in(20),
            order: self.random.number(),
            mishap: (self.troubles && self.random.one_in(8)).then(|| self.mishap()),
            cut: (self.troubles && self.random.one_in(12)).then(|| Cut {
                turns: self.random.below(5),
                crash: self.random.one_in(2),
            }),
        }
    }

    fn call(&mut self) -> Call {
        let caller = self.random.below(self.callers);
        if self.many_versions && !self.random.one_in(4) {
            return Call {
                caller: 0,
                operation: "PutSecretValue",
                body: json!({
                    "SecretId": NAMES[0],
                    "ClientRequestToken": self.fresh_token(),
                    "SecretString": "one",
                    "VersionStages": self.random.pick(&[json!(null), json!(["AWSPENDING"])]),
                }),
            };
        }
        let (operation, body) = match self.random.below(60) {
            0..7 => ("CreateSecret", self.create()),
            7..17 => ("PutSecretValue", self.put()),
            17..22 => ("UpdateSecret", self.update()),
            22..32 => ("UpdateSecretVersionStage", self.move_label()),
            32..37 => ("GetSecretValue", self.get()),
            37..39 => ("BatchGetSecretValue", self.batch_get()),
            39..41 => ("DescribeSecret", self.on_secret()),
            41..44 => ("ListSecrets", self.list()),
            44..46 => ("ListSecretVersionIds", self.list_versions()),
            46..49 => ("DeleteSecret", self.delete()),
            49..51 => ("RestoreSecret", self.on_secret()),
            51..53 => ("TagResource", self.tag()),
            53 => ("UntagResource", self.untag()),
            54 => ("PutResourcePolicy", self.put_policy()),
            55 => ("GetResourcePolicy", self.on_secret()),
            56 => ("DeleteResourcePolicy", self.on_secret()),
            57 => ("ValidateResourcePolicy", self.validate_policy()),
            58 => ("GetRandomPassword", self.password()),
            _ => ("PutSecretValue", self.put_many_labels()),
        };
        Call {
            caller,
            operation,
            body,
        }
    }

    fn name(&mut self) -> &'static str {
        NAMES[self.random.below(self.names)]
    }

    /// A name, or one of the forms of an ARN, or something that is neither.
    fn secret_id(&mut self) -> String {
        let name = self.name();
        match self.random.below(24) {
            0..4 => format!("@arn:{name}"),
            4 => format!("@partial:{name}"),
            5 => format!("@suffix:{name}"),
            6 => format!("@region:{name}"),
            7 => format!("@account:{name}"),
            8 => (*self
                .random
                .pick(&["no such name", "arn:aws:s3:::bucket", "never-made"]))
            .to_owned(),
            _ => name.to_owned(),
        }
    }

    fn token(&mut self) -> String {
        if self.random.one_in(4) {
            return self.fresh_token();
        }
        let number = self.random.below(self.tokens);
        format!("token-{number:02}-{}", "x".repeat(24))
    }

    fn fresh_token(&mut self) -> String {
        self.fresh += 1;
        format!(
            "fresh-{:05}-{}",
            self.fresh,
            "x".repeat(20 + self.fresh % 3)
        )
    }

    fn version(&mut self) -> String {
        let label = *self.random.pick(&LABELS);
        match self.random.below(8) {
            0..3 => format!("@holder:{label}"),
            3..7 => format!("@version:{}", self.random.below(8)),
            _ => self.token(),
        }
    }

    fn on_secret(&mut self) -> Value {
        json!({ "SecretId": self.secret_id() })
    }

    fn maybe(&mut self, body: &mut Value, member: &str, one_in: usize, value: Value) {
        if self.random.one_in(one_in) {
            body[member] = value;
        }
    }

    fn value(&mut self, body: &mut Value, none_one_in: usize) {
        let kind = self.random.below(8);
        if self.random.one_in(none_one_in) {
            return;
        }
        if kind != 0 {
            body["SecretString"] = json!(self.random.pick(&VALUES));
        }
        if kind == 0 || self.random.one_in(40) {
            body["SecretBinary"] = json!(self.random.pick(&BLOBS));
        }
    }

    fn request_token(&mut self, body: &mut Value) {
        if !self.random.one_in(30) {
            body["ClientRequestToken"] = json!(self.token());
        }
    }

    fn metadata(&mut self, body: &mut Value) {
        let description = json!(self.random.pick(&DESCRIPTIONS));
        self.maybe(body, "Description", 3, description);
        let key = json!(
            self.random
                .pick(&["", "alias/aws/secretsmanager", "alias/none"])
        );
        self.maybe(body, "KmsKeyId", 10, key);
        self.maybe(body, "Type", 20, json!("Vendor"));
    }

    fn tags(&mut self) -> Value {
        if self.random.one_in(6) {
            let first = self.random.below(60);
            let many = (first..first + 30).map(|n| json!({"Key": format!("k{n}"), "Value": "v"}));
            return many.collect();
        }
        let mut tags: Vec<Value> = Vec::new();
        for _ in 0..self.random.below(3) {
            let (key, value) = *self.random.pick(&TAGS);
            tags.push(json!({"Key": key, "Value": value}));
        }
        if self.random.one_in(12) {
            tags.push(json!({"Key": "aws:x", "Value": "y"}));
        }
        json!(tags)
    }

    fn create(&mut self) -> Value {
        let name = if self.random.one_in(30) {
            "no name"
        } else {
            self.name()
        };
        let mut body = json!({ "Name": name });
        self.request_token(&mut body);
        self.value(&mut body, 4);
        self.metadata(&mut body);
        let tags = self.tags();
        self.maybe(&mut body, "Tags", 3, tags);
        body
    }

    fn put(&mut self) -> Value {
        let mut body = self.on_secret();
        self.request_token(&mut body);
        self.value(&mut body, 20);
        let mut labels = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            labels.push(*self.random.pick(&LABELS));
        }
        self.maybe(&mut body, "VersionStages", 2, json!(labels));
        body
    }

    fn put_many_labels(&mut self) -> Value {
        let mut body = self.put();
        let first = self.random.below(8);
        let labels: Vec<String> = (first..first + 17).map(|n| format!("label{n}")).collect();
        body["VersionStages"] = json!(labels);
        body
    }

    fn update(&mut self) -> Value {
        let mut body = self.on_secret();
        self.request_token(&mut body);
        self.value(&mut body, 2);
        self.metadata(&mut body);
        body
    }

    fn move_label(&mut self) -> Value {
        let mut body = self.on_secret();
        let label = *self.random.pick(&LABELS);
        body["VersionStage"] = json!(label);
        let holder = if self.random.one_in(5) {
            self.version()
        } else {
            format!("@holder:{label}")
        };
        if !self.random.one_in(3) {
            body["RemoveFromVersionId"] = json!(holder);
        }
        if !self.random.one_in(4) {
            body["MoveToVersionId"] = json!(self.version());
        }
        body
    }

    fn get(&mut self) -> Value {
        let mut body = self.on_secret();
        let version = json!(self.version());
        self.maybe(&mut body, "VersionId", 2, version);
        let label = json!(self.random.pick(&LABELS));
        self.maybe(&mut body, "VersionStage", 3, label);
        body
    }

    fn filters(&mut self) -> Value {
        let (key, values): (&str, &[&str]) = *self.random.pick(&[
            (
                "name",
                &["app", "app/", "key", "!app", "nothing"] as &[&str],
            ),
            ("description", &["production", "WEB", "data the", "!test"]),
            ("tag-key", &["st", "team", "k1", "!cost"]),
            ("tag-value", &["prod", "web", "v", "!test"]),
            ("all", &["data", "front web", "app", "!production"]),
            ("primary-region", &["us"]),
        ]);
        let count = 1 + self.random.below(2);
        let values: Vec<&str> = (0..count).map(|_| *self.random.pick(values)).collect();
        json!([{"Key": key, "Values": values}])
    }

    fn pages(&mut self, body: &mut Value) {
        let size = json!(1 + self.random.below(3));
        self.maybe(body, "MaxResults", 2, size);
        self.maybe(body, "NextToken", 30, json!("nobody gave this out"));
    }

    fn batch_get(&mut self) -> Value {
        let mut body = json!({});
        if self.random.one_in(2) {
            let count = 1 + self.random.below(3);
            let ids: Vec<String> = (0..count).map(|_| self.secret_id()).collect();
            body["SecretIdList"] = json!(ids);
        } else {
            body["Filters"] = self.filters();
            self.pages(&mut body);
        }
        body
    }

    fn list(&mut self) -> Value {
        let mut body = json!({});
        let filters = self.filters();
        self.maybe(&mut body, "Filters", 2, filters);
        let by = *self.random.pick(&[
            "created-date",
            "last-accessed-date",
            "last-changed-date",
            "name",
        ]);
        self.maybe(&mut body, "SortBy", 2, json!(by));
        let order = *self.random.pick(&["asc", "desc"]);
        self.maybe(&mut body, "SortOrder", 2, json!(order));
        self.maybe(&mut body, "IncludePlannedDeletion", 2, json!(true));
        self.pages(&mut body);
        body
    }

    fn list_versions(&mut self) -> Value {
        let mut body = self.on_secret();
        self.maybe(&mut body, "IncludeDeprecated", 2, json!(true));
        self.pages(&mut body);
        body
    }

    fn delete(&mut self) -> Value {
        let mut body = self.on_secret();
        let days = json!(self.random.pick(&[6, 7, 8, 30, 31]));
        self.maybe(&mut body, "RecoveryWindowInDays", 2, days);
        self.maybe(&mut body, "ForceDeleteWithoutRecovery", 4, json!(true));
        body
    }

    fn tag(&mut self) -> Value {
        let mut body = self.on_secret();
        body["Tags"] = self.tags();
        body
    }

    fn untag(&mut self) -> Value {
        let mut body = self.on_secret();
        let (key, _) = *self.random.pick(&TAGS);
        body["TagKeys"] = json!([key, "k7", "k8"]);
        body
    }

    fn put_policy(&mut self) -> Value {
        let mut body = self.on_secret();
        body["ResourcePolicy"] = json!(self.random.pick(&POLICIES).0);
        self.maybe(&mut body, "BlockPublicPolicy", 2, json!(true));
        body
    }

    fn validate_policy(&mut self) -> Value {
        let mut body = json!({ "ResourcePolicy": self.random.pick(&POLICIES).0 });
        let secret_id = json!(self.secret_id());
        self.maybe(&mut body, "SecretId", 2, secret_id);
        body
    }

    fn password(&mut self) -> Value {
        let mut body = json!({});
        let length = json!(self.random.pick(&[0, 1, 3, 4, 5000]));
        self.maybe(&mut body, "PasswordLength", 2, length);
        for class in ["Numbers", "Punctuation", "Uppercase", "Lowercase"] {
            self.maybe(&mut body, &format!("Exclude{class}"), 3, json!(true));
        }
        self.maybe(&mut body, "IncludeSpace", 3, json!(true));
        self.maybe(&mut body, "RequireEachIncludedType", 3, json!(false));
        body
    }
}

/// The call's body with the names of things as they are now.
pub(crate) fn resolve(call: &Call, model: &Model) -> Value {
    let mut body = call.body.clone();
    let (account, region) = CALLERS[call.caller];
    let arn = |name: &str| {
        let place = (account.to_owned(), region.to_owned(), name.to_owned());
        model.secrets.get(&place).map_or_else(
            || format!("arn:aws:secretsmanager:{region}:{account}:secret:{name}-zzzzzz"),
            |secret| secret.arn.clone(),
        )
    };
    let secret_id = |text: &str| -> Option<String> {
        let (form, name) = text.strip_prefix('@')?.split_once(':')?;
        let arn = arn(name);
        let short = &arn[..arn.len() - 7];
        Some(match form {
            "arn" => arn,
            "partial" => short.to_owned(),
            "suffix" => format!("{short}-zzzzzz"),
            "region" => arn.replace(region, "ap-south-1"),
            _ => {
                let other = CALLERS[call.caller ^ 1].0;
                let place = (other.to_owned(), region.to_owned(), name.to_owned());
                match model.secrets.get(&place) {
                    Some(secret) => secret.arn.clone(),
                    None => arn.replace(account, "333333333333"),
                }
            }
        })
    };
    let mut meant = None;
    if let Some(resolved) = body["SecretId"]
        .as_str()
        .map(|text| (text.to_owned(), secret_id(text)))
    {
        let (text, resolved) = resolved;
        let name = text.split_once(':').map_or(text.as_str(), |(_, name)| name);
        let place = (account.to_owned(), region.to_owned(), name.to_owned());
        meant = model.secrets.get(&place);
        body["SecretId"] = json!(resolved.unwrap_or(text));
    }
    if let Some(ids) = body.get_mut("SecretIdList").and_then(Value::as_array_mut) {
        for id in ids {
            if let Some(resolved) = id.as_str().and_then(secret_id) {
                *id = json!(resolved);
            }
        }
    }
    for member in ["VersionId", "RemoveFromVersionId", "MoveToVersionId"] {
        let Some(named) = body[member]
            .as_str()
            .and_then(|text| text.strip_prefix('@'))
        else {
            continue;
        };
        let version = match (named.split_once(':'), meant) {
            (Some(("holder", label)), Some(secret)) => secret.labels.get(label).cloned(),
            (Some((_, index)), Some(secret)) => index
                .parse::<usize>()
                .ok()
                .and_then(|index| secret.versions.iter().cycle().nth(index))
                .map(|version| version.id.clone()),
            _ => None,
        };
        body[member] = json!(version.unwrap_or_else(|| "none-".repeat(8)));
    }
    // Indexing by a name that isn't there leaves null behind, which would be a member.
    if let Some(members) = body.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    body
}
