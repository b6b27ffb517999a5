//! Reads the tables of cases.
//!
//! A file holds tables in the form that Markdown has, each below a line `Source: …`. Text between
//! them is for people. The first row names the columns:
//!
//! | Column | What it holds | Without it |
//! |---|---|---|
//! | Rule | the rule that a row shows, as a sentence | |
//! | Caller | a name of `NAMES` below | `alice` |
//! | Action, On | what is asked, and of what | `secretsmanager:GetSecretValue` on `@secret` |
//! | Given | condition keys: a JSON object of texts or lists of them | none |
//! | Identity, Boundary, Session | policies | none |
//! | Service control, Resource control | levels with ` / ` between them | none |
//! | Resource policy, Key policy, Trust policy | the policy on the resource's side; without the last two, nothing goes | none |
//! | Grant | how closely a grant of the resource names the caller: `caller`, `role`, `account` | none |
//! | Owner | the account of the resource | `@account` |
//! | Statement | members of one statement that allows everything, as the identity policy | |
//! | Operator, Wanted, Value | as that statement's condition on the key `a:k`, and what the request has under it; nothing: the key is absent | |
//! | Version | that of the policy language | `2012-10-17` |
//! | Holds | `yes`: the statement allows; `no`: it is silent. Each row is checked to deny likewise | |
//! | Decision | `allow`, `no <type>` (nothing of this type allows) or `denied by <type>`; other columns that begin with it add their word to the rule and may change what is attached, see `variants` | |
//!
//! A policy is `Allow`, `Deny` or `Silent` (all actions on all resources; on the resource's side
//! followed by a principal: `Allow @alice`), or a JSON statement, or an array of them, or a whole
//! document. What a statement leaves out is filled in: Allow, every action, every resource. Several
//! policies have ` + ` between them. `@name` stands for what `NAMES` says, everywhere.

use serde_json::{Map, Value, json};
use strongroom_policy::{Caller, Kind};

use crate::evaluators::{Asked, Attached, Outcome};

pub(crate) struct Case {
    /// File and line.
    pub(crate) at: String,
    pub(crate) rule: String,
    pub(crate) attached: Attached,
    /// Of the resource's policy.
    pub(crate) kind: Kind,
    pub(crate) asked: Asked,
    pub(crate) expected: Outcome,
}

