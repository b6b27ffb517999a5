//! What goes wrong while a function does a step, drawn from a seed.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::random::Random;

/// Where in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Point {
    /// Nothing is done yet.
    Before,
    /// All is read that must be, and nothing changed.
    HalfWay,
    /// The step's work is done, and nobody was told.
    After,
}

/// What goes wrong in a step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// Nothing.
    None,
    /// The function gets that far, and this comes back in place of its answer.
    Answers(Point, Instead),
    /// The function gets that far, and the server is killed. The function either goes with it, or outlives it and ends
    /// its step when there is a server again.
    Killed { at: Point, outlived: bool },
    /// The server is killed during the request that changes something.
    KilledInRequest,
    /// The server is killed when it has just been answered.
    KilledAfterwards,
}

/// What comes back in place of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Instead {
    Raised,
    TimedOut,
    Killed,
    OutOfMemory,
    ErrorOfGarbage,
    GarbageAsSuccess,
    Status(&'static str, &'static str),
    CutOff,
    NoHttp,
    Nothing,
    /// As if it had done its step.
    Success,
}

const INSTEAD: &[Instead] = &[
    Instead::Raised,
    Instead::TimedOut,
    Instead::Killed,
    Instead::OutOfMemory,
    Instead::ErrorOfGarbage,
    Instead::GarbageAsSuccess,
    Instead::Status("500 Internal Server Error", "ServiceException"),
    Instead::Status("502 Bad Gateway", "EC2UnexpectedException"),
    Instead::Status("503 Service Unavailable", ""),
    Instead::Status("429 Too Many Requests", "TooManyRequestsException"),
    Instead::Status("409 Conflict", "ResourceConflictException"),
    Instead::Status("404 Not Found", "ResourceNotFoundException"),
    Instead::Status("403 Forbidden", "AccessDeniedException"),
    Instead::Status("400 Bad Request", "InvalidRequestContentException"),
    Instead::CutOff,
    Instead::NoHttp,
    Instead::Nothing,
    Instead::Success,
];

impl Fault {
    pub(super) fn drawn(random: &mut Random) -> Self {
        let at = *random.pick(&[Point::Before, Point::HalfWay, Point::After]);
        match random.below(10) {
            0..6 => Fault::Answers(at, *random.pick(INSTEAD)),
            6 | 7 => Fault::Killed {
                at,
                outlived: random.one_in(2),
            },
            8 => Fault::KilledInRequest,
            _ => Fault::KilledAfterwards,
        }
    }
}

/// How long something takes that races with another.
pub(super) fn moment(random: &mut Random) -> Duration {
    Duration::from_micros(random.number() % 6000)
}

/// The whole answer of a function that did its step.
pub(super) fn success() -> Vec<u8> {
    answer("200 OK", "", b"null")
}

/// The whole answer of a function that raised. It prints what it had in hand, as functions do.
pub(super) fn raised(why: &str, password: &str) -> Vec<u8> {
    let body = serde_json::json!({
        "errorMessage": format!("{why}; the password was {password}"),
        "errorType": "ValueError",
        "requestId": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        "stackTrace": [format!("  File \"/var/task/app.py\", line 7: {password}")],
    });
    let log = STANDARD.encode(format!("trying {password}\nValueError: {password}\n"));
    let headers = format!("X-Amz-Function-Error: Unhandled\r\nX-Amz-Log-Result: {log}\r\n");
    answer("200 OK", &headers, body.to_string().as_bytes())
}

impl Instead {
    pub(super) fn bytes(self, password: &str) -> Vec<u8> {
        let failed = |body: &str| {
            let headers = "X-Amz-Function-Error: Unhandled\r\n";
            answer("200 OK", headers, body.as_bytes())
        };
        match self {
            Instead::Raised => raised("no luck", password),
            Instead::TimedOut => failed(
                r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: 5f Error: Task timed out after 30.00 seconds"}"#,
            ),
            Instead::Killed => failed(
                r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: 5f Error: Runtime exited with error: signal: killed"}"#,
            ),
            Instead::OutOfMemory => failed(
                r#"{"errorType":"Runtime.OutOfMemory","errorMessage":"RequestId: 5f Error: Runtime exited with error: signal: killed"}"#,
            ),
            Instead::ErrorOfGarbage => {
                let garbage = [b"\xff\x00{\"".as_slice(), password.as_bytes()].concat();
                answer("200 OK", "X-Amz-Function-Error: Unhandled\r\n", &garbage)
            }
            Instead::GarbageAsSuccess => {
                answer("200 OK", "", format!("<html>{password}").as_bytes())
            }
            Instead::Status(status, kind) => {
                let body = format!(r#"{{"Type":"Service","Message":"{password}"}}"#);
                // What a server says of its refusals is told.
                let body = match status.starts_with('4') {
                    true => r#"{"Type":"User","Message":"not now"}"#,
                    false => &body,
                };
                let headers = format!("X-Amzn-ErrorType: {kind}\r\n");
                answer(status, &headers, body.as_bytes())
            }
            Instead::CutOff => b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nnull".to_vec(),
            Instead::NoHttp => b"\x16\x03\x01 no HTTP at all\r\n\r\n".to_vec(),
            Instead::Nothing => Vec::new(),
            Instead::Success => success(),
        }
    }
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}
