//! Random policies and requests from a seed, out of so small a vocabulary that they often meet.

use serde_json::{Map, Value, json};
use strongroom_policy::{Caller, Kind};

use crate::evaluators::{Asked, Attached};

/// SplitMix64: small, seeded, good enough.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// One value or a list of one to three.
    fn some_of(&mut self, from: &[&str]) -> Value {
        if self.one_in(2) {
            return json!(self.pick(from));
        }
        let count = 1 + self.below(3);
        Value::Array((0..count).map(|_| json!(self.pick(from))).collect())
    }
}

const ACTIONS: &[&str] = &[
    "*",
    "*:*",
    "secretsmanager:*",
    "secretsmanager:GetSecretValue",
    "secretsmanager:Get*",
    "SecretsManager:getsecretvalue",
    "secretsmanager:*Secret*",
    "secretsmanager:?etSecretValue",
    "kms:Decrypt",
    "kms:*",
    "*:Decrypt",
];
const ASKED_ACTIONS: &[&str] = &[
    "secretsmanager:GetSecretValue",
    "secretsmanager:PutSecretValue",
    "kms:Decrypt",
];
const RESOURCES: &[&str] = &[
    "*",
    "arn:*",
    "arn:aws:secretsmanager:*",
    "arn:aws:secretsmanager:*:*:secret:prod/*",
    "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/db-AbCdEf",
    "arn:aws:secretsmanager:us-*-1:111122223333:secret:*-??????",
    "arn:aws:secretsmanager:us-*:secret:prod/db-*",
    "arn:aws:secretsmanager:us-e*t-1:*",
    "arn:aws:secretsmanager:us-east-1:111122223333:secret:${aws:PrincipalTag/team}/*",
    "arn:aws:secretsmanager:*:*:secret:${aws:PrincipalTag/none, 'prod'}/db-??????",
    "arn:aws:secretsmanager:*:*:secret:${aws:PrincipalTag/none}*",
    "arn:aws:secretsmanager:us-east-1:111122223333:secret:odd${*}${?}${$}*",
    "arn:aws:secretsmanager:*:secret?prod*",
];
const ASKED_RESOURCES: &[&str] = &[
    "*",
    "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/db-AbCdEf",
    "arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/db-AbCdEf",
    "arn:aws:secretsmanager:us-east-1:444455556666:secret:red/x-GhIjKl",
    "arn:aws:secretsmanager:us-east-1:111122223333:secret:odd*?$-MnOpQr",
];
const PRINCIPALS: &[&str] = &[
    "*",
    "111122223333",
    "arn:aws:iam::111122223333:root",
    "444455556666",
    "arn:aws:iam::111122223333:user/alice",
    "arn:aws:iam::444455556666:user/bob",
    "arn:aws:iam::111122223333:role/path/reader",
    "arn:aws:sts::111122223333:assumed-role/reader/s1",
    "arn:aws:sts::111122223333:assumed-role/reader/s2",
    "arn:aws:sts::111122223333:federated-user/fred",
    "AIDAALICE00000000",
    "AROAREADER0000000",
    "AROAREADER0000000:s1",
];
const SERVICES: &[&str] = &["lambda.amazonaws.com", "kms.amazonaws.com"];
const PROVIDERS: &[&str] = &[
    "accounts.google.com",
    "arn:aws:iam::111122223333:oidc-provider/issuer.example.com",
];

