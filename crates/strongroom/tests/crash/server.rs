//! The real server in a folder of its own, started, killed and started again.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use strongroom_services::secretsmanager::secret::Secret;
use strongroom_store::Store as _;
use strongroom_store::embedded::{Embedded, Options};

use crate::cli::strongroom;
use crate::client::{ACCESS_KEY_ID, Client, SECRET_ACCESS_KEY};
use crate::invariants;

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const REGION: &str = "us-east-1";

/// The folder of a server.
pub(crate) struct Folder {
    /// Removed with the test, unless it lies on a disk of its own.
    _temporary: Option<tempfile::TempDir>,
    pub(crate) data: PathBuf,
    log: PathBuf,
    /// What servers are started with besides.
    arguments: Vec<String>,
}

/// A server that runs, and is killed at the latest when the test ends.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        Folder {
            data: temporary.path().join("data"),
            log: temporary.path().join("log"),
            arguments: Vec::new(),
            _temporary: Some(temporary),
        }
    }

    /// For servers that are started with these arguments besides.
    pub(crate) fn with(self, arguments: &[&str]) -> Self {
        Folder {
            arguments: arguments.iter().map(ToString::to_string).collect(),
            ..self
        }
    }

    /// For servers that are started without further arguments again.
    pub(crate) fn without_arguments(self) -> Self {
        Folder {
            arguments: Vec::new(),
            ..self
        }
    }

    /// With its data elsewhere.
    pub(crate) fn at(data: &Path) -> Self {
        Folder {
            data: data.to_owned(),
            ..Folder::new()
        }
    }

    /// Starts the server and doesn't wait for it.
    pub(crate) fn spawn(&self) -> Child {
        let log = File::options().create(true).append(true).open(&self.log);
        strongroom(&["dev", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&self.data)
            .args(&self.arguments)
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
            .stdout(Stdio::piped())
            .stderr(log.unwrap())
            .spawn()
            .unwrap()
    }

    /// Starts the server; it is ready when this returns.
    ///
    /// # Errors
    /// It ended instead; what it said is in the log.
    pub(crate) fn start(&self) -> Result<Server, String> {
        let mut child = self.spawn();
        let output = BufReader::new(child.stdout.take().unwrap());
        let url = output
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("ready http://").map(str::to_owned));
        match url {
            Some(address) => Ok(Server { child, address }),
            None => {
                let status = child.wait().unwrap();
                Err(format!("{status}\n{}", self.log()))
            }
        }
    }

    /// What all servers of this folder have said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) fn clear_log(&self) {
        let _ = fs::remove_file(&self.log);
    }

    /// Every secret in the store of a server that doesn't run.
    ///
    /// # Errors
    /// What is wrong with the records.
    pub(crate) fn secrets(&self) -> Result<Vec<Secret>, String> {
        let store = self.store();
        let checked = invariants::check(&store);
        store.close();
        checked
    }

    pub(crate) fn store(&self) -> Embedded {
        Embedded::open(&Options::new(&self.data)).unwrap()
    }
}

impl Server {
    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.address, REGION).await.unwrap()
    }

    /// Ends it in an orderly way.
    pub(crate) fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn kill(mut self) {
        kill(&mut self.child);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}

/// SIGKILL; it is gone when this returns.
pub(crate) fn kill(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// A runtime for the clients.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
