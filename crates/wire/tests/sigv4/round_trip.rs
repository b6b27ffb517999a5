//! What the signer signs is accepted, and what it can't sign it says.

use std::time::Duration;

use http::HeaderValue;
use strongroom_keys::SecretBytes;
use strongroom_wire::sigv4::{self, AuthError, Day, Scope, ScopeError, SignError, Signer};

use super::{NOW, SECRET, check, key_for, request, signer, usual_request};

const DAY_SECONDS: i64 = 86_400;

#[test]
fn a_signed_request_is_accepted() {
    let mut parts = usual_request();
    signer().sign(&mut parts, b"{}", NOW).unwrap();
    assert_eq!(check(&parts, b"{}", SECRET, NOW), Ok(()));
    assert!(parts.headers["authorization"].is_sensitive());
}

#[test]
fn a_signer_goes_on_over_days_and_signs_a_request_again() {
    let mut signer = signer();
    let mut parts = usual_request();
    for now in [NOW, NOW + DAY_SECONDS, NOW + DAY_SECONDS + 1, NOW] {
        signer.sign(&mut parts, b"{}", now).unwrap();
        assert_eq!(check(&parts, b"{}", SECRET, now), Ok(()), "{now}");
    }
}

#[test]
fn a_host_header_is_made_of_the_uri() {
    let mut parts = request("POST", "https://localhost:4599/", &[]);
    signer().sign(&mut parts, b"", NOW).unwrap();
    assert_eq!(parts.headers["host"], "localhost:4599");
    // As it arrives by HTTP/2.
    parts.headers.remove("host");
    assert_eq!(check(&parts, b"", SECRET, NOW), Ok(()));
}

#[test]
fn a_presigned_url_is_accepted_until_it_expires() {
    let mut parts = request(
        "GET",
        "http://localhost:4599/?Action=GetCallerIdentity&b=%20+",
        &[("x-amz-a", "1")],
    );
    signer()
        .presign(&mut parts, b"", NOW, Duration::from_secs(60))
        .unwrap();
    assert!(sigv4::read(&parts).unwrap().is_presigned());
    assert_eq!(check(&parts, b"", SECRET, NOW - 300), Ok(()));
    assert_eq!(check(&parts, b"", SECRET, NOW + 60), Ok(()));
    assert!(matches!(
        check(&parts, b"", SECRET, NOW + 61),
        Err(AuthError::Expired { .. })
    ));
    assert_eq!(
        check(&parts, b"x", SECRET, NOW),
        Err(AuthError::SignatureMismatch)
    );
}

#[test]
fn a_presigned_body_is_signed() {
    let mut parts = usual_request();
    signer()
        .presign(&mut parts, b"{}", NOW, Duration::from_secs(60))
        .unwrap();
    assert_eq!(check(&parts, b"{}", SECRET, NOW), Ok(()));
    assert_eq!(
        check(&parts, b"", SECRET, NOW),
        Err(AuthError::SignatureMismatch)
    );
}

#[test]
fn the_session_token_goes_where_the_signature_is() {
    let secret = SecretBytes::copy_of(SECRET.as_bytes());
    let token = "a/b+c== d";
    let mut signer = Signer::new(
        "ASIAEXAMPLE",
        secret,
        Some(token.to_owned()),
        "us-east-1",
        "sts",
    )
    .unwrap();
    let mut parts = usual_request();
    signer.sign(&mut parts, b"", NOW).unwrap();
    assert_eq!(sigv4::read(&parts).unwrap().session_token(), Some(token));
    assert_eq!(check(&parts, b"", SECRET, NOW), Ok(()));
    let mut parts = usual_request();
    signer
        .presign(&mut parts, b"", NOW, Duration::from_secs(60))
        .unwrap();
    assert_eq!(sigv4::read(&parts).unwrap().session_token(), Some(token));
    assert!(!parts.headers.contains_key("x-amz-security-token"));
    assert_eq!(check(&parts, b"", SECRET, NOW), Ok(()));
}

