//! Which segments have had their time: whole segments, once every event in them is beyond the policy.
//!
//! It must not know how a segment is retired.

use serde::{Deserialize, Serialize};

use crate::event::TimestampNs;
use crate::paths::SegmentId;
use crate::segment::SegmentInfo;

/// How long events are kept. Without a bound they are kept for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Seconds after the later of an event's time and its arrival.
    pub age_seconds_max: Option<u64>,
    /// Bytes of the dataset's segments; the oldest go first.
    pub bytes_max: Option<u64>,
}

/// The segments that go now.
pub(crate) fn plan<'a>(
    segments: impl Iterator<Item = &'a SegmentInfo>,
    retention: Retention,
    now: TimestampNs,
) -> Vec<SegmentId> {
    let mut segments: Vec<(TimestampNs, &SegmentInfo)> = segments.map(|s| (kept_since(s, now), s)).collect();
    segments.sort_by_key(|(since, s)| (*since, s.id));
    let mut bytes: u64 = segments.iter().map(|(_, s)| s.bytes).sum();
    let too_old = |since: TimestampNs| {
        let age_seconds = now.saturating_sub(since) / 1_000_000_000;
        retention.age_seconds_max.is_some_and(|max| u64::try_from(age_seconds).is_ok_and(|age| age > max))
    };
    let mut gone = Vec::new();
    for (since, segment) in segments {
        let too_much = retention.bytes_max.is_some_and(|max| bytes > max);
        if too_much || too_old(since) {
            bytes -= segment.bytes;
            gone.push(segment.id);
        }
    }
    gone
}

/// When the age of a segment's youngest event began. A clock that was ahead when events arrived must not keep them for
/// ever.
fn kept_since(segment: &SegmentInfo, now: TimestampNs) -> TimestampNs {
    segment.time_max.max(segment.received_max.min(now))
}
