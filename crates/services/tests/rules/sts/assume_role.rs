//! Who may assume a role, and what is asked for with it.

use serde_json::{Value, json};
use strongroom_services::iam;

use super::{ALICE, BOB, READER, World, closed, refused, statement, tags, trust, under};
use crate::harness::{ACCOUNT, OTHER_ACCOUNT};

const ASSUME: &str = "sts:AssumeRole";

#[test]
fn a_role_is_assumed_by_whom_both_sides_let_or_the_trust_policy_names_within_the_account() {
    let may = statement("Allow", json!(ASSUME), READER);
    let may_all = statement("Allow", json!("*"), "*");
    let may_other = statement(
        "Allow",
        json!(ASSUME),
        "arn:aws:iam::123456789012:role/reader",
    );
    let may_not = statement("Deny", json!(ASSUME), "*");
    let deny = |principal: &str| {
        let mut statement = trust("AWS", principal, ASSUME);
        statement["Effect"] = json!("Deny");
        statement
    };
    let named = |principal: &str| trust("AWS", principal, ASSUME);
    let own = format!("arn:aws:iam::{ACCOUNT}:root");
    #[rustfmt::skip]
    let cases: Vec<(&str, Vec<Value>, Vec<Value>, bool)> = vec![
        // Within the account: naming the user is enough.
        ("alice", vec![named(ALICE)], vec![], true),
        ("alice", vec![named(ALICE)], vec![may.clone()], true),
        ("alice", vec![named(ALICE)], vec![may_not.clone()], false),
        // Naming the account hands the question to its own policies.
        ("alice", vec![named(&own)], vec![], false),
        ("alice", vec![named(ACCOUNT)], vec![may.clone()], true),
        ("alice", vec![named(&own)], vec![may.clone()], true),
        ("alice", vec![named(&own)], vec![may_all.clone()], true),
        ("alice", vec![named(&own)], vec![may_other.clone()], false),
        ("alice", vec![named(&own)], vec![may.clone(), may_not.clone()], false),
        // Without the trust policy nothing goes, whatever the caller's own say.
        ("alice", vec![named(BOB)], vec![may_all.clone()], false),
        ("alice", vec![named(OTHER_ACCOUNT)], vec![may_all.clone()], false),
        ("alice", vec![trust("AWS", ALICE, "sts:TagSession")], vec![may_all.clone()], false),
        ("alice", vec![trust("AWS", ALICE, "sts:*")], vec![], true),
        ("alice", vec![trust("Service", "lambda.amazonaws.com", ASSUME)], vec![may_all.clone()], false),
        ("alice", vec![named(ALICE), deny(ALICE)], vec![may_all.clone()], false),
        ("alice", vec![named(ALICE), deny(ACCOUNT)], vec![], false),
        // Across accounts both sides must allow.
        ("bob", vec![named(BOB)], vec![], false),
        ("bob", vec![named(BOB)], vec![may.clone()], true),
        ("bob", vec![named(OTHER_ACCOUNT)], vec![], false),
        ("bob", vec![named(OTHER_ACCOUNT)], vec![may.clone()], true),
        ("bob", vec![named("*")], vec![], false),
        ("bob", vec![named("*")], vec![may.clone()], true),
        ("bob", vec![named(ALICE)], vec![may_all.clone()], false),
        ("bob", vec![named(BOB), deny(BOB)], vec![may_all], false),
        ("bob", vec![named(BOB)], vec![may, may_not], false),
    ];
    for (user, trust, own, assumed) in cases {
        let mut world = World::new();
        world.role(&trust, &[]);
        world.give(user, &own);
        world.be(user);
        let caller = if user == "bob" { BOB } else { ALICE };
        match world.assume(json!({})) {
            Ok(_) => assert!(assumed, "{user} {trust:?} {own:?}"),
            Err(refusal) => {
                assert!(!assumed, "{user} {trust:?} {own:?}: {refusal:?}");
                assert_eq!(refused(Err(refusal)), closed(caller, ASSUME, READER));
            }
        }
    }
}