/// Longer names before those that they begin with.
const NAMES: &[(&str, &str)] = &[
    (
        "secret",
        "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/db-AbCdEf",
    ),
    (
        "key",
        "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    ),
    ("account", "111122223333"),
    ("root", "arn:aws:iam::111122223333:root"),
    ("alice", "arn:aws:iam::111122223333:user/team/alice"),
    ("bob", "arn:aws:iam::111122223333:user/bob"),
    ("reader", "arn:aws:iam::111122223333:role/path/reader"),
    ("writer", "arn:aws:iam::111122223333:role/writer"),
    (
        "session",
        "arn:aws:sts::111122223333:assumed-role/reader/s1",
    ),
    (
        "other-session",
        "arn:aws:sts::111122223333:assumed-role/reader/s2",
    ),
    ("fred", "arn:aws:sts::111122223333:federated-user/fred"),
    ("foreign-account", "444455556666"),
    ("foreign-root", "arn:aws:iam::444455556666:root"),
    ("foreign-user", "arn:aws:iam::444455556666:user/carol"),
    ("foreign-role", "arn:aws:iam::444455556666:role/reader"),
    (
        "foreign-session",
        "arn:aws:sts::444455556666:assumed-role/reader/s1",
    ),
    ("lambda", "lambda.amazonaws.com"),
    ("google", "accounts.google.com"),
];

const ALICE_ID: &str = "AIDAALICE00000000";
const READER_ID: &str = "AROAREADER0000000";

fn caller(name: &str, at: &str) -> Caller {
    let arn = |name: &str| expand(&format!("@{name}"));
    let user = |name: &str, id: Option<&str>| Caller::User {
        arn: arn(name),
        unique_id: id.map(str::to_owned),
    };
    let session = |name: &str, role: &str, id: Option<&str>| Caller::RoleSession {
        session_arn: arn(name),
        role_arn: arn(role),
        unique_id: id.map(str::to_owned),
    };
    match name {
        "root" => Caller::Root {
            account: arn("account"),
        },
        "foreign-root" => Caller::Root {
            account: arn("foreign-account"),
        },
        "alice" => user("alice", Some(ALICE_ID)),
        "bob" | "foreign-user" => user(name, None),
        "session" | "other-session" => session(name, "reader", Some(READER_ID)),
        "foreign-session" => session(name, "foreign-role", None),
        "fred" => Caller::FederatedUser { arn: arn("fred") },
        "lambda" => Caller::Service {
            name: arn("lambda"),
        },
        "google" => Caller::WebIdentity {
            provider: arn("google"),
        },
        "nobody" => Caller::Anonymous,
        other => panic!("{at}: no caller {other}"),
    }
}

fn expand(text: &str) -> String {
    let mut expanded = text.to_owned();
    let mut names: Vec<_> = NAMES.iter().collect();
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    for (name, meaning) in names {
        expanded = expanded.replace(&format!("@{name}"), meaning);
    }
    expanded
}

/// Every case of a file.
pub(crate) fn read(file: &str, text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut has_source = false;
    let mut columns: Option<Vec<&str>> = None;
    for (index, line) in text.lines().enumerate() {
        let at = format!("{file}.table:{}", index + 1);
        let Some(cells) = line
            .strip_prefix('|')
            .and_then(|line| line.trim_end().strip_suffix('|'))
        else {
            assert!(!line.starts_with('|'), "{at}: no end of the row");
            columns = None;
            has_source |= line.starts_with("Source: ");
            if line.starts_with('#') {
                has_source = false;
            }
            continue;
        };
        let cells: Vec<&str> = cells.split('|').map(str::trim).collect();
        let Some(columns) = &columns else {
            assert!(has_source, "{at}: no source above the table");
            columns = Some(cells);
            continue;
        };
        if cells.iter().all(|cell| cell.starts_with("---")) {
            continue;
        }
        assert_eq!(cells.len(), columns.len(), "{at}: as many cells as columns");
        let row = Row {
            at,
            cells: columns.iter().copied().zip(cells).collect(),
        };
        if columns[0] == "Operator" {
            row.matrix(&mut cases);
        } else {
            row.variants(&mut cases);
        }
    }
    cases
}

struct Row<'a> {
    at: String,
    cells: Vec<(&'a str, &'a str)>,
}

