//! What a decision tells beyond being one: the statements that made it, and the reason for a refusal.
//! How policies of different types combine is in `conformance/`.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

use strongroom_policy::{
    Caller, Context, Decision, Document, Grant, IdentityGrant, Kind, Policies, PolicyType, Reach,
    Refused, Request, ResourceGrant, StatementRef, decide, explain_refusal,
};

const ACTION: &str = "secretsmanager:GetSecretValue";
const SECRET: &str = "arn:aws:secretsmanager:us-east-1:111122223333:secret:a-AbCdEf";
const OWN: &str = "111122223333";

const USER: &str = "arn:aws:iam::111122223333:user/alice";
const FOREIGN: &str = "444455556666";

/// What each policy does; `""` is a policy that says nothing.
#[derive(Clone, Copy, Default)]
struct Case {
    identity: &'static str,
    service_control: &'static [&'static str],
    /// Whom the resource's policy lets in.
    resource: Option<&'static str>,
    granted: Option<Reach>,
}

const NOTHING: Case = Case {
    identity: "",
    service_control: &[],
    resource: None,
    granted: None,
};
const ALLOWED: Case = Case {
    identity: "Allow",
    ..NOTHING
};

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

fn resource_document(arn: &str) -> Document {
    let text = format!(
        r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"{arn}"}},"Action":"*","Resource":"*"}}}}"#
    );
    Document::parse(&text, Kind::Resource).unwrap_or_else(|malformed| panic!("{malformed}"))
}

fn decision(case: &Case, caller: &Caller) -> Decision {
    let identity = identity_document(case.identity);
    let levels = case.service_control.iter().copied();
    let service_control: Vec<Document> = levels.map(identity_document).collect();
    let service_sets: Vec<[&Document; 1]> = service_control.iter().map(|level| [level]).collect();
    let service_levels: Vec<&[&Document]> = service_sets.iter().map(|set| set.as_slice()).collect();
    let resource = case.resource.map(resource_document);
    let policies = Policies {
        identity: &[&identity],
        service_control: &service_levels,
        resource: resource.as_ref(),
        granted: case.granted,
        ..Policies::none(OWN)
    };
    let context = Context::new();
    decide(&policies, &Request::new(caller, ACTION, SECRET, &context))
}

fn caller(name: &str) -> Caller {
    let arn = match name {
        "root" => "arn:aws:iam::111122223333:root",
        "user" => USER,
        "foreign user" => "arn:aws:iam::444455556666:user/bob",
        other => panic!("{other}"),
    };
    Caller::from_arn(arn).unwrap_or_else(|| panic!("{arn}"))
}

/// Source: IAM user guide, Troubleshoot access denied error messages.
#[test]
fn a_refusal_is_told_in_the_words_of_aws() {
    let denied = Some(StatementRef {
        document: 0,
        statement: 0,
    });
    #[rustfmt::skip]
    let table = [
        (PolicyType::Identity, None, "because no identity-based policy allows the secretsmanager:GetSecretValue action"),
        (PolicyType::Resource, None, "because no resource-based policy allows the secretsmanager:GetSecretValue action"),
        (PolicyType::Boundary, None, "because no permissions boundary allows the secretsmanager:GetSecretValue action"),
        (PolicyType::Session, None, "because no session policy allows the secretsmanager:GetSecretValue action"),
        (PolicyType::ServiceControl, None, "because no service control policy allows the secretsmanager:GetSecretValue action"),
        (PolicyType::ResourceControl, None, "because no resource control policy allows the secretsmanager:GetSecretValue action"),
        (PolicyType::Identity, denied, "with an explicit deny in an identity-based policy"),
        (PolicyType::Resource, denied, "with an explicit deny in a resource-based policy"),
        (PolicyType::Boundary, denied, "with an explicit deny in a permissions boundary"),
        (PolicyType::Session, denied, "with an explicit deny in a session policy"),
        (PolicyType::ServiceControl, denied, "with an explicit deny in a service control policy"),
        (PolicyType::ResourceControl, denied, "with an explicit deny in a resource control policy"),
    ];
    for (by, denied, expected) in table {
        let refused = Refused {
            by,
            level: 0,
            denied,
        };
        assert_eq!(refused.reason(ACTION), expected);
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
                resource: Some(OWN),
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
                resource: Some(USER),
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
                resource: Some(FOREIGN),
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
        let found = decision(&case, &caller(who));
        assert_eq!(found, Decision::Allow(expected), "{who}");
    }
    let case = Case {
        service_control: &["Allow", "Deny"],
        ..NOTHING
    };
    let Decision::Deny(refused) = decision(&case, &caller("user")) else {
        panic!("a level denies")
    };
    assert_eq!(refused.by, PolicyType::ServiceControl);
    assert_eq!((refused.level, refused.denied), (1, Some(at)));
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
