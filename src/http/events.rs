//! `POST /api/v1/events/{dataset}`, and what every protocol does between its request and its answer: take a body, decode
//! it, make it durable.
//!
//! Memory is bounded in three steps: bodies in flight, bodies being decoded, and the store's memtables. Must not know how
//! the other protocols answer.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use outcrop_ingest::elasticsearch::Actions;
use outcrop_ingest::{Context, Decoded, Encoding, Protocol, Rejects, decode};
use outcrop_storage::event::{DatasetName, EventBatch};
use outcrop_storage::{BatchId, Once, Outcome, limits};
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;
use utoipa::ToSchema;

use super::names::Names;
use super::{ApiError, App};

/// Seconds that the next part of a body may take.
const BODY_PAUSE_SECONDS_MAX: u64 = 60;
/// Seconds that a body waits for room among the others before it is shed.
const ROOM_SECONDS_MAX: u64 = 5;
/// Bodies up to this many bytes are decoded where they arrive: a thread of their own would cost more.
const INLINE_BYTES_MAX: usize = 16 << 10;
const KIB: usize = 1 << 10;

/// The header of a body that may be sent again.
const BATCH_ID: &str = "x-outcrop-batch-id";

/// What became of the events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AcceptedEvents {
    /// Events that are durable now.
    accepted: u64,
    /// The first 100 that are not, with the reason.
    rejected: Vec<RejectedEvent>,
    rejected_total: u64,
}

#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct RejectedEvent {
    /// Which event of the body, from 0; in NDJSON which line, blank ones not counted.
    index: usize,
    error: String,
}

/// Take events: a JSON object, an array of them, or NDJSON
#[utoipa::path(
    post,
    path = "/api/v1/events/{dataset}",
    tag = "ingest",
    params(
        ("dataset" = String, Path, description = "The dataset; made when its first event comes"),
        ("X-Outcrop-Batch-Id" = Option<String>, Header, description = "Unique text of at most 64 bytes. The same body sent again with the same id within 15 minutes is answered the same and not stored again")
    ),
    request_body(content = String, content_type = "application/x-ndjson", description = "Also application/json; gzip or zstd by Content-Encoding"),
    responses(
        (status = 200, description = "The accepted events are durable", body = AcceptedEvents),
        (status = 400, description = "The body cannot be read; nothing was stored", body = super::error::ErrorBody),
        (status = 409, description = "The batch id was acknowledged for another body; nothing was stored", body = super::error::ErrorBody),
        (status = 413, description = "The body is too large; nothing was stored", body = super::error::ErrorBody),
        (status = 415, description = "The encoding is not understood", body = super::error::ErrorBody),
        (status = 422, description = "The dataset cannot be made", body = super::error::ErrorBody),
        (status = 429, description = "Too much at once; send again after Retry-After", body = super::error::ErrorBody),
        (status = 503, description = "The disk is full or failed; send again after Retry-After", body = super::error::ErrorBody),
    )
)]
pub(crate) async fn accept(
    State(app): State<App>,
    Names(dataset): Names<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<AcceptedEvents>, ApiError> {
    let dataset = DatasetName::new(&dataset).map_err(|e| ApiError::bad_request("bad_dataset", e.to_string()))?;
    let id = batch_id(&headers)?;
    let incoming = Incoming { protocol: Protocol::Json, dataset, overflow: None };
    let answer = match take_once(&app, incoming, id, &headers, body).await? {
        Took::Stored(taken) => accepted(taken),
        Took::Repeated(outcome) => repeated(outcome),
    };
    Ok(Json(answer))
}

/// What must be known to read a body.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) protocol: Protocol,
    /// Where events go that name no dataset themselves.
    pub(super) dataset: DatasetName,
    /// Where events go whose dataset would be one too many; none: they are refused.
    pub(super) overflow: Option<DatasetName>,
}

/// What became of a body: its accepted events are durable.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) accepted: u64,
    /// What the sender counts.
    pub(super) items: usize,
    pub(super) rejects: Rejects,
    pub(super) actions: Actions,
}

