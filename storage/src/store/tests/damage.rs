//! Damaged files: what is sound is served, what is not is counted and kept.

use std::fs;

use super::*;
use crate::check::{CheckReport, check};
use crate::wal::frame::FILE_HEADER_BYTES;

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

#[test]
fn a_sound_directory_is_sound() {
    let report = checked(&bench());
    let wanted = CheckReport {
        segments: 2,
        segment_events: 20,
        wal_files: 1,
        wal_frames: 3,
        wal_events: 3,
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
        let header = if path.extension().is_some_and(|e| e == "sums") { 0 } else { FILE_HEADER_BYTES };
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
    fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
    let report = checked(&bench);
    assert_eq!((report.torn_tails, report.wal_events, report.problems.len()), (1, 2, 0));
    let store = bench.open();
    assert_eq!(store.health().replay.torn_at, Some((bytes.len() - (bytes.len() - FILE_HEADER_BYTES) / 3) as u64));
    assert_eq!(ids(&store, "shop"), (0..22).collect::<Vec<_>>());
}

#[test]
fn a_damaged_log_is_served_as_far_as_it_goes_and_kept() {
    let bench = bench();
    let path = bench.wal_files()[0].clone();
    let frame = (fs::read(&path).unwrap().len() - FILE_HEADER_BYTES) / 3;
    damage(&path, FILE_HEADER_BYTES + frame + 60);
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
