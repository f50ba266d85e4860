//! Bytes to columns: every accepted wire format becomes batches of Arrow columns, one call, no waiting.
//!
//! A tour, in the order in which a request passes through:
//!
//! 1. [`decode`] is the front door: it takes a body as it came from the wire.
//! 2. `inflate` undoes gzip and zstd, with a bound on the output.
//! 3. A protocol's folder ([`json`], [`honeycomb`], [`otlp`], [`elasticsearch`], [`loki`], [`firehose`], [`syslog`]) finds the events in
//!    the body and reads each one's fields.
//! 4. `event` holds one event until it is whole and then applies the rules that every protocol shares: time, sample
//!    rate, reserved names, long strings. An event that breaks a rule leaves no trace.
//! 5. `columns` turns whole events into the columns of an [`EventBatch`], padding sparse ones lazily.
//! 6. [`redact`] takes out of them what must not be kept.
//!
//! This room must not know tokio, axum, files or DataFusion, and nothing in it is async. What it produces is the
//! vocabulary of `outcrop_storage::event`; what events mean is written down in the format documents.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that unwraps fails where it should"))]

mod columns;
mod dataset;
pub mod elasticsearch;
mod error;
mod event;
mod fault;
pub mod firehose;
pub mod honeycomb;
mod inflate;
pub mod json;
mod json_text;
mod limits;
pub mod loki;
pub mod otlp;
mod protobuf;
pub mod redact;
mod sample_rate;
mod steps;
pub mod syslog;
mod time;

/// The same mutations as in `storage`, which has no business to export them.
#[cfg(test)]
#[path = "../../storage/src/testing/fuzz.rs"]
mod mutation;
#[cfg(test)]
mod tests;

use outcrop_storage::event::{DatasetName, EventBatch, TimestampNs};
use outcrop_storage::memory::Reservation;

use self::elasticsearch::Actions;
use self::event::Finished;

pub use dataset::dataset_name;
pub use error::{DecodeError, Reject, Rejects};
pub use honeycomb::Honeycomb;
pub use inflate::Encoding;
pub use limits::Limits;
pub use otlp::Otlp;
pub use redact::Redaction;

/// How a body says what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// One JSON object, a JSON array of objects, or NDJSON: see [`json`].
    Json,
    /// What libhoney and its kind send: see [`honeycomb`].
    Honeycomb(Honeycomb),
    /// What OpenTelemetry's SDKs and Collector send: see [`otlp`].
    Otlp(Otlp),
    /// Elasticsearch's bulk requests: see [`elasticsearch`]. The index is the path's.
    Elasticsearch { index: Option<String> },
    /// Loki's push requests: see [`loki`].
    Loki(loki::Format),
    /// What Amazon Data Firehose delivers: see [`firehose`].
    Firehose,
    /// A part of a syslog stream: see [`syslog`].
    Syslog,
}

impl Protocol {
    /// Whether bodies hold something compressed, whatever their `Content-Encoding`.
    pub fn compresses(&self) -> bool {
        matches!(self, Protocol::Loki(loki::Format::Protobuf) | Protocol::Firehose)
    }
}

/// What decoding must be told beside the body.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Where events go that do not name a dataset themselves.
    pub dataset: &'a DatasetName,
    /// When the request arrived, nanoseconds since 1970: the time of events that bring none.
    pub received: TimestampNs,
    pub limits: &'a Limits,
    /// Grows with what the body becomes, before it becomes that.
    pub memory: &'a Reservation,
    /// What must not be kept.
    pub redaction: Option<&'a Redaction>,
}

/// What a body held.
#[derive(Clone, Debug, Default)]
pub struct Decoded {
    /// The accepted events. A dataset comes several times if one batch would have become too wide.
    pub batches: Vec<(DatasetName, EventBatch)>,
    /// Events in `batches`.
    pub accepted: usize,
    /// What the sender counts: elements, lines, spans, records. One that was accepted may be several events.
    pub items: usize,
    pub rejects: Rejects,
    /// What each item asked for, where the answer repeats it.
    pub actions: Actions,
    /// How often a field of an accepted event was overwritten by a later one of the same name.
    pub repeated_keys: u64,
}

impl Decoded {
    fn of(finished: Finished, items: usize, rejects: Rejects) -> Decoded {
        let Finished { batches, accepted, repeated_keys } = finished;
        Decoded { batches, accepted, items, rejects, actions: Actions::default(), repeated_keys }
    }
}

/// Reads a body as it came from the wire.
///
/// # Errors
///
/// [`DecodeError`] means that nothing of the body was accepted. An event that is wrong in itself is no error: it is
/// in [`Decoded::rejects`], and the others are accepted.
pub fn decode(
    protocol: &Protocol,
    encoding: Encoding,
    body: &[u8],
    context: &Context<'_>,
) -> Result<Decoded, DecodeError> {
    let body = inflate::inflate(encoding, body, context.limits.body_bytes_max, context.memory)?;
    let mut decoded = read(protocol, &body, context)?;
    if let Some(redaction) = context.redaction {
        decoded.batches = redaction.apply(decoded.batches)?;
    }
    Ok(decoded)
}

fn read(protocol: &Protocol, body: &[u8], context: &Context<'_>) -> Result<Decoded, DecodeError> {
    match protocol {
        Protocol::Json => json::decode(body, context),
        Protocol::Honeycomb(request) => honeycomb::decode(request, body, context),
        Protocol::Otlp(request) => otlp::decode(*request, body, context),
        Protocol::Elasticsearch { index } => elasticsearch::decode(index.as_deref(), body, context),
        Protocol::Loki(format) => loki::decode(*format, body, context),
        Protocol::Firehose => firehose::decode(body, context),
        Protocol::Syslog => syslog::decode(body, context),
    }
}
