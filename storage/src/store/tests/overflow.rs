//! A dataset that has enough columns: nothing is refused, nothing is lost, and what has a column keeps it.

use super::*;
use crate::event::{FieldType, reserved};
use crate::limits;
use crate::snapshot::InOverflow;

fn bench(fields_max: usize) -> Bench {
    Bench::with_limits(StoreLimits { fields_max, ..StoreLimits::default() })
}

fn send(store: &Store, events: &[Event]) {
    store.append(vec![(name("shop"), testing::batch(events))]).unwrap();
}

/// An event with these fields, each 1.
fn ones(names: &[&str]) -> Event {
    let fields: Vec<(&str, Value)> = names.iter().map(|name| (*name, Value::Integer(1))).collect();
    event(START, &fields)
}

fn events_of(store: &Store) -> Vec<Event> {
    content(store, "shop").into_iter().map(|numbered| numbered.event).collect()
}

/// The fields of the memtable that have columns.
fn columns(store: &Store) -> Vec<String> {
    let snapshot = store.snapshot();
    let memtable = &snapshot.dataset("shop").unwrap().memtable;
    let mut names: Vec<String> =
        memtable.iter().flat_map(|b| b.events().columns()).map(|c| c.field.to_string()).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| name != reserved::OVERFLOW);
    names
}

fn listed(store: &Store) -> Vec<(String, u64, bool)> {
    let snapshot = store.snapshot();
    let overflow = snapshot.dataset("shop").unwrap().overflow();
    let events = |e: &crate::OverflowEntry| e.types().map(|(_, count)| count.events).sum();
    overflow.iter().map(|(name, e)| (name.to_string(), events(e), e.has_column)).collect()
}

fn in_overflow(store: &Store, field: &str) -> Option<InOverflow> {
    store.snapshot().dataset("shop").unwrap().in_overflow(field)
}

#[test]
fn fields_beyond_the_limit_are_kept_as_they_are() {
    let bench = bench(3);
    let store = bench.open();
    let sent = [
        ones(&["a", "b"]),
        ones(&["a", "b", "c", "d"]),
        event(START, &[("d", Value::float(1.0)), ("e", Value::text("x\"y"))]),
        event(START, &[("f", Value::Boolean(true))]),
    ];
    for one in &sent {
        send(&store, std::slice::from_ref(one));
    }
    assert_eq!(columns(&store), ["a", "b", "c"]);
    let same = |store: &Store| {
        assert_eq!(events_of(store), sent);
        let all = [("d".to_owned(), 2, false), ("e".to_owned(), 1, false), ("f".to_owned(), 1, false)];
        assert_eq!(listed(store), all);
        let d = in_overflow(store, "d").unwrap();
        assert_eq!((d.types, d.uncounted), ([false, true, true, false], false), "1 and 1.0 keep their types");
        assert_eq!(in_overflow(store, "a"), None);
        assert_eq!(in_overflow(store, "nothing"), None);
    };
    same(&store);
    drop(store);
    let store = bench.open();
    same(&store);
    store.flush().unwrap();
    same(&store);
    drop(store);
    same(&bench.open());
}

#[test]
fn what_is_a_column_is_known_after_a_restart() {
    let bench = bench(2);
    let store = bench.open();
    send(&store, &[ones(&["a"])]);
    store.flush().unwrap();
    send(&store, &[ones(&["b"])]);
    drop(store);
    let store = bench.open();
    send(&store, &[ones(&["a", "b", "c"])]);
    assert_eq!(columns(&store), ["a", "b"], "one from the catalog, one from the log");
    assert_eq!(listed(&store), [("c".to_owned(), 1, false)]);
}

#[test]
fn other_datasets_have_their_own_fields() {
    let bench = bench(1);
    let store = bench.open();
    send(&store, &[ones(&["a"])]);
    store.append(vec![(name("web"), testing::batch(&[ones(&["b"])]))]).unwrap();
    let snapshot = store.snapshot();
    assert!(!snapshot.dataset("web").unwrap().has_overflow());
    assert!(!snapshot.dataset("shop").unwrap().has_overflow());
    send(&store, &[ones(&["b"])]);
    assert!(store.snapshot().dataset("shop").unwrap().has_overflow());
}

