//! Events that go: by age, by bytes, and because somebody chose them.

use roaring::RoaringBitmap;

use super::*;
use crate::disk::Fault;
use crate::event::FieldType;
use crate::snapshot::DatasetSnapshot;

fn by_hand() -> Bench {
    Bench { upkeep: false, ..Bench::new() }
}

const HOUR: i64 = 3_600 * 1_000_000_000;

fn keep(age_seconds_max: Option<u64>, bytes_max: Option<u64>) -> Option<Retention> {
    Some(Retention { age_seconds_max, bytes_max })
}

fn dataset(store: &Store) -> DatasetSnapshot {
    store.snapshot().dataset("shop").unwrap().clone()
}

/// Segments of ten events an hour apart, in event time and in arrival.
fn hourly(bench: &Bench, count: i64) -> Store {
    let store = bench.open();
    for n in 0..count {
        let events: Vec<Event> = (0..10).map(|k| Event { time: START + n * HOUR, ..tagged(n * 10 + k) }).collect();
        store.append(vec![(name("shop"), testing::batch(&events))]).unwrap();
        store.flush().unwrap();
        bench.clock.advance(HOUR);
    }
    store
}

fn kept(store: &Store) -> Vec<i64> {
    content(store, "shop").iter().map(id).collect()
}

#[test]
fn old_segments_go() {
    let bench = by_hand();
    let store = hourly(&bench, 4);
    assert_eq!(store.retain().unwrap(), 0, "everything is kept unless somebody says otherwise");
    store.set_retention(dataset(&store).id, keep(Some(2 * 3_600), None)).unwrap();
    // The first arrived four hours ago, the third two.
    assert_eq!(store.retain().unwrap(), 2);
    assert_eq!(kept(&store), (20..40).collect::<Vec<_>>());
    assert_eq!((store.health().segments_retired_total, bench.segment_files().len()), (2, 4));
    drop(store);
    let store = bench.open();
    assert_eq!(kept(&store), (20..40).collect::<Vec<_>>());
    bench.clock.advance(1_000_000_000);
    assert_eq!(store.retain().unwrap(), 1, "the policy is kept too");
    store.set_retention(dataset(&store).id, None).unwrap();
    bench.clock.advance(1_000 * HOUR);
    assert_eq!(store.retain().unwrap(), 0);
}

#[test]
fn late_and_future_events_have_their_time() {
    let bench = by_hand();
    let store = bench.open();
    for time in [START - 1_000 * HOUR, START + 5 * HOUR] {
        store.append(vec![(name("shop"), testing::batch(&[Event { time, ..tagged(time / HOUR) }]))]).unwrap();
        store.flush().unwrap();
    }
    store.set_retention(dataset(&store).id, keep(Some(3_600), None)).unwrap();
    assert_eq!(store.retain().unwrap(), 0, "it has just arrived, however old it is");
    bench.clock.advance(HOUR + 1_000_000_000);
    assert_eq!(store.retain().unwrap(), 1);
    assert_eq!(kept(&store).len(), 1, "the other one is still to come");
}

#[test]
fn a_clock_that_was_ahead_keeps_nothing_for_ever() {
    let bench = by_hand();
    let store = bench.open();
    bench.clock.advance(1_000 * HOUR);
    append(&store, "shop", 0..1).unwrap();
    store.flush().unwrap();
    bench.clock.advance(-1_000 * HOUR);
    store.set_retention(dataset(&store).id, keep(Some(3_600), None)).unwrap();
    assert_eq!(store.retain().unwrap(), 0, "its age counts from now on");
}

#[test]
fn the_oldest_go_when_there_are_too_many_bytes() {
    let bench = by_hand();
    let store = hourly(&bench, 4);
    let bytes: Vec<u64> = dataset(&store).segments.iter().map(|s| s.info().bytes).collect();
    store.set_retention(dataset(&store).id, keep(None, Some(bytes[1] + bytes[2] + bytes[3]))).unwrap();
    assert_eq!(store.retain().unwrap(), 1);
    assert_eq!(kept(&store), (10..40).collect::<Vec<_>>());
    store.set_retention(dataset(&store).id, keep(None, Some(0))).unwrap();
    assert_eq!(store.retain().unwrap(), 3);
    assert_eq!((kept(&store).len(), bench.segment_files().len()), (0, 0));
}

#[test]
fn the_policy_of_the_store_is_for_all_without_their_own() {
    let retention = Retention { age_seconds_max: Some(3_600), bytes_max: None };
    let bench = Bench { limits: StoreLimits { retention, ..StoreLimits::default() }, ..by_hand() };
    let store = hourly(&bench, 3);
    store.set_retention(dataset(&store).id, Some(Retention::default())).unwrap();
    assert_eq!(store.retain().unwrap(), 0, "its own policy keeps everything");
    store.set_retention(dataset(&store).id, None).unwrap();
    assert_eq!(store.retain().unwrap(), 2);
}

