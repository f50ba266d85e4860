//! The door of ingest: what is not taken, why, and what its sender is told.
//!
//! Everything is decided before anything grows: space on the device, time in the queue, memory for the body. It must not
//! know how bodies are read or decoded.

use axum::http::{HeaderMap, StatusCode};
use serde_json::json;

use super::{ApiError, App, body};
use crate::rates::TooFast;
use crate::workers::Ticket;
use crate::workspace::Identity;

/// Why a request was shed: the label of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shed {
    /// As many connections as there may be.
    Connections,
    /// No memory for another body.
    Bodies,
    /// No memory for what a body becomes.
    Decoding,
    /// Bodies that wait to be decoded would make it wait too long.
    Queue,
    /// As many requests wait for the log as may.
    Log,
    /// Memtables are full.
    Memtables,
    /// The device is full.
    Disk,
    /// As much as its key may do in a second.
    Rate,
    /// As many queries as there may be, or all memory for them is in use.
    Queries,
}

impl Shed {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Shed::Connections => "connections",
            Shed::Bodies => "bodies",
            Shed::Decoding => "decoding",
            Shed::Queue => "queue",
            Shed::Log => "log",
            Shed::Memtables => "memtables",
            Shed::Disk => "disk",
            Shed::Rate => "rate",
            Shed::Queries => "queries",
        }
    }
}

/// Too much at once.
pub(super) fn busy(why: Shed) -> ApiError {
    ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        "busy",
        "more comes than can be taken; nothing was stored, send it again later",
    )
    .retry_after(1)
    .shed(why)
}

/// A key that may not do so much in a second. In whole seconds there is room again.
pub(super) fn too_fast(key: &Identity, why: TooFast) -> ApiError {
    let TooFast { what, per_second, wait } = why;
    let seconds = u32::try_from(wait.as_nanos().div_ceil(1_000_000_000)).unwrap_or(u32::MAX).max(1);
    ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        "rate_limited",
        format!(
            "the key {:?} may have {per_second} {what} a second, and has had more; send again in {seconds} s, or use a key \
             with a higher limit",
            key.name
        ),
    )
    .with(json!({ "key": key.id, "limit": what, "per_second": per_second }))
    .retry_after(seconds)
    .shed(Shed::Rate)
}

/// What a request costs beside its bytes, in bytes.
const REQUEST_COST: u64 = 4 << 10;
/// How much a compressed byte costs, in plain ones.
const COMPRESSED_COST: u64 = 8;

/// What decoding so many bytes costs.
pub(super) fn cost(bytes: usize, is_compressed: bool) -> u64 {
    let weight = if is_compressed { COMPRESSED_COST } else { 1 };
    bytes as u64 * weight + REQUEST_COST
}

/// Lets a request of ingest in, or not, before anything of its body is read.
pub(super) fn enter(app: &App, headers: &HeaderMap, is_compressed: bool) -> Result<Ticket, ApiError> {
    app.store.check_space()?;
    if app.in_flight.available_permits() == 0 {
        return Err(busy(Shed::Log));
    }
    app.workers.enter(cost(body::length(headers).unwrap_or(0), is_compressed)).map_err(|_| busy(Shed::Queue))
}
