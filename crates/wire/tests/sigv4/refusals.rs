//! Every refusal in AWS's words, for both protocols.

use http::StatusCode;
use http::request::Parts;
use strongroom_wire::error_body::{ErrorBody, MessageMember, Protocol};
use strongroom_wire::sigv4::{AuthError, Day, Scope};
use strongroom_wire::target::Target;

use super::{NOW, SECRET, check, request, signer, usual_request};

#[test]
fn each_refusal_has_its_code_status_and_text() {
    let host = ("host", "localhost:4599");
    let date = ("x-amz-date", "20260101T000000Z");
    let credential = "Credential=AK/20260101/us-east-1/secretsmanager/aws4_request";
    let header = |authorization: &str, more: &[(&str, &str)]| {
        let mut headers = vec![("authorization", authorization), host];
        headers.extend(more);
        request("POST", "/", &headers)
    };
    let with_credential = |credential: &str| {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature=0"
        );
        header(&authorization, &[date])
    };
    let with_signed = |signed: &str, more: &[(&str, &str)]| {
        let authorization =
            format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders={signed}, Signature=0");
        header(&authorization, more)
    };
    let presigned = |query: &str| request("GET", &format!("/?{query}"), &[host]);
    let whole_query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F20260101%2Fus-east-1%2Fsts\
                       %2Faws4_request&X-Amz-Date=20260101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=0";

    let cases = [
        Case {
            name: "nothing at all",
            parts: request("POST", "/", &[host]),
            kind: MISSING,
            text: "Missing Authentication Token",
        },
        Case {
            name: "an empty query",
            parts: request("POST", "/?", &[host]),
            kind: MISSING,
            text: "Missing Authentication Token",
        },
        Case {
            name: "a bearer token",
            parts: header("Bearer abc", &[date]),
            kind: INCOMPLETE,
            text: "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and \
                   encoded with Base64): 'w1Xc6WwWEogNEZQP/dkBTThsJT4MNlKmzQanIm970rY='.",
        },
        Case {
            name: "a password that looks like a pair, and no date",
            parts: header("Basic YTpi=", &[]),
            kind: INCOMPLETE,
            text: "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' \
                   parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires \
                   existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed with SHA-256 and encoded with \
                   Base64) Authorization=tfPysZrU720W7KcwExDE4oLWa7sgFT8KOS3YneReoec=",
        },
        Case {
            name: "the algorithm alone",
            parts: header("AWS4-HMAC-SHA256", &[date]),
            kind: INCOMPLETE,
            text: "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' \
                   parameter. Authorization header requires 'SignedHeaders' parameter. (Hashed with SHA-256 and \
                   encoded with Base64) Authorization=YI2YWea8FSxnksZL2ETHbs5elHm9HQufxTLK0W0ffV0=",
        },
        Case {
            name: "an empty signature",
            parts: header(
                &format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature="),
                &[date],
            ),
            kind: INCOMPLETE,
            text: "Authorization header requires 'Signature' parameter. (Hashed with SHA-256 and encoded with \
                   Base64) Authorization=",
        },
        Case {
            name: "no date",
            parts: with_signed("host", &[]),
            kind: INCOMPLETE,
            text: "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed \
                   with SHA-256 and encoded with Base64) Authorization=",
        },
        Case {
            name: "a parameter twice",
            parts: header(
                &format!("AWS4-HMAC-SHA256 {credential}, {credential}, SignedHeaders=host"),
                &[date],
            ),
            kind: INCOMPLETE,
            text: "The authentication parameter 'Credential' must be given only once.",
        },
        Case {
            name: "two Authorization headers",
            parts: header(
                "AWS4-HMAC-SHA256 a=b",
                &[("authorization", "AWS4-HMAC-SHA256 a=b")],
            ),
            kind: INCOMPLETE,
            text: TWO_MECHANISMS,
        },
        Case {
            name: "a header and a query",
            parts: request(
                "GET",
                &format!("/?{whole_query}"),
                &[host, ("authorization", "AWS4-HMAC-SHA256 a=b")],
            ),
            kind: INCOMPLETE,
            text: TWO_MECHANISMS,
        },
        Case {
            name: "a header and a token in the query",
            parts: request(
                "GET",
                "/?X-Amz-Security-Token=x",
                &[host, ("authorization", "AWS4-HMAC-SHA256 a=b")],
            ),
            kind: INCOMPLETE,
            text: TWO_MECHANISMS,
        },
        Case {
            name: "another algorithm",
            parts: header(
                &format!(
                    "AWS4-ECDSA-P256-SHA256 {credential}, SignedHeaders=host;x-amz-date, Signature=0"
                ),
                &[date],
            ),
            kind: INCOMPLETE,
            text: "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'.",
        },
        Case {
            name: "a credential of four elements",
            parts: with_credential("AK/20260101/us-east-1/aws4_request"),
            kind: INCOMPLETE,
            text: "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, \
                   got 'AK/20260101/us-east-1/aws4_request'",
        },
        Case {
            name: "a credential of six elements",
            parts: with_credential("AK/20260101/us-east-1/sts/aws4_request/x"),
            kind: INCOMPLETE,
            text: "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, \
                   got 'AK/20260101/us-east-1/sts/aws4_request/x'",
        },
        Case {
            name: "an empty element",
            parts: with_credential("/20260101/us-east-1/sts/aws4_request"),
            kind: INCOMPLETE,
            text: "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, \
                   got '/20260101/us-east-1/sts/aws4_request'",
        },
        Case {
            name: "a line feed in a credential",
            parts: presigned(&whole_query.replace("=AK", "=A%0AK")),
            kind: INCOMPLETE,
            text: "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, \
                   got 'A\u{fffd}K/20260101/us-east-1/sts/aws4_request'",
        },
        Case {
            name: "another terminator",
            parts: with_credential("AK/20260101/us-east-1/sts/aws5_request"),
            kind: MISMATCH,
            text: "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.",
        },
        Case {
            name: "another day",
            parts: with_credential("AK/20260102/us-east-1/sts/aws4_request"),
            kind: MISMATCH,
            text: "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                   '20260102' != '20260101', from '20260101T000000Z'.",
        },
        Case {
            name: "a strange region",
            parts: with_credential("AK/20260101/us_east_1/sts/aws4_request"),
            kind: MISMATCH,
            text: "Credential should be scoped to a valid region.",
        },
        Case {
            name: "a strange service",
            parts: with_credential("AK/20260101/us-east-1/STS/aws4_request"),
            kind: MISMATCH,
            text: "Credential should be scoped to correct service.",
        },
        Case {
            name: "a date that isn't basic",
            parts: with_signed("host;x-amz-date", &[("x-amz-date", "2026-01-01T00:00:00Z")]),
            kind: INCOMPLETE,
            text: "Date must be in ISO-8601 'basic format'. Got '2026-01-01T00:00:00Z'. See \
                   http://en.wikipedia.org/wiki/ISO_8601",
        },
        Case {
            name: "two dates",
            parts: with_signed("host;x-amz-date", &[date, date]),
            kind: INCOMPLETE,
            text: "Date must be in ISO-8601 'basic format'. Got '20260101T000000Z'. See \
                   http://en.wikipedia.org/wiki/ISO_8601",
        },
        Case {
            name: "no host signed",
            parts: with_signed("x-amz-date", &[date]),
            kind: MISMATCH,
            text: "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
        },
        Case {
            name: "no date signed",
            parts: with_signed("host", &[("date", "Thu, 01 Jan 2026 00:00:00 GMT")]),
            kind: MISMATCH,
            text: "'Date' must be a 'SignedHeader' in the AWS Authorization.",
        },
        Case {
            name: "no x-amz-date signed",
            parts: with_signed("host", &[date]),
            kind: MISMATCH,
            text: "'x-amz-date' must be a 'SignedHeader' in the AWS Authorization.",
        },
        Case {
            name: "no target signed",
            parts: with_signed(
                "host;x-amz-date",
                &[date, ("x-amz-target", "secretsmanager.ListSecrets")],
            ),
            kind: MISMATCH,
            text: "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization.",
        },
        Case {
            name: "no content type signed",
            parts: with_signed(
                "host;x-amz-date",
                &[date, ("content-type", "application/x-amz-json-1.1")],
            ),
            kind: MISMATCH,
            text: "'content-type' must be a 'SignedHeader' in the AWS Authorization.",
        },
        Case {
            name: "no session token signed",
            parts: with_signed("host;x-amz-date", &[date, ("x-amz-security-token", "x")]),
            kind: MISMATCH,
            text: "'x-amz-security-token' must be a 'SignedHeader' in the AWS Authorization.",
        },
        Case {
            name: "signed headers out of order",
            parts: with_signed("x-amz-date;host", &[date]),
            kind: INCOMPLETE,
            text: SIGNED_HEADERS,
        },
        Case {
            name: "a signed header twice",
            parts: with_signed("host;host;x-amz-date", &[date]),
            kind: INCOMPLETE,
            text: SIGNED_HEADERS,
        },
        Case {
            name: "capitals in signed headers",
            parts: with_signed("Host;host;x-amz-date", &[date]),
            kind: INCOMPLETE,
            text: SIGNED_HEADERS,
        },
        Case {
            name: "an empty name in signed headers",
            parts: with_signed(";host;x-amz-date", &[date]),
            kind: INCOMPLETE,
            text: SIGNED_HEADERS,
        },
        Case {
            name: "a signed header that isn't there",
            parts: with_signed("host;my-header;x-amz-date", &[date]),
            kind: MISMATCH,
            text: MISMATCH_TEXT,
        },
        Case {
            name: "a signature of another length",
            parts: with_signed("host;x-amz-date", &[date]),
            kind: MISMATCH,
            text: MISMATCH_TEXT,
        },
        Case {
            name: "a query with one parameter of a signature",
            parts: presigned("X-Amz-Date=20260101T000000Z"),
            kind: INCOMPLETE,
            text: "AWS query-string parameters must include 'X-Amz-Algorithm'. AWS query-string parameters must \
                   include 'X-Amz-Credential'. AWS query-string parameters must include 'X-Amz-Signature'. AWS \
                   query-string parameters must include 'X-Amz-SignedHeaders'. Re-examine the query-string \
                   parameters.",
        },
        Case {
            name: "a query without a date",
            parts: presigned(&whole_query.replace("X-Amz-Date", "Other")),
            kind: INCOMPLETE,
            text: "AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string parameters.",
        },
        Case {
            name: "a query's parameter twice",
            parts: presigned(&format!("{whole_query}&X-Amz-Signature=0")),
            kind: INCOMPLETE,
            text: "The authentication parameter 'X-Amz-Signature' must be given only once.",
        },
        Case {
            name: "a query's parameter twice, once in disguise",
            parts: presigned(&format!("{whole_query}&X-Amz-Dat%65=20260101T000000Z")),
            kind: INCOMPLETE,
            text: "The authentication parameter 'X-Amz-Date' must be given only once.",
        },
        Case {
            name: "another algorithm in the query",
            parts: presigned(&whole_query.replace("SHA256", "SHA1")),
            kind: INCOMPLETE,
            text: "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1'.",
        },
        Case {
            name: "a wrong signature in the query",
            parts: presigned(whole_query),
            kind: MISMATCH,
            text: MISMATCH_TEXT,
        },
    ];
    for Case {
        name,
        parts,
        kind,
        text,
    } in cases
    {
        let refusal = check(&parts, b"", SECRET, NOW).unwrap_err();
        assert_refusal(name, &refusal, kind, text);
    }
}

