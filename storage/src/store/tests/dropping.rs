//! Datasets that are renamed or dropped: all at once, for good, and nobody else's.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::disk::Fault;
use crate::repair;

fn by_hand() -> Bench {
    Bench { upkeep: false, ..Bench::new() }
}

fn id_of(store: &Store, dataset: &str) -> DatasetId {
    store.dataset(&name(dataset)).unwrap().id
}

/// Two datasets, each with two segments and events in memory.
fn filled(bench: &Bench) -> Store {
    let store = bench.open();
    for part in 0..3 {
        for dataset in ["shop", "web"] {
            append(&store, dataset, part * 10..part * 10 + 10).unwrap();
        }
        if part < 2 {
            store.flush().unwrap();
        }
    }
    store
}

fn all() -> Vec<i64> {
    (0..30).collect()
}

#[test]
fn a_dropped_dataset_is_gone_with_everything_it_had() {
    let bench = by_hand();
    let store = filled(&bench);
    let shop = id_of(&store, "shop");
    assert_eq!(store.drop_dataset(shop).unwrap(), 30);
    let check = |store: &Store| {
        assert_eq!((store.dataset(&name("shop")), ids(store, "web")), (None, all()));
        assert_eq!((store.health().damage, store.health().memtable_bytes), (vec![], 0));
        assert!(matches!(store.drop_dataset(shop), Err(StoreError::NoDataset)));
    };
    check(&store);
    assert!(bench.wal_files().is_empty(), "the log does not have it either");
    assert!(bench.segment_files().iter().all(|file| !file.starts_with(bench.data_dir().dataset(shop))));
    drop(store);
    check(&bench.open());
}

#[test]
fn what_was_not_flushed_is_gone_too() {
    let bench = by_hand();
    let store = bench.open();
    append(&store, "shop", 0..3).unwrap();
    assert_eq!(store.drop_dataset(id_of(&store, "shop")).unwrap(), 3);
    drop(store);
    assert_eq!(content(&bench.open(), "shop"), []);
}

#[test]
fn a_later_dataset_of_the_name_is_another_one() {
    let bench = by_hand();
    let mut store = filled(&bench);
    let mut used = vec![id_of(&store, "shop"), id_of(&store, "web")];
    for round in 0..4 {
        // The last one made: its number is the easiest to use twice.
        store.drop_dataset(id_of(&store, "web")).unwrap();
        if round % 2 == 0 {
            drop(store);
            store = bench.open();
        }
        append(&store, "web", round..round + 1).unwrap();
        let new = id_of(&store, "web");
        assert!(!used.contains(&new), "{new} was used before");
        used.push(new);
        assert_eq!(ids(&store, "web"), [round], "it starts empty");
        store.flush().unwrap();
        let fields = store.snapshot().dataset("web").unwrap().fields.clone();
        assert_eq!(fields.get("id").unwrap().types().map(|(_, seen)| seen.events).sum::<u64>(), 1);
    }
    assert_eq!(ids(&store, "shop"), all());
}

#[test]
fn who_reads_it_reads_on_and_its_files_go_afterwards() {
    let bench = by_hand();
    let store = filled(&bench);
    let shop = id_of(&store, "shop");
    let snapshot = store.snapshot();
    let before = content_of(&snapshot, "shop");
    store.drop_dataset(shop).unwrap();
    assert_eq!(content_of(&snapshot, "shop"), before);
    let files = || bench.segment_files().iter().filter(|f| f.starts_with(bench.data_dir().dataset(shop))).count();
    assert!(files() > 0);
    drop(snapshot);
    store.compact().unwrap();
    assert_eq!(files(), 0);
}

/// Drops under a fault: afterwards, and after a restart, the dataset is there entirely or not at all.
fn interrupted(plant: impl Fn(&FailingDisk), power_cut: bool) -> bool {
    let bench = by_hand();
    let store = filled(&bench);
    let shop = id_of(&store, "shop");
    plant(&bench.disk);
    let dropped = store.drop_dataset(shop);
    let wanted = if dropped.is_ok() { vec![] } else { all() };
    assert_eq!((ids(&store, "shop"), ids(&store, "web")), (wanted.clone(), all()));
    drop(store);
    if power_cut {
        bench.disk.cut_power().unwrap();
    }
    let store = bench.open_real();
    assert_eq!((ids(&store, "shop"), ids(&store, "web")), (wanted, all()));
    assert_eq!(store.health().damage, [""; 0]);
    store.flush().unwrap();
    assert_eq!(bench.segment_files().len(), 2 * store.health().segments as usize, "nothing is left of what failed");
    dropped.is_ok()
}

