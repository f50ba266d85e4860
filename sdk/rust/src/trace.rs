//! Trace ids: W3C `traceparent` in and out, and which traces are kept. Knows nothing of events.

use std::sync::Arc;

use crate::limits::STATE_BYTES_MAX;

const BITS: u32 = 56;

/// What others said of a trace, for whoever is called.
pub(crate) type State = Option<Arc<str>>;

/// The place of a unit among others, here or in another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
    pub(crate) kept: bool,
}

pub(crate) fn new_trace_id() -> u128 {
    fastrand::u128(1..)
}

pub(crate) fn new_span_id() -> u64 {
    fastrand::u64(1..)
}

/// Whether a trace is one of the `1 / rate` that are kept: the same in every service with the same rate.
pub(crate) fn is_kept(trace_id: u128, rate: u32) -> bool {
    if rate <= 1 {
        return true;
    }
    let all = 1_u128 << BITS;
    trace_id & (all - 1) >= all - all / u128::from(rate)
}

/// The remote parent that a `traceparent` names, if it names one.
pub(crate) fn parse(header: &str) -> Option<Place> {
    let mut parts = header.trim().splitn(5, '-');
    let version = hex(parts.next()?, 2)?;
    let (trace_id, span_id, flags) = (hex(parts.next()?, 32)?, hex(parts.next()?, 16)?, hex(parts.next()?, 2)?);
    let more = parts.next().is_some();
    if version == 0xff || (version == 0 && more) || trace_id == 0 || span_id == 0 {
        return None;
    }
    Some(Place { trace_id, span_id: u64::try_from(span_id).ok()?, kept: flags & 1 == 1 })
}

/// A `tracestate` as it goes on; nothing for what cannot stand in a header.
pub(crate) fn state(header: &str) -> State {
    let header = header.replace('\t', " ");
    let mut said = header.trim_matches(' ');
    if !said.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return None;
    }
    if said.len() > STATE_BYTES_MAX {
        said = said[..=STATE_BYTES_MAX].rsplit_once(',')?.0;
    }
    (!said.is_empty()).then(|| said.into())
}

fn hex(text: &str, digits: usize) -> Option<u128> {
    let right = text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    right.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

pub(crate) fn format(place: Place) -> String {
    format!("00-{:032x}-{:016x}-{:02x}", place.trace_id, place.span_id, u8::from(place.kept))
}
