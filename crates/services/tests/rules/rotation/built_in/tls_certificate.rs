//! `strongroom-tls-certificate`. That others accept what it issues is tested beside the format, in `strongroom-keys`.

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use serde_json::{Value as Json, json};
use strongroom_services::rotation::step::Step;
use strongroom_services::time::Timestamp;
use strongroom_services::{iam, kms};

use super::{configured, created, current, rotate, secret, step, told};
use crate::harness::{ACCOUNT, DAY, OTHER_ACCOUNT, PARAMETER, REGION, Service, V1, V2, V3};
use crate::iam::policy;

const OF_HOST: &[(&str, &str)] = &[("CaSecretId", "ca"), ("DnsNames", "db.example.com")];

/// An authority that is good until the end of 2024, as the value of a secret.
fn authority() -> String {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_after = date_time_ymd(2025, 1, 1);
    let certificate = params.self_signed(&key).unwrap().pem();
    json!({"certificate": certificate, "privateKey": key.serialize_pem()}).to_string()
}

/// With the secret `s`, and an authority in the secret `ca`.
fn with_authority() -> Service {
    let mut service = Service::with_secret();
    service.ok(
        "CreateSecret",
        json!({"Name": "ca", "ClientRequestToken": V1, "SecretString": authority()}),
    );
    service
}

#[test]
fn a_certificate_takes_its_members_place_and_leaves_the_others() {
    let mut service = with_authority();
    let authority = service.ok("GetSecretValue", json!({"SecretId": "ca"}));
    let authority: Json =
        serde_json::from_str(authority["SecretString"].as_str().unwrap()).unwrap();
    let function = configured(&service, "tls-certificate", OF_HOST).unwrap();
    let first = rotate(&mut service, &*function, V2).unwrap();
    let read: Json = serde_json::from_str(&first).unwrap();
    let member = |name: &str| read[name].as_str().unwrap();
    assert!(member("certificate").starts_with("-----BEGIN CERTIFICATE-----\n"));
    assert!(member("privateKey").starts_with("-----BEGIN PRIVATE KEY-----\n"));
    assert_eq!(
        member("chain"),
        authority["certificate"]
            .as_str()
            .unwrap()
            .replace("\r\n", "\n")
    );
    // 90 days after 14 November 2023, to the second.
    assert_eq!(member("notAfter"), "2024-02-12T23:59:59Z");

    let with_more = first.replacen('{', "{\"port\": 5432,", 1);
    service.ok(
        "PutSecretValue",
        json!({"SecretId": "s", "SecretString": with_more,
        "ClientRequestToken": "by-hand-------------------------"}),
    );
    let second = rotate(&mut service, &*function, V3).unwrap();
    assert!(
        second.starts_with("{\"port\":5432,\"certificate\":"),
        "{second}"
    );
    assert_ne!(first, second);
}

#[test]
fn a_certificate_is_never_good_for_longer_than_its_authority() {
    let mut service = with_authority();
    let with = |days: &'static str| [OF_HOST[0], OF_HOST[1], ("ValidityDays", days)];
    // 413 days and one second are left.
    for (days, problem) in [
        ("412", None),
        ("413", None),
        (
            "414",
            Some("is good until 2025-01-01T00:00:00Z, and one of 414 days"),
        ),
        ("3650", Some("lower ValidityDays to 413 at most")),
    ] {
        let function = configured(&service, "tls-certificate", &with(days)).unwrap();
        let made = created(&mut service, &*function, None);
        let tested = step(&mut service, &*function, Step::Test, "{}");
        match problem {
            None => assert!(made.is_ok() && tested.is_ok(), "{days}: {made:?}"),
            Some(part) => {
                for failure in [made.err().unwrap(), tested.err().unwrap()] {
                    assert!(failure.contains(part), "{failure}");
                    assert!(failure.contains("(CaSecretId)"), "{failure}");
                }
            }
        }
    }
    service.pass(DAY * 413);
    let function = configured(&service, "tls-certificate", &with("1")).unwrap();
    let failure = created(&mut service, &*function, None).unwrap_err();
    assert!(failure.contains("give the secret a new one"), "{failure}");
    service.now = Timestamp::from_milliseconds(0);
    let failure = created(&mut service, &*function, None).unwrap_err();
    assert!(
        failure.contains("isn't good before 1975-01-01T00:00:00Z"),
        "{failure}"
    );
}

