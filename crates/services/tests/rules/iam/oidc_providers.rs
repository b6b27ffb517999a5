//! OpenID Connect providers, whose tokens may stand for a role. Source: kms-iam-sts.md B3.

use serde_json::{Value, json};
use strongroom_services::iam;

use super::policy;
use crate::harness::{ACCOUNT, OTHER_ACCOUNT, REGION, Service};

const URL: &str = "https://id.example.com/realms/a";
const ARN: &str = "arn:aws:iam::123456789012:oidc-provider/id.example.com/realms/a";

fn with_provider() -> Service {
    let mut service = Service::new();
    service.iam(
        "CreateOpenIDConnectProvider",
        json!({"Url": URL, "ClientIDList": ["sts.amazonaws.com"]}),
    );
    service
}

#[test]
fn a_provider_is_shown_as_it_was_made_but_without_its_scheme() {
    let mut service = Service::new();
    let thumbprint = "0123456789abcdefABCD".repeat(2);
    let made = service.iam(
        "CreateOpenIDConnectProvider",
        json!({
            "Url": URL, "ClientIDList": ["b", "a", "b"], "ThumbprintList": [thumbprint],
            "Tags": [{"Key": "k", "Value": "v"}],
        }),
    );
    let tags = json!([{"Key": "k", "Value": "v"}]);
    assert_eq!(made, json!({"OpenIDConnectProviderArn": ARN, "Tags": tags}));
    let shown = service.iam(
        "GetOpenIDConnectProvider",
        json!({"OpenIDConnectProviderArn": ARN}),
    );
    let expected = json!({
        "Url": "id.example.com/realms/a", "ClientIDList": ["b", "a"], "ThumbprintList": [thumbprint],
        "CreateDate": "2023-11-14T23:59:59Z", "Tags": tags,
    });
    assert_eq!(shown, expected);
    assert_eq!(
        service.iam_refused("CreateOpenIDConnectProvider", json!({"Url": URL})),
        (
            "EntityAlreadyExists",
            format!("Provider with url {URL} already exists.")
        )
    );
    // Paths differ by letter case, and an end is part of the issuer's name.
    service.iam(
        "CreateOpenIDConnectProvider",
        json!({"Url": format!("{URL}/")}),
    );
    service.iam(
        "CreateOpenIDConnectProvider",
        json!({"Url": URL.replace("/a", "/A")}),
    );
}

#[test]
fn a_url_is_https_with_a_host_and_maybe_a_port_and_a_path() {
    for (url, fits) in [
        ("https://id.example.com", true),
        ("https://id.example.com/", true),
        ("https://id.internal:8443/oauth2", true),
        ("http://id.example.com", false),
        ("id.example.com", false),
        ("https://", false),
        ("https:///path", false),
        ("https://id.example.com?x=1", false),
        ("https://id.example.com/a#b", false),
        ("https://id.example.com/a b", false),
        ("https://id.example.com/*", false),
        ("https://me@id.example.com", false),
        ("https://id.example.com:port", false),
        ("https://id.example.com:99999", false),
    ] {
        let mut service = Service::new();
        let body = json!({"Url": url});
        if fits {
            service.iam("CreateOpenIDConnectProvider", body);
        } else {
            let (code, text) = service.iam_refused("CreateOpenIDConnectProvider", body);
            assert_eq!(
                (code, &text[..]),
                ("InvalidInput", "Invalid Open ID Connect Provider URL"),
                "{url}"
            );
        }
    }
}

#[test]
fn a_provider_has_so_many_client_ids_and_thumbprints_at_most() {
    let ids = |count: usize| (0..count).map(|at| at.to_string()).collect::<Vec<_>>();
    let thumbprints = |count: usize| vec!["a".repeat(40); count];
    for (clients, thumbprints, refused) in [
        (ids(100), thumbprints(5), None),
        (ids(101), thumbprints(0), Some("LimitExceeded")),
        (ids(0), thumbprints(6), Some("InvalidInput")),
        (ids(0), vec!["a".repeat(39)], Some("ValidationException")),
        (ids(0), vec!["g".repeat(40)], Some("InvalidInput")),
        (vec!["a".repeat(256)], vec![], Some("ValidationException")),
        (vec![String::new()], vec![], Some("ValidationException")),
    ] {
        let mut service = Service::new();
        let body = json!({"Url": URL, "ClientIDList": clients, "ThumbprintList": thumbprints});
        match refused {
            None => drop(service.iam("CreateOpenIDConnectProvider", body)),
            Some(code) => assert_eq!(
                service.iam_refused("CreateOpenIDConnectProvider", body).0,
                code
            ),
        }
    }
}

