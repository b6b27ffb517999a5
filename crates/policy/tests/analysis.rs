//! Which policies are public, which reach outside of the account, which could lock someone out.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

use strongroom_policy::analysis::{Grantee, external_access, may_deny, public_access};
use strongroom_policy::{Document, Kind};

const OWN: &str = "111122223333";
const ROOT: &str = "arn:aws:iam::111122223333:root";

fn policy(statements: &str) -> Document {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    Document::parse(&text, Kind::Resource).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn public_statements(statements: &str) -> Vec<usize> {
    public_access(&policy(statements))
        .into_iter()
        .map(|finding| finding.statement)
        .collect()
}

/// One allowing statement for everyone, with a condition.
fn everyone_if(condition: &str) -> String {
    format!(
        r#"{{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{{{condition}}}}}"#
    )
}

#[test]
fn everyone_is_the_public_and_a_named_principal_is_not() {
    for (effect_and_principal, public) in [
        (r#""Effect":"Allow","Principal":"*""#, true),
        (r#""Effect":"Allow","Principal":{"AWS":"*"}"#, true),
        (
            r#""Effect":"Allow","Principal":{"AWS":["444455556666","*"]}"#,
            true,
        ),
        (
            r#""Effect":"Allow","NotPrincipal":{"AWS":"444455556666"}"#,
            true,
        ),
        (r#""Effect":"Deny","Principal":"*""#, false),
        (
            r#""Effect":"Deny","NotPrincipal":{"AWS":"444455556666"}"#,
            false,
        ),
        (
            r#""Effect":"Allow","Principal":{"AWS":"444455556666"}"#,
            false,
        ),
        (
            r#""Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"}"#,
            false,
        ),
    ] {
        let statement = format!(r#"{{{effect_and_principal},"Action":"*","Resource":"*"}}"#);
        let expected: &[usize] = if public { &[0] } else { &[] };
        assert_eq!(
            public_statements(&statement),
            expected,
            "{effect_and_principal}"
        );
    }
}

#[test]
fn only_fixed_values_of_a_key_that_says_who_calls_pin_the_callers() {
    for (condition, pinned) in [
        (
            r#""StringEquals":{"aws:PrincipalAccount":"111122223333"}"#,
            true,
        ),
        (
            r#""StringEquals":{"AWS:principalaccount":["111122223333","444455556666"]}"#,
            true,
        ),
        (r#""StringEquals":{"aws:PrincipalOrgID":"o-abc123"}"#, true),
        (r#""StringLike":{"aws:PrincipalOrgID":"o-abc123"}"#, true),
        (r#""StringEqualsIgnoreCase":{"aws:username":"Alice"}"#, true),
        (
            r#""ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/r"}"#,
            true,
        ),
        (r#""ArnLike":{"aws:SourceArn":"arn:aws:s3:::bucket"}"#, true),
        (
            r#""StringEquals":{"aws:SourceVpce":"vpce-1"},"Bool":{"aws:SecureTransport":"true"}"#,
            true,
        ),
        (
            r#""IpAddress":{"aws:SourceIp":["203.0.113.0/24","2001:db8::/32"]}"#,
            true,
        ),
        (
            r#""StringEquals":{"kms:CallerAccount":"111122223333"}"#,
            true,
        ),
        (
            r#""ForAnyValue:StringEquals":{"aws:PrincipalOrgID":"o-abc123"}"#,
            true,
        ),
        (
            r#""ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-abc123/r-1/ou-1/*"}"#,
            true,
        ),
        (
            r#""ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-*/r-1/*"}"#,
            false,
        ),
        (
            r#""ForAllValues:StringEquals":{"aws:PrincipalOrgID":"o-abc123"}"#,
            false,
        ),
        (
            r#""StringEqualsIfExists":{"aws:PrincipalOrgID":"o-abc123"}"#,
            false,
        ),
        (
            r#""StringNotEquals":{"aws:PrincipalOrgID":"o-abc123"}"#,
            false,
        ),
        (r#""StringLike":{"aws:PrincipalOrgID":"o-*"}"#, false),
        (
            r#""StringLike":{"aws:PrincipalAccount":["111122223333","*"]}"#,
            false,
        ),
        (
            r#""StringEquals":{"aws:PrincipalAccount":"${aws:ResourceAccount}"}"#,
            false,
        ),
        (
            r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/r"}"#,
            false,
        ),
        (r#""IpAddress":{"aws:SourceIp":"0.0.0.0/0"}"#, false),
        (
            r#""IpAddress":{"aws:SourceIp":["203.0.113.0/24","0.0.0.0/1"]}"#,
            false,
        ),
        (r#""IpAddress":{"aws:SourceIp":"2001::/16"}"#, false),
        (r#""NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}"#, false),
        (
            r#""StringEquals":{"aws:ResourceAccount":"111122223333"}"#,
            false,
        ),
        (r#""Bool":{"aws:SecureTransport":"true"}"#, false),
        (r#""Null":{"aws:PrincipalOrgID":"false"}"#, false),
        (
            r#""StringEquals":{"secretsmanager:VersionStage":"AWSCURRENT"}"#,
            false,
        ),
        (r#""StringEquals":{"aws:UserAgent":"mine"}"#, false),
    ] {
        let expected: &[usize] = if pinned { &[] } else { &[0] };
        assert_eq!(
            public_statements(&everyone_if(condition)),
            expected,
            "{condition}"
        );
    }
}

#[test]
fn a_denial_of_all_strangers_makes_a_policy_private() {
    let open = r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}"#;
    let deny = |principal: &str, action: &str, resource: &str, condition: &str| {
        format!(
            r#"{open},{{"Effect":"Deny","Principal":{principal},"Action":"{action}","Resource":"{resource}","Condition":{{{condition}}}}}"#
        )
    };
    let organization = r#""StringNotEquals":{"aws:PrincipalOrgID":"o-abc123"}"#;
    for (statements, private) in [
        (deny("\"*\"", "*", "*", organization), true),
        (
            deny(
                "\"*\"",
                "*",
                "*",
                r#""NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}"#,
            ),
            true,
        ),
        (deny("\"*\"", "kms:*", "*", organization), false),
        (deny("\"*\"", "*", "arn:aws:s3:::b", organization), false),
        (
            deny(r#"{"AWS":"444455556666"}"#, "*", "*", organization),
            false,
        ),
        (
            deny(
                "\"*\"",
                "*",
                "*",
                r#""StringEquals":{"aws:PrincipalOrgID":"o-abc123"}"#,
            ),
            false,
        ),
        (
            deny(
                "\"*\"",
                "*",
                "*",
                r#""StringNotLike":{"aws:PrincipalOrgID":"o-*"}"#,
            ),
            false,
        ),
        (
            deny(
                "\"*\"",
                "*",
                "*",
                r#""ForAllValues:StringNotEquals":{"aws:PrincipalOrgID":"o-a"}"#,
            ),
            false,
        ),
        (
            deny(
                "\"*\"",
                "*",
                "*",
                &format!(r#"{organization},"Bool":{{"aws:ViaAWSService":"false"}}"#),
            ),
            false,
        ),
    ] {
        assert_eq!(
            public_statements(&statements).is_empty(),
            private,
            "{statements}"
        );
    }
}

#[test]
fn outsiders_are_found_by_name_and_by_condition() {
    let named = |principal: &str| {
        format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"*","Resource":"*"}}"#)
    };
    let arn = |text: &str| format!(r#"{{"AWS":"{text}"}}"#);
    for (statements, expected) in [
        (named("\"*\""), vec!["public"]),
        (named(&arn(OWN)), vec![]),
        (named(&arn(ROOT)), vec![]),
        (named(&arn("arn:aws:iam::111122223333:user/alice")), vec![]),
        (named(&arn("444455556666")), vec!["444455556666"]),
        (
            named(&arn("arn:aws:iam::444455556666:root")),
            vec!["444455556666"],
        ),
        (
            named(&arn("arn:aws:sts::444455556666:assumed-role/r/s")),
            vec!["arn:aws:sts::444455556666:assumed-role/r/s"],
        ),
        (named(r#"{"Service":"lambda.amazonaws.com"}"#), vec![]),
        (
            named(r#"{"Federated":"accounts.google.com"}"#),
            vec!["accounts.google.com"],
        ),
        (
            everyone_if(r#""StringEquals":{"aws:PrincipalAccount":"111122223333"}"#),
            vec![],
        ),
        (
            everyone_if(
                r#""StringEquals":{"aws:PrincipalAccount":["111122223333","444455556666"]}"#,
            ),
            vec!["aws:principalaccount=444455556666"],
        ),
        (
            everyone_if(
                r#""StringEquals":{"aws:PrincipalOrgID":"o-a","aws:PrincipalAccount":"111122223333"}"#,
            ),
            vec![],
        ),
        (
            everyone_if(r#""ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::444455556666:role/r"}"#),
            vec!["aws:principalarn=arn:aws:iam::444455556666:role/r"],
        ),
        (named(&arn("444455556666")).replace("Allow", "Deny"), vec![]),
    ] {
        let found: Vec<String> = external_access(&policy(&statements), OWN)
            .into_iter()
            .map(|grant| match grant.grantee {
                Grantee::Public => "public".to_owned(),
                Grantee::Principal(principal) => principal.to_string(),
                Grantee::Pinned { key, value } => format!("{key}={value}"),
            })
            .collect();
        assert_eq!(found, expected, "{statements}");
    }
}

#[test]
fn a_denial_that_could_meet_someone_is_found() {
    let put = "secretsmanager:PutResourcePolicy";
    let user = "arn:aws:iam::111122223333:user/alice";
    let role = "arn:aws:iam::111122223333:role/path/reader";
    let session = "arn:aws:sts::111122223333:assumed-role/reader/s";
    let deny = |principal: &str, action: &str, rest: &str| {
        format!(r#"{{"Effect":"Deny",{principal},{action},"Resource":"arn:aws:s3:::b"{rest}}}"#)
    };
    let all = r#""Action":"*""#;
    let aws = |text: &str| format!(r#""Principal":{{"AWS":"{text}"}}"#);
    let all_but = |texts: &str| format!(r#""NotPrincipal":{{"AWS":[{texts}]}}"#);
    let only_if =
        r#","Condition":{"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/x"}}"#;
    for (statement, who, expected) in [
        (deny(r#""Principal":"*""#, all, ""), ROOT, true),
        (deny(r#""Principal":"*""#, all, only_if), ROOT, true),
        (
            deny(
                r#""Principal":"*""#,
                r#""Action":"SecretsManager:put*""#,
                "",
            ),
            ROOT,
            true,
        ),
        (
            deny(
                r#""Principal":"*""#,
                r#""Action":"secretsmanager:Get*""#,
                "",
            ),
            ROOT,
            false,
        ),
        (
            deny(
                r#""Principal":"*""#,
                r#""NotAction":"secretsmanager:Get*""#,
                "",
            ),
            ROOT,
            true,
        ),
        (
            deny(
                r#""Principal":"*""#,
                r#""NotAction":"secretsmanager:*""#,
                "",
            ),
            ROOT,
            false,
        ),
        (deny(&aws(OWN), all, ""), ROOT, true),
        (deny(&aws(OWN), all, ""), user, true),
        (deny(&aws(OWN), all, ""), session, true),
        (deny(&aws("444455556666"), all, ""), ROOT, false),
        (deny(&aws(user), all, ""), ROOT, false),
        (deny(&aws(user), all, ""), user, true),
        (deny(&aws("AIDACKCEVSQ6C2EXAMPLE"), all, ""), user, true),
        (deny(&aws("AIDACKCEVSQ6C2EXAMPLE"), all, ""), ROOT, false),
        (deny(&aws(role), all, ""), role, true),
        (deny(&aws(role), all, ""), session, true),
        (deny(&aws(session), all, ""), role, true),
        (deny(&aws(session), all, ""), session, true),
        (
            deny(&aws("arn:aws:iam::111122223333:role/other"), all, ""),
            session,
            false,
        ),
        (
            deny(r#""Principal":{"Service":"lambda.amazonaws.com"}"#, all, ""),
            ROOT,
            false,
        ),
        (deny(&all_but(&format!("\"{OWN}\"")), all, ""), ROOT, false),
        (deny(&all_but(&format!("\"{OWN}\"")), all, ""), user, true),
        // If the user has a permissions boundary, nothing exempts it.
        (
            deny(&all_but(&format!("\"{OWN}\",\"{user}\"")), all, ""),
            user,
            true,
        ),
        (deny(&all_but("\"444455556666\""), all, ""), ROOT, true),
        (
            deny(r#""Principal":{"Service":"lambda.amazonaws.com"}"#, all, ""),
            "who knows",
            true,
        ),
        (
            deny(r#""Principal":"*""#, all, "").replace("Deny", "Allow"),
            ROOT,
            false,
        ),
    ] {
        let found = may_deny(&policy(&statement), who, put);
        assert_eq!(found.is_some(), expected, "{who} {statement}");
    }
    let open = r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}"#;
    let named = deny(r#""Sid":"No one","Principal":"*""#, all, "");
    let found = may_deny(&policy(&format!("{open},{named}")), ROOT, put).unwrap();
    assert_eq!((found.statement, found.sid.as_deref()), (1, Some("No one")));
}
