//! The program as people and scripts meet it: its words, its files, its exit statuses.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod access;
mod audit;
mod audit_feeds;
mod audit_witness;
mod backups;
mod dev;
mod doctor;
mod production;
mod rotation;
mod seals;
mod unsealing;
mod words;

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use http::Request;
use strongroom_keys::SecretBytes;
use strongroom_wire::sigv4::Signer;

/// The program with these arguments.
pub(crate) fn strongroom(arguments: &[&str]) -> Command {
    let mut command = clean(env!("CARGO_BIN_EXE_strongroom"));
    command.args(arguments);
    command
}

/// A program in an environment without anything of ours or AWS's.
pub(crate) fn clean(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    // What a server remembers of its audit log stays with the tests.
    command.env(
        "XDG_STATE_HOME",
        concat!(env!("CARGO_TARGET_TMPDIR"), "/state"),
    );
    for (name, _) in std::env::vars() {
        if name.starts_with("AWS_") || name.starts_with("STRONGROOM_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs it to its end: status, standard output, standard error.
pub(crate) fn run(arguments: &[&str]) -> (i32, String, String) {
    ended(strongroom(arguments))
}

/// The same for a command that has more to it. One that goes on instead of ending fails the test.
pub(crate) fn ended(mut command: Command) -> (i32, String, String) {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("{command:?} does not end: {:?}", child.wait_with_output());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    told(&child.wait_with_output().unwrap())
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// A server that runs until the test ends.
pub(crate) struct Served {
    child: Child,
    pub(crate) url: String,
    pub(crate) exported: HashMap<String, String>,
    pub(crate) lines: Vec<String>,
}

impl Served {
    /// Starts it and waits for its `ready` line.
    pub(crate) fn start(command: Command) -> Self {
        Self::start_with_log(command, Stdio::inherit())
    }

    /// As `start`, with its log elsewhere.
    pub(crate) fn start_with_log(mut command: Command, log: impl Into<Stdio>) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut served = Self {
            child,
            url: String::new(),
            exported: HashMap::new(),
            lines: Vec::new(),
        };
        for line in output.by_ref() {
            let line = line.unwrap();
            if let Some((name, value)) = line
                .strip_prefix("export ")
                .and_then(|rest| rest.split_once('='))
            {
                served.exported.insert(name.to_owned(), value.to_owned());
            }
            if let Some(url) = line.strip_prefix("ready ") {
                served.url = url.to_owned();
            }
            served.lines.push(line);
            if !served.url.is_empty() {
                return served;
            }
        }
        panic!("no ready line: {:?}", served.lines);
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as an operator does.
    pub(crate) fn terminate(&mut self) -> i32 {
        signal(&self.child, "TERM");
        self.child.wait().unwrap().code().unwrap()
    }

    /// Asks Secrets Manager, signed by these credentials: status and body.
    pub(crate) fn call(
        &self,
        credentials: (&str, &str),
        region: &str,
        operation: &str,
        body: &str,
    ) -> (u16, String) {
        let service = ("secretsmanager", "secretsmanager");
        self.call_to(service, credentials, region, operation, body)
    }

    /// Asks a service, by its name in signatures and its prefix of targets.
    pub(crate) fn call_to(
        &self,
        (service, prefix): (&str, &str),
        credentials: (&str, &str),
        region: &str,
        operation: &str,
        body: &str,
    ) -> (u16, String) {
        let address = self.url.strip_prefix("http://").unwrap();
        let request = Request::post(format!("http://{address}/"))
            .header("host", address)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("{prefix}.{operation}"))
            .body(())
            .unwrap();
        let mut parts = request.into_parts().0;
        let secret = SecretBytes::copy_of(credentials.1.as_bytes());
        let now = jiff::Timestamp::now().as_second();
        let mut signer = Signer::new(credentials.0, secret, None, region, service).unwrap();
        signer.sign(&mut parts, body.as_bytes(), now).unwrap();
        let mut head = "POST / HTTP/1.1\r\nConnection: close\r\n".to_owned();
        for (name, value) in &parts.headers {
            head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
        }
        plain(
            address,
            &format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()),
        )
    }

    /// The account that clients are told to use.
    pub(crate) fn credentials(&self) -> (&str, &str) {
        (
            &self.exported["AWS_ACCESS_KEY_ID"],
            &self.exported["AWS_SECRET_ACCESS_KEY"],
        )
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Only where the test failed, or has no interest in how it ends.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn signal(child: &Child, name: &str) {
    signal_pid(child.id(), name);
}

pub(crate) fn signal_pid(pid: u32, name: &str) {
    // The shell's own kill: a small Debian has no program of that name.
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -{name} {pid}")])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// A GET without any signature: status and body.
pub(crate) fn get(address: &str, path: &str) -> (u16, String) {
    plain(
        address,
        &format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
    )
}

fn plain(address: &str, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (
        head.split(' ').nth(1).unwrap().parse().unwrap(),
        body.to_owned(),
    )
}

pub(crate) fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions()) & 0o777
}

const PATIENCE: Duration = Duration::from_secs(30);
