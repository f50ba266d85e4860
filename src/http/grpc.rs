//! OTLP over gRPC: the same requests as over HTTP, each in a frame of its own.
//!
//! A call is unframed into headers and a body as HTTP would have them, so that it takes the same way in: its length is
//! known, its memory is reserved, and it inflates with a bound. Must not know what bodies mean.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures::{StreamExt, stream};
use http_body_util::{BodyExt, Full};
use outcrop_ingest::otlp::{Format, Signal};
use tonic::{Code, Status};

use super::access::{self, Caller};
use super::events::take;
use super::otlp::{answer, incoming, status};
use super::{ApiError, App, dialect, error, measure};

/// Seconds until the frame of a call must have begun.
const FRAME_SECONDS_MAX: u64 = 60;
/// Bytes before a message: whether it is compressed, and its length.
const FRAME_HEAD_BYTES: usize = 5;
pub(super) const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
pub(super) const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
pub(super) const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
pub(super) const ROUTES: [&str; 3] = [TRACES, LOGS, METRICS];

/// Every service of the gRPC address.
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route(TRACES, post(|State(app), caller, request| call(app, caller, Signal::Traces, request)))
        .route(LOGS, post(|State(app), caller, request| call(app, caller, Signal::Logs, request)))
        .route(METRICS, post(|State(app), caller, request| call(app, caller, Signal::Metrics, request)))
        .fallback(unknown_service)
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(error::panicked))
        .layer(middleware::from_fn_with_state(app.clone(), access::check))
        .layer(middleware::from_fn_with_state(app.clone(), dialect::translate))
        .layer(middleware::from_fn_with_state(app.clone(), measure))
        .with_state(app)
}

async fn unknown_service() -> Response {
    Status::unimplemented("there are the trace, logs and metrics services of OTLP here, and no others").into_http()
}

async fn call(app: App, caller: Caller, signal: Signal, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(|content_type| content_type.starts_with("application/grpc")) {
        return Ok(StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response());
    }
    let (plain, message) = unframe(&parts.headers, body).await?;
    let incoming = incoming(signal, Some(Format::Protobuf), &parts.headers);
    let taken = take(&app, &caller, incoming, &plain, message).await?;
    Ok(success(&answer(signal, &taken).protobuf()))
}

/// The status of a call that failed, with what a sender should do in its details.
pub(super) fn refusal(error: &ApiError) -> Response {
    let status = status(error);
    let code = Code::from(i32::try_from(status.code).unwrap_or_default());
    let mut response = Status::with_details(code, status.message, status.protobuf().into()).into_http();
    if code == Code::Unimplemented {
        let known = HeaderValue::from_static("identity,gzip,zstd");
        response.headers_mut().insert(HeaderName::from_static("grpc-accept-encoding"), known);
    }
    // For whoever counts: of HTTP's statuses gRPC knows one.
    *response.extensions_mut() = error.answer(()).into_parts().0.extensions;
    response.extensions_mut().insert(error.status());
    response
}

/// The message of a call as a body of its own, and the headers that HTTP would have for it.
async fn unframe(headers: &HeaderMap, body: Body) -> Result<(HeaderMap, Body), ApiError> {
    let mut stream = body.into_data_stream();
    let mut begun = Vec::new();
    while begun.len() < FRAME_HEAD_BYTES {
        let next = tokio::time::timeout(Duration::from_secs(FRAME_SECONDS_MAX), stream.next()).await;
        match next {
            Ok(Some(Ok(bytes))) => begun.extend_from_slice(&bytes),
            _ => return Err(broken("the call broke off before its message began; send it again")),
        }
    }
    let message = begun.split_off(FRAME_HEAD_BYTES);
    let length = begun[1..].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    let mut plain = HeaderMap::new();
    plain.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    match (begun[0], headers.get("grpc-encoding")) {
        (0, _) => {}
        (1, Some(encoding)) => drop(plain.insert(header::CONTENT_ENCODING, encoding.clone())),
        _ => return Err(broken("the message says that it is compressed and not how; set grpc-encoding")),
    }
    Ok((plain, Body::from_stream(exactly(length, message.into(), stream))))
}

/// `begun` and what follows it, which must be so many bytes together: a call has one message.
fn exactly(
    length: usize,
    begun: Bytes,
    rest: BodyDataStream,
) -> impl stream::Stream<Item = Result<Bytes, axum::Error>> {
    let wrong = || axum::Error::new("a call has one message, of the length that its frame says");
    let parts = stream::once(async { Ok(begun) }).chain(rest);
    stream::unfold((Box::pin(parts), Some(length)), move |(mut parts, left)| async move {
        // Nothing is left to say after a mistake.
        let left = left?;
        match parts.next().await {
            Some(Ok(bytes)) if bytes.len() <= left => {
                let left = left - bytes.len();
                Some((Ok(bytes), (parts, Some(left))))
            }
            Some(Ok(_)) => Some((Err(wrong()), (parts, None))),
            Some(Err(error)) => Some((Err(error), (parts, None))),
            None if left > 0 => Some((Err(wrong()), (parts, None))),
            None => None,
        }
    })
}

fn broken(message: &'static str) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "broken_body", message)
}

fn success(message: &[u8]) -> Response {
    let mut frame = vec![0];
    frame.extend((message.len() as u32).to_be_bytes());
    frame.extend_from_slice(message);
    let mut trailers = HeaderMap::new();
    trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
    let body = Full::new(Bytes::from(frame)).with_trailers(std::future::ready(Some(Ok(trailers))));
    ([(header::CONTENT_TYPE, "application/grpc")], Body::new(body)).into_response()
}
