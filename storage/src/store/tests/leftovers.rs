//! Files that the catalog does not list: ours that hold nothing new go, everything else stays.

use std::fs;

use super::*;
use crate::paths::SegmentId;

/// Copies of files, to be put back later.
struct Copies(BTreeMap<PathBuf, Vec<u8>>);

impl Copies {
    fn of(bench: &Bench, under: &Path) -> Copies {
        let files = bench.files().into_keys().filter(|path| path.starts_with(under));
        Copies(files.map(|path| (path.clone(), fs::read(path).unwrap())).collect())
    }

    fn put_back(&self) {
        for (path, bytes) in &self.0 {
            fs::write(path, bytes).unwrap();
        }
    }
}

/// A store with three events in one segment and an empty log.
fn flushed() -> Bench {
    let bench = Bench::new();
    let store = bench.open();
    append(&store, "shop", 0..3).unwrap();
    store.flush().unwrap();
    drop(store);
    drop(bench.open());
    assert_eq!((bench.wal_files().len(), bench.segment_files().len()), (0, 2));
    bench
}

fn folder(bench: &Bench) -> PathBuf {
    bench.segment_files()[0].parent().unwrap().to_owned()
}

#[test]
fn unfinished_segments_go_and_strangers_stay() {
    let bench = flushed();
    let folder = folder(&bench);
    let listed = bench.segment_files();
    let unfinished = [
        "000000000050.parquet",
        "000000000051.sums",
        "000000000052.parquet",
        "000000000052.sums",
        "000000000053.index",
    ];
    let strangers = ["5.parquet", "notes.txt", "000000000054.parquet.bak", "backup.parquet", ".hidden"];
    for file in unfinished.iter().chain(&strangers) {
        fs::write(folder.join(file), "half").unwrap();
    }
    let other = bench.data_dir().segments().join("7");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("000000000050.parquet"), "not ours").unwrap();
    fs::write(bench.data_dir().segments().join("000009"), "a file named like a folder").unwrap();
    fs::write(bench.data_dir().wal().join("1.wal"), "not ours").unwrap();
    let store = bench.open();
    assert_eq!(ids(&store, "shop"), [0, 1, 2]);
    assert!(unfinished.iter().all(|file| !folder.join(file).exists()));
    assert!(strangers.iter().all(|file| folder.join(file).exists()));
    assert!(other.join("000000000050.parquet").exists() && bench.data_dir().wal().join("1.wal").exists());
    assert!(listed.iter().all(|file| file.exists()));
    append(&store, "shop", 3..4).unwrap();
    store.flush().unwrap();
    assert!(folder.join("000000000054.parquet").exists(), "numbers that were seen are not used again");
}

#[test]
fn what_was_spilled_goes() {
    let bench = flushed();
    let spill = bench.data_dir().spill();
    fs::create_dir_all(spill.join("query")).unwrap();
    fs::write(spill.join("query/part"), "x").unwrap();
    fs::write(spill.join("part"), "x").unwrap();
    let _store = bench.open();
    assert!(RealDisk.list(&spill).unwrap().is_empty());
}

#[test]
fn segments_without_a_catalog_are_not_touched() {
    for emptied in [false, true] {
        let bench = flushed();
        let catalog = bench.data_dir().catalog();
        if emptied {
            fs::write(&catalog, "").unwrap();
        } else {
            fs::remove_file(&catalog).unwrap();
        }
        let before = bench.files();
        for _ in 0..2 {
            assert!(matches!(bench.try_open(), Err(StoreError::CatalogMissing { .. })), "emptied: {emptied}");
        }
        assert_eq!(bench.files(), before);
    }
}

#[test]
fn a_log_without_a_catalog_is_not_touched() {
    let bench = Bench::new();
    append(&bench.open(), "shop", 0..3).unwrap();
    fs::remove_file(bench.data_dir().catalog()).unwrap();
    assert!(matches!(bench.try_open(), Err(StoreError::CatalogMissing { .. })));
    assert_eq!(bench.wal_files().len(), 1);
}

#[test]
fn a_segment_that_was_never_published_goes_while_the_log_has_its_events() {
    let bench = Bench::new();
    append(&bench.open(), "shop", 0..3).unwrap();
    let before = Copies::of(&bench, bench.data_dir().root());
    let store = bench.open();
    store.flush().unwrap();
    drop(store);
    before.put_back();
    let store = bench.open();
    assert_eq!(ids(&store, "shop"), [0, 1, 2]);
    assert!(bench.segment_files().is_empty());
    assert_eq!(store.health().damage, [""; 0]);
    store.flush().unwrap();
    assert_eq!(ids(&store, "shop"), [0, 1, 2]);
}

