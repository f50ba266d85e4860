//! The plain way of events: append, snapshot, flush, restart.

use super::*;

#[test]
fn an_event_is_there_as_soon_as_it_is_acknowledged() {
    let bench = Bench::new();
    let store = bench.open();
    for n in 0..20 {
        assert_eq!(append(&store, "shop", n..n + 1).unwrap().events(), 1);
        assert_eq!(ids(&store, "shop"), (0..=n).collect::<Vec<_>>());
    }
    assert_eq!(store.append(vec![]).unwrap().events(), 0);
    assert_eq!(store.append(vec![(name("never"), testing::batch(&[]))]).unwrap().events(), 0);
    assert!(store.snapshot().dataset("never").is_none());
}

#[test]
fn a_flush_and_a_restart_change_nothing() {
    let bench = Bench::new();
    let store = bench.open();
    append(&store, "shop", 0..10).unwrap();
    store.append(vec![request("shop", 10..90), request("web", 90..95)]).unwrap();
    let (shop, web) = (content(&store, "shop"), content(&store, "web"));
    assert_eq!((shop.len(), web.len()), (90, 5));
    assert!(shop.iter().chain(&web).all(|e| e.received == START));
    let same = |store: &Store| {
        assert_eq!(content(store, "shop"), shop);
        assert_eq!(content(store, "web"), web);
        assert!(store.health().damage.is_empty());
    };
    drop(store);
    let store = bench.open();
    same(&store);
    assert_eq!(store.health().replay.events, 95);
    store.flush().unwrap();
    same(&store);
    assert!(store.snapshot().datasets.iter().all(|d| d.memtable.is_empty() && d.segments.len() == 1));
    drop(store);
    let store = bench.open();
    same(&store);
    assert_eq!((store.health().segments, store.health().memtable_bytes), (2, 0));
}

#[test]
fn random_events_survive_everything() {
    use proptest::prelude::*;
    let requests = proptest::collection::vec(testing::any_events(2, 1..20), 1..6);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(15));
    let checked = runner.run(&requests, |requests| {
        let bench = Bench::new();
        let store = bench.open();
        for (at, events) in requests.iter().enumerate() {
            store.append(vec![(name("shop"), testing::batch(events))]).unwrap();
            if at % 2 == 1 {
                store.flush().unwrap();
            }
        }
        drop(store);
        let store = bench.open();
        // Only integers beside floats may come back as floats of the same value.
        let plain = |event: &Event| {
            let mut event = event.clone();
            for value in event.fields.values_mut() {
                if let Value::Integer(i) = value
                    && i.unsigned_abs() <= 1 << 53
                {
                    *value = Value::float(*i as f64);
                }
            }
            event
        };
        let found: Vec<Event> = content(&store, "shop").iter().map(|e| plain(&e.event)).collect();
        prop_assert_eq!(found, requests.concat().iter().map(plain).collect::<Vec<_>>());
        Ok(())
    });
    checked.unwrap();
}

#[test]
fn a_snapshot_stays_as_it_was() {
    let bench = Bench::new();
    let store = bench.open();
    append(&store, "shop", 0..5).unwrap();
    let early = store.snapshot();
    store.flush().unwrap();
    append(&store, "shop", 5..8).unwrap();
    let late = store.snapshot();
    store.flush().unwrap();
    append(&store, "shop", 8..9).unwrap();
    drop(store);
    assert_eq!(content_of(&early, "shop").len(), 5);
    assert_eq!(content_of(&late, "shop").len(), 8);
    let dataset = late.dataset("shop").unwrap();
    assert_eq!((dataset.events(), dataset.memtable.len(), dataset.segments.len()), (8, 1, 1));
    assert_eq!(dataset.time_range(), Some((START, START + 7_000)));
    assert!(dataset.bytes() > dataset.segments[0].info().bytes);
    assert_eq!(early.dataset("web").map(|d| d.id), None);
}

