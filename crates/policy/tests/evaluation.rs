//! What evaluation tells beyond its decision: which statement made it, whom a bound name covers, and
//! why a statement did not apply. The decisions themselves are in `conformance/`.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

use strongroom_policy::{
    Caller, Context, Document, Kind, Meaning, Meant, Mismatch, Reach, Request, Saw, StatementRef,
    Verdict, Wanted, evaluate, explain,
};

const ALICE: &str = "arn:aws:iam::111122223333:user/team/alice";
const SECRET: &str = "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/db-AbCdEf";

fn parse(text: &str, kind: Kind) -> Document {
    Document::parse(text, kind).unwrap_or_else(|malformed| panic!("{malformed}: {text}"))
}

fn identity(statement: &str) -> Document {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":{{{statement}}}}}"#);
    parse(&text, Kind::Identity)
}

/// What one policy says; checks on the way that the explanation agrees.
fn verdict(document: &Document, request: &Request<'_>) -> Verdict {
    let verdict = evaluate(&[document], request);
    let traces = explain(&[document], request);
    let applied = traces.iter().any(|trace| trace.applied());
    assert_eq!(
        applied,
        verdict != Verdict::Silent,
        "{document:?} {traces:?}"
    );
    verdict
}

fn context(entries: &[(&str, &[&str])]) -> Context {
    let mut context = Context::new();
    for (key, values) in entries {
        context.insert_all(key, values.iter().copied());
    }
    context
}

/// Source: Controlling access to AWS resources, aws:ResourceTag: "matches a tag key named either
/// TagKey1 or tagkey1, but not both".
#[test]
fn a_key_in_two_letter_cases_is_ambiguous() {
    let mut context = Context::new();
    context.insert("aws:ResourceTag/Team", "red");
    assert_eq!(
        context.get("AWS:resourcetag/TEAM"),
        Saw::Values(&["red".to_owned()])
    );
    context.insert("aws:ResourceTag/team", "red");
    assert_eq!(context.get("aws:ResourceTag/Team"), Saw::Ambiguous);
    context.insert_all("aws:TagKeys", [] as [&str; 0]);
    assert_eq!(context.get("aws:TagKeys"), Saw::Absent);
}

#[test]
fn a_bound_name_covers_its_first_bearer_only() {
    let text = format!(
        r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":["{ALICE}","444455556666"]}},"Action":"*","Resource":"*"}}}}"#
    );
    let mut document = parse(&text, Kind::Resource);
    document.bind_principals(|principal| {
        (principal.to_string() == ALICE).then(|| Meant::Id("AIDAFIRST00000000".to_owned()))
    });
    let context = Context::new();
    for (id, expected) in [("AIDAFIRST00000000", true), ("AIDASECOND0000000", false)] {
        let caller = Caller::User {
            arn: ALICE.into(),
            unique_id: Some(id.into()),
        };
        let request = Request::new(&caller, "a:B", "*", &context);
        assert_eq!(
            verdict(&document, &request) != Verdict::Silent,
            expected,
            "{id}"
        );
    }
    let names: Vec<_> = document.principals().map(ToString::to_string).collect();
    assert_eq!(names, [ALICE, "444455556666"]);
}

#[test]
fn who_was_not_there_stays_named_only_where_that_takes_something_away() {
    for (effect, who, covered) in [
        ("Allow", "Principal", false),
        ("Deny", "Principal", true),
        // Not exempt.
        ("Deny", "NotPrincipal", true),
    ] {
        let text = format!(
            r#"{{"Statement":{{"Effect":"{effect}","{who}":{{"AWS":["{ALICE}","111122223333"]}},"Action":"*","Resource":"*"}}}}"#
        );
        let text = match who {
            "Principal" => text.replace(r#","111122223333""#, ""),
            _ => text,
        };
        let caller = Caller::User {
            arn: ALICE.into(),
            unique_id: Some("AIDALATER00000000".into()),
        };
        let context = Context::new();
        let request = Request::new(&caller, "a:B", "*", &context);
        let mut document = parse(&text, Kind::Resource);
        let by_name = verdict(&document, &request) != Verdict::Silent;
        assert_eq!(by_name, who == "Principal", "{text}");
        document
            .bind_principals(|principal| (principal.to_string() == ALICE).then_some(Meant::Nobody));
        let found = verdict(&document, &request) != Verdict::Silent;
        assert_eq!(found, covered, "{text}");
    }
}

#[test]
fn a_bound_session_covers_itself_only_and_under_the_same_role_only() {
    let text = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*",
        "Principal":{"AWS":"arn:aws:sts::111122223333:assumed-role/reader/s1"}}}"#;
    let session = |id: &str, name: &str| Caller::RoleSession {
        session_arn: format!("arn:aws:sts::111122223333:assumed-role/reader/{name}"),
        role_arn: "arn:aws:iam::111122223333:role/path/reader".into(),
        unique_id: Some(id.into()),
    };
    let context = Context::new();
    // The answer may be the role's id or the session's: neither lets other sessions in.
    for answered in ["AROAFIRST00000000", "AROAFIRST00000000:s1"] {
        let mut document = parse(text, Kind::Resource);
        document.bind_principals(|_| Some(Meant::Id(answered.to_owned())));
        for (caller, expected) in [
            (session("AROAFIRST00000000", "s1"), true),
            (session("AROAFIRST00000000", "s2"), false),
            (session("AROASECOND0000000", "s1"), false),
        ] {
            let found = verdict(&document, &Request::new(&caller, "a:B", "*", &context));
            let at = StatementRef {
                document: 0,
                statement: 0,
            };
            let allow = Verdict::Allow {
                at,
                reach: Reach::Caller,
            };
            let expected = if expected { allow } else { Verdict::Silent };
            assert_eq!(found, expected, "{answered} {caller:?}");
        }
    }
}

