//! The operator's side of the socket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::socket;

/// Why a running server gave no answer. Its text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Nobody listens.
    #[error(
        "no server answers at {} ({error}): check that `strongroom serve` or `strongroom dev` runs on that data folder, \
         and name the folder with --data-dir or the socket with --socket",
        path.display()
    )]
    NoServer {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// Someone listens but doesn't answer as a server of ours does.
    #[error("the server at {} gives no usable answer ({why}): check that it is of the same version", path.display())]
    NoAnswer {
        /// The socket.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The server refused, and says why.
    #[error("{0}")]
    Refused(String),
}

/// Asks a running server.
///
/// # Errors
/// It doesn't answer within ten seconds, or refuses.
pub async fn ask<Answer: DeserializeOwned>(
    socket: &Path,
    method: Method,
    path: &'static str,
    body: Vec<u8>,
) -> Result<Answer, AdminError> {
    let stream = socket::connect(socket)
        .await
        .map_err(|error| AdminError::NoServer {
            path: socket.to_owned(),
            error,
        })?;
    let no_answer = |why: String| AdminError::NoAnswer {
        path: socket.to_owned(),
        why,
    };
    let exchange = async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from_static(path);
        request
            .headers_mut()
            .insert(header::HOST, header::HeaderValue::from_static("strongroom"));
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        connection.abort();
        Ok::<_, hyper::Error>((status, body))
    };
    let exchanged = timeout(ANSWER_TIME, exchange).await;
    let exchanged =
        exchanged.map_err(|_| no_answer("it takes more than ten seconds".to_owned()))?;
    let (status, body) = exchanged.map_err(|error| no_answer(error.to_string()))?;
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|error| no_answer(error.to_string()));
    }
    let refusal: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    match refusal["Error"].as_str() {
        Some(why) => Err(AdminError::Refused(why.to_owned())),
        None => Err(no_answer(format!("status {status}"))),
    }
}

/// Asks a running server for something long: what it answers is written out as it comes. There is no limit to how
/// long the whole may take, only to how long nothing may come.
///
/// # Errors
/// It doesn't answer, refuses, or breaks off; the writer's.
pub async fn stream(
    socket: &Path,
    method: Method,
    path: &'static str,
    body: Vec<u8>,
    out: &mut (impl std::io::Write + Send),
) -> Result<(), AdminError> {
    let stream = socket::connect(socket)
        .await
        .map_err(|error| AdminError::NoServer {
            path: socket.to_owned(),
            error,
        })?;
    let no_answer = |why: String| AdminError::NoAnswer {
        path: socket.to_owned(),
        why,
    };
    let broken = |error: hyper::Error| no_answer(error.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let connection = tokio::spawn(connection);
    let mut request = Request::new(Full::new(Bytes::from(body)));
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from_static(path);
    let host = header::HeaderValue::from_static("strongroom");
    request.headers_mut().insert(header::HOST, host);
    let response = sender.send_request(request).await.map_err(broken)?;
    let status = response.status();
    let mut body = response.into_body();
    if !status.is_success() {
        let body = body.collect().await.map_err(broken)?.to_bytes();
        let refusal: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        return Err(match refusal["Error"].as_str() {
            Some(why) => AdminError::Refused(why.to_owned()),
            None => no_answer(format!("status {status}")),
        });
    }
    loop {
        let frame = timeout(SILENCE_TIME, body.frame()).await;
        let frame = frame.map_err(|_| no_answer("nothing came for a minute".to_owned()))?;
        let Some(frame) = frame else { break };
        if let Ok(data) = frame.map_err(broken)?.into_data() {
            let written = out.write_all(&data);
            written
                .map_err(|error| AdminError::Refused(format!("it can't be written ({error})")))?;
        }
    }
    connection.abort();
    Ok(())
}

const ANSWER_TIME: Duration = Duration::from_secs(10);
const SILENCE_TIME: Duration = Duration::from_secs(60);
