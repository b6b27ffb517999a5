//! The grammar, element by element: what is taken, what is refused, where and why.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

use strongroom_policy::{Document, Effect, Kind, Principal, Problem, Version};

const RESOURCE_STATEMENT: &str =
    r#""Effect":"Allow","Principal":"*","Action":"secretsmanager:GetSecretValue","Resource":"*""#;
const IDENTITY_STATEMENT: &str = r#""Effect":"Allow","Action":"*","Resource":"*""#;

fn refused(text: &str, kind: Kind) -> (String, String) {
    match Document::parse(text, kind) {
        Ok(_) => panic!("accepted as {kind:?}: {text}"),
        Err(malformed) => {
            let full = malformed.to_string();
            assert!(full.starts_with(&malformed.path), "{full}");
            (malformed.path, malformed.problem.to_string())
        }
    }
}

/// A resource policy with one statement made of the given members.
fn resource(members: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{{{members}}}]}}"#)
}

#[test]
fn whole_documents_are_taken_or_refused() {
    let statement = format!("{{{RESOURCE_STATEMENT}}}");
    for text in [
        format!(r#"{{"Statement":{statement}}}"#),
        format!(r#"{{"Statement":[{statement}]}}"#),
        format!(r#"{{"Statement":[{statement},{statement}]}}"#),
        format!(r#"{{"Version":"2008-10-17","Id":"any text","Statement":{statement}}}"#),
        format!(" \n\t{{\"Version\" : \"2012-10-17\", \"Statement\" : {statement} }} \r\n"),
        format!(r#"{{"\u0056ersion":"2012-10-17","Statement":{statement}}}"#),
    ] {
        assert!(Document::parse(&text, Kind::Resource).is_ok(), "{text}");
    }
    for (text, path, problem) in [
        ("", "policy", "not valid JSON"),
        ("{", "policy", "not valid JSON"),
        ("{} {}", "policy", "not valid JSON"),
        ("\u{feff}{}", "policy", "not valid JSON"),
        ("{'Statement':1}", "policy", "not valid JSON"),
        ("[]", "policy", "must be an object, but is an array"),
        ("null", "policy", "must be an object, but is null"),
        ("\"x\"", "policy", "must be an object, but is a string"),
        ("{}", "policy", "\"Statement\" is missing"),
        (r#"{"Statement":[]}"#, "Statement", "must not be empty"),
        (
            r#"{"Statement":"x"}"#,
            "Statement",
            "must be an object or an array of objects",
        ),
        (
            r#"{"Statement":[[]]}"#,
            "Statement[0]",
            "must be an object, but is an array",
        ),
        (
            r#"{"Statement":null}"#,
            "Statement",
            "must be an object or an array of objects",
        ),
        (
            r#"{"Version":"2012-10-18","Statement":{}}"#,
            "Version",
            "not a version",
        ),
        (
            r#"{"Version":2012,"Statement":{}}"#,
            "Version",
            "must be a string, but is a number",
        ),
        (
            r#"{"Id":7,"Statement":{}}"#,
            "Id",
            "must be a string, but is a number",
        ),
        (r#"{"statement":{}}"#, "policy", "write \"Statement\""),
        (
            r#"{"Statements":{}}"#,
            "policy",
            "not an element of the policy language",
        ),
        (
            r#"{"Statement":{},"Statement":{}}"#,
            "policy",
            "more than once",
        ),
        (
            r#"{"Statement":{},"\u0053tatement":{}}"#,
            "policy",
            "more than once",
        ),
    ] {
        let (found_path, found_problem) = refused(text, Kind::Resource);
        assert_eq!(found_path, path, "{text}");
        assert!(found_problem.contains(problem), "{text}: {found_problem}");
    }
}

#[test]
fn statements_have_each_element_once_and_nothing_unknown() {
    for (members, path, problem) in [
        (
            r#""Principal":"*","Action":"*","Resource":"*""#,
            "",
            "\"Effect\" is missing",
        ),
        (
            r#""Effect":"Allow","Action":"*","Resource":"*""#,
            "",
            "\"Principal\" is missing",
        ),
        (
            r#""Effect":"Allow","Principal":"*","Resource":"*""#,
            "",
            "\"Action\" is missing",
        ),
        (
            r#""Effect":"Allow","Principal":"*","Action":"*""#,
            "",
            "\"Resource\" is missing",
        ),
        (r#""effect":"Allow""#, "", "write \"Effect\""),
        (r#""Colour":"red""#, "", "\"Colour\" is not an element"),
        (r#""Effect":"Allow","Effect":"Deny""#, "", "more than once"),
        (
            r#""Effect":"allow""#,
            ".Effect",
            "\"allow\" is not an effect",
        ),
        (
            r#""Effect":["Allow"]"#,
            ".Effect",
            "must be a string, but is an array",
        ),
        (
            r#""Sid":true"#,
            ".Sid",
            "must be a string, but is a boolean",
        ),
        (r#""Action":"*","NotAction":"*""#, "", "exclude each other"),
        (
            r#""Resource":"*","NotResource":"*""#,
            "",
            "exclude each other",
        ),
        (
            r#""Principal":"*","NotPrincipal":"*""#,
            "",
            "exclude each other",
        ),
    ] {
        let (found_path, found_problem) = refused(&resource(members), Kind::Resource);
        assert_eq!(found_path, format!("Statement[0]{path}"), "{members}");
        assert!(
            found_problem.contains(problem),
            "{members}: {found_problem}"
        );
    }
}

#[test]
fn the_kind_of_policy_decides_what_it_must_and_must_not_hold() {
    let trust = r#""Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole""#;
    let forbidden = "is not allowed in";
    let cases = [
        (Kind::Identity, IDENTITY_STATEMENT.to_owned(), None),
        (Kind::Resource, RESOURCE_STATEMENT.to_owned(), None),
        (Kind::Trust, trust.to_owned(), None),
        (
            Kind::Identity,
            RESOURCE_STATEMENT.to_owned(),
            Some(forbidden),
        ),
        (
            Kind::Identity,
            format!(r#"{IDENTITY_STATEMENT},"NotPrincipal":"*""#),
            Some(forbidden),
        ),
        (
            Kind::Trust,
            format!(r#"{trust},"Resource":"*""#),
            Some(forbidden),
        ),
        (
            Kind::Trust,
            format!(r#"{trust},"NotResource":"*""#),
            Some(forbidden),
        ),
        (
            Kind::Trust,
            trust.replace("Principal", "NotPrincipal"),
            Some(forbidden),
        ),
        (
            Kind::Trust,
            r#""Effect":"Allow","Action":"sts:AssumeRole""#.into(),
            Some("is missing"),
        ),
        (
            Kind::Resource,
            RESOURCE_STATEMENT.replace("Principal", "NotPrincipal"),
            None,
        ),
        (
            Kind::Identity,
            format!(r#""Sid":"Abc123",{IDENTITY_STATEMENT}"#),
            None,
        ),
        (
            Kind::Identity,
            format!(r#""Sid":"",{IDENTITY_STATEMENT}"#),
            None,
        ),
        (
            Kind::Identity,
            format!(r#""Sid":"a b",{IDENTITY_STATEMENT}"#),
            Some("statement id"),
        ),
        (
            Kind::Trust,
            format!(r#""Sid":"a-b",{trust}"#),
            Some("statement id"),
        ),
        (
            Kind::Resource,
            format!(r#""Sid":"Enable IAM use",{RESOURCE_STATEMENT}"#),
            None,
        ),
    ];
    for (kind, members, problem) in cases {
        let text = resource(&members);
        match problem {
            None => assert!(Document::parse(&text, kind).is_ok(), "{kind:?} {text}"),
            Some(problem) => {
                let (_, found) = refused(&text, kind);
                assert!(found.contains(problem), "{kind:?} {text}: {found}");
            }
        }
    }
}

#[test]
fn statement_ids_are_unique_in_iam_policies() {
    let twice = format!(
        r#"{{"Statement":[{{"Sid":"A",{IDENTITY_STATEMENT}}},{{"Sid":"A",{IDENTITY_STATEMENT}}}]}}"#
    );
    assert_eq!(refused(&twice, Kind::Identity).0, "Statement[1].Sid");
    let unnamed = twice.replace(r#""Sid":"A""#, r#""Sid":"""#);
    assert!(Document::parse(&unnamed, Kind::Identity).is_ok());
    let resource = twice.replace(r#""Effect""#, r#""Principal":"*","Effect""#);
    assert!(Document::parse(&resource, Kind::Resource).is_ok());
}

#[test]
fn actions_are_a_service_and_a_name() {
    for (action, taken) in [
        (r#""*""#, true),
        (r#""*:*""#, true),
        (r#""secretsmanager:*""#, true),
        (r#""secretsmanager:Get*""#, true),
        (r#""SecretsManager:getsecretvalue""#, true),
        (r#""execute-api:Invoke""#, true),
        (r#""iam:?et*User""#, true),
        (r#"["kms:Decrypt","kms:Encrypt"]"#, true),
        (r#""""#, false),
        (r#"[]"#, false),
        (r#"null"#, false),
        (r#"7"#, false),
        (r#"["kms:Decrypt",7]"#, false),
        (r#"[["kms:Decrypt"]]"#, false),
        (r#""GetSecretValue""#, false),
        (r#""secretsmanager:""#, false),
        (r#"":Get""#, false),
        (r#""secrets*:Get""#, false),
        (r#""secretsmanager: Get""#, false),
        (r#""a:b:c""#, false),
        (r#""**""#, false),
        (r#""kms:${aws:username}""#, false),
        (r#""kms:Dé""#, false),
    ] {
        for element in ["Action", "NotAction"] {
            let text = resource(&format!(
                r#""Effect":"Deny","Resource":"*","{element}":{action}"#
            ));
            assert_eq!(
                Document::parse(&text, Kind::Identity).is_ok(),
                taken,
                "{text}"
            );
        }
    }
}

#[test]
fn resources_are_arns_or_everything() {
    for (value, taken) in [
        (r#""*""#, true),
        (
            r#""arn:aws:secretsmanager:us-east-1:111122223333:secret:db-??????""#,
            true,
        ),
        (r#"["arn:aws:s3:::bucket/${aws:username}/*","*"]"#, true),
        (r#""arn:*""#, true),
        (r#""arn:aws:s3:::b/${aws:PrincipalTag/team, 'none'}""#, true),
        (r#""arn:aws:s3:::b/${*}${?}${$}""#, true),
        (r#""arn:aws:s3:::b/$x}{""#, true),
        (r#""""#, false),
        (r#"[]"#, false),
        (r#"{}"#, false),
        (r#""secret-name""#, false),
        (r#""?""#, false),
        (r#""${aws:username}""#, false),
        (r#""arn:aws:s3:::b/${aws:username""#, false),
        (r#""arn:aws:s3:::b/${}""#, false),
        (r#""arn:aws:s3:::b/${aws:username, none}""#, false),
        (r#""arn:aws:s3:::b/${aws:username, 'none}""#, false),
        (r#""arn:aws:s3:::b/${aws:username, 'none' x}""#, false),
    ] {
        for element in ["Resource", "NotResource"] {
            let text = resource(&format!(
                r#""Effect":"Deny","Action":"*","{element}":{value}"#
            ));
            assert_eq!(
                Document::parse(&text, Kind::Identity).is_ok(),
                taken,
                "{text}"
            );
        }
    }
}

#[test]
fn variables_are_text_in_the_older_version() {
    let text =
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${broken"}}"#;
    let document = Document::parse(text, Kind::Identity).unwrap();
    assert_eq!(document.version(), Version::V2008);
}

#[test]
fn principals_have_the_forms_that_aws_knows() {
    let account = |account: &str| {
        Some(Principal::Account {
            account: account.into(),
        })
    };
    let root = "arn:aws:iam::111122223333:root";
    let user = "arn:aws-cn:iam::111122223333:user/a/b/alice";
    let role = "arn:aws:iam::111122223333:role/service-role/reader";
    let session = "arn:aws:sts::111122223333:assumed-role/reader/s@1";
    let federated = "arn:aws:sts::111122223333:federated-user/bob";
    let oidc = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EX";
    let cases = [
        ("AWS", "*", Some(Principal::Everyone)),
        ("AWS", "111122223333", account("111122223333")),
        ("AWS", root, account("111122223333")),
        ("AWS", user, Some(Principal::User { arn: user.into() })),
        ("AWS", role, Some(Principal::Role { arn: role.into() })),
        (
            "AWS",
            session,
            Some(Principal::Session {
                arn: session.into(),
            }),
        ),
        (
            "AWS",
            federated,
            Some(Principal::FederatedUser {
                arn: federated.into(),
            }),
        ),
        (
            "AWS",
            "AIDACKCEVSQ6C2EXAMPLE",
            Some(Principal::UniqueId {
                id: "AIDACKCEVSQ6C2EXAMPLE".into(),
            }),
        ),
        (
            "AWS",
            "AROACKCEVSQ6C2EXAMPLE:s@1",
            Some(Principal::UniqueId {
                id: "AROACKCEVSQ6C2EXAMPLE:s@1".into(),
            }),
        ),
        ("AWS", "AIDACKCEVSQ6C2EXAMPLE:s", None),
        ("AWS", "AROACKCEVSQ6C2EXAMPLE:", None),
        ("AWS", "AROACKCEVSQ6C2EXAMPLE:*", None),
        ("AWS", "AROACKCEVSQ6C2EXAMPLE:a/b", None),
        (
            "Service",
            "lambda.amazonaws.com",
            Some(Principal::Service {
                name: "lambda.amazonaws.com".into(),
            }),
        ),
        (
            "Federated",
            oidc,
            Some(Principal::Federated {
                provider: oidc.into(),
            }),
        ),
        (
            "Federated",
            "accounts.google.com",
            Some(Principal::Federated {
                provider: "accounts.google.com".into(),
            }),
        ),
        (
            "CanonicalUser",
            "79a59df900",
            Some(Principal::CanonicalUser {
                id: "79a59df900".into(),
            }),
        ),
        ("AWS", "", None),
        ("AWS", "alice", None),
        ("AWS", "11112222333", None),
        ("AWS", "1111-2222-3333", None),
        ("AWS", "arn:aws:iam::11112222333:root", None),
        ("AWS", "arn:aws:iam::111122223333:group/admins", None),
        ("AWS", "arn:aws:iam::111122223333:user/*", None),
        ("AWS", "arn:aws:iam::111122223333:user/", None),
        ("AWS", "arn:aws:iam::111122223333:role/read?r", None),
        ("AWS", "arn:aws:iam::*:role/reader", None),
        (
            "AWS",
            "arn:aws:iam:us-east-1:111122223333:role/reader",
            None,
        ),
        ("AWS", "arn:other:iam::111122223333:root", None),
        ("AWS", "arn:aws:sts::111122223333:assumed-role/reader", None),
        (
            "AWS",
            "arn:aws:sts::111122223333:assumed-role/reader/*",
            None,
        ),
        ("AWS", "arn:aws:s3:::bucket", None),
        ("AWS", "lambda.amazonaws.com", None),
        ("Service", "*", None),
        ("Service", "lambda", None),
        ("Service", "lambda..com", None),
        ("Federated", "*", None),
        (
            "Federated",
            "arn:aws:iam::111122223333:oidc-provider/*",
            None,
        ),
        ("CanonicalUser", "*", None),
    ];
    for (kind, value, expected) in cases {
        let text = resource(&format!(
            r#""Effect":"Allow","Action":"*","Resource":"*","Principal":{{"{kind}":["{value}"]}}"#
        ));
        match (Document::parse(&text, Kind::Resource), expected) {
            (Ok(document), Some(expected)) => {
                assert_eq!(
                    document.principals().collect::<Vec<_>>(),
                    [&expected],
                    "{value}"
                );
            }
            (Err(malformed), None) => {
                assert_eq!(malformed.path, format!("Statement[0].Principal.{kind}[0]"));
                let value = value.to_owned();
                assert_eq!(malformed.problem, Problem::UnsupportedPrincipal { value });
            }
            (found, expected) => panic!("{kind} {value}: {found:?}, not {expected:?}"),
        }
    }
    for value in [
        r#""111122223333""#,
        "{}",
        "[]",
        "null",
        r#"["*"]"#,
        r#"{"aws":"*"}"#,
    ] {
        let text = resource(&format!(
            r#""Effect":"Allow","Action":"*","Resource":"*","Principal":{value}"#
        ));
        assert!(Document::parse(&text, Kind::Resource).is_err(), "{value}");
    }
}

#[test]
fn condition_operators_are_those_of_the_language() {
    const PLAIN: &[&str] = &[
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
    ];
    let taken = |operator: &str| {
        let text = resource(&format!(
            r#"{IDENTITY_STATEMENT},"Condition":{{"{operator}":{{"aws:SourceIp":"x"}}}}"#
        ));
        Document::parse(&text, Kind::Identity).is_ok()
    };
    for name in PLAIN {
        for operator in [
            name.to_string(),
            format!("{name}IfExists"),
            format!("ForAllValues:{name}"),
            format!("ForAnyValue:{name}"),
            format!("ForAnyValue:{name}IfExists"),
        ] {
            assert!(taken(&operator), "{operator}");
        }
        assert!(!taken(&name.to_lowercase()), "{name} in lower case");
    }
    assert!(taken("Null"));
    for operator in [
        "",
        "NullIfExists",
        "ForAllValues:Null",
        "ForAnyValue:Null",
        "StringMatches",
        "IfExists",
        "StringEqualsIfExistsIfExists",
        "ForSomeValues:StringEquals",
        "forallvalues:StringEquals",
        "ForAllValues:ForAnyValue:StringEquals",
        "StringEquals ",
        "BoolNotEquals",
        "BinaryNotEquals",
    ] {
        assert!(!taken(operator), "{operator}");
    }
}

#[test]
fn conditions_have_keys_with_a_prefix_and_simple_values() {
    for (condition, taken) in [
        (r#"{}"#, true),
        (r#"{"StringEquals":{}}"#, true),
        (r#"{"StringEquals":{"aws:username":"a"}}"#, true),
        (
            r#"{"StringEquals":{"aws:username":["a","b"],"aws:userid":"c"}}"#,
            true,
        ),
        (r#"{"NumericLessThan":{"a:b":10}}"#, true),
        (r#"{"Bool":{"aws:SecureTransport":false}}"#, true),
        (r#"{"Bool":{"aws:SecureTransport":[true,"false",1]}}"#, true),
        (
            r#"{"StringEquals":{"token.actions.githubusercontent.com:sub":"repo:a/b"}}"#,
            true,
        ),
        (r#"[]"#, false),
        (r#""x""#, false),
        (r#"null"#, false),
        (r#"{"StringEquals":"x"}"#, false),
        (r#"{"StringEquals":[]}"#, false),
        (r#"{"StringEquals":{"aws:username":[]}}"#, false),
        (r#"{"StringEquals":{"aws:username":null}}"#, false),
        (r#"{"StringEquals":{"aws:username":[null]}}"#, false),
        (r#"{"StringEquals":{"aws:username":{}}}"#, false),
        (r#"{"StringEquals":{"aws:username":[["a"]]}}"#, false),
        (r#"{"StringEquals":{"username":"a"}}"#, false),
        (r#"{"StringEquals":{":username":"a"}}"#, false),
        (r#"{"StringEquals":{"aws:":"a"}}"#, false),
        (
            r#"{"StringEquals":{"aws:username":"a","aws:username":"b"}}"#,
            false,
        ),
        (
            r#"{"StringEquals":{"aws:a":"a"},"StringEquals":{"aws:b":"b"}}"#,
            false,
        ),
        (r#"{"StringLike":{"aws:username":"${aws:userid"}}"#, false),
        // Operators that take no variables read one as text.
        (r#"{"IpAddress":{"aws:SourceIp":"${aws:userid"}}"#, true),
    ] {
        let text = resource(&format!(r#"{IDENTITY_STATEMENT},"Condition":{condition}"#));
        assert_eq!(
            Document::parse(&text, Kind::Identity).is_ok(),
            taken,
            "{text}"
        );
    }
}

#[test]
fn depth_and_length_cost_an_error_not_a_stack() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(200_000), close.repeat(200_000));
        for text in [
            deep.clone(),
            format!(r#"{{"Statement":{deep}}}"#),
            resource(&format!(r#"{IDENTITY_STATEMENT},"Condition":{deep}"#)),
            resource(&format!(r#""Action":{deep}"#)),
        ] {
            assert!(Document::parse(&text, Kind::Identity).is_err());
        }
    }
}

#[test]
fn a_document_shows_what_its_author_wrote() {
    let text = r#"{"Version":"2012-10-17","Id":"i","Statement":[
        {"Sid":"One","Effect":"Allow","Principal":{"AWS":["111122223333","*"],"Service":"a.b"},
         "Action":["secretsmanager:Get*","*"],"Resource":"arn:aws:s3:::${aws:UserName}",
         "Condition":{"StringLike":{"aws:PrincipalTag/Team":"${aws:ResourceTag/Team}x"}}},
        {"Effect":"Deny","NotPrincipal":"*","NotAction":"KMS:x","NotResource":"*"}]}"#;
    let document = Document::parse(text, Kind::Resource).unwrap();
    assert_eq!(
        (document.version(), document.id()),
        (Version::V2012, Some("i"))
    );
    let principals: Vec<_> = document.principals().map(ToString::to_string).collect();
    assert_eq!(principals, ["111122223333", "*", "a.b", "*"]);
    let actions: Vec<_> = document
        .actions()
        .map(|action| {
            (
                action.statement,
                action.text,
                action.service(),
                action.negated,
            )
        })
        .collect();
    assert_eq!(
        actions,
        [
            (0, "secretsmanager:Get*", Some("secretsmanager"), false),
            (0, "*", None, false),
            (1, "KMS:x", Some("KMS"), true),
        ]
    );
    let resources: Vec<_> = document
        .resources()
        .map(|resource| (resource.statement, resource.text, resource.negated))
        .collect();
    assert_eq!(
        resources,
        [(0, "arn:aws:s3:::${aws:UserName}", false), (1, "*", true)]
    );
    let keys: Vec<_> = document.condition_keys().into_iter().collect();
    assert_eq!(
        keys,
        [
            "aws:principaltag/team",
            "aws:resourcetag/team",
            "aws:username"
        ]
    );
    let statements = document.statements();
    assert_eq!(
        (statements[0].sid(), statements[0].effect()),
        (Some("One"), Effect::Allow)
    );
    let span = &text[statements[1].span()];
    assert!(
        span.starts_with(r#"{"Effect":"Deny""#) && span.ends_with('}'),
        "{span}"
    );
    let condition = statements[0].conditions().next().unwrap();
    assert_eq!(
        (condition.operator(), condition.key()),
        ("StringLike", "aws:PrincipalTag/Team")
    );
    assert_eq!(
        condition.values().collect::<Vec<_>>(),
        ["${aws:ResourceTag/Team}x"]
    );
}

#[test]
fn a_policy_reads_the_context_where_it_has_a_condition_or_a_variable() {
    let whole = r#""Effect":"Allow","Principal":"*","Action":"s3:Get*","Resource":"*""#;
    for (members, expected) in [
        (whole.to_owned(), false),
        (
            whole.replace(r#""Resource":"*""#, r#""Resource":"arn:aws:s3:::a/*""#),
            false,
        ),
        (
            whole.replace(
                r#""Resource":"*""#,
                r#""Resource":"arn:aws:s3:::a/${aws:userid}""#,
            ),
            true,
        ),
        (
            whole.replace(
                r#""Resource":"*""#,
                r#""NotResource":"arn:aws:s3:::a/${aws:userid}""#,
            ),
            true,
        ),
        (
            format!(r#"{whole},"Condition":{{"Bool":{{"aws:SecureTransport":"true"}}}}"#),
            true,
        ),
    ] {
        let plain = format!("{{{whole}}}");
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{plain},{{{members}}}]}}"#);
        let document = Document::parse(&text, Kind::Resource).unwrap();
        assert_eq!(document.reads_context(), expected, "{text}");
    }
}