#[test]
fn a_presigned_url_is_good_for_a_second_to_a_week() {
    for expires in [
        "0",
        "604801",
        "-1",
        "+1",
        "1.5",
        "",
        "x",
        "99999999999999999999",
    ] {
        let query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F20260101%2Fus-east-1%2Fsts%2Faws4_request\
             &X-Amz-Date=20260101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=0&X-Amz-Expires={expires}"
        );
        let parts = request("GET", &format!("/?{query}"), &[("host", "localhost")]);
        let refusal = check(&parts, b"", SECRET, NOW).unwrap_err();
        let text = "X-Amz-Expires must be a number of seconds from 1 to 604800.";
        assert_refusal(expires, &refusal, INCOMPLETE, text);
    }
}

#[test]
fn the_date_may_be_five_minutes_off_and_the_text_tells_the_window() {
    let mut parts = usual_request();
    signer().sign(&mut parts, b"", NOW).unwrap();
    for seconds in [-300, 300] {
        assert_eq!(check(&parts, b"", SECRET, NOW + seconds), Ok(()));
    }
    let late = check(&parts, b"", SECRET, NOW + 600).unwrap_err();
    let text = "Signature expired: 20260101T000000Z is now earlier than 20260101T000500Z (20260101T001000Z - 5 min.)";
    assert_refusal("late", &late, MISMATCH, text);
    let early = check(&parts, b"", SECRET, NOW - 301).unwrap_err();
    let text = "Signature not yet current: 20260101T000000Z is still later than 20251231T235959Z \
                (20251231T235459Z + 5 min.)";
    assert_refusal("early", &early, MISMATCH, text);
    for now in [i64::MIN, i64::MAX] {
        assert!(check(&parts, b"", SECRET, now).is_err());
    }
}