/// What became of a body that may have been sent before.
#[derive(Debug)]
enum Took {
    Stored(Taken),
    /// It was acknowledged before, so.
    Repeated(Outcome),
}

/// Takes a body, decodes it, and makes it durable.
pub(super) async fn take(app: &App, incoming: Incoming, headers: &HeaderMap, body: Body) -> Result<Taken, ApiError> {
    match take_once(app, incoming, None, headers, body).await? {
        Took::Stored(taken) => Ok(taken),
        Took::Repeated(_) => Err(bug("the log")),
    }
}

/// The same for a body that its sender may have given an id.
async fn take_once(
    app: &App,
    incoming: Incoming,
    id: Option<&str>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Took, ApiError> {
    let encoding = headers.get(header::CONTENT_ENCODING).map(|v| v.to_str().unwrap_or("?"));
    let encoding = Encoding::from_header(encoding)?;
    let (body, room) = read_body(app, headers, body).await?;
    let body_bytes = body.len() as u64;
    let principal = "";
    let id = id.map(|id| app.store.batch_id(principal, &incoming.dataset, id, &body));
    if let Some(outcome) = id.map(|id| app.store.acknowledged(&id)).transpose()?.flatten() {
        app.metrics.repeated_bodies.inc();
        return Ok(Took::Repeated(outcome));
    }
    let overflow = incoming.overflow.clone();
    let decoded = decode_body(app, incoming, encoding, body).await?;
    drop(room);
    let Decoded { batches, accepted, items, rejects, actions, repeated_keys } = decoded;
    let taken = Taken { accepted: accepted as u64, items, rejects, actions };
    match append(app, id, batches, overflow, &taken).await? {
        Once::Stored(_) => {
            app.metrics.ingested(taken.accepted, taken.rejects.total as u64, repeated_keys, body_bytes);
            Ok(Took::Stored(taken))
        }
        Once::Repeated(outcome) => {
            app.metrics.repeated_bodies.inc();
            Ok(Took::Repeated(outcome))
        }
    }
}

/// Makes the batches durable. If somebody else has sent the same before, says what became of it.
async fn append(
    app: &App,
    id: Option<BatchId>,
    batches: Vec<(DatasetName, EventBatch)>,
    overflow: Option<DatasetName>,
    taken: &Taken,
) -> Result<Once, ApiError> {
    let once = id.map(|id| Ok::<_, ApiError>((id, outcome(taken)?))).transpose()?;
    let worker = app.clone();
    let append = tokio::task::spawn_blocking(move || match once {
        Some((id, outcome)) => worker.store.append_once(&id, batches, outcome),
        None => worker.store.append_with_overflow(batches, overflow.as_ref()).map(Once::Stored),
    });
    Ok(append.await.map_err(|_| bug("the store"))??)
}

/// What is kept to be answered again.
fn outcome(taken: &Taken) -> Result<Outcome, ApiError> {
    Ok(Outcome {
        accepted: u32::try_from(taken.accepted).map_err(|_| bug("the decoder"))?,
        rejected: u32::try_from(taken.rejects.total).map_err(|_| bug("the decoder"))?,
        details: details(&rejected(&taken.rejects))?,
    })
}

fn rejected(rejects: &Rejects) -> Vec<RejectedEvent> {
    rejects.listed.iter().map(|r| RejectedEvent { index: r.index, error: r.error.clone() }).collect()
}

fn accepted(taken: Taken) -> AcceptedEvents {
    let rejected_total = taken.rejects.total as u64;
    AcceptedEvents { accepted: taken.accepted, rejected: rejected(&taken.rejects), rejected_total }
}

/// The list as the store keeps it.
fn details(rejected: &[RejectedEvent]) -> Result<Vec<u8>, ApiError> {
    if rejected.is_empty() {
        return Ok(Vec::new());
    }
    serde_json::to_vec(rejected).map_err(|_| bug("the decoder"))
}

/// What was answered before. The list may be gone where there were too many of them; the numbers never are.
fn repeated(outcome: Outcome) -> AcceptedEvents {
    AcceptedEvents {
        accepted: outcome.accepted.into(),
        rejected: serde_json::from_slice(&outcome.details).unwrap_or_default(),
        rejected_total: outcome.rejected.into(),
    }
}

/// The id that the sender gave the body.
fn batch_id(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let mut values = headers.get_all(BATCH_ID).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let id = std::str::from_utf8(value.as_bytes())
        .ok()
        .filter(|id| (1..=limits::BATCH_ID_BYTES_MAX).contains(&id.len()) && !id.chars().any(char::is_control));
    match (id, values.next()) {
        (Some(id), None) => Ok(Some(id)),
        _ => Err(ApiError::bad_request(
            "bad_batch_id",
            format!(
                "X-Outcrop-Batch-Id must be there once, with 1 to {} bytes of text; a UUID will do",
                limits::BATCH_ID_BYTES_MAX
            ),
        )),
    }
}

fn bug(where_: &str) -> ApiError {
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", format!("{where_} met a bug; please report it"))
}

fn too_large(max: usize) -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        format!("the body is larger than {max} bytes; nothing was stored, send it in parts"),
    )
}

