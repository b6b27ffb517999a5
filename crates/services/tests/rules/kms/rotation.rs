//! Renewing a key's material, by itself and on demand. Source: AWS KMS API Reference, EnableKeyRotation,
//! GetKeyRotationStatus, RotateKeyOnDemand, ListKeyRotations.

use serde_json::{Value, json};

use super::{DENIED, Kms, LIMIT, OK, STATE, UNSUPPORTED, VALIDATION, allow, id, members, text};
use crate::harness::{ACCOUNT, DAY, OTHER_ACCOUNT, seconds};

/// The reasons and the instants of a key's renewals, the first one first.
fn rotations(kms: &mut Kms, key: &str) -> Vec<(String, Value)> {
    let listed = kms.ok("ListKeyRotations", json!({"KeyId": key}));
    let rotations = listed["Rotations"].as_array().unwrap().iter();
    rotations
        .map(|it| (text(&it["RotationType"]), it["RotationDate"].clone()))
        .collect()
}

fn status(kms: &mut Kms, key: &str) -> Value {
    kms.ok("GetKeyRotationStatus", json!({"KeyId": key}))
}

fn pass_days(kms: &mut Kms, days: u32) {
    kms.service.pass(days * DAY);
    kms.carry_out_due();
}

#[test]
fn a_key_s_material_is_renewed_each_year_or_as_often_as_was_asked() {
    for (asked, days) in [(json!(null), 365), (json!(90), 90), (json!(2560), 2560)] {
        let (mut kms, key) = Kms::with_key();
        assert_eq!(
            status(&mut kms, &key),
            json!({"KeyId": key, "KeyRotationEnabled": false})
        );
        kms.ok(
            "EnableKeyRotation",
            json!({"KeyId": id(&key), "RotationPeriodInDays": asked}),
        );
        let first = kms.service.now.after(days * DAY);
        let expected = json!({
            "KeyId": key,
            "KeyRotationEnabled": true,
            "RotationPeriodInDays": days,
            "NextRotationDate": seconds(first),
        });
        assert_eq!(status(&mut kms, &key), expected);
        pass_days(&mut kms, days - 1);
        assert_eq!(rotations(&mut kms, &key), []);
        pass_days(&mut kms, 1);
        let second = first.after(days * DAY);
        let automatic = "AUTOMATIC".to_owned();
        assert_eq!(
            rotations(&mut kms, &key),
            [(automatic.clone(), seconds(first))]
        );
        assert_eq!(status(&mut kms, &key)["NextRotationDate"], seconds(second));
        pass_days(&mut kms, days);
        let both = [
            (automatic.clone(), seconds(first)),
            (automatic, seconds(second)),
        ];
        assert_eq!(rotations(&mut kms, &key), both);
    }
}

#[test]
fn a_period_is_of_90_to_2560_days() {
    let (mut kms, key) = Kms::with_key();
    for (days, expected) in [
        (json!(89), VALIDATION),
        (json!(2561), VALIDATION),
        (json!(0), VALIDATION),
        (json!(-365), VALIDATION),
        (json!(90), OK),
        (json!(2560), OK),
    ] {
        let body = json!({"KeyId": key, "RotationPeriodInDays": days});
        assert_eq!(kms.outcome("EnableKeyRotation", &body), expected, "{days}");
    }
}

#[test]
fn another_period_counts_from_when_it_was_asked_for() {
    let (mut kms, key) = Kms::with_key();
    kms.ok(
        "EnableKeyRotation",
        json!({"KeyId": key, "RotationPeriodInDays": 90}),
    );
    pass_days(&mut kms, 80);
    kms.ok(
        "EnableKeyRotation",
        json!({"KeyId": key, "RotationPeriodInDays": 100}),
    );
    pass_days(&mut kms, 99);
    assert_eq!(rotations(&mut kms, &key).len(), 0);
    pass_days(&mut kms, 1);
    assert_eq!(rotations(&mut kms, &key).len(), 1);
}

