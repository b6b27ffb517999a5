//! Limits that hold before anyone is authenticated: size, time and number.

use std::io::Write as _;
use std::time::{Duration, Instant};

use strongroom::edge::{Limits, TrustedProxies};

use super::{Client, GET, Server, eventually};

const SHORT: Duration = Duration::from_millis(300);

fn post(bytes: usize) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {bytes}\r\n\r\n{}",
        "x".repeat(bytes)
    )
}

#[test]
fn a_body_may_have_one_mebibyte_and_no_byte_more() {
    let server = Server::start(Limits::default());
    let mut client = server.connect();
    for bytes in [0, 1, 65_536, 65_537, 1_048_576] {
        client.send(post(bytes));
        assert_eq!(
            client.answer().unwrap().text(),
            format!("POST / Some(\"127.0.0.1\") plain {bytes}")
        );
    }
    for bytes in [1_048_577, 8 << 20] {
        let mut client = server.connect();
        client.send(post(bytes));
        let answer = client.answer().unwrap();
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (413, "RequestEntityTooLargeException"),
            "{bytes}"
        );
        assert!(client.is_ended());
    }
    assert_eq!(server.asked(), 5);
}

#[test]
fn a_body_in_chunks_has_the_same_limit() {
    let server = Server::start(Limits::default());
    let mut client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x1_0000));
    for _ in 0..17 {
        client.send(&chunk);
    }
    client.send("0\r\n\r\n");
    let answer = client.answer().unwrap();
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (413, "RequestEntityTooLargeException")
    );
    assert_eq!(server.asked(), 0);
}

#[test]
fn who_asks_before_sending_too_much_is_told_at_once() {
    let server = Server::start(Limits::default());
    let mut client = server.connect();
    client.send(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n",
    );
    assert_eq!(
        client.answer().unwrap().code(),
        "RequestEntityTooLargeException"
    );

    let mut client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    let mut go_on = [0; 25];
    std::io::Read::read_exact(&mut client.0, &mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hi");
    assert_eq!(client.answer().unwrap().status, 200);
}

#[test]
fn a_thousand_half_open_connections_take_little_and_starve_no_one() {
    let server = Server::start(Limits::default());
    assert!(server.serves());
    let beginnings: [&[u8]; 5] = [
        b"",
        b"P",
        b"POST / HTTP/1.1\r\nHost: a\r\nX-A",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\nabc",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    let before = resident_bytes();
    let half_open: Vec<Client> = (0..1_000)
        .map(|number| {
            let mut client = server.connect();
            client.send(beginnings[number % beginnings.len()]);
            client
        })
        .collect();
    let began = Instant::now();
    for _ in 0..20 {
        assert!(server.serves());
    }
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "others wait: {:?}",
        began.elapsed()
    );
    let grown = resident_bytes().saturating_sub(before);
    assert!(
        grown < 64 << 20,
        "{grown} bytes for 1,000 half-open connections"
    );
    assert!(server.counters.open() as usize >= half_open.len());
}

/// What this process occupies in memory.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_ascii_whitespace()
        .nth(1)
        .unwrap()
        .parse::<usize>()
        .unwrap()
        * 1_024
}

#[test]
fn connections_that_make_no_progress_are_cut() {
    let cases: &[(&str, &[u8])] = &[
        ("says nothing", b""),
        ("says one byte", b"P"),
        ("stops inside its head", b"POST / HTTP/1.1\r\nHost: a\r\nX"),
        ("stops inside the HTTP/2 preface", b"PRI * HT"),
        (
            "says nothing after the HTTP/2 preface",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ),
        (
            "stops inside its second head",
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT",
        ),
    ];
    let server = Server::start(Limits {
        header_read: SHORT,
        ..Limits::default()
    });
    for (name, bytes) in cases {
        let mut client = server.connect();
        let began = Instant::now();
        client.send(bytes);
        let _ = std::io::copy(&mut client.0, &mut std::io::sink());
        let took = began.elapsed();
        assert!(
            took >= SHORT - Duration::from_millis(20),
            "{name}: cut after {took:?}"
        );
        assert!(
            took < Duration::from_secs(5),
            "{name}: only cut after {took:?}"
        );
    }
    assert_eq!(server.counters.cut_off(), cases.len() as u64);
}

