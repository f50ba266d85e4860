//! Damaged segments: noticed by whoever meets them, kept from everybody, remembered, and back when they are sound.

use super::*;
use crate::event::FieldType;
use crate::segment::SegmentInfo;

/// Three segments of ten events each in a store that does nothing by itself.
fn three() -> (Bench, Vec<SegmentInfo>) {
    let bench = Bench { upkeep: false, ..Bench::new() };
    let store = bench.open();
    for n in 0..3 {
        append(&store, "shop", n * 10..n * 10 + 10).unwrap();
        store.flush().unwrap();
    }
    let infos = store.snapshot().dataset("shop").unwrap().segments.iter().map(|s| s.info().clone()).collect();
    (bench, infos)
}

fn path(bench: &Bench, info: &SegmentInfo) -> PathBuf {
    bench.data_dir().segment(info.dataset, info.id)
}

/// What readers are told of: events served, and events that cannot be.
fn seen(store: &Store) -> (Vec<i64>, u64) {
    let snapshot = store.snapshot();
    let dataset = snapshot.dataset("shop").unwrap();
    (ids(store, "shop"), dataset.set_aside.iter().map(|s| s.info().rows).sum())
}

/// Steps of the scrub until a pass is done.
fn scrub(store: &Store) {
    while store.scrub_next().unwrap() != ScrubStep::PassDone {}
}

/// Lets somebody read everything.
fn read_all(store: &Store) -> bool {
    let snapshot = store.snapshot();
    snapshot.dataset("shop").unwrap().segments.iter().all(|s| s.open().is_ok_and(|open| testing::read(&open).is_ok()))
}

#[test]
fn whoever_meets_damage_notes_it_for_everybody() {
    for (at, of_sums) in [(100, false), (30, true)] {
        let (bench, infos) = three();
        let damaged =
            if of_sums { bench.data_dir().sums(infos[1].dataset, infos[1].id) } else { path(&bench, &infos[1]) };
        flip(&damaged, at);
        let before = std::fs::read(&damaged).unwrap();
        let store = bench.open();
        assert!(!read_all(&store));
        assert_eq!(store.health().damaged_segments, 1, "it is known at once");
        let mut snapshot = store.snapshot();
        assert!(snapshot.datasets[0].set_aside_damaged(), "and left out of what is asked from now on");
        assert_eq!((snapshot.datasets[0].segments.len(), snapshot.datasets[0].set_aside.len()), (2, 1));
        assert!(!snapshot.datasets[0].set_aside_damaged());
        store.scrub_next().unwrap();
        let wanted: Vec<i64> = (0..10).chain(20..30).collect();
        assert_eq!(seen(&store), (wanted.clone(), 10));
        drop(store);
        let store = bench.open();
        assert_eq!(seen(&store), (wanted, 10), "a restart knows");
        let health = store.health();
        assert_eq!((health.damaged_segments, health.damaged_events, health.segments), (1, 10, 2));
        let [words] = health.damage.try_into().unwrap();
        for word in [damaged.to_str().unwrap(), "10 events", "\"shop\"", "backup"] {
            assert!(words.contains(word), "{words} does not say {word}");
        }
        assert_eq!(std::fs::read(&damaged).unwrap(), before, "nobody touches it");
    }
}

#[test]
fn an_error_of_the_disk_is_damage_and_a_shortage_is_not() {
    let (bench, infos) = three();
    let store = bench.open();
    bench.disk.fail_reads(&path(&bench, &infos[0]), Some(libc::EMFILE));
    assert!(!read_all(&store));
    assert_eq!(store.health().damaged_segments, 0, "another time there may be room");
    bench.disk.fail_reads(&path(&bench, &infos[0]), None);
    assert!(read_all(&store));
    drop(store);
    let store = bench.open();
    bench.disk.fail_reads(&path(&bench, &infos[0]), Some(libc::EIO));
    assert!(!read_all(&store));
    store.scrub_next().unwrap();
    assert_eq!(seen(&store), ((10..30).collect(), 10));
}

#[test]
fn a_merge_fails_on_a_shortage_and_is_done_later() {
    let (bench, infos) = three();
    let store = bench.open();
    append(&store, "shop", 30..40).unwrap();
    store.flush().unwrap();
    bench.disk.fail_reads(&path(&bench, &infos[0]), Some(libc::ENFILE));
    assert!(matches!(store.compact(), Err(StoreError::Io { .. })));
    assert_eq!(store.health().damaged_segments, 0);
    bench.disk.fail_reads(&path(&bench, &infos[0]), None);
    store.compact().unwrap();
    assert_eq!((store.health().segments, ids(&store, "shop").len()), (1, 40));
}