#[test]
fn a_role_that_is_not_there_is_refused_as_one_that_is_closed() {
    let mut world = World::new();
    world.role(&[trust("AWS", ACCOUNT, ASSUME)], &[]);
    for user in ["alice", "bob"] {
        let everything = statement("Allow", json!("*"), "*");
        world.give(user, &[everything]);
        world.be(user);
        let caller = if user == "bob" { BOB } else { ALICE };
        for role in [
            "arn:aws:iam::123456789012:role/team/writer",
            "arn:aws:iam::123456789012:role/reader",
            "arn:aws:iam::123456789012:role/team/READER",
            "arn:aws:iam::111111111111:role/team/reader",
            "arn:aws-cn:iam::123456789012:role/team/reader",
        ] {
            let result = world.assume(json!({ "RoleArn": role }));
            assert_eq!(refused(result), closed(caller, ASSUME, role));
        }
    }
}

#[test]
fn what_is_no_arn_of_a_role_is_refused() {
    let mut world = World::new();
    world.be("alice");
    for arn in [
        "arn:aws:iam::123456789012:user/alice",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::12345678901:role/reader",
        "arn:aws:sts::123456789012:role/reader",
        "arn:aws:iam:us-east-1:123456789012:role/reader",
        "a name of twenty characters",
    ] {
        let (code, text) = refused(world.assume(json!({ "RoleArn": arn })));
        let expected = ("ValidationException", "Request ARN is invalid");
        assert_eq!((code, text.as_str()), expected, "{arn}");
    }
}

#[test]
fn root_may_not_assume_a_role_not_even_by_a_session() {
    let mut world = World::new();
    world.role(
        &[trust("AWS", "*", ASSUME), trust("AWS", ACCOUNT, ASSUME)],
        &[],
    );
    let expected = (
        super::DENIED,
        "Roles may not be assumed by root accounts.".to_owned(),
    );
    world.be("root");
    assert_eq!(refused(world.assume(json!({}))), expected);
    let session = world.sts("GetSessionToken", &json!({})).unwrap();
    world.service.be_session(&session["Credentials"]);
    assert_eq!(refused(world.assume(json!({}))), expected);
}

#[test]
fn an_answer_has_credentials_and_says_whose_they_are() {
    let mut world = World::new();
    world.role(&[trust("AWS", ALICE, ASSUME)], &[]);
    world.be("alice");
    let answer = world.assume(json!({})).unwrap();
    let id = world.stored("reader").id.clone();
    let arn = "arn:aws:sts::123456789012:assumed-role/reader/build-17";
    let user = json!({"AssumedRoleId": format!("{id}:build-17"), "Arn": arn});
    assert_eq!(answer["AssumedRoleUser"], user);
    let credentials = &answer["Credentials"];
    let text = |member: &str| credentials[member].as_str().unwrap();
    assert!(text("AccessKeyId").starts_with("ASIA") && text("AccessKeyId").len() == 20);
    assert_eq!(text("SecretAccessKey").len(), 40);
    assert_eq!(text("Expiration"), "2023-11-15T00:59:59Z");
    let size = text("SessionToken").len();
    assert_eq!(answer["SessionTokenSize"], json!(size));
    let percent = json!((size * 100).div_ceil(4096));
    assert_eq!(answer["SessionTokenUtilization"], percent);
    assert_eq!(answer["PackedPolicySize"], percent);
    assert!(answer.get("SourceIdentity").is_none());

    world.service.be_session(credentials);
    let who = world.sts("GetCallerIdentity", &json!({})).unwrap();
    let expected = json!({"Arn": arn, "UserId": format!("{id}:build-17"), "Account": ACCOUNT});
    assert_eq!(who, expected);

    world.be("alice");
    let longer = world
        .assume(json!({"MinimumSessionTokenSize": 3000}))
        .unwrap();
    assert_eq!(longer["SessionTokenSize"], json!(3000));
    world.service.be_session(&longer["Credentials"]);
}

