//! Sessions of roles for who bears a token of an identity provider. Source: kms-iam-sts.md C3, "Web identity".

use serde_json::{Map, Value, json};
use strongroom_services::caller::Caller;
use strongroom_services::records::Records;
use strongroom_services::refusal::{Refusal, Stop};
use strongroom_services::sts::role_session::RoleArn;
use strongroom_services::sts::web_identity::accept;
use strongroom_services::{iam, sts};

use super::{READER, World, refused, statement, trust, under};
use crate::harness::{ACCOUNT, OTHER_ACCOUNT, REGION};

const PROVIDER: &str = "arn:aws:iam::123456789012:oidc-provider/id.example.com/cluster";
const ISSUER: &str = "https://id.example.com/cluster";
const ACTION: &str = "sts:AssumeRoleWithWebIdentity";
const NOW: i64 = 1_700_000_000;

/// With the provider, whose tokens for `sts.amazonaws.com` and `app` are taken.
fn with_provider() -> World {
    let mut world = World::new();
    world.be("root");
    let body = json!({"Url": ISSUER, "ClientIDList": ["sts.amazonaws.com", "app"]});
    let made = world
        .service
        .ask_of(iam::OPERATIONS, "CreateOpenIDConnectProvider", &body);
    assert_eq!(made.unwrap()["OpenIDConnectProviderArn"], json!(PROVIDER));
    world
}

/// A token's claims, with more or others.
fn claims(more: Value) -> Map<String, Value> {
    let mut claims = json!({
        "iss": ISSUER, "sub": "system:serviceaccount:prod:app", "aud": ["sts.amazonaws.com"],
        "exp": NOW + 600, "iat": NOW, "nbf": NOW,
    });
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        }
    }
    claims.as_object().unwrap().clone()
}

impl World {
    fn accept(&self, more: Value) -> Result<Caller, Refusal> {
        self.accept_for(READER, more)
    }

