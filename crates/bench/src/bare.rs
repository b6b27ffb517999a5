//! The ceiling: hyper as the edge sets it up, an answer that is always the same, and nothing in between.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

use crate::Failed;
use crate::report;

/// Serves until it is killed; prints `ready ` and the URL first.
pub(crate) fn serve(
    address: SocketAddr,
    body_bytes: usize,
    threads: Option<usize>,
) -> Result<(), Failed> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = threads {
        builder.worker_threads(threads);
    }
    let runtime = builder.enable_all().build()?;
    runtime.block_on(accept(address, body_bytes))
}

async fn accept(address: SocketAddr, body_bytes: usize) -> Result<(), Failed> {
    let listener = TcpListener::bind(address).await?;
    report::line(&format!("ready http://{}", listener.local_addr()?))?;
    let body = Bytes::from(body(body_bytes));
    let mut http = auto::Builder::new(TokioExecutor::new());
    // As the edge has it.
    http.http1()
        .header_read_timeout(None)
        .half_close(true)
        .max_buf_size(65_536);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (http, body) = (http.clone(), body.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, body.clone()));
            // A client that went away is no error of this server's.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    body: Bytes,
) -> Result<Response<Full<Bytes>>, Infallible> {
    // Whether the body broke off is the load generator's to notice.
    let _ = request.into_body().collect().await;
    let mut response = Response::new(Full::new(body));
    let content_type = HeaderValue::from_static("application/x-amz-json-1.1");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    Ok(response)
}

/// The body that the bare server answers with.
pub(crate) fn body(bytes: usize) -> Vec<u8> {
    vec![b'x'; bytes]
}