#[test]
fn the_field_list_stays_true() {
    let bench = by_hand();
    let store = hourly(&bench, 3);
    store.set_retention(dataset(&store).id, keep(Some(2 * 3_600), None)).unwrap();
    store.retain().unwrap();
    let events = |store: &Store| dataset(store).fields.get("id").unwrap().get(FieldType::Integer).unwrap().events;
    assert_eq!(events(&store), 20);
    drop(store);
    let store = bench.open();
    assert_eq!(events(&store), 20);
    remove(&store, |id| id % 2 == 0).unwrap();
    assert_eq!(events(&store), 10);
}

/// Where the events with these ids are.
fn places(store: &Store, chosen: impl Fn(i64) -> bool) -> BTreeMap<SegmentId, RoaringBitmap> {
    let rows = |segment: &Arc<crate::Segment>| {
        let events = testing::read(&segment.open().unwrap()).unwrap();
        let rows = events.iter().enumerate().filter(|(_, e)| chosen(id(e))).map(|(row, _)| row as u32);
        (segment.info().id, rows.collect())
    };
    dataset(store).segments.iter().map(rows).collect()
}

fn remove(store: &Store, chosen: impl Fn(i64) -> bool) -> Result<u64, StoreError> {
    // Whoever holds a snapshot keeps its files.
    let id = dataset(store).id;
    store.remove_rows(id, || Ok(places(store, chosen)), &|| false)
}

#[test]
fn chosen_events_go_and_no_others() {
    let bench = by_hand();
    let store = hourly(&bench, 3);
    // All of the first segment, some of the second, none of the third.
    assert_eq!(remove(&store, |id| id < 10 || (id < 20 && id % 2 == 0)).unwrap(), 15);
    let wanted: Vec<i64> = (10..20).filter(|id| id % 2 == 1).chain(20..30).collect();
    let sorted = |store: &Store| content(store, "shop").iter().map(id).collect::<Vec<_>>();
    assert_eq!(sorted(&store), wanted);
    assert_eq!((store.health().events_removed_total, bench.segment_files().len()), (15, 4));
    assert_eq!(remove(&store, |_| false).unwrap(), 0);
    drop(store);
    let store = bench.open();
    assert_eq!(sorted(&store), wanted);
    assert_eq!(store.health().damage, [""; 0]);
}

#[test]
fn a_cancelled_removal_changes_nothing() {
    let bench = by_hand();
    let store = hourly(&bench, 2);
    let before = content(&store, "shop");
    let files = bench.segment_files();
    let removed: Result<u64, StoreError> =
        store.remove_rows(dataset(&store).id, || Ok(places(&store, |id| id != 15)), &|| true);
    assert!(matches!(removed, Err(StoreError::Closed)));
    assert_eq!(content(&store, "shop"), before);
    assert_eq!(bench.segment_files(), files);
    let refused = store.remove_rows(dataset(&store).id, || Err(StoreError::Busy), &|| false);
    assert!(matches!(refused, Err(StoreError::Busy)));
}

/// Removes under a fault; before and after a restart it is done entirely or not at all.
fn interrupted(plant: impl Fn(&FailingDisk), power_cut: bool) -> bool {
    let bench = by_hand();
    let store = hourly(&bench, 3);
    let before = content(&store, "shop");
    plant(&bench.disk);
    let removed = remove(&store, |id| id < 10 || id == 15);
    let after: Vec<Numbered> = before.iter().filter(|e| !(id(e) < 10 || id(e) == 15)).cloned().collect();
    let wanted = if removed.is_ok() { after } else { before };
    assert_eq!(content(&store, "shop"), wanted);
    drop(store);
    if power_cut {
        bench.disk.cut_power().unwrap();
    }
    let store = bench.open_real();
    assert_eq!(content(&store, "shop"), wanted);
    assert_eq!(store.health().damage, [""; 0]);
    let listed = store.health().segments as usize;
    assert_eq!(bench.segment_files().len(), 2 * listed, "nothing is left of what failed");
    removed.is_ok()
}

#[test]
fn a_removal_is_made_whole_or_not_at_all() {
    let mut outcomes = std::collections::BTreeSet::new();
    for n in 0..30 {
        outcomes.insert(interrupted(|disk| disk.fault(n, Fault::Error), n % 2 == 0));
        outcomes.insert(interrupted(|disk| disk.fault_from(n, Fault::Torn), false));
        outcomes.insert(interrupted(|disk| disk.fault_from(n, Fault::Full), true));
    }
    assert_eq!(outcomes.len(), 2, "some faults hit, and some came too late");
}
