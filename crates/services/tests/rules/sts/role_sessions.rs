//! What sessions of roles may do, what ends that, and what goes on through a chain of them.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ALICE, READER, World, closed, refused, statement, tags, trust, under};
use crate::harness::{ACCOUNT, REGION};

const WRITER: &str = "arn:aws:iam::123456789012:role/writer";
const SESSION: &str = "arn:aws:sts::123456789012:assumed-role/reader/build-17";

fn may_read() -> Value {
    statement("Allow", json!("secretsmanager:GetSecretValue"), "*")
}

/// With the role `reader`, which alice may assume with whatever attributes.
fn with_reader(permissions: &[Value]) -> World {
    let mut world = World::new();
    world.role(&[trust("AWS", ALICE, "sts:*")], permissions);
    world.be("alice");
    world
}

#[test]
fn a_session_may_do_what_both_its_role_and_its_policies_allow() {
    let reads_s = super::document(&[statement(
        "Allow",
        json!("secretsmanager:Get*"),
        "arn:aws:secretsmanager:*:*:secret:s-*",
    )]);
    let reads_t = reads_s.replace("secret:s-", "secret:t-");
    let denies = super::document(&[
        statement("Allow", json!("*"), "*"),
        statement("Deny", json!("secretsmanager:*"), "*"),
    ]);
    let all = json!([{"arn": "arn:aws:iam::aws:policy/AdministratorAccess"}]);
    #[rustfmt::skip]
    let cases = [
        (vec![may_read()], json!({}), true),
        (vec![], json!({}), false),
        (vec![may_read()], json!({ "Policy": reads_s }), true),
        (vec![], json!({ "Policy": reads_s }), false),
        (vec![may_read()], json!({ "Policy": reads_t }), false),
        (vec![may_read()], json!({ "Policy": denies }), false),
        (vec![may_read()], json!({ "PolicyArns": all }), true),
        (vec![], json!({ "PolicyArns": all }), false),
        // Any of them may allow it.
        (vec![may_read()], json!({ "PolicyArns": all, "Policy": reads_t }), true),
    ];
    for (permissions, more, reads) in cases {
        let mut world = with_reader(&permissions);
        world.become_reader(more.clone());
        assert_eq!(world.reads(), reads, "{permissions:?} {more}");
    }
}

#[test]
fn a_session_one_of_whose_managed_policies_was_deleted_may_do_nothing() {
    let mut world = with_reader(&[may_read()]);
    let root = world.service.caller();
    world.service.be(ACCOUNT, REGION);
    let denies = super::document(&[statement("Deny", json!("kms:*"), "*")]);
    let body = json!({"PolicyName": "limits", "PolicyDocument": denies});
    let made = world.service.iam("CreatePolicy", body);
    let arn = made["Policy"]["Arn"].clone();
    world.service.be_caller(root);
    let all = json!({"arn": "arn:aws:iam::aws:policy/AdministratorAccess"});
    let own = super::document(&[statement("Allow", json!("*"), "*")]);
    world.become_reader(json!({"PolicyArns": [all, {"arn": arn}], "Policy": own}));
    assert!(world.reads());
    let session = world.service.caller();
    world.service.be(ACCOUNT, REGION);
    world.service.iam("DeletePolicy", json!({"PolicyArn": arn}));
    world.service.be_caller(session);
    assert!(!world.reads());
}

#[test]
fn tags_of_a_session_take_the_place_of_those_of_its_role() {
    let condition = |value: &str| json!({"StringEquals": {"aws:PrincipalTag/Team": value}});
    for (team, more, reads) in [
        ("blue", json!({}), true),
        ("red", json!({}), false),
        ("red", json!({"Tags": tags(&[("Team", "red")])}), true),
        ("red", json!({"Tags": tags(&[("team", "red")])}), true),
        ("blue", json!({"Tags": tags(&[("Team", "red")])}), false),
        ("blue", json!({"Tags": tags(&[("Other", "red")])}), true),
    ] {
        let mut world = with_reader(&[under(may_read(), condition(team))]);
        world.become_reader(more.clone());
        assert_eq!(world.reads(), reads, "{team} {more}");
    }
}