#[test]
fn a_head_that_trickles_in_is_cut_in_the_same_time() {
    let server = Server::start(Limits {
        header_read: SHORT,
        ..Limits::default()
    });
    let mut client = server.connect();
    let began = Instant::now();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n");
    while client.0.write_all(b"X: y\r\n").is_ok() {
        assert!(began.elapsed() < Duration::from_secs(5));
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_body_that_does_not_come_is_waited_for_so_long_and_no_longer() {
    let server = Server::start(Limits {
        body_read: SHORT,
        ..Limits::default()
    });
    let mut client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    let answer = client.answer().unwrap();
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (408, "RequestTimeoutException")
    );
    assert!(client.is_ended());
    assert_eq!(server.asked(), 0);
}

#[test]
fn a_request_that_takes_too_long_is_given_up() {
    let server = Server::start(Limits {
        request: SHORT,
        ..Limits::default()
    });
    let mut client = server.connect();
    client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = client.answer().unwrap();
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "ServiceUnavailable")
    );
    client.send(GET);
    assert_eq!(
        client.answer().unwrap().status,
        200,
        "the connection goes on"
    );
}

#[test]
fn a_client_that_leaves_its_answer_unread_is_cut() {
    let server = Server::start(Limits {
        response_write: SHORT,
        ..Limits::default()
    });
    let mut client = server.connect();
    client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually(|| server.counters.cut_off() == 1 && server.counters.open() == 0);
}

#[test]
fn an_idle_connection_is_ended_after_its_time() {
    let server = Server::start(Limits {
        keep_alive: SHORT,
        ..Limits::default()
    });
    let mut client = server.connect();
    client.send(GET);
    assert_eq!(client.answer().unwrap().status, 200);
    let began = Instant::now();
    assert!(client.is_ended());
    assert!(
        began.elapsed() >= SHORT - Duration::from_millis(20)
            && began.elapsed() < Duration::from_secs(5)
    );
    assert_eq!(server.counters.cut_off(), 0, "an orderly end is no cut");
}

#[test]
fn a_source_has_so_many_connections_and_gets_them_back() {
    let server = Server::start(Limits {
        connections_per_source: 2,
        ..Limits::default()
    });
    let mut first = server.connect();
    first.send(GET);
    assert_eq!(first.answer().unwrap().status, 200);
    let mut second = server.connect();
    second.send(GET);
    assert_eq!(second.answer().unwrap().status, 200);
    assert!(server.connect().is_ended());
    assert_eq!(server.counters.refused(), 1);
    drop(first);
    eventually(|| server.counters.open() == 1);
    assert!(server.serves());
}

#[test]
fn a_configured_proxy_tells_who_the_client_is() {
    let proxies = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let server = Server::start_with(Limits::default(), proxies, None);
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n\r\n");
    assert_eq!(
        client.answer().unwrap().text(),
        "GET / Some(\"192.0.2.1\") secure 0"
    );
}

#[test]
fn large_bodies_share_a_bounded_memory_and_wait_for_it() {
    let server = Server::start(Limits {
        body_memory_bytes: 1_048_576,
        ..Limits::default()
    });
    // One takes all of it and stalls.
    let mut stalled = server.connect();
    stalled.send(&post(1_000_000)[..200_000]);
    // As soon as the server has read that far, another large body has to wait, and a small one has not.
    let mut waiting = (0..100)
        .find_map(|_| {
            let mut client = server.connect();
            client.send(post(1_000_000));
            client.0.set_read_timeout(Some(SHORT)).unwrap();
            let answered = std::io::Read::read(&mut &client.0, &mut [0]).is_ok();
            (!answered).then_some(client)
        })
        .expect("a large body that waits");
    assert!(server.serves());
    drop(stalled);
    waiting.0.set_read_timeout(None).unwrap();
    assert_eq!(waiting.answer().unwrap().status, 200);
}
