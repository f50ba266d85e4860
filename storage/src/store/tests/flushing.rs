//! When memtables become segments, what happens to the log behind them, and what a failing disk does to that.

use super::*;
use crate::disk::Fault;

#[test]
fn old_events_are_flushed_by_the_stores_own_thread() {
    let bench = Bench::new();
    let store = bench.open();
    append(&store, "shop", 0..3).unwrap();
    bench.clock.advance(599 * 1_000_000_000);
    append(&store, "web", 3..4).unwrap();
    bench.clock.advance(1_000_000_000);
    wait_until("the old ones are flushed", || store.health().segments == 1);
    let snapshot = store.snapshot();
    assert!(snapshot.dataset("shop").unwrap().memtable.is_empty());
    assert_eq!(snapshot.dataset("web").unwrap().memtable.len(), 1, "the young ones wait");
}

#[test]
fn many_bytes_are_flushed_at_once() {
    let bench = Bench::with_limits(StoreLimits { flush_bytes_max: 10_000, ..StoreLimits::default() });
    let store = bench.open();
    append(&store, "shop", 0..1_000).unwrap();
    wait_until("they are flushed", || store.health().segments == 1);
    assert_eq!(ids(&store, "shop").len(), 1_000);
}

#[test]
fn a_failed_flush_is_tried_again() {
    let bench = Bench::new();
    let store = bench.open();
    append(&store, "shop", 0..3).unwrap();
    append(&store, "web", 3..4).unwrap();
    bench.disk.fault_from(0, Fault::Full);
    bench.clock.advance(601 * 1_000_000_000);
    wait_until("it has failed twice for each", || store.health().flush_failures_total >= 4);
    assert_eq!((ids(&store, "shop"), ids(&store, "web")), (vec![0, 1, 2], vec![3]));
    assert_eq!(store.health().segments, 0);
    bench.disk.heal();
    wait_until("it succeeds", || store.health().segments == 2);
    assert_eq!((ids(&store, "shop"), ids(&store, "web")), (vec![0, 1, 2], vec![3]));
}

#[test]
fn a_failed_flush_leaves_no_files_and_hinders_no_other() {
    let bench = Bench::new();
    let store = bench.open();
    append(&store, "shop", 0..3).unwrap();
    append(&store, "web", 3..4).unwrap();
    // Operations: the folder, its name, the file, then its bytes.
    bench.disk.fault(4, Fault::Full);
    assert!(matches!(store.flush(), Err(StoreError::DiskFull { .. })));
    assert_eq!(bench.segment_files().len(), 2, "those of the other dataset");
    assert_eq!(store.health().flush_failures_total, 1);
    assert_eq!((ids(&store, "shop"), ids(&store, "web")), (vec![0, 1, 2], vec![3]));
    store.flush().unwrap();
    assert_eq!((ids(&store, "shop"), ids(&store, "web")), (vec![0, 1, 2], vec![3]));
}

#[test]
fn the_log_goes_once_everything_in_it_is_in_segments() {
    let bench = Bench::with_limits(StoreLimits { wal_file_bytes_max: 1, ..StoreLimits::default() });
    let store = bench.open();
    for n in 0..5 {
        append(&store, "shop", n..n + 1).unwrap();
    }
    assert_eq!(bench.wal_files().len(), 5);
    store.flush().unwrap();
    assert_eq!(bench.wal_files().len(), 1, "only the one that is written");
    assert_eq!(store.health().wal_bytes, 0);
    drop(store);
    let store = bench.open();
    assert_eq!(bench.wal_files().len(), 0);
    append(&store, "shop", 5..6).unwrap();
    assert_eq!(content(&store, "shop").last().unwrap().sequence, 6, "numbers go on without a log");
}

#[test]
fn a_file_is_kept_for_the_slowest_dataset() {
    let bench = Bench::with_limits(StoreLimits { flush_bytes_max: 10_000, ..StoreLimits::default() });
    let store = bench.open();
    append(&store, "web", 0..1).unwrap();
    append(&store, "shop", 1..1_000).unwrap();
    wait_until("the large one is flushed", || store.health().segments == 1);
    drop(store);
    let store = bench.open();
    assert_eq!(bench.wal_files().len(), 1);
    assert_eq!((ids(&store, "web"), ids(&store, "shop").len()), (vec![0], 999));
    let snapshot = store.snapshot();
    assert!(snapshot.dataset("shop").unwrap().memtable.is_empty(), "replay skips what is in segments");
}

#[test]
fn replay_flushes_for_memory_and_not_for_age() {
    let bench = Bench::new();
    let store = bench.open();
    for n in 0..20 {
        append(&store, "shop", n * 100..n * 100 + 100).unwrap();
    }
    let wanted = content(&store, "shop");
    drop(store);
    bench.clock.advance(86_400 * 1_000_000_000);
    let store = bench.open();
    wait_until("the old ones are flushed", || store.health().segments > 0);
    assert_eq!(store.health().segments, 1, "not one for each frame");
    assert_eq!(content(&store, "shop"), wanted);
    drop(store);

    let bench = Bench::new();
    let store = bench.open();
    for n in 0..20 {
        append(&store, "shop", n * 100..n * 100 + 100).unwrap();
    }
    drop(store);
    let bench = Bench {
        limits: StoreLimits { flush_bytes_max: 20_000, memtable_bytes_max: 40_000, ..StoreLimits::default() },
        ..bench
    };
    let store = bench.open();
    assert!(store.health().segments > 1, "memory is bounded while it reads");
    assert_eq!(content(&store, "shop"), wanted);
}

#[test]
fn a_file_is_kept_for_the_very_next_event() {
    let limits = StoreLimits { wal_file_bytes_max: 1, flush_bytes_max: 10_000, ..StoreLimits::default() };
    let bench = Bench::with_limits(limits);
    let store = bench.open();
    append(&store, "shop", 0..1).unwrap();
    store.flush().unwrap();
    // Its number is the watermark of its dataset; the flush of the other one trims the log.
    append(&store, "shop", 1..2).unwrap();
    append(&store, "web", 2..1_000).unwrap();
    wait_until("the large one is flushed", || store.health().segments == 2);
    drop(store);
    assert_eq!(ids(&bench.open(), "shop"), [0, 1]);
}
