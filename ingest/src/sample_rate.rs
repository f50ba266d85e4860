//! For how many events one event stands.
//!
//! Must not know protocols or fields.

#[cfg(test)]
mod tests;

use outcrop_storage::limits::SAMPLE_RATE_MAX;
use xxhash_rust::xxh3::xxh3_64;

/// 2^53: how many different fractions in [0, 1) are drawn from a hash.
const FRACTIONS: f64 = 9_007_199_254_740_992.0;

/// An integer rate, 1 to 2^31-1.
pub(crate) fn from_integer(value: i64) -> Option<u32> {
    u32::try_from(value).ok().filter(|rate| (1..=SAMPLE_RATE_MAX).contains(rate))
}

/// A rate with a fraction: rounded up for that share of all events, chosen by a hash of `event`, the event's bytes, so that
/// the mean over many events is right and the same event always gets the same rate.
pub(crate) fn from_float(value: f64, event: &[u8]) -> Option<u32> {
    if !(1.0..=f64::from(SAMPLE_RATE_MAX)).contains(&value) {
        return None;
    }
    let floor = value.floor();
    let drawn = (xxh3_64(event) >> 11) as f64 / FRACTIONS;
    // In range: a value with a fraction is below the maximum.
    Some(floor as u32 + u32::from(drawn < value - floor))
}

/// A rate in a string, written like a number in JSON.
pub(crate) fn from_text(text: &str, event: &[u8]) -> Option<u32> {
    match text.parse::<i64>() {
        Ok(value) if text.as_bytes()[0] != b'+' => from_integer(value),
        _ if text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) => text
            .parse::<f64>()
            .ok()
            .filter(|_| !text.starts_with(['+', '.']))
            .and_then(|value| from_float(value, event)),
        _ => None,
    }
}