#[test]
fn conditions_of_the_trust_policy_see_what_the_request_says() {
    let equals = |key: &str, value: Value| json!({"StringEquals": {key: value}});
    #[rustfmt::skip]
    let cases = [
        (equals("sts:ExternalId", json!("42-x")), json!({"ExternalId": "42-x"}), true),
        (equals("sts:ExternalId", json!("42-x")), json!({"ExternalId": "42-y"}), false),
        (equals("sts:ExternalId", json!("42-x")), json!({}), false),
        (equals("sts:RoleSessionName", json!("build-17")), json!({}), true),
        (equals("sts:RoleSessionName", json!("${aws:username}")), json!({}), false),
        (equals("sts:RoleSessionName", json!("${aws:username}")), json!({"RoleSessionName": "alice"}), true),
        (equals("sts:SourceIdentity", json!("${aws:username}")), json!({"SourceIdentity": "alice"}), true),
        (equals("sts:SourceIdentity", json!("${aws:username}")), json!({"SourceIdentity": "bob"}), false),
        (equals("aws:RequestTag/Cost", json!("7")), json!({"Tags": tags(&[("Cost", "7")])}), true),
        (equals("aws:RequestTag/Cost", json!("7")), json!({"Tags": tags(&[("Cost", "8")])}), false),
        (json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["Cost"]}}), json!({"Tags": tags(&[("Cost", "8"), ("x", "y")])}), false),
        (json!({"ForAnyValue:StringEquals": {"sts:TransitiveTagKeys": ["Cost"]}}), json!({"Tags": tags(&[("Cost", "8")]), "TransitiveTagKeys": ["Cost"]}), true),
        (json!({"ForAnyValue:StringEquals": {"sts:TransitiveTagKeys": ["Cost"]}}), json!({"Tags": tags(&[("Cost", "8")])}), false),
        (equals("aws:ResourceTag/Team", json!("blue")), json!({}), true),
        (equals("iam:ResourceTag/Team", json!("red")), json!({}), false),
        (equals("aws:PrincipalArn", json!(ALICE)), json!({}), true),
        (json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}), json!({}), false),
        (json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}), json!({}), true),
    ];
    let mut world = World::new();
    for (condition, more, assumed) in cases {
        let statement = under(trust("AWS", ALICE, "sts:*"), condition.clone());
        world.role(&[statement], &[]);
        world.be("alice");
        let result = world.assume(more.clone());
        assert_eq!(result.is_ok(), assumed, "{condition} {more} {result:?}");
    }
}

#[test]
fn tags_and_a_source_identity_need_permissions_of_their_own_on_both_sides() {
    let tagged = json!({"Tags": tags(&[("Cost", "7")])});
    let named = json!({"SourceIdentity": "alice"});
    let both = json!({"SourceIdentity": "alice", "Tags": tags(&[("Cost", "7")])});
    let (tag, name) = ("sts:TagSession", "sts:SetSourceIdentity");
    #[rustfmt::skip]
    let cases = [
        (vec![ASSUME], vec![ASSUME], json!({}), None),
        (vec![ASSUME], vec![ASSUME, tag, name], tagged.clone(), Some(tag)),
        (vec![ASSUME, tag], vec![ASSUME], tagged.clone(), Some(tag)),
        (vec![ASSUME, tag], vec![ASSUME, tag], tagged, None),
        (vec![ASSUME], vec![ASSUME, tag, name], named.clone(), Some(name)),
        (vec![ASSUME, name], vec![ASSUME], named.clone(), Some(name)),
        (vec![ASSUME, name], vec![ASSUME, name], named, None),
        (vec![ASSUME, tag], vec![ASSUME, tag], both.clone(), Some(name)),
        (vec![ASSUME, tag, name], vec![ASSUME, tag, name], both, None),
    ];
    for (trusted, own, more, missing) in cases {
        let mut world = World::new();
        let trusted: Vec<Value> = trusted.iter().map(|it| trust("AWS", ACCOUNT, it)).collect();
        world.role(&trusted, &[]);
        world.give("alice", &[statement("Allow", json!(own), READER)]);
        world.be("alice");
        let result = world.assume(more.clone());
        match missing {
            None => drop(result.unwrap()),
            Some(action) => assert_eq!(refused(result), closed(ALICE, action, READER)),
        }
    }
}

#[test]
fn a_session_lasts_as_long_as_asked_but_no_longer_than_its_role_allows() {
    let mut world = World::new();
    world.role(&[trust("AWS", ALICE, ASSUME)], &[]);
    world.be("alice");
    for (seconds, end) in [
        (900, "2023-11-15T00:14:59Z"),
        (7200, "2023-11-15T01:59:59Z"),
    ] {
        let answer = world.assume(json!({"DurationSeconds": seconds})).unwrap();
        assert_eq!(answer["Credentials"]["Expiration"], json!(end));
    }
    let text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    let expected = ("ValidationException", text.to_owned());
    assert_eq!(
        refused(world.assume(json!({"DurationSeconds": 7201}))),
        expected
    );
    for seconds in [899, 43_201] {
        let (code, text) = refused(world.assume(json!({"DurationSeconds": seconds})));
        assert!(
            code == "ValidationException" && text.contains("durationSeconds"),
            "{text}"
        );
    }
    // Who may not assume the role doesn't learn how long its sessions may last.
    world.role(&[trust("AWS", BOB, ASSUME)], &[]);
    world.be("alice");
    let result = world.assume(json!({"DurationSeconds": 7201}));
    assert_eq!(refused(result), closed(ALICE, ASSUME, READER));
}