#[test]
fn a_key_whose_rotation_was_disabled_keeps_its_material() {
    let (mut kms, key) = Kms::with_key();
    kms.ok(
        "EnableKeyRotation",
        json!({"KeyId": key, "RotationPeriodInDays": 90}),
    );
    kms.ok("DisableKeyRotation", json!({"KeyId": key}));
    pass_days(&mut kms, 1000);
    assert_eq!(rotations(&mut kms, &key), []);
    assert_eq!(
        status(&mut kms, &key),
        json!({"KeyId": key, "KeyRotationEnabled": false})
    );
}

#[test]
fn a_rotation_that_a_disabled_key_missed_happens_once_when_it_is_enabled() {
    for by_deletion in [false, true] {
        let (mut kms, key) = Kms::with_key();
        kms.ok(
            "EnableKeyRotation",
            json!({"KeyId": key, "RotationPeriodInDays": 90}),
        );
        let blob =
            kms.ok("Encrypt", json!({"KeyId": key, "Plaintext": "eA=="}))["CiphertextBlob"].clone();
        if by_deletion {
            pass_days(&mut kms, 80);
            kms.ok(
                "ScheduleKeyDeletion",
                json!({"KeyId": key, "PendingWindowInDays": 30}),
            );
            pass_days(&mut kms, 20);
            kms.ok("CancelKeyDeletion", json!({"KeyId": key}));
        } else {
            kms.ok("DisableKey", json!({"KeyId": key}));
            pass_days(&mut kms, 300);
            // The status doesn't change.
            assert_eq!(status(&mut kms, &key)["KeyRotationEnabled"], json!(true));
        }
        assert_eq!(rotations(&mut kms, &key), []);
        kms.ok("EnableKey", json!({"KeyId": key}));
        let now = kms.service.now;
        let once = [("AUTOMATIC".to_owned(), seconds(now))];
        assert_eq!(rotations(&mut kms, &key), once);
        assert_eq!(
            status(&mut kms, &key)["NextRotationDate"],
            seconds(now.after(90 * DAY))
        );
        // What was encrypted before still opens.
        kms.ok("Decrypt", json!({"CiphertextBlob": blob}));
        kms.ok("EnableKey", json!({"KeyId": key}));
        pass_days(&mut kms, 89);
        assert_eq!(rotations(&mut kms, &key), once);
        pass_days(&mut kms, 1);
        assert_eq!(rotations(&mut kms, &key).len(), 2);
    }
}

#[test]
fn a_key_that_was_disabled_for_less_goes_on_with_its_plan() {
    let (mut kms, key) = Kms::with_key();
    kms.ok("EnableKeyRotation", json!({"KeyId": key}));
    let next = status(&mut kms, &key)["NextRotationDate"].clone();
    pass_days(&mut kms, 100);
    kms.ok("DisableKey", json!({"KeyId": key}));
    pass_days(&mut kms, 100);
    kms.ok("EnableKey", json!({"KeyId": key}));
    assert_eq!(status(&mut kms, &key)["NextRotationDate"], next);
    pass_days(&mut kms, 165);
    let expected = [("AUTOMATIC".to_owned(), next)];
    assert_eq!(rotations(&mut kms, &key), expected);
}

#[test]
fn a_key_that_will_be_gone_says_that_it_is_not_renewed_until_that_is_cancelled() {
    let (mut kms, key) = Kms::with_key();
    kms.ok("EnableKeyRotation", json!({"KeyId": key}));
    let enabled = status(&mut kms, &key);
    kms.ok("ScheduleKeyDeletion", json!({"KeyId": key}));
    assert_eq!(
        status(&mut kms, &key),
        json!({"KeyId": key, "KeyRotationEnabled": false})
    );
    kms.ok("CancelKeyDeletion", json!({"KeyId": key}));
    assert_eq!(status(&mut kms, &key), enabled);
}

