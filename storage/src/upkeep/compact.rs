//! Which segments become one: few large files instead of many small ones, without writing any event often.
//!
//! Segments of one dataset, one UTC day and one cluster field are merged in tiers of like size, so that an event is
//! written about once for every factor of [`limits::COMPACTION_FAN_IN`] that its segment grows. A day that has been
//! quiet for a while is tidied up whatever its tiers are. It must not know how a merge is done or published.

use std::collections::BTreeMap;

use crate::event::TimestampNs;
use crate::limits;
use crate::paths::SegmentId;
use crate::segment::{LEVEL_FLUSHED, SegmentInfo};

/// The segments to merge next, oldest first; none if all is well. One segment alone is one to be written anew.
pub(crate) fn plan<'a>(segments: impl Iterator<Item = &'a SegmentInfo>, now: TimestampNs) -> Option<Vec<SegmentId>> {
    let mut groups: BTreeMap<(Option<i64>, Option<&str>), Vec<&SegmentInfo>> = BTreeMap::new();
    for segment in segments {
        groups.entry((segment.day(), segment.cluster_field.as_deref())).or_default().push(segment);
    }
    let plans = groups.into_values().filter_map(|group| plan_group(group, now));
    // The largest number of files less for the same work.
    plans.max_by_key(Vec::len)
}

fn plan_group(mut group: Vec<&SegmentInfo>, now: TimestampNs) -> Option<Vec<SegmentId>> {
    group.sort_by_key(|s| (s.sequence_min, s.id));
    let (full, small): (Vec<_>, Vec<_>) = group.into_iter().partition(|s| is_full(s));
    if let Some(flushed) = full.iter().find(|s| s.level == LEVEL_FLUSHED) {
        return Some(vec![flushed.id]);
    }
    let tiers = small.iter().map(|s| tier(s)).max().unwrap_or(0);
    for of in 0..=tiers {
        if small.iter().filter(|s| tier(s) == of).count() >= limits::COMPACTION_FAN_IN {
            // Smaller ones that are about ride along.
            return Some(fitting(small.iter().filter(|s| tier(s) <= of)));
        }
    }
    let quiet =
        small.iter().all(|s| now.saturating_sub(s.received_max) / 1_000_000_000 >= limits::COMPACTION_QUIET_SECONDS);
    let untidy = small.len() > 1 || small.iter().any(|s| s.level == LEVEL_FLUSHED);
    let chosen = if quiet && untidy { fitting(small.iter()) } else { Vec::new() };
    let useful = chosen.len() > 1 || small.iter().any(|s| chosen == [s.id] && s.level == LEVEL_FLUSHED);
    useful.then_some(chosen)
}

/// As many as one segment may hold, oldest first.
fn fitting<'a>(segments: impl Iterator<Item = &'a &'a SegmentInfo>) -> Vec<SegmentId> {
    let (mut rows, mut bytes) = (0, 0);
    let mut chosen = Vec::new();
    for segment in segments {
        rows += segment.rows;
        bytes += segment.bytes;
        let fits = rows <= limits::SEGMENT_ROWS_MAX as u64 && bytes <= limits::COMPACTION_BYTES_MAX;
        if (!fits && !chosen.is_empty()) || chosen.len() == limits::COMPACTION_INPUTS_MAX {
            break;
        }
        chosen.push(segment.id);
    }
    chosen
}

/// Whether a segment is large enough to be left as it is.
fn is_full(segment: &SegmentInfo) -> bool {
    segment.rows > limits::SEGMENT_ROWS_MAX as u64 / 2 || segment.bytes > limits::COMPACTION_BYTES_MAX / 2
}

/// Its size class: each holds [`limits::COMPACTION_FAN_IN`] times the rows of the one below.
fn tier(segment: &SegmentInfo) -> u32 {
    (segment.rows / limits::COMPACTION_TIER_ROWS).checked_ilog(limits::COMPACTION_FAN_IN as u64).map_or(0, |t| t + 1)
}