#[test]
fn the_window_of_a_presigned_url_is_its_own() {
    for (expires, window) in [(60, "1 min."), (90, "90 sec."), (3600, "60 min.")] {
        let mut parts = usual_request();
        let expires_for = std::time::Duration::from_secs(expires);
        signer().presign(&mut parts, b"", NOW, expires_for).unwrap();
        let AuthError::Expired { earliest, now, .. } =
            check(&parts, b"", SECRET, NOW + expires as i64 + 1).unwrap_err()
        else {
            panic!("not expired")
        };
        let refusal = check(&parts, b"", SECRET, NOW + expires as i64 + 1).unwrap_err();
        assert_eq!(earliest, "20260101T000001Z");
        let text = format!(
            "Signature expired: 20260101T000000Z is now earlier than {earliest} ({now} - {window})"
        );
        assert_refusal(window, &refusal, MISMATCH, &text);
    }
}

#[test]
fn what_the_caller_finds_about_keys_and_sessions_has_its_words_here() {
    let invalid = "The security token included in the request is invalid.";
    assert_refusal("key", &AuthError::UnknownAccessKey, UNKNOWN, invalid);
    assert_refusal("token", &AuthError::InvalidSessionToken, UNKNOWN, invalid);
    let expired = "The security token included in the request is expired";
    assert_refusal(
        "session",
        &AuthError::ExpiredSession,
        EXPIRED_SESSION,
        expired,
    );
}

