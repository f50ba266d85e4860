//! Many small segments become few, nobody notices but the disk, and whatever fails on the way changes nothing.

use std::collections::BTreeSet;

use super::*;
use crate::disk::Fault;

/// A store that does nothing by itself.
fn by_hand() -> Bench {
    Bench { upkeep: false, ..Bench::new() }
}

/// Segments of ten events each.
fn with_segments(bench: &Bench, count: i64) -> Store {
    let store = bench.open();
    for n in 0..count {
        append(&store, "shop", n * 10..n * 10 + 10).unwrap();
        store.flush().unwrap();
    }
    store
}

#[test]
fn small_segments_become_one() {
    let bench = by_hand();
    let store = with_segments(&bench, 4);
    let before = content(&store, "shop");
    assert_eq!(store.health().segments, 4);
    store.compact().unwrap();
    let health = store.health();
    assert_eq!((health.segments, health.compactions_total, health.compaction_failures_total), (1, 1, 0));
    assert_eq!(content(&store, "shop"), before);
    assert_eq!(bench.segment_files().len(), 3, "the merged ones are gone, and the new one has a sidecar");
    store.compact().unwrap();
    assert_eq!(store.health().compactions_total, 1, "there is nothing more to do");
    drop(store);
    let store = bench.open();
    assert_eq!(content(&store, "shop"), before);
    assert_eq!(store.health().damage, [""; 0]);
}

#[test]
fn the_stores_own_thread_merges() {
    let bench = Bench::new();
    let store = with_segments(&bench, 4);
    wait_until("they are merged", || store.health().segments == 1 && bench.segment_files().len() == 3);
    assert_eq!(ids(&store, "shop").len(), 40);
}

#[test]
fn a_reader_keeps_what_it_sees() {
    let bench = by_hand();
    let store = with_segments(&bench, 4);
    let snapshot = store.snapshot();
    let before = content(&store, "shop");
    store.compact().unwrap();
    assert_eq!(bench.segment_files().len(), 11, "the reader may still open them");
    assert_eq!(content_of(&snapshot, "shop"), before);
    let opened = snapshot.dataset("shop").unwrap().segments[0].open().unwrap();
    drop(snapshot);
    store.compact().unwrap();
    assert_eq!(bench.segment_files().len(), 5, "one is open still");
    opened.scrub().unwrap();
    drop(opened);
    store.compact().unwrap();
    assert_eq!(bench.segment_files().len(), 3);
}

#[test]
fn days_are_not_mixed() {
    let bench = by_hand();
    let store = bench.open();
    for n in 0..4 {
        let days = [0, 1].map(|day| event(START + day * testing::DAY, &[("id", Value::Integer(2 * n + day))]));
        store.append(vec![(name("shop"), testing::batch(&days))]).unwrap();
        store.flush().unwrap();
    }
    assert_eq!(store.health().segments, 8);
    store.compact().unwrap();
    let snapshot = store.snapshot();
    let segments = &snapshot.dataset("shop").unwrap().segments;
    assert_eq!(segments.len(), 2);
    assert!(segments.iter().all(|s| s.info().day().is_some()));
}

#[test]
fn a_quiet_day_is_tidied_up() {
    let bench = by_hand();
    let store = with_segments(&bench, 2);
    store.compact().unwrap();
    assert_eq!(store.health().segments, 2, "they are too few");
    bench.clock.advance(3_601 * 1_000_000_000);
    store.compact().unwrap();
    assert_eq!(store.health().segments, 1);
    let merged = store.health().compactions_total;
    store.compact().unwrap();
    assert_eq!(store.health().compactions_total, merged, "once");
}

#[test]
fn a_damaged_segment_hinders_no_other() {
    let bench = by_hand();
    let store = with_segments(&bench, 6);
    let damaged = store.snapshot().dataset("shop").unwrap().segments[1].info().clone();
    drop(store);
    let path = bench.data_dir().segment(damaged.dataset, damaged.id);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let store = bench.open();
    assert!(matches!(store.compact(), Err(StoreError::Damaged { .. })));
    store.compact().unwrap();
    assert_eq!(store.health().segments, 2, "the damaged one, and the others as one");
    assert_eq!(store.health().damage.len(), 1);
    assert!(path.exists(), "nobody throws it away");
}

#[test]
fn counts_of_fields_stay() {
    let bench = by_hand();
    let store = with_segments(&bench, 4);
    let counts = |store: &Store| {
        let snapshot = store.snapshot();
        let fields = &snapshot.dataset("shop").unwrap().fields;
        fields.iter().map(|(n, e)| (n.clone(), e.types().map(|t| t.1.clone()).collect())).collect::<Vec<(_, Vec<_>)>>()
    };
    let before = counts(&store);
    store.compact().unwrap();
    assert_eq!(counts(&store), before);
    drop(store);
    assert_eq!(counts(&bench.open()), before);
}

/// Runs a compaction with faults planted, and looks at it before and after a restart.
fn interrupted(plant: impl Fn(&FailingDisk), power_cut: bool) -> bool {
    let bench = by_hand();
    let store = with_segments(&bench, 4);
    let before = content(&store, "shop");
    plant(&bench.disk);
    let done = store.compact().is_ok();
    assert_eq!(content(&store, "shop"), before);
    drop(store);
    if power_cut {
        bench.disk.cut_power().unwrap();
    }
    let store = bench.open_real();
    assert_eq!(content(&store, "shop"), before);
    assert_eq!(store.health().damage, [""; 0]);
    store.compact().unwrap();
    let snapshot = store.snapshot();
    let sidecar = snapshot.dataset("shop").unwrap().segments[0].sidecar();
    sidecar.iter().for_each(|sidecar| sidecar.scrub().unwrap());
    let files = 2 + usize::from(sidecar.is_some());
    assert_eq!((store.health().segments, bench.segment_files().len()), (1, files), "nothing is left of what failed");
    assert_eq!(store.health().damage, [""; 0]);
    assert_eq!(content(&store, "shop"), before);
    done
}

#[test]
fn nothing_is_lost_or_doubled_wherever_it_ends() {
    type Plant = fn(&FailingDisk, u64);
    let faults: [(Plant, bool); 5] = [
        (|disk, n| disk.fault(n, Fault::Error), false),
        (|disk, n| disk.fault(n, Fault::Torn), true),
        (|disk, n| disk.fault_from(n, Fault::Full), false),
        (|disk, n| disk.fault_from(n, Fault::Torn), false),
        (|disk, n| disk.fault_from(n, Fault::Error), true),
    ];
    let mut outcomes = BTreeSet::new();
    for (fault, power_cut) in faults {
        for after in 0..36 {
            outcomes.insert(interrupted(|disk| fault(disk, after), power_cut));
        }
    }
    assert_eq!(outcomes.len(), 2, "some faults hit the merge, and some came too late");
}
