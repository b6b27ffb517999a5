//! What can't be understood, or can be understood in two ways: AWS-shaped refusals, and nothing reaches the application.

use std::net::Shutdown;

use strongroom::edge::Limits;

use super::{GET, Server};

#[test]
fn a_smuggled_request_is_refused_and_nothing_behind_it_is_read() {
    let server = Server::start(Limits::default());
    let hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    let cases = [
        (
            "length before encoding",
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\n",
        ),
        (
            "encoding before length",
            "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
            "0\r\n\r\n",
        ),
        (
            "two equal lengths",
            "Content-Length: 3\r\nContent-Length: 3\r\n",
            "abc",
        ),
        (
            "two different lengths",
            "Content-Length: 3\r\nContent-Length: 5\r\n",
            "abc",
        ),
        (
            "one length twice in a line",
            "Content-Length: 3, 3\r\n",
            "abc",
        ),
        (
            "two encodings",
            "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\n",
        ),
        (
            "unknown encoding",
            "Transfer-Encoding: xchunked\r\n",
            "0\r\n\r\n",
        ),
        (
            "chunked not last",
            "Transfer-Encoding: chunked, identity\r\n",
            "0\r\n\r\n",
        ),
        ("signed length", "Content-Length: +3\r\n", "abc"),
        ("negative length", "Content-Length: -1\r\n", ""),
        ("hexadecimal length", "Content-Length: 0x3\r\n", "abc"),
        (
            "length beyond 64 bits",
            "Content-Length: 18446744073709551617\r\n",
            "a",
        ),
        ("space before the colon", "Content-Length : 3\r\n", "abc"),
        ("folded line", "X-A: b\r\n Content-Length: 3\r\n", "abc"),
        (
            "encoding hidden by a tab",
            "Transfer-Encoding:\tchunked\r\nContent-Length: 4\r\n",
            "0\r\n\r\n",
        ),
        (
            "bare line feeds",
            "Transfer-Encoding: chunked\nContent-Length: 4\n",
            "0\r\n\r\n",
        ),
    ];
    for (name, headers, body) in cases {
        let mut client = server.connect();
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\n{headers}\r\n{body}{hidden}"
        ));
        let answer = client.answer().expect(name);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "MalformedHttpRequestException"),
            "{name}"
        );
        assert!(client.is_ended(), "{name}: the connection goes on");
    }
    assert_eq!(server.asked(), 0);
    assert!(server.serves());
}

#[test]
fn a_smuggled_request_behind_a_good_one_is_refused_alone() {
    let server = Server::start(Limits::default());
    let mut client = server.connect();
    let bad = "POST /bad HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx";
    client.send(format!(
        "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi{bad}"
    ));
    let good = client.answer().unwrap();
    assert_eq!(
        (good.status, good.text()),
        (200, "POST /good Some(\"127.0.0.1\") plain 2")
    );
    assert_eq!(
        client.answer().unwrap().code(),
        "MalformedHttpRequestException"
    );
    assert!(client.is_ended());
    assert_eq!(server.asked(), 1);
}

#[test]
fn a_header_that_decides_anything_may_not_come_twice() {
    let server = Server::start(Limits::default());
    for name in [
        "Host",
        "Authorization",
        "X-Amz-Target",
        "X-Amz-Date",
        "X-Amz-Security-Token",
        "Content-Type",
    ] {
        let mut client = server.connect();
        let host = if name == "Host" { "" } else { "Host: a\r\n" };
        client.send(format!(
            "POST / HTTP/1.1\r\n{host}{name}: x\r\n{name}: x\r\n\r\n"
        ));
        let answer = client.answer().unwrap();
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "MalformedHttpRequestException"),
            "{name}"
        );
        assert!(answer.text().contains(name), "{name}: {}", answer.text());
    }
    assert_eq!(server.asked(), 0);
}

#[test]
fn garbage_gets_a_well_formed_refusal() {
    let server = Server::start(Limits::default());
    let long = "x".repeat(70_000);
    let many = "X-A: b\r\n".repeat(101);
    let cases: &[(&str, String, u16)] = &[
        ("no HTTP", "hello there\r\n\r\n".into(), 400),
        (
            "TLS on a plain port",
            "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\r\n\r\n".into(),
            400,
        ),
        (
            "an unknown version",
            "GET / HTTP/3.7\r\nHost: a\r\n\r\n".into(),
            400,
        ),
        (
            "a zero byte in a header",
            "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n".into(),
            400,
        ),
        (
            "a header without a colon",
            "GET / HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n".into(),
            400,
        ),
        (
            "a header without a name",
            "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n".into(),
            400,
        ),
        (
            "a carriage return alone",
            "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n".into(),
            400,
        ),
        (
            "a space in the target",
            "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n".into(),
            400,
        ),
        ("no host", "GET / HTTP/1.1\r\n\r\n".into(), 400),
        (
            "two hosts",
            "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n".into(),
            400,
        ),
        (
            "CONNECT",
            "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n".into(),
            400,
        ),
        (
            "large headers",
            format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"),
            431,
        ),
        (
            "many headers",
            format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"),
            431,
        ),
        ("a long line that never ends", long.clone(), 431),
    ];
    for (name, bytes, status) in cases {
        let mut client = server.connect();
        client.send(bytes);
        let answer = client
            .answer()
            .unwrap_or_else(|| panic!("{name}: no answer"));
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (*status, "MalformedHttpRequestException"),
            "{name}"
        );
        assert!(client.is_ended(), "{name}: the connection goes on");
    }
    assert_eq!(server.asked(), 0);
    assert!(server.serves());
}