impl<'a> Row<'a> {
    fn cell(&self, column: &str) -> Option<&'a str> {
        let found = self.cells.iter().find(|(name, _)| *name == column);
        found.map(|(_, cell)| *cell).filter(|cell| !cell.is_empty())
    }

    /// A row for one operator: a column for each thing that the request may hold.
    fn matrix(&self, cases: &mut Vec<Case>) {
        let operator = self.cells[0].1;
        let text = |column| self.cell(column).unwrap_or_else(|| panic!("{}", self.at));
        let (wanted, matching, other) = (text("Wanted"), text("Matching"), text("Other"));
        for (column, holds) in &self.cells[4..] {
            let (value, ambiguous) = match *column {
                "one matching" => (Some(format!("[{matching}]")), false),
                "one other" => (Some(format!("[{other}]")), false),
                "both" => (Some(format!("[{other},{matching}]")), false),
                "no key" => (None, false),
                "no values" => (Some("[]".to_owned()), false),
                "an empty text" => (Some(r#"[""]"#.to_owned()), false),
                "the key twice" => (Some(format!("[{matching}]")), true),
                "a wrong type" => (Some(r#"["?!"]"#.to_owned()), false),
                other => panic!("{}: no column {other}", self.at),
            };
            if *holds == "-" {
                continue;
            }
            let mut given = Map::new();
            if let Some(value) = &value {
                given.insert("a:k".into(), serde_json::from_str(value).unwrap());
            }
            if ambiguous {
                given.insert("A:K".into(), serde_json::from_str(matching).unwrap());
            }
            let wanted: Value =
                serde_json::from_str(wanted).unwrap_or_else(|error| panic!("{}: {error}", self.at));
            let condition = json!({operator: {"a:k": wanted}});
            let says = if *holds == "yes" {
                "holds"
            } else {
                "does not hold"
            };
            let rule = format!("{operator} {says} for {column}");
            self.holds(&rule, json!({"Condition": condition}), given, holds, cases);
        }
    }

    /// A row with one decision, or with several under variants of what is attached.
    fn variants(&self, cases: &mut Vec<Case>) {
        let rule = self
            .cell("Rule")
            .unwrap_or_else(|| panic!("{}: no rule", self.at));
        if let Some(holds) = self.cell("Holds") {
            let mut given = self.given();
            if let Some(value) = self.cell("Value") {
                given.insert("a:k".into(), self.json(value));
            }
            let mut statement = self
                .cell("Statement")
                .map_or(json!({}), |text| self.json(&format!("{{{text}}}")));
            if let Some(operator) = self.cell("Operator") {
                let wanted = self.json(self.cell("Wanted").unwrap_or_default());
                statement = json!({"Condition": {operator: {"a:k": wanted}}});
            }
            self.holds(rule, statement, given, holds, cases);
            return;
        }
        for (column, decision) in &self.cells {
            let Some(variant) = column.strip_prefix("Decision") else {
                continue;
            };
            if *decision == "-" {
                continue;
            }
            let mut case = self.case(format!("{rule}{variant}"), self.given());
            case.expected = self.outcome(decision);
            let silent = || document(json!({"Action": "none:None"}));
            match variant {
                "" => {}
                ", with an identity policy" => case.attached.identity = vec![document(json!({}))],
                ", with a silent boundary" => case.attached.boundary = Some(silent()),
                ", with a silent session policy" => case.attached.session = Some(vec![silent()]),
                other => panic!("{}: no variant {other}", self.at),
            }
            cases.push(case);
        }
    }

    /// Two cases of one condition or element: what it allows, and what it denies.
    fn holds(
        &self,
        rule: &str,
        statement: Value,
        given: Map<String, Value>,
        holds: &str,
        cases: &mut Vec<Case>,
    ) {
        let holds = match holds {
            "yes" => true,
            "no" => false,
            other => panic!("{}: {other}", self.at),
        };
        let of = |effect: &str| {
            let mut statement = statement.clone();
            statement["Effect"] = json!(effect);
            let mut document = document(statement);
            if let Some(version) = self.cell("Version") {
                document["Version"] = json!(version);
                if version == "none" {
                    document.as_object_mut().unwrap().remove("Version");
                }
            }
            document
        };
        let mut allowing = self.case(rule.to_owned(), given.clone());
        allowing.attached.identity = vec![of("Allow")];
        allowing.expected = if holds {
            Outcome::Allow
        } else {
            Outcome::No("identity")
        };
        cases.push(allowing);
        // An unresolved variable of NotResource is the one thing that depends on the effect; its
        // rows say both.
        if self
            .cell("Statement")
            .is_some_and(|text| text.contains("Effect"))
        {
            return;
        }
        let mut denying = self.case(format!("{rule} (denying)"), given);
        denying.attached.identity = vec![of("Deny"), document(json!({}))];
        denying.expected = if holds {
            Outcome::DeniedBy("identity")
        } else {
            Outcome::Allow
        };
        cases.push(denying);
    }

    fn case(&self, rule: String, given: Map<String, Value>) -> Case {
        let levels = |column| -> Vec<Vec<Value>> {
            let levels = self.cell(column).map(|cell| cell.split(" / "));
            let levels = levels.into_iter().flatten();
            levels.map(|level| self.policies(level)).collect()
        };
        let on_its_side = ["Resource policy", "Key policy", "Trust policy"];
        let side = on_its_side
            .into_iter()
            .find_map(|name| Some((name, self.cell(name)?)));
        let has = |name| self.cells.iter().any(|(column, _)| *column == name);
        let trust = has("Trust policy");
        let attached = Attached {
            identity: self
                .cell("Identity")
                .map_or(vec![], |cell| self.policies(cell)),
            boundary: self.cell("Boundary").map(|cell| self.policy(cell)),
            session: self.cell("Session").map(|cell| self.policies(cell)),
            service_control: levels("Service control"),
            resource_control: levels("Resource control"),
            resource: side.map(|(_, cell)| {
                let mut policy = self.policy(cell);
                if trust {
                    without_resources(&mut policy);
                }
                policy
            }),
            required: trust || has("Key policy"),
            granted: self.cell("Grant").map(|reach| match reach {
                "caller" => "caller",
                "role" => "role",
                "account" => "account",
                other => panic!("{}: {other}", self.at),
            }),
            owner: expand(self.cell("Owner").unwrap_or("@account")),
        };
        let values = given
            .into_iter()
            .map(|(key, values)| {
                let values = match values {
                    Value::Array(values) => values,
                    value => vec![value],
                };
                let texts = values.iter().map(|value| expand(value.as_str().unwrap()));
                (key, texts.collect())
            })
            .collect();
        let asked = Asked {
            caller: caller(self.cell("Caller").unwrap_or("alice"), &self.at),
            action: self
                .cell("Action")
                .unwrap_or("secretsmanager:GetSecretValue")
                .to_owned(),
            resource: expand(self.cell("On").unwrap_or("@secret")),
            values,
        };
        Case {
            at: self.at.clone(),
            rule,
            attached,
            kind: if trust { Kind::Trust } else { Kind::Resource },
            asked,
            expected: Outcome::Allow,
        }
    }

    fn given(&self) -> Map<String, Value> {
        let given = self.cell("Given").map_or(json!({}), |text| self.json(text));
        given.as_object().unwrap().clone()
    }

    fn json(&self, text: &str) -> Value {
        let text = expand(text);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}: {text}", self.at))
    }

    fn outcome(&self, text: &str) -> Outcome {
        let types = [
            "identity",
            "boundary",
            "session",
            "resource",
            "service control",
            "resource control",
        ];
        let named = |name: &str| {
            let known = types.into_iter().find(|known| *known == name);
            known.unwrap_or_else(|| panic!("{}: no type of policy {name}", self.at))
        };
        match text.strip_prefix("denied by ") {
            Some(by) => Outcome::DeniedBy(named(by)),
            None if text == "allow" => Outcome::Allow,
            None => Outcome::No(named(text.strip_prefix("no ").unwrap_or(text))),
        }
    }

    fn policies(&self, cell: &str) -> Vec<Value> {
        cell.split(" + ")
            .map(|policy| self.policy(policy))
            .collect()
    }

    fn policy(&self, cell: &str) -> Value {
        if cell.starts_with(['{', '[']) {
            return document(self.json(cell));
        }
        let (effect, principal) = cell.split_once(' ').unwrap_or((cell, ""));
        let mut statement = match effect {
            "Allow" | "Deny" => json!({"Effect": effect}),
            "Silent" => json!({"Action": "none:None"}),
            other => panic!("{}: no policy {other}", self.at),
        };
        if !principal.is_empty() {
            statement["Principal"] = match expand(principal).as_str() {
                "*" => json!("*"),
                name if name.ends_with("amazonaws.com") => json!({"Service": name}),
                name if name.ends_with("google.com") => json!({"Federated": name}),
                name => json!({"AWS": name}),
            };
        }
        document(statement)
    }
}

/// A whole document of statements that may leave out what is usual.
fn document(policy: Value) -> Value {
    if policy.get("Statement").is_some() {
        return policy;
    }
    let statements = match policy {
        Value::Array(statements) => statements,
        statement => vec![statement],
    };
    let filled = statements.into_iter().map(|mut statement| {
        let members = statement.as_object_mut().unwrap();
        members.entry("Effect").or_insert(json!("Allow"));
        for (element, negated) in [("Action", "NotAction"), ("Resource", "NotResource")] {
            if !members.contains_key(negated) {
                members.entry(element).or_insert(json!("*"));
            }
        }
        statement
    });
    json!({"Version": "2012-10-17", "Statement": filled.collect::<Vec<_>>()})
}

fn without_resources(policy: &mut Value) {
    for statement in policy["Statement"].as_array_mut().unwrap() {
        statement.as_object_mut().unwrap().remove("Resource");
    }
}
