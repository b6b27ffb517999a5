//! Whatever arrives, reading and verifying answer and don't panic, and each refusal can be rendered.

use http::Request;
use proptest::collection::vec;
use proptest::prelude::*;
use strongroom_wire::error_body::Protocol;
use strongroom_wire::request_id::RequestId;
use strongroom_wire::sigv4::{self, Day, Scope};
use strongroom_wire::target::Target;

use super::{NOW, key_for};

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_request_makes_it_panic(
        method in "[A-Z]{1,8}",
        path in path(),
        query in prop_oneof![Just(String::new()), query()],
        headers in vec(header(), 0..8),
        body in vec(any::<u8>(), 0..64),
        now in prop_oneof![Just(NOW), any::<i64>()],
    ) {
        let uri = if query.is_empty() { path } else { format!("{path}?{query}") };
        let mut request = Request::builder().method(&*method).uri(uri);
        for (name, value) in &headers {
            request = request.header(name, value.as_slice());
        }
        if let Ok(request) = request.body(()) {
            let parts = request.into_parts().0;
            let _ = Target::read(&parts, b"");
            let refusal = match sigv4::read(&parts) {
                Err(refusal) => refusal,
                Ok(signed) => signed.verify(&body, &key_for(signed.scope()), now).unwrap_err(),
            };
            let id = RequestId::from_bytes([0; 16]);
            let json = refusal.error_body(Protocol::AwsJson).render(Protocol::AwsJson, &id);
            let json: serde_json::Value = serde_json::from_slice(&json.body).unwrap();
            prop_assert!(!json["message"].as_str().unwrap().contains(char::is_control));
            let query = Protocol::Query { xmlns: "x" };
            prop_assert!(!refusal.error_body(query).render(query, &id).body.is_empty());
        }
    }

    #[test]
    fn a_scope_is_made_of_names_or_refused(region in ".{0,70}", service in ".{0,70}", seconds in any::<i64>()) {
        let name = |text: &str| !text.is_empty() && text.len() < 64 && !text.contains(['/', '\n', ' ']);
        if let Ok(scope) = Scope::new(Day::at(seconds), region, service) {
            prop_assert!(name(scope.region()) && name(scope.service()));
            prop_assert_eq!(scope.day().as_str().len(), 8);
        }
    }
}

fn path() -> impl Strategy<Value = String> {
    vec(
        prop_oneof![
            "/",
            "[.]{1,3}",
            "%[0-9a-fA-Fz]{0,2}",
            "[ -~]{0,6}",
            "\\PC{0,3}"
        ],
        0..8,
    )
    .prop_map(|pieces| format!("/{}", pieces.concat()))
}

fn query() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        4 => proptest::sample::select(QUERY_NAMES).prop_map(str::to_owned),
        1 => "[a-zA-Z%+=]{0,6}",
    ];
    let pair = (name, "=?", value()).prop_map(|(name, equals, value)| name + &equals + &value);
    vec(pair, 0..9).prop_map(|pairs| pairs.join("&"))
}

fn header() -> impl Strategy<Value = (String, Vec<u8>)> {
    let name = prop_oneof![
        6 => proptest::sample::select(HEADER_NAMES).prop_map(str::to_owned),
        1 => "[a-z-]{1,12}",
    ];
    let authorization = vec(
        prop_oneof![
            Just("AWS4-HMAC-SHA256 ".to_owned()),
            ("(Credential|SignedHeaders|Signature|Other)=?", value())
                .prop_map(|(name, value)| name + &value),
            value(),
            Just(",".to_owned()),
        ],
        0..9,
    );
    let text = prop_oneof![
        authorization.prop_map(|pieces| pieces.concat().into_bytes()),
        value().prop_map(String::into_bytes),
        vec(prop_oneof![Just(b'\t'), 0x20_u8..0x7f, 0x80_u8..], 0..20),
    ];
    (name, text)
}

/// Values that get far, and some that don't.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("AWS4-HMAC-SHA256".to_owned()),
        "AK/2026010[12]/us-east-[1é]/secretsmanager/aws4_request",
        "AK%2F20260101%2Fus-east-1%2Fsts%2Faws4_request",
        "(host;?|:authority;?|x-amz-date;?|content-type;?|Host;?|;){0,5}",
        "20260101T[0-2][0-9][0-6]000Z",
        "(Thu, )?0?1 Jan (2026|26) 00:00:[06]0 (GMT|UT|[+]0100)?",
        "[0-9a-f]{63,65}",
        "-?[0-9]{0,20}",
        "[ -~]{0,20}",
        "(%[0-9a-zA-Z]?[0-9a-zA-Z]?){0,6}",
    ]
}

const QUERY_NAMES: &[&str] = &[
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Signatur%65",
    "X-Amz-Security-Token",
    "Action",
];

const HEADER_NAMES: &[&str] = &[
    "authorization",
    "host",
    "date",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
    "x-amz-target",
    "content-type",
];
