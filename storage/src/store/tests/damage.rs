//! Damaged files: what is sound is served, what is not is counted and kept.

use std::fs;

use super::*;
use crate::check::{CheckReport, check};
use crate::wal::reader::SuspectTail;

/// Bytes of the header of a log file without cuts, and of the frame that ends it.
const HEADER: usize = 48;
const END: usize = 56;

/// Changes a byte of a file.
fn damage(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x40;
    fs::write(path, bytes).unwrap();
}

fn checked(bench: &Bench) -> CheckReport {
    let before = bench.files();
    let mut steps = Vec::new();
    let report = check(&bench.data_dir(), |done, total| steps.push((done, total))).unwrap();
    assert_eq!(bench.files(), before, "a check changes nothing");
    let total = report.segments + report.wal_files;
    assert_eq!(steps, (0..=total).map(|done| (done, total)).collect::<Vec<_>>());
    report
}

/// Two segments of "shop" and one file of the log with three frames.
fn bench() -> Bench {
    let bench = Bench::new();
    let store = bench.open();
    for n in 0..2 {
        append(&store, "shop", n * 10..n * 10 + 10).unwrap();
        store.flush().unwrap();
    }
    drop(store);
    let store = bench.open();
    for n in 0..3 {
        append(&store, "shop", 20 + n..21 + n).unwrap();
    }
    drop(store);
    bench
}

/// The bytes of each frame of the log file.
fn frame_bytes(file: &[u8]) -> usize {
    (file.len() - HEADER - END) / 3
}

#[test]
fn a_sound_directory_is_sound() {
    let bench = bench();
    let report = checked(&bench);
    let wanted = CheckReport {
        datasets: 1,
        segments: 2,
        segment_events: 20,
        segment_bytes: bench.open().health().segment_bytes,
        wal_files: 1,
        wal_frames: 3,
        wal_events: 3,
        wal_events_pending: 3,
        ..Default::default()
    };
    assert_eq!(report, wanted);
    let empty = Bench::new();
    drop(empty.open());
    assert_eq!(checked(&empty), CheckReport::default());
}

#[test]
fn a_directory_without_a_store_is_left_alone() {
    let bench = Bench::new();
    assert!(matches!(check(&bench.data_dir(), |_, _| ()), Err(StoreError::CatalogMissing { .. })));
    assert!(!bench.data_dir().root().exists());
    let store = bench.open();
    assert!(matches!(check(&bench.data_dir(), |_, _| ()), Err(StoreError::Locked { .. })));
    drop(store);
}

#[test]
fn every_damaged_file_is_a_problem() {
    for n in 0..5 {
        let bench = bench();
        let path = [bench.segment_files(), bench.wal_files()].concat()[n].clone();
        let header = if path.extension().is_some_and(|e| e == "sums") { 0 } else { HEADER };
        damage(&path, header + 5);
        let report = checked(&bench);
        assert_eq!(report.problems.len(), 1, "{path:?}: {:?}", report.problems);
        assert!(report.problems[0].contains(path.file_name().unwrap().to_str().unwrap()), "{:?}", report.problems);
        fs::remove_file(&path).unwrap();
        assert_eq!(checked(&bench).problems.len(), usize::from(n < 4), "a lost file of the log is not known");
    }
}

#[test]
fn a_torn_tail_is_no_problem() {
    let bench = bench();
    let path = &bench.wal_files()[0];
    let bytes = fs::read(path).unwrap();
    let (frame, end) = (frame_bytes(&bytes), bytes.len() - END);
    fs::write(path, &bytes[..end - 1]).unwrap();
    let report = checked(&bench);
    assert_eq!((report.torn_tails, report.wal_events, report.problems.len()), (1, 2, 0));
    let store = bench.open();
    assert_eq!(store.health().replay.torn_at, Some((end - frame) as u64));
    assert_eq!(store.health().damage, [""; 0]);
    assert_eq!(ids(&store, "shop"), (0..22).collect::<Vec<_>>());
}

