//! Web servers that are told of rotations.

use std::net::IpAddr;

use strongroom::edge::tls::Generated;
use strongroom::functions::webhook::Webhooks;
use strongroom_keys::SecretBytes;
use strongroom_services::rotation::built_in::Post;

use super::scripted::{Scripted, answer, nobody, ok};
use super::wait;

const EVENT: &str = "{\"step\":\"setSecret\",\"pendingSecretString\":\"n3w\"}";

fn post(url: &str, signing_key: Option<&str>) -> Post {
    Post {
        url: url.to_owned(),
        event: SecretBytes::copy_of(EVENT.as_bytes()),
        signing_key: signing_key.map(|key| SecretBytes::copy_of(key.as_bytes())),
    }
}

fn said(webhooks: &Webhooks, post: &Post) -> Result<String, String> {
    let said = wait(webhooks.post(post, 1_700_000_000));
    said.map(|said| String::from_utf8(said.expose().to_vec()).unwrap())
}

#[test]
fn an_event_is_posted_to_its_path_and_what_is_answered_comes_back() {
    let server = Scripted::start(vec![
        ok("", "{\"SecretString\":\"x\"}"),
        answer("204 No Content", "", ""),
    ]);
    let webhooks = Webhooks::all(None);
    let url = format!("{}/rotate/s?team=a", server.url());
    let answered = said(&webhooks, &post(&url, None)).unwrap();
    assert_eq!(answered, "{\"SecretString\":\"x\"}");
    assert_eq!(
        said(&webhooks, &post(&server.url(), Some("0123456789abcdef"))).unwrap(),
        ""
    );
    let received = server.received();
    let [first, second] = received.as_slice() else {
        panic!("{received:?}");
    };
    assert!(
        first.starts_with("POST /rotate/s?team=a HTTP/1.1\r\n"),
        "{first}"
    );
    assert!(
        first.contains(&format!("host: {}\r\n", server.address)),
        "{first}"
    );
    assert!(
        first.contains("content-type: application/json\r\n"),
        "{first}"
    );
    assert!(first.ends_with(&format!("\r\n\r\n{EVENT}")), "{first}");
    assert!(!first.contains("x-strongroom-signature"), "{first}");
    assert!(second.starts_with("POST / HTTP/1.1\r\n"), "{second}");
    assert!(
        second.contains("x-strongroom-signature: t=1700000000,v1="),
        "{second}"
    );
}

#[test]
fn anything_but_success_is_a_failure_that_repeats_nothing() {
    let wrong = "the n3w value is wr0ng";
    let server = Scripted::start(vec![
        answer("500 Internal Server Error", "", wrong),
        answer("403 Forbidden", "", wrong),
        answer("302 Found", "Location: http://elsewhere/n3w\r\n", ""),
    ]);
    let webhooks = Webhooks::all(None);
    let url = format!("{}/t0ken", server.url());
    for part in [
        "answers 500",
        "answers 403",
        "answers 302: redirects aren't followed",
    ] {
        let failure = said(&webhooks, &post(&url, None)).unwrap_err();
        assert!(failure.contains(part), "{failure}");
        for secret in ["n3w", "wr0ng", "t0ken"] {
            assert!(!failure.contains(secret), "{failure}");
        }
    }
    let url = format!("http://{}/t0ken", nobody());
    let failure = said(&webhooks, &post(&url, None)).unwrap_err();
    assert!(
        failure.contains("can't be reached") && !failure.contains("t0ken"),
        "{failure}"
    );
}

#[test]
fn a_server_asks_nobody_whom_its_operator_did_not_name_and_never_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let generated = Generated::in_folder(folder.path(), IpAddr::from([127, 0, 0, 1])).unwrap();
    let server = Scripted::start_with_tls(vec![ok("", "{}")], &generated);
    let authorities = Some(generated.authority.clone());
    let own = vec![server.address.to_string()];
    let named = Webhooks::named(&own, authorities.clone()).unwrap();
    for (webhooks, url, part) in [
        (
            &Webhooks::default(),
            server.url(),
            "functions.webhook_hosts",
        ),
        (
            &named,
            "https://hooks.example.com".to_owned(),
            "functions.webhook_hosts",
        ),
        (
            &named,
            format!("http://{}", server.address),
            "only https:// is",
        ),
        (
            &named,
            server.url(),
            "an address that only this machine or its platform answers on",
        ),
    ] {
        let failure = said(webhooks, &post(&url, None)).unwrap_err();
        assert!(failure.contains(part), "{failure}");
    }
    assert!(server.received().is_empty());
    // The certificate counts, in development too.
    let anyone = Webhooks::all(None);
    assert!(said(&anyone, &post(&server.url(), None)).is_err());
    assert_eq!(server.received().len(), 0);
}

#[test]
fn a_server_is_trusted_by_an_authority_of_the_operators() {
    let folder = tempfile::tempdir().unwrap();
    let generated = Generated::in_folder(folder.path(), IpAddr::from([127, 0, 0, 1])).unwrap();
    let server = Scripted::start_with_tls(vec![ok("", "{}")], &generated);
    let webhooks = Webhooks::all(Some(generated.authority.clone()));
    assert_eq!(said(&webhooks, &post(&server.url(), None)).unwrap(), "{}");
    let missing = Some(folder.path().join("none.pem"));
    let hosts = ["hooks.example.com".to_owned()];
    assert!(Webhooks::named(&hosts, missing.clone()).is_err());
    // Nothing is read for nobody.
    assert!(Webhooks::named(&[], missing).is_ok());
}
