//! How long a function's process lives: kept for the next invocation, ended at every limit, gone with the server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use strongroom::functions::runtime::{Isolation, Language};
use strongroom::functions::{FunctionError, LOG_TAIL_BYTES_MAX, NotInvoked, PAYLOAD_BYTES_MAX};

use super::{Function, Machine, log_of, processes_of, wait_until};

const COUNTS: &str =
    "count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return count\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_process_is_used_again_by_the_same_revision_alone() {
    let machine = Machine::new();
    let function = Function::python("counts", COUNTS);
    assert_eq!(machine.invoke(&function, "{}").await.0, 1);
    assert_eq!(machine.invoke(&function, "{}").await.0, 2);
    let (value, answer) = machine.invoke(&function, "{}").await;
    assert_eq!(value, 3);
    assert!(!log_of(&answer).contains("Init Duration"));
    assert_eq!(function.starts(), 1);
    let changed =
        Function::python("counts", COUNTS).with(|launch| launch.revision = "2".to_owned());
    assert_eq!(machine.invoke(&changed, "{}").await.0, 1);
    // The older one was ended.
    assert_eq!(machine.invoke(&function, "{}").await.0, 1);
    let other = Function::python("counts-too", COUNTS);
    assert_eq!(machine.invoke(&other, "{}").await.0, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_serves_one_invocation_at_a_time() {
    let machine = Arc::new(Machine::new());
    let source = "import time\ncount = 0\ndef handler(event, context):\n    global count\n    count += 1\n    time.sleep(0.5)\n    return count\n";
    let function = Arc::new(Function::python("slow", source));
    let (one, two) = tokio::join!(
        machine.invoke(&function, "{}"),
        machine.invoke(&function, "{}")
    );
    assert_eq!((one.0, two.0), (json!(1), json!(1)));
    assert_eq!(function.starts(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_is_ended_when_idle_for_too_long_and_at_shutdown() {
    let machine = Machine::with(|settings| settings.idle = Duration::from_millis(500));
    let function = Function::python("is-idle", COUNTS);
    machine.invoke(&function, "{}").await;
    assert_eq!(processes_of("is-idle").len(), 1);
    wait_until(|| processes_of("is-idle").is_empty()).await;
    machine.invoke(&function, "{}").await;
    assert_eq!(function.starts(), 2);
    machine.runtime.shut_down().await;
    assert!(processes_of("is-idle").is_empty());
    let refused = machine.try_invoke(&function, "{}").await;
    assert!(matches!(refused, Err(NotInvoked::Busy(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_is_not_used_again_when_its_credentials_are_about_to_end() {
    let machine = Machine::new();
    let mut function = Function::python("expires", COUNTS);
    function.credentials_last = function.launch.timeout + Duration::from_secs(300);
    machine.invoke(&function, "{}").await;
    machine.clock.advance(Duration::from_secs(200));
    assert_eq!(machine.invoke(&function, "{}").await.0, 2);
    machine.clock.advance(Duration::from_secs(60));
    assert_eq!(machine.invoke(&function, "{}").await.0, 1);
    assert_eq!(function.starts(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_places_are_taken_the_longest_idle_process_makes_room_and_a_busy_one_does_not() {
    let machine = Machine::with(|settings| settings.processes_max = 1);
    let first = Function::python("takes-place", COUNTS);
    let second = Function::python("wants-place", COUNTS);
    machine.invoke(&first, "{}").await;
    machine.invoke(&second, "{}").await;
    assert!(processes_of("takes-place").is_empty());
    let slow = Function::python(
        "is-busy",
        "import time\ndef handler(event, context):\n    time.sleep(1)\n",
    );
    let (slow, refused) = tokio::join!(machine.invoke(&slow, "{}"), async {
        wait_until(|| !processes_of("is-busy").is_empty()).await;
        machine.try_invoke(&first, "{}").await
    });
    assert_eq!(slow.1.error, None);
    match refused {
        Err(NotInvoked::Busy(why)) => assert!(why.contains("functions.local.processes"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invocation_that_takes_too_long_is_ended_with_all_that_it_started() {
    let machine = Machine::new();
    for (name, source) in [
        (
            "sleeps",
            "import time\ndef handler(event, context):\n    print('begun')\n    time.sleep(60)\n",
        ),
        (
            "ignores-signals",
            "import signal, time, subprocess\nfor each in range(1, 32):\n    try: signal.signal(each, signal.SIG_IGN)\n    except OSError: pass\ndef handler(event, context):\n    subprocess.Popen(['sleep', '60'], start_new_session=True)\n    while True: pass\n",
        ),
        ("never-begins", "import time\ntime.sleep(60)\n"),
    ] {
        let timeout = Duration::from_millis(1500);
        let function = Function::python(name, source).with(|launch| launch.timeout = timeout);
        let began = Instant::now();
        let (value, answer) = machine.invoke(&function, "{}").await;
        let message = value["errorMessage"].as_str().unwrap();
        assert!(
            message.ends_with(" Task timed out after 1.50 seconds"),
            "{message}"
        );
        assert_eq!(value.as_object().unwrap().len(), 1);
        assert_eq!(answer.error, Some(FunctionError::Unhandled));
        let log = log_of(&answer);
        assert!(
            log.contains(message) && log.contains("\tStatus: timeout"),
            "{log}"
        );
        assert!(
            began.elapsed() < Duration::from_secs(14),
            "{:?}",
            began.elapsed()
        );
        assert!(processes_of(name).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_takes_too_much_memory_is_ended() {
    let machine = Machine::new();
    let python = Function::python(
        "greedy",
        "def handler(event, context):\n    kept = []\n    while True: kept.append(bytearray(4 << 20))\n",
    );
    let node = Function::node(
        "greedy-node",
        "index.js",
        "exports.handler = async () => { const kept = []; for (;;) kept.push(Buffer.alloc(4 << 20, 1)); };",
    );
    let children = Function::python(
        "greedy-children",
        "import subprocess, time\nTAKE = 'x = bytearray(60 << 20); import time; time.sleep(60)'\ndef handler(event, context):\n    for _ in range(8): subprocess.Popen(['python3', '-c', TAKE])\n    time.sleep(60)\n",
    );
    for function in [python, node, children] {
        let (value, answer) = machine.invoke(&function, "{}").await;
        assert_eq!(value["errorType"], "Runtime.ExitError", "{value}");
        let message = value["errorMessage"].as_str().unwrap();
        assert!(
            message.ends_with("Runtime exited with error: signal: killed"),
            "{message}"
        );
        assert_eq!(answer.error, Some(FunctionError::Unhandled));
        let log = log_of(&answer);
        assert!(log.contains("Error Type: Runtime.OutOfMemory"), "{log}");
        assert!(processes_of(&function.launch.function.name).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_is_told_by_how_it_ended_and_the_next_invocation_has_another() {
    let machine = Machine::new();
    let source = r#"
import ctypes, os, signal, sys
def handler(event, context):
    how = event["how"]
    if how == "exit": os._exit(7)
    if how == "quietly": os._exit(0)
    if how == "raise": sys.exit(3)
    if how == "kill": os.kill(os.getpid(), signal.SIGKILL)
    if how == "abort": os.abort()
    if how == "segfault": ctypes.string_at(0)
    return "fine"
"#;
    let function = Function::python("ends", source);
    for (how, message) in [
        ("exit", "Runtime exited with error: exit status 7"),
        ("quietly", "Runtime exited without providing a reason"),
        ("raise", "Runtime exited with error: exit status 3"),
        ("kill", "Runtime exited with error: signal: killed"),
        ("abort", "Runtime exited with error: signal: aborted"),
        (
            "segfault",
            "Runtime exited with error: signal: segmentation fault",
        ),
    ] {
        let (value, answer) = machine
            .invoke(&function, &json!({"how": how}).to_string())
            .await;
        assert_eq!(value["errorType"], "Runtime.ExitError", "{how}: {value}");
        let told = value["errorMessage"].as_str().unwrap();
        assert!(
            told.ends_with(message) && told.starts_with("RequestId: "),
            "{how}: {told}"
        );
        assert_eq!(answer.error, Some(FunctionError::Unhandled));
        let (value, _) = machine.invoke(&function, r#"{"how": "not"}"#).await;
        assert_eq!(value, "fine");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_a_limit_and_a_log_keeps_its_end() {
    let machine = Machine::new();
    let source = r#"
import os, sys
def handler(event, context):
    if event.get("flood"):
        line = b"x" * 1000 + b"\n"
        for _ in range(20_000): os.write(event["flood"], line)
        print("the end")
    return "y" * event.get("bytes", 0)
"#;
    let function = Function::python("talks", source);
    // Two of the bytes are quotes.
    let (value, _) = machine
        .invoke(
            &function,
            &json!({"bytes": PAYLOAD_BYTES_MAX - 2}).to_string(),
        )
        .await;
    assert_eq!(value.as_str().unwrap().len(), PAYLOAD_BYTES_MAX - 2);
    let (value, answer) = machine
        .invoke(
            &function,
            &json!({"bytes": PAYLOAD_BYTES_MAX - 1}).to_string(),
        )
        .await;
    assert_eq!(
        value["errorType"], "Function.ResponseSizeTooLarge",
        "{value}"
    );
    assert_eq!(answer.error, Some(FunctionError::Unhandled));
    for output in [1, 2] {
        let (value, answer) = machine
            .invoke(&function, &json!({"flood": output}).to_string())
            .await;
        assert_eq!(value, "");
        let log = log_of(&answer);
        assert_eq!(log.len(), LOG_TAIL_BYTES_MAX);
        assert!(log.contains("xxx\nthe end\nEND RequestId: "), "{log}");
        assert!(log.contains("\nREPORT RequestId: "), "{log}");
    }
    assert_eq!(function.starts(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_event_arrives_whole() {
    let machine = Machine::new();
    let function = Function::python(
        "large",
        "def handler(event, context):\n    return len(event)\n",
    );
    let event = json!("z".repeat(PAYLOAD_BYTES_MAX - 2)).to_string();
    assert_eq!(
        machine.invoke(&function, &event).await.0,
        PAYLOAD_BYTES_MAX - 2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invocation_that_nobody_waits_for_any_more_is_ended() {
    let machine = Machine::new();
    let function = Function::python(
        "forgotten",
        "import time\ndef handler(event, context):\n    time.sleep(60)\n",
    );
    tokio::select! {
        _ = machine.invoke(&function, "{}") => panic!("it answered"),
        () = wait_until(|| !processes_of("forgotten").is_empty()) => {}
    }
    wait_until(|| processes_of("forgotten").is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_the_runtime_api_harms_nobody_else() {
    let machine = Machine::new();
    let source = r#"#!/usr/bin/env python3
import http.client, os, socket, time
place = os.environ["AWS_LAMBDA_RUNTIME_API"]
host, port = place.split(":")
api = http.client.HTTPConnection(place)
api.request("GET", "/2018-06-01/runtime/invocation/next")
response = api.getresponse()
identity = response.headers["Lambda-Runtime-Aws-Request-Id"]
response.read()
for garbage in [b"\0" * 4096, b"GET / HTTP/9.9\r\n\r\n", b"POST " + b"a" * 200_000, b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"]:
    wild = socket.create_connection((host, int(port)))
    wild.sendall(garbage)
many = [socket.create_connection((host, int(port))) for _ in range(200)]
for each in many: each.close()
path = "/2018-06-01/runtime/invocation/%s/response" % identity
api = http.client.HTTPConnection(place)
for _ in range(100):
    try:
        api.request("POST", path, b"\xff\xfe not JSON")
        print(api.getresponse().read())
        break
    except OSError:
        # All of its places may be taken by what it has connected itself.
        time.sleep(0.05)
        api = http.client.HTTPConnection(place)
time.sleep(60)
"#;
    let function = Function::of("wild", Language::Provided, "x", &[("bootstrap", source)]);
    let answer = machine.try_invoke(&function, "{}").await.unwrap();
    // What a program of its own answers is passed on as it is, as Lambda does.
    assert_eq!(
        answer.payload.expose(),
        b"\xff\xfe not JSON",
        "{}",
        log_of(&answer)
    );
    let other = Function::python("calm", COUNTS);
    assert_eq!(machine.invoke(&other, "{}").await.0, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_isolation_a_function_runs_and_still_leaves_nothing_behind() {
    let machine = Machine::with(|settings| settings.isolation = Isolation::None);
    let source = r#"
import os, subprocess
def handler(event, context):
    subprocess.Popen(["sleep", "60"], start_new_session=True)
    return os.environ["LAMBDA_TASK_ROOT"]
"#;
    let function = Function::python("in-the-open", source);
    let (value, answer) = machine.invoke(&function, "{}").await;
    let folder = machine.folder.path().join("functions/code");
    assert!(
        value
            .as_str()
            .unwrap()
            .starts_with(folder.to_str().unwrap()),
        "{value} {}",
        log_of(&answer)
    );
    wait_until(|| processes_of("in-the-open").len() == 2).await;
    machine.runtime.shut_down().await;
    assert!(processes_of("in-the-open").is_empty());
}