#[test]
fn a_field_that_comes_often_gets_a_column() {
    let limits = StoreLimits { fields_at_sight_max: 1, fields_max: 3, ..StoreLimits::default() };
    let bench = Bench::with_limits(limits);
    let store = bench.open();
    let often = limits::COLUMN_EVENTS_MIN as usize;
    let events: Vec<Event> = (0..often + 2)
        .map(|n| {
            let names = [(true, "first"), (true, "most"), (n >= 2, "enough"), (n >= 3, "too few"), (n >= 1, "more")];
            ones(&names.iter().filter(|(has, _)| *has).map(|(_, name)| *name).collect::<Vec<_>>())
        })
        .collect();
    send(&store, &events);
    assert_eq!(columns(&store), ["enough"], "the first of a request has the only column at sight");
    let before = events_of(&store);
    store.flush().unwrap();
    assert_eq!(events_of(&store), before, "a flush moves nothing");
    send(&store, &[ones(&["first", "most", "enough", "too few", "more"])]);
    assert_eq!(columns(&store), ["enough", "first", "most"], "most events first, then by name; two had room");
    let given: Vec<String> = listed(&store).into_iter().filter(|f| f.2).map(|f| f.0).collect();
    assert_eq!(given, ["first", "most"]);
    let most = in_overflow(&store, "most").unwrap();
    assert_eq!((most.types, most.time_min, most.time_max), ([false, true, false, false], START, START));
    drop(store);
    let store = bench.open();
    assert_eq!(columns(&store), ["enough", "first", "most"]);
    send(&store, &[ones(&["most", "more"])]);
    store.flush().unwrap();
    drop(store);
    let store = bench.open();
    send(&store, &[ones(&["first", "most", "more"])]);
    assert_eq!(columns(&store), ["first", "most"], "given columns are in the catalog");
    assert_eq!(events_of(&store).len(), often + 5);
}

#[test]
fn a_given_column_has_the_plain_name() {
    let limits = StoreLimits { fields_at_sight_max: 0, ..StoreLimits::default() };
    let bench = Bench::with_limits(limits);
    let store = bench.open();
    let events: Vec<Event> = (0..limits::COLUMN_EVENTS_MIN).map(|_| ones(&["f"])).collect();
    send(&store, &events);
    store.flush().unwrap();
    send(&store, &events);
    store.flush().unwrap();
    let snapshot = store.snapshot();
    let dataset = snapshot.dataset("shop").unwrap();
    let entry = dataset.fields.get("f").unwrap();
    let integers = entry.get(FieldType::Integer).unwrap();
    assert_eq!((integers.column.as_ref(), integers.events), ("f", limits::COLUMN_EVENTS_MIN));
    let overflow = dataset.fields.get(reserved::OVERFLOW).unwrap().get(FieldType::String).unwrap();
    assert_eq!(overflow.column.as_ref(), "meta.overflow:string");
    assert_eq!(dataset.fields.iter().count(), 1, "nobody sent the overflow column");
}