#[test]
fn the_fields_of_segments_are_counted() {
    let bench = Bench::new();
    let store = bench.open();
    append(&store, "shop", 0..30).unwrap();
    store.flush().unwrap();
    append(&store, "shop", 30..60).unwrap();
    store.flush().unwrap();
    let check = |store: &Store| {
        let snapshot = store.snapshot();
        let fields = &snapshot.dataset("shop").unwrap().fields;
        let of = |name: &str, t| fields.get(name).unwrap().get(t).unwrap().clone();
        let ids = of("id", crate::event::FieldType::Integer);
        assert_eq!((ids.events, ids.first_seen, ids.last_seen), (60, START, START + 59_000));
        assert_eq!(fields.get("id").unwrap().distinct.estimate(), 60);
        assert_eq!(fields.get("service.name").unwrap().distinct.estimate(), 3);
        let segment = &snapshot.dataset("shop").unwrap().segments[0];
        assert_eq!(segment.open().unwrap().footer().cluster_field.as_deref(), Some("service.name"));
    };
    check(&store);
    drop(store);
    check(&bench.open());
}

#[test]
fn a_directory_has_one_owner() {
    let bench = Bench::new();
    let store = bench.open();
    assert!(matches!(bench.try_open(), Err(StoreError::Locked { .. })));
    append(&store, "shop", 0..1).unwrap();
    drop(store);
    assert_eq!(ids(&bench.open(), "shop"), [0]);
}

#[test]
fn datasets_are_limited() {
    let bench = Bench::with_limits(StoreLimits { datasets_max: 2, ..StoreLimits::default() });
    let store = bench.open();
    append(&store, "one", 0..1).unwrap();
    append(&store, "two", 1..2).unwrap();
    assert!(matches!(append(&store, "three", 2..3), Err(StoreError::TooManyDatasets(2))));
    append(&store, "two", 3..4).unwrap();
    let both = store.append(vec![request("one", 4..5), request("four", 5..6)]);
    assert!(matches!(both, Err(StoreError::TooManyDatasets(2))));
    assert_eq!(ids(&store, "one"), [0], "a refused request leaves nothing");
}

#[test]
fn datasets_beyond_the_limit_overflow_into_one_that_can_always_be_made() {
    let bench = Bench::with_limits(StoreLimits { datasets_max: 2, ..StoreLimits::default() });
    let store = bench.open();
    let overflow = name("rest");
    let append = |datasets: &[(&str, i64)]| {
        let batches = datasets.iter().map(|(dataset, id)| request(dataset, *id..*id + 1)).collect();
        store.submit_with_overflow(batches, Some(&overflow)).unwrap().wait().unwrap().events()
    };
    assert_eq!(append(&[("one", 0), ("two", 1)]), 2);
    assert!(store.snapshot().dataset("rest").is_none());
    assert_eq!(append(&[("three", 2), ("one", 3), ("four", 4)]), 3);
    assert_eq!(append(&[("three", 5)]), 1);
    assert_eq!((ids(&store, "one"), ids(&store, "two"), ids(&store, "rest")), (vec![0, 3], vec![1], vec![2, 4, 5]));
    assert!(matches!(super::append(&store, "five", 6..7), Err(StoreError::TooManyDatasets(3))));
}

#[test]
fn what_replay_could_not_hold_is_refused() {
    use crate::event::{EventColumn, FieldName, FieldType};
    use arrow::array::{ArrayRef, Int64Array};
    // A value in one row of a million, in thousands of columns: it compresses to almost nothing.
    let rows = 1 << 20;
    let once: ArrayRef = Arc::new(Int64Array::from_iter((0..rows).map(|row| (row == 7).then_some(1))));
    let column = |n: usize| EventColumn {
        field: FieldName::new(&format!("f{n}")).unwrap(),
        field_type: FieldType::Integer,
        values: Arc::clone(&once),
    };
    let columns = (0..limits::BATCH_COLUMNS_MAX).map(column).collect();
    let batch = EventBatch::new(Int64Array::from_value(START, rows), None, columns).unwrap();
    let store = Bench::new().open();
    assert!(matches!(store.append(vec![(name("shop"), batch)]), Err(StoreError::TooLarge { .. })));
}

#[test]
fn a_closed_store_takes_nothing_and_still_answers() {
    let bench = Bench::new();
    let store = bench.open();
    append(&store, "shop", 0..1).unwrap();
    store.close();
    assert!(matches!(append(&store, "shop", 1..2), Err(StoreError::Closed)));
    assert_eq!(ids(&store, "shop"), [0]);
    store.close();
}