#[test]
fn an_authority_that_cannot_issue_is_told_when_it_is_configured() {
    let good: Json = serde_json::from_str(&authority()).unwrap();
    let other: Json = serde_json::from_str(&authority()).unwrap();
    let mixed = json!({"certificate": good["certificate"], "privateKey": other["privateKey"]});
    let without = json!({"certificate": good["certificate"]});
    for (value, part) in [
        (None, "can't find the specified secret"),
        (
            Some(json!({"Name": "ca", "ClientRequestToken": V1})),
            "it has no value yet",
        ),
        (
            Some(json!({"Name": "ca", "ClientRequestToken": V1, "SecretString": "plain"})),
            "has no certificate",
        ),
        (
            Some(
                json!({"Name": "ca", "ClientRequestToken": V1, "SecretString": without.to_string()}),
            ),
            "has no privateKey",
        ),
        (
            Some(
                json!({"Name": "ca", "ClientRequestToken": V1, "SecretString": mixed.to_string()}),
            ),
            "is not that of its certificate",
        ),
        (
            Some(json!({"Name": "ca", "ClientRequestToken": V1, "SecretBinary": "aGk="})),
            "must be a JSON object",
        ),
    ] {
        let mut service = Service::with_secret();
        if let Some(value) = value {
            service.ok("CreateSecret", value);
        }
        let function = configured(&service, "tls-certificate", OF_HOST).unwrap();
        let record = secret(&service, "s");
        let means = service.means();
        let checked = service.with_records(|records| function.check(&record, records, &means));
        let failure = told(checked.unwrap_err());
        assert!(failure.contains(part), "{failure}");
        assert!(failure.contains("secret:ca (CaSecretId)"), "{failure}");
    }
    let mut service = with_authority();
    service.ok("DeleteSecret", json!({"SecretId": "ca"}));
    let function = configured(&service, "tls-certificate", OF_HOST).unwrap();
    let failure = created(&mut service, &*function, None).unwrap_err();
    assert!(failure.contains("marked for deletion"), "{failure}");
}

#[test]
fn whoever_configures_it_must_be_allowed_to_read_the_authority() {
    let mut service = Service::with_secret();
    let key = service
        .ask_of(kms::OPERATIONS, "CreateKey", &json!({}))
        .unwrap();
    let key = key["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    service.ok(
        "CreateSecret",
        json!({"Name": "ca", "ClientRequestToken": V1, "SecretString": authority(), "KmsKeyId": key}),
    );
    service.iam("CreateUser", json!({"UserName": "alice"}));
    let made = service
        .ask_of(
            iam::OPERATIONS,
            "CreateAccessKey",
            &json!({"UserName": "alice"}),
        )
        .unwrap();
    let access_key = made["AccessKey"]["AccessKeyId"]
        .as_str()
        .unwrap()
        .to_owned();
    let arn = secret(&service, "ca").arn();
    let read = policy("Allow", "secretsmanager:GetSecretValue", &arn);
    let decrypt = policy("Allow", "kms:Decrypt", &key);
    for (statements, lacks) in [
        (vec![read.clone(), decrypt.clone()], None),
        (vec![read], Some("kms:Decrypt")),
        (vec![decrypt], Some("secretsmanager:GetSecretValue")),
    ] {
        service.give("alice", &statements);
        service.be_user(ACCOUNT, "alice", &access_key);
        // Named by name or by ARN, it is the same secret.
        for named in ["ca", &arn] {
            let parameters = [("CaSecretId", named), OF_HOST[1]];
            let function = configured(&service, "tls-certificate", &parameters).unwrap();
            let record = secret(&service, "s");
            let lacking =
                service.lacking(|caller, records| function.needs(&record, caller, records));
            match lacks {
                None => assert_eq!(lacking, None),
                Some(action) => assert!(lacking.unwrap().contains(action)),
            }
        }
    }
    // A namesake in the account of whoever asks isn't meant.
    service.be(OTHER_ACCOUNT, REGION);
    service.ok(
        "CreateSecret",
        json!({"Name": "ca", "ClientRequestToken": V1, "SecretString": "x"}),
    );
    let function = configured(&service, "tls-certificate", OF_HOST).unwrap();
    let record = secret(&service, "s");
    let lacking = service.lacking(|caller, records| function.needs(&record, caller, records));
    assert!(lacking.unwrap().contains("secretsmanager:GetSecretValue"));
}