#[test]
fn conditions_see_what_a_session_is() {
    let id = |world: &World| format!("{}:build-17", world.stored("reader").id);
    let world = with_reader(&[]);
    let user_id = id(&world);
    for (condition, reads) in [
        (json!({"StringEquals": {"aws:userid": user_id}}), true),
        (
            json!({"StringLike": {"aws:userid": "AROA*:build-18"}}),
            false,
        ),
        (json!({"ArnEquals": {"aws:PrincipalArn": READER}}), true),
        (json!({"ArnEquals": {"aws:PrincipalArn": SESSION}}), false),
        (
            json!({"StringEquals": {"aws:PrincipalType": "AssumedRole"}}),
            true,
        ),
        (
            json!({"StringEquals": {"aws:SourceIdentity": "alice"}}),
            true,
        ),
        (json!({"Null": {"aws:username": "true"}}), true),
        (json!({"Null": {"aws:TokenIssueTime": "true"}}), false),
        (
            json!({"Bool": {"aws:MultiFactorAuthPresent": "false"}}),
            true,
        ),
    ] {
        let mut world = with_reader(&[under(may_read(), condition.clone())]);
        world.become_reader(json!({"SourceIdentity": "alice"}));
        assert_eq!(world.reads(), reads, "{condition}");
    }
}

#[test]
fn what_is_revoked_ends_a_session_at_its_next_call() {
    // As the console of AWS writes it: "Revoke active sessions".
    let older_than = |instant: &str| {
        let condition = json!({"DateLessThan": {"aws:TokenIssueTime": instant}});
        under(statement("Deny", json!(["*"]), "*"), condition)
    };
    let mut world = with_reader(&[may_read()]);
    world.become_reader(json!({}));
    assert!(world.reads());
    let begun = "2023-11-14T23:59:59Z";
    world.permit("reader", &[may_read(), older_than(begun)]);
    assert!(world.reads(), "it isn't older");
    let later = "2023-11-15T00:00:10.000Z";
    world.permit("reader", &[may_read(), older_than(later)]);
    assert!(!world.reads());
    // Sessions that begin afterwards aren't touched.
    world.service.pass(Duration::from_secs(20));
    world.be("alice");
    world.become_reader(json!({}));
    assert!(world.reads());

    world.permit("reader", &[statement("Allow", json!("kms:*"), "*")]);
    assert!(!world.reads(), "its permission is gone");
    world.permit("reader", &[may_read()]);
    assert!(world.reads());
    let key = world.stored("reader").key();
    world.service.remove(key);
    let read = world
        .service
        .ask("GetSecretValue", &json!({"SecretId": "s"}));
    assert_eq!(refused(read).0, "UnrecognizedClientException");
    // Nor does another role of the same name inherit it.
    world.role(&[trust("AWS", ALICE, "sts:*")], &[may_read()]);
    let mut other = strongroom_services::iam::role::Role::clone(&world.stored("reader"));
    other.id = format!("AROA{:Z>17}", "READER");
    let key = other.key();
    world.service.write(key, &other);
    let read = world
        .service
        .ask("GetSecretValue", &json!({"SecretId": "s"}));
    assert_eq!(refused(read).0, "UnrecognizedClientException");
}

#[test]
fn policies_of_secrets_can_name_a_role_and_one_session_of_it() {
    for (principal, permissions, limited, reads) in [
        (READER, vec![], false, true),
        (SESSION, vec![], false, true),
        // A session's policies limit what is given to the role, not what is given to the session itself.
        (READER, vec![], true, false),
        (SESSION, vec![], true, true),
        (
            "arn:aws:sts::123456789012:assumed-role/reader/build-18",
            vec![],
            false,
            false,
        ),
        (
            "arn:aws:iam::123456789012:role/team/reader",
            vec![may_read()],
            false,
            true,
        ),
        (ACCOUNT, vec![], false, false),
    ] {
        let mut world = World::new();
        world.role(&[trust("AWS", ALICE, "sts:*")], &permissions);
        world.service.be(ACCOUNT, REGION);
        let policy = json!({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": {"AWS": principal}, "Action": "secretsmanager:GetSecretValue",
            "Resource": "*"}});
        // A session's ARN names its role without the path, so the role must be found by it.
        let put = world.service.ask(
            "PutResourcePolicy",
            &json!({"SecretId": "s", "ResourcePolicy": policy.to_string()}),
        );
        put.unwrap();
        world.be("alice");
        let more = match limited {
            true => json!({"Policy": super::document(&[statement("Allow", json!("kms:*"), "*")])}),
            false => json!({}),
        };
        world.become_reader(more);
        assert_eq!(
            world.reads(),
            reads,
            "{principal} {permissions:?} {limited}"
        );
    }
}

