//! The scrub: everything is read from the device sooner or later, and no faster than it may be.

use super::*;

fn by_hand(segments: i64) -> (Bench, Store) {
    let bench = Bench { upkeep: false, ..Bench::new() };
    let store = bench.open();
    for n in 0..segments {
        append(&store, "shop", n * 10..n * 10 + 10).unwrap();
        store.flush().unwrap();
    }
    (bench, store)
}

/// Steps until a pass is done; how many bytes they read.
fn pass(store: &Store) -> u64 {
    let before = store.health().scrub.bytes_total;
    while store.scrub_next().unwrap() != ScrubStep::PassDone {}
    store.health().scrub.bytes_total - before
}

#[test]
fn a_pass_reads_every_segment_once() {
    let (_bench, store) = by_hand(3);
    let bytes = store.health().segment_bytes;
    assert_eq!(store.health().scrub.remaining_bytes, bytes);
    let read = pass(&store);
    assert!(read >= bytes && read < bytes + 100, "{read} of {bytes}");
    let health = store.health().scrub;
    assert_eq!((health.passes_total, health.remaining_bytes), (1, 0));
}

#[test]
fn passes_are_a_week_apart() {
    let (bench, store) = by_hand(1);
    pass(&store);
    // The first pass of a store begins when the store does not know when it began.
    pass(&store);
    for _ in 0..3 {
        assert_eq!(store.scrub_next().unwrap(), ScrubStep::Resting);
    }
    bench.clock.advance(7 * testing::DAY);
    assert!(pass(&store) > 0);
    assert_eq!(store.scrub_next().unwrap(), ScrubStep::Resting);
    drop(store);
    let store = bench.open();
    assert_eq!(store.scrub_next().unwrap(), ScrubStep::Resting, "a restart knows");
    append(&store, "shop", 10..20).unwrap();
    store.flush().unwrap();
    assert_eq!(store.scrub_next().unwrap(), ScrubStep::Resting);
}

#[test]
fn whoever_says_how_fast_does_not_wait_for_a_week() {
    let (bench, store) = by_hand(1);
    drop(store);
    let limits = StoreLimits { scrub_bytes_per_second: Some(1 << 30), ..StoreLimits::default() };
    let bench = Bench { limits, ..bench };
    let store = bench.open();
    pass(&store);
    pass(&store);
    assert_eq!(store.scrub_next().unwrap(), ScrubStep::Resting);
    bench.clock.advance(1_000_000_000);
    assert!(pass(&store) > 0);
}

#[test]
fn damage_that_nobody_has_met_is_found() {
    let (bench, store) = by_hand(3);
    // Everything was read and found good: memory knows better than the disk.
    assert_eq!(ids(&store, "shop").len(), 30);
    let path = bench.segment_files().into_iter().filter(|p| p.extension().unwrap() == "parquet").nth(1).unwrap();
    flip(&path, 200);
    assert_eq!(ids(&store, "shop").len(), 30);
    pass(&store);
    assert_eq!((ids(&store, "shop").len(), store.health().damaged_segments), (20, 1));
    let sums = bench.segment_files().into_iter().find(|p| p.extension().unwrap() == "sums").unwrap();
    flip(&sums, 25);
    bench.clock.advance(8 * testing::DAY);
    pass(&store);
    assert_eq!((ids(&store, "shop").len(), store.health().damaged_segments), (10, 2));
}

#[test]
fn a_restart_goes_on_where_the_pass_was() {
    let big = |n: i64| -> Vec<Event> {
        let text =
            |k: i64| (0..200).map(|i| format!("{:x}", (n * 31 + k * 7_919 + i * 104_729) % 65_521)).collect::<String>();
        (0..1_000).map(|k| event(START + k, &[("t", Value::text(&text(n * 1_000 + k)))])).collect()
    };
    let bench = Bench { upkeep: false, ..Bench::new() };
    let store = bench.open();
    for n in 0..4 {
        store.append(vec![(name("shop"), testing::batch(&big(n)))]).unwrap();
        store.flush().unwrap();
    }
    assert!(store.health().segments == 4 && store.health().segment_bytes > 1 << 20);
    let whole = store.health().segment_bytes;
    while store.health().scrub.remaining_bytes > whole / 2 {
        store.scrub_next().unwrap();
    }
    let left = store.health().scrub.remaining_bytes;
    drop(store);
    let store = bench.open();
    assert_eq!(store.health().scrub.remaining_bytes, left);
    assert!(pass(&store) < whole * 3 / 4);
}

#[test]
fn the_stores_own_thread_scrubs_unless_it_is_told_not_to() {
    let (bench, store) = by_hand(2);
    drop(store);
    let path = bench.segment_files().into_iter().find(|p| p.extension().unwrap() == "parquet").unwrap();
    flip(&path, 200);
    let with = |scrub_bytes_per_second| {
        let limits = StoreLimits { scrub_bytes_per_second, ..StoreLimits::default() };
        let settings = bench.settings(Arc::new(RealDisk));
        Store::open(StoreSettings { limits, upkeep: true, ..settings }).unwrap()
    };
    let store = with(Some(0));
    append(&store, "shop", 20..30).unwrap();
    store.flush().unwrap();
    assert_eq!(store.health().scrub.bytes_total, 0);
    drop(store);
    let store = with(Some(1 << 30));
    wait_until("it is found", || store.health().damaged_segments == 1);
    wait_until("the pass is done", || store.health().scrub.passes_total > 0);
}

#[test]
fn a_slow_scrub_is_slow() {
    let (bench, store) = by_hand(4);
    drop(store);
    let limits = StoreLimits { scrub_bytes_per_second: Some(1), ..StoreLimits::default() };
    let store = Store::open(StoreSettings { limits, upkeep: true, ..bench.settings(Arc::new(RealDisk)) }).unwrap();
    wait_until("it has read one", || store.health().scrub.bytes_total > 1);
    assert_eq!(store.health().scrub.passes_total, 0, "the next one is due in minutes");
}
