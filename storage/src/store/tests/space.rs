//! A device that fills up: ingest stops before a write fails, nothing is lost, and it goes on by itself.

use super::*;
use crate::disk::Fault;
use crate::store::space::SpaceWatch;

const CAPACITY: u64 = 4 << 20;

/// An event that no compression makes small.
fn bulky(id: i64) -> Event {
    let noise: String = (0..40)
        .map(|n| format!("{:016x}", xxhash_rust::xxh3::xxh3_64(&[id, n].map(i64::to_le_bytes).concat())))
        .collect();
    event(START + id, &[("id", Value::Integer(id)), ("noise", Value::Text(noise))])
}

fn append_bulky(store: &Store, ids: std::ops::Range<i64>) -> Result<Receipt, StoreError> {
    store.append(vec![(name("bulky"), testing::batch(&ids.map(bulky).collect::<Vec<_>>()))])
}

fn bulky_ids(store: &Store) -> Vec<i64> {
    let content = content(store, "bulky");
    assert!(content.iter().all(|e| e.event == bulky(id(e))), "an event has changed");
    content.iter().map(id).collect()
}

#[test]
fn ingest_stops_before_a_write_fails_and_goes_on_when_there_is_space() {
    let bench = Bench::new();
    bench.disk.set_capacity(Some(CAPACITY));
    let store = bench.open();
    let sent = std::cell::Cell::new(0);
    let refused = std::cell::Cell::new(0);
    // What is in the log becomes segments, which are smaller: ingest stops, and goes on until those fill the device.
    wait_until("it is full for good", || {
        match append_bulky(&store, sent.get()..sent.get() + 50) {
            Ok(_) => sent.set(sent.get() + 50),
            Err(StoreError::DiskFull { .. }) => refused.set(refused.get() + 1),
            Err(other) => panic!("{other}"),
        }
        let health = store.health();
        health.space.full && health.memtable_bytes == 0 && health.space.headroom_bytes < CAPACITY / 16
    });
    assert!(refused.get() > 0);
    let (health, sent) = (store.health(), sent.get());
    assert_eq!((health.wal_poisoned_files_total, health.flush_failures_total), (0, 0), "a write has failed");
    assert!(health.space.used_percent() > 80, "a large part was not used: {:?}", health.space);
    assert!(health.segments < 40, "{} segments", health.segments);
    assert!(matches!(store.check_space(), Err(StoreError::DiskFull { .. })));
    assert!(matches!(append(&store, "other", 0..1), Err(StoreError::DiskFull { .. })));
    assert_eq!(bulky_ids(&store), (0..sent).collect::<Vec<_>>(), "reading goes on");

    bench.disk.set_capacity(Some(2 * CAPACITY));
    wait_until("it goes on by itself", || store.check_space().is_ok());
    append_bulky(&store, sent..sent + 1).unwrap();
    drop(store);
    assert_eq!(bulky_ids(&bench.open()), (0..=sent).collect::<Vec<_>>());
}

#[test]
fn what_others_write_is_survived_too() {
    let bench = Bench::with_limits(StoreLimits { flush_bytes_max: 100_000, ..StoreLimits::default() });
    bench.disk.set_capacity(Some(CAPACITY));
    let store = bench.open();
    let mut sent = 0;
    for round in 0..5 {
        let end = sent + 5_000;
        while sent < end {
            sent = append(&store, "shop", sent..sent + 50).map_or(sent, |_| sent + 50);
        }
        // From one moment to the next there is nothing left, also for a flush that has begun.
        bench.disk.set_capacity(Some(round));
        wait_until("it refuses", || append(&store, "shop", sent..sent + 50).is_err());
        assert_eq!(ids(&store, "shop"), (0..sent).collect::<Vec<_>>());
        bench.disk.set_capacity(Some((round + 2) * CAPACITY));
        wait_until("it goes on", || store.check_space().is_ok() && !store.health().ingest_down);
    }
    store.flush().unwrap();
    assert_eq!(bench.segment_files().len() as u64, 2 * store.health().segments, "failed flushes leave nothing");
    drop(store);
    assert_eq!(ids(&bench.open(), "shop"), (0..sent).collect::<Vec<_>>());
}

