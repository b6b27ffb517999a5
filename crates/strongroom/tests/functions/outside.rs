//! Functions that servers outside run: what such a server is asked, and what each of its answers means, good, bad, slow,
//! endless or none.

use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use strongroom::credentials::Credentials;
use strongroom::edge::tls::Generated;
use strongroom::functions::outside::{Address, CredentialSource, Endpoint, Patience};
use strongroom::functions::{Answer, FunctionError, Invocation, NotInvoked, Outcome};
use strongroom_keys::SecretBytes;
use strongroom_services::lambda::function_arn::FunctionArn;

use super::scripted::{Scripted, Step, answer, nobody, ok};
use super::wait;

const FUNCTION: &str = "arn:aws:lambda:eu-central-1:123456789012:function:rotate";
/// In what is sent and in what functions answer; in no text that is for people.
const MARK: &str = "MARKED-5f0b9a";
/// 2024-03-09T16:00:00Z.
const NOW: i64 = 1_710_000_000;

fn credentials() -> Credentials {
    Credentials {
        access_key_id: "AKIAOUTSIDE".to_owned(),
        secret_access_key: SecretBytes::copy_of(b"a-secret-of-its-own"),
        session_token: None,
    }
}

fn endpoint(url: &str, authority: Option<&Path>) -> Endpoint {
    let given = CredentialSource::Given(credentials());
    Endpoint::new(Address::parse(url).unwrap(), given, authority).unwrap()
}