#[test]
fn a_dataset_is_dropped_whole_or_not_at_all() {
    let mut outcomes = std::collections::BTreeSet::new();
    for n in 0..40 {
        outcomes.insert(interrupted(|disk| disk.fault(n, Fault::Error), n % 2 == 0));
        outcomes.insert(interrupted(|disk| disk.fault_from(n, Fault::Torn), false));
        outcomes.insert(interrupted(|disk| disk.fault_from(n, Fault::Full), true));
    }
    assert_eq!(outcomes.len(), 2, "some faults hit, and some came too late");
}

#[test]
fn a_catalog_made_anew_does_not_bring_it_back() {
    for power_cut in [false, true] {
        let bench = by_hand();
        let store = filled(&bench);
        // A reader keeps the files.
        let _snapshot = store.snapshot();
        store.drop_dataset(id_of(&store, "shop")).unwrap();
        drop(store);
        if power_cut {
            bench.disk.cut_power().unwrap();
        }
        for suffix in ["", "-wal", "-shm"] {
            let _absent = std::fs::remove_file(bench.data_dir().root().join(format!("catalog.sqlite{suffix}")));
        }
        let report = repair::repair(bench.settings(Arc::new(bench.disk.clone())), |_, _| ()).unwrap();
        assert_eq!((report.problems.len(), report.datasets), (0, 1));
        let store = bench.open();
        assert_eq!((content(&store, "shop"), ids(&store, "web")), (vec![], all()));
    }
}

#[test]
fn what_lies_about_of_a_dropped_dataset_is_removed() {
    let bench = by_hand();
    let store = filled(&bench);
    let shop = id_of(&store, "shop");
    let file = bench.data_dir().segment(shop, store.snapshot().dataset("shop").unwrap().segments[0].info().id);
    let bytes = std::fs::read(&file).unwrap();
    store.drop_dataset(shop).unwrap();
    drop(store);
    std::fs::write(&file, bytes).unwrap();
    let store = bench.open();
    assert_eq!((store.health().damage, file.exists()), (vec![], false));
}

#[test]
fn events_that_come_meanwhile_are_in_one_dataset_or_the_other() {
    let bench = Bench::new();
    let store = bench.open();
    append(&store, "shop", 0..1).unwrap();
    let stop = AtomicBool::new(false);
    let acknowledged = std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut sent = Vec::new();
            for id in 1.. {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let before = store.dataset(&name("shop")).map(|d| d.id);
                append(&store, "shop", id..id + 1).unwrap();
                sent.push((before, id));
            }
            sent
        });
        for _ in 0..20 {
            if let Some(shop) = store.dataset(&name("shop")) {
                store.drop_dataset(shop.id).unwrap();
            }
        }
        stop.store(true, Ordering::SeqCst);
        sender.join().unwrap()
    });
    let last = store.dataset(&name("shop")).map(|d| d.id);
    let check = |store: &Store| {
        let there: Vec<i64> = content(store, "shop").iter().map(id).collect();
        // What was sent to the dataset that is there now, and began when it was there already, is all there.
        let sure = acknowledged.iter().filter(|(before, _)| before.is_some() && *before == last);
        assert!(sure.clone().all(|(_, id)| there.contains(id)), "{there:?} of {acknowledged:?}");
        assert_eq!(store.health().damage, [""; 0]);
        there
    };
    let there = check(&store);
    drop(store);
    assert_eq!(check(&bench.open()), there, "a restart changes nothing");
}

