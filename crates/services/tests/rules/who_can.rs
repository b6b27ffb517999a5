//! Who may do something, as an operator is told, held against what requests are answered.

use serde_json::{Value, json};
use strongroom_services::access::who_can::{Condition, Holder, WhoCan};
use strongroom_services::caller::Caller;
use strongroom_services::{iam, kms, sts};

use crate::harness::{ACCOUNT, OTHER_ACCOUNT, REGION, Service, V1, V2};

const READ: &str = "secretsmanager:GetSecretValue";

fn allow(action: &str) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": "*"})
}

fn on(mut statement: Value, condition: Value) -> Value {
    statement["Condition"] = condition;
    statement
}

fn to(mut statement: Value, principal: Value) -> Value {
    statement["Principal"] = principal;
    statement
}

fn document(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn user(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/{name}")
}

fn role(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

fn root(account: &str) -> String {
    format!("arn:aws:iam::{account}:root")
}

/// Two accounts; the first has the secret `s`, tagged `team` = `web`.
fn deployment() -> Service {
    let mut service = Service::with_secret();
    service.make_account(ACCOUNT);
    service.make_account(OTHER_ACCOUNT);
    service.ok(
        "TagResource",
        json!({"SecretId": "s", "Tags": [{"Key": "team", "Value": "web"}]}),
    );
    service
}

impl Service {
    fn asks_iam(&mut self, operation: &str, body: Value) -> Value {
        let asked = self.ask_of(iam::OPERATIONS, operation, &body);
        asked.unwrap_or_else(|refusal| panic!("{operation} {body}: {refusal:?}"))
    }

    /// A user of the first account with these statements, ready to sign.
    fn made_user(&mut self, name: &str, team: &str, statements: &[Value]) -> Caller {
        self.be(ACCOUNT, REGION);
        let tags = json!([{"Key": "team", "Value": team}]);
        self.asks_iam("CreateUser", json!({"UserName": name, "Tags": tags}));
        if !statements.is_empty() {
            self.asks_iam(
                "PutUserPolicy",
                json!({"UserName": name, "PolicyName": "p", "PolicyDocument": document(statements)}),
            );
        }
        let key = self.asks_iam("CreateAccessKey", json!({"UserName": name}));
        let key = key["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned();
        self.be_user(ACCOUNT, name, &key);
        let caller = self.caller();
        self.be(ACCOUNT, REGION);
        caller
    }

    /// A role of the first account with these statements, which these principals are trusted with.
    fn made_role(&mut self, name: &str, trusted: Value, statements: &[Value]) {
        self.be(ACCOUNT, REGION);
        let trust = json!({"Version": "2012-10-17", "Statement":
            {"Effect": "Allow", "Principal": trusted, "Action": ["sts:AssumeRole", "sts:TagSession"]}});
        let tags = json!([{"Key": "team", "Value": "web"}]);
        let body =
            json!({"RoleName": name, "Tags": tags, "AssumeRolePolicyDocument": trust.to_string()});
        self.asks_iam("CreateRole", body);
        if !statements.is_empty() {
            self.asks_iam(
                "PutRolePolicy",
                json!({"RoleName": name, "PolicyName": "p", "PolicyDocument": document(statements)}),
            );
        }
    }

    fn put_secret_policy(&mut self, statements: &[Value]) {
        self.be(ACCOUNT, REGION);
        self.ok(
            "PutResourcePolicy",
            json!({"SecretId": "s", "ResourcePolicy": document(statements)}),
        );
    }

    fn readers(&self) -> WhoCan {
        self.who_can(READ, "s", ACCOUNT)
    }
}

/// Principals, with a `?` where it is on conditions.
fn listed(holders: &[Holder]) -> Vec<String> {
    let listed = holders.iter().map(|holder| {
        let mark = if holder.unconditional { "" } else { " ?" };
        format!("{}{mark}", holder.principal)
    });
    listed.collect()
}

#[test]
fn those_who_may_are_told_with_what_lets_them_in_and_on_which_conditions() {
    let mut service = deployment();
    service.made_user(
        "alice",
        "web",
        &[on(
            allow(READ),
            json!({"StringEquals":
        {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}),
        )],
    );
    service.made_user(
        "bob",
        "db",
        &[on(
            allow(READ),
            json!({"StringEquals":
        {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}),
        )],
    );
    service.made_user(
        "carol",
        "x",
        &[on(
            allow(READ),
            json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        )],
    );
    service.made_user("dave", "x", &[]);
    let found = service.readers();
    assert_eq!(
        listed(&found.holders),
        [root(ACCOUNT), user("alice"), format!("{} ?", user("carol"))]
    );
    assert_eq!(found.principals, 6);
    let by = &found.holders[1].access[0].by;
    assert_eq!(by[0].cited.source, "inline policy p of user alice");
    let by = &found.holders[2].access[0].by;
    assert_eq!(
        by[0].conditions,
        [Condition::Key {
            operator: "IpAddress".to_owned(),
            key: "aws:SourceIp".to_owned(),
            values: vec!["10.0.0.0/8".to_owned()],
        }]
    );

    // A denial of the secret's on what the request says makes all of it depend; one on what is known takes away.
    let mut deny = to(
        on(
            allow(READ),
            json!({"Bool": {"aws:SecureTransport": "false"}}),
        ),
        json!("*"),
    );
    deny["Effect"] = json!("Deny");
    let mut never = to(
        on(
            allow(READ),
            json!({"StringNotEquals": {"aws:PrincipalTag/team": "web"}}),
        ),
        json!("*"),
    );
    never["Effect"] = json!("Deny");
    let dave = to(allow(READ), json!({"AWS": user("dave")}));
    let other = to(allow(READ), json!({"AWS": OTHER_ACCOUNT}));
    service.put_secret_policy(&[deny.clone(), dave, other]);
    let found = service.readers();
    let all = [
        root(ACCOUNT),
        user("alice"),
        user("carol"),
        user("dave"),
        root(OTHER_ACCOUNT),
    ];
    assert_eq!(
        listed(&found.holders),
        all.map(|principal| format!("{principal} ?"))
    );
    let dave = &found.holders[3].access[0];
    assert_eq!(
        dave.by[0].cited.to_string(),
        "resource policy of secret s, statement 2"
    );
    assert_eq!(
        dave.unless[0].cited.to_string(),
        "resource policy of secret s, statement 1"
    );
    let told = found.to_string();
    assert!(
        told.contains("5 of 6 principals may, 5 of them on conditions."),
        "{told}"
    );
    assert!(
        told.contains("    if Bool aws:SecureTransport false"),
        "{told}"
    );

    service.be(ACCOUNT, REGION);
    service.ok(
        "PutResourcePolicy",
        json!({"SecretId": "s", "ResourcePolicy": document(&[deny, never])}),
    );
    assert_eq!(
        listed(&service.readers().holders),
        [format!("{} ?", user("alice"))]
    );
}

#[test]
fn who_may_assume_a_role_is_told_through_every_other_role_and_no_circle_is_gone_round() {
    let mut service = deployment();
    let assume =
        |name: &str| json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role(name)});
    service.made_user("alice", "x", &[assume("one")]);
    service.made_user(
        "bob",
        "x",
        &[on(
            assume("two"),
            json!({"Bool": {"aws:SecureTransport": "true"}}),
        )],
    );
    service.made_user("carol", "x", &[]);
    service.made_role("one", json!({"AWS": root(ACCOUNT)}), &[assume("two")]);
    service.made_role(
        "two",
        json!({"AWS": root(ACCOUNT)}),
        &[assume("app"), assume("one")],
    );
    service.made_role(
        "app",
        json!({"AWS": [role("two"), user("carol")]}),
        &[allow(READ)],
    );
    let found = service.readers();
    assert_eq!(listed(&found.holders), [root(ACCOUNT), role("app")]);
    let assumers = |name: &str| listed(&found.assumable_by[&role(name)]);
    assert_eq!(assumers("app"), [user("carol"), role("two")]);
    assert_eq!(assumers("two"), [format!("{} ?", user("bob")), role("one")]);
    assert_eq!(assumers("one"), [user("alice"), role("two")]);
    let told = found.to_string();
    for line in [
        format!("    {}\n", user("carol")),
        format!("    {}\n", role("two")),
        format!("    {} (on conditions) → role/two\n", user("bob")),
        format!("    {} → role/one → role/two\n", user("alice")),
    ] {
        assert!(told.contains(&line), "{line}{told}");
    }
    assert_eq!(told.matches("→").count(), 4, "{told}");
}

#[test]
fn a_key_of_one_s_own_is_a_second_need_and_grants_count() {
    let mut service = deployment();
    let everything = [allow("secretsmanager:*")];
    for name in ["alice", "bob", "carol", "dave"] {
        service.made_user(name, "x", &everything);
    }
    let policy = document(&[
        to(allow("kms:*"), json!({"AWS": root(ACCOUNT)})),
        to(allow("kms:Decrypt"), json!({"AWS": user("alice")})),
    ]);
    service.be(ACCOUNT, REGION);
    let made = service.ask_of(kms::OPERATIONS, "CreateKey", &json!({"Policy": policy}));
    let key = made.unwrap()["KeyMetadata"]["Arn"]
        .as_str()
        .unwrap()
        .to_owned();
    for (name, constraints) in [
        ("bob", json!({})),
        (
            "carol",
            json!({"EncryptionContextSubset": {"SecretARN": "another"}}),
        ),
    ] {
        let body = json!({"KeyId": key, "GranteePrincipal": user(name), "Operations": ["Decrypt"],
            "Constraints": constraints});
        service
            .ask_of(kms::OPERATIONS, "CreateGrant", &body)
            .unwrap();
    }
    service.ok(
        "CreateSecret",
        json!({"Name": "t", "SecretString": "v", "ClientRequestToken": V1, "KmsKeyId": key}),
    );
    let found = service.who_can(READ, "t", ACCOUNT);
    assert_eq!(found.needs[1].action, "kms:Decrypt");
    assert_eq!(
        listed(&found.holders),
        [root(ACCOUNT), user("alice"), user("bob")]
    );
    assert_eq!(
        found
            .lacking
            .iter()
            .map(|it| it.principal.as_str())
            .collect::<Vec<_>>(),
        [user("carol"), user("dave")]
    );
    let by = &found.holders[2].access[1].by[0].cited.source;
    assert!(by.starts_with("grant "), "{by}");
    // Of the key itself the encryption context isn't known.
    let found = service.who_can("kms:Decrypt", &key, ACCOUNT);
    assert_eq!(
        listed(&found.holders),
        [
            root(ACCOUNT),
            user("alice"),
            user("bob"),
            format!("{} ?", user("carol"))
        ]
    );
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        from[(mixed % from.len() as u64) as usize].clone()
    }
}

/// Conditions on what is known of someone, of the secret, and of a request.
fn conditions() -> Vec<Option<Value>> {
    let conditions = [
        json!({"StringEquals": {"aws:PrincipalTag/team": "web"}}),
        json!({"StringNotEquals": {"aws:PrincipalTag/team": "web"}}),
        json!({"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}),
        json!({"StringEquals": {"secretsmanager:ResourceTag/team": "db"}}),
        json!({"StringLike": {"aws:userid": "AIDA*"}}),
        json!({"StringEquals": {"aws:username": "alice"}}),
        json!({"StringEquals": {"aws:PrincipalType": "AssumedRole"}}),
        json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}),
        json!({"StringEquals": {"aws:PrincipalAccount": OTHER_ACCOUNT}}),
        json!({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}),
        json!({"Bool": {"aws:ViaAWSService": "true"}}),
        json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        json!({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        json!({"Bool": {"aws:SecureTransport": "true"}}),
        json!({"StringLike": {"aws:UserAgent": "Boto*"}}),
        json!({"StringEquals": {"secretsmanager:VersionStage": "AWSPREVIOUS"}}),
        json!({"Null": {"secretsmanager:VersionId": "true"}}),
        json!({"Null": {"aws:TokenIssueTime": "false"}}),
        json!({"StringLike": {"aws:userid": "*:s1"}}),
        json!({"DateGreaterThan": {"aws:CurrentTime": "2024-01-01T00:00:00Z"}}),
        json!({"StringEquals": {"aws:SourceIdentity": "x"}}),
        json!({"StringEquals": {"aws:MultiFactorAuthPresent": "true"}}),
    ];
    conditions
        .map(Some)
        .into_iter()
        .chain((0..8).map(|_| None))
        .collect()
}

#[test]
fn nobody_reads_who_is_not_listed_and_nobody_is_refused_who_is_listed_without_conditions() {
    let (mut absent, mut sure, mut open) = (0, 0, 0);
    for seed in 1..=60 {
        let mut random = Random(seed);
        let conditions = conditions();
        let statement = |random: &mut Random, resource: bool| {
            let mut statement = allow(READ);
            statement["Effect"] = random.pick(&[
                json!("Allow"),
                json!("Allow"),
                json!("Allow"),
                json!("Deny"),
            ]);
            if let Some(condition) = random.pick(&conditions) {
                statement["Condition"] = condition;
            }
            if resource {
                statement["Principal"] = random.pick(&[
                    json!("*"),
                    json!({"AWS": ACCOUNT}),
                    json!({"AWS": OTHER_ACCOUNT}),
                    json!({"AWS": user("alice")}),
                    json!({"AWS": role("app")}),
                    json!({"AWS": format!("arn:aws:sts::{ACCOUNT}:assumed-role/app/s1")}),
                ]);
            }
            statement
        };
        let mut service = deployment();
        service.put(V2, "two", json!(null));
        let of_alice = [statement(&mut random, false), statement(&mut random, false)];
        let of_role = [statement(&mut random, false)];
        let alice = service.made_user(
            "alice",
            "web",
            &[&of_alice[..], &[allow("sts:AssumeRole")]].concat(),
        );
        service.made_role("app", json!({"AWS": user("alice")}), &of_role);
        if random.pick(&[true, true, false]) {
            let policy = [statement(&mut random, true), statement(&mut random, true)];
            // Not every policy can be put by whom it would lock out; then there is none.
            service.be(ACCOUNT, REGION);
            let body = json!({"SecretId": "s", "ResourcePolicy": document(&policy)});
            let _ = service.ask("PutResourcePolicy", &body);
        }
        service.be(ACCOUNT, REGION);
        let owner = service.caller();
        service.be(OTHER_ACCOUNT, REGION);
        let other = service.caller();
        let mut callers = vec![
            (root(ACCOUNT), owner),
            (root(OTHER_ACCOUNT), other),
            (user("alice"), alice.clone()),
        ];
        for (name, team) in [("s1", None), ("s2", Some("db"))] {
            service.be_caller(alice.clone());
            let mut body = json!({"RoleArn": role("app"), "RoleSessionName": name});
            if let Some(team) = team {
                body["Tags"] = json!([{"Key": "team", "Value": team}]);
            }
            // Sessions with tags need more than alice's own policy gives.
            let made = service.ask_of(sts::OPERATIONS, "AssumeRole", &body);
            let Ok(made) = made else { continue };
            service.be_session(&made["Credentials"]);
            callers.push((role("app"), service.caller()));
        }
        let found = service.readers();
        let arn = found.needs[0].resource.clone();
        for (principal, caller) in &callers {
            let holder = found
                .holders
                .iter()
                .find(|holder| holder.principal == *principal);
            for _ in 0..6 {
                service.be_caller(caller.clone());
                service.sender.secure = random.pick(&[true, false]);
                service.sender.address = random.pick(&[
                    None,
                    Some("10.1.2.3".to_owned()),
                    Some("192.0.2.1".to_owned()),
                ]);
                service.sender.user_agent = random.pick(&[None, Some("Boto3/1".to_owned())]);
                let mut body = random.pick(&[
                    json!({}),
                    json!({"VersionStage": "AWSPREVIOUS"}),
                    json!({"VersionId": V1}),
                ]);
                body["SecretId"] = json!(arn);
                let outcome = service.ask("GetSecretValue", &body);
                let foreign_key = principal == &root(OTHER_ACCOUNT);
                let allowed = match &outcome {
                    Ok(_) => true,
                    // The service's own key of another account comes after permission.
                    Err(refusal) if foreign_key => refusal.code != "AccessDeniedException",
                    Err(_) => false,
                };
                let told = || {
                    format!(
                        "seed {seed} {principal} {body} {:?}\n{found}",
                        service.sender.address
                    )
                };
                match holder {
                    None => assert!(!allowed, "{}", told()),
                    Some(holder) if holder.unconditional => {
                        assert!(allowed, "{outcome:?} {}", told())
                    }
                    Some(_) => open += 1,
                }
                absent += u32::from(holder.is_none());
                sure += u32::from(holder.is_some_and(|holder| holder.unconditional));
            }
        }
    }
    assert!(
        absent > 200 && sure > 200 && open > 200,
        "{absent} {sure} {open}"
    );
}