#[test]
fn what_a_request_cannot_have_is_refused_by_name() {
    let mut world = World::new();
    world.role(&[trust("AWS", ALICE, "sts:*")], &[]);
    world.be("alice");
    let long = "x".repeat(2048);
    let policy = |resource: &str| super::document(&[statement("Allow", json!("*"), resource)]);
    let many: Vec<Value> = (0..50)
        .map(|at| json!({"Key": format!("{at}"), "Value": "v".repeat(200)}))
        .collect();
    #[rustfmt::skip]
    let cases = [
        (json!({"SerialNumber": "arn:aws:iam::123456789012:mfa/alice", "TokenCode": "123456"}), super::DENIED, "invalid MFA one time pass code"),
        (json!({"TokenCode": "123456"}), "ValidationException", "both MFA serial number and one time pass code"),
        (json!({"ProvidedContexts": [{"ProviderArn": "x", "ContextAssertion": "y"}]}), "UnsupportedOperation", "ProvidedContexts"),
        (json!({"TransitiveTagKeys": ["a"]}), "InvalidParameterValue", "must be included in the requested tags"),
        (json!({"Tags": tags(&[("a", "b"), ("A", "b")])}), "InvalidParameterValue", "Duplicate tag keys"),
        (json!({"Tags": tags(&[("aws:a", "b")])}), "InvalidParameterValue", "aws:"),
        (json!({"Policy": "{"}), "MalformedPolicyDocument", "invalid Json"),
        (json!({"Policy": super::document(&[trust("AWS", "*", "*")])}), "MalformedPolicyDocument", "should not specify a principal"),
        (json!({"Policy": policy(&format!("arn:aws:secretsmanager:*:*:secret:{long}"))}), "PackedPolicyTooLarge", "2048"),
        (json!({"Tags": many}), "PackedPolicyTooLarge", "4096"),
        (json!({"PolicyArns": [{"arn": "arn:aws:iam::123456789012:policy/none"}]}), "MalformedPolicyDocument", "arn:aws:iam::123456789012:policy/none"),
        (json!({"RoleSessionName": "a b"}), "ValidationException", "roleSessionName"),
        (json!({"RoleSessionName": "a"}), "ValidationException", "roleSessionName"),
        (json!({"ExternalId": "a b"}), "ValidationException", "externalId"),
        (json!({"SourceIdentity": "a/b"}), "ValidationException", "sourceIdentity"),
        (json!({"MinimumSessionTokenSize": 4097}), "ValidationException", "minimumSessionTokenSize"),
    ];
    for (more, code, part) in cases {
        let (found, text) = refused(world.assume(more.clone()));
        assert!(
            found == code && text.contains(part),
            "{more}: {found} {text}"
        );
    }
}

#[test]
fn a_user_made_anew_under_an_old_name_does_not_inherit_a_role() {
    let mut world = World::new();
    world.be("root");
    let trust = super::document(&[trust("AWS", ALICE, ASSUME)]);
    let iam = |world: &mut World, operation: &str, body: Value| {
        let done = world.service.ask_of(iam::OPERATIONS, operation, &body);
        done.unwrap()
    };
    let role = json!({"RoleName": "reader", "Path": "/team/", "AssumeRolePolicyDocument": trust});
    iam(&mut world, "CreateRole", role);
    world.be("alice");
    world.assume(json!({})).unwrap();
    world.be("root");
    let alice = json!({"UserName": "alice"});
    let key = json!({"UserName": "alice", "AccessKeyId": world.alice});
    iam(&mut world, "DeleteAccessKey", key);
    iam(&mut world, "DeleteUser", alice.clone());
    iam(&mut world, "CreateUser", alice.clone());
    let made = iam(&mut world, "CreateAccessKey", alice);
    world.alice = made["AccessKey"]["AccessKeyId"]
        .as_str()
        .unwrap()
        .to_owned();
    world.be("alice");
    assert_eq!(
        refused(world.assume(json!({}))),
        closed(ALICE, ASSUME, READER)
    );
}
