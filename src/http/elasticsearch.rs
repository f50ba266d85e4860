//! As much of Elasticsearch as log shippers need to be content: bulk requests, and the answers to what they ask before.
//!
//! What bodies mean is in `outcrop_ingest::elasticsearch`. Nothing here can be searched by Elasticsearch's API.

use std::fmt::Write;
use std::time::Instant;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use outcrop_ingest::Protocol;
use outcrop_storage::event::DatasetName;
use serde_json::{Value, json};

use super::access::Caller;
use super::events::{Incoming, Taken, take};
use super::names::Names;
use super::{ApiError, App, console};

/// Clients refuse to talk to what does not say this.
const PRODUCT: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-elastic-product"), HeaderValue::from_static("Elasticsearch"));
/// The version that we claim to be: the newest of the major one that shippers of today were made for.
const VERSION: &str = "8.19.0";
/// How clients of Elastic's begin to call themselves.
const CLIENTS: [&str; 4] = ["Elastic", "elasticsearch", "elastic-", "Logstash"];

/// Take a bulk request, as Elasticsearch's shippers send it
#[utoipa::path(
    post,
    path = "/_bulk",
    tag = "ingest",
    request_body(content = String, content_type = "application/x-ndjson", description = "Pairs of lines, an action and its document; gzip or zstd by Content-Encoding"),
    responses(
        (status = 200, description = "An item for each action, in order: 201 is durable"),
        (status = 400, description = "The body cannot be read; nothing was stored"),
        (status = 401, description = "There is no valid key"),
        (status = 403, description = "The key may not send to a dataset of the body; nothing was stored"),
        (status = 413, description = "The body is too large; nothing was stored"),
        (status = 415, description = "The encoding is not understood"),
        (status = 429, description = "Too much at once; send again after Retry-After"),
        (status = 503, description = "The disk is full or failed; send again after Retry-After"),
    )
)]
pub(crate) async fn bulk(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    answer(&app, &caller, None, &headers, body).await
}

/// Take a bulk request for one index
#[utoipa::path(
    post,
    path = "/{index}/_bulk",
    tag = "ingest",
    params(("index" = String, Path, description = "The index of actions that name none; the dataset is its name without a date")),
    request_body(content = String, content_type = "application/x-ndjson", description = "As for /_bulk"),
    responses((status = 200, description = "As for /_bulk"))
)]
pub(crate) async fn bulk_to(
    State(app): State<App>,
    caller: Caller,
    Names(index): Names<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    answer(&app, &caller, Some(index), &headers, body).await
}

async fn answer(
    app: &App,
    caller: &Caller,
    index: Option<String>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let began = Instant::now();
    let protocol = Protocol::Elasticsearch { index };
    // Every action names its own dataset, or is rejected.
    let incoming = Incoming { protocol, dataset: DatasetName::trusted("unknown"), overflow: None };
    let taken = take(app, caller, incoming, headers, body).await?;
    Ok(product(([(header::CONTENT_TYPE, "application/json")], items(&taken, began)).into_response()))
}

/// The answer to a bulk request, written as it is read: there may be 250,000 items.
fn items(taken: &Taken, began: Instant) -> String {
    let errors = taken.rejects.total > 0;
    let took = began.elapsed().as_millis();
    let mut json = String::with_capacity(64 + taken.items * 96);
    let indexes: Vec<Value> = taken.actions.indexes.iter().map(|index| json!(index)).collect();
    let mut write = |arguments: std::fmt::Arguments<'_>| {
        // Writing into a string cannot fail.
        let _written = json.write_fmt(arguments);
    };
    write(format_args!("{{\"took\":{took},\"errors\":{errors},\"items\":["));
    let mut comma = "";
    for (action, error) in taken.actions.all.iter().zip(taken.rejects.by_item(taken.items)) {
        let index = indexes.get(action.index as usize).unwrap_or(&Value::Null);
        let verb = action.verb.name();
        write(format_args!("{comma}{{\"{verb}\":{{\"_index\":{index},\"_id\":\"\",\"status\":"));
        match error {
            None => write(format_args!("201,\"result\":\"created\"}}}}")),
            Some(reason) => write(format_args!(
                "400,\"error\":{{\"type\":\"document_parsing_exception\",\"reason\":{}}}}}}}",
                json!(reason)
            )),
        }
        comma = ",";
    }
    write(format_args!("]}}"));
    json
}

