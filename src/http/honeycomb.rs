//! Honeycomb's calls: `/1/events`, `/1/batch`, `/1/kinesis_events` and `/1/auth`, answered as their senders expect.
//!
//! What bodies mean is in `outcrop_ingest::honeycomb` and `outcrop_ingest::firehose`; here are headers, statuses and the shapes of answers.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use outcrop_ingest::honeycomb::{Call, Format};
use outcrop_ingest::{Honeycomb, Protocol, dataset_name};
use outcrop_storage::event::DatasetName;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::access::Caller;
use super::events::{Incoming, Taken, take};
use super::names::Names;
use super::{ApiError, App};
use crate::workspace::Scope;

/// What became of one event of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventStatus {
    /// 202: durable. 400: rejected.
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Every answer that is not a success.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HoneycombError {
    error: String,
}

/// Take a batch of events in Honeycomb's form, as libhoney, Refinery and Vector send it
#[utoipa::path(
    post,
    path = "/1/batch/{dataset}",
    tag = "ingest",
    params(("dataset" = String, Path, description = "The dataset; made when its first event comes")),
    request_body(content = String, content_type = "application/json", description = "An array of {time, samplerate, data}; also application/msgpack; gzip or zstd by Content-Encoding"),
    responses(
        (status = 200, description = "One entry for each event, in order", body = Vec<EventStatus>),
        (status = 400, description = "The body cannot be read or has no events; nothing was stored", body = HoneycombError),
        (status = 401, body = HoneycombError),
        (status = 403, body = HoneycombError),
        (status = 413, body = HoneycombError),
        (status = 415, body = HoneycombError),
        (status = 429, body = HoneycombError),
        (status = 503, body = HoneycombError),
    )
)]
pub(crate) async fn batch(
    State(app): State<App>,
    caller: Caller,
    Names(dataset): Names<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Vec<EventStatus>>, ApiError> {
    let taken = accept(&app, &caller, &dataset, Call::Batch, &headers, body).await?;
    Ok(Json(statuses(&taken)))
}

/// Take one event in Honeycomb's form: its fields in the body, its time and sample rate in headers
#[utoipa::path(
    post,
    path = "/1/events/{dataset}",
    tag = "ingest",
    params(
        ("dataset" = String, Path, description = "The dataset; made when its first event comes"),
        ("X-Honeycomb-Event-Time" = Option<String>, Header, description = "RFC 3339 or seconds; default: now"),
        ("X-Honeycomb-Samplerate" = Option<u32>, Header, description = "For how many events this one stands; default 1"),
    ),
    request_body(content = String, content_type = "application/json", description = "One object; also application/msgpack; gzip or zstd by Content-Encoding"),
    responses(
        (status = 200, description = "The event is durable"),
        (status = 400, description = "The event was rejected; nothing was stored", body = HoneycombError),
        (status = 401, body = HoneycombError),
        (status = 403, body = HoneycombError),
        (status = 413, body = HoneycombError),
        (status = 415, body = HoneycombError),
        (status = 429, body = HoneycombError),
        (status = 503, body = HoneycombError),
    )
)]
pub(crate) async fn event(
    State(app): State<App>,
    caller: Caller,
    Names(dataset): Names<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<serde_json::Value>, ApiError> {
    let header = |name: &str| Some(headers.get(name)?.to_str().unwrap_or("?").to_owned());
    let call = Call::Event { time: header("x-honeycomb-event-time"), sample_rate: header("x-honeycomb-samplerate") };
    let taken = accept(&app, &caller, &dataset, call, &headers, body).await?;
    match taken.rejects.listed.first() {
        None => Ok(Json(json!({}))),
        Some(reject) => Err(ApiError::bad_request("rejected", reject.error.clone())),
    }
}

/// Take what Amazon Data Firehose delivers
#[utoipa::path(
    post,
    path = "/1/kinesis_events/{dataset}",
    tag = "ingest",
    params(
        ("dataset" = String, Path, description = "The dataset; made when its first event comes"),
        ("X-Amz-Firehose-Request-Id" = Option<String>, Header, description = "Repeated in the answer"),
    ),
    request_body(content = String, content_type = "application/json", description = "A delivery: {requestId, timestamp, records}; gzip or zstd by Content-Encoding"),
    responses(
        (status = 200, description = "Everything that could be read is durable"),
        (status = 400, description = "The body cannot be read; nothing was stored"),
        (status = 401, description = "There is no valid key, in X-Amz-Firehose-Access-Key or elsewhere"),
        (status = 403, description = "The key may not send to the dataset; nothing was stored"),
        (status = 413, description = "The body is too large; nothing was stored"),
        (status = 429, description = "Too much at once; send again after Retry-After"),
        (status = 503, description = "The disk is full or failed; send again after Retry-After"),
    )
)]
pub(crate) async fn firehose(
    State(app): State<App>,
    caller: Caller,
    Names(dataset): Names<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<serde_json::Value>, ApiError> {
    let dataset = named(&dataset)?;
    let incoming = Incoming { protocol: Protocol::Firehose, dataset, overflow: None };
    let taken = take(&app, &caller, incoming, &headers, body).await?;
    if let Some(first) = taken.rejects.listed.first() {
        tracing::warn!("{} events of Firehose were rejected, the first: {}", taken.rejects.total, first.error);
    }
    Ok(Json(delivery(&app, request_id(&headers))))
}

/// What the answer to a delivery repeats.
pub(super) fn request_id(headers: &HeaderMap) -> &str {
    headers.get("x-amz-firehose-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default()
}

fn delivery(app: &App, request: &str) -> serde_json::Value {
    json!({ "requestId": request, "timestamp": app.store.clock().now() / 1_000_000 })
}

pub(super) fn firehose_refusal(app: &App, request: &str, error: &ApiError) -> Response {
    let mut body = delivery(app, request);
    body["errorMessage"] = json!(error.message());
    error.answer(Json(body))
}

/// Describe the key of the request
#[utoipa::path(
    get,
    path = "/1/auth",
    tag = "ingest",
    responses(
        (status = 200, description = "What the key may do, in Honeycomb's form"),
        (status = 401, body = HoneycombError),
    ),
)]
pub(crate) async fn auth(caller: Caller) -> Json<serde_json::Value> {
    Json(description(&caller))
}

