//! Which running server a command asks, over its operators' socket.

use std::path::{Path, PathBuf};

use clap::Args;
use http::Method;
use serde::de::DeserializeOwned;

use super::Failed;
use crate::admin::{SOCKET_NAME, ask, stream};
use crate::config;

/// How a running server is found.
#[derive(Debug, Args)]
pub(super) struct RunningServer {
    /// The server's socket
    #[arg(long, global = true, value_name = "PATH", conflicts_with_all = ["data_dir", "config"])]
    pub(super) socket: Option<PathBuf>,
    /// The server's data folder, which has the socket; by default /var/lib/strongroom
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "config")]
    pub(super) data_dir: Option<PathBuf>,
    /// The server's configuration, which names either
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

impl RunningServer {
    /// Where its socket is.
    pub(super) fn socket(&self) -> Result<PathBuf, Failed> {
        if let Some(socket) = &self.socket {
            return Ok(socket.clone());
        }
        if let Some(path) = &self.config {
            let (config, _) = config::read(path, std::env::vars())?;
            return Ok(config.admin_socket()?);
        }
        let folder = self
            .data_dir
            .as_deref()
            .unwrap_or(Path::new(DATA_DIR_DEFAULT));
        Ok(folder.join(SOCKET_NAME))
    }
}

/// Asks without a runtime being there already.
pub(super) fn asked<Answer: DeserializeOwned>(
    socket: &Path,
    method: Method,
    path: &'static str,
    body: Vec<u8>,
) -> Result<Answer, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(ask(socket, method, path, body))?)
}

/// As [`asked`], for what may take long.
pub(super) fn asked_for_long<Answer: DeserializeOwned>(
    socket: &Path,
    method: Method,
    path: &'static str,
    body: Vec<u8>,
) -> Result<Answer, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut answer = Vec::new();
    runtime.block_on(stream(socket, method, path, body, &mut answer))?;
    Ok(serde_json::from_slice(&answer)?)
}

/// The region of what is named without one.
pub(super) fn region_or_that_of_environment(given: Option<&String>) -> Option<String> {
    let of_environment = |name| std::env::var(name).ok().filter(|region| !region.is_empty());
    let given = given.cloned();
    given
        .or_else(|| of_environment("AWS_REGION"))
        .or_else(|| of_environment("AWS_DEFAULT_REGION"))
}

/// Where packages put it.
const DATA_DIR_DEFAULT: &str = "/var/lib/strongroom";
