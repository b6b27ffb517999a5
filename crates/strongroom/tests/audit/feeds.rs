//! Feeds over HTTP and to files, with receivers that do what receivers do.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use strongroom::audit::feeds::{
    Authorization, Begin, Feed, FeedState, Feeds, FileTarget, Filter, Format, OtlpTarget, Patience,
    Target, WebhookTarget,
};
use strongroom::audit::source::Source;
use strongroom_keys::SecretBytes;

use super::memory_log::{MemoryLog, event, numbers};
use super::until;
use crate::functions::scripted::{Scripted, Step, answer, nobody, ok};

/// Quick, so that a test of failures takes no time.
pub(crate) const PATIENCE: Patience = Patience {
    delivery: Duration::from_millis(700),
    pause: Duration::from_millis(1),
    first_retry: Duration::from_millis(5),
    longest_retry: Duration::from_millis(20),
};

pub(crate) fn feed(target: Target) -> Feed {
    Feed {
        name: "siem".to_owned(),
        target,
        filter: Filter::default(),
        from: Begin::Start,
        batch_events: 100,
        patience: PATIENCE,
    }
}

pub(crate) fn start(feed: Feed, log: &Arc<MemoryLog>, folder: &Path) -> Feeds {
    let source: Arc<dyn Source> = log.clone();
    Feeds::start(vec![feed], &source, folder).unwrap()
}

pub(crate) fn state(feeds: &Feeds) -> FeedState {
    feeds.states().remove(0)
}

/// A log with as many events, numbered from 1.
pub(crate) fn log_with(count: usize) -> Arc<MemoryLog> {
    let log = Arc::new(MemoryLog::new("log"));
    (1..=count).for_each(|number| log.append_number(number));
    log
}

fn no_tls() -> Result<Arc<rustls::ClientConfig>, String> {
    Err("there is no TLS in this test".to_owned())
}

fn webhook(url: &str, format: Format) -> Target {
    let none = Authorization::default();
    Target::Webhook(WebhookTarget::new(url, format, false, none, no_tls).unwrap())
}

fn body(request: &str) -> &str {
    request.split_once("\r\n\r\n").unwrap().1
}

#[test]
fn events_are_posted_in_order_and_signed_for_their_receiver() {
    let folder = tempfile::tempdir().unwrap();
    let server = Scripted::start(vec![ok("", ""), ok("", "")]);
    let authorization = Authorization {
        bearer_token: Some(SecretBytes::copy_of(b"t0ken")),
        signing_key: Some(SecretBytes::copy_of(b"k3y")),
    };
    let url = format!("{}/in?x=1", server.url());
    let target = WebhookTarget::new(&url, Format::Array, false, authorization, no_tls).unwrap();
    let log = log_with(3);
    let feeds = start(feed(Target::Webhook(target)), &log, folder.path());
    until("three events are delivered", || {
        state(&feeds).delivered == 3
    });
    log.append_number(4);
    until("a fourth is", || state(&feeds).delivered == 4);

    let received = server.received();
    assert_eq!(
        body(&received[0]),
        format!("[{},{},{}]", event(1), event(2), event(3))
    );
    assert_eq!(body(&received[1]), format!("[{}]", event(4)));
    let first = received[0].to_ascii_lowercase();
    for part in [
        "post /in?x=1 http/1.1\r\n",
        "authorization: bearer t0ken\r\n",
        "content-type: application/json\r\n",
        "x-strongroom-feed: siem\r\n",
        "x-strongroom-sequences: 2-4\r\n",
    ] {
        assert!(first.contains(part), "{part} is not in {first}");
    }
    let signed = first.split("x-strongroom-signature: t=").nth(1).unwrap();
    let (seconds, rest) = signed.split_once(",v1=").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"k3y");
    let message = format!("{seconds}.{}", body(&received[0]));
    let expected = hmac::sign(&key, message.as_bytes());
    let expected: String = expected
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(rest.lines().next().unwrap(), expected);
    assert_eq!((state(&feeds).lag, state(&feeds).last_error), (0, None));
}