#[test]
fn an_answer_that_looks_like_a_refusal_is_left_alone() {
    // Our own words take the place of hyper's refusals; never of an application's answer, whatever it says.
    let server = Server::start(Limits::default());
    let mut client = server.connect();
    for _ in 0..3 {
        client.send("GET /HTTP/1.1-400 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(
            client.answer().unwrap().text(),
            "GET /HTTP/1.1-400 Some(\"127.0.0.1\") plain 0"
        );
    }
    client.send("GET / HTTP/9\r\n\r\n");
    assert_eq!(
        client.answer().unwrap().code(),
        "MalformedHttpRequestException"
    );
}

#[test]
fn good_requests_in_unusual_forms_are_served() {
    let server = Server::start(Limits::default());
    let cases = [
        (
            "keep-alive of HTTP/1.0",
            "GET / HTTP/1.0\r\n\r\n",
            "GET / Some(\"127.0.0.1\") plain 0",
        ),
        (
            "empty lines first",
            "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / Some(\"127.0.0.1\") plain 0",
        ),
        (
            "a body on GET",
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
            "GET / Some(\"127.0.0.1\") plain 5",
        ),
        (
            "chunks",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;x=y\r\ncde\r\n0\r\nX-T: y\r\n\r\n",
            "POST / Some(\"127.0.0.1\") plain 5",
        ),
        (
            "a whole target",
            "GET http://a/p HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /p Some(\"127.0.0.1\") plain 0",
        ),
        (
            "a forwarded address nobody vouches for",
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n\r\n",
            "GET / Some(\"127.0.0.1\") plain 0",
        ),
    ];
    for (name, bytes, expected) in cases {
        let mut client = server.connect();
        client.send(bytes);
        let answer = client.answer().expect(name);
        assert_eq!((answer.status, answer.text()), (200, expected), "{name}");
    }
}

#[test]
fn requests_in_a_row_are_answered_in_order_on_one_connection() {
    let server = Server::start(Limits::default());
    let mut client = server.connect();
    let bytes: String = (0..40)
        .map(|number| format!("POST /{number} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"))
        .collect();
    client.send(bytes);
    for number in 0..40 {
        assert_eq!(
            client.answer().unwrap().text(),
            format!("POST /{number} Some(\"127.0.0.1\") plain 3")
        );
    }
    assert_eq!(server.counters.accepted(), 1);
}

#[test]
fn a_client_that_ends_its_side_after_its_request_still_gets_the_answer() {
    let server = Server::start(Limits::default());
    let mut client = server.connect();
    client.send(GET);
    client.0.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.answer().unwrap().status, 200);
    assert!(client.is_ended());
}

#[test]
fn a_chunked_request_is_the_last_of_its_connection() {
    let server = Server::start(Limits::default());
    let mut client = server.connect();
    client.send(format!(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{GET}"
    ));
    let answer = client.answer().unwrap();
    assert!(answer.head.contains("connection: close"), "{answer:?}");
    assert!(client.is_ended());
    assert_eq!(server.asked(), 1);
}

#[test]
fn a_panic_is_its_own_requests_alone() {
    let server = Server::start(Limits::default());
    let mut client = server.connect();
    for _ in 0..3 {
        client.send("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = client.answer().unwrap();
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (500, "InternalServiceError")
        );
        assert!(
            !answer.text().contains("asked to"),
            "the panic's text leaks"
        );
        client.send(GET);
        assert_eq!(client.answer().unwrap().status, 200);
    }
    assert_eq!(server.counters.accepted(), 1, "the connection survived");
}

#[test]
fn a_client_that_goes_on_sending_after_a_refusal_still_gets_to_read_it() {
    let server = Server::start(Limits::default());
    for head in [
        "nonsense\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n",
    ] {
        let mut client = server.connect();
        client.send(head);
        // Until the refusal is on its way; closing then would answer the rest with a reset.
        client.0.peek(&mut [0]).unwrap();
        for _ in 0..100 {
            client.send([b'x'; 1_000]);
        }
        assert_eq!(
            client.answer().unwrap().code(),
            "MalformedHttpRequestException"
        );
        client.0.shutdown(Shutdown::Write).unwrap();
        assert!(client.is_ended());
    }
}