#[test]
fn fields_beyond_the_list_are_kept_too() {
    let limits = StoreLimits { fields_max: 1, overflow_fields_listed_max: 2, ..StoreLimits::default() };
    let bench = Bench::with_limits(limits);
    let store = bench.open();
    send(&store, &[ones(&["a", "b", "c", "d", "e"])]);
    let check = |store: &Store, flushed: bool| {
        assert_eq!(events_of(store), [ones(&["a", "b", "c", "d", "e"])]);
        let overflow = store.snapshot().dataset("shop").unwrap().overflow();
        assert_eq!(overflow.iter().map(|(name, _)| name.as_str().to_owned()).collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(overflow.unlisted_estimate(), 2);
        assert!(in_overflow(store, "b").is_some_and(|b| b.types[1] && !b.uncounted));
        let d = in_overflow(store, "d").unwrap();
        assert_eq!(d.uncounted, flushed, "in memory it was looked for, in segments it may be");
        assert_eq!(d.types[1], !flushed);
        assert_eq!(in_overflow(store, "nothing"), None);
    };
    check(&store, false);
    store.flush().unwrap();
    check(&store, true);
    drop(store);
    check(&bench.open(), true);
}

#[test]
fn a_raised_limit_gives_columns_to_fields_that_have_values_in_overflow() {
    let mut bench =
        Bench::with_limits(StoreLimits { fields_max: 1, overflow_fields_listed_max: 1, ..Default::default() });
    let store = bench.open();
    send(&store, &[ones(&["a", "listed", "unlisted"])]);
    store.flush().unwrap();
    send(&store, &[ones(&["listed", "recent"])]);
    drop(store);
    bench.limits = StoreLimits::default();
    let store = bench.open();
    send(&store, &[ones(&["a", "listed", "unlisted", "recent", "new"])]);
    assert_eq!(columns(&store), ["a", "listed", "new", "recent", "unlisted"]);
    for flushed in [false, true] {
        assert!(in_overflow(&store, "listed").is_some_and(|f| f.types[1]));
        assert!(in_overflow(&store, "unlisted").is_some_and(|f| f.uncounted));
        assert!(in_overflow(&store, "recent").is_some_and(|f| f.types[1]));
        assert_eq!(in_overflow(&store, "new"), None);
        assert_eq!(in_overflow(&store, "a"), None);
        assert_eq!(events_of(&store).len(), 3);
        if !flushed {
            store.flush().unwrap();
        }
    }
}

#[test]
fn counts_follow_events_that_go() {
    let limits = StoreLimits { fields_max: 1, overflow_fields_listed_max: 2, ..StoreLimits::default() };
    let bench = Bench { upkeep: false, ..Bench::with_limits(limits) };
    let store = bench.open();
    let segment = |names: &[&str]| {
        send(&store, &[ones(names), ones(names)]);
        store.flush().unwrap();
    };
    segment(&["a", "b", "c"]);
    segment(&["a", "b", "hidden"]);
    let remove = |rows: &dyn Fn(usize) -> Vec<u32>| {
        let dataset = store.snapshot().dataset("shop").unwrap().clone();
        let ids = dataset.segments.iter().map(|s| s.info().id).enumerate();
        let places = ids.map(|(at, id)| (id, rows(at).into_iter().collect::<RoaringBitmap>())).collect();
        let dataset = dataset.id;
        store.remove_rows(dataset, || Ok::<_, StoreError>(places), &|| false).unwrap()
    };
    let counts = |store: &Store| listed(store).into_iter().map(|f| f.1).collect::<Vec<_>>();
    let unlisted = |store: &Store| store.snapshot().dataset("shop").unwrap().overflow().unlisted_estimate();
    assert_eq!((counts(&store), unlisted(&store)), (vec![4, 2], 1));
    assert_eq!(remove(&|_| vec![0]), 2);
    assert_eq!((counts(&store), unlisted(&store)), (vec![2, 1], 1));
    assert_eq!(remove(&|at| if at == 1 { vec![0] } else { vec![] }), 1);
    assert_eq!((counts(&store), unlisted(&store)), (vec![1, 1], 0), "no value of a hidden field is left");
    assert_eq!(in_overflow(&store, "hidden"), None);
    drop(store);
    let store = bench.open();
    assert_eq!((counts(&store), unlisted(&store)), (vec![1, 1], 0));
    assert_eq!(events_of(&store), [ones(&["a", "b", "c"])]);
}

#[test]
fn a_repaired_catalog_knows_overflow_fields() {
    let limits = StoreLimits { fields_max: 2, overflow_fields_listed_max: 1, ..StoreLimits::default() };
    let bench = Bench { upkeep: false, ..Bench::with_limits(limits) };
    let store = bench.open();
    send(&store, &[ones(&["a", "b", "c", "d"])]);
    store.flush().unwrap();
    drop(store);
    let raised = StoreLimits { overflow_fields_listed_max: 1, ..StoreLimits::default() };
    let bench = Bench { limits: raised, ..bench };
    let store = bench.open();
    send(&store, &[ones(&["a", "c", "d"])]);
    store.flush().unwrap();
    send(&store, &[ones(&["e"])]);
    let events = events_of(&store);
    drop(store);
    for suffix in ["", "-wal", "-shm"] {
        let _absent = std::fs::remove_file(bench.data_dir().root().join(format!("catalog.sqlite{suffix}")));
    }
    let report = crate::repair::repair(bench.settings(Arc::new(RealDisk)), |_, _| ()).unwrap();
    assert_eq!(report.problems, [""; 0]);
    let store = bench.open();
    assert_eq!(events_of(&store), events);
    let counts = listed(&store).into_iter().map(|f| (f.0, f.1)).collect::<Vec<_>>();
    assert_eq!(counts, [("c".to_owned(), 1), ("d".to_owned(), 1)], "both have columns elsewhere");
    for field in ["c", "d"] {
        assert!(in_overflow(&store, field).is_some_and(|f| f.types[1] && !f.uncounted), "{field}");
    }
    assert_eq!((in_overflow(&store, "a"), in_overflow(&store, "e")), (None, None));
}
