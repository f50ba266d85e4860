//! Directories that are not for backups, and not for stores.

use super::*;

#[test]
fn a_backup_is_kept_out_of_what_is_not_its_own() {
    let bench = Bench::new();
    let store = bench.open();
    fill(&store);
    let other = Bench::new();
    fill(&other.open());
    let to = |path: &Path| backup(&bench.data_dir(), path, 3, &real(), &*bench.clock, |_, _| ());
    let mut before = Vec::new();
    walk(other.data_dir().root(), &mut before);
    // Above all the directory of another store, whose segments nobody here lists.
    assert!(matches!(to(other.data_dir().root()), Err(StoreError::NotABackup { .. })));
    let mut after = Vec::new();
    walk(other.data_dir().root(), &mut after);
    assert_eq!(after, before);
    for inside in ["", "backups", "segments/x/y"] {
        assert!(matches!(to(&bench.data_dir().root().join(inside)), Err(StoreError::BackupInside { .. })), "{inside}");
    }
    other.backup();
    assert!(matches!(to(&other.backups()), Err(StoreError::BackupOfAnother { .. })));
    assert!(!other.restored(None).is_empty(), "that one is as it was");
    let nowhere = backup(&DataDir::new(bench.path("nowhere")), &bench.backups(), 3, &real(), &*bench.clock, |_, _| ());
    assert!(matches!(nowhere, Err(StoreError::CatalogMissing { .. })));
    assert!(!bench.backups().exists(), "nothing was begun");
}

#[test]
fn one_at_a_time() {
    let bench = Bench::new();
    fill(&bench.open());
    bench.backup();
    let lock = std::fs::File::open(bench.backups().join("lock")).unwrap();
    lock.lock().unwrap();
    assert!(matches!(bench.try_backup(real()), Err(StoreError::BackupLocked { .. })));
    assert!(matches!(bench.try_restore(None, "restored"), Err(StoreError::BackupLocked { .. })));
    lock.unlock().unwrap();
    lock.lock_shared().unwrap();
    assert!(matches!(bench.try_backup(real()), Err(StoreError::BackupLocked { .. })), "somebody is reading it");
    bench.restored(None);
}

#[test]
fn a_store_is_restored_into_nothing_only() {
    let bench = Bench::new();
    assert!(matches!(bench.try_restore(None, "restored"), Err(StoreError::NoBackup { .. })));
    let store = bench.open();
    fill(&store);
    bench.backup();
    std::fs::create_dir(bench.path("used")).unwrap();
    std::fs::write(bench.path("used").join("x"), "").unwrap();
    for used in ["used", "data"] {
        assert!(matches!(bench.try_restore(None, used), Err(StoreError::NotEmpty { .. })), "{used}");
    }
    std::fs::create_dir(bench.path("empty")).unwrap();
    bench.try_restore(None, "empty").unwrap();
    bench.try_restore(None, "new/and/deep").unwrap();
    assert!(matches!(bench.try_restore(None, "empty"), Err(StoreError::NotEmpty { .. })));
}

#[test]
fn a_manifest_leads_nowhere_else() {
    let bench = Bench::new();
    fill(&bench.open());
    bench.backup();
    let path = bench.backups().join("generations/00000001/manifest.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let line = text.lines().next().unwrap();
    for (from, to) in [
        ("\"path\":\"catalog.sqlite\"", "\"path\":\"../catalog.sqlite\""),
        ("\"path\":\"catalog.sqlite\"", "\"path\":\"/catalog.sqlite\""),
        ("\"stored\":\"segments/", "\"stored\":\"segments/../../"),
        ("\"format\":1", "\"format\":2"),
        ("\"generation\":1", "\"generation\":3"),
        ("\"path\":\"catalog.sqlite\"", "\"path\":\"katalog.sqlite\""),
    ] {
        let changed = line.replacen(from, to, 1);
        assert_ne!(changed, line);
        let sum = xxhash_rust::xxh3::xxh3_64(changed.as_bytes());
        std::fs::write(&path, format!("{changed}\n{sum:016x}\n")).unwrap();
        assert!(matches!(bench.try_restore(None, "restored"), Err(StoreError::Damaged { .. })), "{to}");
        assert!(!bench.path("restored").exists());
    }
}
