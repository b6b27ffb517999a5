//! How policies of different types combine, and the reason given for a refusal.
//! Source: IAM user guide, Policy evaluation logic; Cross-account policy evaluation logic;
//! Permissions boundaries; Troubleshoot access denied error messages.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

use strongroom_policy::{
    Caller, Context, Decision, Document, Grant, IdentityGrant, Kind, Policies, PolicyType, Reach,
    Request, ResourceGrant, ResourceRule, StatementRef, decide, explain_refusal,
};

const ACTION: &str = "secretsmanager:GetSecretValue";
const SECRET: &str = "arn:aws:secretsmanager:us-east-1:111122223333:secret:a-AbCdEf";
const OWN: &str = "111122223333";

/// What each policy does; `None` is a policy that is not there, `""` one that says nothing.
#[derive(Clone, Copy, Default)]
struct Case {
    identity: &'static str,
    boundary: Option<&'static str>,
    session: Option<&'static str>,
    service_control: &'static [&'static str],
    resource_control: &'static [&'static str],
    /// An effect and whom it names.
    resource: Option<(&'static str, &'static str)>,
    required: bool,
    granted: Option<Reach>,
}

fn identity_document(effect: &str) -> Document {
    let (effect, action) = if effect.is_empty() {
        ("Allow", "other:Action")
    } else {
        (effect, "*")
    };
    let text =
        format!(r#"{{"Statement":{{"Effect":"{effect}","Action":"{action}","Resource":"*"}}}}"#);
    Document::parse(&text, Kind::Identity).unwrap_or_else(|malformed| panic!("{malformed}"))
}

fn resource_document((effect, who): (&str, &str)) -> Document {
    let principal = match who {
        "everyone" => r#""*""#.to_owned(),
        service if service.ends_with(".com") => format!(r#"{{"Service":"{service}"}}"#),
        arn => format!(r#"{{"AWS":"{arn}"}}"#),
    };
    let text = format!(
        r#"{{"Statement":{{"Effect":"{effect}","Principal":{principal},"Action":"*","Resource":"*"}}}}"#
    );
    Document::parse(&text, Kind::Resource).unwrap_or_else(|malformed| panic!("{malformed}"))
}

fn with_decision<T>(case: &Case, caller: &Caller, read: impl FnOnce(Decision) -> T) -> T {
    let identity = identity_document(case.identity);
    let boundary = case.boundary.map(identity_document);
    let session = case.session.map(identity_document);
    let session_set: Vec<&Document> = session.iter().collect();
    let documents = |effects: &[&str]| effects.iter().copied().map(identity_document).collect();
    let service_control: Vec<Document> = documents(case.service_control);
    let service_sets: Vec<[&Document; 1]> = service_control.iter().map(|level| [level]).collect();
    let service_levels: Vec<&[&Document]> = service_sets.iter().map(|set| set.as_slice()).collect();
    let resource_control: Vec<Document> = documents(case.resource_control);
    let resource_sets: Vec<[&Document; 1]> = resource_control.iter().map(|level| [level]).collect();
    let resource_levels: Vec<&[&Document]> =
        resource_sets.iter().map(|set| set.as_slice()).collect();
    let resource = case.resource.map(resource_document);
    let rule = if case.required {
        ResourceRule::Required
    } else {
        ResourceRule::Optional
    };
    let policies = Policies {
        identity: &[&identity],
        boundary: boundary.as_ref(),
        session: session.is_some().then_some(session_set.as_slice()),
        service_control: &service_levels,
        resource_control: &resource_levels,
        resource: resource.as_ref(),
        resource_rule: rule,
        granted: case.granted,
        resource_account: OWN,
    };
    let context = Context::new();
    read(decide(
        &policies,
        &Request::new(caller, ACTION, SECRET, &context),
    ))
}

fn told(case: &Case, caller: &Caller) -> String {
    with_decision(case, caller, |decision| match decision {
        Decision::Allow(_) => "allow".to_owned(),
        Decision::Deny(refused) => refused.reason(ACTION),
    })
}

fn caller(name: &str) -> Caller {
    let arn = match name {
        "root" => "arn:aws:iam::111122223333:root",
        "user" => "arn:aws:iam::111122223333:user/alice",
        "session" => "arn:aws:sts::111122223333:assumed-role/reader/s",
        "foreign root" => "arn:aws:iam::444455556666:root",
        "foreign user" => "arn:aws:iam::444455556666:user/bob",
        "foreign session" => "arn:aws:sts::444455556666:assumed-role/reader/s",
        "service" => {
            return Caller::Service {
                name: "lambda.amazonaws.com".into(),
            };
        }
        "stranger" => return Caller::Anonymous,
        other => panic!("{other}"),
    };
    Caller::from_arn(arn).unwrap_or_else(|| panic!("{arn}"))
}

const USER: &str = "arn:aws:iam::111122223333:user/alice";
const ROLE: &str = "arn:aws:iam::111122223333:role/reader";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/reader/s";
const FOREIGN_USER: &str = "arn:aws:iam::444455556666:user/bob";
const FOREIGN_ROLE: &str = "arn:aws:iam::444455556666:role/reader";
const FOREIGN: &str = "444455556666";

const NOTHING: Case = Case {
    identity: "",
    boundary: None,
    session: None,
    service_control: &[],
    resource_control: &[],
    resource: None,
    required: false,
    granted: None,
};
const ALLOWED: Case = Case {
    identity: "Allow",
    ..NOTHING
};

const NO_IDENTITY: &str =
    "because no identity-based policy allows the secretsmanager:GetSecretValue action";
const NO_RESOURCE: &str =
    "because no resource-based policy allows the secretsmanager:GetSecretValue action";
const NO_BOUNDARY: &str =
    "because no permissions boundary allows the secretsmanager:GetSecretValue action";
const NO_SESSION: &str =
    "because no session policy allows the secretsmanager:GetSecretValue action";
const NO_SERVICE_CONTROL: &str =
    "because no service control policy allows the secretsmanager:GetSecretValue action";
const NO_RESOURCE_CONTROL: &str =
    "because no resource control policy allows the secretsmanager:GetSecretValue action";

#[test]
fn within_an_account() {
    let by = |who| Case {
        resource: Some(("Allow", who)),
        ..NOTHING
    };
    let limited = |case: Case| Case {
        boundary: Some(""),
        session: Some(""),
        ..case
    };
    #[rustfmt::skip]
    let table = [
        ("nothing allows", "user", NOTHING, NO_IDENTITY),
        ("root needs no policy", "root", NOTHING, "allow"),
        ("the identity policy allows", "user", ALLOWED, "allow"),
        ("the identity policy allows", "session", ALLOWED, "allow"),
        ("the boundary leaves it out", "user", Case { boundary: Some(""), ..ALLOWED }, NO_BOUNDARY),
        ("the boundary alone gives nothing", "user", Case { boundary: Some("Allow"), ..NOTHING }, NO_IDENTITY),
        ("all three allow", "session", Case { boundary: Some("Allow"), session: Some("Allow"), ..ALLOWED }, "allow"),
        ("the session's policy leaves it out", "session", Case { session: Some(""), ..ALLOWED }, NO_SESSION),
        ("the session's policy alone gives nothing", "session", Case { session: Some("Allow"), ..NOTHING }, NO_IDENTITY),
        ("the resource names the user", "user", by(USER), "allow"),
        ("and no implicit denial limits it", "user", limited(by(USER)), "allow"),
        ("the resource names the session", "session", by(SESSION), "allow"),
        ("and no implicit denial limits it", "session", limited(by(SESSION)), "allow"),
        ("the resource names the role", "session", by(ROLE), "allow"),
        ("but the boundary limits it", "session", Case { boundary: Some(""), ..by(ROLE) }, NO_BOUNDARY),
        ("but the session's policy limits it", "session", Case { session: Some(""), ..by(ROLE) }, NO_SESSION),
        ("within both limits", "session", Case { boundary: Some("Allow"), session: Some("Allow"), ..by(ROLE) }, "allow"),
        ("the resource names everyone", "user", by("everyone"), "allow"),
        ("and no implicit denial limits it", "session", limited(by("everyone")), "allow"),
        ("naming the account only delegates", "user", by(OWN), NO_IDENTITY),
        ("and then the identity policy allows", "user", Case { identity: "Allow", ..by(OWN) }, "allow"),
        ("the resource names someone else", "user", by(ROLE), NO_IDENTITY),
        ("the resource lets another account in", "user", by(FOREIGN), NO_IDENTITY),
        ("a grant on the resource allows", "user", Case { granted: Some(Reach::Caller), ..NOTHING }, "allow"),
        ("a grant to a role is limited as one by policy", "session", Case { granted: Some(Reach::Role), boundary: Some(""), ..NOTHING }, NO_BOUNDARY),
    ];
    for (rule, who, case, expected) in table {
        assert_eq!(told(&case, &caller(who)), expected, "{rule}: {who}");
    }
}

#[test]
fn an_explicit_denial_anywhere_refuses() {
    let open = Case {
        resource: Some(("Allow", "everyone")),
        ..ALLOWED
    };
    #[rustfmt::skip]
    let table = [
        ("user", Case { identity: "Deny", ..open }, "with an explicit deny in an identity-based policy"),
        ("user", Case { resource: Some(("Deny", "everyone")), ..open }, "with an explicit deny in a resource-based policy"),
        ("user", Case { resource: Some(("Deny", OWN)), ..open }, "with an explicit deny in a resource-based policy"),
        ("user", Case { resource: Some(("Deny", USER)), ..open }, "with an explicit deny in a resource-based policy"),
        ("session", Case { resource: Some(("Deny", ROLE)), ..open }, "with an explicit deny in a resource-based policy"),
        ("root", Case { resource: Some(("Deny", "everyone")), ..open }, "with an explicit deny in a resource-based policy"),
        ("root", Case { service_control: &["Deny"], ..open }, "with an explicit deny in a service control policy"),
        ("user", Case { boundary: Some("Deny"), ..open }, "with an explicit deny in a permissions boundary"),
        ("session", Case { session: Some("Deny"), ..open }, "with an explicit deny in a session policy"),
        ("user", Case { service_control: &["Allow", "Deny"], ..open }, "with an explicit deny in a service control policy"),
        ("user", Case { resource_control: &["Deny"], ..open }, "with an explicit deny in a resource control policy"),
        ("service", Case { resource: Some(("Deny", "everyone")), ..open }, "with an explicit deny in a resource-based policy"),
        // A denial is told before any missing permission.
        ("user", Case { identity: "", boundary: Some("Deny"), ..NOTHING }, "with an explicit deny in a permissions boundary"),
        ("user", Case { service_control: &[""], identity: "Deny", ..NOTHING }, "with an explicit deny in an identity-based policy"),
    ];
    for (who, case, expected) in table {
        assert_eq!(told(&case, &caller(who)), expected, "{who}");
    }
}

#[test]
fn every_level_of_control_policies_must_allow() {
    let open = Case {
        resource: Some(("Allow", "everyone")),
        ..ALLOWED
    };
    for (who, case, expected) in [
        (
            "user",
            Case {
                service_control: &["Allow", "Allow"],
                ..open
            },
            "allow",
        ),
        (
            "user",
            Case {
                service_control: &["Allow", ""],
                ..open
            },
            NO_SERVICE_CONTROL,
        ),
        (
            "user",
            Case {
                service_control: &["", "Allow"],
                ..open
            },
            NO_SERVICE_CONTROL,
        ),
        (
            "root",
            Case {
                service_control: &[""],
                ..open
            },
            NO_SERVICE_CONTROL,
        ),
        (
            "user",
            Case {
                resource_control: &["Allow", ""],
                ..open
            },
            NO_RESOURCE_CONTROL,
        ),
        (
            "service",
            Case {
                resource_control: &[""],
                ..open
            },
            NO_RESOURCE_CONTROL,
        ),
        (
            "user",
            Case {
                service_control: &["Allow"],
                ..NOTHING
            },
            NO_IDENTITY,
        ),
    ] {
        assert_eq!(told(&case, &caller(who)), expected, "{who}");
    }
}

#[test]
fn across_accounts_both_sides_must_allow() {
    let by = |who| Case {
        resource: Some(("Allow", who)),
        ..NOTHING
    };
    let both = |who| Case {
        identity: "Allow",
        ..by(who)
    };
    #[rustfmt::skip]
    let table = [
        ("neither side", "foreign user", NOTHING, NO_RESOURCE),
        ("the caller's side only", "foreign user", ALLOWED, NO_RESOURCE),
        ("the resource's side only", "foreign user", by(FOREIGN_USER), NO_IDENTITY),
        ("everyone, but not the caller's side", "foreign user", by("everyone"), NO_IDENTITY),
        ("both", "foreign user", both(FOREIGN_USER), "allow"),
        ("the account is enough for the resource's side", "foreign user", both(FOREIGN), "allow"),
        ("everyone", "foreign user", both("everyone"), "allow"),
        ("the role", "foreign session", both(FOREIGN_ROLE), "allow"),
        ("someone else", "foreign user", both(FOREIGN_ROLE), NO_RESOURCE),
        ("the resource's own account", "foreign user", both(OWN), NO_RESOURCE),
        ("the boundary limits", "foreign user", Case { boundary: Some(""), ..both(FOREIGN_USER) }, NO_BOUNDARY),
        ("the session's policy limits", "foreign session", Case { session: Some(""), ..both(FOREIGN_ROLE) }, NO_SESSION),
        ("service control limits", "foreign user", Case { service_control: &[""], ..both(FOREIGN) }, NO_SERVICE_CONTROL),
        ("another account's root needs the resource's side", "foreign root", ALLOWED, NO_RESOURCE),
        ("and no identity policy", "foreign root", by(FOREIGN), "allow"),
        ("a grant is the resource's side", "foreign user", Case { granted: Some(Reach::Caller), ..ALLOWED }, "allow"),
        ("a grant is not both sides", "foreign user", Case { granted: Some(Reach::Caller), ..NOTHING }, NO_IDENTITY),
    ];
    for (rule, who, case, expected) in table {
        assert_eq!(told(&case, &caller(who)), expected, "{rule}: {who}");
    }
}

#[test]
fn key_and_trust_policies_must_let_the_caller_or_its_account_in() {
    let required = Case {
        required: true,
        ..NOTHING
    };
    let by = |who| Case {
        resource: Some(("Allow", who)),
        ..required
    };
    #[rustfmt::skip]
    let table = [
        ("an identity policy is not enough", "user", Case { identity: "Allow", ..required }, NO_RESOURCE),
        ("root isn't let in either", "root", required, NO_RESOURCE),
        ("root, where the account is named", "root", by(OWN), "allow"),
        ("the account is named, no identity policy", "user", by(OWN), NO_IDENTITY),
        ("the account is named, and an identity policy", "user", Case { identity: "Allow", ..by(OWN) }, "allow"),
        ("the user is named", "user", by(USER), "allow"),
        ("everyone is named", "user", by("everyone"), "allow"),
        ("a grant is enough", "user", Case { granted: Some(Reach::Caller), ..required }, "allow"),
        ("across accounts", "foreign user", by(FOREIGN), NO_IDENTITY),
        ("across accounts", "foreign user", Case { identity: "Allow", ..by(FOREIGN) }, "allow"),
    ];
    for (rule, who, case, expected) in table {
        assert_eq!(told(&case, &caller(who)), expected, "{rule}: {who}");
    }
}

#[test]
fn services_and_strangers_are_let_in_by_the_resource_only() {
    let by = |who| Case {
        resource: Some(("Allow", who)),
        ..ALLOWED
    };
    for (who, case, expected) in [
        ("service", ALLOWED, NO_RESOURCE),
        (
            "service",
            Case {
                granted: Some(Reach::Account),
                ..NOTHING
            },
            NO_RESOURCE,
        ),
        (
            "service",
            Case {
                granted: Some(Reach::Caller),
                ..NOTHING
            },
            "allow",
        ),
        ("service", by("lambda.amazonaws.com"), "allow"),
        ("service", by("kms.amazonaws.com"), NO_RESOURCE),
        ("service", by(OWN), NO_RESOURCE),
        ("service", by("everyone"), "allow"),
        ("stranger", ALLOWED, NO_RESOURCE),
        ("stranger", by("everyone"), "allow"),
    ] {
        assert_eq!(told(&case, &caller(who)), expected, "{who}");
    }
}

#[test]
fn a_decision_names_the_statements_that_made_it() {
    let at = StatementRef {
        document: 0,
        statement: 0,
    };
    let statement = Some(IdentityGrant::Statement(at));
    let resource = Some(ResourceGrant::Statement(at));
    for (who, case, expected) in [
        (
            "root",
            NOTHING,
            Grant {
                identity: Some(IdentityGrant::Root),
                resource: None,
            },
        ),
        (
            "user",
            ALLOWED,
            Grant {
                identity: statement,
                resource: None,
            },
        ),
        (
            "user",
            Case {
                resource: Some(("Allow", OWN)),
                ..ALLOWED
            },
            Grant {
                identity: statement,
                resource: None,
            },
        ),
        (
            "user",
            Case {
                resource: Some(("Allow", USER)),
                ..ALLOWED
            },
            Grant {
                identity: None,
                resource,
            },
        ),
        (
            "foreign user",
            Case {
                resource: Some(("Allow", FOREIGN)),
                ..ALLOWED
            },
            Grant {
                identity: statement,
                resource,
            },
        ),
        (
            "user",
            Case {
                granted: Some(Reach::Caller),
                ..NOTHING
            },
            Grant {
                identity: None,
                resource: Some(ResourceGrant::Granted),
            },
        ),
    ] {
        let found = with_decision(&case, &caller(who), |decision| decision);
        assert_eq!(found, Decision::Allow(expected), "{who}");
    }
    let case = Case {
        service_control: &["Allow", "Deny"],
        ..NOTHING
    };
    with_decision(&case, &caller("user"), |decision| {
        let Decision::Deny(refused) = decision else {
            panic!("{decision:?}")
        };
        assert_eq!(refused.by, PolicyType::ServiceControl);
        assert_eq!((refused.level, refused.denied), (1, Some(at)));
    });
    let Decision::Deny(_) = decide(
        &Policies::none(OWN),
        &Request::new(&caller("user"), ACTION, SECRET, &Context::new()),
    ) else {
        panic!("nothing allows")
    };
}

#[test]
fn the_explanation_of_a_refusal_names_the_denial_or_what_came_nearest_to_allowing() {
    let parse = |statements: &str| {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
        Document::parse(&text, Kind::Identity).unwrap_or_else(|malformed| panic!("{malformed}"))
    };
    let near = parse(
        r#"{"Sid":"OtherAction","Effect":"Allow","Action":"kms:*","Resource":"*"},
           {"Sid":"OtherResource","Effect":"Allow","Action":"secretsmanager:*","Resource":"arn:aws:s3:::*"},
           {"Sid":"TwoConditions","Effect":"Allow","Action":"secretsmanager:*","Resource":"*",
            "Condition":{"StringEquals":{"a:x":"1","a:y":"1"}}},
           {"Sid":"NoDenial","Effect":"Deny","Action":"kms:*","Resource":"*"}"#,
    );
    let nearest = parse(
        r#"{"Sid":"OneCondition","Effect":"Allow","Action":"secretsmanager:*","Resource":"*",
            "Condition":{"StringEquals":{"a:x":"1"}}}"#,
    );
    let everything = parse(r#"{"Sid":"Everything","Effect":"Allow","Action":"*","Resource":"*"}"#);
    let denial = parse(
        r#"{"Sid":"Silent","Effect":"Deny","Action":"kms:*","Resource":"*"},
           {"Sid":"Denial","Effect":"Deny","Action":"*","Resource":"*"},
           {"Sid":"Later","Effect":"Deny","Action":"*","Resource":"*"}"#,
    );
    let (identity, all, deny) = ([&near, &nearest], [&everything], [&denial]);
    let levels = [all.as_slice(), deny.as_slice()];
    let none = Policies::none(OWN);
    let nearest_first = [
        "OneCondition",
        "TwoConditions",
        "OtherResource",
        "OtherAction",
    ];
    for (policies, by, expected) in [
        (none, PolicyType::Identity, [].as_slice()),
        (
            Policies {
                identity: &identity,
                ..none
            },
            PolicyType::Identity,
            &nearest_first,
        ),
        (
            Policies {
                identity: &all,
                boundary: Some(&nearest),
                ..none
            },
            PolicyType::Boundary,
            &["OneCondition"],
        ),
        (
            Policies {
                identity: &all,
                service_control: &levels,
                ..none
            },
            PolicyType::ServiceControl,
            &["Denial"],
        ),
    ] {
        let (caller, context) = (caller("user"), Context::new());
        let request = Request::new(&caller, ACTION, SECRET, &context);
        let Decision::Deny(refused) = decide(&policies, &request) else {
            panic!("{policies:?}")
        };
        assert_eq!(refused.by, by);
        let traces = explain_refusal(&policies, &request, &refused);
        let named: Vec<_> = traces
            .iter()
            .filter_map(|trace| trace.statement.sid())
            .collect();
        assert_eq!(named, expected);
        assert!(
            traces
                .iter()
                .all(|trace| trace.applied() == refused.denied.is_some())
        );
    }
}
