//! OTLP over HTTP: `/v1/traces`, `/v1/logs`, `/v1/metrics`, answered in the form of the request.
//!
//! What bodies mean is in `outcrop_ingest::otlp`; here are headers, datasets and statuses.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use outcrop_ingest::otlp::{Exported, Format, Signal, Status};
use outcrop_ingest::{Otlp, Protocol, dataset_name};
use outcrop_storage::event::DatasetName;

use super::access::Caller;
use super::events::{Incoming, Taken, take};
use super::{ApiError, App};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
/// What a `Content-Type` may be.
const KNOWN_TYPES: &str =
    "unsupported content-type, valid types are: application/protobuf, application/x-protobuf, application/json";

/// Take spans, as OpenTelemetry sends them
#[utoipa::path(
    post,
    path = "/v1/traces",
    tag = "ingest",
    request_body(content = String, content_type = "application/x-protobuf", description = "An ExportTraceServiceRequest; also application/json; gzip or zstd by Content-Encoding"),
    responses(
        (status = 200, description = "An ExportTraceServiceResponse in the form of the request: empty, or what was rejected"),
        (status = 400, description = "A google.rpc.Status: the body cannot be read; nothing was stored"),
        (status = 401, description = "A google.rpc.Status: there is no valid key"),
        (status = 403, description = "A google.rpc.Status: the key may not send to a dataset of the body; nothing was stored"),
        (status = 413, description = "A google.rpc.Status: the body is too large; nothing was stored"),
        (status = 415, description = "The type or the encoding is not understood"),
        (status = 429, description = "A google.rpc.Status: too much at once; send again after Retry-After"),
        (status = 503, description = "A google.rpc.Status: the disk is full or failed; send again after Retry-After"),
    )
)]
pub(crate) async fn traces(State(app): State<App>, caller: Caller, headers: HeaderMap, body: Body) -> Response {
    export(&app, &caller, Signal::Traces, &headers, body).await
}

/// Take log records, as OpenTelemetry sends them
#[utoipa::path(
    post,
    path = "/v1/logs",
    tag = "ingest",
    params(("X-Honeycomb-Dataset" = Option<String>, Header, description = "The dataset of log records without a service")),
    request_body(content = String, content_type = "application/x-protobuf", description = "An ExportLogsServiceRequest; also application/json; gzip or zstd by Content-Encoding"),
    responses(
        (status = 200, description = "An ExportLogsServiceResponse in the form of the request: empty, or what was rejected"),
        (status = 400, description = "A google.rpc.Status: the body cannot be read; nothing was stored"),
        (status = 401, description = "A google.rpc.Status: there is no valid key"),
        (status = 403, description = "A google.rpc.Status: the key may not send to a dataset of the body; nothing was stored"),
        (status = 413, description = "A google.rpc.Status: the body is too large; nothing was stored"),
        (status = 415, description = "The type or the encoding is not understood"),
        (status = 429, description = "A google.rpc.Status: too much at once; send again after Retry-After"),
        (status = 503, description = "A google.rpc.Status: the disk is full or failed; send again after Retry-After"),
    )
)]
pub(crate) async fn logs(State(app): State<App>, caller: Caller, headers: HeaderMap, body: Body) -> Response {
    export(&app, &caller, Signal::Logs, &headers, body).await
}

/// Take data points, as OpenTelemetry sends them
#[utoipa::path(
    post,
    path = "/v1/metrics",
    tag = "ingest",
    params(("X-Honeycomb-Dataset" = Option<String>, Header, description = "The dataset of the data points")),
    request_body(content = String, content_type = "application/x-protobuf", description = "An ExportMetricsServiceRequest; also application/json; gzip or zstd by Content-Encoding"),
    responses(
        (status = 200, description = "An ExportMetricsServiceResponse in the form of the request: empty, or what was rejected"),
        (status = 400, description = "A google.rpc.Status: the body cannot be read; nothing was stored"),
        (status = 401, description = "A google.rpc.Status: there is no valid key"),
        (status = 403, description = "A google.rpc.Status: the key may not send to a dataset of the body; nothing was stored"),
        (status = 413, description = "A google.rpc.Status: the body is too large; nothing was stored"),
        (status = 415, description = "The type or the encoding is not understood"),
        (status = 429, description = "A google.rpc.Status: too much at once; send again after Retry-After"),
        (status = 503, description = "A google.rpc.Status: the disk is full or failed; send again after Retry-After"),
    )
)]
pub(crate) async fn metrics(State(app): State<App>, caller: Caller, headers: HeaderMap, body: Body) -> Response {
    export(&app, &caller, Signal::Metrics, &headers, body).await
}

async fn export(app: &App, caller: &Caller, signal: Signal, headers: &HeaderMap, body: Body) -> Response {
    let Ok(format) = format(headers) else {
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, KNOWN_TYPES).into_response();
    };
    let form = format.unwrap_or(Format::Json);
    match take(app, caller, incoming(signal, format, headers), headers, body).await {
        Ok(taken) => exported(signal, form, &taken),
        Err(error) => error.into_response(),
    }
}

/// The form in which a request is answered.
pub(super) fn form(headers: &HeaderMap) -> Format {
    format(headers).ok().flatten().unwrap_or(Format::Json)
}

/// The form that the body says it has; none if it says nothing.
fn format(headers: &HeaderMap) -> Result<Option<Format>, ()> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(None) };
    let value = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match value.as_str() {
        "application/protobuf" | PROTOBUF => Ok(Some(Format::Protobuf)),
        JSON => Ok(Some(Format::Json)),
        _ => Err(()),
    }
}

/// What a body of this signal is, and where its events go that have no service.
pub(super) fn incoming(signal: Signal, format: Option<Format>, headers: &HeaderMap) -> Incoming {
    let named = || headers.get("x-honeycomb-dataset").and_then(|value| dataset_name(value.to_str().ok()?));
    let dataset = match signal {
        Signal::Traces => None,
        Signal::Logs => Some(named().unwrap_or_else(|| DatasetName::trusted("unknown_log_source"))),
        Signal::Metrics => Some(named().unwrap_or_else(|| DatasetName::trusted("unknown_metrics"))),
    };
    let unknown = DatasetName::trusted("unknown_service");
    let protocol = Protocol::Otlp(Otlp { signal, format });
    Incoming { protocol, dataset: dataset.unwrap_or_else(|| unknown.clone()), overflow: Some(unknown) }
}

/// What was stored, in the words of the protocol.
pub(super) fn answer(signal: Signal, taken: &Taken) -> Exported<'_> {
    let error = taken.rejects.listed.first().map_or("", |reject| reject.error.as_str());
    Exported { signal, rejected: taken.rejects.total, error }
}

/// Why nothing was stored, in the words of the protocol.
pub(super) fn status(error: &ApiError) -> Status<'_> {
    Status { code: error.grpc_code(), message: error.message(), retry_seconds: error.retry_after_seconds() }
}

fn exported(signal: Signal, form: Format, taken: &Taken) -> Response {
    let answer = answer(signal, taken);
    match form {
        Format::Protobuf => ([(header::CONTENT_TYPE, PROTOBUF)], answer.protobuf()).into_response(),
        Format::Json => ([(header::CONTENT_TYPE, JSON)], answer.json()).into_response(),
    }
}

pub(super) fn refusal(form: Format, error: &ApiError) -> Response {
    let status = status(error);
    match form {
        Format::Protobuf => error.answer(([(header::CONTENT_TYPE, PROTOBUF)], status.protobuf())),
        Format::Json => error.answer(([(header::CONTENT_TYPE, JSON)], status.json())),
    }
}