#[test]
fn a_segment_that_only_a_newer_catalog_knows_stays() {
    let bench = flushed();
    let old = Copies::of(&bench, &bench.data_dir().catalog());
    assert!(!old.0.is_empty(), "the catalog is one file while the store is closed");
    let store = bench.open();
    append(&store, "shop", 3..5).unwrap();
    store.flush().unwrap();
    drop(store);
    drop(bench.open());
    let files = bench.segment_files();
    let newer = Copies::of(&bench, &bench.data_dir().catalog());
    old.put_back();

    let store = bench.open();
    assert_eq!(ids(&store, "shop"), [0, 1, 2]);
    assert_eq!(store.health().damage.len(), 1, "{:?}", store.health().damage);
    append(&store, "shop", 5..6).unwrap();
    store.flush().unwrap();
    assert!(content(&store, "shop").last().unwrap().sequence > 5, "the numbers of its events are taken");
    assert!(files.iter().all(|file| file.exists()), "its events are nowhere else");
    drop(store);
    newer.put_back();
    assert_eq!(ids(&bench.open(), "shop"), [0, 1, 2, 3, 4, 5], "the log still has the last one");
}

#[test]
fn a_segment_whose_events_are_in_other_segments_goes() {
    let bench = Bench::new();
    append(&bench.open(), "shop", 0..3).unwrap();
    let before = Copies::of(&bench, bench.data_dir().root());
    let store = bench.open();
    store.flush().unwrap();
    drop(store);
    let first = Copies::of(&bench, &bench.data_dir().segments());
    before.put_back();
    let store = bench.open();
    store.flush().unwrap();
    drop(store);
    drop(bench.open());
    assert_eq!(bench.wal_files().len(), 0);
    first.put_back();
    let listed = |bench: &Bench| bench.segment_files().len();
    assert_eq!(listed(&bench), 4, "the same events twice");
    let store = bench.open();
    assert_eq!((ids(&store, "shop"), listed(&bench)), (vec![0, 1, 2], 2));
    assert_eq!(store.health().damage, [""; 0]);
}

#[test]
fn a_segment_of_another_store_stays() {
    let (bench, other) = (flushed(), flushed());
    let dataset = bench.open().snapshot().datasets[0].id;
    let (own, taken) = (bench.data_dir(), SegmentId(40));
    // Its footer must say that number too, so let the other store get there.
    let store = other.open();
    for n in 0..39 {
        append(&store, "shop", 10 + n..11 + n).unwrap();
        store.flush().unwrap();
    }
    fs::copy(other.data_dir().segment(dataset, taken), own.segment(dataset, taken)).unwrap();
    fs::copy(other.data_dir().sums(dataset, taken), own.sums(dataset, taken)).unwrap();
    let store = bench.open();
    assert_eq!(store.health().damage.len(), 1);
    assert_eq!(ids(&store, "shop"), [0, 1, 2]);
    assert!(own.segment(dataset, taken).exists() && own.sums(dataset, taken).exists());
}

#[test]
fn the_log_of_a_dataset_that_an_old_catalog_does_not_know_stays() {
    let bench = Bench::new();
    append(&bench.open(), "shop", 0..3).unwrap();
    let old = Copies::of(&bench, &bench.data_dir().catalog());
    append(&bench.open(), "web", 3..5).unwrap();
    let newer = Copies::of(&bench, &bench.data_dir().catalog());
    old.put_back();
    let store = bench.open();
    assert_eq!(store.health().damage.len(), 1);
    assert_eq!(ids(&store, "shop"), [0, 1, 2]);
    store.flush().unwrap();
    drop(store);
    drop(bench.open());
    newer.put_back();
    assert_eq!(ids(&bench.open(), "web"), [3, 4]);
}

#[test]
fn what_was_merged_and_merged_again_goes() {
    let bench = Bench { upkeep: false, ..Bench::new() };
    let mut merged: Option<Copies> = None;
    for generation in 0..3 {
        let store = bench.open();
        for n in 0..4 {
            let from = generation * 40 + n * 10;
            append(&store, "shop", from..from + 10).unwrap();
            store.flush().unwrap();
        }
        store.compact().unwrap();
        let before = content(&store, "shop");
        assert_eq!((before.len() as i64, bench.segment_files().len()), (40 * (generation + 1), 3), "with a sidecar");
        drop(store);
        match &merged {
            None => merged = Some(Copies::of(&bench, &bench.data_dir().segments())),
            Some(first) => {
                // The process was killed before it could remove it.
                first.put_back();
                assert_eq!(bench.segment_files().len(), 6);
                let store = bench.open();
                assert_eq!((content(&store, "shop"), bench.segment_files().len()), (before, 3), "{generation}");
                assert_eq!(store.health().damage, [""; 0]);
            }
        }
    }
}