#[test]
fn a_suspect_tail_is_reported_and_its_file_goes_like_any_other() {
    let bench = bench();
    let path = bench.wal_files()[0].clone();
    let bytes = fs::read(&path).unwrap();
    let (frame, end) = (frame_bytes(&bytes), bytes.len() - END);
    // Not closed in order, and the last frame is whole and wrong.
    fs::write(&path, &bytes[..end]).unwrap();
    damage(&path, end - 1);
    let words = |text: &str| {
        let file = path.file_name().unwrap().to_str().unwrap();
        assert!(text.contains(file) && text.contains(&format!("{frame} unreadable bytes")), "{text}");
        assert!(text.contains("power failed") && text.contains("check the disk"), "both explanations: {text}");
    };
    let report = checked(&bench);
    assert_eq!((report.torn_tails, report.wal_events, report.problems.len()), (0, 2, 1));
    words(&report.problems[0]);
    let store = bench.open();
    let health = store.health();
    let tail = SuspectTail { at: (end - frame) as u64, bytes: frame as u64 };
    assert_eq!((health.replay.suspect_tail, health.replay.torn_at), (Some(tail), None));
    assert_eq!(health.damage.len(), 1);
    words(&health.damage[0]);
    assert_eq!(ids(&store, "shop"), (0..22).collect::<Vec<_>>());
    store.flush().unwrap();
    assert!(!path.exists(), "what could be read of it is in segments");
    drop(store);
    assert_eq!(bench.open().health().damage, [""; 0]);
}

#[test]
fn what_is_missing_from_a_file_that_was_closed_in_order_is_damage() {
    let bench = bench();
    let path = bench.wal_files()[0].clone();
    let bytes = fs::read(&path).unwrap();
    damage(&path, bytes.len() - END - 1);
    let store = bench.open();
    let health = store.health();
    assert_eq!((health.replay.damaged_bytes, health.replay.suspect_tail), (frame_bytes(&bytes) as u64, None));
    assert_eq!(health.damage.len(), 1);
    store.flush().unwrap();
    assert!(path.exists(), "it is known that somebody was told that this is durable");
}

#[test]
fn a_damaged_log_is_served_as_far_as_it_goes_and_kept() {
    let bench = bench();
    let path = bench.wal_files()[0].clone();
    let frame = frame_bytes(&fs::read(&path).unwrap());
    damage(&path, HEADER + frame + 60);
    let wanted: Vec<i64> = (0..21).chain(22..23).collect();
    for _ in 0..2 {
        let store = bench.open();
        assert_eq!(ids(&store, "shop"), wanted);
        let health = store.health();
        assert_eq!((health.replay.damaged_bytes, health.damage.len()), (frame as u64, 1));
        store.flush().unwrap();
        assert!(path.exists(), "somebody may still read what we cannot");
    }
    fs::remove_file(&path).unwrap();
    let store = bench.open();
    assert_eq!(ids(&store, "shop"), wanted);
    assert_eq!(store.health().damage, [""; 0]);
}

#[test]
fn a_lost_segment_is_reported_and_the_rest_served() {
    let bench = bench();
    fs::remove_file(&bench.segment_files()[0]).unwrap();
    let store = bench.open();
    assert_eq!(ids(&store, "shop"), (10..23).collect::<Vec<_>>());
    assert_eq!(store.health().damage.len(), 1);
    append(&store, "shop", 30..31).unwrap();
    store.flush().unwrap();
    assert_eq!(ids(&store, "shop").len(), 14);
}

#[test]
fn a_segment_of_another_length_is_reported() {
    let bench = bench();
    let path = &bench.segment_files()[0];
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
    let store = bench.open();
    assert_eq!(store.health().damage.len(), 1);
    assert_eq!(ids(&store, "shop"), (10..23).collect::<Vec<_>>());
}

#[test]
fn files_of_another_store_or_version_are_refused() {
    let (bench, other) = (bench(), bench());
    let foreign = bench.data_dir().wal_file(99);
    fs::copy(&other.wal_files()[0], &foreign).unwrap();
    assert!(matches!(bench.try_open(), Err(StoreError::Foreign { .. })));
    assert!(foreign.exists());
    assert_eq!(checked(&bench).problems.len(), 1);
    fs::remove_file(&foreign).unwrap();
    assert_eq!(ids(&bench.open(), "shop").len(), 23);
}
