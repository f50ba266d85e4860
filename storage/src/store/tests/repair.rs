//! A catalog that is gone is made anew from the files, and nothing else changes.

use std::fs;

use super::*;
use crate::disk::Fault;
use crate::repair::{RepairReport, repair};

fn by_hand() -> Bench {
    Bench { upkeep: false, ..Bench::new() }
}

fn lose_catalog(bench: &Bench) {
    for suffix in ["", "-wal", "-shm"] {
        let _absent = fs::remove_file(bench.data_dir().root().join(format!("catalog.sqlite{suffix}")));
    }
}

fn repaired(bench: &Bench) -> RepairReport {
    repair(bench.settings(Arc::new(bench.disk.clone())), |_, _| ()).unwrap()
}

/// Merged, flushed and logged events of two datasets; some of the logged ones have no segment yet.
fn filled(bench: &Bench) -> [Vec<Numbered>; 2] {
    let store = bench.open();
    for n in 0..5 {
        append(&store, "shop", n * 10..n * 10 + 10).unwrap();
        store.flush().unwrap();
    }
    store.compact().unwrap();
    append(&store, "web", 100..103).unwrap();
    append(&store, "shop", 103..105).unwrap();
    ["shop", "web"].map(|dataset| content(&store, dataset))
}

#[test]
fn everything_is_there_again() {
    let bench = by_hand();
    let wanted = filled(&bench);
    lose_catalog(&bench);
    assert!(matches!(bench.try_open(), Err(StoreError::CatalogMissing { .. })));
    let report = repaired(&bench);
    assert_eq!((report.datasets, report.segment_events, report.log_events), (2, 50, 5));
    assert_eq!((report.problems.len(), report.old_catalog), (0, None));
    let store = bench.open();
    assert_eq!(["shop", "web"].map(|dataset| content(&store, dataset)), wanted, "sequences and names too");
    assert_eq!(store.health().damage, [""; 0]);
    let snapshot = store.snapshot();
    let field = snapshot.dataset("shop").unwrap().fields.get("id").unwrap().clone();
    assert_eq!(field.types().map(|(_, seen)| seen.events).sum::<u64>(), 52);
    assert_eq!(field.distinct.estimate(), 52);
    append(&store, "shop", 105..106).unwrap();
    assert!(content(&store, "shop").last().unwrap().sequence > wanted[0].last().unwrap().sequence);
    store.flush().unwrap();
    drop(store);
    assert_eq!(ids(&bench.open(), "shop").len(), 53);
}

#[test]
fn a_damaged_catalog_is_kept_beside_the_new_one() {
    let bench = by_hand();
    let wanted = filled(&bench);
    fs::write(bench.data_dir().catalog(), "no database").unwrap();
    assert!(bench.try_open().is_err());
    let kept = repaired(&bench).old_catalog.unwrap();
    assert_eq!(fs::read(&kept).unwrap(), b"no database");
    assert_eq!(content(&bench.open(), "shop"), wanted[0]);
    let again = repaired(&bench);
    assert_ne!(again.old_catalog.unwrap(), kept, "each is kept");
    assert_eq!(content(&bench.open(), "shop"), wanted[0]);
}

#[test]
fn what_was_meant_to_go_stays_gone() {
    let bench = by_hand();
    let store = bench.open();
    for n in 0..3 {
        append(&store, "shop", n * 10..n * 10 + 10).unwrap();
        store.flush().unwrap();
    }
    let snapshot = store.snapshot();
    let dataset = snapshot.dataset("shop").unwrap();
    let first = dataset.segments[0].info().id;
    let some = dataset.segments[1].info().id;
    let rows = || Ok([(first, (0..10).collect()), (some, [3].into_iter().collect())].into());
    // The snapshot keeps the files, as a query does that is still reading when the process ends.
    let removed: Result<u64, StoreError> = store.remove_rows(dataset.id, rows, &|| false);
    assert_eq!(removed.unwrap(), 11);
    let wanted = content(&store, "shop");
    drop(store);
    assert!(bench.segment_files().len() > 4, "the files are there still");
    lose_catalog(&bench);
    let report = repaired(&bench);
    assert_eq!((report.retired, report.replaced), (1, 1));
    assert_eq!(content(&bench.open(), "shop"), wanted);
    drop(snapshot);
}

#[test]
fn an_interrupted_repair_is_begun_again() {
    for n in 0..12 {
        let bench = by_hand();
        let wanted = filled(&bench);
        lose_catalog(&bench);
        bench.disk.fault_from(n, Fault::Error);
        let failed = repair(bench.settings(Arc::new(bench.disk.clone())), |_, _| ()).is_err();
        bench.disk.cut_power().unwrap();
        if failed && bench.data_dir().catalog().exists() {
            assert!(matches!(bench.try_open(), Err(StoreError::RepairUnfinished { .. })));
        }
        if failed {
            repaired(&bench);
        }
        assert_eq!(content(&bench.open(), "shop"), wanted[0], "after {n} operations");
    }
}

