//! Requests that botocore signed (tests/vectors/make.py): all are accepted, in the shape of HTTP/1.1 and of HTTP/2.

use std::sync::LazyLock;

use http::Request;
use http::request::Parts;
use serde::Deserialize;
use strongroom_keys::SecretBytes;
use strongroom_wire::sigv4::{self, SigningKey};

#[test]
fn what_botocore_signs_is_accepted_in_the_shape_of_http_1() {
    for vector in all().iter().filter(|vector| vector.name != "authority") {
        assert_accepted(vector, &vector.parts_of_http_1());
    }
}

#[test]
fn what_botocore_signs_is_accepted_without_a_host_header_as_in_http_2() {
    for vector in all() {
        assert_accepted(vector, &vector.parts_of_http_2());
    }
}

#[test]
fn a_signature_is_refused_under_another_secret() {
    for vector in all() {
        let parts = vector.parts_of_http_1();
        let signed = sigv4::read(&parts).unwrap();
        let key = SigningKey::derive(&SecretBytes::copy_of(b"another"), signed.scope());
        assert!(
            signed.verify(&vector.body(), &key, FILE.signed_at).is_err(),
            "{}",
            vector.name
        );
    }
}

fn assert_accepted(vector: &Vector, parts: &Parts) {
    let name = &vector.name;
    let signed = sigv4::read(parts).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(signed.access_key_id(), vector.access_key_id, "{name}");
    assert_eq!(signed.region(), vector.region, "{name}");
    assert_eq!(signed.service(), vector.service, "{name}");
    assert_eq!(signed.day().as_str(), "20260101", "{name}");
    assert_eq!(
        signed.session_token(),
        vector.session_token.as_deref(),
        "{name}"
    );
    assert_eq!(signed.is_presigned(), vector.is_presigned, "{name}");
    let key = SigningKey::derive(&vector.secret(), signed.scope());
    let window = vector.expires_seconds.unwrap_or(300);
    for now in [
        FILE.signed_at - 300,
        FILE.signed_at,
        FILE.signed_at + window,
    ] {
        assert_eq!(
            signed.verify(&vector.body(), &key, now),
            Ok(()),
            "{name} at {now}"
        );
    }
    for now in [FILE.signed_at - 301, FILE.signed_at + window + 1] {
        assert!(
            signed.verify(&vector.body(), &key, now).is_err(),
            "{name} at {now}"
        );
    }
}

pub(crate) fn all() -> &'static [Vector] {
    &FILE.vectors
}

/// One signed request.
#[derive(Deserialize)]
pub(crate) struct Vector {
    pub(crate) name: String,
    secret_access_key: String,
    access_key_id: String,
    session_token: Option<String>,
    region: String,
    service: String,
    is_presigned: bool,
    expires_seconds: Option<i64>,
    method: String,
    authority: String,
    path_and_query: String,
    headers: Vec<(String, String)>,
    body_hex: String,
}

impl Vector {
    pub(crate) fn parts_of_http_1(&self) -> Parts {
        let request = Request::builder()
            .uri(&*self.path_and_query)
            .header("host", &*self.authority);
        self.parts(request)
    }

    fn parts_of_http_2(&self) -> Parts {
        let uri = format!("http://{}{}", self.authority, self.path_and_query);
        self.parts(Request::builder().uri(uri))
    }

    fn parts(&self, mut request: http::request::Builder) -> Parts {
        for (name, value) in &self.headers {
            request = request.header(&**name, value.as_bytes());
        }
        let request = request.method(&*self.method).body(());
        request
            .unwrap_or_else(|error| panic!("{}: {error}", self.name))
            .into_parts()
            .0
    }

    pub(crate) fn secret(&self) -> SecretBytes {
        SecretBytes::copy_of(self.secret_access_key.as_bytes())
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        let digits = self.body_hex.as_bytes().chunks_exact(2);
        digits
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }
}

#[derive(Deserialize)]
struct File {
    signed_at: i64,
    vectors: Vec<Vector>,
}

static FILE: LazyLock<File> =
    LazyLock::new(|| serde_json::from_str(include_str!("../vectors/botocore.json")).unwrap());
