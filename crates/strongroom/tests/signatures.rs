//! Every way in which a request isn't rightly signed, at every service and in both forms of a signature: code, status
//! and message of each refusal, from a whole node.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::request::Parts;
use strongroom::clock::Clock;
use strongroom::edge::{Application as _, Received, Reply, RequestId};
use strongroom::node::{Assembly, Node};
use strongroom_keys::{Keyring, RootKey, SecretBytes, SeededEntropy};
use strongroom_services::caller::AccountId;
use strongroom_services::time::Timestamp;
use strongroom_store::simulated::{Simulated, now};
use strongroom_wire::sigv4::Signer;

use Form::{Header, Query};

#[test]
fn each_way_to_sign_wrongly_is_refused_in_each_services_words() {
    let world = World::new();
    for service in SERVICES {
        for form in [Header, Query] {
            let place = format!("{} {form:?}", service.name);
            let right = world.ask(service, form);
            assert_eq!(world.answer(&right.sign()).status, 200, "{place}");
            for case in cases().iter().filter(|case| case.forms.contains(&form)) {
                let mut asking = world.ask(service, form);
                (case.before)(&mut asking);
                let mut request = asking.sign();
                (case.after)(&mut request);
                let answer = world.answer(&request);
                let place = format!("{place}: {}", case.name);
                let message = case.message.replace("{service}", service.name);
                let message = message.replace("{missing}", service.missing_message);
                service.assert_refused(&place, &answer, case.kind, &message);
            }
        }
    }
}

#[test]
fn a_request_that_is_signed_for_one_service_is_refused_by_each_other() {
    let world = World::new();
    for service in SERVICES {
        for other in SERVICES.iter().filter(|other| other.name != service.name) {
            for form in [Header, Query] {
                let mut asking = world.ask(service, form);
                asking.scope_service = other.name;
                let answer = world.answer(&asking.sign());
                let place = format!("{} signed for {} {form:?}", service.name, other.name);
                if service.is_query && other.is_query {
                    // Both are at one address: the signature says which of the two is meant, and it hasn't the action.
                    let version = if service.name == "iam" {
                        "2010-05-08"
                    } else {
                        "2011-06-15"
                    };
                    let action = if service.name == "iam" {
                        "ListUsers"
                    } else {
                        "GetCallerIdentity"
                    };
                    let message =
                        format!("Could not find operation {action} for version {version}");
                    assert_eq!(answer.status, 400, "{place}");
                    assert_eq!(answer.xml("Code"), "InvalidAction", "{place}");
                    assert_eq!(answer.xml("Message"), message, "{place}");
                } else {
                    let message = format!(
                        "Credential should be scoped to correct service: '{}'.",
                        service.name
                    );
                    service.assert_refused(&place, &answer, Kind::Mismatch, &message);
                }
            }
        }
    }
}

#[test]
fn a_request_for_another_partition_is_refused_where_one_is_served() {
    let world = World::new();
    let ask = |service, region| {
        let mut asking = world.ask(service, Header);
        asking.region = region;
        world.answer(&asking.sign())
    };
    for service in SERVICES {
        assert_eq!(ask(service, "cn-north-1").status, 200, "{}", service.name);
    }
    world.node.serve_partition("aws");
    for service in SERVICES {
        for region in ["cn-north-1", "us-gov-west-1"] {
            let message = "Credential should be scoped to a valid region.";
            let answer = ask(service, region);
            service.assert_refused(service.name, &answer, Kind::Mismatch, message);
        }
        assert_eq!(ask(service, "eu-west-1").status, 200, "{}", service.name);
    }
}