#[test]
fn whatever_a_receiver_does_no_event_is_lost_or_out_of_order() {
    let cut = Step::Send(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec());
    let short = Step::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc".to_vec());
    for (step, told) in [
        (answer("500 Internal Server Error", "", "no"), "answers 500"),
        (answer("503 Service Unavailable", "", ""), "answers 503"),
        (answer("429 Too Many Requests", "", ""), "answers 429"),
        (answer("400 Bad Request", "", ""), "answers 400"),
        (answer("401 Unauthorized", "", ""), "check the token"),
        (
            answer("302 Found", "Location: /x\r\n", ""),
            "redirects aren't followed",
        ),
        (
            Step::Send(b"220 mail.example ESMTP\r\n".to_vec()),
            "gives no whole answer",
        ),
        (cut, "gives no whole answer"),
        (short, "gives no whole answer"),
        (Step::Hang, "doesn't answer within"),
        (Step::Ignore, "doesn't answer within"),
        (
            Step::SendForEver(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 4096]),
            "isn't listened to further",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let server = Scripted::start(vec![step.clone(), step.clone(), ok("", ""), ok("", "")]);
        let log = log_with(5);
        let feeds = start(
            feed(webhook(&server.url(), Format::Lines)),
            &log,
            folder.path(),
        );
        let mut errors = Vec::new();
        until("all events are delivered", || {
            errors.extend(state(&feeds).last_error);
            log.append_number(6 + errors.len());
            state(&feeds).delivered >= 6
        });
        assert!(
            errors.iter().any(|error| error.contains(told)),
            "{step:?}: {told} is not in {errors:?}"
        );
        let good: Vec<usize> = server
            .received()
            .iter()
            .skip(match step {
                Step::Ignore => 0,
                _ => 2,
            })
            .flat_map(|request| numbers(body(request)))
            .collect();
        let expected: Vec<usize> = (1..=good.len()).collect();
        assert!(good.len() >= 5, "{good:?}");
        assert_eq!(good[..5], expected[..5], "{step:?}");
    }
}

#[test]
fn a_receiver_that_is_down_is_waited_for_and_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let address = nobody();
    let log = log_with(2);
    let feeds = start(
        feed(webhook(&format!("http://{address}"), Format::Array)),
        &log,
        folder.path(),
    );
    until("the failure is told", || state(&feeds).next_try.is_some());
    let told = state(&feeds);
    assert!(told.last_error.unwrap().contains("can't be reached"));
    assert_eq!((told.delivered, told.lag, told.last_delivery), (0, 3, None));
    let as_job = feeds.states()[0].worker();
    assert_eq!(as_job.name, "feed siem");
    assert!(as_job.last_error.is_some());
    (3..=2000).for_each(|number| log.append_number(number));

    let steps = (0..30).map(|_| ok("", "")).collect();
    let server = Scripted::start_at(address, steps);
    until("all are delivered", || state(&feeds).delivered == 2000);
    let got: Vec<usize> = server
        .received()
        .iter()
        .flat_map(|it| numbers(body(it)))
        .collect();
    assert_eq!(got, (1..=2000).collect::<Vec<_>>());
    let told = state(&feeds);
    assert_eq!((told.last_error, told.next_try), (None, None));
}

#[test]
fn a_receiver_that_takes_no_large_requests_gets_smaller_ones() {
    let folder = tempfile::tempdir().unwrap();
    let large = || answer("413 Payload Too Large", "", "");
    let server = Scripted::start(vec![large(), large(), ok("", ""), ok("", ""), ok("", "")]);
    let log = log_with(8);
    let feeds = start(
        feed(webhook(&server.url(), Format::Array)),
        &log,
        folder.path(),
    );
    until("all are delivered", || state(&feeds).delivered == 8);
    let sizes: Vec<usize> = server
        .received()
        .iter()
        .map(|it| numbers(body(it)).len())
        .collect();
    assert_eq!(sizes, [8, 4, 2, 4, 2]);
}