async fn accept(
    app: &App,
    caller: &Caller,
    dataset: &str,
    call: Call,
    headers: &HeaderMap,
    body: Body,
) -> Result<Taken, ApiError> {
    let dataset = named(dataset)?;
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let format = Format::from_content_type(content_type);
    let protocol = Protocol::Honeycomb(Honeycomb { call, format });
    take(app, caller, Incoming { protocol, dataset, overflow: None }, headers, body).await
}

/// The dataset that a path means.
fn named(dataset: &str) -> Result<DatasetName, ApiError> {
    dataset_name(dataset).filter(|name| name.as_str() != "__all__").ok_or_else(|| {
        ApiError::bad_request("bad_dataset", "dataset not found: events go to one dataset, which has a name")
    })
}

fn statuses(taken: &Taken) -> Vec<EventStatus> {
    let status = |error: Option<&str>| match error {
        None => EventStatus { status: StatusCode::ACCEPTED.as_u16(), error: None },
        Some(error) => EventStatus { status: StatusCode::BAD_REQUEST.as_u16(), error: Some(error.to_owned()) },
    };
    taken.rejects.by_item(taken.items).map(status).collect()
}

pub(super) fn refusal(error: &ApiError) -> Response {
    error.answer(Json(HoneycombError { error: error.message().to_owned() }))
}

/// What senders ask `/1/auth` for, both spellings of what they look for included.
fn description(caller: &Caller) -> serde_json::Value {
    let (may_ingest, may_query) = (caller.may(Scope::Ingest), caller.may(Scope::Query));
    let place = json!({ "name": "Outcrop", "slug": "outcrop" });
    json!({
        "id": caller.id(),
        "type": if may_query { "configuration" } else { "ingest" },
        "api_key_access": {
            "events": may_ingest,
            "createDatasets": may_ingest,
            "create_datasets": may_ingest,
            "queries": may_query,
            "columns": false,
            "markers": false,
            "triggers": false,
            "boards": false,
            "slos": false,
            "recipients": false,
            "privateBoards": false,
        },
        "environment": place,
        "team": place,
    })
}