#[test]
fn a_users_key_that_is_inactive_or_gone_is_like_one_that_never_was() {
    let world = World::new();
    let ask = |action: &str| world.administer(action);
    ask("Action=CreateUser&UserName=u");
    let made = ask("Action=CreateAccessKey&UserName=u");
    let (id, secret) = (made.xml("AccessKeyId"), made.xml("SecretAccessKey"));
    let with_it = |service: &'static ServiceWords, form| {
        let mut asking = world.ask(service, form);
        (asking.key_id, asking.secret) = (id.clone(), secret.clone());
        world.answer(&asking.sign())
    };
    let assert_unknown = |state: &str| {
        for service in SERVICES {
            for form in [Header, Query] {
                let place = format!("{} {form:?} {state}", service.name);
                let answer = with_it(service, form);
                service.assert_refused(&place, &answer, Kind::Unknown, INVALID_TOKEN);
            }
        }
    };
    let sts = SERVICES
        .iter()
        .find(|service| service.name == "sts")
        .unwrap();
    assert_eq!(with_it(sts, Header).status, 200);
    ask(&format!(
        "Action=UpdateAccessKey&UserName=u&AccessKeyId={id}&Status=Inactive"
    ));
    assert_unknown("inactive");
    ask(&format!(
        "Action=UpdateAccessKey&UserName=u&AccessKeyId={id}&Status=Active"
    ));
    assert_eq!(with_it(sts, Query).status, 200);
    ask(&format!(
        "Action=DeleteAccessKey&UserName=u&AccessKeyId={id}"
    ));
    assert_unknown("gone");
}

/// One way to sign wrongly.
struct Case {
    name: &'static str,
    forms: &'static [Form],
    /// What is done to how it is signed.
    before: fn(&mut Asking),
    /// What is done to it once it is signed.
    after: fn(&mut Request),
    kind: Kind,
    message: &'static str,
}

