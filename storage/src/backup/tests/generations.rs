//! Generations share what they have in common, and go one by one.

use super::*;

#[test]
fn only_what_is_new_is_copied() {
    let bench = Bench::new();
    let store = bench.open();
    fill(&store);
    let first = bench.backup();
    let segments = bench.files("segments");
    let again = bench.backup();
    assert_eq!((again.segments, again.segments_copied, again.generations), (first.segments, 0, 2));
    assert!(again.bytes_copied < again.bytes, "{again:?}");
    assert_eq!(bench.files("segments"), segments);
    store.flush().unwrap();
    let last = bench.backup();
    assert_eq!((last.segments_copied, last.wal_files), (2, 1), "{last:?}");
    assert_eq!(bench.restored(None), content(&store));
}

#[test]
fn each_generation_is_the_store_as_it_was_then() {
    let bench = Bench::new();
    let store = bench.open();
    let mut wanted = Vec::new();
    for part in 0..5 {
        append(&store, "shop", part * 10..part * 10 + 10);
        store.flush().unwrap();
        if part == 3 {
            store.compact().unwrap();
            append(&store, "web", 0..1);
        }
        if part == 4 {
            store.drop_dataset(store.dataset(&name("shop")).unwrap().id).unwrap();
        }
        wanted.push(content(&store));
        assert_eq!(bench.backup().generations, (part as u64 + 1).min(3));
    }
    for generation in [3, 4, 5] {
        assert_eq!(bench.restored(Some(generation)), wanted[generation as usize - 1], "{generation}");
    }
    for generation in [1, 2, 6] {
        let error = bench.try_restore(Some(generation), "restored").unwrap_err();
        assert!(error.to_string().contains("3, 4, 5"), "{error}");
    }
    let report = backup(&bench.data_dir(), &bench.backups(), 1, &real(), &*bench.clock, |_, _| ()).unwrap();
    assert_eq!((report.generation, report.generations), (6, 1));
    let left = bench.files("segments");
    assert!(
        left.iter().all(|path| path.parent().unwrap().ends_with("000002")),
        "what no generation has is gone: {left:?}"
    );
    assert_eq!(bench.restored(None), wanted[4]);
}

#[test]
fn a_generation_that_cannot_be_read_takes_no_segment_with_it() {
    let bench = Bench::new();
    let store = bench.open();
    fill(&store);
    bench.backup();
    let manifest = bench.backups().join("generations/00000001/manifest.json");
    let before = std::fs::read(&manifest).unwrap();
    flip(&manifest, 9);
    store.drop_dataset(store.dataset(&name("shop")).unwrap().id).unwrap();
    for _ in 0..4 {
        let report = bench.try_backup(real()).unwrap();
        assert!(report.problems[0].contains("00000001"), "{:?}", report.problems);
    }
    assert!(bench.verify()[0].contains("generation 1 cannot be restored"), "{:?}", bench.verify());
    assert!(matches!(bench.try_restore(Some(1), "restored"), Err(StoreError::Damaged { .. })));
    std::fs::write(manifest, before).unwrap();
    assert_eq!(ids(&bench.restored(Some(1)), "shop"), (0..50).collect::<Vec<_>>());
    bench.backup();
    assert!(bench.try_restore(Some(1), "restored").is_err(), "it has gone as any other");
}

#[test]
fn what_others_keep_beside_backups_is_left_alone() {
    let bench = Bench::new();
    let store = bench.open();
    fill(&store);
    bench.backup();
    let own =
        ["notes.txt", "segments/000001/notes.txt", "segments/000001/000000000001.parquet", "generations/notes.txt"];
    own.iter().for_each(|path| std::fs::write(bench.backups().join(path), "mine").unwrap());
    store.drop_dataset(store.dataset(&name("shop")).unwrap().id).unwrap();
    for _ in 0..4 {
        bench.backup();
    }
    for path in own {
        assert_eq!(std::fs::read(bench.backups().join(path)).unwrap(), b"mine", "{path}");
    }
}