fn invocation(function: &str) -> Invocation {
    Invocation {
        function: FunctionArn::parse(function).unwrap(),
        payload: SecretBytes::new(format!(r#"{{"RotationToken":"{MARK}"}}"#).into_bytes()),
    }
}

fn invoke(endpoint: &Endpoint) -> Outcome {
    wait(endpoint.invoke(&invocation(FUNCTION), NOW))
}

fn outcome_of(step: Step) -> Outcome {
    let server = Scripted::start(vec![step]);
    invoke(&endpoint(&server.url(), None))
}

fn text(answer: &Answer) -> &str {
    std::str::from_utf8(answer.payload.expose()).unwrap()
}

#[test]
fn it_is_asked_as_lambda_is() {
    let server = Scripted::start(vec![ok("", "{}"), ok("", "{}")]);
    let url = format!("{}/behind/a/path/", server.url());
    let endpoint = endpoint(&url, None);
    wait(endpoint.invoke(&invocation(FUNCTION), NOW)).unwrap();
    wait(endpoint.invoke(&invocation(&format!("{FUNCTION}:$LATEST")), NOW)).unwrap();
    let received = server.received();
    let name = "arn%3Aaws%3Alambda%3Aeu-central-1%3A123456789012%3Afunction%3Arotate";
    for (request, name) in [
        (&received[0], name.to_owned()),
        (&received[1], format!("{name}%3A%24LATEST")),
    ] {
        let line =
            format!("POST /behind/a/path/2015-03-31/functions/{name}/invocations HTTP/1.1\r\n");
        assert!(request.starts_with(&line), "{request}");
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, format!(r#"{{"RotationToken":"{MARK}"}}"#));
        let head = head.to_ascii_lowercase();
        for wanted in [
            &format!("\r\nhost: {}\r\n", server.address),
            "\r\nx-amz-invocation-type: requestresponse\r\n",
            "\r\nx-amz-log-type: tail\r\n",
            "\r\nx-amz-date: 20240309t160000z\r\n",
            "\r\nauthorization: aws4-hmac-sha256 credential=akiaoutside/20240309/eu-central-1/lambda/aws4_request, ",
        ] {
            assert!(head.contains(wanted), "{wanted:?} isn't in {head}");
        }
    }
}

#[test]
fn an_answer_is_what_the_function_answered() {
    // "the end of the log"
    let log = "X-Amz-Log-Result: dGhlIGVuZCBvZiB0aGUgbG9n\r\n";
    let version = "X-Amz-Executed-Version: 17\r\n";
    let cases: [(&str, &str, &str, &str, &str); 7] = [
        ("", r#"{"a":1}"#, r#"{"a":1}"#, "", "$LATEST"),
        ("", "null", "null", "", "$LATEST"),
        ("", "", "null", "", "$LATEST"),
        ("", "\"text\"", "\"text\"", "", "$LATEST"),
        (log, "1", "1", "the end of the log", "$LATEST"),
        (version, "1", "1", "", "17"),
        (
            "X-Amz-Log-Result: no base64!\r\nX-Amz-Executed-Version: a b\r\n",
            "1",
            "1",
            "",
            "$LATEST",
        ),
    ];
    for (headers, body, payload, log, version) in cases {
        let answer = outcome_of(ok(headers, body)).unwrap();
        assert_eq!(text(&answer), payload, "{headers} {body}");
        assert_eq!(answer.error, None);
        assert_eq!(answer.log_tail.expose(), log.as_bytes());
        assert_eq!(answer.executed_version, version);
    }
}

#[test]
fn the_version_that_was_asked_for_ran_where_the_server_doesnt_say() {
    let server = Scripted::start(vec![ok("", "1")]);
    let endpoint = endpoint(&server.url(), None);
    let live = invocation(&format!("{FUNCTION}:live"));
    let answer = wait(endpoint.invoke(&live, NOW)).unwrap();
    assert_eq!(answer.executed_version, "live");
}

#[test]
fn a_function_that_failed_has_answered_how() {
    let told = r#"{"errorMessage":"no"}"#;
    for (kind, body, payload, expected) in [
        ("Handled", told, told, FunctionError::Handled),
        ("Unhandled", told, told, FunctionError::Unhandled),
        ("Other", told, told, FunctionError::Unhandled),
        ("Unhandled", "no JSON", "{}", FunctionError::Unhandled),
        ("Unhandled", "", "null", FunctionError::Unhandled),
    ] {
        let answer = outcome_of(ok(&format!("X-Amz-Function-Error: {kind}\r\n"), body)).unwrap();
        assert_eq!(answer.error, Some(expected), "{kind}");
        assert_eq!(text(&answer), payload);
    }
}

#[test]
fn the_last_of_a_long_log_is_kept() {
    // 6,000 letters, the last of them another one.
    let log = format!("{}YWFi", "YWFh".repeat(1_999));
    let answer = outcome_of(ok(&format!("X-Amz-Log-Result: {log}\r\n"), "1")).unwrap();
    let tail = answer.log_tail.expose();
    assert_eq!((tail.len(), tail.last()), (4_096, Some(&b'b')));
}

/// A refusal's kind, and what its text must have in it.
type Expected = (fn(String) -> NotInvoked, &'static str);

#[test]
fn each_refusal_means_what_lambda_means_by_it() {
    let kind = |kind: &str| format!("X-Amzn-ErrorType: {kind}\r\n");
    let echo = format!(r#"{{"Type":"User","message":"could not read {MARK}"}}"#);
    let said = r#"{"Type":"User","message":"it says why"}"#;
    let missing: Expected = (NotInvoked::Missing, "function:rotate at http://127.0.0.1:");
    let denied: Expected = (NotInvoked::Denied, "it says why; check the credentials");
    let busy: Expected = (NotInvoked::Busy, "it may work in a while");
    let unfit: Expected = (NotInvoked::Unfit, "can't be invoked as it is set up there");
    let strange: Expected = (NotInvoked::Unreachable, "check its URL");
    for (status, headers, body, (variant, wanted)) in [
        (
            "404 Not Found",
            kind("ResourceNotFoundException"),
            said,
            missing,
        ),
        (
            "404 Not Found",
            kind("ResourceNotFoundException:http://internal.amazon.com/coral/"),
            said,
            missing,
        ),
        (
            "404 Not Found",
            String::new(),
            r#"{"__type":"com.amazonaws#ResourceNotFoundException"}"#,
            missing,
        ),
        ("404 Not Found", String::new(), "<html>", strange),
        ("404 Not Found", kind("OtherException"), said, strange),
        ("403 Forbidden", kind("AccessDeniedException"), said, denied),
        ("403 Forbidden", String::new(), said, denied),
        ("401 Unauthorized", String::new(), said, denied),
        (
            "429 Too Many Requests",
            kind("TooManyRequestsException"),
            said,
            busy,
        ),
        (
            "409 Conflict",
            kind("ResourceConflictException"),
            said,
            busy,
        ),
        (
            "502 Bad Gateway",
            kind("ResourceNotReadyException"),
            said,
            busy,
        ),
        (
            "400 Bad Request",
            kind("SnapStartNotReadyException"),
            said,
            busy,
        ),
        (
            "500 Internal Server Error",
            kind("ServiceException"),
            &echo,
            busy,
        ),
        ("503 Service Unavailable", String::new(), "<html>", busy),
        (
            "400 Bad Request",
            kind("InvalidRequestContentException"),
            &echo,
            unfit,
        ),
        (
            "413 Payload Too Large",
            kind("RequestTooLargeException"),
            &echo,
            unfit,
        ),
        ("415 Unsupported Media Type", String::new(), "", unfit),
        ("202 Accepted", String::new(), "", strange),
        ("204 No Content", String::new(), "", strange),
        ("405 Method Not Allowed", String::new(), &echo, strange),
        ("200 OK", String::new(), "<html>", strange),
        ("200 OK", String::new(), "{\"a\":1} and more", strange),
    ] {
        let refused = outcome_of(answer(status, &headers, body)).unwrap_err();
        let told = refused.to_string();
        let same =
            std::mem::discriminant(&refused) == std::mem::discriminant(&variant(told.clone()));
        assert!(
            same && told.contains(wanted),
            "{status} {headers}: {refused:?}"
        );
        assert!(!told.contains(MARK), "{status}: {told}");
    }
}

#[test]
fn a_servers_own_words_are_cut_and_put_on_a_line() {
    let long = format!(
        r#"{{"Message":"one\ntwo\u001b[31m {}"}}"#,
        "x".repeat(1_000)
    );
    let refused = outcome_of(answer("403 Forbidden", "", &long)).unwrap_err();
    let told = refused.to_string();
    assert!(told.contains("one two [31m xxx"), "{told}");
    assert!(
        told.len() < 600 && !told.contains(char::is_control),
        "{told}"
    );
    let kind = format!("X-Amzn-ErrorType: {}\r\n", "y".repeat(100));
    let refused = outcome_of(answer("500 Internal Server Error", &kind, "")).unwrap_err();
    assert!(!refused.to_string().contains("yyy"), "{refused}");
}

#[test]
fn a_redirect_is_not_followed() {
    let other = Scripted::start(vec![ok("", "1")]);
    let headers = format!("Location: {}/\r\n", other.url());
    for status in [
        "302 Found",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let refused = outcome_of(answer(status, &headers, "")).unwrap_err();
        let NotInvoked::Unreachable(told) = &refused else {
            panic!("{refused:?}");
        };
        assert!(told.contains("redirects are not followed"), "{told}");
    }
    assert!(other.received().is_empty());
}

#[test]
fn what_is_no_answer_leaves_open_whether_the_function_ran() {
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}".to_vec();
    let bytes = |text: &str| Step::Send(text.as_bytes().to_vec());
    for step in [
        bytes(""),
        bytes("garbage\r\n\r\n"),
        bytes("HTTP/1.1 200 OK\r\nContent-Le"),
        bytes("\u{0}\u{1}\u{2}"),
        Step::Send(cut),
        Step::SendForEver(Vec::new(), b"X".to_vec()),
    ] {
        let refused = outcome_of(step.clone()).unwrap_err();
        assert!(
            matches!(&refused, NotInvoked::Unreachable(told) if told.contains("gives no whole answer")),
            "{step:?}: {refused:?}"
        );
    }
}

#[test]
fn an_answer_over_six_mebibytes_is_not_listened_to() {
    let most = 6 * 1024 * 1024;
    let full = format!("\"{}\"", "x".repeat(most - 2));
    assert_eq!(outcome_of(ok("", &full)).unwrap().payload.len(), most);
    let promised = answer("200 OK", "", &format!("\"{}\"", "x".repeat(most - 1)));
    let endless = Step::SendForEver(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
        format!("10000\r\n{}\r\n", "1".repeat(0x1_0000)).into_bytes(),
    );
    for step in [promised, endless] {
        let refused = outcome_of(step).unwrap_err();
        assert!(
            matches!(&refused, NotInvoked::Unreachable(told)
                if told.contains("answers with more than 6291456 bytes")),
            "{refused:?}"
        );
    }
}

#[test]
fn a_function_has_time_but_a_connection_must_come_soon() {
    let patience = |connect, answer| Patience {
        connect: Duration::from_millis(connect),
        answer: Duration::from_millis(answer),
    };
    let slow = Step::SendAfter(
        Duration::from_millis(600),
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1".to_vec(),
    );
    let server = Scripted::start(vec![slow, Step::Hang]);
    let patient = endpoint(&server.url(), None).with_patience(patience(300, 10_000));
    assert_eq!(text(&invoke(&patient).unwrap()), "1");
    let impatient = endpoint(&server.url(), None).with_patience(patience(300, 400));
    let told = invoke(&impatient).unwrap_err().to_string();
    assert!(told.contains("doesn't answer within 0.4 seconds"), "{told}");

    // It takes the connection, and leaves the handshake of TLS unanswered.
    let server = Scripted::start(vec![Step::Ignore]);
    let secure = format!("https://{}", server.address);
    let started = Instant::now();
    let hasty = endpoint(&secure, None).with_patience(patience(300, 60_000));
    let told = invoke(&hasty).unwrap_err().to_string();
    assert!(told.contains("no connection within 0.3 seconds"), "{told}");
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_function_may_take_longer_than_aws_lets_it() {
    let patience = Patience::default();
    assert!(patience.answer > Duration::from_secs(15 * 60));
    assert!(patience.connect < Duration::from_secs(60));
}

#[test]
fn a_server_that_isnt_there_is_told_with_its_url() {
    let url = format!("http://{}", nobody());
    let refused = invoke(&endpoint(&url, None)).unwrap_err();
    assert!(
        matches!(&refused, NotInvoked::Unreachable(told)
            if told.contains(&format!("{url} can't be reached")) && told.contains("check that it runs")),
        "{refused:?}"
    );
}

#[test]
fn over_tls_the_named_authority_is_trusted_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let made = |name: &str| {
        Generated::in_folder(&folder.path().join(name), IpAddr::from([127, 0, 0, 1])).unwrap()
    };
    let (own, other) = (made("own"), made("other"));
    let server = Scripted::start_with_tls(vec![ok("", "1"), ok("", "1"), ok("", "1")], &own);
    let trusting = |authority| invoke(&endpoint(&server.url(), authority));
    assert_eq!(text(&trusting(Some(&own.authority)).unwrap()), "1");
    for authority in [Some(&*other.authority), None] {
        let refused = trusting(authority).unwrap_err();
        assert!(
            matches!(&refused, NotInvoked::Unreachable(told) if told.contains("can't be reached")),
            "{refused:?}"
        );
    }
    assert_eq!(server.received().len(), 1);
    let nowhere = Endpoint::new(
        Address::parse("https://localhost").unwrap(),
        CredentialSource::Given(credentials()),
        Some(Path::new("/nowhere/at/all.pem")),
    );
    let why = nowhere.unwrap_err();
    assert!(
        why.contains("/nowhere/at/all.pem can't be read") && why.contains("ca_file"),
        "{why}"
    );
}

#[test]
fn credentials_of_a_file_may_be_renewed_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials");
    let write = |id: &str| {
        let text = format!(
            "AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY=secret\nAWS_SESSION_TOKEN=token-{id}\n"
        );
        std::fs::write(&path, text).unwrap();
    };
    write("FIRST");
    let server = Scripted::start(vec![ok("", "1"), ok("", "1")]);
    let source = CredentialSource::of(Some(&path)).unwrap();
    let endpoint = Endpoint::new(Address::parse(&server.url()).unwrap(), source, None).unwrap();
    invoke(&endpoint).unwrap();
    write("SECOND");
    invoke(&endpoint).unwrap();
    std::fs::remove_file(&path).unwrap();
    let refused = invoke(&endpoint).unwrap_err();
    assert!(
        matches!(&refused, NotInvoked::Unfit(told) if told.contains("can't be read")),
        "{refused:?}"
    );
    let received = server.received();
    for (request, id) in received.iter().zip(["FIRST", "SECOND"]) {
        assert!(request.contains(&format!("Credential={id}/")), "{request}");
        assert!(request.contains(&format!("token-{id}")), "{request}");
    }
    assert_eq!(received.len(), 2);
}

#[test]
fn nothing_that_is_told_of_a_server_holds_its_credentials() {
    let endpoint = endpoint("http://127.0.0.1:1", None);
    assert!(!format!("{endpoint:?}").contains("a-secret-of-its-own"));
}