/// A row; `before` and `after` are what they are called.
fn case(
    name: &'static str,
    forms: &'static [Form],
    before: fn(&mut Asking),
    after: fn(&mut Request),
    (kind, message): (Kind, &'static str),
) -> Case {
    Case {
        name,
        forms,
        before,
        after,
        kind,
        message,
    }
}

fn cases() -> Vec<Case> {
    let as_it_is = |_: &mut Asking| {};
    let untouched = |_: &mut Request| {};
    let altered = |name, after| case(name, BOTH, as_it_is, after, (Kind::Mismatch, MISMATCH));
    let header = |name, after, refusal| case(name, &[Header], as_it_is, after, refusal);
    let query = |name, after, refusal| case(name, &[Query], as_it_is, after, refusal);
    let signed = |name, forms, before, refusal| case(name, forms, before, untouched, refusal);
    vec![
        // Nothing, or not the whole of it.
        header(
            "no signature at all",
            |it| it.unsign(),
            (Kind::Missing, "{missing}"),
        ),
        query(
            "no signature at all",
            |it| it.unsign(),
            (Kind::Missing, "{missing}"),
        ),
        header(
            "no authorization but a date",
            |it| drop(it.parts.headers.remove("authorization")),
            (Kind::Missing, "{missing}"),
        ),
        header(
            "another scheme",
            |it| it.authorize("Bearer abc"),
            (
                Kind::Incomplete,
                "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and \
                 encoded with Base64): 'w1Xc6WwWEogNEZQP/dkBTThsJT4MNlKmzQanIm970rY='.",
            ),
        ),
        header(
            "the algorithm alone",
            |it| it.authorize("AWS4-HMAC-SHA256"),
            (
                Kind::Incomplete,
                "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' \
                 parameter. Authorization header requires 'SignedHeaders' parameter. (Hashed with SHA-256 and \
                 encoded with Base64) Authorization=YI2YWea8FSxnksZL2ETHbs5elHm9HQufxTLK0W0ffV0=",
            ),
        ),
        header(
            "an empty header",
            |it| it.authorize(""),
            (
                Kind::Incomplete,
                "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' \
                 parameter. Authorization header requires 'SignedHeaders' parameter. (Hashed with SHA-256 and \
                 encoded with Base64) Authorization=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            ),
        ),
        header(
            "no credential",
            |it| it.replace("Credential=", "Other="),
            (
                Kind::Incomplete,
                "Authorization header requires 'Credential' parameter. (Hashed with SHA-256 and encoded with \
                 Base64) Authorization=…",
            ),
        ),
        header(
            "no signature",
            |it| it.replace("Signature=", "Other="),
            (
                Kind::Incomplete,
                "Authorization header requires 'Signature' parameter. (Hashed with SHA-256 and encoded with \
                 Base64) Authorization=…",
            ),
        ),
        header(
            "no signed headers",
            |it| it.replace("SignedHeaders=", "Other="),
            (
                Kind::Incomplete,
                "Authorization header requires 'SignedHeaders' parameter. (Hashed with SHA-256 and encoded with \
                 Base64) Authorization=…",
            ),
        ),
        header(
            "no date",
            |it| drop(it.parts.headers.remove("x-amz-date")),
            (
                Kind::Incomplete,
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed with \
                 SHA-256 and encoded with Base64) Authorization=…",
            ),
        ),
        header(
            "neither signature nor date",
            |it| {
                it.replace("Signature=", "Other=");
                it.parts.headers.remove("x-amz-date");
            },
            (
                Kind::Incomplete,
                "Authorization header requires 'Signature' parameter. Authorization header requires existence of \
                 either a 'X-Amz-Date' or a 'Date' header. (Hashed with SHA-256 and encoded with Base64) \
                 Authorization=…",
            ),
        ),
        header(
            "a credential twice",
            |it| it.replace("Credential=", "Credential=a, Credential="),
            (
                Kind::Incomplete,
                "The authentication parameter 'Credential' must be given only once.",
            ),
        ),
        header(
            "a signature twice",
            |it| it.replace("Signature=", "Signature=0, Signature="),
            (
                Kind::Incomplete,
                "The authentication parameter 'Signature' must be given only once.",
            ),
        ),
        header(
            "signed headers twice",
            |it| it.replace("SignedHeaders=", "SignedHeaders=host, SignedHeaders="),
            (
                Kind::Incomplete,
                "The authentication parameter 'SignedHeaders' must be given only once.",
            ),
        ),
        header(
            "two Authorization headers",
            |it| {
                let first = it.parts.headers["authorization"].clone();
                it.parts.headers.append("authorization", first);
            },
            (Kind::Incomplete, TWO_MECHANISMS),
        ),
        header(
            "a header and a query",
            |it| it.add_parameter("X-Amz-Signature=0"),
            (Kind::Incomplete, TWO_MECHANISMS),
        ),
        query(
            "a query and a header",
            |it| it.authorize("AWS4-HMAC-SHA256 Signature=0"),
            (Kind::Incomplete, TWO_MECHANISMS),
        ),
        query(
            "no algorithm",
            |it| it.replace("X-Amz-Algorithm", "Other"),
            (
                Kind::Incomplete,
                "AWS query-string parameters must include 'X-Amz-Algorithm'. Re-examine the query-string parameters.",
            ),
        ),
        query(
            "no credential",
            |it| it.replace("X-Amz-Credential", "Other"),
            (
                Kind::Incomplete,
                "AWS query-string parameters must include 'X-Amz-Credential'. Re-examine the query-string parameters.",
            ),
        ),
        query(
            "no signature",
            |it| it.replace("X-Amz-Signature", "Other"),
            (
                Kind::Incomplete,
                "AWS query-string parameters must include 'X-Amz-Signature'. Re-examine the query-string parameters.",
            ),
        ),
        query(
            "no signed headers",
            |it| it.replace("X-Amz-SignedHeaders", "Other"),
            (
                Kind::Incomplete,
                "AWS query-string parameters must include 'X-Amz-SignedHeaders'. Re-examine the query-string \
                 parameters.",
            ),
        ),
        query(
            "no date",
            |it| it.replace("X-Amz-Date", "Other"),
            (
                Kind::Incomplete,
                "AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string parameters.",
            ),
        ),
        query(
            "another algorithm",
            |it| it.replace("HMAC-SHA256", "ECDSA-P256-SHA256"),
            (
                Kind::Incomplete,
                "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'.",
            ),
        ),
        header(
            "another algorithm",
            |it| it.replace("HMAC-SHA256", "HMAC-SHA1"),
            (
                Kind::Incomplete,
                "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1'.",
            ),
        ),
        header(
            "a credential without a terminator",
            |it| it.replace("/aws4_request", ""),
            (
                Kind::Incomplete,
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
                 'AKIATESTTESTTESTTEST/20260101/us-east-1/{service}'",
            ),
        ),
        query(
            "a credential without a region",
            |it| it.replace("us-east-1%2F", ""),
            (
                Kind::Incomplete,
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
                 'AKIATESTTESTTESTTEST/20260101/{service}/aws4_request'",
            ),
        ),
        case(
            "an empty access key id",
            BOTH,
            as_it_is,
            |it| it.replace(KEY_ID, ""),
            (
                Kind::Incomplete,
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
                 '/20260101/us-east-1/{service}/aws4_request'",
            ),
        ),
        case(
            "another terminator",
            BOTH,
            as_it_is,
            |it| it.replace("aws4_request", "aws5_request"),
            (
                Kind::Mismatch,
                "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.",
            ),
        ),
        header(
            "signed headers out of order",
            |it| it.replace("content-type;host", "host;content-type"),
            (Kind::Incomplete, SIGNED_HEADERS),
        ),
        query(
            "a signed header twice",
            |it| it.replace("content-type%3Bhost", "content-type%3Bhost%3Bhost"),
            (Kind::Incomplete, SIGNED_HEADERS),
        ),
        // Whose it is.
        signed(
            "an unknown access key",
            BOTH,
            |it| it.key_id = "AKIANOBODYNOBODYNOBO".to_owned(),
            (Kind::Unknown, INVALID_TOKEN),
        ),
        signed(
            "a wrong secret",
            BOTH,
            |it| it.secret = "another secret".to_owned(),
            (Kind::Mismatch, MISMATCH),
        ),
        signed(
            "a session token with a long-term key",
            BOTH,
            |it| it.token = Some("made up".to_owned()),
            (Kind::Unknown, INVALID_TOKEN),
        ),
        // When.
        signed(
            "five minutes and a second old",
            &[Header],
            |it| it.signed_at -= 301,
            (
                Kind::Mismatch,
                "Signature expired: 20251231T235459Z is now earlier than 20251231T235500Z (20260101T000000Z - 5 min.)",
            ),
        ),
        signed(
            "a day old, sent once more",
            &[Header],
            |it| it.signed_at -= 86_400,
            (
                Kind::Mismatch,
                "Signature expired: 20251231T000000Z is now earlier than 20251231T235500Z (20260101T000000Z - 5 min.)",
            ),
        ),
        signed(
            "five minutes and a second ahead",
            BOTH,
            |it| it.signed_at += 301,
            (
                Kind::Mismatch,
                "Signature not yet current: 20260101T000501Z is still later than 20260101T000500Z \
                 (20260101T000000Z + 5 min.)",
            ),
        ),
        signed(
            "a URL whose time is up",
            &[Query],
            |it| it.signed_at -= 61,
            (
                Kind::Mismatch,
                "Signature expired: 20251231T235859Z is now earlier than 20251231T235900Z (20260101T000000Z - 1 min.)",
            ),
        ),
        query(
            "a URL for longer than was signed",
            |it| it.replace("X-Amz-Expires=60", "X-Amz-Expires=604800"),
            (Kind::Mismatch, MISMATCH),
        ),
        query(
            "a URL for longer than a week",
            |it| it.replace("X-Amz-Expires=60", "X-Amz-Expires=604801"),
            (Kind::Incomplete, EXPIRES),
        ),
        query(
            "a URL for no time",
            |it| it.replace("X-Amz-Expires=60", "X-Amz-Expires=0"),
            (Kind::Incomplete, EXPIRES),
        ),
        query(
            "a URL without its time",
            |it| it.replace("X-Amz-Expires=60&", ""),
            (Kind::Mismatch, MISMATCH),
        ),
        case(
            "a credential of another day",
            BOTH,
            as_it_is,
            |it| {
                it.replace("/20260101/", "/20260102/");
                it.replace("%2F20260101%2F", "%2F20260102%2F");
            },
            (
                Kind::Mismatch,
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '20260102' != '20260101', from '20260101T000000Z'.",
            ),
        ),
        header(
            "a date of another day",
            |it| it.set("x-amz-date", "20260102T000000Z"),
            (
                Kind::Mismatch,
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '20260101' != '20260102', from '20260102T000000Z'.",
            ),
        ),
        header(
            "a date in another format",
            |it| it.set("x-amz-date", "2026-01-01T00:00:00Z"),
            (
                Kind::Incomplete,
                "Date must be in ISO-8601 'basic format'. Got '2026-01-01T00:00:00Z'. See \
                 http://en.wikipedia.org/wiki/ISO_8601",
            ),
        ),
        query(
            "a date in another format",
            |it| it.replace("20260101T000000Z", "20260101"),
            (
                Kind::Incomplete,
                "Date must be in ISO-8601 'basic format'. Got '20260101'. See http://en.wikipedia.org/wiki/ISO_8601",
            ),
        ),
        // For where.
        case(
            "a region that can be none",
            BOTH,
            as_it_is,
            |it| it.replace("us-east-1", "US_EAST_1"),
            (
                Kind::Mismatch,
                "Credential should be scoped to a valid region.",
            ),
        ),
        case(
            "another region than was signed",
            BOTH,
            as_it_is,
            |it| it.replace("us-east-1", "us-east-2"),
            (Kind::Mismatch, MISMATCH),
        ),
        // What isn't signed.
        case(
            "a host that isn't signed",
            BOTH,
            as_it_is,
            |it| {
                it.replace(";host", "");
                it.replace("%3Bhost", "");
            },
            (
                Kind::Mismatch,
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
            ),
        ),
        case(
            "an added x-amz header",
            BOTH,
            as_it_is,
            |it| it.set("x-amz-added", "1"),
            (
                Kind::Mismatch,
                "'x-amz-added' must be a 'SignedHeader' in the AWS Authorization.",
            ),
        ),
        case(
            "an added session token",
            BOTH,
            as_it_is,
            |it| it.set("x-amz-security-token", "1"),
            (
                Kind::Mismatch,
                "'x-amz-security-token' must be a 'SignedHeader' in the AWS Authorization.",
            ),
        ),
        header(
            "a date that isn't signed",
            |it| it.replace(";x-amz-date", ""),
            (
                Kind::Mismatch,
                "'x-amz-date' must be a 'SignedHeader' in the AWS Authorization.",
            ),
        ),
        case(
            "a content type that isn't signed",
            BOTH,
            as_it_is,
            |it| {
                it.replace("content-type;", "");
                it.replace("content-type%3B", "");
            },
            (
                Kind::Mismatch,
                "'content-type' must be a 'SignedHeader' in the AWS Authorization.",
            ),
        ),
        // What is signed, and altered.
        altered("another signature", |it| {
            it.replace("Signature=0", "Signature=1");
            it.replace("Signature=", "Signature=0");
        }),
        altered("another body", |it| it.body.extend(b"&a=b")),
        altered("another host", |it| it.set("host", "other:4599")),
        altered("another content type", |it| {
            let content_type = it.parts.headers["content-type"].to_str().unwrap();
            let content_type = format!("{content_type}; charset=utf-8");
            it.set("content-type", &content_type);
        }),
        altered("an added parameter", |it| it.add_parameter("added=1")),
        altered("another list of signed headers", |it| {
            it.replace("content-type;host", "content-type;extra;host");
            it.replace("content-type%3Bhost", "content-type%3Bextra%3Bhost");
        }),
        header(
            "another second",
            |it| it.set("x-amz-date", "20260101T000001Z"),
            (Kind::Mismatch, MISMATCH),
        ),
        query(
            "another second",
            |it| it.replace("20260101T000000Z", "20260101T000001Z"),
            (Kind::Mismatch, MISMATCH),
        ),
    ]
}

/// Where a signature stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Header,
    Query,
}