#[test]
fn a_log_that_was_down_is_tried_without_anybody_sending() {
    let bench = Bench::new();
    let store = bench.open();
    bench.disk.fault_from(0, Fault::Full);
    assert!(append(&store, "shop", 0..1).is_err());
    assert!(store.health().ingest_down);
    bench.disk.heal();
    wait_until("it is up", || !store.health().ingest_down);
    assert!(!bench.data_dir().probe().exists());
    append(&store, "shop", 0..1).unwrap();
}

#[test]
fn a_catalog_without_space_costs_one_copy_of_the_segments_at_most() {
    let bench = Bench::new();
    let store = bench.open();
    append(&store, "shop", 0..1).unwrap();
    store.flush().unwrap();
    store.inner.set_catalog_pages_max(1);
    // Fields of their own, so that the change needs new pages.
    let fields: Vec<(String, Value)> =
        (0..500).map(|n| (format!("field.{n}.{}", "x".repeat(99)), Value::Integer(n))).collect();
    let fields: Vec<(&str, Value)> = fields.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    store.append(vec![(name("wide"), testing::batch(&[event(START, &fields)]))]).unwrap();
    for _ in 0..5 {
        assert!(matches!(store.flush(), Err(StoreError::DiskFull { .. })), "the catalog has no page left");
        assert!(bench.segment_files().len() <= 4, "{:?}", bench.segment_files());
    }
    assert!(matches!(append(&store, &"y".repeat(128), 0..1), Ok(_) | Err(StoreError::DiskFull { .. })));
    store.inner.set_catalog_pages_max(1_000_000);
    store.flush().unwrap();
    assert_eq!(bench.segment_files().len() as u64, 2 * store.health().segments);
    assert_eq!(content(&store, "wide").len(), 1);
    drop(store);
    let store = bench.open();
    assert_eq!((ids(&store, "shop"), content(&store, "wide").len()), (vec![0], 1));
}

#[test]
fn a_store_opens_on_a_full_device() {
    let bench = Bench::new();
    let store = bench.open();
    for n in 0..50 {
        append(&store, "shop", n * 100..n * 100 + 100).unwrap();
    }
    drop(store);
    let bench = Bench { limits: StoreLimits { flush_bytes_max: 20_000, ..StoreLimits::default() }, ..bench };
    bench.disk.set_capacity(Some(0));
    let store = bench.open();
    assert!(store.health().flush_failures_total > 0);
    assert_eq!(ids(&store, "shop"), (0..5_000).collect::<Vec<_>>());
    bench.disk.set_capacity(None);
    wait_until("it is flushed", || store.health().segments > 0);
    assert_eq!(ids(&store, "shop"), (0..5_000).collect::<Vec<_>>());
}

#[test]
fn the_reserve_fits_the_device() {
    let bench = Bench::new();
    let reserve = |capacity: u64, wanted: Option<u64>| {
        bench.disk.set_capacity(Some(capacity));
        SpaceWatch::new(Arc::new(bench.disk.clone()), "/".into(), wanted).health(0).reserve_bytes
    };
    assert_eq!(reserve(64 << 20, None), 4 << 20, "a sixteenth of a small one");
    assert_eq!(reserve(20 << 30, None), 256 << 20);
    assert_eq!(reserve(100 << 30, None), 1 << 30, "one hundredth of a large one");
    assert_eq!(reserve(100 << 30, Some(5)), 5);
    assert_eq!(reserve(100 << 30, Some(0)), 0);
}

#[test]
fn ingest_does_not_open_and_close_at_the_edge() {
    let bench = Bench::new();
    bench.disk.set_capacity(Some(1_000));
    let watch = SpaceWatch::new(Arc::new(bench.disk.clone()), "/".into(), Some(400));
    watch.admit(40, 0).unwrap();
    assert!(watch.admit(560, 0).is_ok(), "only what is written counts once it is measured");
    bench.disk.set_capacity(Some(500));
    assert!(watch.admit(100, 0).is_err());
    assert!(watch.is_full() && watch.admit(1, 0).is_err());
    bench.disk.set_capacity(Some(501));
    watch.measure(0);
    assert!(!watch.is_full(), "a quarter of the reserve is free above it");
    assert!(watch.admit(90, 20).is_err(), "what is owed to the memtables is not for ingest");
}
