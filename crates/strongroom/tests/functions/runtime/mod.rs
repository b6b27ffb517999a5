//! Functions run here in processes: what they are given, what becomes of what they answer, and what keeps them in.

mod hostile;
mod languages;
mod lifetimes;

use std::io::{Cursor, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use strongroom::clock::Clock;
use strongroom::functions::runtime::{
    Language, Launch, RoleCredentials, Runtime, RuntimeSettings, Supplies,
};
use strongroom::functions::{Answer, NotInvoked};
use strongroom_keys::SecretBytes;
use strongroom_services::lambda::function_arn::FunctionArn;
use strongroom_services::time::Timestamp;
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A runtime with a folder of its own.
struct Machine {
    runtime: Runtime,
    clock: Arc<Clock>,
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut RuntimeSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(Clock::default());
        let endpoint = "http://127.0.0.1:4599".to_owned();
        let own = folder.path().join("functions");
        let mut settings = RuntimeSettings::new(own, endpoint, Arc::clone(&clock));
        settings.host_program = env!("CARGO_BIN_EXE_strongroom").into();
        change(&mut settings);
        Machine {
            runtime: Runtime::new(settings).unwrap(),
            clock,
            folder,
        }
    }

    /// Invokes a function; whatever it answers is JSON.
    async fn invoke(&self, function: &Function, payload: &str) -> (Value, Answer) {
        let answer = self.try_invoke(function, payload).await.unwrap();
        let value = serde_json::from_slice(answer.payload.expose()).unwrap_or_else(|_| {
            panic!(
                "no JSON: {}",
                String::from_utf8_lossy(answer.payload.expose())
            )
        });
        (value, answer)
    }

    async fn try_invoke(&self, function: &Function, payload: &str) -> Result<Answer, NotInvoked> {
        let payload = SecretBytes::copy_of(payload.as_bytes());
        let supplies = SuppliesOf {
            function,
            expires: Timestamp::from_milliseconds(
                self.clock.now().milliseconds()
                    + i64::try_from(function.credentials_last.as_millis()).unwrap(),
            ),
        };
        self.runtime
            .invoke(&function.launch, &supplies, &payload)
            .await
    }
}

/// A function, with how often its code and credentials were asked for.
struct Function {
    launch: Launch,
    archive: Vec<u8>,
    credentials_last: Duration,
    starts: AtomicUsize,
}

impl Function {
    /// A function in Python whose handler is `app.handler`.
    fn python(name: &str, source: &str) -> Self {
        Self::of(name, Language::Python, "app.handler", &[("app.py", source)])
    }

    fn node(name: &str, file: &str, source: &str) -> Self {
        Self::of(name, Language::Node, "index.handler", &[(file, source)])
    }

    /// Files with their content; `bootstrap` is a program.
    fn of(name: &str, language: Language, handler: &str, files: &[(&str, &str)]) -> Self {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            let mode = if *name == "bootstrap" { 0o755 } else { 0o644 };
            let options = SimpleFileOptions::default().unix_permissions(mode);
            writer.start_file(*name, options).unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
        let archive = writer.finish().unwrap().into_inner();
        let arn = format!("arn:aws:lambda:eu-central-1:123456789012:function:{name}:$LATEST");
        let launch = Launch {
            function: FunctionArn::parse(&arn).unwrap(),
            revision: "1".to_owned(),
            code_sha256: STANDARD.encode(digest(&SHA256, &archive).as_ref()),
            language,
            handler: handler.to_owned(),
            environment: Vec::new(),
            memory_mib: 256,
            timeout: Duration::from_secs(30),
        };
        Function {
            launch,
            archive,
            credentials_last: Duration::from_secs(3600),
            starts: AtomicUsize::new(0),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Launch)) -> Self {
        change(&mut self.launch);
        self
    }

    /// Processes that were started for it.
    fn starts(&self) -> usize {
        self.starts.load(Ordering::Relaxed)
    }
}

struct SuppliesOf<'a> {
    function: &'a Function,
    expires: Timestamp,
}

impl Supplies for SuppliesOf<'_> {
    fn code(&self) -> Result<Vec<u8>, String> {
        Ok(self.function.archive.clone())
    }

    fn credentials(&self) -> Result<RoleCredentials, String> {
        self.function.starts.fetch_add(1, Ordering::Relaxed);
        Ok(RoleCredentials {
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: SecretBytes::copy_of(b"a-secret-of-the-role"),
            session_token: "a-token".to_owned(),
            expires: self.expires,
        })
    }
}

fn log_of(answer: &Answer) -> String {
    String::from_utf8_lossy(answer.log_tail.expose()).into_owned()
}

/// Processes of this machine that belong to a function, by its name.
fn processes_of(name: &str) -> Vec<u32> {
    let mark = format!("AWS_LAMBDA_FUNCTION_NAME={name}\0");
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let number = entry.file_name().to_string_lossy().parse();
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        if let Ok(number) = number
            && String::from_utf8_lossy(&environment).contains(&mark)
        {
            found.push(number);
        }
    }
    found
}

/// Waits until something that will be so is so.
async fn wait_until(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "it took too long"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
