//! One request and its reply: checked, read whole, answered, written. This is the hot path: nothing here allocates
//! or sets a timer unless the request's own bytes make it necessary.

use std::convert::Infallible;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderName};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use tokio::sync::SemaphorePermit;
use tokio::time::sleep;

use super::connection::Connection;
use super::limits::{DISCARDED_BODY_BYTES_MAX, HUGE_BODY_BYTES, SMALL_BODY_BYTES};
use super::listener::{BODY_MEMORY_UNIT_BYTES, Shared};
use super::{Application, EdgeProblem, Limits, Received, Reply, RequestId, new_request_id};

/// Answers one request.
pub(super) async fn exchange<A: Application>(
    connection: Arc<Connection<A>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (number, _in_flight) = connection.progress.begin();
    let request_id = new_request_id();
    let shared = &*connection.shared;
    let (parts, incoming) = request.into_parts();
    let is_http1 = parts.version < Version::HTTP_2;
    // Framing watches no further than a connection's first chunked request; see there.
    let is_chunked = is_http1 && parts.headers.contains_key(header::TRANSFER_ENCODING);
    let ambiguous = connection.progress.ambiguous(number).filter(|_| is_http1);
    let checked = match ambiguous {
        Some(ambiguous) => Err(EdgeProblem::Malformed(ambiguous.why)),
        None => check(&parts, &shared.limits),
    };
    let mut reply = match checked {
        Err(problem) => shared.application.refuse(problem),
        Ok(()) => match read_body(&parts, incoming, shared).await {
            Err(problem) => shared.application.refuse(problem),
            Ok((body, _permits)) => {
                let secure = connection.tls.is_some();
                let (peer, secure) = shared
                    .proxies
                    .client(connection.peer, secure, &parts.headers);
                // A proxy's connection isn't its client's.
                let tls = connection.tls.filter(|_| peer == connection.peer);
                let received = Received {
                    parts,
                    body,
                    peer: Some(peer),
                    secure,
                    tls,
                    request_id,
                };
                answer(&*shared.application, &received, &shared.limits).await
            }
        },
    };
    reply.close |= is_chunked;
    if reply.close && is_http1 {
        connection.progress.will_linger();
    }
    Ok(respond(reply, request_id, is_http1))
}

/// What is wrong with a head that hyper took, if anything.
fn check(parts: &Parts, limits: &Limits) -> Result<(), EdgeProblem> {
    let headers = &parts.headers;
    if headers.len() > limits.header_count {
        return Err(EdgeProblem::HeadersTooLarge);
    }
    if headers.len() > headers.keys_len() {
        for (name, why) in &SINGLE {
            if headers.get_all(name).into_iter().nth(1).is_some() {
                return Err(EdgeProblem::Malformed(why));
            }
        }
    }
    if parts.method == Method::CONNECT {
        return Err(EdgeProblem::Malformed("CONNECT is for proxies"));
    }
    match (parts.uri.authority(), headers.get(header::HOST)) {
        (None, None) if parts.version == Version::HTTP_11 => {
            Err(EdgeProblem::Malformed("it has no Host header"))
        }
        (Some(authority), Some(host))
            if !host
                .as_bytes()
                .eq_ignore_ascii_case(authority.as_str().as_bytes()) =>
        {
            Err(EdgeProblem::Malformed(
                "its Host header and its target name different hosts",
            ))
        }
        _ => Ok(()),
    }
}

/// What a body needs to be in memory, which lasts as long as it does.
#[derive(Default)]
struct Permits<'a> {
    /// Of the memory for bodies that aren't small.
    share: Option<SemaphorePermit<'a>>,
    /// Of those that would take much of it.
    turn: Option<SemaphorePermit<'a>>,
}

