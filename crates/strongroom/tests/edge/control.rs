//! The control routes of dev mode.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst};

use bytes::Bytes;
use http::{Request, StatusCode};
use strongroom::edge::control::{DevServer, WithControl};
use strongroom::edge::{Application, Received, Reply, new_request_id};

#[derive(Default)]
struct Stand {
    resets: AtomicUsize,
    clock_milliseconds: AtomicI64,
}

impl Application for Stand {
    async fn answer(&self, _: &Received) -> Reply {
        Reply::new(StatusCode::OK, "text/plain", "the API")
    }
}

impl DevServer for Stand {
    async fn reset(&self) -> Result<(), String> {
        self.resets.fetch_add(1, SeqCst);
        Ok(())
    }

    fn clock_milliseconds(&self) -> i64 {
        self.clock_milliseconds.load(SeqCst)
    }

    async fn advance_clock(&self, seconds: u64) -> Result<(), String> {
        self.clock_milliseconds
            .fetch_add(seconds as i64 * 1_000, SeqCst);
        Ok(())
    }
}

fn ask(
    stand: &Arc<Stand>,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &'static str,
) -> (u16, String) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let received = Received {
        parts: request.body(()).unwrap().into_parts().0,
        body: Bytes::from_static(body.as_bytes()),
        peer: None,
        secure: false,
        tls: None,
        request_id: new_request_id(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let reply = runtime.block_on(WithControl::new(Arc::clone(stand)).answer(&received));
    (
        reply.status.as_u16(),
        String::from_utf8(reply.body.to_vec()).unwrap(),
    )
}

#[test]
fn the_clock_goes_forward_and_never_back() {
    let stand = Arc::new(Stand::default());
    stand.clock_milliseconds.store(1_700_000_000_123, SeqCst);
    let (status, body) = ask(&stand, "GET", "/_strongroom/clock", &[], "");
    assert_eq!(
        (status, body.as_str()),
        (
            200,
            "{\"now\":1700000000.123,\"now_iso\":\"2023-11-14T22:13:20.123Z\"}\n"
        )
    );
    let (status, body) = ask(
        &stand,
        "POST",
        "/_strongroom/clock",
        &[],
        "{\"advance_seconds\": 86400}",
    );
    assert_eq!(
        (status, body.contains("1700086400.123")),
        (200, true),
        "{body}"
    );
    for wrong in [
        "",
        "[]",
        "{}",
        "{\"advance_seconds\": -1}",
        "{\"advance_seconds\": 1.5}",
        "{\"seconds\": 1}",
        "{\"advance_seconds\": 99999999999999}",
    ] {
        let (status, body) = ask(&stand, "POST", "/_strongroom/clock", &[], wrong);
        assert_eq!(status, 400, "{wrong}");
        assert!(body.contains("advance_seconds"), "{wrong}: {body}");
    }
    assert_eq!(stand.clock_milliseconds(), 1_700_086_400_123);
}

#[test]
fn a_web_page_controls_nothing() {
    let stand = Arc::new(Stand::default());
    for (method, path) in [
        ("POST", "/_strongroom/reset"),
        ("GET", "/_strongroom/clock"),
        ("POST", "/_strongroom/clock"),
    ] {
        for origin in ["https://evil.example", "null", "http://127.0.0.1:4599"] {
            let (status, body) = ask(
                &stand,
                method,
                path,
                &[("origin", origin)],
                "{\"advance_seconds\": 1}",
            );
            assert_eq!(status, 403, "{method} {path} {body}");
        }
    }
    assert_eq!(
        (stand.resets.load(SeqCst), stand.clock_milliseconds()),
        (0, 0)
    );
}

#[test]
fn what_is_no_control_is_answered_helpfully_and_the_rest_is_the_api() {
    let stand = Arc::new(Stand::default());
    let cases = [
        ("POST", "/_strongroom/reset", 200, "{}"),
        ("GET", "/_strongroom/reset", 405, "POST /_strongroom/reset"),
        ("DELETE", "/_strongroom/clock", 405, "GET or POST"),
        ("GET", "/_strongroom/", 404, "there are"),
        ("GET", "/_strongroom/rest", 404, "POST /_strongroom/reset"),
        ("GET", "/_strongroom", 200, "the API"),
        ("POST", "/", 200, "the API"),
    ];
    for (method, path, status, text) in cases {
        let answer = ask(&stand, method, path, &[], "");
        assert_eq!(answer.0, status, "{method} {path}");
        assert!(answer.1.contains(text), "{method} {path}: {}", answer.1);
    }
    assert_eq!(stand.resets.load(SeqCst), 1);
}
