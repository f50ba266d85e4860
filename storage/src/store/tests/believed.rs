//! A catalog that was changed under us: what fails its checksum is not believed, and nothing is lost by that.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::*;
use crate::event::FieldType;

/// Two datasets with two segments each.
fn bench() -> Bench {
    let bench = Bench { upkeep: false, ..Bench::new() };
    let store = bench.open();
    for n in 0..2 {
        append(&store, "shop", n * 10..n * 10 + 10).unwrap();
        append(&store, "web", 100 + n * 10..100 + n * 10 + 10).unwrap();
        store.flush().unwrap();
    }
    bench
}

fn turn(bench: &Bench, sql: &str) {
    assert!(Connection::open(bench.data_dir().catalog()).unwrap().execute(sql, []).unwrap() > 0);
}

fn all(store: &Store) -> BTreeSet<i64> {
    ids(store, "shop").into_iter().chain(ids(store, "web")).collect()
}

fn wanted() -> BTreeSet<i64> {
    (0..20).chain(100..120).collect()
}

#[test]
fn a_row_of_a_segment_is_written_anew_from_the_segment() {
    for change in ["rows = 3", "time_max = 0", "sequence_max = 1", "damage = 'no'", "checksum = checksum + 1"] {
        let bench = bench();
        turn(&bench, &format!("UPDATE segments SET {change} WHERE id = 2"));
        let store = bench.open();
        assert_eq!((all(&store), store.health().damage.len()), (wanted(), 1), "{change}");
        drop(store);
        let store = bench.open();
        assert_eq!((all(&store), store.health().damage.len()), (wanted(), 0), "{change}");
    }
}

#[test]
fn a_segment_of_which_nothing_is_known_is_told_of() {
    let bench = bench();
    let files = bench.segment_files();
    turn(&bench, "UPDATE segments SET rows = 3 WHERE id = 1");
    std::fs::remove_file(&files[0]).unwrap();
    for _ in 0..2 {
        let store = bench.open();
        let snapshot = store.snapshot();
        let aside = &snapshot.dataset("shop").unwrap().set_aside;
        assert_eq!(aside.len(), 1);
        let info = aside[0].info();
        assert!(info.is_unknown() && info.time_min < 0 && info.time_max == i64::MAX, "{info:?}");
        assert_eq!(all(&store).len(), 30);
        assert!(store.health().damage[0].contains("unknown number"), "{:?}", store.health().damage);
        while store.scrub_next().unwrap() != ScrubStep::PassDone {}
        store.compact().unwrap();
        store.retain().unwrap();
    }
}

#[test]
fn no_file_goes_while_the_catalog_is_not_believed() {
    for change in ["id = 9", "dataset = 7"] {
        let bench = bench();
        let files = bench.segment_files();
        turn(&bench, &format!("UPDATE segments SET {change} WHERE id = 2"));
        let store = bench.open();
        assert_eq!(bench.segment_files(), files, "{change}");
        assert!(!store.health().damage.is_empty());
        assert_eq!(all(&store).len(), 30, "{change}");
        append(&store, "shop", 20..21).unwrap();
        store.flush().unwrap();
        let sequences: BTreeSet<u64> = content(&store, "shop").iter().map(|e| e.sequence).collect();
        assert!(sequences.last().unwrap() > &40, "numbers of its events are not used again");
        drop(store);
        drop(bench.open());
        assert!(files.iter().all(|file| file.exists()), "{change}");
    }
}

#[test]
fn fields_are_counted_anew() {
    let counts = |store: &Store| {
        let snapshot = store.snapshot();
        let of = |name: &str| {
            let fields = &snapshot.dataset(name).unwrap().fields;
            fields
                .iter()
                .map(|(n, e)| (n.clone(), e.types().map(|t| t.1.clone()).collect()))
                .collect::<Vec<(_, Vec<_>)>>()
        };
        (of("shop"), of("web"))
    };
    for change in [
        "field_types SET events = 3",
        "field_types SET name = 'ie' WHERE name = 'id' AND dataset = 1",
        "field_types SET dataset = 77 WHERE name = 'id' AND dataset = 1",
        "field_types SET type = 'string' WHERE name = 'id'",
        "fields SET name = 'ie' WHERE name = 'id' AND dataset = 2",
    ] {
        let bench = bench();
        let before = counts(&bench.open());
        turn(&bench, &format!("UPDATE {change}"));
        let store = bench.open();
        assert_eq!(counts(&store), before, "{change}");
        assert_eq!(store.health().damage.len(), 1);
        append(&store, "shop", 20..30).unwrap();
        store.flush().unwrap();
        drop(store);
        let store = bench.open();
        assert_eq!(store.health().damage, [""; 0]);
        let snapshot = store.snapshot();
        let entry = snapshot.dataset("shop").unwrap().fields.get("id").unwrap();
        assert_eq!(entry.get(FieldType::Integer).unwrap().events, 30, "{change}");
    }
}

#[test]
fn a_catalog_that_lost_what_is_nowhere_else_is_refused() {
    for change in ["datasets SET watermark = 5", "datasets SET name = 'ship' WHERE id = 1", "meta SET value = '1'"] {
        let bench = bench();
        let files = bench.segment_files();
        turn(&bench, &format!("UPDATE {change}"));
        for _ in 0..2 {
            assert!(matches!(bench.try_open(), Err(StoreError::Damaged { .. })), "{change}");
        }
        assert_eq!(bench.segment_files(), files);
    }
}