#[test]
fn the_caller_that_an_arn_names_is_read() {
    let session = "arn:aws-cn:sts::111122223333:assumed-role/reader/s1";
    let expected = Caller::RoleSession {
        session_arn: session.into(),
        role_arn: "arn:aws-cn:iam::111122223333:role/reader".into(),
        unique_id: None,
    };
    assert_eq!(Caller::from_arn(session), Some(expected));
    for (text, account) in [
        ("arn:aws:iam::111122223333:root", Some("111122223333")),
        (ALICE, Some("111122223333")),
        ("arn:aws:iam::111122223333:role/r", Some("111122223333")),
        ("111122223333", None),
        ("*", None),
        ("AIDACKCEVSQ6C2EXAMPLE", None),
        ("arn:aws:s3:::b", None),
    ] {
        let caller = Caller::from_arn(text);
        assert_eq!(caller.as_ref().and_then(Caller::account), account, "{text}");
    }
}

#[test]
fn a_denial_beats_every_allowance_and_the_first_statement_is_named() {
    let allow = identity(r#""Effect":"Allow","Action":"*","Resource":"*""#);
    let deny = identity(r#""Effect":"Deny","Action":"a:*","Resource":"*""#);
    let other = identity(r#""Effect":"Deny","Action":"c:*","Resource":"*""#);
    let caller = Caller::from_arn(ALICE).unwrap();
    let context = Context::new();
    let request = Request::new(&caller, "a:B", "*", &context);
    let at = |document| StatementRef {
        document,
        statement: 0,
    };
    assert_eq!(evaluate(&[], &request), Verdict::Silent);
    assert_eq!(evaluate(&[&other], &request), Verdict::Silent);
    assert_eq!(
        evaluate(&[&other, &allow, &allow], &request),
        Verdict::Allow {
            at: at(1),
            reach: Reach::Caller
        }
    );
    assert_eq!(
        evaluate(&[&allow, &deny], &request),
        Verdict::ExplicitDeny { at: at(1) }
    );
    assert_eq!(
        evaluate(&[&deny, &allow], &request),
        Verdict::ExplicitDeny { at: at(0) }
    );
}

#[test]
fn an_explanation_names_every_element_that_did_not_match_and_the_value_seen() {
    let document = identity(
        r#""Sid":"S","Effect":"Allow","Action":"kms:*","Resource":"arn:aws:s3:::${aws:username}/*",
           "Condition":{"StringEquals":{"aws:Username":["bob","carol"],"a:none":"1","a:ok":"2"}}"#,
    );
    let caller = Caller::from_arn(ALICE).unwrap();
    let context = context(&[("aws:username", &["alice"]), ("a:ok", &["2"])]);
    let request = Request::new(&caller, "a:B", SECRET, &context);
    let documents = [&document];
    let traces = explain(&documents, &request);
    let [trace] = traces.as_slice() else {
        panic!("{traces:?}")
    };
    assert_eq!((trace.statement.sid(), trace.applied()), (Some("S"), false));
    let told: Vec<String> = trace.mismatches.iter().map(told).collect();
    assert_eq!(
        told,
        [
            r#"action [kms:*]"#,
            r#"resource [arn:aws:s3:::${aws:username}/*] is arn:aws:s3:::alice/*"#,
            r#"StringEquals aws:Username [bob carol] saw ["alice"]"#,
            r#"StringEquals a:none [1] saw Absent"#,
        ]
    );
}

/// One mismatch as a person might be told of it.
fn told(mismatch: &Mismatch<'_>) -> String {
    fn values(wanted: &[Wanted<'_>]) -> String {
        let written: Vec<_> = wanted.iter().map(|value| value.written).collect();
        let meant: Vec<_> = wanted
            .iter()
            .filter_map(|value| match &value.meaning {
                Meaning::AsWritten => None,
                Meaning::Resolved(text) => Some(format!(" is {text}")),
                Meaning::Unresolved(keys) => Some(format!(" lacks {}", keys.join(" "))),
                Meaning::Unreadable => Some(" is unreadable".to_owned()),
            })
            .collect();
        format!("[{}]{}", written.join(" "), meant.join(""))
    }
    let not = |negated: bool| if negated { "not " } else { "" };
    match mismatch {
        Mismatch::Action { negated, listed } => {
            format!("{}action [{}]", not(*negated), listed.join(" "))
        }
        Mismatch::Principal { negated, listed } => {
            let names: Vec<_> = listed.iter().map(ToString::to_string).collect();
            format!("{}principal [{}]", not(*negated), names.join(" "))
        }
        Mismatch::Resource { negated, wanted } => {
            format!("{}resource {}", not(*negated), values(wanted))
        }
        Mismatch::Condition {
            condition,
            wanted,
            saw,
        } => {
            let saw = match saw {
                Saw::Values(values) => format!("{values:?}"),
                other => format!("{other:?}"),
            };
            let (operator, key) = (condition.operator(), condition.key());
            format!("{operator} {key} {} saw {saw}", values(wanted))
        }
    }
}

#[test]
fn an_explanation_tells_what_each_wanted_value_means_in_the_request() {
    let given: &[(&str, &[&str])] = &[
        ("aws:username", &["alice"]),
        ("aws:PrincipalTag/star", &["*"]),
        ("aws:TagKeys", &["a", "b"]),
    ];
    #[rustfmt::skip]
    let table = [
        (r#""StringEquals":{"a:k":"v"}"#, "StringEquals a:k [v] saw Absent"),
        (r#""StringLike":{"a:K":["${aws:username}/*","v?"]}"#, "StringLike a:K [${aws:username}/* v?] is alice/* saw Absent"),
        (r#""StringLike":{"a:k":"${aws:username}${aws:PrincipalTag/none, 'x'}"}"#, "StringLike a:k [${aws:username}${aws:PrincipalTag/none, 'x'}] is alicex saw Absent"),
        (r#""StringEquals":{"a:k":"${aws:PrincipalTag/none}"}"#, "StringEquals a:k [${aws:PrincipalTag/none}] lacks aws:principaltag/none saw Absent"),
        (r#""StringEquals":{"a:k":"${aws:TagKeys}${aws:username}"}"#, "StringEquals a:k [${aws:TagKeys}${aws:username}] lacks aws:tagkeys saw Absent"),
        (r#""ForAllValues:StringEquals":{"aws:TagKeys":["${aws:username}"]}"#, r#"ForAllValues:StringEquals aws:TagKeys [${aws:username}] is alice saw ["a", "b"]"#),
        (r#""StringEqualsIgnoreCase":{"a:k":"${aws:username}"}"#, "StringEqualsIgnoreCase a:k [${aws:username}] is alice saw Absent"),
        (r#""ArnLike":{"a:k":["arn:aws:iam::1:user/${aws:username}","nothing"]}"#, "ArnLike a:k [arn:aws:iam::1:user/${aws:username} nothing] is arn:aws:iam::1:user/alice is unreadable saw Absent"),
        (r#""NumericLessThan":{"a:k":["ten",7]}"#, "NumericLessThan a:k [ten 7] is unreadable saw Absent"),
        (r#""DateLessThan":{"a:k":["yesterday","2020-01-01"]}"#, "DateLessThan a:k [yesterday 2020-01-01] is unreadable saw Absent"),
        (r#""Bool":{"a:k":["yes",true]}"#, "Bool a:k [yes true] is unreadable saw Absent"),
        (r#""Null":{"a:k":["no"]}"#, "Null a:k [no] is unreadable saw Absent"),
        (r#""BinaryEquals":{"a:k":["?","QQ=="]}"#, "BinaryEquals a:k [? QQ==] is unreadable saw Absent"),
        (r#""IpAddress":{"a:k":["10.0.0.0/33","10.0.0.0/8"]}"#, "IpAddress a:k [10.0.0.0/33 10.0.0.0/8] is unreadable saw Absent"),
    ];
    let caller = Caller::from_arn(ALICE).unwrap();
    let context = context(given);
    let request = Request::new(&caller, "a:B", "*", &context);
    for (condition, expected) in table {
        let document = identity(&format!(
            r#""Effect":"Allow","Action":"*","Resource":"*","Condition":{{{condition}}}"#
        ));
        let documents = [&document];
        let traces = explain(&documents, &request);
        let found: Vec<String> = traces[0].mismatches.iter().map(told).collect();
        assert_eq!(found, [expected], "{condition}");
    }
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow",
            "NotPrincipal":{{"AWS":["111122223333","{ALICE}"]}},"NotAction":["a:*","kms:Decrypt"],
            "NotResource":"arn:aws:s3:::${{aws:userid}}"}}}}"#
    );
    let document = parse(&text, Kind::Resource);
    let documents = [&document];
    let traces = explain(&documents, &request);
    let found: Vec<String> = traces[0].mismatches.iter().map(told).collect();
    let expected = [
        "not action [a:* kms:Decrypt]".to_owned(),
        format!("not principal [111122223333 {ALICE}]"),
        "not resource [arn:aws:s3:::${aws:userid}] lacks aws:userid".to_owned(),
    ];
    assert_eq!(found, expected);
}
