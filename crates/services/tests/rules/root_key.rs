//! A new root key is taken into use while decisions are on their way: whatever one of them seals under the root key
//! must not be committed once another is in use, else it would be missed when everything is sealed anew.

use serde_json::json;
use strongroom_services::records::Key;
use strongroom_services::{kms, secretsmanager};

use super::harness::{OTHER_ACCOUNT, Service};

#[test]
fn what_is_sealed_under_the_root_key_depends_on_the_one_in_use() {
    let service = Service::new();
    // The first secret of a region makes the region's own key.
    let body = json!({"Name": "s", "SecretString": "x", "ClientRequestToken": "t".repeat(32)});
    let (seen, writes) = service.depends_on(secretsmanager::OPERATIONS, "CreateSecret", &body);
    assert!(writes > 0 && seen.contains(&Key::root_key()), "{seen:?}");
    let (seen, writes) = service.depends_on(kms::OPERATIONS, "CreateKey", &json!({}));
    assert!(writes > 0 && seen.contains(&Key::root_key()), "{seen:?}");
    let seen = service.new_account_depends_on(OTHER_ACCOUNT);
    assert!(seen.contains(&Key::root_key()), "{seen:?}");
}

#[test]
fn what_is_sealed_under_a_kms_key_does_not() {
    let service = Service::with_secret();
    let body = json!({"SecretId": "s", "SecretString": "x", "ClientRequestToken": "t".repeat(32)});
    let (seen, writes) = service.depends_on(secretsmanager::OPERATIONS, "PutSecretValue", &body);
    assert!(writes > 0 && !seen.contains(&Key::root_key()), "{seen:?}");
}
