//! How a listener ends.

use std::time::{Duration, Instant};

use strongroom::edge::Limits;

use super::{GET, Server};

#[test]
fn a_shutdown_lets_requests_finish_and_takes_no_new_ones() {
    let mut server = Server::start(Limits::default());
    let mut busy = server.connect();
    busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut idle = server.connect();
    idle.send(GET);
    assert_eq!(idle.answer().unwrap().status, 200);
    server.runtime.block_on(server.echo.waiting.notified());

    let running = server.running.take().unwrap();
    let ending = server.runtime.spawn(running.shut_down());
    assert!(idle.is_ended(), "an idle connection ends at once");
    while std::net::TcpStream::connect(server.address).is_ok() {
        std::thread::yield_now();
    }
    assert!(!ending.is_finished());
    server.echo.release.notify_one();
    assert_eq!(busy.answer().unwrap().status, 200);
    assert!(busy.is_ended());
    assert!(
        server.runtime.block_on(ending).unwrap(),
        "all finished by themselves"
    );
}

#[test]
fn a_shutdown_waits_so_long_and_no_longer() {
    let limit = Duration::from_millis(200);
    let mut server = Server::start(Limits {
        shutdown: limit,
        ..Limits::default()
    });
    let mut busy = server.connect();
    busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    server.runtime.block_on(server.echo.waiting.notified());
    let began = Instant::now();
    let running = server.running.take().unwrap();
    assert!(!server.runtime.block_on(running.shut_down()));
    assert!(began.elapsed() >= limit && began.elapsed() < Duration::from_secs(5));
    assert!(busy.is_ended());
}