/// Reads the whole body.
async fn read_body<'a, A: Application>(
    parts: &Parts,
    mut incoming: Incoming,
    shared: &'a Shared<A>,
) -> Result<(Bytes, Permits<'a>), EdgeProblem> {
    if incoming.is_end_stream() {
        return Ok((Bytes::new(), Permits::default()));
    }
    let (limits, memory) = (&shared.limits, &shared.body_memory);
    let mut permits = Permits::default();
    let mut time = limits.body_read;
    let bytes_max = shared.application.body_bytes_max(parts, limits.body_bytes);
    let announced = incoming.size_hint().exact();
    if bytes_max > HUGE_BODY_BYTES && announced.is_none_or(|bytes| bytes > limits.body_bytes as u64)
    {
        // A few of them at once, beside the memory for others: nobody has checked a signature yet.
        let turn = pin!(shared.huge_bodies.acquire());
        let turn = within(limits.body_read, turn)
            .await
            .map_err(|_| EdgeProblem::Overloaded)?;
        permits.turn = Some(turn.map_err(|_| EdgeProblem::Overloaded)?);
        time = limits.huge_body_read;
    }
    let too_large = EdgeProblem::BodyTooLarge {
        limit_bytes: bytes_max,
    };
    let is_too_large = announced.is_some_and(|bytes| bytes > bytes_max as u64);
    if is_too_large && parts.headers.contains_key(header::EXPECT) {
        // The client waits for leave to send its body: it gets the refusal instead.
        return Err(too_large);
    }
    let reading = pin!(async {
        if is_too_large {
            discard(&mut incoming).await;
            return Err(too_large);
        }
        let mut whole = BytesMut::new();
        while let Some(frame) = incoming.frame().await {
            let broken_off =
                |_| EdgeProblem::Malformed("its body broke off or is not framed correctly");
            let Ok(data) = frame.map_err(broken_off)?.into_data() else {
                continue;
            };
            if whole.is_empty() && incoming.is_end_stream() && data.len() <= bytes_max {
                // The usual case: all of it came at once and is taken as it lies.
                return Ok((data, permits));
            }
            let length = whole.len() + data.len();
            if length > bytes_max {
                drop(whole);
                discard(&mut incoming).await;
                return Err(too_large);
            }
            if length > SMALL_BODY_BYTES && permits.share.is_none() && permits.turn.is_none() {
                let bytes = announced.map_or(bytes_max, |bytes| {
                    usize::try_from(bytes).unwrap_or(usize::MAX)
                });
                let units =
                    u32::try_from(bytes.div_ceil(BODY_MEMORY_UNIT_BYTES)).unwrap_or(u32::MAX);
                permits.share = Some(
                    memory
                        .acquire_many(units)
                        .await
                        .map_err(|_| EdgeProblem::Overloaded)?,
                );
            }
            if whole.capacity() == 0 {
                // A client's word about its length reserves little: the rest comes as bytes come.
                let announced = announced
                    .and_then(|bytes| usize::try_from(bytes).ok())
                    .unwrap_or(0);
                whole.reserve(announced.min(SMALL_BODY_BYTES).max(data.len()));
            }
            whole.extend_from_slice(&data);
        }
        Ok((whole.freeze(), permits))
    });
    within(time, reading)
        .await
        .unwrap_or(Err(EdgeProblem::BodyTooSlow { limit: time }))
}

/// Reads on and throws away, within bounds, so that a client that sends before it reads gets to see the refusal.
async fn discard(incoming: &mut Incoming) {
    let mut discarded_bytes = 0;
    while discarded_bytes < DISCARDED_BODY_BYTES_MAX {
        match incoming.frame().await {
            Some(Ok(frame)) => discarded_bytes += frame.data_ref().map_or(0, Bytes::len),
            _ => break,
        }
    }
}

/// The application's reply; a panic or a time-out is this request's alone.
async fn answer<A: Application>(application: &A, received: &Received, limits: &Limits) -> Reply {
    let limit = application.time_to_answer(received, limits.request);
    let (request_id, method) = (received.request_id, &received.parts.method);
    let answering = catch_unwind(AssertUnwindSafe(|| application.answer(received)));
    let answered = match answering {
        Err(_) => Ok(None),
        Ok(answering) => {
            let mut answering = pin!(answering);
            // INVARIANT: a future that panicked is not polled again; it is dropped with this one.
            let caught = pin!(poll_fn(|context| {
                match catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(context))) {
                    Ok(poll) => poll.map(Some),
                    Err(_) => Poll::Ready(None),
                }
            }));
            within(limit, caught).await
        }
    };
    match answered {
        Ok(Some(reply)) => reply,
        Ok(None) => {
            tracing::error!(%request_id, %method, "a request ended in a panic; this is a defect: please report it");
            application.refuse(EdgeProblem::Panicked)
        }
        Err(_) => {
            tracing::error!(%request_id, %method, ?limit, "a request was given up: no answer in time");
            application.refuse(EdgeProblem::AnswerTooSlow { limit })
        }
    }
}

/// The time limit is over.
struct Elapsed;