const BOTH: &[Form] = &[Header, Query];

#[derive(Clone, Copy, Debug)]
enum Kind {
    Missing,
    Incomplete,
    Mismatch,
    Unknown,
}

/// How a service is asked, and how it speaks.
struct ServiceWords {
    name: &'static str,
    is_query: bool,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    missing_message: &'static str,
}

const SERVICES: &[ServiceWords] = &[
    json(
        "secretsmanager",
        &[JSON, ("x-amz-target", "secretsmanager.ListSecrets")],
    ),
    json("kms", &[JSON, ("x-amz-target", "TrentService.ListKeys")]),
    query("iam", "Action=ListUsers&Version=2010-05-08"),
    query("sts", "Action=GetCallerIdentity&Version=2011-06-15"),
];

const fn json(
    name: &'static str,
    headers: &'static [(&'static str, &'static str)],
) -> ServiceWords {
    ServiceWords {
        name,
        is_query: false,
        headers,
        body: "{}",
        missing_message: "Missing Authentication Token",
    }
}

const fn query(name: &'static str, body: &'static str) -> ServiceWords {
    ServiceWords {
        name,
        is_query: true,
        headers: &[("content-type", "application/x-www-form-urlencoded")],
        body,
        missing_message: "Request is missing Authentication Token",
    }
}

