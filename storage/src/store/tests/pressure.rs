//! Many at once, and more than there is room for.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::disk::Fault;

#[test]
fn eight_threads_and_a_flusher() {
    const EACH: i64 = 30;
    let bench = Bench::with_limits(StoreLimits { wal_file_bytes_max: 10_000, ..StoreLimits::default() });
    let store = bench.open();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let appenders: Vec<_> = (0..8)
            .map(|thread| {
                let store = &store;
                scope.spawn(move || {
                    for n in 0..EACH {
                        let first = (thread * EACH + n) * 100;
                        let count = if n % 5 == 0 { 70 } else { 2 };
                        let (shop, web) = (first..first + count, first + 80..first + 81);
                        let receipt = store.append(vec![request("shop", shop.clone()), request("web", web)]).unwrap();
                        assert_eq!(receipt.events(), count as u64 + 1);
                        let there: BTreeSet<i64> = ids(store, "shop").into_iter().collect();
                        assert!(shop.clone().all(|id| there.contains(&id)), "{shop:?} was acknowledged");
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                store.flush().unwrap();
            }
        });
        let results: Vec<_> = appenders.into_iter().map(|thread| thread.join()).collect();
        done.store(true, Ordering::SeqCst);
        assert!(results.iter().all(Result::is_ok));
    });
    let counts = |store: &Store| (ids(store, "shop").len(), ids(store, "web").len());
    let wanted = (8 * (6 * 70 + 24 * 2), 8 * 30);
    assert_eq!(counts(&store), wanted);
    drop(store);
    assert_eq!(counts(&bench.open()), wanted);
}

#[test]
fn a_full_memtable_sheds_until_a_flush_makes_room() {
    let bench = Bench::with_limits(StoreLimits { memtable_bytes_max: 50_000, ..StoreLimits::default() });
    let store = bench.open();
    append(&store, "shop", 0..1).unwrap();
    bench.disk.fault_from(2, Fault::Error);
    append(&store, "shop", 1..5_000).unwrap();
    assert!(store.health().memtable_bytes > 50_000);
    assert!(matches!(append(&store, "shop", 5_000..5_001), Err(StoreError::Busy)));
    assert_eq!(ids(&store, "shop").len(), 5_000, "reading goes on");
    bench.disk.heal();
    store.flush().unwrap();
    assert_eq!(store.health().memtable_bytes, 0);
    append(&store, "shop", 5_001..5_002).unwrap();
    assert_eq!(ids(&store, "shop").len(), 5_001);
}

#[test]
fn appends_wait_for_the_stores_own_flushes() {
    let bench = Bench::with_limits(StoreLimits { memtable_bytes_max: 100_000, ..StoreLimits::default() });
    let store = bench.open();
    for n in 0..60 {
        // A machine that is slow may shed some; they are sent again, as a client would.
        let ids = n * 100..n * 100 + 100;
        wait_until("there is room", || match append(&store, "shop", ids.clone()) {
            Ok(_) => true,
            Err(StoreError::Busy) => false,
            Err(other) => panic!("{other}"),
        });
    }
    assert_eq!(ids(&store, "shop"), (0..6_000).collect::<Vec<_>>());
    assert!(store.health().segments > 1);
}

#[test]
fn the_account_of_bytes_is_that_of_the_memtables() {
    let bench = Bench::new();
    let store = bench.open();
    for n in 0..100 {
        append(&store, ["shop", "web"][n as usize % 2], n..n + 1).unwrap();
        let batches = store.snapshot().datasets.into_iter().flat_map(|d| d.memtable);
        let held: usize = batches.map(|b| b.memory_bytes()).sum();
        assert_eq!(store.health().memtable_bytes, held as u64);
    }
    store.flush().unwrap();
    assert_eq!(store.health().memtable_bytes, 0);
}

#[test]
fn closing_wakes_those_who_wait() {
    let bench = Bench::with_limits(StoreLimits { memtable_bytes_max: 1, ..StoreLimits::default() });
    let store = bench.open();
    append(&store, "shop", 0..1).unwrap();
    bench.disk.fault_from(0, Fault::Error);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| append(&store, "shop", 1..2));
        store.close();
        assert!(matches!(waiting.join().unwrap(), Err(StoreError::Closed | StoreError::Busy | StoreError::Io { .. })));
    });
    bench.disk.heal();
    drop(store);
    assert_eq!(ids(&bench.open(), "shop")[0], 0);
}
