//! HTTP/2 on the same port.

use std::io::Read as _;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use strongroom::edge::Limits;
use tokio::net::TcpStream;

use super::Server;

async fn connect(server: &Server) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    sender
}

fn request(path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post(format!("http://a{path}"))
        .body(Full::new(body.into()))
        .unwrap()
}

async fn text(response: Response<hyper::body::Incoming>) -> String {
    String::from_utf8(
        response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .to_vec(),
    )
    .unwrap()
}

#[test]
fn requests_of_one_connection_do_not_wait_for_each_other() {
    let server = Server::start(Limits::default());
    server.runtime.block_on(async {
        let mut sender = connect(&server).await;
        let slow = tokio::spawn(sender.send_request(request("/wait", "")));
        server.echo.waiting.notified().await;
        let fast = sender
            .send_request(request("/fast", vec![0; 100_000]))
            .await
            .unwrap();
        assert_eq!(fast.headers()["content-type"], "text/plain");
        assert_eq!(fast.headers()["x-amzn-requestid"].len(), 36);
        assert!(fast.headers().contains_key("date"));
        assert_eq!(
            text(fast).await,
            "POST /fast Some(\"127.0.0.1\") plain 100000"
        );
        server.echo.release.notify_one();
        assert_eq!(slow.await.unwrap().unwrap().status(), StatusCode::OK);
    });
    assert_eq!(server.counters.accepted(), 1);
}

#[test]
fn limits_and_refusals_are_those_of_http1() {
    let server = Server::start(Limits::default());
    server.runtime.block_on(async {
        let mut sender = connect(&server).await;
        let mut twice = request("/", "");
        for value in ["x", "y"] {
            twice
                .headers_mut()
                .append("authorization", value.parse().unwrap());
        }
        let mut other_host = request("/", "");
        other_host
            .headers_mut()
            .insert("host", "b".parse().unwrap());
        let cases = [
            (
                request("/", vec![0; 1_048_577]),
                413,
                "RequestEntityTooLargeException",
            ),
            (twice, 400, "MalformedHttpRequestException"),
            (other_host, 400, "MalformedHttpRequestException"),
            (request("/panic", ""), 500, "InternalServiceError"),
        ];
        for (request, status, code) in cases {
            let response = sender.send_request(request).await.unwrap();
            assert_eq!(response.status().as_u16(), status);
            let body = text(response).await;
            assert!(body.contains(code), "{body}");
        }
        let response = sender.send_request(request("/", "")).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "the connection goes on");
    });
    assert_eq!(server.asked(), 2);
}

#[test]
fn a_flood_of_reset_requests_ends_its_connection_alone() {
    let server = Server::start(Limits::default());
    let mut client = server.connect();
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    client.send([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    // HEADERS of `POST http a/` that end the stream, each reset at once.
    let block = [0x83, 0x86, 0x84, 0x41, 0x01, b'a'];
    let mut flood = Vec::new();
    for stream in (1_u32..20_001).step_by(2) {
        flood.extend([0, 0, block.len() as u8, 1, 0x4 | 0x1]);
        flood.extend(stream.to_be_bytes());
        flood.extend(block);
        flood.extend([0, 0, 4, 3, 0]);
        flood.extend(stream.to_be_bytes());
        flood.extend([0, 0, 0, 8]);
    }
    let _ = std::io::Write::write_all(&mut client.0, &flood);
    let mut rest = Vec::new();
    let _ = client.0.read_to_end(&mut rest);
    // GOAWAY (type 7) with ENHANCE_YOUR_CALM (11), unless the connection was gone before it could be read.
    let frames: Vec<u8> = frames(&rest).map(|(kind, _)| kind).collect();
    assert!(frames.contains(&7) || rest.is_empty(), "{frames:?}");
    assert!(server.serves());
}

fn frames(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let header = bytes.get(..9)?;
        let length = usize::from(header[1]) << 8 | usize::from(header[2]);
        let frame = (header[3], bytes.get(9..9 + length)?);
        bytes = &bytes[9 + length..];
        Some(frame)
    })
}
