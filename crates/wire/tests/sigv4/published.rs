//! Signatures that AWS published: its test suite for Signature Version 4, and the worked example of its manual.

use super::{SECRET, check, request};

/// 2015-08-30T12:36:00Z.
const THEN: i64 = 1_440_938_160;

#[test]
fn published_signatures_are_accepted() {
    let suite = [
        Case {
            name: "get-vanilla",
            ..GET
        },
        Case {
            name: "get-vanilla-query-order-key-case",
            path_and_query: "/?Param2=value2&Param1=value1",
            signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ..GET
        },
        Case {
            name: "get-vanilla-empty-query-key",
            path_and_query: "/?Param1=value1",
            signature: "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
            ..GET
        },
        Case {
            name: "get-unreserved",
            path_and_query: "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            signature: "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
            ..GET
        },
        Case {
            name: "get-utf8",
            path_and_query: "/\u{1234}",
            signature: "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
            ..GET
        },
        Case {
            name: "normalize-path/get-relative",
            path_and_query: "/example/..",
            ..GET
        },
        Case {
            name: "normalize-path/get-slash-dot-slash",
            path_and_query: "/./",
            ..GET
        },
        Case {
            name: "normalize-path/get-slash",
            path_and_query: "//",
            ..GET
        },
        Case {
            name: "normalize-path/get-slash-pointless-dot",
            path_and_query: "/./example",
            signature: "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
            ..GET
        },
        Case {
            name: "get-header-value-trim",
            headers: &[("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
            signed_headers: "host;my-header1;my-header2;x-amz-date",
            signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
            ..GET
        },
        Case {
            name: "post-vanilla",
            method: "POST",
            signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ..GET
        },
        Case {
            name: "post-x-www-form-urlencoded",
            method: "POST",
            headers: &[("Content-Type", "application/x-www-form-urlencoded")],
            signed_headers: "content-type;host;x-amz-date",
            body: "Param1=value1",
            signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ..GET
        },
        Case {
            name: "the manual's ListUsers",
            path_and_query: "/?Action=ListUsers&Version=2010-05-08",
            host: "iam.amazonaws.com",
            service: "iam",
            headers: &[(
                "Content-Type",
                "application/x-www-form-urlencoded; charset=utf-8",
            )],
            signed_headers: "content-type;host;x-amz-date",
            signature: "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            ..GET
        },
    ];
    for case in suite {
        let credential = format!(
            "AKIDEXAMPLE/20150830/us-east-1/{}/aws4_request",
            case.service
        );
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={}, Signature={}",
            case.signed_headers, case.signature
        );
        let mut headers = vec![
            ("Host", case.host),
            ("X-Amz-Date", "20150830T123600Z"),
            ("Authorization", &authorization),
        ];
        headers.extend(case.headers);
        let parts = request(case.method, case.path_and_query, &headers);
        assert_eq!(
            check(&parts, case.body.as_bytes(), SECRET, THEN),
            Ok(()),
            "{}",
            case.name
        );
    }
}

struct Case {
    name: &'static str,
    method: &'static str,
    path_and_query: &'static str,
    host: &'static str,
    service: &'static str,
    headers: &'static [(&'static str, &'static str)],
    signed_headers: &'static str,
    body: &'static str,
    signature: &'static str,
}

const GET: Case = Case {
    name: "",
    method: "GET",
    path_and_query: "/",
    host: "example.amazonaws.com",
    service: "service",
    headers: &[],
    signed_headers: "host;x-amz-date",
    body: "",
    signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
};