impl ServiceWords {
    fn assert_refused(&self, place: &str, answer: &Answer, kind: Kind, message: &str) {
        let (json_code, query_code, query_status) = match kind {
            Kind::Missing => (
                "MissingAuthenticationTokenException",
                "MissingAuthenticationToken",
                403,
            ),
            Kind::Incomplete => ("IncompleteSignatureException", "IncompleteSignature", 400),
            Kind::Mismatch => ("InvalidSignatureException", "SignatureDoesNotMatch", 403),
            Kind::Unknown => ("UnrecognizedClientException", "InvalidClientTokenId", 403),
        };
        let said = if self.is_query {
            assert_eq!(answer.status, query_status, "{place}: {answer:?}");
            assert_eq!(answer.xml("Code"), query_code, "{place}: {answer:?}");
            assert_eq!(answer.xml("Type"), "Sender", "{place}: {answer:?}");
            answer.xml("Message")
        } else {
            assert_eq!(answer.status, 400, "{place}: {answer:?}");
            let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(body["__type"], json_code, "{place}: {answer:?}");
            body["message"].as_str().unwrap().to_owned()
        };
        match message.strip_suffix('…') {
            None => assert_eq!(said, message, "{place}"),
            // A hash of the header follows, whose signature differs by service.
            Some(start) => {
                assert!(said.starts_with(start), "{place}: {said}");
                assert_eq!(said.len(), start.len() + 44, "{place}: {said}");
            }
        }
    }
}

