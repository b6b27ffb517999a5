//! The rules of evaluation, element by element. Each table names where its rules are written: the
//! IAM user guide's page on the element, or on the operator.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

use strongroom_policy::{
    Caller, Context, Document, Kind, Meaning, Mismatch, Reach, Request, Saw, StatementRef, Verdict,
    Wanted, evaluate, explain,
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

fn allows(document: &Document, action: &str, resource: &str, context: &Context) -> bool {
    let caller = Caller::from_arn(ALICE).unwrap();
    let request = Request::new(&caller, action, resource, context);
    matches!(verdict(document, &request), Verdict::Allow { .. })
}

fn context(entries: &[(&str, &[&str])]) -> Context {
    let mut context = Context::new();
    for (key, values) in entries {
        context.insert_all(key, values.iter().copied());
    }
    context
}

/// Source: Action; NotAction.
#[test]
fn actions_match_in_any_letter_case_with_wildcards() {
    let get = "secretsmanager:GetSecretValue";
    for (element, asked, expected) in [
        (r#""Action":"*""#, get, true),
        (r#""Action":"*:*""#, get, true),
        (r#""Action":"secretsmanager:*""#, get, true),
        (r#""Action":"secretsmanager:GetSecretValue""#, get, true),
        (r#""Action":"SECRETSMANAGER:getsecretvalue""#, get, true),
        (
            r#""Action":"secretsmanager:getsecretvalue""#,
            "SecretsManager:GETSECRETVALUE",
            true,
        ),
        (r#""Action":"secretsmanager:Get*""#, get, true),
        (r#""Action":"secretsmanager:*Value""#, get, true),
        (r#""Action":"secretsmanager:*Secret*""#, get, true),
        (r#""Action":"secretsmanager:G?tSecretValue""#, get, true),
        (r#""Action":"secretsmanager:GetSecretValue*""#, get, true),
        (
            r#""Action":["kms:Decrypt","secretsmanager:Get*"]"#,
            get,
            true,
        ),
        (r#""Action":"*:Get*""#, get, true),
        (r#""Action":"secretsmanager:GetSecretValue?""#, get, false),
        (r#""Action":"secretsmanager:?etSecret""#, get, false),
        (r#""Action":"secretsmanager:Put*""#, get, false),
        (r#""Action":"kms:*""#, get, false),
        (r#""Action":"secrets:*""#, get, false),
        (r#""NotAction":"kms:*""#, get, true),
        (r#""NotAction":"secretsmanager:Get*""#, get, false),
        (
            r#""NotAction":["kms:*","secretsmanager:getSecretValue"]"#,
            get,
            false,
        ),
        (r#""NotAction":"*""#, get, false),
    ] {
        let document = identity(&format!(r#""Effect":"Allow","Resource":"*",{element}"#));
        assert_eq!(
            allows(&document, asked, SECRET, &Context::new()),
            expected,
            "{element}"
        );
    }
}

/// Source: Resource; NotResource.
#[test]
fn resources_match_with_wildcards_in_exact_letter_case() {
    let arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:";
    for (pattern, asked, expected) in [
        ("*", SECRET, true),
        ("*", "*", true),
        (SECRET, SECRET, true),
        ("arn:*", SECRET, true),
        ("arn:*", "*", false),
        ("arn:aws:secretsmanager:*", SECRET, true),
        ("arn:aws:secretsmanager:*:*:secret:*", SECRET, true),
        (
            "arn:aws:secretsmanager:us-*-1:111122223333:secret:prod/*",
            SECRET,
            true,
        ),
        (
            "arn:aws:secretsmanager:us-east-?:111122223333:secret:prod/*",
            SECRET,
            true,
        ),
        (
            "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/db-??????",
            SECRET,
            true,
        ),
        (
            "arn:aws:secretsmanager:us-east-1:111122223333:secret:*db*",
            SECRET,
            true,
        ),
        // A "*" that ends a segment can go beyond its colon, another can't.
        ("arn:aws:secretsmanager:*:secret:prod/*", SECRET, true),
        (
            "arn:aws:secretsmanager:us-*1:111122223333:secret:prod/*",
            SECRET,
            true,
        ),
        (
            "arn:aws:secretsmanager:us-*3333:secret:prod/*",
            SECRET,
            false,
        ),
        (
            "arn:aws:secretsmanager:us-east-1?111122223333:secret:prod/*",
            SECRET,
            false,
        ),
        (
            "arn:aws:secretsmanager:us-east-1:111122223333:secret?prod/db-AbCdEf",
            SECRET,
            true,
        ),
        (
            "arn:aws:secretsmanager:us-east-1:111122223333:*/db-AbCdEf",
            SECRET,
            true,
        ),
        (
            "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/db-?????",
            SECRET,
            false,
        ),
        (
            "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/db",
            SECRET,
            false,
        ),
        (
            "arn:aws:secretsmanager:us-east-1:111122223333:secret:PROD/*",
            SECRET,
            false,
        ),
        (
            "arn:aws:secretsmanager:eu-*:111122223333:secret:*",
            SECRET,
            false,
        ),
        ("arn:aws:secretsmanager", SECRET, false),
        ("arn:aws:kms:*", SECRET, false),
    ] {
        let listed = identity(&format!(
            r#""Effect":"Allow","Action":"*","Resource":"{pattern}""#
        ));
        assert_eq!(
            allows(&listed, "a:B", asked, &Context::new()),
            expected,
            "{pattern}"
        );
        let all_but = identity(&format!(
            r#""Effect":"Allow","Action":"*","NotResource":"{pattern}""#
        ));
        assert_eq!(
            allows(&all_but, "a:B", asked, &Context::new()),
            !expected,
            "not {pattern}"
        );
    }
    let several = identity(&format!(
        r#""Effect":"Allow","Action":"*","Resource":["{arn}a-*","{arn}b-*","{arn}é-?"]"#
    ));
    for (name, expected) in [("a-1", true), ("b-2", true), ("c-3", false), ("é-ü", true)] {
        let asked = format!("{arn}{name}");
        assert_eq!(
            allows(&several, "a:B", &asked, &Context::new()),
            expected,
            "{name}"
        );
    }
}

/// Source: Variables and tags.
#[test]
fn variables_bring_in_the_request_s_values_as_text() {
    let arn = "arn:aws:s3:::b/";
    let given: &[(&str, &[&str])] = &[
        ("aws:username", &["alice"]),
        ("aws:PrincipalTag/Team", &["red team"]),
        ("aws:PrincipalTag/star", &["*"]),
        ("aws:PrincipalTag/dollar", &["${aws:username}"]),
        ("aws:TagKeys", &["a", "b"]),
        ("aws:PrincipalTag/empty", &[""]),
    ];
    for (pattern, asked, expected) in [
        ("${aws:username}", "alice", true),
        ("${AWS:UserName}", "alice", true),
        ("${ aws:username }", "alice", true),
        ("${aws:username}", "Alice", false),
        ("${aws:username}/*", "alice/x/y", true),
        ("*/${aws:username}", "x/alice", true),
        ("${aws:PrincipalTag/Team}", "red team", true),
        ("${aws:principaltag/team}", "red team", true),
        ("${aws:PrincipalTag/none, 'any one'}", "any one", true),
        ("${aws:PrincipalTag/none,'x'}", "x", true),
        ("${aws:PrincipalTag/none, 'a}b,c'}", "a}b,c", true),
        ("${aws:PrincipalTag/none, ''}", "", true),
        ("${aws:username, 'x'}", "x", false),
        ("${aws:username, 'x'}", "alice", true),
        ("${aws:PrincipalTag/none}", "", false),
        ("${aws:PrincipalTag/none}*", "anything", false),
        ("x${aws:PrincipalTag/empty}y", "xy", true),
        ("${aws:PrincipalTag/star}", "*", true),
        ("${aws:PrincipalTag/star}", "anything", false),
        ("${aws:PrincipalTag/none, '*'}", "anything", false),
        ("${aws:PrincipalTag/dollar}", "alice", false),
        ("${aws:PrincipalTag/dollar}", "${aws:username}", true),
        ("${aws:TagKeys}", "a", false),
        ("${aws:TagKeys, 'd'}", "d", false),
        ("${*}", "*", true),
        ("${*}", "anything", false),
        ("${?}", "?", true),
        ("${?}", "a", false),
        ("${$}{aws:username}", "${aws:username}", true),
        ("$aws:username", "$aws:username", true),
    ] {
        let document = identity(&format!(
            r#""Effect":"Allow","Action":"*","Resource":"{arn}{pattern}""#
        ));
        let asked = format!("{arn}{asked}");
        assert_eq!(
            allows(&document, "a:B", &asked, &context(given)),
            expected,
            "{pattern}"
        );
    }
    let older = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${aws:username}"}}"#;
    let older = parse(older, Kind::Identity);
    assert!(!allows(
        &older,
        "a:B",
        "arn:aws:s3:::b/alice",
        &context(given)
    ));
    assert!(allows(
        &older,
        "a:B",
        "arn:aws:s3:::b/${aws:username}",
        &context(given)
    ));
}

/// Source: Variables, "If AWS cannot resolve a variable, this might cause the entire statement to
/// be invalid".
#[test]
fn an_unknown_variable_never_widens_what_is_allowed_nor_narrows_what_is_denied() {
    let statement = |effect: &str| {
        identity(&format!(
            r#""Effect":"{effect}","Action":"*","NotResource":"arn:aws:s3:::b/${{aws:username}}""#
        ))
    };
    let caller = Caller::from_arn(ALICE).unwrap();
    for (effect, given, applies) in [
        ("Allow", true, true),
        ("Allow", false, false),
        ("Deny", true, true),
        ("Deny", false, true),
    ] {
        let context = if given {
            context(&[("aws:username", &["alice"])])
        } else {
            Context::new()
        };
        let request = Request::new(&caller, "a:B", "arn:aws:s3:::other", &context);
        let found = verdict(&statement(effect), &request);
        assert_eq!(found != Verdict::Silent, applies, "{effect} {given}");
    }
}

/// One operator on the key `a:k`.
fn holds(operator: &str, wanted: &str, values: Option<&[&str]>) -> bool {
    let document = identity(&format!(
        r#""Effect":"Allow","Action":"*","Resource":"*","Condition":{{"{operator}":{{"a:K":{wanted}}}}}"#
    ));
    let mut entries: Vec<(&str, &[&str])> = vec![("a:other", &["v"]), ("aws:username", &["alice"])];
    if let Some(values) = values {
        entries.push(("A:k", values));
    }
    allows(&document, "a:B", "*", &context(&entries))
}

/// Source: Condition operators, the section of each sort. Each negated operator is checked to be
/// the opposite.
#[test]
fn operators_compare_as_their_sort_does() {
    #[rustfmt::skip]
    let table: &[(&str, &str, &str, bool)] = &[
        ("StringEquals", r#""v""#, "v", true),
        ("StringEquals", r#""v""#, "V", false),
        ("StringEquals", r#""""#, "", true),
        ("StringEquals", r#"["x","v"]"#, "v", true),
        ("StringEquals", r#"["x","y"]"#, "v", false),
        ("StringEquals", r#""v*""#, "vw", false),
        ("StringEquals", r#""v*""#, "v*", true),
        ("StringEquals", r#""${aws:username}""#, "alice", true),
        ("StringEquals", r#""${aws:username}""#, "bob", false),
        ("StringEquals", r#""${aws:userid}""#, "alice", false),
        ("StringEquals", r#"["${aws:userid}","v"]"#, "v", true),
        ("StringEquals", r#""${aws:userid, 'v'}""#, "v", true),
        ("StringEquals", r#""${*}""#, "*", true),
        ("StringEquals", "10", "10", true),
        ("StringEquals", "true", "true", true),
        ("StringEqualsIgnoreCase", r#""VaLuE""#, "vAlUe", true),
        ("StringEqualsIgnoreCase", r#""É""#, "é", true),
        ("StringEqualsIgnoreCase", r#""value""#, "values", false),
        ("StringEqualsIgnoreCase", r#""val*""#, "value", false),
        ("StringEqualsIgnoreCase", r#""${aws:username}""#, "ALICE", true),
        ("StringLike", r#""v*""#, "vw", true),
        ("StringLike", r#""v*""#, "Vw", false),
        ("StringLike", r#""*""#, "", true),
        ("StringLike", r#""?""#, "", false),
        ("StringLike", r#""?""#, "é", true),
        ("StringLike", r#""a?c*e""#, "abcde", true),
        ("StringLike", r#""a?c*e""#, "abcdef", false),
        ("StringLike", r#""*a*b*c""#, "xaxbxbxc", true),
        ("StringLike", r#""**a""#, "bba", true),
        ("StringLike", r#""*:*""#, "a:b:c", true),
        ("StringLike", r#""${aws:username}/*""#, "alice/x", true),
        ("StringLike", r#""v${*}""#, "vw", false),
        ("NumericEquals", r#""10""#, "10.0", true),
        ("NumericEquals", "10", "10", true),
        ("NumericEquals", "10", "11", false),
        ("NumericEquals", "1.5", "1.50", true),
        ("NumericEquals", r#"["1","2"]"#, "2", true),
        ("NumericEquals", r#""ten""#, "ten", false),
        ("NumericEquals", r#""1""#, "one", false),
        ("NumericLessThan", "10", "9", true),
        ("NumericLessThan", "10", "10", false),
        ("NumericLessThan", "10", "-11", true),
        ("NumericLessThan", r#""x""#, "1", false),
        ("NumericLessThanEquals", "10", "10", true),
        ("NumericLessThanEquals", "10", "10.01", false),
        ("NumericGreaterThan", "10", "11", true),
        ("NumericGreaterThan", "10", "10", false),
        ("NumericGreaterThan", r#"["100","10"]"#, "11", true),
        ("NumericGreaterThanEquals", "10", "10", true),
        ("NumericGreaterThanEquals", "10", "9.99", false),
        ("DateEquals", r#""2020-01-01T00:00:00Z""#, "2020-01-01T00:00:00Z", true),
        ("DateEquals", r#""2020-01-01T00:00:00Z""#, "1577836800", true),
        ("DateEquals", "1577836800", "2020-01-01T01:00:00+01:00", true),
        ("DateEquals", r#""2020-01-01""#, "2020-01-01T00:00:01Z", false),
        ("DateLessThan", r#""2020-01-01T00:00:00Z""#, "2019-12-31T23:59:59Z", true),
        ("DateLessThan", r#""2020-01-01T00:00:00Z""#, "2020-01-01T00:00:00Z", false),
        ("DateLessThanEquals", r#""2020-01-01T00:00:00Z""#, "2020-01-01T00:00:00Z", true),
        ("DateGreaterThan", r#""2020-01-01T00:00:00Z""#, "2020-01-01T00:00:00.001Z", true),
        ("DateGreaterThan", r#""2020-01-01T00:00:00Z""#, "2020-01-01T00:00:00Z", false),
        ("DateGreaterThanEquals", r#""2020-01-01T00:00:00Z""#, "2020-01-01T00:00:00Z", true),
        ("DateGreaterThan", r#""yesterday""#, "2020-01-01T00:00:00Z", false),
        ("DateGreaterThan", r#""2020-01-01T00:00:00Z""#, "now", false),
        ("Bool", r#""true""#, "true", true),
        ("Bool", "true", "true", true),
        ("Bool", r#""false""#, "true", false),
        ("Bool", r#""True""#, "true", true),
        ("Bool", r#""yes""#, "yes", false),
        ("Bool", r#"["true","false"]"#, "false", true),
        ("BinaryEquals", r#""QmluYXJ5""#, "QmluYXJ5", true),
        ("BinaryEquals", r#""QmluYXJ5""#, "QmluYXJ4", false),
        ("BinaryEquals", r#""not base64""#, "not base64", false),
        ("IpAddress", r#""203.0.113.0/24""#, "203.0.113.9", true),
        ("IpAddress", r#""203.0.113.0/24""#, "203.0.114.9", false),
        ("IpAddress", r#""203.0.113.9""#, "203.0.113.9", true),
        ("IpAddress", r#"["10.0.0.0/8","2001:db8::/32"]"#, "2001:db8::7", true),
        ("IpAddress", r#""0.0.0.0/0""#, "not an address", false),
        ("IpAddress", r#""nonsense""#, "203.0.113.9", false),
        ("ArnLike", r#""arn:aws:iam::111122223333:role/*""#, "arn:aws:iam::111122223333:role/a/b", true),
        ("ArnLike", r#""arn:aws:iam::*:role/?""#, "arn:aws:iam::111122223333:role/a", true),
        ("ArnLike", r#""arn:aws:iam::111122223333:*""#, "arn:aws:iam::111122223333:role/a:b", true),
        ("ArnLike", r#""arn:aws:iam::111122223333:role/a""#, "arn:aws:iam::111122223333:role/A", false),
        // Each of the six parts by itself: no wildcard before the fifth colon reaches beyond one.
        ("ArnLike", r#""arn:aws:*:111122223333:role/a""#, "arn:aws:iam::111122223333:role/a", false),
        ("ArnLike", r#""arn:*""#, "arn:aws:iam::111122223333:role/a", false),
        ("ArnLike", r#""arn:aws:i?m::111122223333:role/a""#, "arn:aws:iam::111122223333:role/a", true),
        ("ArnLike", r#""arn:aws:iam?:111122223333:role/a""#, "arn:aws:iam::111122223333:role/a", false),
        ("ArnLike", r#""not:an:arn""#, "not:an:arn", false),
        ("ArnLike", r#""*""#, "arn:aws:iam::111122223333:role/a", true),
        ("ArnLike", r#""arn:aws:iam::111122223333:user/${aws:username}""#, "arn:aws:iam::111122223333:user/alice", true),
        ("ArnEquals", r#""arn:aws:iam::*:role/*""#, "arn:aws:iam::111122223333:role/a", true),
        ("ArnEquals", r#""arn:aws:iam::111122223333:role/b""#, "arn:aws:iam::111122223333:role/a", false),
    ];
    for (operator, wanted, value, expected) in table {
        assert_eq!(
            holds(operator, wanted, Some(&[value])),
            *expected,
            "{operator} {wanted} {value}"
        );
        let negated = match *operator {
            "IpAddress" => "NotIpAddress".to_owned(),
            "Bool" | "BinaryEquals" => continue,
            operator if operator.ends_with("ThanEquals") || operator.ends_with("Than") => continue,
            operator => operator
                .replacen("Equals", "NotEquals", 1)
                .replacen("Like", "NotLike", 1),
        };
        assert_eq!(
            holds(&negated, wanted, Some(&[value])),
            !expected,
            "{negated} {wanted} {value}"
        );
        let if_exists = format!("{operator}IfExists");
        assert_eq!(
            holds(&if_exists, wanted, Some(&[value])),
            *expected,
            "{if_exists} {wanted}"
        );
    }
}

/// Source: Condition operators, "If the key that you specify in a policy condition is not present";
/// ...IfExists; Null; Multivalued context keys.
#[test]
fn an_absent_key_fails_positive_operators_and_satisfies_negated_ones() {
    const POSITIVE: &[&str] = &[
        "StringEquals",
        "StringEqualsIgnoreCase",
        "StringLike",
        "NumericEquals",
        "NumericLessThan",
        "NumericLessThanEquals",
        "NumericGreaterThan",
        "NumericGreaterThanEquals",
        "DateEquals",
        "DateLessThan",
        "DateLessThanEquals",
        "DateGreaterThan",
        "DateGreaterThanEquals",
        "Bool",
        "BinaryEquals",
        "IpAddress",
        "ArnEquals",
        "ArnLike",
    ];
    const NEGATED: &[&str] = &[
        "StringNotEquals",
        "StringNotEqualsIgnoreCase",
        "StringNotLike",
        "NumericNotEquals",
        "DateNotEquals",
        "NotIpAddress",
        "ArnNotEquals",
        "ArnNotLike",
    ];
    let operators = POSITIVE.iter().map(|name| (name, false));
    for (name, expected) in operators.chain(NEGATED.iter().map(|name| (name, true))) {
        for absent in [None, Some([].as_slice())] {
            assert_eq!(holds(name, r#""*""#, absent), expected, "{name}");
            assert!(
                holds(&format!("{name}IfExists"), r#""*""#, absent),
                "{name}IfExists"
            );
            assert!(
                holds(&format!("ForAllValues:{name}"), r#""*""#, absent),
                "all {name}"
            );
            assert!(
                !holds(&format!("ForAnyValue:{name}"), r#""*""#, absent),
                "any {name}"
            );
            assert!(
                holds(&format!("ForAnyValue:{name}IfExists"), r#""*""#, absent),
                "any {name}"
            );
        }
    }
}

/// Source: Condition operators, Null.
#[test]
fn null_asks_whether_a_key_is_absent() {
    for (wanted, values, expected) in [
        (r#""true""#, None, true),
        (r#""true""#, Some(["v"].as_slice()), false),
        (r#""false""#, None, false),
        (r#""false""#, Some(["v"].as_slice()), true),
        (r#""false""#, Some([""].as_slice()), true),
        (r#""false""#, Some(["v", "w"].as_slice()), true),
        ("true", None, true),
        ("false", Some(["v"].as_slice()), true),
        (r#"["true","false"]"#, None, true),
        (r#""maybe""#, None, false),
        (r#""maybe""#, Some(["v"].as_slice()), false),
    ] {
        assert_eq!(
            holds("Null", wanted, values),
            expected,
            "{wanted} {values:?}"
        );
    }
}

/// Source: Multivalued context keys.
#[test]
fn set_operators_look_at_all_or_any_of_the_request_s_values() {
    #[rustfmt::skip]
    let table: &[(&str, &str, &[&str], bool)] = &[
        ("ForAllValues:StringEquals", r#"["a","b"]"#, &["a"], true),
        ("ForAllValues:StringEquals", r#"["a","b"]"#, &["a", "b"], true),
        ("ForAllValues:StringEquals", r#"["a","b"]"#, &["a", "c"], false),
        ("ForAllValues:StringLike", r#"["a*"]"#, &["ab", "ac"], true),
        ("ForAllValues:StringLike", r#"["a*"]"#, &["ab", "bc"], false),
        ("ForAllValues:StringNotEquals", r#"["a","b"]"#, &["c", "d"], true),
        ("ForAllValues:StringNotEquals", r#"["a","b"]"#, &["c", "a"], false),
        ("ForAllValues:StringEquals", r#"["a"]"#, &[""], true),
        ("ForAllValues:StringEquals", r#"["a"]"#, &["", "b"], false),
        ("ForAllValues:StringEqualsIfExists", r#"["a"]"#, &["b"], false),
        ("ForAnyValue:StringEquals", r#"["a","b"]"#, &["a", "c"], true),
        ("ForAnyValue:StringEquals", r#"["a","b"]"#, &["c", "d"], false),
        ("ForAnyValue:StringNotEquals", r#"["a","b"]"#, &["a", "c"], true),
        ("ForAnyValue:StringNotEquals", r#"["a","b"]"#, &["a", "b"], false),
        ("ForAnyValue:StringEquals", r#"[""]"#, &[""], false),
        ("ForAnyValue:StringEqualsIfExists", r#"["a"]"#, &["b"], false),
        ("ForAnyValue:NumericGreaterThan", "5", &["1", "9"], true),
        ("ForAllValues:NumericGreaterThan", "5", &["1", "9"], false),
        ("ForAnyValue:IpAddress", r#""10.0.0.0/8""#, &["192.0.2.1", "10.1.1.1"], true),
        ("ForAllValues:ArnLike", r#""arn:aws:iam::*:role/*""#, &["arn:aws:iam::1:role/a", "arn:aws:iam::1:user/a"], false),
        ("ForAllValues:Bool", "true", &["true", "true"], true),
        // Without a set operator: some value matches, and the negated form is the opposite.
        ("StringEquals", r#"["a"]"#, &["b", "a"], true),
        ("StringNotEquals", r#"["a"]"#, &["b", "a"], false),
        ("StringNotEquals", r#"["a"]"#, &["b", "c"], true),
    ];
    for (operator, wanted, values, expected) in table {
        assert_eq!(
            holds(operator, wanted, Some(values)),
            *expected,
            "{operator} {wanted} {values:?}"
        );
    }
}

/// Source: Condition: "all conditions must be met", with AND between operators and between keys,
/// OR between values.
#[test]
fn all_operators_and_all_keys_must_hold() {
    for (conditions, expected) in [
        (r#"{}"#, true),
        (r#"{"StringEquals":{}}"#, true),
        (r#"{"StringEquals":{"a:x":"1","a:y":"2"}}"#, true),
        (r#"{"StringEquals":{"a:x":"1","a:y":"9"}}"#, false),
        (
            r#"{"StringEquals":{"a:x":["9","1"]},"StringLike":{"a:y":"?"}}"#,
            true,
        ),
        (
            r#"{"StringEquals":{"a:x":"1"},"StringLike":{"a:y":"9"}}"#,
            false,
        ),
        (
            r#"{"StringEquals":{"a:x":"1"},"Null":{"a:z":"true"}}"#,
            true,
        ),
        (r#"{"StringEquals":{"a:x":"1","A:X":"2"}}"#, false),
    ] {
        let document = identity(&format!(
            r#""Effect":"Allow","Action":"*","Resource":"*","Condition":{conditions}"#
        ));
        let context = context(&[("a:x", &["1"]), ("a:y", &["2"])]);
        assert_eq!(
            allows(&document, "a:B", "*", &context),
            expected,
            "{conditions}"
        );
    }
}

/// Source: Controlling access to AWS resources, aws:ResourceTag: "matches a tag key named either
/// TagKey1 or tagkey1, but not both".
#[test]
fn tags_that_differ_in_letter_case_only_satisfy_no_positive_operator() {
    let mut context = Context::new();
    context.insert("aws:ResourceTag/Team", "red");
    assert_eq!(
        context.get("AWS:resourcetag/TEAM"),
        Saw::Values(&["red".to_owned()])
    );
    context.insert("aws:ResourceTag/team", "red");
    assert_eq!(context.get("aws:ResourceTag/Team"), Saw::Ambiguous);
    for (operator, expected) in [
        ("StringEquals", false),
        ("StringEqualsIfExists", false),
        ("ForAllValues:StringEquals", false),
        ("ForAnyValue:StringEquals", false),
        ("StringNotEquals", true),
    ] {
        let document = identity(&format!(
            r#""Effect":"Allow","Action":"*","Resource":"*","Condition":{{"{operator}":{{"aws:ResourceTag/Team":"red"}}}}"#
        ));
        assert_eq!(
            allows(&document, "a:B", "*", &context),
            expected,
            "{operator}"
        );
    }
}

fn role_session(unique_id: Option<&str>) -> Caller {
    Caller::RoleSession {
        session_arn: "arn:aws:sts::111122223333:assumed-role/reader/s1".into(),
        role_arn: "arn:aws:iam::111122223333:role/path/reader".into(),
        unique_id: unique_id.map(str::to_owned),
    }
}

/// Source: Principal; NotPrincipal.
#[test]
fn principals_cover_the_callers_they_name() {
    let root = Caller::from_arn("arn:aws:iam::111122223333:root").unwrap();
    let alice = Caller::User {
        arn: ALICE.into(),
        unique_id: Some("AIDAALICE00000000".into()),
    };
    let bob = Caller::from_arn("arn:aws:iam::111122223333:user/bob").unwrap();
    let session = role_session(Some("AROAREADER0000000"));
    let unidentified = role_session(None);
    let federated = Caller::from_arn("arn:aws:sts::111122223333:federated-user/fred").unwrap();
    let service = Caller::Service {
        name: "lambda.amazonaws.com".into(),
    };
    let web = Caller::WebIdentity {
        provider: "accounts.google.com".into(),
    };
    let foreign = Caller::from_arn("arn:aws:iam::444455556666:user/team/alice").unwrap();
    let aws = |arn: &str| format!(r#""Principal":{{"AWS":"{arn}"}}"#);
    let role = "arn:aws:iam::111122223333:role/path/reader";
    let one_session = "arn:aws:sts::111122223333:assumed-role/reader/s1";
    let all_but = |arns: &[&str]| format!(r#""NotPrincipal":{{"AWS":["{}"]}}"#, arns.join("\",\""));
    #[rustfmt::skip]
    let table: Vec<(String, &Caller, Option<Reach>)> = vec![
        (r#""Principal":"*""#.into(), &alice, Some(Reach::Everyone)),
        (r#""Principal":"*""#.into(), &Caller::Anonymous, Some(Reach::Everyone)),
        (r#""Principal":"*""#.into(), &service, Some(Reach::Everyone)),
        (aws("*"), &foreign, Some(Reach::Everyone)),
        (aws("111122223333"), &alice, Some(Reach::Account)),
        (aws("arn:aws:iam::111122223333:root"), &alice, Some(Reach::Account)),
        (aws("arn:aws:iam::111122223333:root"), &session, Some(Reach::Account)),
        (aws("arn:aws:iam::111122223333:root"), &root, Some(Reach::Caller)),
        (aws("arn:aws:iam::111122223333:root"), &foreign, None),
        (aws("111122223333"), &service, None),
        (aws(ALICE), &alice, Some(Reach::Caller)),
        (aws(ALICE), &bob, None),
        (aws(ALICE), &foreign, None),
        (aws(ALICE), &root, None),
        (aws("arn:aws:iam::111122223333:user/alice"), &alice, None),
        (aws("AIDAALICE00000000"), &alice, Some(Reach::Caller)),
        (aws("AIDAALICE00000001"), &alice, None),
        (aws("AIDAALICE00000000"), &bob, None),
        (aws(role), &session, Some(Reach::Role)),
        (aws("arn:aws:iam::111122223333:role/reader"), &session, None),
        (aws("AROAREADER0000000"), &session, Some(Reach::Role)),
        (aws("AROAREADER0000000"), &unidentified, None),
        (aws("AROAREADER0000000:s1"), &session, Some(Reach::Caller)),
        (aws("AROAREADER0000000:s2"), &session, None),
        (aws("AROAREADER0000001:s1"), &session, None),
        (aws("AROAREADER0000000:s1"), &unidentified, None),
        (aws(one_session), &session, Some(Reach::Caller)),
        (aws("arn:aws:sts::111122223333:assumed-role/reader/s2"), &session, None),
        (aws("arn:aws:sts::111122223333:federated-user/fred"), &federated, Some(Reach::Caller)),
        (r#""Principal":{"Service":"lambda.amazonaws.com"}"#.into(), &service, Some(Reach::Caller)),
        (r#""Principal":{"Service":"kms.amazonaws.com"}"#.into(), &service, None),
        (r#""Principal":{"Federated":"accounts.google.com"}"#.into(), &web, Some(Reach::Caller)),
        (r#""Principal":{"Federated":"accounts.google.com"}"#.into(), &alice, None),
        (r#""Principal":{"CanonicalUser":"abc"}"#.into(), &alice, None),
        // The closest of several names counts.
        (format!(r#""Principal":{{"AWS":["111122223333","{role}","{one_session}"]}}"#), &session, Some(Reach::Caller)),
        (format!(r#""Principal":{{"AWS":["111122223333","{role}"]}}"#), &session, Some(Reach::Role)),
        // Not exempt until the account, the role and the session are all listed.
        (all_but(&["111122223333"]), &root, None),
        (all_but(&["111122223333"]), &alice, Some(Reach::Everyone)),
        (all_but(&[ALICE]), &alice, Some(Reach::Everyone)),
        (all_but(&["111122223333", ALICE]), &alice, None),
        (all_but(&["111122223333", "AIDAALICE00000000"]), &alice, None),
        (all_but(&["111122223333", ALICE]), &bob, Some(Reach::Everyone)),
        (all_but(&["111122223333", role]), &session, Some(Reach::Everyone)),
        (all_but(&["111122223333", one_session]), &session, Some(Reach::Everyone)),
        (all_but(&["111122223333", role, one_session]), &session, None),
        (all_but(&["111122223333", "AROAREADER0000000", "AROAREADER0000000:s1"]), &session, None),
        (all_but(&["111122223333", role, "AROAREADER0000000"]), &session, Some(Reach::Everyone)),
        (all_but(&["111122223333", role, "AROAREADER0000000:s2"]), &session, Some(Reach::Everyone)),
        (all_but(&["111122223333", one_session, "AROAREADER0000000:s1"]), &session, Some(Reach::Everyone)),
        (all_but(&["111122223333", "arn:aws:sts::111122223333:federated-user/fred"]), &federated, None),
        (all_but(&["111122223333", ALICE]), &service, Some(Reach::Everyone)),
        (r#""NotPrincipal":{"Service":"lambda.amazonaws.com"}"#.into(), &service, None),
        (r#""NotPrincipal":"*""#.into(), &alice, None),
        (all_but(&["111122223333"]), &Caller::Anonymous, Some(Reach::Everyone)),
    ];
    let context = Context::new();
    for (principal, caller, expected) in table {
        let text = format!(
            r#"{{"Statement":{{"Effect":"Allow",{principal},"Action":"*","Resource":"*"}}}}"#
        );
        let found = match verdict(
            &parse(&text, Kind::Resource),
            &Request::new(caller, "a:B", "*", &context),
        ) {
            Verdict::Allow { reach, .. } => Some(reach),
            _ => None,
        };
        assert_eq!(found, expected, "{principal} {caller:?}");
    }
}

#[test]
fn a_bound_name_covers_its_first_bearer_only() {
    let text = format!(
        r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":["{ALICE}","444455556666"]}},"Action":"*","Resource":"*"}}}}"#
    );
    let mut document = parse(&text, Kind::Resource);
    document.bind_principals(|principal| {
        (principal.to_string() == ALICE).then(|| "AIDAFIRST00000000".to_owned())
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
    assert_eq!(names, ["AIDAFIRST00000000", "444455556666"]);
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
        document.bind_principals(|_| Some(answered.to_owned()));
        let names: Vec<_> = document.principals().map(ToString::to_string).collect();
        assert_eq!(names, ["AROAFIRST00000000:s1"]);
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
