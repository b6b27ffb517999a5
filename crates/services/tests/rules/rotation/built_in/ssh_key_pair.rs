//! `strongroom-ssh-key-pair`. That OpenSSH reads what it makes is tested beside the format, in `strongroom-keys`.

use serde_json::Value as Json;

use super::{configured, created, text};
use crate::harness::{PARAMETER, Service};

#[test]
fn a_key_pair_takes_its_members_place_and_leaves_the_others() {
    let mut service = Service::with_secret();
    for (parameters, current, start, end) in [
        (
            &[][..],
            None,
            "{\"privateKey\":\"-----BEGIN OPENSSH PRIVATE KEY-----\\n",
            "",
        ),
        (&[], Some("plain"), "{\"privateKey\":\"-----BEGIN", ""),
        (
            &[("Algorithm", "ecdsa-p256"), ("Comment", "deploy key")],
            Some(r#"{"user":"git","publicKey":"old","host":"h","privateKey":"old"}"#),
            r#"{"user":"git","publicKey":"ecdsa-sha2-nistp256 AAAA"#,
            " deploy key",
        ),
    ] {
        let function = configured(&service, "ssh-key-pair", parameters).unwrap();
        let current = current.map(text);
        let made = created(&mut service, &*function, current.as_ref()).unwrap();
        assert!(made.starts_with(start), "{made}");
        let read: Json = serde_json::from_str(&made).unwrap();
        let member = |name: &str| read[name].as_str().unwrap();
        assert!(member("publicKey").ends_with(end), "{made}");
        assert!(member("privateKey").ends_with("-----END OPENSSH PRIVATE KEY-----\n"));
        assert!(member("fingerprint").starts_with("SHA256:"));
        if made.contains("user") {
            assert_eq!((&read["user"], &read["host"]), (&"git".into(), &"h".into()));
        }
        let again = created(&mut service, &*function, Some(&text(&made))).unwrap();
        assert_ne!(again, made);
    }
}

#[test]
fn each_algorithm_makes_its_kind_of_key() {
    let mut service = Service::with_secret();
    for (algorithm, kind) in [
        ("ed25519", "ssh-ed25519"),
        ("ecdsa-p256", "ecdsa-sha2-nistp256"),
        ("ecdsa-p384", "ecdsa-sha2-nistp384"),
        ("ecdsa-p521", "ecdsa-sha2-nistp521"),
        ("rsa-3072", "ssh-rsa"),
    ] {
        let function = configured(&service, "ssh-key-pair", &[("Algorithm", algorithm)]).unwrap();
        let made = created(&mut service, &*function, None).unwrap();
        let made: Json = serde_json::from_str(&made).unwrap();
        let line = made["publicKey"].as_str().unwrap();
        assert_eq!(line.split(' ').next(), Some(kind), "{line}");
    }
}

#[test]
fn parameters_that_cannot_be_are_refused() {
    let service = Service::with_secret();
    let long = "x".repeat(257);
    for (parameters, part) in [
        (
            ("Algorithm", "rsa-1024"),
            "Algorithm must be one of ed25519, ecdsa-p256",
        ),
        (
            ("Comment", "one\nssh-ed25519 AAAA"),
            "Comment must be one line",
        ),
        (("Comment", "one\u{85}two"), "Comment must be one line"),
        (("Comment", long.as_str()), "at most 256 characters"),
        (
            ("PasswordLength", "8"),
            "no parameter 'PasswordLength'; it has Algorithm, Comment",
        ),
    ] {
        let refusal = configured(&service, "ssh-key-pair", &[parameters])
            .err()
            .unwrap();
        assert_eq!(refusal.code, PARAMETER);
        let message = refusal.message.unwrap();
        assert!(message.contains(part), "{message}");
    }
}
