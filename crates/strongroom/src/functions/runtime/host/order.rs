//! What a function's host is told by the server, once, as JSON on its standard input.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::super::settings::Isolation;

/// What to run, and within which walls.
///
/// It holds credentials. It is neither in arguments nor in an environment of ours, where other processes might read it.
#[derive(Serialize, Deserialize)]
pub(in super::super) struct Order {
    /// What keeps the function from everything else.
    pub(in super::super) isolation: Isolation,
    /// The program and its arguments.
    pub(in super::super) program: Vec<String>,
    /// The whole environment.
    pub(in super::super) environment: Vec<(String, String)>,
    /// The folder with the unpacked code.
    pub(in super::super) code: PathBuf,
    /// An empty folder, over which the function's own tree of files is mounted.
    pub(in super::super) root: PathBuf,
    /// Files and folders that it may read, at the same places.
    pub(in super::super) readable: Vec<PathBuf>,
    /// What stays covered even there.
    pub(in super::super) hidden: Vec<PathBuf>,
    /// Files of ours, with what is in them, in `/var/runtime`.
    pub(in super::super) runtime_files: Vec<(String, String)>,
    /// Bytes of `/tmp`.
    pub(in super::super) tmp_bytes: u64,
    /// Bytes of memory that the function has.
    pub(in super::super) memory_bytes: u64,
}