#[test]
fn a_claimed_body_hash_must_be_the_bodys() {
    let hash_of_braces = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let cases = [
        (hash_of_braces, Ok(())),
        ("UNSIGNED-PAYLOAD", Err(AuthError::SignatureMismatch)),
        (
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            Err(AuthError::SignatureMismatch),
        ),
        (
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            Err(AuthError::SignatureMismatch),
        ),
        ("", Err(AuthError::SignatureMismatch)),
    ];
    for (claimed, expected) in cases {
        let mut parts = usual_request();
        parts
            .headers
            .insert("x-amz-content-sha256", HeaderValue::from_static(claimed));
        signer().sign(&mut parts, b"{}", NOW).unwrap();
        assert_eq!(check(&parts, b"{}", SECRET, NOW), expected, "{claimed}");
    }
}

#[test]
fn a_key_of_another_scope_verifies_nothing() {
    let mut parts = usual_request();
    signer().sign(&mut parts, b"{}", NOW).unwrap();
    let signed = sigv4::read(&parts).unwrap();
    let scope = signed.scope().clone();
    assert_eq!(signed.verify(b"{}", &key_for(&scope), NOW), Ok(()));
    let others = [
        scope.clone().on(Day::at(NOW + DAY_SECONDS)),
        Scope::new(scope.day(), "us-east-2", scope.service().to_owned()).unwrap(),
        Scope::new(scope.day(), scope.region().to_owned(), "kms").unwrap(),
    ];
    for other in others {
        assert_eq!(
            signed.verify(b"{}", &key_for(&other), NOW),
            Err(AuthError::SignatureMismatch)
        );
    }
}

#[test]
fn a_claim_of_another_scope_is_not_verified_by_the_key_that_signed() {
    let mut parts = usual_request();
    signer().sign(&mut parts, b"{}", NOW).unwrap();
    let key = key_for(sigv4::read(&parts).unwrap().scope());
    let claim = parts.headers["authorization"]
        .to_str()
        .unwrap()
        .replace("us-east-1", "us-east-2");
    parts
        .headers
        .insert("authorization", claim.parse().unwrap());
    let signed = sigv4::read(&parts).unwrap();
    assert_eq!(signed.region(), "us-east-2");
    assert_eq!(
        signed.verify(b"{}", &key, NOW),
        Err(AuthError::SignatureMismatch)
    );
}

#[test]
fn what_can_not_be_signed_is_told() {
    let mut nameless = request("POST", "/", &[]);
    assert_eq!(
        signer().sign(&mut nameless, b"", NOW),
        Err(SignError::NoHost)
    );
    for seconds in [0, 604_801, u64::MAX] {
        let expires = Duration::from_secs(seconds);
        assert_eq!(
            signer().presign(&mut usual_request(), b"", NOW, expires),
            Err(SignError::InvalidExpires)
        );
    }
    let secret = || SecretBytes::copy_of(b"x");
    let mut signer = Signer::new("AK\n", secret(), None, "us-east-1", "sts").unwrap();
    assert_eq!(
        signer.sign(&mut usual_request(), b"", NOW),
        Err(SignError::UnsendableCredentials)
    );
    let token = "x".repeat(70_000);
    let mut signer = Signer::new("AK", secret(), Some(token), "us-east-1", "sts").unwrap();
    let presigned = signer.presign(&mut usual_request(), b"", NOW, Duration::from_secs(1));
    assert_eq!(presigned, Err(SignError::UnsendableUri));
    let unnamed = Signer::new("AK", secret(), None, "US", "sts");
    assert_eq!(unnamed.err(), Some(ScopeError::Region));
}

#[test]
fn nothing_secret_is_printed() {
    let secret = SecretBytes::copy_of(b"marked-secret");
    let token = Some("marked-token".to_owned());
    let mut signer =
        Signer::new("AKIDEXAMPLE", secret, token, "us-east-1", "secretsmanager").unwrap();
    let mut parts = usual_request();
    signer.sign(&mut parts, b"", NOW).unwrap();
    let signed = sigv4::read(&parts).unwrap();
    let key = key_for(signed.scope());
    let printed = format!("{signer:?} {signed:?} {key:?}");
    assert!(
        printed.contains("AKIDEXAMPLE") && printed.contains("us-east-1"),
        "{printed}"
    );
    assert!(
        !printed.contains("marked") && !printed.contains("Signature"),
        "{printed}"
    );
}
