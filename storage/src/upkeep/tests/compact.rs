//! What is merged with what, how often an event is written, and when it ends.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::event::DatasetId;
use crate::limits;
use crate::paths::SegmentId;
use crate::segment::{LEVEL_COMPACTED, LEVEL_FLUSHED, SegmentInfo};
use crate::testing::{DAY, START};
use crate::upkeep::compact::plan;

fn segment(id: u64, rows: u64) -> SegmentInfo {
    SegmentInfo {
        id: SegmentId(id),
        dataset: DatasetId(1),
        rows,
        bytes: rows * 100,
        time_min: START,
        time_max: START,
        received_max: START,
        sequence_min: id * 1_000_000,
        sequence_max: id * 1_000_000 + rows - 1,
        sampled: false,
        level: LEVEL_FLUSHED,
        cluster_field: None,
    }
}

fn planned(segments: &[SegmentInfo]) -> Vec<u64> {
    plan(segments.iter(), START).unwrap_or_default().iter().map(|id| id.0).collect()
}

#[test]
fn segments_of_like_size_are_merged() {
    let of = |rows: &[u64]| rows.iter().zip(1..).map(|(rows, id)| segment(id, *rows)).collect::<Vec<_>>();
    assert_eq!(planned(&of(&[])), [0; 0]);
    assert_eq!(planned(&of(&[10, 20, 30])), [0; 0], "three are few");
    assert_eq!(planned(&of(&[10, 20, 30, 40])), [1, 2, 3, 4]);
    assert_eq!(planned(&of(&[10, 200_000, 20, 30, 40])), [1, 3, 4, 5], "a large one is left");
    assert_eq!(planned(&of(&[10, 200_000, 210_000, 220_000, 230_000])), [1, 2, 3, 4, 5], "a small one rides along");
    assert_eq!(planned(&of(&[300_000; 5])), [1, 2, 3], "as many as one segment holds");
}

#[test]
fn a_full_one_is_written_anew_once() {
    let full = segment(1, limits::SEGMENT_ROWS_MAX as u64);
    assert_eq!(planned(std::slice::from_ref(&full)), [1]);
    assert_eq!(planned(&[SegmentInfo { level: LEVEL_COMPACTED, ..full.clone() }]), [0; 0]);
    let heavy = SegmentInfo { bytes: limits::COMPACTION_BYTES_MAX, ..segment(1, 10) };
    assert_eq!(planned(std::slice::from_ref(&heavy)), [1], "bytes count too");
    assert_eq!(planned(&[SegmentInfo { level: LEVEL_COMPACTED, ..heavy }]), [0; 0]);
}

#[test]
fn days_and_cluster_fields_are_kept_apart() {
    let day = |id: u64, days: i64| SegmentInfo {
        time_min: START + days * DAY,
        time_max: START + days * DAY,
        ..segment(id, 10)
    };
    assert_eq!(planned(&[day(1, 0), day(2, 0), day(3, 0), day(4, 1)]), [0; 0]);
    assert_eq!(planned(&[day(1, 0), day(2, 1), day(3, 1), day(4, 1), day(5, 1)]), [2, 3, 4, 5]);
    let stray = |id| SegmentInfo { time_max: START + 5 * DAY, ..segment(id, 10) };
    assert_eq!(planned(&[day(1, 0), stray(2), stray(3), stray(4)]), [0; 0]);
    assert_eq!(planned(&[day(1, 0), stray(2), stray(3), stray(4), stray(5)]), [2, 3, 4, 5], "strays among themselves");
    let of = |id: u64, field: &str| SegmentInfo { cluster_field: Some(field.to_owned()), ..segment(id, 10) };
    assert_eq!(planned(&[of(1, "name"), of(2, "name"), of(3, "level"), segment(4, 10)]), [0; 0]);
}

#[test]
fn a_quiet_day_is_tidied_up() {
    let later = START + limits::COMPACTION_QUIET_SECONDS * 1_000_000_000;
    let at = |segments: &[SegmentInfo], now| plan(segments.iter(), now).unwrap_or_default().len();
    let two = [segment(1, 10), segment(2, 100_000)];
    assert_eq!((at(&two, later - 1_000_000_000), at(&two, later)), (0, 2));
    let one = [segment(1, 10)];
    assert_eq!((at(&one, later - 1_000_000_000), at(&one, later)), (0, 1), "it gets its evidence");
    assert_eq!(at(&[SegmentInfo { level: LEVEL_COMPACTED, ..segment(1, 10) }], later), 0);
    // Two that do not fit into one.
    let apart = [500_000, 524_288].map(|rows| SegmentInfo { level: LEVEL_COMPACTED, ..segment(rows, rows) });
    let together: u64 = apart.iter().map(|s| s.rows).sum();
    assert_eq!(at(&apart, later), if together > limits::SEGMENT_ROWS_MAX as u64 { 0 } else { 2 });
}

proptest! {
    /// Carries plans out until there is none: it ends, with few segments, and nothing was written often.
    #[test]
    fn it_ends_and_writes_little(rows in proptest::collection::vec(1..300_000u64, 1..120), quiet in any::<bool>()) {
        let now = if quiet { START + 2 * limits::COMPACTION_QUIET_SECONDS * 1_000_000_000 } else { START };
        let mut segments: BTreeMap<u64, SegmentInfo> = BTreeMap::new();
        let mut next = 1;
        let mut written = 0;
        let total: u64 = rows.iter().sum();
        for rows in rows {
            segments.insert(next, segment(next, rows));
            next += 1;
            while let Some(ids) = plan(segments.values(), now) {
                let inputs: Vec<SegmentInfo> = ids.iter().map(|id| segments.remove(&id.0).unwrap()).collect();
                let rows: u64 = inputs.iter().map(|s| s.rows).sum();
                prop_assert!(rows <= limits::SEGMENT_ROWS_MAX as u64);
                prop_assert!(inputs.len() <= limits::COMPACTION_INPUTS_MAX);
                let sequence_min = inputs.iter().map(|s| s.sequence_min).min().unwrap();
                segments.insert(next, SegmentInfo { level: LEVEL_COMPACTED, sequence_min, ..segment(next, rows) });
                next += 1;
                written += rows;
            }
        }
        let small = segments.values().filter(|s| s.rows <= limits::SEGMENT_ROWS_MAX as u64 / 2).count();
        prop_assert!(small <= 3 * 6, "{small} small segments are left");
        if !quiet {
            prop_assert!(written <= 8 * total, "{written} rows were written for {total}");
        }
    }
}