/// How a request is to be signed.
struct Asking {
    service: &'static ServiceWords,
    form: Form,
    scope_service: &'static str,
    region: &'static str,
    key_id: String,
    secret: String,
    token: Option<String>,
    signed_at: i64,
}

impl Asking {
    fn sign(&self) -> Request {
        let mut request = http::Request::post("/").header("host", "localhost:4599");
        for (name, value) in self.service.headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let secret = SecretBytes::copy_of(self.secret.as_bytes());
        let token = self.token.clone();
        let mut signer = Signer::new(
            &*self.key_id,
            secret,
            token,
            self.region,
            self.scope_service,
        )
        .unwrap();
        let body = self.service.body.as_bytes().to_vec();
        match self.form {
            Header => signer.sign(&mut parts, &body, self.signed_at),
            Query => signer.presign(&mut parts, &body, self.signed_at, Duration::from_secs(60)),
        }
        .unwrap();
        Request { parts, body }
    }
}

/// A request on its way.
struct Request {
    parts: Parts,
    body: Vec<u8>,
}

impl Request {
    /// Takes off all that belongs to a signature.
    fn unsign(&mut self) {
        self.parts.headers.remove("authorization");
        self.parts.headers.remove("x-amz-date");
        self.parts.uri = "/".parse().unwrap();
    }