const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnNotEquals",
    "ArnLike",
    "ArnNotLike",
    "Null",
];
const TEXTS: &[&str] = &[
    "",
    "a",
    "b",
    "A",
    "ab",
    "a*",
    "*",
    "?",
    "${aws:username}",
    "${aws:PrincipalTag/team}",
    "${aws:PrincipalTag/none}",
    "${ aws:PrincipalTag/none , 'a'}",
    "${a:many}",
    "${*}",
    "red",
    "a?${aws:username}",
];
const NUMBERS: &[&str] = &["0", "1", "1.0", "2", "-1", "10", "9.5", "many", ""];
pub(crate) const DATES: &[(&str, Option<i64>)] = &[
    ("2020-01-01T00:00:00Z", Some(1_577_836_800)),
    ("2020-01-01", Some(1_577_836_800)),
    ("2020-01-01T02:00:00+02:00", Some(1_577_836_800)),
    ("1577836800", Some(1_577_836_800)),
    ("2019-12-31T23:59:59Z", Some(1_577_836_799)),
    ("2020-06-01", Some(1_590_969_600)),
    ("1590969600", Some(1_590_969_600)),
    ("yesterday", None),
    ("", None),
];
const ADDRESSES: &[&str] = &[
    "10.0.0.0/8",
    "10.1.2.3",
    "10.1.2.3/32",
    "0.0.0.0/0",
    "192.0.2.0/25",
    "2001:db8::/32",
    "x",
];
const ASKED_ADDRESSES: &[&str] = &[
    "10.1.2.3",
    "10.1.2.4",
    "192.0.2.127",
    "192.0.2.128",
    "2001:db8::1",
    "nowhere",
];
const ARNS: &[&str] = &[
    "arn:aws:iam::111122223333:user/alice",
    "arn:aws:iam::*:user/*",
    "arn:aws:iam::1*:role/?",
    "arn:aws:iam::*:role/r",
    "arn:aws:iam:*:user/alice",
    "arn:*",
    "*",
    "arn:aws:i*::111122223333:*",
    "arn:aws:iam::111122223333:user/${aws:username}",
    "${a:arn}",
    "",
];
const ASKED_ARNS: &[&str] = &[
    "arn:aws:iam::111122223333:user/alice",
    "arn:aws:iam::111122223333:role/r",
    "arn:aws:iam::444455556666:user/x/y:z",
    "arn:aws:iam::111122223333:user/x:role/r",
    "no arn",
];
const BOOLS: &[&str] = &["true", "false", "True", "maybe"];
const BINARIES: &[&str] = &["QQ==", "QUI=", "not base64"];

/// A well-formed policy of one to three statements.
pub(crate) fn policy(random: &mut Random, kind: Kind) -> Value {
    let statements = (0..1 + random.below(3))
        .map(|_| {
            let effect = random.pick(&["Allow", "Allow", "Deny"]);
            statement(random, kind, effect)
        })
        .collect();
    with_version(random, statements)
}

fn with_version(random: &mut Random, statements: Vec<Value>) -> Value {
    let mut policy = Map::new();
    match random.below(8) {
        0 => {}
        1 => {
            policy.insert("Version".into(), json!("2008-10-17"));
        }
        _ => {
            policy.insert("Version".into(), json!("2012-10-17"));
        }
    }
    let single = statements.len() == 1 && random.one_in(2);
    let statements = if single {
        statements[0].clone()
    } else {
        Value::Array(statements)
    };
    policy.insert("Statement".into(), statements);
    Value::Object(policy)
}

fn statement(random: &mut Random, kind: Kind, effect: &str) -> Value {
    let mut statement = Map::new();
    statement.insert("Effect".into(), json!(effect));
    let element = if random.one_in(5) {
        "NotAction"
    } else {
        "Action"
    };
    statement.insert(element.into(), random.some_of(ACTIONS));
    let element = if random.one_in(5) {
        "NotResource"
    } else {
        "Resource"
    };
    statement.insert(element.into(), random.some_of(RESOURCES));
    if kind == Kind::Resource {
        let element = if random.one_in(4) {
            "NotPrincipal"
        } else {
            "Principal"
        };
        statement.insert(element.into(), principals(random));
    }
    if random.one_in(2) {
        let mut condition = Map::new();
        for _ in 0..1 + random.below(2) {
            let (operator, keys) = operator(random);
            condition.insert(operator, keys);
        }
        statement.insert("Condition".into(), Value::Object(condition));
    }
    Value::Object(statement)
}

fn principals(random: &mut Random) -> Value {
    if random.one_in(6) {
        return json!("*");
    }
    let mut types = Map::new();
    types.insert("AWS".into(), random.some_of(PRINCIPALS));
    if random.one_in(4) {
        types.insert("Service".into(), random.some_of(SERVICES));
    }
    if random.one_in(6) {
        types.insert("Federated".into(), random.some_of(PROVIDERS));
    }
    Value::Object(types)
}

