//! The credential report. Source: IAM User Guide, Generate credential reports for your AWS account.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::mfa::give_phone;
use super::users::with_alice;
use crate::harness::{ACCOUNT, OTHER_ACCOUNT, REGION, Service};

fn table(service: &mut Service) -> Vec<Vec<String>> {
    let report = service.iam("GetCredentialReport", json!({}));
    assert_eq!(report["ReportFormat"], json!("text/csv"));
    let content = BASE64.decode(report["Content"].as_str().unwrap()).unwrap();
    let content = String::from_utf8(content).unwrap();
    let rows = content
        .lines()
        .map(|line| line.split(',').map(str::to_owned).collect());
    rows.collect()
}

#[test]
fn a_report_is_asked_for_and_then_fetched_for_four_hours() {
    let (mut service, _) = with_alice();
    let state = |service: &mut Service| -> Value {
        service.iam("GenerateCredentialReport", json!({}))["State"].clone()
    };
    let refused = service.iam_refused("GetCredentialReport", json!({}));
    assert_eq!(refused.0, "ReportNotPresent");
    assert_eq!(state(&mut service), json!("STARTED"));
    assert_eq!(state(&mut service), json!("COMPLETE"));
    table(&mut service);
    service.be(OTHER_ACCOUNT, REGION);
    let refused = service.iam_refused("GetCredentialReport", json!({}));
    assert_eq!(refused.0, "ReportNotPresent");
    service.be(ACCOUNT, REGION);
    service.pass(Duration::from_secs(4 * 60 * 60));
    let refused = service.iam_refused("GetCredentialReport", json!({}));
    assert_eq!(refused.0, "ReportExpired");
    assert_eq!(state(&mut service), json!("STARTED"));
    table(&mut service);
}

#[test]
fn the_report_tells_of_each_user_what_it_signs_with() {
    let (mut service, key) = with_alice();
    service.iam("CreateUser", json!({"UserName": "bob,jr"}));
    give_phone(&mut service, "alice");
    let inactive = json!({"UserName": "alice", "AccessKeyId": key, "Status": "Inactive"});
    service.iam("CreateAccessKey", json!({"UserName": "alice"}));
    service.iam("UpdateAccessKey", inactive);
    service.iam("GenerateCredentialReport", json!({}));
    let rows = table(&mut service);
    let columns = rows[0].len();
    let cell = |row: usize, name: &str| {
        let at = rows[0].iter().position(|column| column == name).unwrap();
        rows[row][at].as_str()
    };
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert_eq!(columns, 22);
    let alice = [
        ("user", "alice"),
        ("arn", "arn:aws:iam::123456789012:user/alice"),
        ("password_enabled", "false"),
        ("mfa_active", "true"),
        ("access_key_1_active", "false"),
        ("access_key_1_last_used_date", "N/A"),
        ("access_key_2_active", "true"),
        ("cert_1_active", "false"),
    ];
    for (name, value) in alice {
        assert_eq!(cell(1, name), value, "{name}");
    }
    assert!(cell(1, "access_key_2_last_rotated").ends_with("+00:00"));
    assert_eq!(rows[2][..2], ["\"bob", "jr\""], "a comma is quoted");
}
