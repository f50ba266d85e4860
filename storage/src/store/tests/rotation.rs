//! The log's current file is closed when somebody asks for it.

use super::*;
use crate::disk::Fault;

#[test]
fn what_was_rotated_and_flushed_is_trimmed() {
    let bench = Bench::new();
    let store = bench.open();
    append(&store, "shop", 0..3).unwrap();
    store.flush().unwrap();
    assert_eq!(bench.wal_files().len(), 1, "the current file stays");
    store.rotate_wal().unwrap();
    store.trim_wal();
    assert!(bench.wal_files().is_empty());
    append(&store, "shop", 3..4).unwrap();
    store.rotate_wal().unwrap();
    store.trim_wal();
    assert_eq!(bench.wal_files().len(), 1, "its events are in no segment");
    store.flush().unwrap();
    assert!(bench.wal_files().is_empty());
    drop(store);
    assert_eq!(ids(&bench.open(), "shop"), [0, 1, 2, 3]);
}

#[test]
fn rotation_without_a_file_does_nothing_and_after_closing_says_so() {
    let bench = Bench::new();
    let store = bench.open();
    store.rotate_wal().unwrap();
    assert!(bench.wal_files().is_empty());
    store.close();
    assert!(matches!(store.rotate_wal(), Err(StoreError::Closed)));
}

#[test]
fn a_rotation_that_fails_closes_the_file_all_the_same() {
    for step in [0, 1] {
        let bench = Bench::new();
        let store = bench.open();
        append(&store, "shop", 0..3).unwrap();
        bench.disk.fault(step, Fault::Torn);
        store.rotate_wal().unwrap();
        append(&store, "shop", 3..4).unwrap();
        assert_eq!(bench.wal_files().len(), 2);
        store.flush().unwrap();
        assert_eq!(bench.wal_files().len(), 1);
        drop(store);
        let store = bench.open();
        assert_eq!(ids(&store, "shop"), [0, 1, 2, 3]);
        assert_eq!(store.health().damage, [""; 0]);
    }
}

#[test]
fn a_file_that_cuts_another_goes_after_it() {
    let bench = Bench::new();
    let store = bench.open();
    append(&store, "web", 0..1).unwrap();
    // The write is complete, the fsync fails: the frame is there, and refused.
    bench.disk.fault(1, Fault::Error);
    store.append(vec![request("web", 1..2), request("shop", 2..3)]).unwrap_err();
    append(&store, "shop", 2..3).unwrap();
    store.rotate_wal().unwrap();
    let shop = store.inner.dataset_id(&name("shop")).unwrap();
    store.inner.flush(shop).unwrap();
    assert_eq!(bench.wal_files().len(), 2, "the second has nothing of its own left, but it cuts the first");
    append(&store, "web", 1..2).unwrap();
    let restarted = |bench: &Bench| {
        let store = bench.open();
        assert_eq!((ids(&store, "web"), ids(&store, "shop")), (vec![0, 1], vec![2]));
        assert_eq!(store.health().damage, [""; 0]);
        store
    };
    drop(store);
    drop(restarted(&bench));
    let store = restarted(&bench);
    store.flush().unwrap();
    wait_until("all are gone", || bench.wal_files().is_empty());
}