#[test]
fn what_is_put_back_comes_back() {
    let (bench, infos) = three();
    let whole = path(&bench, &infos[1]);
    let kept = std::fs::read(&whole).unwrap();
    let events = |store: &Store| {
        let snapshot = store.snapshot();
        snapshot.datasets[0].fields.get("id").unwrap().get(FieldType::Integer).unwrap().events
    };
    for lose in [true, false] {
        if lose {
            std::fs::remove_file(&whole).unwrap();
        } else {
            flip(&whole, 100);
        }
        let store = bench.open();
        scrub(&store);
        assert_eq!(seen(&store).1, 10, "lost: {lose}");
        store.scrub_next().unwrap();
        std::fs::write(&whole, &kept).unwrap();
        drop(store);
        let store = bench.open();
        assert_eq!(seen(&store).1, 10, "nobody has looked yet");
        while seen(&store).1 > 0 {
            assert!(matches!(store.scrub_next().unwrap(), ScrubStep::Read(_)), "it is the first to be looked at");
        }
        assert_eq!((seen(&store), store.health().damage.len()), (((0..30).collect(), 0), 0));
        assert_eq!(events(&store), 30);
        drop(store);
        assert_eq!(seen(&bench.open()), ((0..30).collect(), 0));
    }
}

#[test]
fn the_next_pass_finds_what_was_put_back() {
    let (bench, infos) = three();
    let whole = path(&bench, &infos[0]);
    flip(&whole, 100);
    let store = bench.open();
    scrub(&store);
    assert_eq!(seen(&store).1, 10);
    flip(&whole, 100);
    bench.clock.advance(8 * testing::DAY);
    scrub(&store);
    assert_eq!(seen(&store), ((0..30).collect(), 0));
}

#[test]
fn a_wrong_file_is_not_taken_for_the_lost_one() {
    let (bench, infos) = three();
    let (lost, other) = (path(&bench, &infos[0]), path(&bench, &infos[1]));
    let kept = std::fs::read(&lost).unwrap();
    std::fs::copy(&other, &lost).unwrap();
    let store = bench.open();
    scrub(&store);
    assert_eq!(seen(&store), ((10..30).collect(), 10));
    drop(store);
    std::fs::write(&lost, kept).unwrap();
    let store = bench.open();
    scrub(&store);
    assert_eq!(seen(&store), ((0..30).collect(), 0));
}

#[test]
fn the_stores_own_thread_sets_aside_and_brings_back() {
    static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let (bench, infos) = three();
    let path = path(&bench, &infos[2]);
    flip(&path, 100);
    let settings = StoreSettings {
        upkeep: true,
        tell: |words| TOLD.lock().unwrap().push(words.to_owned()),
        ..bench.settings(Arc::new(bench.disk.clone()))
    };
    let store = Store::open(settings.clone()).unwrap();
    assert!(!read_all(&store));
    let aside = |store: &Store| store.snapshot().datasets[0].set_aside.len();
    wait_until("it is set aside", || aside(&store) == 1);
    wait_until("somebody is told", || !TOLD.lock().unwrap().is_empty());
    assert!(TOLD.lock().unwrap()[0].contains("fails its checksum"));
    flip(&path, 100);
    drop(store);
    let store = Store::open(settings).unwrap();
    wait_until("it is back", || aside(&store) == 0);
    assert_eq!(seen(&store), ((0..30).collect(), 0));
    assert_eq!(TOLD.lock().unwrap().len(), 1, "once");
}

#[test]
fn retention_by_age_lets_go_of_it_and_retention_by_bytes_does_not() {
    let (bench, infos) = three();
    flip(&path(&bench, &infos[0]), 100);
    std::fs::remove_file(path(&bench, &infos[1])).unwrap();
    let store = bench.open();
    scrub(&store);
    let dataset = infos[0].dataset;
    let keep = |age_seconds_max, bytes_max| Some(Retention { age_seconds_max, bytes_max });
    store.set_retention(dataset, keep(None, Some(infos[2].bytes))).unwrap();
    assert_eq!(store.retain().unwrap(), 0, "it may be smaller than it seems, or not there");
    store.set_retention(dataset, keep(None, Some(0))).unwrap();
    assert_eq!(store.retain().unwrap(), 1);
    assert_eq!(seen(&store), (Vec::new(), 20));
    bench.clock.advance(testing::DAY);
    store.set_retention(dataset, keep(Some(60), None)).unwrap();
    assert_eq!(store.retain().unwrap(), 2);
    assert_eq!((seen(&store), bench.segment_files()), ((Vec::new(), 0), Vec::new()));
    let events = |store: &Store| {
        let snapshot = store.snapshot();
        let id = snapshot.datasets[0].fields.get("id").unwrap().get(FieldType::Integer).unwrap().events;
        (id, store.health().damage)
    };
    assert_eq!(events(&store), (0, Vec::new()), "nothing is counted that is not there");
    drop(store);
    assert_eq!(events(&bench.open()), (0, Vec::new()));
}