fn operator(random: &mut Random) -> (String, Value) {
    let name = random.pick(OPERATORS);
    let dates: Vec<&str> = DATES.iter().map(|(text, _)| *text).collect();
    let (own_keys, values): (&[&str], &[&str]) = match name {
        "Null" => (&["a:text", "a:none", "a:many"], &["true", "false", "x"]),
        "Bool" => (&["a:bool", "a:text"], BOOLS),
        "BinaryEquals" => (&["a:binary", "a:text"], BINARIES),
        name if name.contains("Ip") => (&["aws:SourceIp", "a:none"], ADDRESSES),
        name if name.starts_with("Arn") => (&["a:arn", "a:none"], ARNS),
        name if name.starts_with("Numeric") => (&["a:number", "a:numbers", "a:none"], NUMBERS),
        name if name.starts_with("Date") => (&["a:date", "a:text"], &dates),
        _ => (
            &[
                "a:text",
                "A:Text",
                "a:many",
                "a:none",
                "aws:username",
                "aws:PrincipalTag/team",
            ],
            TEXTS,
        ),
    };
    let mut keys = Map::new();
    for _ in 0..1 + random.below(2) {
        keys.insert(random.pick(own_keys).into(), random.some_of(values));
    }
    if name == "Null" {
        return (name.into(), Value::Object(keys));
    }
    let quantifier = random.pick(&["", "", "", "ForAllValues:", "ForAnyValue:"]);
    let if_exists = random.pick(&["", "", "IfExists"]);
    (
        format!("{quantifier}{name}{if_exists}"),
        Value::Object(keys),
    )
}

/// Policies of every type. Most of them allow everything, as otherwise hardly anything would pass
/// all of them.
pub(crate) fn attached(random: &mut Random) -> Attached {
    fn set(random: &mut Random, kind: Kind, least: usize) -> Vec<Value> {
        let count = least + random.below(2);
        (0..count).map(|_| mostly_open(random, kind)).collect()
    }
    fn levels(random: &mut Random, kind: Kind, bound: usize) -> Vec<Vec<Value>> {
        let count = random.below(bound);
        (0..count).map(|_| set(random, kind, 1)).collect()
    }
    Attached {
        identity: set(random, Kind::Identity, 0),
        boundary: (!random.one_in(3)).then(|| mostly_open(random, Kind::Identity)),
        session: random.one_in(2).then(|| set(random, Kind::Identity, 1)),
        service_control: levels(random, Kind::Identity, 3),
        resource_control: levels(random, Kind::Resource, 2),
        resource: (!random.one_in(3)).then(|| mostly_open(random, Kind::Resource)),
        required: random.one_in(3),
        granted: random.pick(&[
            None,
            None,
            None,
            Some("account"),
            Some("role"),
            Some("caller"),
        ]),
        owner: random
            .pick(&["111122223333", "111122223333", "444455556666"])
            .into(),
    }
}

fn mostly_open(random: &mut Random, kind: Kind) -> Value {
    if random.one_in(3) {
        return policy(random, kind);
    }
    let mut statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    if kind == Kind::Resource {
        statement["Principal"] = if random.one_in(2) {
            json!("*")
        } else {
            principals(random)
        };
    }
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

/// A place among policies that holds some already.
pub(crate) fn some_policy<'a>(
    random: &mut Random,
    attached: &'a mut Attached,
) -> Option<(Kind, &'a mut Value)> {
    let levels = |levels: &'a mut Vec<Vec<Value>>| levels.iter_mut().flatten();
    let identity = (attached.identity.iter_mut())
        .chain(&mut attached.boundary)
        .chain(attached.session.iter_mut().flatten())
        .chain(levels(&mut attached.service_control))
        .map(|policy| (Kind::Identity, policy));
    let resource = levels(&mut attached.resource_control)
        .chain(&mut attached.resource)
        .map(|policy| (Kind::Resource, policy));
    let mut all: Vec<_> = identity.chain(resource).collect();
    if all.is_empty() {
        return None;
    }
    Some(all.swap_remove(random.below(all.len())))
}

/// Adds a statement of this effect to a policy, in front or behind.
pub(crate) fn add(random: &mut Random, policy: &mut Value, kind: Kind, effect: &str) {
    let added = statement(random, kind, effect);
    let mut statements = match policy["Statement"].take() {
        Value::Array(statements) => statements,
        single => vec![single],
    };
    let at = if random.one_in(2) {
        0
    } else {
        statements.len()
    };
    statements.insert(at, added);
    policy["Statement"] = Value::Array(statements);
}