/// A time limit that costs nothing where the future is ready at once: neither a look at the clock nor a timer. Otherwise
/// the future isn't asked again in the same turn: it may have let others go first, to be written to the disk with them.
async fn within<F: Future>(limit: Duration, mut future: Pin<&mut F>) -> Result<F::Output, Elapsed> {
    if let Poll::Ready(output) = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
    {
        return Ok(output);
    }
    let mut timer = pin!(sleep(limit));
    let mut was_asked = true;
    poll_fn(|context| {
        if !std::mem::take(&mut was_asked)
            && let Poll::Ready(output) = future.as_mut().poll(context)
        {
            return Poll::Ready(Ok(output));
        }
        timer.as_mut().poll(context).map(|()| Err(Elapsed))
    })
    .await
}

fn respond(reply: Reply, request_id: RequestId, is_http1: bool) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(reply.body));
    *response.status_mut() = reply.status;
    let headers = response.headers_mut();
    headers.reserve(HEADERS_ADDED);
    headers.insert(&REQUEST_ID, request_id.to_header_value());
    headers.extend(
        reply
            .headers
            .into_iter()
            .map(|(name, value)| (Some(name), value)),
    );
    if !reply.content_type.is_empty() {
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(reply.content_type),
        );
    }
    if reply.close && is_http1 {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

static REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
/// Ours, and `Content-Length` and `Date`, which hyper adds.
const HEADERS_ADDED: usize = 6;

/// Headers that decide framing, routing or identity, and what is wrong where one occurs twice.
static SINGLE: [(HeaderName, &str); 9] = [
    (
        header::AUTHORIZATION,
        "it has more than one Authorization header",
    ),
    (header::HOST, "it has more than one Host header"),
    (
        header::CONTENT_LENGTH,
        "it has more than one Content-Length header",
    ),
    (
        header::CONTENT_TYPE,
        "it has more than one Content-Type header",
    ),
    (header::DATE, "it has more than one Date header"),
    (
        HeaderName::from_static("x-amz-target"),
        "it has more than one X-Amz-Target header",
    ),
    (
        HeaderName::from_static("x-amz-date"),
        "it has more than one X-Amz-Date header",
    ),
    (
        HeaderName::from_static("x-amz-security-token"),
        "it has more than one X-Amz-Security-Token header",
    ),
    (
        HeaderName::from_static("x-amz-content-sha256"),
        "it has more than one X-Amz-Content-Sha256 header",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(version: Version, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().version(version).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_head_with_two_meanings_is_refused() {
        let (one, two) = (Version::HTTP_11, Version::HTTP_2);
        type Case = (
            Version,
            &'static str,
            &'static [(&'static str, &'static str)],
            Option<&'static str>,
        );
        let cases: &[Case] = &[
            (one, "/", &[("host", "a")], None),
            (one, "/", &[], Some("no Host")),
            (Version::HTTP_10, "/", &[], None),
            (one, "http://a/", &[("host", "A")], None),
            (one, "http://a/", &[("host", "b")], Some("different hosts")),
            (two, "https://a/", &[], None),
            (two, "https://a/", &[("host", "a")], None),
            (
                two,
                "https://a:1/",
                &[("host", "a:2")],
                Some("different hosts"),
            ),
            (one, "/", &[("host", "a"), ("host", "a")], Some("Host")),
            (
                one,
                "/",
                &[
                    ("host", "a"),
                    ("authorization", "x"),
                    ("authorization", "y"),
                ],
                Some("Authorization"),
            ),
            (
                one,
                "/",
                &[("host", "a"), ("x-amz-target", "x"), ("x-amz-target", "x")],
                Some("X-Amz-Target"),
            ),
            (
                one,
                "/",
                &[("host", "a"), ("x-amz-date", "x"), ("x-amz-date", "x")],
                Some("X-Amz-Date"),
            ),
            (
                one,
                "/",
                &[("host", "a"), ("accept", "x"), ("accept", "y")],
                None,
            ),
        ];
        for (version, uri, headers, expected) in cases {
            let found = check(&parts(*version, uri, headers), &Limits::default());
            match (found, expected) {
                (Ok(()), None) => {}
                (Err(EdgeProblem::Malformed(why)), Some(expected)) => {
                    assert!(why.contains(expected), "{why}")
                }
                (found, _) => panic!("{version:?} {uri} {headers:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn too_many_headers_are_refused_on_http2_as_well() {
        let names: Vec<String> = (0..=Limits::default().header_count)
            .map(|number| format!("x-{number}"))
            .collect();
        let headers: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        let found = check(
            &parts(Version::HTTP_2, "https://a/", &headers),
            &Limits::default(),
        );
        assert_eq!(found, Err(EdgeProblem::HeadersTooLarge));
    }
}