    /// Replaces in what carries the signature, be it the header or the query.
    fn replace(&mut self, from: &str, to: &str) {
        match self.parts.headers.get_mut("authorization") {
            Some(header) => {
                let text = header.to_str().unwrap().replacen(from, to, 1);
                *header = HeaderValue::from_str(&text).unwrap();
            }
            None => {
                let text = self.parts.uri.to_string().replacen(from, to, 1);
                self.parts.uri = text.parse().unwrap();
            }
        }
    }

    fn authorize(&mut self, value: &str) {
        self.set("authorization", value);
    }

    fn set(&mut self, name: &'static str, value: &str) {
        let value = HeaderValue::from_str(value).unwrap();
        self.parts.headers.insert(name, value);
    }

    fn add_parameter(&mut self, parameter: &str) {
        let uri = self.parts.uri.to_string();
        let separator = if uri.contains('?') { '&' } else { '?' };
        self.parts.uri = format!("{uri}{separator}{parameter}").parse().unwrap();
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    /// The text of an element that occurs once.
    fn xml(&self, name: &str) -> String {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let rest = self.body.split(&open).nth(1);
        let text = rest.and_then(|rest| rest.split(&close).next());
        let text = text.unwrap_or_else(|| panic!("no {name} in {}", self.body));
        text.replace("&#39;", "'")
            .replace("&quot;", "\"")
            .replace("&amp;", "&")
    }
}

/// A node with one account.
struct World {
    node: Arc<Node>,
}

impl World {
    fn new() -> Self {
        let clock = Clock::standing_at(Timestamp::from_milliseconds(NOW * 1000));
        let assembly = Assembly {
            store: Arc::new(Simulated::new(1)),
            keyring: Keyring::new(RootKey::generate(&SeededEntropy::new(1))),
            entropy: Box::new(SeededEntropy::new(2)),
            clock,
            record_cache_bytes: 1 << 20,
            dev: true,
            seal_file: None,
        };
        let node = Node::assemble(assembly).unwrap();
        let account = AccountId::parse("123456789012").unwrap();
        let secret = SecretBytes::copy_of(SECRET.as_bytes());
        now(node.set_root_credentials(&account, KEY_ID, secret)).unwrap();
        World { node }
    }

    /// A request that is right.
    fn ask(&self, service: &'static ServiceWords, form: Form) -> Asking {
        Asking {
            service,
            form,
            scope_service: service.name,
            region: "us-east-1",
            key_id: KEY_ID.to_owned(),
            secret: SECRET.to_owned(),
            token: None,
            signed_at: NOW,
        }
    }

    /// Carries out an action of IAM's as the account's root.
    fn administer(&self, action: &str) -> Answer {
        let iam = SERVICES
            .iter()
            .find(|service| service.name == "iam")
            .unwrap();
        let service: &'static ServiceWords = Box::leak(Box::new(ServiceWords {
            body: Box::leak(format!("{action}&Version=2010-05-08").into_boxed_str()),
            ..*iam
        }));
        let answer = self.answer(&self.ask(service, Header).sign());
        assert_eq!(answer.status, 200, "{action}: {answer:?}");
        answer
    }

    fn answer(&self, request: &Request) -> Answer {
        let received = Received {
            parts: request.parts.clone(),
            body: request.body.clone().into(),
            peer: None,
            secure: true,
            tls: None,
            request_id: RequestId::from_bytes([0; 16]),
        };
        let Reply { status, body, .. } = now(self.node.answer(&received));
        Answer {
            status: status.as_u16(),
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }
}

/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600;
const KEY_ID: &str = "AKIATESTTESTTESTTEST";
const SECRET: &str = "test/secret/access/key/of/no/value/00000";
const JSON: (&str, &str) = ("content-type", "application/x-amz-json-1.1");
const INVALID_TOKEN: &str = "The security token included in the request is invalid.";
const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS \
                        Secret Access Key and signing method. Consult the service documentation for details.";
const TWO_MECHANISMS: &str = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature \
                              query string parameter or the Authorization header should be specified";
const SIGNED_HEADERS: &str = "'SignedHeaders' must be lower-case header names in ascending order, separated by \
                              semicolons.";
const EXPIRES: &str = "X-Amz-Expires must be a number of seconds from 1 to 604800.";
