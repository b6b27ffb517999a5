//! UpdateSecretVersionStage. Source: versions-and-staging.md 4, 7, 12; api.md 6.15.

use serde_json::{Value, json};

use crate::harness::{
    LIMIT, NEVER, NOT_FOUND, PARAMETER, Service, V1, V2, V3, V4, VALIDATION, members,
};

fn stage(label: &str, remove: Option<&str>, move_to: Option<&str>) -> Value {
    json!({"SecretId": "s", "VersionStage": label, "RemoveFromVersionId": remove, "MoveToVersionId": move_to})
}

const OPERATION: &str = "UpdateSecretVersionStage";

/// V1 is previous and X, V2 is current, V3 has no label.
fn service() -> Service {
    let mut service = Service::with_secret();
    service.put(V3, "three", json!(["Y"]));
    service.put(V2, "two", json!(null));
    service.ok(OPERATION, stage("X", None, Some(V1)));
    service.ok(OPERATION, stage("Y", Some(V3), None));
    assert_eq!(service.labels(), "1: AWSPREVIOUS X, 2: AWSCURRENT");
    service
}

#[test]
fn a_label_moves_as_the_decision_table_says() {
    for (label, remove, move_to, expected) in [
        ("Y", None, Some(V3), "1: AWSPREVIOUS X, 2: AWSCURRENT, 3: Y"),
        ("X", None, Some(V1), "1: AWSPREVIOUS X, 2: AWSCURRENT"),
        ("X", Some(V1), Some(V2), "1: AWSPREVIOUS, 2: AWSCURRENT X"),
        ("X", Some(V1), Some(V1), "1: AWSPREVIOUS X, 2: AWSCURRENT"),
        ("X", Some(V1), None, "1: AWSPREVIOUS, 2: AWSCURRENT"),
        ("AWSPREVIOUS", Some(V1), None, "1: X, 2: AWSCURRENT"),
        (
            "AWSPREVIOUS",
            Some(V1),
            Some(V3),
            "1: X, 2: AWSCURRENT, 3: AWSPREVIOUS",
        ),
        (
            "AWSPENDING",
            None,
            Some(V2),
            "1: AWSPREVIOUS X, 2: AWSCURRENT AWSPENDING",
        ),
        (
            "AWSCURRENT",
            None,
            Some(V2),
            "1: AWSPREVIOUS X, 2: AWSCURRENT",
        ),
        (
            "AWSCURRENT",
            Some(V2),
            Some(V2),
            "1: AWSPREVIOUS X, 2: AWSCURRENT",
        ),
        (
            "AWSCURRENT",
            Some(V2),
            Some(V3),
            "1: X, 2: AWSPREVIOUS, 3: AWSCURRENT",
        ),
        (
            "AWSCURRENT",
            Some(V2),
            Some(V1),
            "1: AWSCURRENT X, 2: AWSPREVIOUS",
        ),
    ] {
        let mut service = service();
        let answer = service.ok(OPERATION, stage(label, remove, move_to));
        assert_eq!(members(&answer), ["ARN", "Name"]);
        assert_eq!(service.labels(), expected, "{label} {remove:?} {move_to:?}");
    }
}

#[test]
fn a_move_that_the_decision_table_forbids_is_refused() {
    let holder = |label: &str, version: &str| {
        format!(
            "The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached to version \
             {version}, so you must explicitly reference that version in RemoveFromVersionId."
        )
    };
    let mismatch = |label: &str| {
        format!(
            "When you move staging label {label}, if you specify RemoveFromVersionId, it must be set to the version \
             that currently has the staging label {label}."
        )
    };
    let removed = "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.";
    for (label, remove, move_to, code, text) in [
        ("X", None, None, PARAMETER, String::new()),
        ("X", None, Some(V2), PARAMETER, holder("X", V1)),
        (
            "AWSCURRENT",
            None,
            Some(V1),
            PARAMETER,
            holder("AWSCURRENT", V2),
        ),
        ("X", Some(V2), Some(V3), PARAMETER, mismatch("X")),
        ("X", Some(V2), Some(V2), PARAMETER, mismatch("X")),
        ("Y", Some(V1), Some(V2), PARAMETER, mismatch("Y")),
        (
            "AWSCURRENT",
            Some(V1),
            Some(V3),
            PARAMETER,
            mismatch("AWSCURRENT"),
        ),
        (
            "X",
            Some(V2),
            None,
            PARAMETER,
            format!("Version stage X not found in version {V2}"),
        ),
        (
            "Y",
            Some(V1),
            None,
            PARAMETER,
            format!("Version stage Y not found in version {V1}"),
        ),
        ("X", Some(NEVER), None, PARAMETER, String::new()),
        ("AWSCURRENT", Some(V2), None, PARAMETER, removed.to_owned()),
        ("X", Some(V1), Some(NEVER), NOT_FOUND, String::new()),
        ("Y", None, Some(NEVER), NOT_FOUND, String::new()),
        ("", None, Some(V1), VALIDATION, String::new()),
        ("Y", None, Some("short"), VALIDATION, String::new()),
    ] {
        let refused = service().refused(OPERATION, stage(label, remove, move_to));
        assert_eq!(
            refused.0, code,
            "{label} {remove:?} {move_to:?} {}",
            refused.1
        );
        assert!(text.is_empty() || refused.1 == text, "{}", refused.1);
    }
}

#[test]
fn a_21st_label_is_refused_and_a_move_is_not() {
    let mut service = service();
    for number in 0..17 {
        service.ok(OPERATION, stage(&format!("L{number}"), None, Some(V3)));
    }
    assert_eq!(
        service.code(OPERATION, stage("one more", None, Some(V1))),
        LIMIT
    );
    service.ok(OPERATION, stage("L0", Some(V3), Some(V1)));
    service.ok(OPERATION, stage("AWSCURRENT", Some(V2), Some(V1)));
}

#[test]
fn the_worked_example_holds() {
    let mut service = Service::with_two_versions();
    service.put(V3, "three", json!(["AWSPENDING"]));
    assert_eq!(
        service.labels(),
        "1: AWSPREVIOUS, 2: AWSCURRENT, 3: AWSPENDING"
    );
    service.ok(OPERATION, stage("AWSCURRENT", Some(V2), Some(V3)));
    assert_eq!(service.labels(), "2: AWSPREVIOUS, 3: AWSCURRENT AWSPENDING");
    service.ok(OPERATION, stage("AWSPENDING", Some(V3), None));
    service.ok(OPERATION, stage("AWSCURRENT", Some(V3), Some(V2)));
    assert_eq!(service.labels(), "2: AWSCURRENT, 3: AWSPREVIOUS");
    service.ok(OPERATION, stage("X", None, Some(V1)));
    assert_eq!(service.labels(), "1: X, 2: AWSCURRENT, 3: AWSPREVIOUS");
    service.ok(OPERATION, stage("X", Some(V1), None));
    service.put(V4, "four", json!(["X", "AWSCURRENT"]));
    assert_eq!(service.labels(), "2: AWSPREVIOUS, 4: AWSCURRENT X");
}

#[test]
fn a_deprecated_version_lives_again_with_a_label() {
    let mut service = service();
    service.ok(OPERATION, stage("AWSCURRENT", Some(V2), Some(V3)));
    let read = service.ok("GetSecretValue", json!({"SecretId": "s"}));
    assert_eq!(read["SecretString"], json!("three"));
}
