//! What is restored is what was there, to the last sequence, acknowledgement and policy.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::acknowledgement::{Once, Outcome};
use crate::upkeep::retain::Retention;

#[test]
fn a_running_store_is_restored_as_it_was() {
    let bench = Bench::new();
    let store = bench.open();
    fill(&store);
    let policy = Some(Retention { age_seconds_max: Some(86_400), bytes_max: None });
    store.set_retention(store.dataset(&name("web")).unwrap().id, policy).unwrap();
    append(&store, "gone", 0..5);
    store.drop_dataset(store.dataset(&name("gone")).unwrap().id).unwrap();
    append(&store, "gone", 7..8);
    let wanted = content(&store);
    let report = bench.backup();
    assert_eq!((report.generation, report.generations, report.segments), (1, 1, 5));
    assert_eq!((report.segments_copied, report.rounds), (5, 1));
    assert!(report.wal_files > 0 && report.bytes == report.bytes_copied, "{report:?}");
    append(&store, "shop", 100..101);
    assert_eq!(bench.restored(None), wanted);
    let (restored, _directory) = bench.restored_store(None);
    assert_eq!(restored.dataset(&name("web")).unwrap().retention, policy);
    assert_eq!(ids(&content(&restored), "gone"), [7], "what was dropped stays gone");
    append(&restored, "shop", 200..201);
    restored.flush().unwrap();
    assert!(content(&restored)["shop"].windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
}

#[test]
fn what_was_acknowledged_under_an_id_is_not_stored_again() {
    let bench = Bench::new();
    let store = bench.open();
    let outcome = Outcome { accepted: 1, rejected: 2, details: b"said".to_vec() };
    let batch = || vec![(name("shop"), testing::batch(&[event(START, &[("id", Value::Integer(1))])]))];
    let once = |store: &Store, id: &str| {
        let id = store.batch_id("somebody", &name("shop"), id, b"body");
        store.append_once(&id, batch(), outcome.clone()).unwrap()
    };
    assert!(matches!(once(&store, "a"), Once::Stored(_)));
    store.flush().unwrap();
    assert!(matches!(once(&store, "b"), Once::Stored(_)));
    bench.backup();
    let (restored, _directory) = bench.restored_store(None);
    for id in ["a", "b"] {
        assert!(matches!(once(&restored, id), Once::Repeated(told) if told == outcome), "{id}");
    }
    assert!(matches!(once(&restored, "c"), Once::Stored(_)));
}

#[test]
fn a_store_that_is_stopped_or_was_killed_is_saved_too() {
    let bench = Bench::new();
    let store = bench.open();
    fill(&store);
    let wanted = content(&store);
    // As a killed process leaves it: SQLite's own log is there.
    let killed = bench.path("killed");
    let mut files = Vec::new();
    walk(bench.data_dir().root(), &mut files);
    for file in files {
        let to = killed.join(file.strip_prefix(bench.data_dir().root()).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(&file, to).unwrap();
    }
    assert!(killed.join("catalog.sqlite-wal").metadata().unwrap().len() > 0);
    drop(store);
    bench.backup();
    assert_eq!(bench.restored(None), wanted);
    std::fs::rename(bench.data_dir().root(), bench.path("stopped")).unwrap();
    std::fs::rename(killed, bench.data_dir().root()).unwrap();
    bench.backup();
    assert_eq!(bench.restored(Some(2)), wanted);
}

#[test]
fn what_people_keep_is_saved_for_its_owner_alone() {
    let bench = Bench::new();
    fill(&bench.open());
    let keys = rusqlite::Connection::open(bench.data_dir().workspace()).unwrap();
    keys.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE keys (name TEXT); INSERT INTO keys VALUES ('deploy')")
        .unwrap();
    bench.backup();
    let (_store, directory) = bench.restored_store(None);
    let restored = DataDir::new(directory.path()).workspace();
    let read = |path: &Path| -> String {
        rusqlite::Connection::open(path).unwrap().query_row("SELECT name FROM keys", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(read(&restored), "deploy");
    let stored = bench.files("generations").into_iter().find(|path| path.ends_with("workspace.sqlite")).unwrap();
    for path in [restored, stored] {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
}

#[test]
fn a_workspace_that_cannot_be_read_keeps_no_event_from_being_saved() {
    let bench = Bench::new();
    let store = bench.open();
    fill(&store);
    std::fs::write(bench.data_dir().workspace(), "no database at all, but longer than a header of one is").unwrap();
    let report = bench.try_backup(real()).unwrap();
    assert!(report.problems.len() == 1 && report.problems[0].contains("workspace.sqlite"), "{:?}", report.problems);
    assert_eq!(bench.try_restore(None, "restored").unwrap().problems.len(), 1);
    assert_eq!(content(&bench.open_at(DataDir::new(bench.path("restored"))).unwrap()), content(&store));
}

#[test]
fn an_empty_store_is_a_store() {
    let bench = Bench::new();
    let _store = bench.open();
    assert_eq!(bench.backup().segments, 0);
    assert_eq!(bench.restored(None), Content::new());
}