#[test]
fn a_request_signed_for_one_service_is_refused_at_another() {
    let parts = usual_request();
    let target = Target::read(&parts, b"").unwrap();
    let scope = |service: &'static str| Scope::new(Day::at(NOW), "us-east-1", service).unwrap();
    assert_eq!(target.check_scope(&scope("secretsmanager")), Ok(()));
    for other in ["kms", "sts", "secretsmanager-fips"] {
        let refusal = target.check_scope(&scope(other)).unwrap_err();
        let text = "Credential should be scoped to correct service: 'secretsmanager'.";
        assert_refusal(other, &refusal, MISMATCH, text);
    }
}

#[test]
fn the_query_protocol_has_another_text_for_a_request_without_a_signature() {
    let body = AuthError::MissingAuthenticationToken.error_body(QUERY);
    assert_eq!(
        body.message.as_deref(),
        Some("Request is missing Authentication Token")
    );
}

/// Compares the refusal in both protocols; a text that ends with `=` is one whose hash is left out here.
fn assert_refusal(name: &str, refusal: &AuthError, kind: Kind, text: &str) {
    assert_body(
        name,
        refusal.error_body(Protocol::AwsJson),
        kind.json_code,
        StatusCode::BAD_REQUEST,
        text,
    );
    if *refusal != AuthError::MissingAuthenticationToken {
        assert_body(
            name,
            refusal.error_body(QUERY),
            kind.query_code,
            kind.query_status,
            text,
        );
    }
    assert!(refusal.to_string().starts_with(text), "{name}: {refusal}");
}

fn assert_body(name: &str, body: ErrorBody, code: &str, status: StatusCode, text: &str) {
    assert_eq!((&*body.code, body.status), (code, status), "{name}");
    assert_eq!(body.message_member, MessageMember::LowerCase, "{name}");
    let message = body.message.unwrap();
    if text.ends_with("Authorization=") {
        assert_eq!(message.len(), text.len() + 44, "{name}: {message}");
        assert!(message.starts_with(text), "{name}: {message}");
    } else {
        assert_eq!(message, text, "{name}");
    }
}

struct Case {
    name: &'static str,
    parts: Parts,
    kind: Kind,
    text: &'static str,
}

/// The codes of a refusal; the awsJson status is always 400.
#[derive(Clone, Copy)]
struct Kind {
    json_code: &'static str,
    query_code: &'static str,
    query_status: StatusCode,
}

const MISSING: Kind = Kind {
    json_code: "MissingAuthenticationTokenException",
    query_code: "MissingAuthenticationToken",
    query_status: StatusCode::FORBIDDEN,
};
const INCOMPLETE: Kind = Kind {
    json_code: "IncompleteSignatureException",
    query_code: "IncompleteSignature",
    query_status: StatusCode::BAD_REQUEST,
};
const MISMATCH: Kind = Kind {
    json_code: "InvalidSignatureException",
    query_code: "SignatureDoesNotMatch",
    query_status: StatusCode::FORBIDDEN,
};
const UNKNOWN: Kind = Kind {
    json_code: "UnrecognizedClientException",
    query_code: "InvalidClientTokenId",
    query_status: StatusCode::FORBIDDEN,
};
const EXPIRED_SESSION: Kind = Kind {
    json_code: "ExpiredTokenException",
    query_code: "ExpiredToken",
    query_status: StatusCode::FORBIDDEN,
};

const QUERY: Protocol = Protocol::Query {
    xmlns: "https://sts.amazonaws.com/doc/2011-06-15/",
};
const TWO_MECHANISMS: &str = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature \
                              query string parameter or the Authorization header should be specified";
const SIGNED_HEADERS: &str = "'SignedHeaders' must be lower-case header names in ascending order, separated by \
                              semicolons.";
const MISMATCH_TEXT: &str = "The request signature we calculated does not match the signature you provided. Check \
                             your AWS Secret Access Key and signing method. Consult the service documentation for \
                             details.";