#[test]
fn an_account_has_100_providers() {
    let mut service = Service::new();
    for number in 0..100 {
        let body = json!({"Url": format!("https://id{number}.example.com")});
        service.iam("CreateOpenIDConnectProvider", body);
    }
    let (code, text) = service.iam_refused("CreateOpenIDConnectProvider", json!({"Url": URL}));
    assert_eq!(code, "LimitExceeded");
    assert_eq!(
        text,
        "Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100"
    );
    service.be(OTHER_ACCOUNT, REGION);
    service.iam("CreateOpenIDConnectProvider", json!({"Url": URL}));
}

#[test]
fn what_is_no_provider_of_the_account_is_not_found_but_can_be_deleted() {
    let mut service = with_provider();
    service.be(OTHER_ACCOUNT, REGION);
    service.iam(
        "CreateOpenIDConnectProvider",
        json!({"Url": "https://other.example.com"}),
    );
    service.be(ACCOUNT, REGION);
    for arn in [
        &ARN[..ARN.len() - 2],
        &format!("{ARN}/b"),
        &ARN.to_uppercase(),
        "arn:aws:iam::210987654321:oidc-provider/other.example.com",
        "arn:aws:iam::123456789012:oidc-provider/other.example.com",
        "id.example.com/realms/a",
    ] {
        let body = json!({"OpenIDConnectProviderArn": arn});
        let text = format!("OpenIDConnect Provider not found for arn {arn}");
        assert_eq!(
            service.iam_refused("GetOpenIDConnectProvider", body.clone()),
            ("NoSuchEntity", text)
        );
        let before = service.stored();
        service.iam("DeleteOpenIDConnectProvider", body);
        assert_eq!(service.stored(), before);
    }
    service.iam(
        "DeleteOpenIDConnectProvider",
        json!({"OpenIDConnectProviderArn": ARN}),
    );
    assert_eq!(service.count("iam-oidc-provider"), 1);
}

