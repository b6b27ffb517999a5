//! Python, Node.js and programs of their own: handlers, contexts, errors, what they find around them.

use serde_json::json;
use strongroom::functions::FunctionError;
use strongroom::functions::runtime::Language;
use strongroom_keys::SecretBytes;

use super::{Function, Machine, log_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_python_handler_is_given_the_event_and_a_context() {
    let machine = Machine::new();
    let source = r#"
import os
def handler(event, context):
    print("seen", event["value"])
    return {
        "value": event["value"], "name": context.function_name, "memory": context.memory_limit_in_mb,
        "arn": context.invoked_function_arn, "id": len(context.aws_request_id),
        "stream": context.log_stream_name, "left": context.get_remaining_time_in_millis(),
        "folder": os.getcwd(), "umlaut": "ü",
    }
"#;
    let function = Function::python("described", source);
    let (value, answer) = machine.invoke(&function, r#"{"value": 7}"#).await;
    assert_eq!(answer.error, None, "{value} {}", log_of(&answer));
    assert_eq!(value["value"], 7);
    assert_eq!(value["name"], "described");
    assert_eq!(value["memory"], "256");
    assert_eq!(value["arn"], function.launch.function.to_string());
    assert_eq!(value["id"], 36);
    assert!(value["stream"].as_str().unwrap().contains("/[$LATEST]"));
    let left = value["left"].as_i64().unwrap();
    assert!((25_000..=30_000).contains(&left), "{left}");
    assert_eq!(value["folder"], "/var/task");
    assert_eq!(value["umlaut"], "ü");
    assert_eq!(answer.executed_version, "$LATEST");
    let log = log_of(&answer);
    assert!(
        log.starts_with("START RequestId: ") && log.contains(" Version: $LATEST\n"),
        "{log}"
    );
    assert!(
        log.contains("seen 7\n") && log.contains("\nEND RequestId: "),
        "{log}"
    );
    assert!(
        log.contains("Memory Size: 256 MB\tMax Memory Used: "),
        "{log}"
    );
    assert!(log.contains("Init Duration: "), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_handler_may_be_of_every_kind() {
    let machine = Machine::new();
    let context =
        "awsRequestId: context.awsRequestId.length, left: context.getRemainingTimeInMillis() > 0";
    for (name, file, source) in [
        (
            "common",
            "index.js",
            format!(
                "exports.handler = async (event, context) => ({{value: event.value, {context}}});"
            ),
        ),
        (
            "called-back",
            "index.js",
            format!(
                "exports.handler = (event, context, callback) => {{ setTimeout(() => callback(null, {{value: event.value, {context}}}), 5); }};"
            ),
        ),
        (
            "module",
            "index.mjs",
            format!(
                "export const handler = async (event, context) => ({{value: event.value, {context}}});"
            ),
        ),
        (
            "not-exported-by-name",
            "index.cjs",
            format!(
                "const all = {{}}; all.handler = async (event, context) => ({{value: event.value, {context}}}); module.exports = all;"
            ),
        ),
    ] {
        let function = Function::node(name, file, &source);
        let (value, answer) = machine.invoke(&function, r#"{"value": [1]}"#).await;
        assert_eq!(answer.error, None, "{name}: {value} {}", log_of(&answer));
        assert_eq!(
            value,
            json!({"value": [1], "awsRequestId": 36, "left": true}),
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_waits_until_nothing_is_left_to_do_unless_it_says_otherwise() {
    let machine = Machine::new();
    let source = r#"
let isDone = false;
exports.handler = (event, context, callback) => {
  if (event.ask) return callback(null, isDone);
  context.callbackWaitsForEmptyEventLoop = event.wait;
  isDone = false;
  setTimeout(() => { isDone = true; console.log("late"); }, 200);
  callback(null, "called");
};"#;
    let function = Function::node("waits", "index.js", source);
    for (wait, is_done) in [(true, true), (false, false)] {
        let (value, answer) = machine
            .invoke(&function, &json!({"wait": wait}).to_string())
            .await;
        assert_eq!(value, "called");
        assert_eq!(
            log_of(&answer).contains("\tINFO\tlate\n"),
            is_done,
            "{}",
            log_of(&answer)
        );
    }
    let nothing = Function::node("nothing", "index.js", "exports.handler = () => {};");
    assert_eq!(machine.invoke(&nothing, "{}").await.0, json!(null));
}

/// A runtime client in Python, as people write one for a language of their own.
const OWN_CLIENT: &str = r#"#!/usr/bin/env python3
import http.client, os, sys
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    response = api.getresponse()
    identity, event = response.headers["Lambda-Runtime-Aws-Request-Id"], response.read()
    print("own client", file=sys.stderr, flush=True)
    for wrong in ["/2018-06-01/runtime/invocation/another/response", "/2018-06-01/other", "/"]:
        api.request("POST", wrong, b"{}")
        refused = api.getresponse()
        assert refused.status in (400, 404), refused.status
        refused.read()
    api.request("POST", "/2018-06-01/runtime/invocation/%s/response" % identity, event)
    api.getresponse().read()
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_program_of_its_own_speaks_the_runtime_api() {
    let machine = Machine::new();
    let function = Function::of(
        "own",
        Language::Provided,
        "ignored",
        &[("bootstrap", OWN_CLIENT)],
    );
    for _ in 0..2 {
        let (value, answer) = machine.invoke(&function, r#"{"a": 1}"#).await;
        assert_eq!(value, json!({"a": 1}), "{}", log_of(&answer));
        assert_eq!(answer.error, None);
        assert!(log_of(&answer).contains("own client\n"));
    }
    assert_eq!(function.starts(), 1);
    let without = Function::of(
        "without",
        Language::Provided,
        "x",
        &[("readme", "no bootstrap")],
    );
    let (value, answer) = machine.invoke(&without, "{}").await;
    assert_eq!(value["errorType"], "Runtime.InvalidEntrypoint");
    assert_eq!(answer.error, Some(FunctionError::Unhandled));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_handler_raises_is_told_in_lambdas_words() {
    let machine = Machine::new();
    let raises = "def handler(event, context):\n    inner()\ndef inner():\n    raise ValueError('no such step')\n";
    let python = Function::python("raises", raises);
    let thrown = "exports.handler = async () => { throw new TypeError('no such step'); };";
    let node = Function::node("throws", "index.js", thrown);
    let failed =
        "exports.handler = (event, context, callback) => callback(new RangeError('no such step'));";
    let called_back = Function::node("fails", "index.js", failed);
    for (function, kind) in [
        (python, "ValueError"),
        (node, "TypeError"),
        (called_back, "RangeError"),
    ] {
        let (value, answer) = machine.invoke(&function, "{}").await;
        assert_eq!(value["errorMessage"], "no such step");
        assert_eq!(value["errorType"], kind);
        assert_eq!(answer.error, Some(FunctionError::Unhandled));
        let stack = value.get("stackTrace").or(value.get("trace")).unwrap();
        assert!(!stack.as_array().unwrap().is_empty());
        assert!(log_of(&answer).contains("no such step"));
        // An error is no end: the process goes on.
        machine.invoke(&function, "{}").await;
        assert_eq!(function.starts(), 1, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_cant_be_loaded_says_why() {
    let machine = Machine::new();
    let python = |handler: &str, source: &str| {
        Function::of("broken", Language::Python, handler, &[("app.py", source)])
    };
    let node = |handler: &str, source: &str| {
        Function::of("broken", Language::Node, handler, &[("index.js", source)])
    };
    for (function, kind, message) in [
        (
            python("app.handler", "import nowhere"),
            "Runtime.ImportModuleError",
            "Unable to import module 'app': No module named 'nowhere'",
        ),
        (
            python("other.handler", ""),
            "Runtime.ImportModuleError",
            "Unable to import module 'other': No module named 'other'",
        ),
        (
            python("app.handler", "x = 1"),
            "Runtime.HandlerNotFound",
            "Handler 'handler' missing on module 'app'",
        ),
        (
            python("app.handler", "x = = 1"),
            "Runtime.UserCodeSyntaxError",
            "Syntax error in module 'app'",
        ),
        (
            python("handler", ""),
            "Runtime.MalformedHandlerName",
            "Bad handler 'handler'",
        ),
        (
            python("app.handler", "raise OSError('at once')"),
            "OSError",
            "at once",
        ),
        (
            node("index.handler", "require('nowhere')"),
            "Runtime.ImportModuleError",
            "Cannot find module 'nowhere'",
        ),
        (
            node("other.handler", ""),
            "Runtime.ImportModuleError",
            "Cannot find module '/var/task/other'",
        ),
        (
            node("index.handler", "const x = ;"),
            "Runtime.UserCodeSyntaxError",
            "SyntaxError",
        ),
        (
            node("index.handler", ""),
            "Runtime.HandlerNotFound",
            "index.handler is undefined or not exported",
        ),
        (
            node("index.handler", "throw new RangeError('at once')"),
            "RangeError",
            "at once",
        ),
    ] {
        let (value, answer) = machine.invoke(&function, "{}").await;
        assert_eq!(value["errorType"], kind, "{value}");
        assert!(
            value["errorMessage"].as_str().unwrap().contains(message),
            "{value}"
        );
        assert_eq!(answer.error, Some(FunctionError::Unhandled));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_finds_lambdas_variables_and_its_own_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("ca.pem");
    std::fs::write(&bundle, "a certificate").unwrap();
    let machine = Machine::with(|settings| settings.ca_bundle = Some(bundle));
    let source = r#"
import os
def handler(event, context):
    return {"all": dict(os.environ), "bundle": open(os.environ["AWS_CA_BUNDLE"]).read()}
"#;
    let own = [
        ("TZ", "Europe/Berlin"),
        ("EXCLUDE_CHARACTERS", "/@\"'\\"),
        ("AWS_REGION", "moon-east-1"),
        ("AWS_ACCESS_KEY_ID", "another"),
    ];
    let function = Function::python("surroundings", source).with(|launch| {
        launch.environment = own
            .iter()
            .map(|(name, value)| ((*name).to_owned(), SecretBytes::copy_of(value.as_bytes())))
            .collect();
    });
    let (value, answer) = machine.invoke(&function, "{}").await;
    assert_eq!(answer.error, None, "{value}");
    let all = value["all"].as_object().unwrap();
    for (name, expected) in [
        ("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "a-secret-of-the-role"),
        ("AWS_SESSION_TOKEN", "a-token"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_DEFAULT_REGION", "eu-central-1"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:4599"),
        ("SECRETS_MANAGER_ENDPOINT", "http://127.0.0.1:4599"),
        ("AWS_LAMBDA_FUNCTION_NAME", "surroundings"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ("_HANDLER", "app.handler"),
        ("LANG", "en_US.UTF-8"),
        ("TZ", "Europe/Berlin"),
        ("EXCLUDE_CHARACTERS", "/@\"'\\"),
    ] {
        assert_eq!(all[name], expected, "{name}");
    }
    assert!(
        all["AWS_EXECUTION_ENV"]
            .as_str()
            .unwrap()
            .starts_with("AWS_Lambda_python3.")
    );
    assert_eq!(value["bundle"], "a certificate");
    // This test's process has these, and so has a server.
    for name in [
        "HOME",
        "CARGO_MANIFEST_DIR",
        "USER",
        "PWD",
        "STRONGROOM_SEAL_PASSPHRASE",
    ] {
        assert!(!all.contains_key(name), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn libraries_are_found_in_the_folders_of_python_path() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("shared_library.py"), "NAME = 'shared'").unwrap();
    std::fs::write(folder.path().join("app.py"), "not the function's").unwrap();
    let path = folder.path().to_owned();
    let machine = Machine::with(|settings| settings.python_path = vec![path]);
    let source =
        "import shared_library\ndef handler(event, context):\n    return shared_library.NAME\n";
    let function = Function::python("uses-library", source);
    assert_eq!(machine.invoke(&function, "{}").await.0, "shared");
}