/// Room for one body, given back when it has been decoded.
struct Room {
    app: App,
    bytes: u64,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.app.metrics.in_flight_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

async fn reserve(app: &App, bytes: usize) -> Result<Room, ApiError> {
    let kib = u32::try_from(bytes.div_ceil(KIB).max(1)).unwrap_or(u32::MAX);
    let wait = std::sync::Arc::clone(&app.bodies_kib).acquire_many_owned(kib);
    let permit = tokio::time::timeout(Duration::from_secs(ROOM_SECONDS_MAX), wait).await;
    let shed = || {
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "busy", "too many bodies at once; send again later").retry_after(1)
    };
    let permit = permit.map_err(|_| shed())?.map_err(|_| shed())?;
    app.metrics.in_flight_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    Ok(Room { app: app.clone(), bytes: bytes as u64, _permit: permit })
}

/// The whole body, with room reserved before it is read: what it says it has, or as much as it may have.
async fn read_body(app: &App, headers: &HeaderMap, mut body: Body) -> Result<(Bytes, Room), ApiError> {
    let max = app.limits.body_bytes_max;
    let length = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > max) {
        return Err(too_large(max));
    }
    let room = reserve(app, length.unwrap_or(max)).await?;
    let mut bytes = Vec::with_capacity(length.unwrap_or(INLINE_BYTES_MAX));
    loop {
        let next = tokio::time::timeout(Duration::from_secs(BODY_PAUSE_SECONDS_MAX), body.frame()).await;
        let next = next.map_err(|_| {
            ApiError::new(
                StatusCode::REQUEST_TIMEOUT,
                "slow_body",
                "the body stopped coming; nothing was stored, send it again",
            )
        })?;
        let Some(frame) = next else { break };
        let frame = frame.map_err(|_| {
            ApiError::bad_request("broken_body", "the body broke off; nothing was stored, send it again")
        })?;
        if let Ok(data) = frame.into_data() {
            if bytes.len() + data.len() > max {
                return Err(too_large(max));
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok((bytes.into(), room))
}

async fn decode_body(app: &App, incoming: Incoming, encoding: Encoding, body: Bytes) -> Result<Decoded, ApiError> {
    let small = encoding == Encoding::Identity && body.len() <= INLINE_BYTES_MAX;
    let decode_now = move |app: &App| {
        let context = Context { dataset: &incoming.dataset, received: app.store.clock().now(), limits: &app.limits };
        decode(&incoming.protocol, encoding, &body, &context)
    };
    if small {
        return Ok(decode_now(app)?);
    }
    let _permit = app.decodes.acquire().await.map_err(|_| bug("the decoder"))?;
    let worker = app.clone();
    let decoded = tokio::task::spawn_blocking(move || decode_now(&worker)).await.map_err(|_| bug("the decoder"))?;
    Ok(decoded?)
}
