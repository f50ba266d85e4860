//! Reading a request's body into memory that was reserved for it, at a pace that is kept; or reading it away.
//!
//! A sender that stops, or that is so slow that it would hold its memory for ever, is sent off. It must not know what
//! bodies mean.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use outcrop_storage::memory::{Memory, Pool, Reservation};
use tokio::time::Instant;

use super::ApiError;
use super::admission::{self, Shed};

/// How long the next part of a body may take.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long a body may take whatever its size.
const GRACE: Duration = Duration::from_secs(20);
/// Bytes a second that a body must come at beyond that.
const PACE_MIN: u64 = 128 << 10;
/// Bytes reserved at a time when the length is not known.
const STEP_BYTES: usize = 64 << 10;

/// A body, and its place in the account of memory.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) bytes: Bytes,
    _memory: Reservation,
}

/// What the body says it has.
pub(super) fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The whole body. Memory for it is reserved before it is read: what it says it has, or step by step.
pub(super) async fn read(memory: &Memory, headers: &HeaderMap, body: &mut Body, max: usize) -> Result<Held, ApiError> {
    let length = length(headers);
    if length.is_some_and(|length| length > max) {
        return Err(too_large(max));
    }
    let reservation = memory.reservation(Pool::Bodies);
    let mut bytes = Vec::new();
    make_room(&mut bytes, length.unwrap_or(0), max, &reservation)?;
    let mut pace = Pace::new();
    while let Some(data) = next(body, &mut pace).await? {
        if bytes.len() + data.len() > max {
            return Err(too_large(max));
        }
        make_room(&mut bytes, data.len(), max, &reservation)?;
        bytes.extend_from_slice(&data);
    }
    Ok(Held { bytes: bytes.into(), _memory: reservation })
}

/// Makes room for `more` bytes, doubling as a vector does, but never past `max` and never before it is reserved.
fn make_room(bytes: &mut Vec<u8>, more: usize, max: usize, reservation: &Reservation) -> Result<(), ApiError> {
    let needed = bytes.len() + more;
    if needed <= bytes.capacity() {
        return Ok(());
    }
    let capacity = match bytes.capacity() {
        0 => needed,
        capacity => (capacity * 2).max(STEP_BYTES).min(max).max(needed),
    };
    reservation.try_grow(capacity - bytes.capacity()).map_err(|exhausted| {
        if capacity > exhausted.ceiling { too_large(exhausted.ceiling) } else { admission::busy(Shed::Bodies) }
    })?;
    bytes.reserve_exact(capacity - bytes.len());
    Ok(())
}

/// Reads a refused body away, keeping nothing of it, so that its sender reads the answer instead of a broken connection
/// and may use the connection again.
pub(super) async fn discard(headers: &HeaderMap, mut body: Body, max: usize) {
    // Who asks first whether to send has not sent anything.
    if headers.contains_key(header::EXPECT) {
        return;
    }
    let mut pace = Pace::new();
    while let Ok(Some(_)) = next(&mut body, &mut pace).await {
        if pace.bytes > max as u64 {
            return;
        }
    }
}

/// How far a body is, and until when its next part must come.
struct Pace {
    began: Instant,
    bytes: u64,
}

impl Pace {
    fn new() -> Pace {
        Pace { began: Instant::now(), bytes: 0 }
    }

    fn deadline(&self) -> Instant {
        let steady = self.began + GRACE + Duration::from_secs(self.bytes / PACE_MIN);
        steady.min(Instant::now() + PAUSE_MAX)
    }
}

/// The next part of the body; none at its end.
async fn next(body: &mut Body, pace: &mut Pace) -> Result<Option<Bytes>, ApiError> {
    loop {
        let frame = tokio::time::timeout_at(pace.deadline(), body.frame()).await.map_err(|_| slow())?;
        let Some(frame) = frame else { return Ok(None) };
        let frame = frame.map_err(|_| {
            ApiError::bad_request("broken_body", "the body broke off; nothing was stored, send it again")
        })?;
        if let Ok(data) = frame.into_data() {
            pace.bytes += data.len() as u64;
            return Ok(Some(data));
        }
    }
}

fn slow() -> ApiError {
    ApiError::new(
        StatusCode::REQUEST_TIMEOUT,
        "slow_body",
        "the body stopped coming, or came too slowly; nothing was stored, send it again or in smaller parts",
    )
}

pub(super) fn too_large(max: usize) -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        format!("the body is larger than {max} bytes; nothing of it was taken, send less at once"),
    )
}
