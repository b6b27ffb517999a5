//! AWS Lambda's Runtime API, served to one process: it asks for its next invocation and says how each ended.
//!
//! Source: AWS Lambda Developer Guide, Using the Lambda runtime API for custom runtimes, version 2018-06-01.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use strongroom_keys::SecretBytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore, mpsc};

use super::peers;
use crate::functions::PAYLOAD_BYTES_MAX;

const ROOT: &str = "/2018-06-01/runtime/";
/// Connections of a function to its Runtime API at once.
const CONNECTIONS_MAX: usize = 16;

/// What a function's process is given to do.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) request_id: String,
    pub(super) function: String,
    pub(super) deadline_milliseconds: i64,
    pub(super) payload: Bytes,
}

/// What a function's process has said.
#[derive(Debug)]
pub(super) enum Said {
    /// It asks for something to do.
    Ready,
    /// It has answered.
    Answer(SecretBytes),
    /// It has failed.
    Error(SecretBytes),
    /// It could not begin.
    InitError(SecretBytes),
    /// It has answered more than it may.
    TooLarge,
}

/// Serves one function's process.
pub(super) struct RuntimeApi {
    work: Mutex<mpsc::Receiver<Work>>,
    said: mpsc::Sender<Said>,
    /// The id of what is being worked on: only for that is an answer taken.
    current: SyncMutex<Option<String>>,
}

/// The server's end.
#[derive(Debug)]
pub(super) struct Ends {
    pub(super) work: mpsc::Sender<Work>,
    pub(super) said: mpsc::Receiver<Said>,
}

impl RuntimeApi {
    pub(super) fn new() -> (Arc<Self>, Ends) {
        let (work_sender, work) = mpsc::channel(1);
        // A process that says more than it is asked waits until it is heard.
        let (said, said_receiver) = mpsc::channel(1);
        let api = RuntimeApi {
            work: Mutex::new(work),
            said,
            current: SyncMutex::new(None),
        };
        let ends = Ends {
            work: work_sender,
            said: said_receiver,
        };
        (Arc::new(api), ends)
    }

    /// Takes connections of the processes below `host`, and no one else's.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener, host: u32, levels: usize) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let Ok(own) = listener.local_addr() else {
            return;
        };
        loop {
            let Ok((stream, peer)) = listener.accept().await else {
                // Out of files for a moment, most likely.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let api = Arc::clone(&self);
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                continue;
            };
            tokio::spawn(async move {
                let _place = place;
                if is_from(peer, own, host, levels).await {
                    api.serve_connection(stream).await;
                }
            });
        }
    }

    async fn serve_connection(self: Arc<Self>, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let service = service_fn(move |request| {
            let api = Arc::clone(&self);
            async move { Ok::<_, Infallible>(api.answer(request).await) }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_buf_size(64 * 1024);
        // A runtime that breaks off has ended, and its process tells.
        let _ = http.serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        // Whole, before anything is refused: a connection with a body that nobody read can't be used again.
        let body = read(body).await;
        let path = head.uri.path();
        let rest = path.strip_prefix(ROOT).unwrap_or_default();
        let invocation = rest.strip_prefix("invocation/");
        match (
            &head.method,
            rest,
            invocation.and_then(|rest| rest.split_once('/')),
        ) {
            (&Method::GET, "invocation/next", _) => self.next().await,
            (&Method::POST, "init/error", _) => match body {
                Ok(error) => self.tell(Said::InitError(error)).await,
                Err(refusal) => *refusal,
            },
            (&Method::POST, _, Some((id, "response"))) => self.ended(id, body, Said::Answer).await,
            (&Method::POST, _, Some((id, "error"))) => self.ended(id, body, Said::Error).await,
            _ => problem(StatusCode::NOT_FOUND, "NotFound", "no such resource"),
        }
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        // Whoever asks again without having answered gives up what it had.
        let mut work = self.work.lock().await;
        if self.said.send(Said::Ready).await.is_err() {
            return problem(StatusCode::GONE, "Gone", "this process is to end");
        }
        let Some(work) = work.recv().await else {
            return problem(StatusCode::GONE, "Gone", "this process is to end");
        };
        *self.current() = Some(work.request_id.clone());
        let mut response = Response::new(Full::new(work.payload));
        let headers = response.headers_mut();
        for (name, value) in [
            ("content-type", "application/json".to_owned()),
            ("lambda-runtime-aws-request-id", work.request_id),
            (
                "lambda-runtime-deadline-ms",
                work.deadline_milliseconds.to_string(),
            ),
            ("lambda-runtime-invoked-function-arn", work.function),
            ("lambda-runtime-trace-id", "Sampled=0".to_owned()),
        ] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        response
    }

    async fn ended(
        &self,
        id: &str,
        body: Result<SecretBytes, Refused>,
        how: fn(SecretBytes) -> Said,
    ) -> Response<Full<Bytes>> {
        let (said, refusal) = match body {
            Ok(body) => (how(body), None),
            Err(refusal) if refusal.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                (Said::TooLarge, Some(*refusal))
            }
            Err(refusal) => return *refusal,
        };
        // Once only, also if two answers come at once.
        let is_current = {
            let mut current = self.current();
            let is_current = current.as_deref() == Some(id);
            if is_current {
                *current = None;
            }
            is_current
        };
        if !is_current {
            return problem(
                StatusCode::BAD_REQUEST,
                "InvalidRequestID",
                "Invalid request ID",
            );
        }
        let accepted = self.tell(said).await;
        refusal.unwrap_or(accepted)
    }

    async fn tell(&self, said: Said) -> Response<Full<Bytes>> {
        if self.said.send(said).await.is_err() {
            return problem(StatusCode::GONE, "Gone", "this process is to end");
        }
        answered(StatusCode::ACCEPTED, &json!({"status": "OK"}))
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for RuntimeApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RuntimeApi")
    }
}

async fn is_from(peer: SocketAddr, own: SocketAddr, host: u32, levels: usize) -> bool {
    for _ in 0..LOOKS {
        let asked = tokio::task::spawn_blocking(move || {
            peers::has_connection(&peers::descendants(host, levels), peer, own)
        });
        if asked.await.unwrap_or(false) {
            return true;
        }
        // The kernel's tables change while they are read, so one look may miss what is there.
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    false
}

const LOOKS: usize = 5;
const LOOK_AGAIN: Duration = Duration::from_millis(5);

type Refused = Box<Response<Full<Bytes>>>;

async fn read(body: Incoming) -> Result<SecretBytes, Refused> {
    let body = Limited::new(body, PAYLOAD_BYTES_MAX).collect();
    match body.await {
        Ok(body) => Ok(SecretBytes::new(Vec::from(body.to_bytes()))),
        Err(error) if error.is::<LengthLimitError>() => Err(Box::new(problem(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            &format!("Exceeded maximum allowed payload size ({PAYLOAD_BYTES_MAX} bytes)."),
        ))),
        Err(_) => Err(Box::new(problem(
            StatusCode::BAD_REQUEST,
            "InvalidRequest",
            "the body broke off",
        ))),
    }
}

fn problem(status: StatusCode, kind: &str, message: &str) -> Response<Full<Bytes>> {
    answered(status, &json!({"errorType": kind, "errorMessage": message}))
}

fn answered(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/json"));
    response
}