#[test]
fn segments_without_checksums_are_taken_as_they_are() {
    let bench = by_hand();
    filled(&bench);
    let store = bench.open();
    store.flush().unwrap();
    let wanted = ["shop", "web"].map(|dataset| content(&store, dataset));
    drop(store);
    let sums: Vec<PathBuf> =
        bench.segment_files().into_iter().filter(|path| path.extension().is_some_and(|e| e == "sums")).collect();
    fs::remove_file(&sums[0]).unwrap();
    fs::write(&sums[1], "nothing").unwrap();
    lose_catalog(&bench);
    let report = repaired(&bench);
    assert_eq!(report.problems, [""; 0]);
    assert_eq!(report.notes.iter().filter(|note| note.contains("as it is")).count(), 2);
    let store = bench.open();
    assert_eq!(["shop", "web"].map(|dataset| content(&store, dataset)), wanted);
}

#[test]
fn fields_in_overflow_are_known_again() {
    let bench = Bench { limits: StoreLimits { fields_max: 1, ..StoreLimits::default() }, ..by_hand() };
    filled(&bench);
    let overflow = |bench: &Bench| {
        let store = bench.open();
        let snapshot = store.snapshot();
        let fields = &snapshot.dataset("shop").unwrap().fields;
        let counted = |entry: &crate::OverflowEntry| entry.types().map(|(_, seen)| seen.events).sum::<u64>();
        fields.overflow().iter().map(|(name, e)| (name.clone(), counted(e))).collect::<BTreeMap<_, _>>()
    };
    bench.open().flush().unwrap();
    let wanted = overflow(&bench);
    assert!(!wanted.is_empty());
    lose_catalog(&bench);
    repaired(&bench);
    assert_eq!(overflow(&bench), wanted);
}

#[test]
fn where_there_is_nothing_there_is_nothing_to_repair() {
    let bench = by_hand();
    let settings = bench.settings(Arc::new(bench.disk.clone()));
    assert!(matches!(repair(settings, |_, _| ()), Err(StoreError::NothingToRepair { .. })));
    assert!(!bench.data_dir().catalog().exists(), "no catalog is made up");
}

/// A flush that failed before the end leaves a segment that can be read and is not on the disk.
#[test]
fn what_a_repair_lists_outlives_the_power() {
    let mut with_segment = 0;
    for n in 0..14 {
        let bench = by_hand();
        let store = bench.open();
        append(&store, "shop", 0..10).unwrap();
        bench.disk.fault_from(n, Fault::Full);
        let _failed = store.flush();
        drop(store);
        bench.disk.heal();
        lose_catalog(&bench);
        let report = repaired(&bench);
        with_segment += report.segments;
        bench.disk.cut_power().unwrap();
        let store = bench.open();
        assert_eq!((ids(&store, "shop").len(), store.health().damage), (10, vec![]), "after {n} operations");
    }
    assert!(with_segment > 0, "none was found");
}

fn open_repaired(bench: &Bench) -> Store {
    let settings = bench.settings(Arc::new(bench.disk.clone()));
    Store::open(StoreSettings { repair: true, ..settings }).unwrap()
}

#[test]
fn a_start_rebuilds_a_catalog_that_is_gone_or_damaged() {
    for damaged in [false, true] {
        let bench = by_hand();
        let wanted = filled(&bench);
        lose_catalog(&bench);
        if damaged {
            fs::write(bench.data_dir().catalog(), "this is no database, and never was one").unwrap();
        }
        let store = open_repaired(&bench);
        assert_eq!(["shop", "web"].map(|dataset| content(&store, dataset)), wanted, "damaged: {damaged}");
        assert_eq!(store.health().damage, [""; 0]);
        drop(store);
        let kept = RealDisk.list(bench.data_dir().root()).unwrap();
        let kept = kept.iter().any(|path| path.to_string_lossy().contains("before-repair"));
        assert_eq!(kept, damaged);
    }
}

#[test]
fn what_nobody_can_read_makes_way_for_a_new_store() {
    let bench = by_hand();
    filled(&bench);
    let store = bench.open();
    store.flush().unwrap();
    append(&store, "web", 110..112).unwrap();
    drop(store);
    lose_catalog(&bench);
    for path in bench.segment_files().into_iter().chain(bench.wal_files()) {
        fs::write(path, "nothing of ours, and longer than the header of a log would have been").unwrap();
    }
    let store = open_repaired(&bench);
    assert!(store.snapshot().datasets.is_empty());
    let damage = store.health().damage;
    assert!(damage.iter().any(|note| note.contains("unreadable-1")), "{damage:?}");
    append(&store, "shop", 0..3).unwrap();
    drop(store);
    assert_eq!(ids(&open_repaired(&bench), "shop").len(), 3);
    assert!(bench.data_dir().root().join("unreadable-1/segments").is_dir());
    assert!(bench.data_dir().root().join("unreadable-1/wal").is_dir());
}

#[test]
fn half_a_sidecar_goes_with_a_repair() {
    let bench = by_hand();
    filled(&bench);
    bench.open().compact().unwrap();
    let sidecars: Vec<PathBuf> =
        bench.segment_files().into_iter().filter(|path| path.extension().is_some_and(|e| e == "index")).collect();
    assert!(!sidecars.is_empty());
    for path in &sidecars {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    }
    lose_catalog(&bench);
    let report = repaired(&bench);
    assert_eq!((report.problems, report.notes.len()), (vec![], sidecars.len() + 1));
    assert!(sidecars.iter().all(|path| !path.exists()));
}