#[test]
fn a_rotation_on_demand_happens_at_once_and_leaves_the_plan_alone() {
    let (mut kms, key) = Kms::with_key();
    kms.ok(
        "EnableKeyRotation",
        json!({"KeyId": key, "RotationPeriodInDays": 100}),
    );
    let before = kms.describe(&key)["CurrentKeyMaterialId"].clone();
    pass_days(&mut kms, 50);
    let planned = status(&mut kms, &key);
    let now = kms.service.now;
    assert_eq!(
        kms.ok("RotateKeyOnDemand", json!({"KeyId": id(&key)})),
        json!({ "KeyId": key })
    );
    assert_eq!(status(&mut kms, &key), planned);
    assert_ne!(kms.describe(&key)["CurrentKeyMaterialId"], before);
    pass_days(&mut kms, 50);
    let reasons = ["ON_DEMAND", "AUTOMATIC"].map(str::to_owned);
    let [on_demand, automatic] = reasons;
    let expected = [
        (on_demand, seconds(now)),
        (automatic, planned["NextRotationDate"].clone()),
    ];
    assert_eq!(rotations(&mut kms, &key), expected);
}

#[test]
fn a_key_is_renewed_on_demand_25_times() {
    let (mut kms, key) = Kms::with_key();
    for _ in 0..25 {
        kms.ok("RotateKeyOnDemand", json!({"KeyId": key}));
    }
    assert_eq!(kms.code("RotateKeyOnDemand", json!({"KeyId": key})), LIMIT);
    // Those that happen by themselves don't count.
    kms.ok(
        "EnableKeyRotation",
        json!({"KeyId": key, "RotationPeriodInDays": 90}),
    );
    pass_days(&mut kms, 90);
    assert_eq!(rotations(&mut kms, &key).len(), 26);
}

#[test]
fn rotations_are_listed_with_the_first_material_only_where_asked_for() {
    let (mut kms, key) = Kms::with_key();
    let first = kms.describe(&key)["CurrentKeyMaterialId"].clone();
    kms.ok("RotateKeyOnDemand", json!({"KeyId": key}));
    let second = kms.describe(&key)["CurrentKeyMaterialId"].clone();
    for (include, expected) in [
        (json!(null), vec![&second]),
        (json!("ROTATIONS_ONLY"), vec![&second]),
        (json!("ALL_KEY_MATERIAL"), vec![&first, &second]),
    ] {
        let body = json!({"KeyId": key, "IncludeKeyMaterial": include});
        let listed = kms.ok("ListKeyRotations", body);
        let listed = listed["Rotations"].as_array().unwrap().clone();
        let ids: Vec<&Value> = listed.iter().map(|it| &it["KeyMaterialId"]).collect();
        assert_eq!(ids, expected, "{include}");
        for rotation in &listed {
            let is_first = rotation["KeyMaterialId"] == first;
            let (state, dated): (_, &[&str]) = if is_first {
                (
                    "NON_CURRENT",
                    &["KeyId", "KeyMaterialId", "KeyMaterialState"],
                )
            } else {
                (
                    "CURRENT",
                    &[
                        "KeyId",
                        "KeyMaterialId",
                        "KeyMaterialState",
                        "RotationDate",
                        "RotationType",
                    ],
                )
            };
            assert_eq!(rotation["KeyMaterialState"], json!(state));
            assert_eq!(members(rotation), dated);
        }
    }
    let some = json!({"KeyId": key, "IncludeKeyMaterial": "SOME"});
    assert_eq!(kms.code("ListKeyRotations", some), VALIDATION);
}

#[test]
fn rotations_come_in_pages() {
    let (mut kms, key) = Kms::with_key();
    for _ in 0..5 {
        kms.ok("RotateKeyOnDemand", json!({"KeyId": key}));
    }
    let mut body = json!({"KeyId": key, "Limit": 2});
    let mut sizes = Vec::new();
    loop {
        let page = kms.ok("ListKeyRotations", body.clone());
        sizes.push(page["Rotations"].as_array().unwrap().len());
        match page.get("NextMarker") {
            Some(marker) => body["Marker"] = marker.clone(),
            None => break,
        }
    }
    assert_eq!(sizes, [2, 2, 1]);
}

