//! Loki's push requests, answered as their senders expect.
//!
//! What bodies mean is in `outcrop_ingest::loki`; here are headers and statuses.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use outcrop_ingest::Protocol;
use outcrop_ingest::loki::Format;
use outcrop_storage::event::DatasetName;

use super::access::Caller;
use super::events::{Incoming, take};
use super::{ApiError, App};

/// Take log lines, as Loki's senders push them
#[utoipa::path(
    post,
    path = "/loki/api/v1/push",
    tag = "ingest",
    request_body(content = String, content_type = "application/json", description = "Streams with their entries; any other type: a PushRequest in protobuf, compressed with snappy"),
    responses(
        (status = 204, description = "The entries are durable"),
        (status = 400, description = "Entries were rejected and the others are durable, or the body cannot be read; do not send again"),
        (status = 401, description = "There is no valid key"),
        (status = 403, description = "The key may not send to a dataset of the body; nothing was stored"),
        (status = 413, description = "The body is too large; nothing was stored"),
        (status = 415, description = "The encoding is not understood"),
        (status = 429, description = "Too much at once; send again after Retry-After"),
        (status = 503, description = "The disk is full or failed; send again after Retry-After"),
    )
)]
pub(crate) async fn push(
    State(app): State<App>,
    caller: Caller,
    mut headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let value = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
    let is_json = value(header::CONTENT_TYPE).to_ascii_lowercase().starts_with("application/json");
    let format = if is_json { Format::Json } else { Format::Protobuf };
    // Snappy is a part of the protobuf form, whether a sender says so or not.
    if format == Format::Protobuf && value(header::CONTENT_ENCODING).eq_ignore_ascii_case("snappy") {
        headers.remove(header::CONTENT_ENCODING);
    }
    let incoming = Incoming {
        protocol: Protocol::Loki(format),
        dataset: DatasetName::trusted("unknown_log_source"),
        overflow: Some(DatasetName::trusted("unknown_log_source")),
    };
    let taken = take(&app, &caller, incoming, &headers, body).await?;
    match taken.rejects.listed.first() {
        None => Ok(StatusCode::NO_CONTENT),
        Some(first) => Err(ApiError::bad_request(
            "rejected",
            format!(
                "{} of {} entries were rejected, the others are stored; the first: {}",
                taken.rejects.total, taken.items, first.error
            ),
        )),
    }
}

pub(super) fn refusal(error: &ApiError) -> Response {
    error.answer(format!("{}\n", error.message()))
}

/// `/ready`: whether there is a Loki.
pub(super) async fn ready() -> &'static str {
    "ready\n"
}
