//! Functions: how they are made, shown, changed and deleted.

use serde_json::{Value, json};

use super::{
    CONFLICT, FUNCTION, NOT_FOUND, PARAMETER, ROLE, STALE, package, request, request_with,
    with_function, with_role,
};
use crate::harness::{ACCOUNT, DENIED, OTHER_ACCOUNT, REGION, VALIDATION};

const REFUSED_ROLE: &str = "The role defined for the function cannot be assumed by Lambda.";

#[test]
fn a_function_is_shown_as_it_was_made() {
    let mut service = with_role();
    let made = service.lambda(
        "CreateFunction",
        request_with(json!({
            "Description": "Rotates", "Timeout": 30, "MemorySize": 256, "EphemeralStorage": {"Size": 1024},
            "Architectures": ["arm64"], "Environment": {"Variables": {"PASSWORD": "hunter2"}}, "Tags": {"team": "a"},
            "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}, "TracingConfig": {"Mode": "PassThrough"},
        })),
    );
    for (member, value) in [
        ("FunctionName", json!("rotate")),
        ("FunctionArn", json!(FUNCTION)),
        ("Runtime", json!("python3.12")),
        ("Role", json!(ROLE)),
        ("Handler", json!("rotate.handler")),
        ("Description", json!("Rotates")),
        ("Timeout", json!(30)),
        ("MemorySize", json!(256)),
        ("EphemeralStorage", json!({"Size": 1024})),
        ("Architectures", json!(["arm64"])),
        ("LastModified", json!("2023-11-14T23:59:59.877+0000")),
        ("Version", json!("$LATEST")),
        ("State", json!("Active")),
        ("LastUpdateStatus", json!("Successful")),
        ("PackageType", json!("Zip")),
        ("Environment", json!({"Variables": {"PASSWORD": "hunter2"}})),
        ("TracingConfig", json!({"Mode": "PassThrough"})),
    ] {
        assert_eq!(made[member], value, "{member}");
    }
    assert_eq!(made["CodeSha256"].as_str().unwrap().len(), 44);
    let name = json!({"FunctionName": "rotate"});
    let found = service.lambda("GetFunction", name.clone());
    assert_eq!(found["Configuration"], made);
    assert_eq!(found["Tags"], json!({"team": "a"}));
    assert_eq!(service.lambda("GetFunctionConfiguration", name), made);
    assert_eq!(
        service.lambda("ListFunctions", json!({}))["Functions"],
        json!([made])
    );
}

#[test]
fn what_is_not_said_of_a_function_is_what_lambda_takes() {
    let mut service = with_role();
    let made = service.lambda("CreateFunction", request());
    for (member, value) in [
        ("Timeout", json!(3)),
        ("MemorySize", json!(128)),
        ("EphemeralStorage", json!({"Size": 512})),
        ("Architectures", json!(["x86_64"])),
        ("Description", json!("")),
        ("Environment", Value::Null),
    ] {
        assert_eq!(made[member], value, "{member}");
    }
}

#[test]
fn a_variable_rests_only_sealed() {
    let mut service = with_role();
    let variables = json!({"Variables": {"PASSWORD": "hunter2-and-more"}});
    let body = request_with(json!({"Environment": variables}));
    service.lambda("CreateFunction", body);
    for (key, value) in service.stored() {
        let holds = value.windows(7).any(|window| window == b"hunter2");
        assert!(!holds, "{}", String::from_utf8_lossy(&key));
    }
}