#[test]
fn a_disabled_key_of_the_authority_is_told() {
    let mut service = Service::with_secret();
    let key = service
        .ask_of(kms::OPERATIONS, "CreateKey", &json!({}))
        .unwrap();
    let key = key["KeyMetadata"]["KeyId"].clone();
    service.ok(
        "CreateSecret",
        json!({"Name": "ca", "ClientRequestToken": V1, "SecretString": authority(), "KmsKeyId": key}),
    );
    let function = configured(&service, "tls-certificate", OF_HOST).unwrap();
    created(&mut service, &*function, None).unwrap();
    service
        .ask_of(kms::OPERATIONS, "DisableKey", &json!({"KeyId": key}))
        .unwrap();
    let function = configured(&service, "tls-certificate", OF_HOST).unwrap();
    let failure = created(&mut service, &*function, None).unwrap_err();
    assert!(
        failure.contains("can't decrypt the protected secret text"),
        "{failure}"
    );
}

#[test]
fn parameters_that_cannot_be_are_refused() {
    let mut service = with_authority();
    let ca = ("CaSecretId", "ca");
    let host = ("DnsNames", "db.example.com");
    let elsewhere = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ca-AbCdEf";
    let others = "arn:aws:secretsmanager:us-east-1:210987654321:secret:ca-AbCdEf";
    let own = secret(&service, "s").arn();
    let long = "x".repeat(65);
    for (parameters, part) in [
        (&[host][..], "needs the parameter CaSecretId"),
        (
            &[("CaSecretId", elsewhere), host],
            "of the same account and Region",
        ),
        (
            &[("CaSecretId", others), host],
            "of the same account and Region",
        ),
        (
            &[("CaSecretId", "sp ace"), host],
            "of the same account and Region",
        ),
        (
            &[("CaSecretId", "s"), host],
            "another secret than the one that is rotated",
        ),
        (
            &[("CaSecretId", &own), host],
            "another secret than the one that is rotated",
        ),
        (&[ca], "needs DnsNames or IpAddresses"),
        (&[ca, ("CommonName", "db")], "needs DnsNames or IpAddresses"),
        (
            &[ca, ("Usage", "client")],
            "needs CommonName, DnsNames or IpAddresses",
        ),
        (
            &[ca, host, ("Usage", "ca")],
            "Usage must be one of server, client, both",
        ),
        (&[ca, host, ("CommonName", &long)], "at most 64 characters"),
        (&[ca, ("DnsNames", "db.example.com,,x")], "DnsNames has ''"),
        (
            &[ca, ("DnsNames", "db_1.example.com")],
            "DnsNames has 'db_1.example.com'",
        ),
        (
            &[ca, ("DnsNames", "*.*.example.com")],
            "DnsNames has '*.*.example.com'",
        ),
        (
            &[ca, ("DnsNames", "bäcker.example")],
            "DnsNames has 'bäcker.example'",
        ),
        (&[ca, ("DnsNames", "10.1.2.3")], "DnsNames has '10.1.2.3'"),
        (&[ca, ("IpAddresses", "10.1.2")], "IpAddresses has '10.1.2'"),
        (
            &[ca, host, ("ValidityDays", "0")],
            "ValidityDays must be a whole number from 1 to 3650",
        ),
        (
            &[ca, host, ("KeyAlgorithm", "dsa")],
            "KeyAlgorithm must be one of ecdsa-p256",
        ),
        (
            &[ca, host, ("Days", "1")],
            "no parameter 'Days'; it has CaSecretId, CommonName, DnsNames",
        ),
    ] {
        let refusal = configured(&service, "tls-certificate", parameters).err();
        let refusal = refusal.unwrap_or_else(|| panic!("{parameters:?}"));
        assert_eq!(refusal.code, PARAMETER);
        let message = refusal.message.unwrap();
        assert!(message.contains(part), "{message}");
    }
    let all = [
        ca,
        ("CommonName", "db"),
        ("DnsNames", "db.example.com, *.db.example.com ,localhost"),
        ("IpAddresses", "10.1.2.3, fd00::1"),
        ("Usage", "both"),
        ("KeyAlgorithm", "ed25519"),
        ("ValidityDays", "30"),
    ];
    let function = configured(&service, "tls-certificate", &all).unwrap();
    let now = current(&mut service);
    created(&mut service, &*function, now.as_ref()).unwrap();
}
