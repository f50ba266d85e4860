//! `POST /api/v1/events/{dataset}`, and what every protocol does between its request and its answer: take a body, decode
//! it, make it durable.
//!
//! Memory is drawn from one account: for the body before it is read, for what it becomes while it does, and for the
//! memtables before the log is written. Must not know how the other protocols answer.

use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use outcrop_ingest::elasticsearch::Actions;
use outcrop_ingest::{Context, Decoded, Encoding, Protocol, Rejects, decode};
use outcrop_storage::event::DatasetName;
use outcrop_storage::memory::{Pool, Reservation};
use outcrop_storage::{BatchId, Begun, Outcome, limits};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::Caller;
use super::admission::{self, Shed};
use super::body::{self, Held};
use super::names::Names;
use super::{ApiError, App};
use crate::own::Acknowledged;
use crate::workers::{NotDone, Ticket};
use crate::workspace::Scope;

/// Bodies up to this many bytes are decoded where they arrive: a thread of their own would cost more.
const INLINE_BYTES_MAX: usize = 16 << 10;

/// The header of a body that may be sent again.
const BATCH_ID: &str = "x-outcrop-batch-id";

/// Who sends what Outcrop says of itself: no key has this id.
const OWN_SENDER: &str = "outcrop itself";

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
    caller: Caller,
    Names(dataset): Names<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<AcceptedEvents>, ApiError> {
    let dataset = DatasetName::new(&dataset).map_err(|e| ApiError::bad_request("bad_dataset", e.to_string()))?;
    caller.require(Scope::Ingest, &dataset)?;
    let id = batch_id(&headers)?;
    let incoming = Incoming { protocol: Protocol::Json, dataset, overflow: None };
    Ok(Json(match take_once(&app, &caller, incoming, id, &headers, body).await? {
        Took::Stored(taken) => accepted(&taken),
        Took::Repeated(outcome) => repeated(outcome),
    }))
}

/// What must be known to read a body.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) protocol: Protocol,
    /// Where events go that name no dataset themselves.
    pub(super) dataset: DatasetName,
    /// Where events go whose dataset would be one too many, if the caller may send there; none: they are refused.
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

impl Took {
    fn acknowledged(&self) -> Acknowledged {
        match self {
            Took::Stored(taken) => {
                Acknowledged { accepted: taken.accepted, rejected: taken.rejects.total as u64, repeated: false }
            }
            Took::Repeated(outcome) => {
                Acknowledged { accepted: outcome.accepted.into(), rejected: outcome.rejected.into(), repeated: true }
            }
        }
    }
}

/// Takes a body, decodes it, and makes it durable.
pub(super) async fn take(
    app: &App,
    caller: &Caller,
    incoming: Incoming,
    headers: &HeaderMap,
    body: Body,
) -> Result<Taken, ApiError> {
    match take_once(app, caller, incoming, None, headers, body).await? {
        Took::Stored(taken) => Ok(taken),
        Took::Repeated(_) => Err(ApiError::bug("the log")),
    }
}