#[test]
fn only_symmetric_material_that_is_made_here_is_renewed() {
    for spec in [
        json!({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}),
        json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}),
        json!({"Origin": "EXTERNAL"}),
    ] {
        let mut kms = Kms::new();
        let key = kms.key(spec.clone());
        for operation in [
            "EnableKeyRotation",
            "DisableKeyRotation",
            "RotateKeyOnDemand",
        ] {
            let code = kms.code(operation, json!({"KeyId": key}));
            assert_eq!(code, UNSUPPORTED, "{operation} {spec}");
        }
        assert_eq!(status(&mut kms, &key)["KeyRotationEnabled"], json!(false));
    }
}

#[test]
fn a_policy_can_ask_for_the_period() {
    let (mut kms, key) = Kms::with_key();
    let mut unless_short = allow(ACCOUNT, json!("kms:EnableKeyRotation"));
    unless_short["Effect"] = json!("Deny");
    unless_short["Condition"] = json!({"NumericGreaterThan": {"kms:RotationPeriodInDays": "180"}});
    kms.put_policy(&key, json!([allow(ACCOUNT, json!("kms:*")), unless_short]));
    for (period, expected) in [
        (json!(180), OK),
        (json!(181), DENIED),
        (json!(null), DENIED),
    ] {
        let body = json!({"KeyId": key, "RotationPeriodInDays": period});
        assert_eq!(
            kms.outcome("EnableKeyRotation", &body),
            expected,
            "{period}"
        );
    }
}

#[test]
fn the_key_of_a_service_is_renewed_each_year_and_its_account_has_no_say_in_it() {
    let mut kms = Kms::new();
    let key = text(&kms.describe("alias/aws/secretsmanager")["Arn"]);
    let status = status(&mut kms, &key);
    assert_eq!(status["KeyRotationEnabled"], json!(true));
    assert_eq!(status["RotationPeriodInDays"], json!(365));
    for operation in [
        "EnableKeyRotation",
        "DisableKeyRotation",
        "RotateKeyOnDemand",
    ] {
        assert_eq!(
            kms.code(operation, json!({"KeyId": key})),
            DENIED,
            "{operation}"
        );
    }
    pass_days(&mut kms, 365);
    assert_eq!(rotations(&mut kms, &key).len(), 1);
}

#[test]
fn a_key_whose_deletion_is_due_is_not_renewed_first() {
    let (mut kms, key) = Kms::with_key();
    kms.ok(
        "EnableKeyRotation",
        json!({"KeyId": key, "RotationPeriodInDays": 90}),
    );
    pass_days(&mut kms, 83);
    kms.ok(
        "ScheduleKeyDeletion",
        json!({"KeyId": key, "PendingWindowInDays": 8}),
    );
    pass_days(&mut kms, 7);
    assert_eq!(rotations(&mut kms, &key), []);
    assert_eq!(kms.code("RotateKeyOnDemand", json!({"KeyId": key})), STATE);
    pass_days(&mut kms, 1);
    for kind in ["kms-key", "kms-due"] {
        assert_eq!(kms.service.count(kind), 0, "{kind}");
    }
}

#[test]
fn another_account_may_be_told_of_the_plan_and_no_more() {
    let (mut kms, key) = Kms::with_key();
    kms.put_policy(
        &key,
        json!([
            allow(ACCOUNT, json!("kms:*")),
            allow(OTHER_ACCOUNT, json!("kms:*"))
        ]),
    );
    kms.be_other();
    status(&mut kms, &key);
    assert_eq!(kms.code("ListKeyRotations", json!({"KeyId": key})), DENIED);
}