#[test]
fn the_policies_of_who_asks_see_the_provider_and_the_request() {
    let allow = |action: &str, condition: Value| {
        let mut statement = policy("Allow", action, ARN);
        statement["Condition"] = condition;
        statement
    };
    let new = json!({"Url": format!("{URL}/x"), "Tags": [{"Key": "Team", "Value": "red"}]});
    let own = json!({"OpenIDConnectProviderArn": ARN});
    let any = json!({});
    for (statements, operation, body, allowed) in [
        (
            vec![allow("iam:GetOpenIDConnectProvider", any.clone())],
            "GetOpenIDConnectProvider",
            &own,
            true,
        ),
        (
            vec![allow(
                "iam:GetOpenIDConnectProvider",
                json!({"StringEquals": {"aws:ResourceTag/Team": "red"}}),
            )],
            "GetOpenIDConnectProvider",
            &own,
            false,
        ),
        (
            vec![allow("iam:GetOpenIDConnectProvider", any)],
            "DeleteOpenIDConnectProvider",
            &own,
            false,
        ),
        (
            vec![policy("Allow", "iam:CreateOpenIDConnectProvider", "*")],
            "CreateOpenIDConnectProvider",
            &new,
            false,
        ),
        (
            vec![policy(
                "Allow",
                "iam:*OpenIDConnectProvider",
                &format!("{ARN}/x"),
            )],
            "CreateOpenIDConnectProvider",
            &new,
            true,
        ),
    ] {
        let mut service = with_provider();
        service.iam("CreateUser", json!({"UserName": "alice"}));
        let key = service.iam("CreateAccessKey", json!({"UserName": "alice"}));
        let id = key["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned();
        service.give("alice", &statements);
        service.be_user(ACCOUNT, "alice", &id);
        let result = service.ask_of(iam::OPERATIONS, operation, body);
        assert_eq!(
            result.is_ok(),
            allowed,
            "{statements:?} {operation}: {result:?}"
        );
    }
}

#[test]
fn what_a_provider_takes_can_be_changed() {
    let mut service = with_provider();
    let of = |member: &str, value: Value| json!({"OpenIDConnectProviderArn": ARN, member: value});
    let shown = |service: &mut Service, member: &str| {
        let arn = json!({"OpenIDConnectProviderArn": ARN});
        service.iam("GetOpenIDConnectProvider", arn)[member].clone()
    };
    let add = "AddClientIDToOpenIDConnectProvider";
    // Twice is as once.
    for _ in 0..2 {
        service.iam(add, of("ClientID", json!("other")));
    }
    assert_eq!(
        shown(&mut service, "ClientIDList"),
        json!(["sts.amazonaws.com", "other"])
    );
    for _ in 0..2 {
        let body = of("ClientID", json!("sts.amazonaws.com"));
        service.iam("RemoveClientIDFromOpenIDConnectProvider", body);
    }
    assert_eq!(shown(&mut service, "ClientIDList"), json!(["other"]));
    for number in 1..100 {
        service.iam(add, of("ClientID", json!(number.to_string())));
    }
    assert_eq!(
        service.iam_refused(add, of("ClientID", json!("one too many"))),
        (
            "LimitExceeded",
            "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100".to_owned()
        )
    );

    let update = "UpdateOpenIDConnectProviderThumbprint";
    service.iam(update, of("ThumbprintList", json!(["a".repeat(40)])));
    assert_eq!(
        shown(&mut service, "ThumbprintList"),
        json!(["a".repeat(40)])
    );
    let (code, _) =
        service.iam_refused(update, of("ThumbprintList", json!(vec!["a".repeat(40); 6])));
    assert_eq!(code, "InvalidInput");
    let (code, _) = service.iam_refused(update, of("ClientID", json!("x")));
    assert_eq!(code, "ValidationException");

    let tags = json!([{"Key": "Team", "Value": "red"}]);
    service.iam("TagOpenIDConnectProvider", of("Tags", tags.clone()));
    let listed = service.iam("ListOpenIDConnectProviderTags", of("MaxItems", json!("1")));
    assert_eq!(listed["Tags"], tags);
    service.iam("UntagOpenIDConnectProvider", of("TagKeys", json!(["team"])));
    assert_eq!(shown(&mut service, "Tags"), json!([]));
}

#[test]
fn the_providers_of_an_account_are_listed() {
    let mut service = with_provider();
    service.iam(
        "CreateOpenIDConnectProvider",
        json!({"Url": "https://a.example.com"}),
    );
    service.be(OTHER_ACCOUNT, REGION);
    service.iam(
        "CreateOpenIDConnectProvider",
        json!({"Url": "https://b.example.com"}),
    );
    service.be(ACCOUNT, REGION);
    let listed = service.iam("ListOpenIDConnectProviders", json!({}));
    let first = "arn:aws:iam::123456789012:oidc-provider/a.example.com";
    assert_eq!(
        listed["OpenIDConnectProviderList"],
        json!([{"Arn": first}, {"Arn": ARN}])
    );
}

#[test]
fn only_the_account_s_own_provider_is_changed() {
    let mut service = with_provider();
    let arn = "arn:aws:iam::210987654321:oidc-provider/id.example.com/realms/a";
    let body = json!({
        "OpenIDConnectProviderArn": arn, "ClientID": "x", "ThumbprintList": [], "Tags": [], "TagKeys": [],
    });
    for operation in [
        "AddClientIDToOpenIDConnectProvider",
        "RemoveClientIDFromOpenIDConnectProvider",
        "UpdateOpenIDConnectProviderThumbprint",
        "TagOpenIDConnectProvider",
        "UntagOpenIDConnectProvider",
        "ListOpenIDConnectProviderTags",
    ] {
        let text = format!("OpenIDConnect Provider not found for arn {arn}");
        assert_eq!(
            service.iam_refused(operation, body.clone()),
            ("NoSuchEntity", text)
        );
    }
}