/// Makes the catalog refuse changes until the connection goes.
fn block(bench: &Bench, store: &Store) -> rusqlite::Connection {
    store.inner.catalog.lock().unwrap().set_patience(Duration::ZERO);
    let other = rusqlite::Connection::open(bench.data_dir().catalog()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

#[test]
fn a_dataset_whose_end_has_failed_takes_nothing_before_the_catalog_has_proven_that_it_is_there() {
    let bench = by_hand();
    let store = filled(&bench);
    store.flush().unwrap();
    let shop = id_of(&store, "shop");
    let blocked = block(&bench, &store);
    assert!(matches!(store.drop_dataset(shop), Err(StoreError::Catalog(_))));
    assert!(matches!(append(&store, "shop", 30..31), Err(StoreError::Catalog(_))), "it may be gone on the disk");
    append(&store, "web", 30..31).unwrap();
    drop(blocked);
    append(&store, "shop", 30..31).unwrap();
    drop(store);
    assert_eq!(ids(&bench.open(), "shop"), (0..31).collect::<Vec<_>>());
}

#[test]
fn a_renamed_dataset_is_the_same_one() {
    let bench = by_hand();
    let store = filled(&bench);
    let shop = id_of(&store, "shop");
    assert!(matches!(store.rename_dataset(shop, &name("web")), Err(StoreError::DatasetExists(n)) if n == name("web")));
    assert!(matches!(store.rename_dataset(DatasetId(99), &name("x")), Err(StoreError::NoDataset)));
    store.rename_dataset(shop, &name("shop")).unwrap();
    store.rename_dataset(shop, &name("cart")).unwrap();
    assert_eq!((ids(&store, "cart"), content(&store, "shop")), (all(), vec![]));
    append(&store, "cart", 30..31).unwrap();
    append(&store, "shop", 40..41).unwrap();
    assert_ne!(id_of(&store, "shop"), shop);
    drop(store);
    let store = bench.open();
    assert_eq!((ids(&store, "cart"), ids(&store, "shop")), ((0..31).collect(), vec![40]));
    assert_eq!(id_of(&store, "cart"), shop);
}

/// What a repair finds of a dataset that was dropped: its segments and its log without a note, and a damaged catalog.
fn dropped_and_damaged(bench: &Bench) -> (DatasetId, Vec<Numbered>) {
    let store = filled(bench);
    let web = id_of(&store, "web");
    let files: Vec<(PathBuf, Vec<u8>)> =
        bench.all_files().into_iter().map(|p| (p.clone(), std::fs::read(p).unwrap())).collect();
    store.drop_dataset(web).unwrap();
    let wanted = content(&store, "shop");
    drop(store);
    let (folder, wal) = (bench.data_dir().dataset(web), bench.data_dir().wal());
    let back = files.iter().filter(|(path, _)| path.starts_with(&folder) || path.starts_with(&wal));
    back.for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
    let connection = rusqlite::Connection::open(bench.data_dir().catalog()).unwrap();
    connection.execute("UPDATE datasets SET watermark = 1", []).unwrap();
    assert!(matches!(bench.try_open(), Err(StoreError::Damaged { .. })));
    (web, wanted)
}

fn check_repaired(bench: &Bench, web: DatasetId, wanted: &[Numbered]) {
    let store = bench.open();
    assert_eq!((content(&store, "web"), content(&store, "shop")), (vec![], wanted.to_vec()));
    assert_eq!(store.health().damage, [""; 0]);
    assert!(bench.segment_files().iter().all(|path| !path.starts_with(bench.data_dir().dataset(web))));
    append(&store, "web", 50..51).unwrap();
    assert!(id_of(&store, "web") > web, "its number is not used again");
    assert!(content(&store, "web")[0].sequence > 60, "nor are those of its events");
    drop(store);
    assert_eq!(ids(&bench.open(), "web"), [50]);
}

#[test]
fn a_repaired_catalog_knows_what_the_damaged_one_knew_of_dropped_datasets() {
    let bench = by_hand();
    let (web, wanted) = dropped_and_damaged(&bench);
    let report = repair::repair(bench.settings(Arc::new(bench.disk.clone())), |_, _| ()).unwrap();
    assert_eq!((report.problems.len(), report.datasets, report.retired), (0, 1, 2));
    assert!(report.notes.iter().any(|note| note.contains("1 datasets that were dropped stay dropped")), "{report:?}");
    check_repaired(&bench, web, &wanted);
}

#[test]
fn an_interrupted_repair_forgets_no_dropped_dataset() {
    for n in 0..12 {
        let bench = by_hand();
        let (web, wanted) = dropped_and_damaged(&bench);
        bench.disk.fault_from(n, Fault::Error);
        let _failed = repair::repair(bench.settings(Arc::new(bench.disk.clone())), |_, _| ());
        bench.disk.heal();
        repair::repair(bench.settings(Arc::new(bench.disk.clone())), |_, _| ()).unwrap();
        check_repaired(&bench, web, &wanted);
    }
}

#[test]
fn a_row_that_fails_its_checksum_drops_nothing() {
    let bench = by_hand();
    let (web, wanted) = dropped_and_damaged(&bench);
    let connection = rusqlite::Connection::open(bench.data_dir().catalog()).unwrap();
    // Were it believed, the other dataset would be gone.
    let shop: u32 = connection.query_row("SELECT id FROM datasets", [], |row| row.get(0)).unwrap();
    connection.execute("UPDATE dropped_datasets SET id = ?", [shop]).unwrap();
    drop(connection);
    repair::repair(bench.settings(Arc::new(bench.disk.clone())), |_, _| ()).unwrap();
    let store = bench.open();
    assert_eq!((content(&store, "shop"), ids(&store, "web").len()), (wanted, 30));
    assert_eq!(id_of(&store, "web"), web, "nobody knows any more that it was dropped");
}