#[test]
fn a_chain_of_roles_keeps_its_transitive_tags_and_source_identity() {
    let mut world = World::new();
    world.role(
        &[trust("AWS", ALICE, "sts:*")],
        &[statement("Allow", json!("sts:*"), WRITER)],
    );
    world.role_of("/", "writer", &[trust("AWS", ACCOUNT, "sts:*")], &[]);
    let first = json!({
        "Tags": tags(&[("Cost", "7"), ("Local", "x")]), "TransitiveTagKeys": ["cost"], "SourceIdentity": "alice",
    });
    world.be("alice");
    world.become_reader(first.clone());
    let reader = world.service.caller();
    let ask = |more: Value| {
        let mut body = json!({"RoleArn": WRITER, "RoleSessionName": "second"});
        for (member, value) in more.as_object().unwrap() {
            body[member] = value.clone();
        }
        body
    };

    let conflict = (
        "InvalidParameterValue",
        "conflicts with a transitive tag key",
    );
    let identity = ("ValidationException", "The source identity is already set");
    let hour = (
        "ValidationException",
        "exceeds the 1 hour session limit for roles assumed by role chaining",
    );
    for (more, (code, part)) in [
        (json!({"Tags": tags(&[("COST", "8")])}), conflict),
        (json!({"Tags": tags(&[("Cost", "7")])}), conflict),
        (json!({"SourceIdentity": "mallory"}), identity),
        (json!({"DurationSeconds": 3601}), hour),
    ] {
        let (found, text) = refused(world.sts("AssumeRole", &ask(more.clone())));
        assert!(
            found == code && text.contains(part),
            "{more}: {found} {text}"
        );
    }

    let second = json!({"Tags": tags(&[("Local", "y")]), "DurationSeconds": 3600, "SourceIdentity": "alice"});
    let answer = world.sts("AssumeRole", &ask(second)).unwrap();
    assert_eq!(answer["SourceIdentity"], json!("alice"));
    world.service.be_session(&answer["Credentials"]);
    for (condition, reads) in [
        (
            json!({"StringEquals": {"aws:PrincipalTag/Cost": "7"}}),
            true,
        ),
        (
            json!({"StringEquals": {"aws:PrincipalTag/Local": "y"}}),
            true,
        ),
        (
            json!({"StringEquals": {"aws:PrincipalTag/Local": "x"}}),
            false,
        ),
        (
            json!({"StringEquals": {"aws:SourceIdentity": "alice"}}),
            true,
        ),
    ] {
        world.permit("writer", &[under(may_read(), condition.clone())]);
        assert_eq!(world.reads(), reads, "{condition}");
    }

    // The third of the chain has the tag too, and what isn't transitive stays behind.
    world.permit("writer", &[statement("Allow", json!("sts:*"), READER)]);
    world.role(&[trust("AWS", WRITER, "sts:*")], &[may_read()]);
    world.become_reader(json!({}));
    for (tag, reads) in [("Cost", true), ("Local", false)] {
        let has = json!({"Null": {format!("aws:PrincipalTag/{tag}"): "false"}});
        world.permit("reader", &[under(may_read(), has)]);
        assert_eq!(world.reads(), reads, "{tag}");
    }

    // What is handed on needs its permission as if it were given anew.
    for (action, missing) in [
        ("sts:SetSourceIdentity", "sts:TagSession"),
        ("sts:TagSession", "sts:SetSourceIdentity"),
    ] {
        world.role(
            &[trust("AWS", ALICE, "sts:*")],
            &[statement("Allow", json!("sts:*"), WRITER)],
        );
        let trusted = ["sts:AssumeRole", action].map(|it| trust("AWS", ACCOUNT, it));
        world.role_of("/", "writer", &trusted, &[]);
        world.service.be_caller(reader.clone());
        let result = world.sts("AssumeRole", &ask(json!({})));
        assert_eq!(refused(result), closed(SESSION, missing, WRITER));
    }
}

#[test]
fn a_session_may_not_ask_for_a_session_token() {
    let mut world = with_reader(&[statement("Allow", json!("*"), "*")]);
    world.become_reader(json!({}));
    let (code, text) = refused(world.sts("GetSessionToken", &json!({})));
    let expected = "Cannot call GetSessionToken with session credentials";
    assert_eq!((code, text.as_str()), (super::DENIED, expected));
}