/// The same for a body that its sender may have given an id.
async fn take_once(
    app: &App,
    caller: &Caller,
    incoming: Incoming,
    id: Option<&str>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Took, ApiError> {
    let encoding = headers.get(header::CONTENT_ENCODING).map(|v| v.to_str().unwrap_or("?"));
    let encoding = Encoding::from_header(encoding)?;
    let is_compressed = encoding != Encoding::Identity || incoming.protocol.compresses();
    let entered = let_in(app, headers, is_compressed, body).await;
    // From here on its sender waits for us.
    let body_bytes = entered.as_ref().map_or(0, |(_, held)| held.bytes.len() as u64);
    let acknowledging = app.own.acknowledging(&incoming.dataset, body_bytes);
    let took = match entered {
        Ok((ticket, held)) => {
            let id = id.map(|id| app.store.batch_id(caller.id(), &incoming.dataset, id, &held.bytes));
            let sent = Sent { incoming, caller: caller.clone(), encoding, is_compressed, id, held };
            store_once(app, ticket, sent).await
        }
        Err(refused) => Err(refused),
    };
    acknowledging.ended(took.as_ref().map(Took::acknowledged));
    took
}

/// Decodes a body and makes it durable, unless it was acknowledged before.
async fn store_once(app: &App, ticket: Ticket, sent: Sent) -> Result<Took, ApiError> {
    let (caller, body_bytes) = (sent.caller.clone(), sent.held.bytes.len() as u64);
    if let Some(outcome) = sent.id.map(|id| app.store.acknowledged(&id)).transpose()?.flatten() {
        app.metrics.repeated_bodies.inc();
        return Ok(Took::Repeated(outcome));
    }
    let _in_flight = app.in_flight.try_acquire().map_err(|_| admission::busy(Shed::Log))?;
    let Handed { taken, repeated_keys, begun } = hand_over(app, ticket, sent).await?;
    match begun {
        Begun::Submitted(submitted) => {
            caller.draw(app, taken.accepted);
            tokio::task::spawn_blocking(move || submitted.wait()).await.map_err(|_| ApiError::bug("the store"))??;
            app.metrics.ingested(taken.accepted, taken.rejects.total as u64, repeated_keys, body_bytes);
            Ok(Took::Stored(taken))
        }
        Begun::Repeated(outcome) => {
            app.metrics.repeated_bodies.inc();
            Ok(Took::Repeated(outcome))
        }
    }
}

/// Stores what Outcrop says of itself as what others send is stored: decoded, redacted, durable, and once for an id. How many
/// events were accepted, and how many not.
pub(crate) fn store_own(app: &App, dataset: &DatasetName, id: &str, body: &[u8]) -> Result<(u64, u64), ApiError> {
    if !app.store.wait_for_room(Duration::ZERO) {
        return Err(admission::busy(Shed::Memtables));
    }
    let id = app.store.batch_id(OWN_SENDER, dataset, id, body);
    let memory = app.memory.reservation(Pool::Decoding);
    let decoded = decode_body(app, &Protocol::Json, Encoding::Identity, dataset, body, &memory)?;
    let read = Read { decoded, overflow: None, id: Some(id), _memory: memory };
    let Handed { taken, repeated_keys, begun } = submit(app, read)?;
    let (accepted, rejected) = (taken.accepted, taken.rejects.total as u64);
    if let Begun::Submitted(submitted) = begun {
        submitted.wait()?;
        app.metrics.ingested(accepted, rejected, repeated_keys, body.len() as u64);
    }
    Ok((accepted, rejected))
}

/// The body, if it is let in. What is not is read away.
async fn let_in(
    app: &App,
    headers: &HeaderMap,
    is_compressed: bool,
    mut body: Body,
) -> Result<(Ticket, Held), ApiError> {
    let max = app.limits.body_bytes_max;
    let taken = match admission::enter(app, headers, is_compressed) {
        Ok(ticket) => body::read(&app.memory, headers, &mut body, max).await.map(|held| (ticket, held)),
        Err(refused) => Err(refused),
    };
    if taken.as_ref().is_err_and(ApiError::is_shed) {
        body::discard(headers, body, max).await;
    }
    taken
}

/// A request as it was sent.
struct Sent {
    incoming: Incoming,
    caller: Caller,
    encoding: Encoding,
    is_compressed: bool,
    id: Option<BatchId>,
    held: Held,
}

/// Events on their way into the log, and what is answered once they are durable.
struct Handed {
    taken: Taken,
    repeated_keys: u64,
    begun: Begun,
}

/// What a body holds, and the memory that this takes.
struct Read {
    decoded: Decoded,
    overflow: Option<DatasetName>,
    id: Option<BatchId>,
    _memory: Reservation,
}

/// Decodes a body and hands its events to the store.
async fn hand_over(app: &App, ticket: Ticket, sent: Sent) -> Result<Handed, ApiError> {
    let cost = admission::cost(sent.held.bytes.len(), sent.is_compressed);
    let worker = app.clone();
    if !sent.is_compressed && sent.held.bytes.len() <= INLINE_BYTES_MAX {
        drop(ticket);
        let read = decode_now(app, sent)?;
        let submitted = tokio::task::spawn_blocking(move || submit(&worker, read));
        return submitted.await.map_err(|_| ApiError::bug("the store"))?;
    }
    let work = move |until: Instant| {
        if !worker.store.wait_for_room(until.saturating_duration_since(Instant::now())) {
            return Err(admission::busy(Shed::Memtables));
        }
        submit(&worker, decode_now(&worker, sent)?)
    };
    app.workers.run(ticket, cost, work).await.map_err(|not_done| match not_done {
        NotDone::Overloaded => admission::busy(Shed::Queue),
        NotDone::Failed => ApiError::bug("the decoder"),
    })?
}

/// Reads the body, which goes, and sees to it that its sender may send to every dataset in it.
fn decode_now(app: &App, sent: Sent) -> Result<Read, ApiError> {
    let Sent { incoming, caller, encoding, id, held, .. } = sent;
    let memory = app.memory.reservation(Pool::Decoding);
    let decoded = decode_body(app, &incoming.protocol, encoding, &incoming.dataset, &held.bytes, &memory)?;
    decoded.batches.iter().try_for_each(|(dataset, _)| caller.require(Scope::Ingest, dataset))?;
    let overflow = incoming.overflow.filter(|dataset| caller.require(Scope::Ingest, dataset).is_ok());
    Ok(Read { decoded, overflow, id, _memory: memory })
}

fn decode_body(
    app: &App,
    protocol: &Protocol,
    encoding: Encoding,
    dataset: &DatasetName,
    body: &[u8],
    memory: &Reservation,
) -> Result<Decoded, ApiError> {
    let received = app.store.clock().now();
    let redaction = app.redaction()?;
    let context = Context { dataset, received, limits: &app.limits, memory, redaction: Some(&redaction) };
    Ok(decode(protocol, encoding, body, &context)?)
}

/// Hands the batches to the store, which accounts for them from then on.
fn submit(app: &App, read: Read) -> Result<Handed, ApiError> {
    let Decoded { batches, accepted, items, rejects, actions, repeated_keys } = read.decoded;
    let taken = Taken { accepted: accepted as u64, items, rejects, actions };
    let begun = match read.id {
        Some(id) => app.store.submit_once(&id, batches, outcome(&taken)?)?,
        None => Begun::Submitted(app.store.submit_with_overflow(batches, read.overflow.as_ref())?),
    };
    Ok(Handed { taken, repeated_keys, begun })
}

fn rejected(rejects: &Rejects) -> Vec<RejectedEvent> {
    rejects.listed.iter().map(|r| RejectedEvent { index: r.index, error: r.error.clone() }).collect()
}

fn accepted(taken: &Taken) -> AcceptedEvents {
    let rejected_total = taken.rejects.total as u64;
    AcceptedEvents { accepted: taken.accepted, rejected: rejected(&taken.rejects), rejected_total }
}

/// The answer as the store keeps it.
fn outcome(taken: &Taken) -> Result<Outcome, ApiError> {
    let number = |events: u64| u32::try_from(events).map_err(|_| ApiError::bug("the decoder"));
    Ok(Outcome {
        accepted: number(taken.accepted)?,
        rejected: number(taken.rejects.total as u64)?,
        details: details(&rejected(&taken.rejects))?,
    })
}

/// The list as the store keeps it.
fn details(rejected: &[RejectedEvent]) -> Result<Vec<u8>, ApiError> {
    if rejected.is_empty() {
        return Ok(Vec::new());
    }
    serde_json::to_vec(rejected).map_err(|_| ApiError::bug("the decoder"))
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
