//! What Lambda answers and logs where a function fails in a way that it can't report itself.
//!
//! Source: AWS Lambda Developer Guide, Understanding the Lambda execution environment lifecycle, and Troubleshoot
//! invocation issues in Lambda.

use std::time::Duration;

use serde_json::json;
use strongroom_services::time::{Timestamp, rfc3339};

use super::host::Report;

/// Why an invocation has no answer of its function's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// It took longer than it may.
    TimedOut(Duration),
    /// Its processes took more memory than they may.
    OutOfMemory,
    /// Its process ended.
    Ended(Option<Report>),
    /// It answered more than it may.
    AnswerTooLarge,
    /// There is no executable `bootstrap` in the code.
    NoBootstrap,
}

impl Broken {
    /// The payload of the answer.
    pub(super) fn payload(&self, request_id: &str, now: Timestamp) -> Vec<u8> {
        let payload = match self {
            Broken::TimedOut(limit) => json!({
                "errorMessage": format!(
                    "{} {request_id} Task timed out after {:.2} seconds",
                    to_the_millisecond(now),
                    limit.as_secs_f64()
                ),
            }),
            Broken::AnswerTooLarge => json!({
                "errorType": "Function.ResponseSizeTooLarge",
                "errorMessage": format!(
                    "Response payload size exceeded maximum allowed payload size ({} bytes).",
                    super::super::PAYLOAD_BYTES_MAX
                ),
            }),
            Broken::NoBootstrap => json!({
                "errorType": "Runtime.InvalidEntrypoint",
                "errorMessage": format!(
                    "RequestId: {request_id} Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
                ),
            }),
            Broken::OutOfMemory | Broken::Ended(_) => json!({
                "errorType": "Runtime.ExitError",
                "errorMessage": format!("RequestId: {request_id} Error: {}", self.cause()),
            }),
        };
        payload.to_string().into_bytes()
    }

    /// What the REPORT line says of it.
    pub(super) fn status(&self) -> String {
        match self {
            Broken::TimedOut(_) => "\tStatus: timeout".to_owned(),
            Broken::OutOfMemory => "\tStatus: error\tError Type: Runtime.OutOfMemory".to_owned(),
            Broken::AnswerTooLarge => {
                "\tStatus: error\tError Type: Function.ResponseSizeTooLarge".to_owned()
            }
            Broken::NoBootstrap => {
                "\tStatus: error\tError Type: Runtime.InvalidEntrypoint".to_owned()
            }
            Broken::Ended(_) => "\tStatus: error\tError Type: Runtime.ExitError".to_owned(),
        }
    }

    fn cause(&self) -> String {
        match self {
            Broken::Ended(Some(Report::Exited(0)) | None) => {
                "Runtime exited without providing a reason".to_owned()
            }
            Broken::Ended(Some(Report::Exited(status))) => {
                format!("Runtime exited with error: exit status {status}")
            }
            Broken::Ended(Some(Report::Killed(signal))) => {
                format!(
                    "Runtime exited with error: signal: {}",
                    signal_words(*signal)
                )
            }
            _ => "Runtime exited with error: signal: killed".to_owned(),
        }
    }
}

/// An instant as Lambda writes it: `2026-11-28T13:20:32.123Z`.
fn to_the_millisecond(instant: Timestamp) -> String {
    let milliseconds = instant.milliseconds().rem_euclid(1000);
    let seconds = rfc3339(instant);
    let seconds = seconds.split(['.', 'Z']).next().unwrap_or_default();
    format!("{seconds}.{milliseconds:03}Z")
}

/// A signal in the words of Lambda's messages.
fn signal_words(signal: i32) -> String {
    match signal {
        4 => "illegal instruction".to_owned(),
        6 => "aborted".to_owned(),
        7 => "bus error".to_owned(),
        8 => "floating point exception".to_owned(),
        9 => "killed".to_owned(),
        11 => "segmentation fault".to_owned(),
        15 => "terminated".to_owned(),
        other => format!("signal {other}"),
    }
}

/// The numbers of the REPORT line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) duration: Duration,
    /// How long the start took, where this invocation caused it.
    pub(super) start: Option<Duration>,
    pub(super) memory_mib: u32,
    pub(super) memory_used_bytes: u64,
}

/// The line that ends an invocation's log.
pub(super) fn report_line(request_id: &str, measured: &Measured, status: &str) -> String {
    let milliseconds = |duration: Duration| duration.as_secs_f64() * 1000.0;
    let start = measured.start.map_or(String::new(), |start| {
        format!("\tInit Duration: {:.2} ms", milliseconds(start))
    });
    format!(
        "REPORT RequestId: {request_id}\tDuration: {:.2} ms\tBilled Duration: {} ms\tMemory Size: {} MB\tMax Memory Used: {} MB{start}{status}\t\n",
        milliseconds(measured.duration),
        milliseconds(measured.duration).ceil(),
        measured.memory_mib,
        measured.memory_used_bytes.div_ceil(1024 * 1024),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_that_broke_off_is_described_in_lambdas_words() {
        let now = Timestamp::from_milliseconds(1_774_000_000_123);
        let timed_out = Broken::TimedOut(Duration::from_secs(3)).payload("id", now);
        let text = String::from_utf8(timed_out).unwrap();
        assert!(
            text.ends_with(".123Z id Task timed out after 3.00 seconds\"}"),
            "{text}"
        );
        for (report, message) in [
            (
                None,
                "RequestId: id Error: Runtime exited without providing a reason",
            ),
            (
                Some(Report::Exited(0)),
                "RequestId: id Error: Runtime exited without providing a reason",
            ),
            (
                Some(Report::Exited(7)),
                "RequestId: id Error: Runtime exited with error: exit status 7",
            ),
            (
                Some(Report::Killed(11)),
                "RequestId: id Error: Runtime exited with error: signal: segmentation fault",
            ),
        ] {
            let payload = Broken::Ended(report).payload("id", now);
            let payload: serde_json::Value = serde_json::from_slice(&payload).unwrap();
            assert_eq!(payload["errorMessage"], message);
            assert_eq!(payload["errorType"], "Runtime.ExitError");
        }
    }
}
