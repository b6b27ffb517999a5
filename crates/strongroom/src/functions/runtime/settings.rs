//! How functions are run on this machine: folders, interpreters, limits.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Clock;

/// How functions are run on this machine.
#[derive(Clone, Debug)]
pub struct RuntimeSettings {
    /// A folder of the runtime's own, for unpacked code. Whatever else is in it is removed.
    pub folder: PathBuf,
    /// The URL of this server as functions reach it.
    pub endpoint: String,
    /// PEM file with the certificates by which functions know this server; `None`: the system's.
    pub ca_bundle: Option<PathBuf>,
    /// The Python that runs functions; `None`: `python3` of `PATH`.
    pub python: Option<PathBuf>,
    /// The Node.js that runs functions; `None`: `node` of `PATH`.
    pub node: Option<PathBuf>,
    /// Folders with libraries for functions in Python, such as boto3.
    pub python_path: Vec<PathBuf>,
    /// What functions must not see even where it lies in a folder that they may read: data, configuration, seals.
    pub hidden: Vec<PathBuf>,
    /// The program that is started as `PROGRAM function-host`: this one.
    pub host_program: PathBuf,
    /// Processes at the same time, idle ones included.
    pub processes_max: usize,
    /// How long a process is kept that has nothing to do.
    pub idle: Duration,
    /// Bytes of a function's `/tmp`.
    pub tmp_bytes: u64,
    /// What keeps functions from everything else.
    pub isolation: Isolation,
    /// The server's clock, by which credentials end.
    pub clock: Arc<Clock>,
}

impl RuntimeSettings {
    /// Processes at the same time, where nothing else is said.
    pub const PROCESSES_MAX: usize = 8;
    /// How long an idle process is kept, where nothing else is said.
    pub const IDLE: Duration = Duration::from_secs(300);
    /// Bytes of `/tmp`, where nothing else is said: less than Lambda's 512 MiB, since it is memory.
    pub const TMP_BYTES: u64 = 128 * 1024 * 1024;

    /// The usual settings.
    #[must_use]
    pub fn new(folder: PathBuf, endpoint: String, clock: Arc<Clock>) -> Self {
        Self {
            folder,
            endpoint,
            ca_bundle: None,
            python: None,
            node: None,
            python_path: Vec::new(),
            hidden: Vec::new(),
            // The program that runs, also where its file was replaced meanwhile.
            host_program: PathBuf::from("/proc/self/exe"),
            processes_max: Self::PROCESSES_MAX,
            idle: Self::IDLE,
            tmp_bytes: Self::TMP_BYTES,
            isolation: Isolation::Full,
            clock,
        }
    }
}

/// What keeps functions from everything else on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// Namespaces of their own, Landlock and a filter of system calls.
    Full,
    /// Nothing: a function may do whatever the server's user may. For development only.
    None,
}