#[test]
fn what_can_not_be_a_function_is_refused() {
    let mut service = with_role();
    service.make_role("other", json!({"Service": "events.amazonaws.com"}));
    let missing = ROLE.replace("rotate", "missing");
    let closed = ROLE.replace("rotate", "other");
    let foreign = ROLE.replace(ACCOUNT, OTHER_ACCOUNT);
    let variables = |name: &str, value: &str| json!({"Variables": {name: value}});
    for (changes, code, part) in [
        (json!({"FunctionName": "a b"}), VALIDATION, "'functionName'"),
        (json!({"FunctionName": null}), VALIDATION, "'functionName'"),
        (json!({"FunctionName": "rotate:1"}), PARAMETER, "qualifier"),
        (
            json!({"FunctionName": "strongroom-x"}),
            PARAMETER,
            "built-in",
        ),
        (
            json!({"FunctionName": "arn:aws:lambda:eu-west-1:123456789012:function:f"}),
            NOT_FOUND,
            "not reachable",
        ),
        (json!({"Runtime": "java21"}), PARAMETER, "'runtime'"),
        (json!({"Runtime": null}), PARAMETER, "mandatory"),
        (json!({"Handler": null}), PARAMETER, "mandatory"),
        (json!({"Handler": "a b"}), VALIDATION, "'handler'"),
        (json!({"Role": null}), VALIDATION, "'role'"),
        (json!({"Role": "rotate"}), VALIDATION, "'role'"),
        (json!({"Role": missing}), PARAMETER, REFUSED_ROLE),
        (json!({"Role": closed}), PARAMETER, REFUSED_ROLE),
        (json!({"Role": foreign}), DENIED, "iam:PassRole"),
        (json!({"Timeout": 0}), VALIDATION, "'timeout'"),
        (json!({"Timeout": 901}), VALIDATION, "'timeout'"),
        (json!({"MemorySize": 127}), VALIDATION, "'memorySize'"),
        (json!({"MemorySize": 10241}), VALIDATION, "'memorySize'"),
        (json!({"Code": null}), VALIDATION, "'code'"),
        (json!({"Code": {}}), PARAMETER, "source"),
        (json!({"Code": {"ZipFile": "eA=="}}), PARAMETER, "unzip"),
        (
            json!({"Code": {"S3Bucket": "b", "S3Key": "k"}}),
            PARAMETER,
            "S3Bucket",
        ),
        (json!({"PackageType": "Image"}), PARAMETER, "Image"),
        (
            json!({"Layers": ["arn:aws:lambda:us-east-1:1:layer:l:1"]}),
            PARAMETER,
            "Layers",
        ),
        (
            json!({"VpcConfig": {"SubnetIds": ["s"]}}),
            PARAMETER,
            "VpcConfig",
        ),
        (
            json!({"TracingConfig": {"Mode": "Active"}}),
            PARAMETER,
            "TracingConfig",
        ),
        (
            json!({"KMSKeyArn": "arn:aws:kms:us-east-1:1:key/k"}),
            PARAMETER,
            "KMSKeyArn",
        ),
        (
            json!({"Environment": variables("AWS_REGION", "x")}),
            PARAMETER,
            "AWS_REGION",
        ),
        (
            json!({"Environment": variables("1A", "x")}),
            VALIDATION,
            "variables",
        ),
        (
            json!({"Environment": variables("AA", &"x".repeat(4095))}),
            PARAMETER,
            "4KB",
        ),
        (json!({"Tags": {"aws:x": "y"}}), PARAMETER, "reserved"),
    ] {
        let body = request_with(changes.clone());
        let (refused, message) = service.lambda_refused("CreateFunction", body);
        assert_eq!(refused, code, "{changes}: {message}");
        assert!(message.contains(part), "{changes}: {message}");
    }
}

#[test]
fn a_name_is_given_once() {
    let mut service = with_function();
    let (code, message) = service.lambda_refused("CreateFunction", request());
    assert_eq!(
        (code, message.as_str()),
        (CONFLICT, "Function already exist: rotate")
    );
    service.be(ACCOUNT, "eu-west-1");
    service.lambda("CreateFunction", request());
}

#[test]
fn whoever_gives_a_function_a_role_may_pass_it() {
    for (operation, body) in [
        (
            "CreateFunction",
            request_with(json!({"FunctionName": "second"})),
        ),
        (
            "UpdateFunctionConfiguration",
            json!({"FunctionName": "rotate", "Role": ROLE}),
        ),
    ] {
        let mut service = with_function();
        let key = service.make_user("alice");
        for (statements, expected) in [
            (vec![("lambda:*", "*")], Some("iam:PassRole")),
            (vec![("iam:PassRole", "*")], Some("lambda:")),
            (vec![("lambda:*", "*"), ("iam:PassRole", ROLE)], None),
        ] {
            let allow = |(action, on): &(&str, &str)| {
                let mut statement = json!({"Effect": "Allow", "Action": action, "Resource": on});
                if *action == "iam:PassRole" {
                    let to = json!({"iam:PassedToService": "lambda.amazonaws.com"});
                    statement["Condition"] = json!({"StringEquals": to});
                }
                statement
            };
            let given: Vec<Value> = statements.iter().map(allow).collect();
            service.give("alice", &given);
            service.be_user(ACCOUNT, "alice", &key);
            match expected {
                None => drop(service.lambda(operation, body.clone())),
                Some(part) => {
                    let (code, message) = service.lambda_refused(operation, body.clone());
                    assert_eq!(code, DENIED);
                    assert!(message.contains(part), "{message}");
                }
            }
        }
    }
}