pub(super) fn refusal(error: &ApiError) -> Response {
    let status = error.status();
    let kind = match status {
        StatusCode::BAD_REQUEST => "illegal_argument_exception",
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "security_exception",
        StatusCode::PAYLOAD_TOO_LARGE => "content_too_long_exception",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "media_type_header_exception",
        StatusCode::TOO_MANY_REQUESTS => "es_rejected_execution_exception",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable_exception",
        _ => "exception",
    };
    let cause = json!({ "type": kind, "reason": error.message() });
    let mut body = json!({ "error": cause, "status": status.as_u16() });
    body["error"]["root_cause"] = json!([cause]);
    product(error.answer(Json(body)))
}

fn product(mut response: Response) -> Response {
    response.headers_mut().insert(PRODUCT.0, PRODUCT.1);
    response
}

/// `/`: clients of Elasticsearch want to know whom they talk to, everybody else wants the console.
pub(super) async fn root(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if is_client(&headers) { about().await } else { console::serve(method, uri).await }
}

fn is_client(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let accept = text(header::ACCEPT);
    if accept.contains("text/html") {
        return false;
    }
    accept.contains("json") || CLIENTS.iter().any(|client| text(header::USER_AGENT).starts_with(client))
}

/// Whom a client talks to.
pub(super) async fn about() -> Response {
    product(
        Json(json!({
            "name": "outcrop",
            "cluster_name": "outcrop",
            "cluster_uuid": "outcrop-cluster-000000",
            "version": {
                "number": VERSION,
                "build_flavor": "default",
                "build_type": "outcrop",
                "build_hash": env!("CARGO_PKG_VERSION"),
                "build_date": "2026-01-01T00:00:00.000000000Z",
                "build_snapshot": false,
                "lucene_version": "9.12.0",
                "minimum_wire_compatibility_version": "7.17.0",
                "minimum_index_compatibility_version": "7.0.0",
            },
            "tagline": "You Know, for Search",
        }))
        .into_response(),
    )
}

/// `/_license`, `/_xpack`: shippers of Elastic's send only where a license is active.
pub(super) async fn license() -> Response {
    let license = json!({
        "status": "active", "uid": "00000000-0000-0000-0000-000000000000", "type": "basic", "mode": "basic",
        "issued_to": "outcrop", "issuer": "outcrop",
    });
    product(Json(json!({ "license": license, "features": {} })).into_response())
}

/// `/_cluster/health`: whether events can be taken.
pub(super) async fn health(State(app): State<App>) -> Response {
    let (status, code) = if app.store.health().ingest_down {
        ("red", StatusCode::SERVICE_UNAVAILABLE)
    } else {
        ("green", StatusCode::OK)
    };
    product((code, Json(json!({ "cluster_name": "outcrop", "status": status, "timed_out": false }))).into_response())
}

/// `/_nodes/http`: no further nodes.
pub(super) async fn nodes() -> Response {
    let count = json!({ "total": 0, "successful": 0, "failed": 0 });
    product(Json(json!({ "_nodes": count, "cluster_name": "outcrop", "nodes": {} })).into_response())
}

/// Templates, policies and pipelines are there, so that nobody need make them.
pub(super) async fn nothing() -> Response {
    product(Json(json!({})).into_response())
}

/// They are acknowledged all the same. They could change nothing here.
pub(super) async fn acknowledge() -> Response {
    product(Json(json!({ "acknowledged": true })).into_response())
}