#[test]
fn a_restart_goes_on_where_the_last_one_was() {
    let folder = tempfile::tempdir().unwrap();
    let log = log_with(3);
    let server = Scripted::start(vec![ok("", ""), ok("", "")]);
    let feeds = start(
        feed(webhook(&server.url(), Format::Lines)),
        &log,
        folder.path(),
    );
    until("three are delivered", || state(&feeds).delivered == 3);
    drop(feeds);
    log.append_number(4);
    log.append_number(5);
    let feeds = start(
        feed(webhook(&server.url(), Format::Lines)),
        &log,
        folder.path(),
    );
    until("the others are", || state(&feeds).delivered == 2);
    assert_eq!(numbers(body(&server.received()[1])), [4, 5]);
}

#[test]
fn where_a_feed_begins_follows_from_its_settings_and_its_file() {
    let position = |folder: &Path| std::fs::read_to_string(folder.join("feeds/siem.json")).unwrap();
    for (from, kept, expected) in [
        (Begin::Start, None, vec![1, 2, 3]),
        (Begin::Now, None, vec![]),
        (
            Begin::Now,
            Some(r#"{"format":1,"log":"log","next":3}"#),
            vec![2, 3],
        ),
        // What was sent can't be told: rather twice than never.
        (Begin::Now, Some("{\"form"), vec![1, 2, 3]),
        (
            Begin::Now,
            Some(r#"{"format":9,"log":"log","next":3}"#),
            vec![1, 2, 3],
        ),
        (
            Begin::Now,
            Some(r#"{"format":1,"log":"another","next":3}"#),
            vec![1, 2, 3],
        ),
        // The log's end was lost: what comes there now is new.
        (
            Begin::Start,
            Some(r#"{"format":1,"log":"log","next":99}"#),
            vec![],
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        if let Some(kept) = kept {
            std::fs::create_dir(folder.path().join("feeds")).unwrap();
            std::fs::write(folder.path().join("feeds/siem.json"), kept).unwrap();
        }
        let log = log_with(3);
        let path = folder.path().join("events");
        let target = Target::File(FileTarget::new(path.clone(), 1 << 20, 1).unwrap());
        let feeds = start(
            Feed {
                from,
                ..feed(target)
            },
            &log,
            folder.path(),
        );
        log.append_number(4);
        let mut expected = expected;
        expected.push(4);
        until("all are delivered", || {
            state(&feeds).delivered as usize == expected.len()
        });
        assert_eq!(
            numbers(&std::fs::read_to_string(&path).unwrap()),
            expected,
            "{kept:?}"
        );
        drop(feeds);
        assert_eq!(
            position(folder.path()),
            "{\"format\":1,\"log\":\"log\",\"next\":6}\n"
        );
    }
}

#[test]
fn what_was_pruned_before_it_was_sent_is_told_and_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let log = log_with(5);
    log.prune(4);
    std::fs::create_dir(folder.path().join("feeds")).unwrap();
    let kept = r#"{"format":1,"log":"log","next":2}"#;
    std::fs::write(folder.path().join("feeds/siem.json"), kept).unwrap();
    let path = folder.path().join("events");
    let target = Target::File(FileTarget::new(path.clone(), 1 << 20, 1).unwrap());
    let feeds = start(feed(target), &log, folder.path());
    until("the others are delivered", || state(&feeds).delivered == 3);
    let remark = state(&feeds).remark.unwrap();
    assert!(
        remark.starts_with("records 2 to 3 of the log were removed"),
        "{remark}"
    );
    assert_eq!(numbers(&std::fs::read_to_string(&path).unwrap()), [3, 4, 5]);
}

#[test]
fn a_feed_sends_what_its_filter_takes_and_passes_over_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let log = log_with(2);
    log.append(r#"{"eventName":"GetSecretValue","errorCode":"AccessDenied","number":3}"#);
    let path = folder.path().join("events");
    let target = Target::File(FileTarget::new(path.clone(), 1 << 20, 1).unwrap());
    let filter = Filter {
        errors_only: true,
        ..Filter::default()
    };
    let feeds = start(
        Feed {
            filter,
            ..feed(target)
        },
        &log,
        folder.path(),
    );
    until("it is delivered", || state(&feeds).delivered == 1);
    log.append_number(4);
    until("nothing is behind", || state(&feeds).lag == 0);
    assert_eq!(numbers(&std::fs::read_to_string(&path).unwrap()), [3]);
}

#[test]
fn eventbridge_gets_each_change_by_itself_and_no_reads() {
    let folder = tempfile::tempdir().unwrap();
    let server = Scripted::start(vec![ok("", ""), ok("", "")]);
    let none = Authorization::default();
    let target = WebhookTarget::new(&server.url(), Format::Single, true, none, no_tls).unwrap();
    let log = log_with(1);
    log.append(r#"{"eventName":"GetSecretValue","number":2}"#);
    log.append(r#"{"detail-type":"Secret Label Updated","number":3}"#);
    let feeds = start(feed(Target::Webhook(target)), &log, folder.path());
    until("two are delivered", || state(&feeds).delivered == 2);
    let received = server.received();
    assert!(body(&received[0]).contains("\"detail-type\":\"AWS API Call via CloudTrail\""));
    assert_eq!(numbers(body(&received[0])), [1]);
    assert_eq!(
        body(&received[1]),
        r#"{"detail-type":"Secret Label Updated","number":3}"#
    );
    assert_eq!(feeds.states()[0].kind, "eventbridge");
}

#[test]
fn what_is_in_eventbridges_form_is_for_eventbridge_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Scripted::start(vec![ok("", "")]);
    let none = Authorization::default();
    let webhook = WebhookTarget::new(&server.url(), Format::Array, false, none, no_tls).unwrap();
    let file = FileTarget::new(folder.path().join("events"), 1 << 20, 1).unwrap();
    for (number, target) in [Target::Webhook(webhook), Target::File(file)]
        .into_iter()
        .enumerate()
    {
        let log = log_with(1);
        log.append(r#"{"detail-type":"Secret Label Updated","number":2}"#);
        let positions = folder.path().join(number.to_string());
        std::fs::create_dir(&positions).unwrap();
        let feeds = start(feed(target), &log, &positions);
        until("one is delivered", || state(&feeds).delivered > 0);
        until("nothing is behind", || state(&feeds).lag == 0);
        assert_eq!(state(&feeds).delivered, 1, "{}", feeds.states()[0].kind);
    }
}

#[test]
fn a_collectors_answer_must_be_one() {
    let folder = tempfile::tempdir().unwrap();
    let server = Scripted::start(vec![
        ok("Content-Type: text/html\r\n", "<html>please log in</html>"),
        ok(
            "",
            "{\"partialSuccess\":{\"rejectedLogRecords\":\"1\",\"errorMessage\":\"x\"}}",
        ),
        ok("", "{}"),
        ok("", ""),
    ]);
    let url = format!("{}/v1/logs", server.url());
    let target = OtlpTarget::new(&url, Authorization::default(), no_tls).unwrap();
    let log = log_with(1);
    let feeds = start(feed(Target::Otlp(target)), &log, folder.path());
    // Refused ones aren't sent again: the protocol forbids it.
    until("it is delivered", || state(&feeds).delivered == 1);
    for number in [2, 3] {
        log.append_number(number);
        until("the next is delivered", || {
            state(&feeds).delivered as usize == number
        });
    }
    let received = server.received();
    assert_eq!(received.len(), 4);
    assert_eq!(body(&received[0]), body(&received[1]));
    assert!(received[0].starts_with("POST /v1/logs HTTP/1.1\r\n"));
    assert!(body(&received[0]).starts_with("{\"resourceLogs\":[{"));
}

#[test]
fn a_target_that_hangs_holds_up_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let server = Scripted::start(vec![Step::Hang, Step::Hang]);
    let hanging = Feed {
        patience: Patience {
            delivery: Duration::from_secs(3600),
            ..PATIENCE
        },
        ..feed(webhook(&server.url(), Format::Array))
    };
    let path = folder.path().join("events");
    let file = Target::File(FileTarget::new(path, 1 << 20, 1).unwrap());
    let other = Feed {
        name: "other".to_owned(),
        ..feed(file)
    };
    let log = log_with(500);
    let source: Arc<dyn Source> = log.clone();
    let feeds = Feeds::start(vec![hanging, other], &source, folder.path()).unwrap();
    until("the other delivers", || feeds.states()[1].delivered == 500);
    assert_eq!(feeds.states()[0].delivered, 0);
    // The end doesn't wait for it either.
    drop(feeds);
}