/// The same policies and statements in another order.
pub(crate) fn shuffled(random: &mut Random, attached: &Attached) -> Attached {
    let mut shuffled = attached.clone();
    let sets = std::iter::once(&mut shuffled.identity)
        .chain(&mut shuffled.session)
        .chain(&mut shuffled.service_control)
        .chain(&mut shuffled.resource_control);
    sets.for_each(|set| random.shuffle(set));
    random.shuffle(&mut shuffled.service_control);
    random.shuffle(&mut shuffled.resource_control);
    let policies = (shuffled.identity.iter_mut())
        .chain(&mut shuffled.boundary)
        .chain(shuffled.session.iter_mut().flatten())
        .chain(shuffled.service_control.iter_mut().flatten())
        .chain(shuffled.resource_control.iter_mut().flatten())
        .chain(&mut shuffled.resource);
    for policy in policies {
        if let Value::Array(statements) = &mut policy["Statement"] {
            random.shuffle(statements);
        }
    }
    shuffled
}

/// Whether a key tells who or where a caller is, for the analysis of public access.
pub(crate) fn says_who(key: &str) -> bool {
    ["aws:sourceip", "aws:username"].contains(&key)
}

pub(crate) fn asked(random: &mut Random) -> Asked {
    let session = |name: &str| Caller::RoleSession {
        session_arn: format!("arn:aws:sts::111122223333:assumed-role/reader/{name}"),
        role_arn: "arn:aws:iam::111122223333:role/path/reader".into(),
        unique_id: Some("AROAREADER0000000".into()),
    };
    let user = |arn: &str, id: Option<&str>| Caller::User {
        arn: arn.into(),
        unique_id: id.map(str::to_owned),
    };
    let alice = "arn:aws:iam::111122223333:user/alice";
    let caller = random.pick(&[
        Caller::Root {
            account: "111122223333".into(),
        },
        user(alice, Some("AIDAALICE00000000")),
        user(alice, None),
        user(
            "arn:aws:iam::444455556666:user/bob",
            Some("AIDABOB0000000000"),
        ),
        session("s1"),
        session("s3"),
        Caller::FederatedUser {
            arn: "arn:aws:sts::111122223333:federated-user/fred".into(),
        },
        Caller::Service {
            name: "lambda.amazonaws.com".into(),
        },
        Caller::WebIdentity {
            provider: "accounts.google.com".into(),
        },
        Caller::Anonymous,
    ]);
    let dates: Vec<&str> = DATES.iter().map(|(text, _)| *text).collect();
    let mut values: Vec<(String, Vec<String>)> = Vec::new();
    let mut maybe = |key: &str, from: &[&str], most: usize| {
        if !random.one_in(4) {
            let count = if most == 1 { 1 } else { random.below(most + 1) };
            let picked = (0..count).map(|_| random.pick(from).to_owned());
            values.push((key.to_owned(), picked.collect()));
        }
    };
    maybe(
        "a:text",
        &["a", "b", "A", "ab", "", "*", "true", "QQ==", "2020-01-01"],
        1,
    );
    maybe("A:Many", &["a", "b", "ab", "", "red"], 3);
    maybe("aws:username", &["a", "alice", "*"], 1);
    maybe("aws:PrincipalTag/Team", &["red", "prod", "a"], 1);
    maybe("a:number", NUMBERS, 1);
    maybe("a:numbers", NUMBERS, 3);
    maybe("a:date", &dates, 1);
    maybe("aws:sourceip", ASKED_ADDRESSES, 1);
    maybe("a:arn", ASKED_ARNS, 1);
    maybe("a:bool", BOOLS, 1);
    maybe("a:binary", BINARIES, 1);
    // Beside "a:text", a key in two letter cases.
    if random.one_in(8) {
        values.push((
            "A:TEXT".to_owned(),
            vec![random.pick(&["a", "b"]).to_owned()],
        ));
    }
    Asked {
        caller,
        action: random.pick(ASKED_ACTIONS).to_owned(),
        resource: random.pick(ASKED_RESOURCES).to_owned(),
        values,
    }
}