    fn accept_for(&self, role: &str, more: Value) -> Result<Caller, Refusal> {
        let role = RoleArn::parse(role).unwrap();
        let accepted = self
            .service
            .with_records(|records: &Records<'_>| accept(&claims(more), &role, NOW, records));
        match accepted {
            Ok((caller, issuer)) => {
                assert_eq!(issuer, ISSUER);
                Ok(caller)
            }
            Err(Stop::Refused(refusal)) => Err(refusal),
            Err(Stop::Unavailable(cause)) => panic!("{cause}"),
        }
    }

    /// Asks for a session of the role `reader` by a token with these claims.
    fn bear(&mut self, more: Value, body: Value) -> Result<Value, Refusal> {
        let caller = self.accept(more)?;
        self.service.be_caller(caller);
        let mut asked =
            json!({"RoleArn": READER, "RoleSessionName": "pod", "WebIdentityToken": "a.b.c"});
        for (member, value) in body.as_object().unwrap() {
            asked[member] = value.clone();
        }
        self.service
            .ask_of(sts::OPERATIONS, "AssumeRoleWithWebIdentity", &asked)
    }
}

#[test]
fn a_token_is_taken_for_what_it_says_and_when() {
    let world = with_provider();
    let token = "InvalidIdentityToken";
    let not_yet = |begins: i64| {
        format!("Token not yet valid: current date/time {NOW} must be after {begins}")
    };
    let expired = |expires: i64| {
        format!(
            "Token expired: current date/time {NOW} must be before the expiration date/time {expires}"
        )
    };
    let missing = |name: &str| format!("Missing a required claim: {name}");
    let no_provider =
        |issuer: &str| format!("No OpenIDConnect provider found in your account for {issuer}");
    let audience = || "Incorrect token audience".to_owned();
    #[rustfmt::skip]
    let cases: Vec<(Value, Option<(&str, String)>)> = vec![
        (json!({}), None),
        (json!({"aud": "app"}), None),
        (json!({"aud": ["other", "app"]}), None),
        (json!({"iat": null, "nbf": null}), None),
        (json!({"exp": NOW as f64 + 0.5}), None),
        // Clocks may differ by five minutes.
        (json!({"exp": NOW - 299}), None),
        (json!({"exp": NOW - 300}), Some(("ExpiredTokenException", expired(NOW - 300)))),
        (json!({"exp": i64::MIN}), Some(("ExpiredTokenException", expired(i64::MIN)))),
        (json!({"nbf": NOW + 300}), None),
        (json!({"nbf": NOW + 301}), Some((token, not_yet(NOW + 301)))),
        (json!({"iat": NOW + 301}), Some((token, not_yet(NOW + 301)))),
        (json!({"exp": null}), Some((token, missing("exp")))),
        (json!({"exp": "never"}), Some((token, missing("exp")))),
        (json!({"nbf": []}), Some((token, missing("nbf")))),
        (json!({"sub": null}), Some((token, missing("sub")))),
        (json!({"sub": ""}), Some((token, missing("sub")))),
        (json!({"sub": 7}), Some((token, missing("sub")))),
        (json!({"aud": null}), Some((token, missing("aud")))),
        (json!({"aud": {}}), Some((token, missing("aud")))),
        (json!({"aud": "other"}), Some((token, audience()))),
        (json!({"aud": "APP"}), Some((token, audience()))),
        // Where a token says to which party it was given, that one counts.
        (json!({"aud": "other", "azp": "app"}), None),
        (json!({"azp": "other"}), Some((token, audience()))),
        (json!({"iss": null}), Some((token, missing("iss")))),
        (json!({"iss": "https://id.example.com"}), Some((token, no_provider("https://id.example.com")))),
        (json!({"iss": "https://id.example.com/cluster/"}), Some((token, no_provider("https://id.example.com/cluster/")))),
        (json!({"iss": "https://ID.example.com/cluster"}), Some((token, no_provider("https://ID.example.com/cluster")))),
        (json!({"iss": "http://id.example.com/cluster"}), Some((token, no_provider("http://id.example.com/cluster")))),
        (json!({"iss": "id.example.com/cluster"}), Some((token, no_provider("id.example.com/cluster")))),
    ];
    for (more, expected) in cases {
        match (world.accept(more.clone()), expected) {
            (Ok(_), None) => {}
            (Err(refusal), Some((code, text))) => {
                let found = (refusal.code, refusal.message.unwrap());
                assert_eq!(found, (code, text), "{more}");
            }
            (result, expected) => panic!("{more}: {result:?} instead of {expected:?}"),
        }
    }
    // Each account has providers of its own.
    let elsewhere = READER.replace(ACCOUNT, OTHER_ACCOUNT);
    let refusal = world.accept_for(&elsewhere, json!({})).unwrap_err();
    assert_eq!(refusal.message.unwrap(), no_provider(ISSUER));
}

#[test]
fn a_bearer_gets_a_session_where_the_trust_policy_names_the_provider() {
    let mut world = with_provider();
    let federated = || trust("Federated", PROVIDER, ACTION);
    let key = |name: &str, value: &str| json!({"StringEquals": {format!("id.example.com/cluster:{name}"): value}});
    let denied = |statement: Value| {
        let mut statement = statement;
        statement["Effect"] = json!("Deny");
        statement
    };
    #[rustfmt::skip]
    let cases = [
        (vec![federated()], true),
        (vec![under(federated(), key("sub", "system:serviceaccount:prod:app"))], true),
        (vec![under(federated(), key("sub", "system:serviceaccount:prod:other"))], false),
        (vec![under(federated(), key("aud", "sts.amazonaws.com"))], true),
        (vec![under(federated(), key("aud", "app"))], false),
        (vec![under(federated(), key("amr", "mfa"))], false),
        (vec![under(federated(), json!({"StringLike": {"ID.EXAMPLE.com/cluster:sub": "system:serviceaccount:prod:*"}}))], true),
        (vec![under(federated(), json!({"StringEquals": {"sts:RoleSessionName": "pod"}}))], true),
        (vec![under(federated(), json!({"StringEquals": {"aws:FederatedProvider": PROVIDER}}))], true),
        (vec![federated(), denied(under(federated(), key("sub", "system:serviceaccount:prod:app")))], false),
        (vec![trust("Federated", &PROVIDER.replace("cluster", "other"), ACTION)], false),
        (vec![trust("Federated", PROVIDER, "sts:AssumeRole")], false),
        // Who has no role yet is nobody of the account.
        (vec![trust("AWS", ACCOUNT, "sts:*")], false),
        (vec![under(trust("AWS", "*", "sts:*"), json!({"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}))], false),
    ];
    for (trust, assumed) in cases {
        world.role(&trust, &[]);
        match world.bear(json!({}), json!({})) {
            Ok(_) => assert!(assumed, "{trust:?}"),
            Err(refusal) => {
                assert!(!assumed, "{trust:?}: {refusal:?}");
                let expected = format!("Not authorized to perform {ACTION}");
                assert_eq!(
                    (refusal.code, refusal.message.unwrap()),
                    (super::DENIED, expected)
                );
            }
        }
    }
    // Nor does a role that isn't there say so.
    let missing = json!({"RoleArn": READER.replace("reader", "missing")});
    let (code, text) = refused(world.bear(json!({}), missing));
    assert_eq!(
        (code, text),
        (super::DENIED, format!("Not authorized to perform {ACTION}"))
    );
}

#[test]
fn an_answer_says_who_the_bearer_is_and_the_session_is_the_roles() {
    let mut world = with_provider();
    let may_read = statement("Allow", json!("secretsmanager:GetSecretValue"), "*");
    let federated = json!({"StringEquals": {"aws:FederatedProvider": PROVIDER}});
    world.role(
        &[trust("Federated", PROVIDER, ACTION)],
        &[under(may_read, federated)],
    );
    let answer = world
        .bear(json!({}), json!({"DurationSeconds": 7200}))
        .unwrap();
    assert_eq!(
        answer["SubjectFromWebIdentityToken"],
        json!("system:serviceaccount:prod:app")
    );
    assert_eq!(answer["Provider"], json!(PROVIDER));
    assert_eq!(answer["Audience"], json!("sts.amazonaws.com"));
    assert_eq!(
        answer["AssumedRoleUser"]["Arn"],
        json!("arn:aws:sts::123456789012:assumed-role/reader/pod")
    );
    world.service.be_session(&answer["Credentials"]);
    assert!(world.reads());
    let longer = world.bear(json!({}), json!({"DurationSeconds": 7201}));
    assert_eq!(refused(longer).0, "ValidationException");
}

#[test]
fn claims_of_github_and_of_hybrid_tokens_are_condition_keys() {
    let world = with_provider();
    let github = json!({
        "repository": "org/app", "repository_id": "42", "ref": "refs/heads/main", "amr": ["pwd", "otp"],
        "environment": "prod", "unknown": "x", "azp": "app",
    });
    let caller = world.accept(github).unwrap();
    let strongroom_services::caller::Principal::WebIdentity(bearer) = &caller.principal else {
        panic!("a bearer");
    };
    let mut context = strongroom_policy::Context::new();
    bearer.add_condition_keys(&mut context);
    let held = |name: &str| match context.get(&format!("id.example.com/cluster:{name}")) {
        strongroom_policy::Saw::Values(values) => values.join(" "),
        _ => String::new(),
    };
    for (name, expected) in [
        ("aud", "app"),
        ("oaud", "sts.amazonaws.com"),
        ("sub", "system:serviceaccount:prod:app"),
        ("amr", "pwd otp"),
        ("repository", "org/app"),
        ("repository_id", "42"),
        ("ref", "refs/heads/main"),
        ("environment", "prod"),
        ("unknown", ""),
        ("exp", ""),
    ] {
        assert_eq!(held(name), expected, "{name}");
    }
    assert_eq!(caller.region.as_str(), REGION);
}

#[test]
fn tags_and_a_source_identity_come_from_the_token_and_need_permissions() {
    let mut world = with_provider();
    let tagged = json!({
        "https://aws.amazon.com/tags": {
            "principal_tags": {"Project": ["mars"], "Cost": "7"}, "transitive_tag_keys": ["Cost"],
        },
        "https://aws.amazon.com/source_identity": "pod-7",
    });
    let named = json!({"https://aws.amazon.com/source_identity": "pod-7"});
    for (actions, more, missing) in [
        (json!([ACTION]), tagged.clone(), "sts:TagSession"),
        (
            json!([ACTION, "sts:TagSession"]),
            tagged.clone(),
            "sts:SetSourceIdentity",
        ),
        (
            json!([ACTION, "sts:TagSession"]),
            named,
            "sts:SetSourceIdentity",
        ),
    ] {
        let mut statement = trust("Federated", PROVIDER, ACTION);
        statement["Action"] = actions;
        world.role(&[statement], &[]);
        let (code, text) = refused(world.bear(more, json!({})));
        assert_eq!(
            (code, text),
            (
                super::DENIED,
                format!("Not authorized to perform {missing}")
            )
        );
    }
    let has = json!({"StringEquals": {
        "aws:PrincipalTag/Project": "mars", "aws:PrincipalTag/Cost": "7", "aws:SourceIdentity": "pod-7"}});
    let may_read = statement("Allow", json!("secretsmanager:GetSecretValue"), "*");
    let asks = json!({"StringEquals": {"aws:RequestTag/Project": "mars", "sts:SourceIdentity": "pod-7"},
        "ForAllValues:StringEquals": {"sts:TransitiveTagKeys": ["Cost"]}});
    world.role(
        &[under(trust("Federated", PROVIDER, "sts:*"), asks)],
        &[under(may_read, has)],
    );
    let answer = world.bear(tagged, json!({})).unwrap();
    assert_eq!(answer["SourceIdentity"], json!("pod-7"));
    world.service.be_session(&answer["Credentials"]);
    assert!(world.reads());

    let tags = |tags: Value| json!({ "https://aws.amazon.com/tags": tags });
    for more in [
        tags(json!({"principal_tags": {"aws:x": ["y"]}})),
        tags(json!({"principal_tags": {"x": ["y", "z"]}})),
        tags(json!({"principal_tags": {"x": []}})),
        tags(json!({"principal_tags": {"x": ["y"], "X": ["y"]}})),
        tags(json!({"principal_tags": {"x": ["y".repeat(257)]}})),
        tags(json!({"principal_tags": {"x".repeat(129): ["y"]}})),
        tags(json!({"principal_tags": {"x": ["y"]}, "transitive_tag_keys": ["z"]})),
        json!({"https://aws.amazon.com/source_identity": "a b"}),
        json!({"https://aws.amazon.com/source_identity": ["ab"]}),
    ] {
        let refusal = world.accept(more.clone()).unwrap_err();
        assert_eq!(refusal.code, "IDPRejectedClaim", "{more}");
    }
}