#[test]
fn configuration_and_code_change_alone_and_give_another_revision() {
    let mut service = with_function();
    let name = json!({"FunctionName": "rotate"});
    let before = service.lambda("GetFunctionConfiguration", name);
    let changed = service.lambda(
        "UpdateFunctionConfiguration",
        json!({"FunctionName": "rotate", "Timeout": 60, "Environment": {"Variables": {"AB": "1"}}}),
    );
    assert_eq!(changed["Timeout"], 60);
    assert_eq!(changed["Environment"], json!({"Variables": {"AB": "1"}}));
    assert_eq!(changed["Handler"], before["Handler"]);
    assert_eq!(changed["CodeSha256"], before["CodeSha256"]);
    assert_ne!(changed["RevisionId"], before["RevisionId"]);
    let code = service.lambda(
        "UpdateFunctionCode",
        json!({"FunctionName": "rotate", "ZipFile": package("two")}),
    );
    assert_ne!(code["CodeSha256"], changed["CodeSha256"]);
    assert_ne!(code["RevisionId"], changed["RevisionId"]);
    assert_eq!(code["Environment"], changed["Environment"]);
    let emptied = service.lambda(
        "UpdateFunctionConfiguration",
        json!({"FunctionName": "rotate", "Environment": {"Variables": {}}}),
    );
    assert_eq!(emptied["Environment"], Value::Null);
    for (operation, rest) in [
        ("UpdateFunctionConfiguration", json!({"Timeout": 5})),
        ("UpdateFunctionCode", json!({"ZipFile": package("three")})),
        ("PublishVersion", json!({})),
    ] {
        let mut body = json!({"FunctionName": "rotate", "RevisionId": before["RevisionId"]});
        body.as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        assert_eq!(
            service.lambda_refused(operation, body).0,
            STALE,
            "{operation}"
        );
    }
}

#[test]
fn what_is_only_tried_out_changes_nothing() {
    let mut service = with_function();
    let body = json!({"FunctionName": "rotate", "ZipFile": package("two"), "DryRun": true});
    let shown = service.lambda("UpdateFunctionCode", body);
    let found = service.lambda(
        "GetFunctionConfiguration",
        json!({"FunctionName": "rotate"}),
    );
    assert_ne!(shown["CodeSha256"], found["CodeSha256"]);
    assert_eq!(service.count("lambda-upload"), 1);
}

#[test]
fn a_function_that_is_deleted_or_never_was_is_not_found() {
    let mut service = with_function();
    service.lambda("DeleteFunction", json!({"FunctionName": FUNCTION}));
    for operation in [
        "GetFunction",
        "GetFunctionConfiguration",
        "GetPolicy",
        "DeleteFunction",
        "ListAliases",
        "ListVersionsByFunction",
        "PublishVersion",
    ] {
        let (code, message) = service.lambda_refused(operation, json!({"FunctionName": "rotate"}));
        assert_eq!(code, NOT_FOUND, "{operation}");
        assert_eq!(message, format!("Function not found: {FUNCTION}"));
    }
}

#[test]
fn another_account_learns_of_no_function_without_its_policy() {
    let mut service = with_function();
    service.make_account(OTHER_ACCOUNT);
    service.be(OTHER_ACCOUNT, REGION);
    for name in [FUNCTION, &FUNCTION.replace("rotate", "none")] {
        let (code, message) = service.lambda_refused("GetFunction", json!({"FunctionName": name}));
        assert_eq!(code, DENIED, "{name}: {message}");
    }
    let body = request_with(json!({"FunctionName": FUNCTION.replace("rotate", "new")}));
    assert_eq!(service.lambda_refused("CreateFunction", body).0, DENIED);
}

#[test]
fn functions_are_listed_by_name_a_page_at_a_time() {
    let mut service = with_role();
    for name in ["c", "a", "b"] {
        service.lambda(
            "CreateFunction",
            request_with(json!({"FunctionName": name})),
        );
    }
    service.lambda("PublishVersion", json!({"FunctionName": "a"}));
    let listed = |service: &mut crate::harness::Service, all: bool, most: usize| {
        let mut names = Vec::new();
        let mut marker = Value::Null;
        loop {
            let mut body = json!({"MaxItems": most, "Marker": marker});
            if all {
                body["FunctionVersion"] = json!("ALL");
            }
            let page = service.lambda("ListFunctions", body);
            let functions = page["Functions"].as_array().unwrap();
            assert!(functions.len() <= most);
            names.extend(functions.iter().map(|each| {
                let text = |member: &str| each[member].as_str().unwrap().to_owned();
                format!("{} {}", text("FunctionName"), text("Version"))
            }));
            marker = page["NextMarker"].clone();
            if marker.is_null() {
                return names;
            }
        }
    };
    for most in [1, 2, 50] {
        let latest = ["a $LATEST", "b $LATEST", "c $LATEST"];
        assert_eq!(listed(&mut service, false, most), latest);
        let all = ["a $LATEST", "a 1", "b $LATEST", "c $LATEST"];
        assert_eq!(listed(&mut service, true, most), all);
    }
    let made_up = json!({"Marker": "x"});
    assert_eq!(
        service.lambda_refused("ListFunctions", made_up).0,
        PARAMETER
    );
}
